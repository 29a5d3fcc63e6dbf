"""What a file was written for."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from migrating import check

from kerasmigrate.eras import (
    Era,
    era,
    is_keras_1_only,
    is_keras_3,
    is_keras_3_only,
    vocabulary,
)
from kerasmigrate.names import Names
from kerasmigrate.project import Project


def told(code: str, project: Project | None = None) -> Era:
    project = project or Project(Path())
    return era(Names(cst.parse_module(code), project.view(None)))


@pytest.mark.parametrize(
    "code",
    [
        "from keras.layers import Dense\nDense(output_dim=4)\n",
        "from keras.layers import MaxPooling2D\nMaxPooling2D(border_mode='same')\n",
        "from keras.layers import Convolution2D\n\nx = Convolution2D\n",
        "import keras\nkeras.layers.Convolution2D\n",
        "import keras\nmodel.fit(x, nb_epoch=3)\n",
        "import keras\nself.model.fit_generator(g, samples_per_epoch=3)\n",
        "from keras import initializations\ninitializations.get('x')\n",
    ],
)
def test_keras_1(code: str) -> None:
    assert told(code) is Era.KERAS_1


@pytest.mark.parametrize(
    "code",
    [
        "from keras.layers import Dense\nDense(units=4)\n",
        "from keras.layers import Conv2D\nConv2D(3, kernel_size=3)\n",
        "import keras\nmodel.fit(x, epochs=3)\n",
        "import tensorflow as tf\ntf.keras.layers.Dense(4, use_bias=False)\n",
        "from keras.layers.merge import concatenate\nmodel.fit(x, epochs=3)\n",
    ],
)
def test_keras_2(code: str) -> None:
    assert told(code) is Era.KERAS_2


@pytest.mark.parametrize(
    "code",
    [
        "from keras.layers import Dense\nDense(4)\n",
        "from keras.layers import Conv2D\nConv2D(4, 3, 3, activation='relu', name='x')\n",
        "from keras.layers import Dense, LSTM\nDense(4, input_dim=3, input_shape=(3,))\n",
        "from keras.optimizers import SGD\nSGD(lr=.1, decay=.1)\n",
        "f(output_dim=4, border_mode='same')\n",
        "def Dense(output_dim):\n    pass\n\n\nDense(output_dim=4)\n",
        "import keras\ntree.fit(x, y)\n",
    ],
)
def test_unknown(code: str) -> None:
    assert told(code) is Era.UNKNOWN


def test_mixed() -> None:
    code = "from keras.layers import Dense\nDense(output_dim=4)\nDense(units=4)\n"
    assert told(code) is Era.MIXED


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("import keras\nf(nb_epoch=3)\n", Era.KERAS_1),
        ("import keras\nf(kernel_size = 3)\n", Era.KERAS_2),
        ("import keras\nf(nb_epoch=3, epochs=3)\n", Era.MIXED),
        ("f(nb_epoch=3)\n", Era.UNKNOWN),
        ("import keras\n", Era.UNKNOWN),
        ("import keras\nnb_epoch = 3\n", Era.UNKNOWN),
        ("import keras\nf(nb_epoch == 3)\n", Era.UNKNOWN),
    ],
)
def test_a_silent_file_goes_with_its_project(tmp_path: Path, other: str, expected: Era) -> None:
    path = tmp_path / "other.py"
    path.write_text(other, encoding="utf-8")
    project = Project(tmp_path, [path, tmp_path / "gone.py"])
    assert told("from keras.layers import Dense\nDense(4)\n", project) is expected
    assert told("from keras.layers import Dense\nDense(units=4)\n", project) is Era.KERAS_2


def test_other_flavours_never_had_keras_1(tmp_path: Path) -> None:
    path = tmp_path / "other.py"
    path.write_text("import keras\nf(nb_epoch=3)\n", encoding="utf-8")
    project = Project(tmp_path, [path])
    code = "from tensorflow.keras.layers import Dense\nDense(4{})\n"
    assert told(code.format(""), project) is Era.KERAS_2
    assert told(code.format(", init='one'"), project) is Era.KERAS_1


def test_vocabulary() -> None:
    old, new = vocabulary("keras.layers.core.Dense")
    assert {"output_dim", "init", "W_regularizer", "bias"} <= old
    assert {"units", "kernel_initializer", "use_bias"} <= new
    assert not (old | new) & {"activation", "input_dim", "input_shape", "name", "trainable"}
    assert vocabulary("keras.layers.Nothing") == (frozenset(), frozenset())


def test_keras_1_only() -> None:
    assert is_keras_1_only("keras.layers.Merge")
    assert is_keras_1_only("keras.initializations.normal")
    assert not is_keras_1_only("keras.layers.Convolution2D")
    assert not is_keras_1_only("keras.layers.Dense")
    assert not is_keras_1_only("keras.layers.Nothing")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import keras\nkeras.ops.sum(x)\n", True),
        ("from keras import ops\nops.sum(x)\n", True),
        ("from tensorflow import keras\nkeras.random.normal(x)\n", True),
        ("import keras\nkeras.layers.Dense(3)\n", False),
        ("import keras\nkeras.utils.set_random_seed(3)\n", False),
        ("import keras\nkeras.src.layers.Dense(3)\n", False),
        ("import ops\nops.sum(x)\n", False),
        ("def f(keras):\n    keras.ops.sum(x)\n", False),
    ],
)
def test_keras_3(code: str, expected: bool, tmp_path: Path) -> None:
    names = Names(cst.parse_module(code), Project(tmp_path, []).view(tmp_path / "a.py"))
    assert is_keras_3(names) is expected


def test_keras_3_only() -> None:
    assert is_keras_3_only("keras.ops.sum")
    assert not is_keras_3_only("keras.layers.Dense")
    assert not is_keras_3_only("keras.nothing")


HEIR = (
    "from keras.layers import Dense\n\n\nclass Own(Dense):\n"
    "    def __init__(self, size, **kwargs):\n        {}\n"
    "        super().__init__(size, **kwargs)\n\n\n"
)
PLAIN = "from keras.layers import Dense\n\n\nclass Own(Dense):\n    pass\n\n\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (PLAIN + "Own(output_dim=4)\n", Era.KERAS_1),
        (HEIR.format("pass") + "Own(4, init='uniform')\n", Era.KERAS_1),
        (HEIR.format("pass") + "Own(4, use_bias=False)\n", Era.KERAS_2),
        (HEIR.format("pass") + "Own(4, use_bias=False)\nOwn(4, init='one')\n", Era.MIXED),
        # The class takes the argument itself, or may do so.
        (HEIR.format("kwargs.pop('init')") + "Own(4, init='uniform')\n", Era.UNKNOWN),
        (HEIR.replace("size,", "size, init,").format("pass") + "Own(4, init=1)\n", Era.UNKNOWN),
        (HEIR.replace(", **kwargs", "").format("pass") + "Own(4, init=1)\n", Era.UNKNOWN),
        (PLAIN.replace("(Dense)", "(Mixin, Dense)") + "Own(output_dim=4)\n", Era.UNKNOWN),
        (
            PLAIN.replace("pass", "def __new__(c, **k):\n        return 1") + "Own(init=1)\n",
            Era.UNKNOWN,
        ),
        (PLAIN.replace("from keras", "from mine") + "Own(output_dim=4)\n", Era.UNKNOWN),
        (HEIR.format("pass") + "Own(4, name='a')\n", Era.UNKNOWN),
    ],
)
def test_what_a_class_of_the_file_hands_on(code: str, expected: Era) -> None:
    assert told(code) is expected


def test_a_class_of_the_file_tells_how_positions_are_meant() -> None:
    code = "from keras.layers import Conv2D, Dense\n\n\nclass Own(Dense):\n    pass\n\n\n"
    check(
        code + "Own(4, init='one')\nlayer = Conv2D(8, 3, 3)\n",
        code + "Own(4, kernel_initializer='one')\nlayer = Conv2D(8, (3, 3))\n",
        to="keras",
    )
