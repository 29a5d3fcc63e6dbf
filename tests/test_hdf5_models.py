"""KM718 and KM719: models that Keras 3 writes to HDF5 and does not read back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings
from kerasmigrate.transforms.hdf5_models import LONG

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
HEAD = {
    "keras": "from keras import callbacks, models\n",
    "tf.keras": "from tensorflow.keras import callbacks, models\n",
    "tf_keras": "from tf_keras import callbacks, models\n",
}
MODEL = "\nmodel = models.Sequential()\n"
LOAD = "models.load_model('m.h5')\n"


def changes(before: str, after: str, *codes: str, to: str = "keras") -> None:
    head = HEAD[to] + MODEL
    check(head + before, head + after, to=to, codes=codes)


def stays(code: str, *codes: str, to: str = "keras") -> None:
    untouched(HEAD[to] + MODEL + code, to=to, codes=codes)


@KERAS_3
@pytest.mark.parametrize(("old", "new"), LONG.items())
def test_a_loss_gets_its_long_name(old: str, new: str, to: str) -> None:
    code = "model.compile('sgd', {0!r})\n" + LOAD
    changes(code.format(old), code.format(new), "KM718", to=to)


@pytest.mark.parametrize(
    "code",
    [
        "model.compile(loss={}, optimizer='sgd', metrics=['mse'])\n" + LOAD,
        "model.compile(  # here\n    'sgd',\n    loss={},  # there\n)\n" + LOAD,
        "model.compile('sgd', loss=['hinge', {}])\n" + LOAD,
        "model.compile('sgd', loss=dict(a={}))\n" + LOAD,
        "model.compile('sgd', loss={{'mse': {}}})\n" + LOAD,
        "model.compile('sgd', loss={} if a else 'hinge')\n" + LOAD,
        "LOSS = {}\nmodel.compile('sgd', loss=LOSS)\n" + LOAD,
        "loss = {{'a': 'hinge'}}\nif b:\n    loss[b] = {}\nmodel.compile('sgd', loss)\n" + LOAD,
        "def f(loss={}):\n    model.compile('sgd', loss)\n    " + LOAD,
        "model.compile('sgd', {})\nmodel.save('out/m.hdf5')\n",
        "P = 'm.h5'\nmodel.compile('sgd', {})\nmodels.save_model(model, P)\n",
        "model.compile('sgd', {})\nc = callbacks.ModelCheckpoint(d + '{{epoch}}.h5')\n",
        "model.compile('sgd', {})\nmodel.save('m.h5')\nmodels.load_model(path)\n",
    ],
)
def test_a_loss_is_found_wherever_it_is_written(code: str) -> None:
    changes(code.format("'mse'"), code.format("'mean_squared_error'"), "KM718")


@pytest.mark.parametrize(
    "code",
    [
        "model.compile('sgd', 'mse')\n",
        "model.compile('sgd', 'mean_squared_error')\n" + LOAD,
        "model.compile('sgd', 'hinge', metrics=['mse', 'mae'])\n" + LOAD,
        "model.compile('sgd', 'mse')\nmodel.save('m.keras')\nmodels.load_model('m.keras')\n",
        "model.compile('sgd', 'mse')\nmodel.save_weights('m.weights.h5')\n",
        "model.compile('sgd', 'mse')\n"
        "c = callbacks.ModelCheckpoint('m.weights.h5', save_weights_only=True)\n",
        "model.compile('sgd', 'mse')\nmodels.load_model('m.h5', compile=False)\n",
        "loss = 'mse'\nmodel.compile('sgd', loss)\nprint(loss)\n" + LOAD,
        "def f(loss):\n    model.compile('sgd', loss)\n\n\nf('mse')\n" + LOAD,
        "model.compile('sgd', **{'loss': 'mse'})\n" + LOAD,
        "import re\nre.compile('sgd', 'mse')\n" + LOAD,
        "model.compile('sgd', 'mse')  # kerasmigrate: ignore[KM718]\n" + LOAD,
    ],
)
def test_other_losses_stay(code: str) -> None:
    stays(code)


@pytest.mark.parametrize("code", ["model.compile('sgd', 'mse')\n" + LOAD])
def test_keras_2_reads_it_back(code: str) -> None:
    stays(code, to="tf_keras")


def test_code_for_keras_3_that_loads_nothing_stays() -> None:
    head = "import keras\n\nmodel = keras.Sequential()\n"
    code = "model.compile('sgd', 'mse')\nmodel.save('m.h5')\nx = keras.ops.ones(3)\n"
    untouched(head + code, to="keras", codes=[])


BUILD = (
    "from keras.models import Sequential\n\n\ndef build():\n    model = Sequential()\n"
    "    model.compile('sgd', 'mse')\n    return model\n"
)


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        ("from build import build\n\nbuild().save('m.h5')\n", True),
        ("import keras\n\nkeras.models.load_model('m.h5')\n", False),
        ("from build import build\n\nbuild().save('m.keras')\n", False),
    ],
)
def test_files_that_share_a_model(tmp_path: Path, other: str, changed: bool) -> None:
    (tmp_path / "build.py").write_text(BUILD)
    (tmp_path / "other.py").write_text(other)
    view = Project(tmp_path, sorted(tmp_path.glob("*.py"))).view(tmp_path / "build.py")
    after = BUILD.replace("'mse'", "'mean_squared_error'") if changed else BUILD
    check(BUILD, after, to="keras", codes=["KM718"] if changed else [], view=view)


def test_files_that_only_use_the_same_third_one_share_nothing(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text("import keras\n")
    mine = "import layers\n" + BUILD
    (tmp_path / "build.py").write_text(mine)
    (tmp_path / "other.py").write_text(
        "import keras\nimport layers\n\nkeras.models.load_model('m.h5')\n"
    )
    view = Project(tmp_path, sorted(tmp_path.glob("*.py"))).view(tmp_path / "build.py")
    untouched(mine, to="keras", codes=[], view=view)


MASKED = (
    "import os\nimport tempfile\nfrom keras.layers import LSTM, Input, Masking\n"
    "from keras.models import Model, load_model\n\n\n"
    "def build():\n    x = Input((4, 3))\n    return Model(x, LSTM(2)(Masking()(x)))\n\n\n"
)
UNMASKED = MASKED.replace("Masking()(x)", "x").replace(", Masking", "")


def _lines(*lines: str) -> str:
    return "def test(d, tmp_path):\n" + "".join(f"    {line}\n" for line in lines)


SAVED = ("model = build()", "model.save(path)", "model = load_model(path)")
TEMPORARY = (
    "path = os.path.join(tempfile.gettempdir(), 'm_%f{}' % d)",
    "path = os.path.join(tempfile.mkdtemp(), 'm{}')",
    "path = str(tmp_path / 'm{}')",
    "path = f'{{tempfile.gettempdir()}}/m{}'",
    "path = 'm{}'",
)


@pytest.mark.parametrize("suffix", [".h5", ".hdf5"])
@pytest.mark.parametrize("path", TEMPORARY)
def test_a_file_that_one_function_writes_and_reads(path: str, suffix: str) -> None:
    code = MASKED + _lines(path, *SAVED)
    check(code.format(suffix), code.format(".keras"), to="keras", codes=["KM719"])


@pytest.mark.parametrize(
    "code",
    [
        _lines("path = d + '_%d{}' % 3", *SAVED, "if os.path.exists(path):", "    os.remove(path)"),
        _lines(TEMPORARY[1], "model = d.make()", *SAVED[1:]),
        _lines("model = build()", "model.save('m{0}')", "model = load_model('m{0}')"),
    ],
)
def test_other_ways_to_write_it(code: str) -> None:
    count = code.count("{0}") or 1
    check(
        MASKED + code.format(".h5"),
        MASKED + code.format(".keras"),
        to="keras",
        codes=["KM719"] * count,
    )


@pytest.mark.parametrize(
    "code",
    [
        _lines("path = os.path.join(d, 'm_%d.h5' % 3)", *SAVED),
        _lines("path = os.path.join(tempfile.mkdtemp(), 'm.h5')", *SAVED, "upload(path)"),
        _lines("path = os.path.join(tempfile.mkdtemp(), 'm.h5')", "os.save(path)", SAVED[2]),
        _lines("path = 'm.h5'", *SAVED) + "\n\nFILES = ['m.h5']\n",
        _lines("path = 'm.h5'", *SAVED) + "\n\ndef other():\n    return load_model('m.h5')\n",
        "model = build()\nmodel.save('m.h5')\nload_model('m.h5')\n",
        "def write():\n    build().save('m.h5')\n",
    ],
)
def test_a_file_that_others_may_know_is_reported(code: str) -> None:
    findings = untouched(MASKED + code, to="keras")
    assert {each.code for each in findings} == {"KM719"}
    assert all("NotEqual" in each.message and ".keras" in each.advice for each in findings)


@pytest.mark.parametrize(
    "code",
    [
        UNMASKED + _lines(TEMPORARY[0].format(".h5"), *SAVED),
        UNMASKED + "build().save('m.h5')\nload_model('m.h5')\n",
        MASKED + _lines(TEMPORARY[0].format(".keras"), *SAVED),
        MASKED.replace("Model", "Sequential").replace("(x, ", "(") + "build().save('m.h5')\n"
        "load_model('m.h5')\n",
        MASKED + "build().save_weights('m.weights.h5')\n",
        MASKED + "def read():\n    return load_model('m.h5')\n",
    ],
)
def test_files_without_a_mask_stay(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_keras_2_reads_a_mask_back() -> None:
    code = MASKED.replace("keras", "tf_keras") + _lines(TEMPORARY[0].format(".h5"), *SAVED)
    untouched(code, to="tf_keras", codes=[])


TRAINED = "again = models.load_model('m.h5')\nagain.fit(x, y)\n"


@KERAS_3
def test_training_goes_on_after_loading(to: str) -> None:
    (finding,) = untouched(HEAD[to] + MODEL + TRAINED, to=to, codes=["KM719"])
    assert "Unknown variable" in finding.message
    assert "compile=False" in finding.advice


def test_training_goes_on_in_a_class() -> None:
    stays(
        "class A:\n    def __init__(self):\n        self.m = models.load_model('m.h5')\n\n"
        "    def f(self):\n        self.m.train_on_batch(x, y)\n",
        "KM719",
    )


def test_a_test_that_trains_what_it_loads_uses_another_format() -> None:
    code = _lines(
        "path = os.path.join(tempfile.mkdtemp(), 'm{}')",
        "model = build()",
        "model.save(path)",
        "again = load_model(path)",
        "again.fit(d, d)",
    )
    check(
        UNMASKED + code.format(".h5"), UNMASKED + code.format(".keras"), to="keras", codes=["KM719"]
    )


@pytest.mark.parametrize(
    "code",
    [
        "again = models.load_model('m.h5')\nagain.predict(x)\n",
        "again = models.load_model('m.h5')\nagain.compile('sgd', 'hinge')\nagain.fit(x, y)\n",
        "again = models.load_model('m.h5', compile=False)\nagain.fit(x, y)\n",
        "again = models.load_model('m.keras')\nagain.fit(x, y)\n",
        "again = models.load_model(path)\nagain.fit(x, y)\n",
        "again = models.load_model('m.h5')\nagain = other()\nagain.fit(x, y)\n",
        "def f():\n    again = models.load_model('m.h5')\n\n\ndef g(again):\n    again.fit(x, y)\n",
    ],
)
def test_other_trainings_stay(code: str) -> None:
    stays(code)


def test_training_after_loading_in_keras_2() -> None:
    stays(TRAINED, to="tf_keras")


PROGRAM = """\
import os
import sys
import tempfile
import numpy as np
from keras.layers import LSTM, Dense, Input, Masking
from keras.models import Model, Sequential, load_model

