"""KM243: weights= of layers."""

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
HEAD = "from {0} import layers\nfrom {0}.layers import Conv2D, Dense, Embedding\n"
DEFINED = '''

def with_weights(layer, weights):
    """Give a layer its first weights when it is built, as weights= of Keras 2 did."""
    import functools

    build = layer.build

    @functools.wraps(build)
    def build_with_weights(*args, **kwargs):
        build(*args, **kwargs)
        layer.set_weights(weights)

    layer.build = build_with_weights
    return layer


'''


@KERAS_3
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Dense(4, weights=w)", "with_weights(Dense(4), w)"),
        ("Dense(4, weights=[a, b])(x)", "with_weights(Dense(4), [a, b])(x)"),
        ("(Dense(4, weights=w))(x)", "(with_weights(Dense(4), w))(x)"),
        (
            "model.add(layers.PReLU(weights=[m], trainable=False))",
            "model.add(with_weights(layers.PReLU(trainable=False), [m]))",
        ),
        (
            "Conv2D(\n    8, 3,  # small\n    weights=w,  # made before\n    padding='same',\n)(x)",
            "with_weights(Conv2D(\n    8, 3,  # small\n    # made before\n"
            "    padding='same',\n), w)"
            "(x)",
        ),
    ],
)
def test_a_layer_gets_its_weights_when_it_is_built(before: str, after: str, to: str) -> None:
    head = HEAD.format(ROOT[to][1])
    check(f"{head}\ny = {before}\n", f"{head}{DEFINED}y = {after}\n", to=to, codes=["KM243"])


@KERAS_3
def test_none_was_no_weights(to: str) -> None:
    head = HEAD.format(ROOT[to][1])
    check(
        f"{head}\ny = Dense(4, weights=None)\n",
        f"{head}\ny = Dense(4)\n",
        to=to,
        codes=["KM243"],
    )


def test_the_other_arguments_change_as_ever() -> None:
    findings = check(
        "from keras.layers import Convolution2D, Dense\n\n"
        "a = Convolution2D(64, 3, 3, border_mode='same', weights=w)\n"
        "b = Dense(output_dim=3, weights=w)\n",
        f"from keras.layers import Conv2D, Dense\n{DEFINED}"
        "a = with_weights(Conv2D(64, (3, 3), padding='same'), w)\n"
        "b = with_weights(Dense(units=3), w)\n",
        to="keras",
        codes=["KM101", "KM102", "KM201", "KM202", "KM243", "KM201", "KM243"],
    )
    assert "arrays in such shapes have to be converted" in findings[4].advice
    assert findings[6].advice == ""


@KERAS_3
@pytest.mark.parametrize(
    ("code", "codes"),
    [
        ("y = layers.Bidirectional(layers.GRUCell(3, weights=w))\n", ["KM203"]),
        ("y = layers.TimeDistributed(layer=Dense(3, weights=w))\n", ["KM203"]),
        ("y = Dense(4, **{'weights': w})\n", []),
        ("y = Embedding(9, 4, weights=[m], trainable=False)\n", []),
        ("y = mine.Dense(4, weights=w)\n", []),
        ("y = numpy.average(a, weights=w)\n", []),
        ("from mine import Net\n\ny = Net(weights=w)\n", []),
        ("y = Dense(4)\ny.set_weights(w)\n", []),
        (
            "class A(Dense):\n    def __init__(self, w):\n        super().__init__(4, weights=w)\n",
            ["KM203"],
        ),
        ("y = layers.keras.applications.VGG16(weights=None)\n", []),
    ],
)
def test_other_weights_stay(code: str, codes: list[str], to: str) -> None:
    found = Pipeline.to(to).run(f"{HEAD.format(ROOT[to][1])}\n{code}")
    assert found.text == f"{HEAD.format(ROOT[to][1])}\n{code}"
    assert [each.code for each in found.findings if each.code in ("KM203", "KM243")] == codes


def test_keras_2_takes_them() -> None:
    code = f"{HEAD.format('tf_keras')}\ny = Dense(4, weights=w)\n"
    untouched(code, to="tf_keras", codes=[])


def test_without_the_rule_the_argument_is_reported() -> None:
    code = f"{HEAD.format('keras')}\ny = Dense(4, weights=w)\n"
    untouched(code, to="keras", codes=["KM203"], settings=Settings(ignore=frozenset({"KM243"})))


def test_without_a_place_for_the_function_the_argument_is_reported() -> None:
    code = "def f():\n    from keras.layers import Dense\n\n    return Dense(4, weights=w)\n"
    untouched(code, to="keras", codes=["KM203"])


PROGRAM = """\
import sys
import numpy as np
import tf_keras as keras
from tf_keras import layers

numbers = np.random.RandomState(1)


def some(*shapes):
    return [numbers.rand(*shape) for shape in shapes]


def show(model):
    for each in model.get_weights():
        print(round(float(np.sum(each * np.arange(each.size).reshape(each.shape))), 3))


model = keras.Sequential()
model.add(layers.Input((8, 8, 3)))
model.add(layers.Conv2D(2, 3, weights=some((3, 3, 3, 2), (2,))))
model.add(layers.BatchNormalization(weights=some(*[(2,)] * 4), epsilon=0.01))
model.add(layers.Reshape((6, 12)))
model.add(layers.Dense(3, weights=some((12, 3), (3,))))
model.add(layers.LSTM(2, weights=some((3, 8), (2, 8), (8,))))
model.add(layers.Dense(1, weights=None, kernel_initializer='ones'))
show(model)
print(np.round(model.predict(numbers.rand(2, 8, 8, 3), verbose=0), 4).tolist())
model = keras.Sequential([layers.Embedding(4, 2, weights=some((4, 2)), trainable=False)])
print(np.round(model(np.array([[1, 3]])).numpy(), 4).tolist())
show(model)
"""


@pytest.mark.tensorflow
def test_the_numbers_are_those_of_keras_2(tmp_path: Path) -> None:
    new = Pipeline.to("keras").run(PROGRAM)
    assert new.text.count("with_weights(") == 6
    printed = []
    for text in (PROGRAM, new.text):
        (tmp_path / "run.py").write_text(text)
        done = subprocess.run(
            (sys.executable, "run.py"),
            cwd=tmp_path,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    assert printed[0] == printed[1]
    assert len(printed[0].splitlines()) > 14
