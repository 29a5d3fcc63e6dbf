"""KM725: load_weights() by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched
from targets import TARGETS

from kerasmigrate.pipeline import Pipeline

OLD = (
    "from keras import layers, models\n\nlayers.Dense(output_dim=1)\nmodel = models.Sequential()\n"
)
NEW = {
    "keras": OLD.replace("output_dim", "units"),
    "tf.keras": OLD.replace("output_dim", "units").replace("from keras", "from tensorflow.keras"),
    "tf_keras": OLD.replace("output_dim", "units").replace("from keras", "from tf_keras"),
}


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.load_weights(p, True)\n", "model.load_weights(p, by_name=True)\n"),
        (
            "model.load_weights(\n    p,\n    True,  # some\n)\n",
            "model.load_weights(\n    p,\n    by_name=True,  # some\n)\n",
        ),
        (
            "model.load_weights(p, True, True)\n",
            "model.load_weights(p, by_name=True, skip_mismatch=True)\n",
        ),
        (
            "def f(model):\n    model.load_weights(p, True)\n",
            "def f(model):\n    model.load_weights(p, by_name=True)\n",
        ),
    ],
)
def test_the_second_argument_gets_its_name(before: str, after: str, to: str) -> None:
    check(OLD + before, NEW[to] + after, to=to)


@pytest.mark.parametrize(
    "code",
    [
        "model.load_weights(p)\n",
        "model.load_weights(p, False)\n",
        "model.load_weights(p, by_name=True)\n",
        "model.load_weights(p, by_name)\n",
        "model.load_weights(*p)\n",
        "agent.load_weights(p, True)\n",
        "model.load(p, True)\n",
    ],
)
def test_other_calls_stay(code: str) -> None:
    text = Pipeline.to("keras").run(OLD + code)
    assert text.text == NEW["keras"] + code
    assert "KM725" not in [each.code for each in text.findings]


def test_code_that_may_have_the_order_of_today_is_reported() -> None:
    code = "from tensorflow import keras\n\nmodel = keras.Sequential()\nmodel.fit_generator(g)\n"
    code += "model.load_weights(p, True)\n"
    result = Pipeline.to("tf.keras").run(code)
    assert result.text == code.replace("_generator", "")
    (finding,) = [each for each in result.findings if each.code == "KM725"]
    assert (finding.fixed, finding.advice) == (False, "give it by name")


@pytest.mark.parametrize("to", TARGETS)
def test_code_for_the_target_stays(to: str) -> None:
    untouched(NEW[to] + "model.load_weights(p, True)\n", to=to, codes=[])


PROGRAM = """\
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

def build(*names):
    return Sequential([Dense(output_dim=2, input_dim=2, name=name) for name in names])

build("a", "b").SAVE
model = build("b", "c")
before = model.get_layer("c").get_weights()[0]
model.load_weights("w.h5", True)
print(np.array_equal(before, model.get_layer("c").get_weights()[0]))
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("to", "save"), [("keras", "save('w.h5')"), ("tf_keras", "save_weights('w.h5')")]
)
def test_weights_are_read_by_name(to: str, save: str, tmp_path: Path) -> None:
    def run(text: str) -> str:
        done = subprocess.run(
            (sys.executable, "-c", text.replace("SAVE", save)),
            cwd=tmp_path,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        return (done.stdout or done.stderr).strip().splitlines()[-1]

    text = Pipeline.to(to).run(PROGRAM).text
    assert run(text) == "True"
    wrong = run(text.replace("by_name=True", "True"))
    assert wrong == "False" if to == "keras" else "skip_mismatch can only be set" in wrong
