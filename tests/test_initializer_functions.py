"""KM268: functions of the user that make the first values of weights."""

from __future__ import annotations

import subprocess
import sys

import pytest
from migrating import check, untouched
from targets import each_target

HEAD = "from {0} import layers\n\n\ndef mine({1}):\n    return make(shape)\n\n\n"
USE = "layers.Dense(4, kernel_initializer=mine)\n"


@each_target
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("shape", "shape, dtype=None"),
        ("size", "size, dtype=None"),
        ("shape, name=None", "shape, name=None, dtype=None"),
        ("shape, name", "shape, name=None, dtype=None"),
        ("shape, scale=0.1", "shape, scale=0.1, dtype=None"),
        ("shape, name, scale=0.1", "shape, name=None, scale=0.1, dtype=None"),
    ],
)
def test_a_dtype_is_taken(before: str, after: str, to: str) -> None:
    package = {"tf.keras": "tensorflow.keras"}.get(to, to)
    check(
        HEAD.format(package, before) + USE,
        HEAD.format(package, after) + USE,
        to=to,
        codes=["KM268"],
    )


@pytest.mark.parametrize(
    "use",
    [
        "layers.Dense(4, bias_initializer=mine)\n",
        "layers.LSTM(4, recurrent_initializer=mine)\nlayers.Dense(4, kernel_initializer=mine)\n",
        "class A(layers.Layer):\n    def build(self, input_shape):\n"
        "        self.w = self.add_weight(shape=(2,), initializer=mine)\n",
    ],
)
def test_every_initializer(use: str) -> None:
    check(
        HEAD.format("keras", "shape") + use,
        HEAD.format("keras", "shape, dtype=None") + use,
        to="keras",
        codes=["KM268"],
    )


def test_a_function_in_a_function() -> None:
    code = (
        "from keras import layers\n\n\ndef build(scale):\n    def mine(shape{}):\n"
        "        return scale * make(shape)\n\n"
        "    return layers.Dense(4, kernel_initializer=mine)\n"
    )
    check(code.format(""), code.format(", dtype=None"), to="keras", codes=["KM268"])


@pytest.mark.parametrize(
    ("parameters", "use"),
    [
        ("shape, dtype", USE),
        ("shape, dtype=None", USE),
        ("shape, **options", USE),
        ("shape, *rest", USE),
        ("shape, scale", USE),
        ("shape, scale, name=None", USE),
        ("shape=None", USE),
        ("self, shape", USE),
        ("", USE),
        ("shape, *, scale=1", USE),
        ("shape", "layers.Dense(4, kernel_initializer=other)\n"),
        ("shape", "layers.Dense(4, kernel_initializer=mine())\n"),
        ("shape", "layers.Dense(4, activation=mine)\n"),
        ("shape", "Mine(4, kernel_initializer=mine)\nlayers.Dense(4)\n"),
    ],
)
def test_other_functions_stay(parameters: str, use: str) -> None:
    untouched(HEAD.format("keras", parameters) + use, to="keras", codes=[])


RUN = """
import sys, numpy as np
import {0} as keras

def {1}

layer = keras.layers.Dense(2, kernel_initializer=mine)
layer.build((None, 3))
print(layer.get_weights()[0].tolist(), layer.get_weights()[0].dtype)
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_it_is_called_so(package: str) -> None:
    def out(parameters: str) -> str:
        function = f"mine({parameters}):\n    return np.full(shape, 0.5)"
        done = subprocess.run(
            (sys.executable, "-c", RUN.format(package, function)), capture_output=True, text=True
        )
        return done.stdout + done.stderr

    assert "got an unexpected keyword argument 'dtype'" in out("shape, name=None")
    row = "[0.5, 0.5]"
    assert out("shape, name=None, dtype=None").startswith(f"[{row}, {row}, {row}] float32\n")