x = np.ones((8, 3), "float32")


def losses():
    for loss in LOSSES:
        model = Sequential([Dense(3, activation="softmax", input_shape=(3,))])
        LOSS
        model.save("losses.h5")
        assert np.isfinite(load_model("losses.h5").evaluate(x, x, verbose=0))


def mask():
    path = os.path.join(tempfile.mkdtemp(), "m.h5")
    i = Input((4, 3))
    model = Model(i, LSTM(2)(Masking()(i)))
    model.save(path)
    again = load_model(path)
    z = np.ones((2, 4, 3))
    assert np.allclose(model.predict(z, verbose=0), again.predict(z, verbose=0))


def train():
    path = os.path.join(tempfile.mkdtemp(), "m.h5")
    model = Sequential([Dense(3, input_shape=(3,))])
    model.compile("sgd", "hinge")
    model.fit(x, x, verbose=0)
    model.save(path)
    again = load_model(path)
    again.fit(x, x, verbose=0)


for name in ("losses", "mask", "train"):
    try:
        globals()[name]()
        print(name, "runs")
    except Exception as error:
        print(name, type(error).__name__, str(error).splitlines()[0][:60])
"""


@pytest.mark.tensorflow
def test_what_is_migrated_runs_and_what_was_there_does_not(tmp_path: Path) -> None:
    compiled = "\n        ".join(
        f"if loss == {name!r}: model.compile('sgd', {name!r})" for name in LONG
    )
    program = PROGRAM.replace("LOSSES", repr(tuple(LONG))).replace("LOSS\n", compiled + "\n")

    def run(ignored: frozenset[str]) -> list[str]:
        settings = Settings(ignore=ignored)
        (tmp_path / "run.py").write_text(Pipeline.to("keras", settings=settings).run(program).text)
        done = subprocess.run(
            (sys.executable, "run.py"),
            cwd=tmp_path,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert run(frozenset()) == ["losses runs", "mask runs", "train runs"]
    assert run(frozenset(("KM718", "KM719"))) == [
        "losses ValueError Could not deserialize 'keras.metrics.mse' because it is not ",
        "mask ValueError Unknown layer: 'NotEqual'. Please ensure you are using a `ke",
        "train ValueError Unknown variable: <Variable path=sequential_1/dense_1/kernel",
    ]
