"""Old defaults against real old Keras: the same weights, the same data, the same numbers.

Each case runs as it was on an old Keras, and migrated on the Keras of today, which gets the weights
of the old model. The same code migrated with --modern-defaults is the control: it must differ.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from originals import run_original

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

LAYER_HEAD = """
from keras.models import Sequential
from keras.layers import Activation, Bidirectional, ConvLSTM2D, Dense, GRU, LSTM, Reshape
from keras.regularizers import {regularizer}

model = Sequential()
"""
TRAIN_HEAD = """
from keras.models import Sequential
from keras.layers import Dense
from keras import optimizers

model = Sequential()
model.add(Dense({units}=1, input_dim=3, {init}='one'))
"""
PREDICT = "results['out'] = model.predict(data)\n"
PENALTY = (
    "model.compile('sgd', 'mse')\nresults['out'] = [model.evaluate(data, labels, verbose=0)]\n"
)
TRAIN = (
    "model.fit(data, labels, {epochs}=5, batch_size=8, shuffle=False, verbose=0)\n"
    "results['out'] = model.get_weights()[0]\n"
)
EPOCHS = "results['out'] = [len(model.fit(data, labels, verbose=0).epoch)]\n"


@dataclass(frozen=True)
class Case:
    """One model, written for one old Keras.

    Attributes:
        version: That Keras.
        code: What stands behind the head of its kind.
        kind: ``layer``, ``penalty``, ``train`` or ``epochs``.
        gates: Order of the gates in separate arrays, and the order in which they are joined now.
        close: Relative difference that is allowed for.
    """

    version: str
    code: str
    kind: str = "layer"
    gates: tuple[str, str] = ("", "")
    close: float = 1e-5

    @property
    def first(self) -> bool:
        """Whether it is for Keras 1."""
        return self.version.startswith("1.")

    @property
    def text(self) -> str:
        """The module up to the model."""
        units, init = ("output_dim", "init") if self.first else ("units", "kernel_initializer")
        if self.kind in ("layer", "penalty"):
            head = LAYER_HEAD.format(regularizer="l1l2" if self.first else "l1_l2")
            return head + "model.add(" + self.code + ")\n"
        return TRAIN_HEAD.format(units=units, init=init) + f"model.compile({self.code}, 'mse')\n"

    @property
    def rest(self) -> str:
        """What is run with the model."""
        epochs = "nb_epoch" if self.first else "epochs"
        return {
            "layer": PREDICT,
            "penalty": PENALTY,
            "train": TRAIN.format(epochs=epochs),
            "epochs": EPOCHS,
        }[self.kind]


LSTM = ("icfo", "ifco")
GRU = ("zrh", "zrh")
SHAPE_1, SHAPE_2 = "input_dim=3, input_length=5", "input_shape=(5, 3)"
CONVOLUTION = "Reshape((5, 3, 1, 1), input_shape=(5, 3)))\nmodel.add(ConvLSTM2D(2, (1, 1))"
CASES = (
    Case("1.2.2", f"LSTM(output_dim=4, {SHAPE_1})", gates=LSTM),
    Case("1.2.2", f"GRU(output_dim=4, {SHAPE_1})", gates=GRU),
    Case("1.2.2", f"Bidirectional(LSTM(output_dim=4, {SHAPE_1}), {SHAPE_2})", gates=LSTM),
    Case("1.2.2", f"Activation('hard_sigmoid', {SHAPE_2})"),
    Case("2.0.9", f"LSTM(units=4, {SHAPE_2})"),
    Case("2.2.4", f"Bidirectional(GRU(4), {SHAPE_2})"),
    Case("2.3.1", f"GRU(4, {SHAPE_2})"),
    Case("2.3.1", f"Activation('hard_sigmoid', {SHAPE_2})"),
    Case("2.2.4", CONVOLUTION),
    Case("1.2.2", "Dense(output_dim=1, W_regularizer=l1l2(), input_dim=3)", "penalty"),
    Case("2.2.4", "Dense(1, kernel_regularizer=l1_l2(l1=0.1), input_dim=3)", "penalty"),
    Case("1.2.2", "'adadelta'", "train"),
    Case("1.2.2", "optimizers.Adagrad()", "train"),
    Case("2.2.4", "'adagrad'", "train"),
    Case("1.2.2", "optimizers.Adamax()", "train"),
    Case("2.2.4", "'adamax'", "train"),
    Case("1.2.2", "optimizers.Nadam()", "train", close=1e-3),  # its formula changed a little
    Case("1.2.2", "'sgd'", "epochs"),
    Case("2.0.9", "'sgd'", "epochs"),
)

WORKER = r"""
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import keras, tf_keras

