"""KM242: ModelCheckpoint(period=n)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched
from targets import ROOT

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transform import Settings

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
CLASS = '''

class PeriodicCheckpoint({base}):
    """Save a model every few epochs, as ModelCheckpoint(period=...) of Keras 2 did."""

    def __init__(self, *args, period=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.period = period
        self.epochs_since_last_save = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save >= self.period:
            self.epochs_since_last_save = 0
            super().on_epoch_end(epoch, logs)


'''


def head(to: str) -> str:
    return f"from {ROOT[to][1]}.callbacks import ModelCheckpoint\n"


@KERAS_3
@pytest.mark.parametrize(
    "args",
    [
        "'m.keras', period=5",
        "'m.keras', period=every",
        "'m.keras', period=2 * every",
        "'m.keras', 'val_loss', 1, True, period=2, mode='min'",
        "\n    'm.keras',  # where\n    period=5,  # when\n",
    ],
)
def test_a_class_of_the_file_knows_the_period(args: str, to: str) -> None:
    check(
        f"{head(to)}\nc = ModelCheckpoint({args})\n",
        f"{head(to)}{CLASS.format(base='ModelCheckpoint')}c = PeriodicCheckpoint({args})\n",
        to=to,
        codes=["KM242"],
    )


def test_one_class_serves_all_calls() -> None:
    check(
        "import keras\nimport os\n\n"
        "a = keras.callbacks.ModelCheckpoint('a.keras', period=5)\n"
        "b = keras.callbacks.ModelCheckpoint('b.keras')\n"
        "c = keras.callbacks.ModelCheckpoint('c.keras', period=2)\n",
        f"import keras\nimport os\n{CLASS.format(base='keras.callbacks.ModelCheckpoint')}"
        "a = PeriodicCheckpoint('a.keras', period=5)\n"
        "b = keras.callbacks.ModelCheckpoint('b.keras')\n"
        "c = PeriodicCheckpoint('c.keras', period=2)\n",
        to="keras",
        codes=["KM242", "KM242"],
    )


def test_the_name_of_the_file_changes_as_ever() -> None:
    args = "save_weights_only=True, period=5"
    check(
        f"{head('keras')}\nc = ModelCheckpoint('w{{epoch}}.h5', {args})\n",
        f"{head('keras')}{CLASS.format(base='ModelCheckpoint')}"
        f"c = PeriodicCheckpoint('w{{epoch}}.weights.h5', {args})\n",
        to="keras",
        codes=["KM242", "KM710"],
    )


def test_a_name_that_is_taken() -> None:
    after = CLASS.format(base="ModelCheckpoint").replace("class P", "class keras_P")
    check(
        f"{head('keras')}\nPeriodicCheckpoint = None\nc = ModelCheckpoint('m.keras', period=5)\n",
        f"{head('keras')}{after}PeriodicCheckpoint = None\n"
        "c = keras_PeriodicCheckpoint('m.keras', period=5)\n",
        to="keras",
        codes=["KM242"],
    )


@KERAS_3
@pytest.mark.parametrize(
    ("call", "codes"),
    [
        ("ModelCheckpoint('m.keras')", []),
        ("ModelCheckpoint('m.keras', save_freq=5)", []),
        ("ModelCheckpoint('m.keras', **options)", []),
        ("ModelCheckpoint('m.keras', save_freq='epoch', period=5)", ["KM203"]),
        ("ModelCheckpoint('m.keras', period=5, **options)", ["KM203"]),
        ("mine.ModelCheckpoint('m.keras', period=5)", []),
        ("Recorder('m.keras', period=5)", []),
        ("functools.partial(ModelCheckpoint, 'm.keras', period=5)", []),
    ],
)
def test_other_calls_stay(call: str, codes: list[str], to: str) -> None:
    untouched(f"{head(to)}\nc = {call}\n", to=to, codes=codes)


def test_a_subclass_is_told_what_its_base_lacks() -> None:
    code = (
        f"{head('keras')}\n\nclass Saver(ModelCheckpoint):\n    def __init__(self, path):\n"
        "        super().__init__(path, period=5)\n"
    )
    untouched(code, to="keras", codes=["KM203"])


def test_keras_2_knows_the_period() -> None:
    code = f"{head('tf_keras')}\nc = ModelCheckpoint('m.keras', period=5)\n"
    untouched(code, to="tf_keras", codes=[])


def test_an_import_that_need_not_run_is_no_place_for_a_class() -> None:
    code = f"def f():\n    {head('keras')}\n    return ModelCheckpoint('m.keras', period=5)\n"
    untouched(code, to="keras", codes=["KM203"])


def test_without_the_rule_the_argument_is_reported() -> None:
    code = f"{head('keras')}\nc = ModelCheckpoint('m.keras', period=5)\n"
    untouched(code, to="keras", codes=["KM203"], settings=Settings(ignore=frozenset({"KM242"})))


PROGRAM = """\
import os
import sys
import numpy as np
import tf_keras as keras
from tf_keras import layers
from tf_keras.callbacks import ModelCheckpoint

x = np.zeros((4, 2))
for period in (2, 3, 4):
    model = keras.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile('sgd', 'mse')
    folder = f'{sys.argv[1]}/{period}'
    os.makedirs(folder)
    saver = ModelCheckpoint(folder + '/{epoch:02d}.keras', period=period, monitor='loss')
    model.fit(x, x[:, :1], epochs=7, verbose=0, callbacks=[saver])
    model.fit(x, x[:, :1], epochs=12, initial_epoch=7, verbose=0, callbacks=[saver])
    print(sorted(os.listdir(folder)))
"""


@pytest.mark.tensorflow
def test_it_saves_in_the_epochs_of_keras_2(tmp_path: Path) -> None:
    printed = []
    for name, text in (("old", PROGRAM), ("new", Pipeline.to("keras").run(PROGRAM).text)):
        (tmp_path / f"{name}.py").write_text(text)
        done = subprocess.run(
            (sys.executable, f"{name}.py", name),
            cwd=tmp_path,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert "PeriodicCheckpoint" in (tmp_path / "new.py").read_text()
    assert printed[0] == printed[1]
    first, _, last = printed[0].splitlines()
    assert first == str([f"{epoch:02d}.keras" for epoch in (2, 4, 6, 8, 10, 12)])
    assert last == str([f"{epoch:02d}.keras" for epoch in (4, 8, 12)])