answers = []
for case in json.load(sys.stdin):
    keras.utils.clear_session()
    results = {}
    names = {"results": results, "np": np, "__name__": "migrated"}
    for name in ("data", "labels"):
        names[name] = np.array(case[name], "float32")
    try:
        exec(case["text"], names)
        model = names["model"]
        if not model.built:
            model.build((None, *names["data"].shape[1:]))
        model.set_weights([np.array(each, "float32") for each in case["weights"]])
        exec(case["rest"], names)
        out = np.asarray(results["out"], "float64").tolist()
        if "model.predict" in case["rest"] and "tf_keras" not in case["text"]:
            model.save("model.keras")
            again = keras.saving.load_model("model.keras")
            assert np.allclose(again.predict(names["data"], verbose=0), results["out"])
        answers.append({"out": out})
    except Exception as error:
        answers.append({"error": f"{type(error).__name__}: {error}"[:400]})
print("ANSWERS" + json.dumps(answers))
"""


def joined(weights: list[Any], gates: tuple[str, str]) -> list[Any]:
    """Join the arrays that Keras 1 had for each gate: W, U and b of each in turn."""
    old, new = gates
    if not old:
        return weights
    size = 3 * len(old)
    result: list[Any] = []
    for start in range(0, len(weights), size):
        each = weights[start : start + size]
        for part in range(3):
            arrays = [each[3 * old.index(gate) + part] for gate in new]
            result.append(np.concatenate(arrays, axis=-1))
    return result


def migrated(case: Case, to: str, folder: Path, *, modern: bool) -> str:
    place = folder / case.version
    place.mkdir(exist_ok=True)
    (place / "requirements.txt").write_text(f"keras=={case.version}\n", encoding="utf-8")
    view = Project(place, ()).view(place / "train.py")
    return (
        Pipeline.to(to, settings=Settings(modern_defaults=modern))
        .run(case.text + case.rest, view)
        .text
    )


def inputs(case: Case) -> tuple[Any, Any]:
    random = np.random.RandomState(3)
    data = random.normal(0, 2, (8, 5, 3) if case.kind == "layer" else (8, 3)).astype("float32")
    return data, data.reshape(8, -1)[:, :1].copy() * 3 - 1


def test_old_defaults_give_the_old_numbers(tmp_path: Path) -> None:
    wanted, asked = [], []
    for case in CASES:
        data, labels = inputs(case)
        code = f"{case.text}\nresults['before'] = model.get_weights()\n{case.rest}"
        got = run_original(case.version, code, data=data, labels=labels)
        weights = joined(got["before"], case.gates)
        for to in ("keras", "tf_keras"):
            for modern in (False, True) if to == "keras" else (False,):
                text = migrated(case, to, tmp_path, modern=modern)
                begin = {"train": "model.fit(", "penalty": "model.compile("}
                place = text.rindex(begin.get(case.kind, "results['out']"))
                head, rest = text[:place], text[place:]
                wanted.append((case, to, modern, np.asarray(got["out"], "float64")))
                asked.append(
                    {
                        "text": head,
                        "rest": rest,
                        "data": data.tolist(),
                        "labels": labels.tolist(),
                        "weights": [np.asarray(each).tolist() for each in weights],
                    }
                )
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
    )
    assert "ANSWERS" in done.stdout, done.stderr[-2000:]
    answers = json.loads(done.stdout.rpartition("ANSWERS")[2])
    wrong = []
    same_as_modern = set()
    for (case, to, modern, out), answer in zip(wanted, answers, strict=True):
        off = float(np.abs(out - np.asarray(answer["out"])).max()) if "out" in answer else answer
        allowed = case.close * max(1.0, float(np.abs(out).max()))
        if modern:
            if isinstance(off, float) and off <= allowed:
                same_as_modern.add((case.version, case.code, to))
        elif not isinstance(off, float) or off > allowed:
            wrong.append((case.version, case.code, to, off))
    assert wrong == []
    assert same_as_modern == SAME_ANYWAY


#: The code names the function, which --modern-defaults leaves to KM610.
SAME_ANYWAY = {
    ("1.2.2", f"Activation('hard_sigmoid', {SHAPE_2})", "keras"),
    ("2.3.1", f"Activation('hard_sigmoid', {SHAPE_2})", "keras"),
}
