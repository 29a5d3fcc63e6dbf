"""KM316: layers that are made in call()."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from migrating import untouched
from targets import ROOT, TARGETS

from kerasmigrate import inventory
from kerasmigrate.transforms.inner_layers import WITH_WEIGHTS

CLASS = "\n\nclass Mine(keras.layers.{base}):\n    def {method}(self, x, training=None):\n{body}"


def code(to: str, *body: str, base: str = "Layer", method: str = "call") -> str:
    lines = "".join(f"        {line}\n" for line in body)
    return ROOT[to][0] + "\n" + CLASS.format(base=base, method=method, body=lines)


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize(
    "line",
    [
        "return keras.layers.Dense(4)(x)",
        "y = keras.layers.Dense(4)(x)",
        "return x + keras.layers.Dense(4)(x) if x else x",
    ],
)
def test_a_layer_with_weights_is_reported(line: str, to: str) -> None:
    (finding,) = untouched(code(to, line), to=to, codes=["KM316"])
    assert finding.message == (
        "Dense is made in call(), where its weights are neither trained nor saved"
    )
    assert finding.advice == (
        "write self.dense = keras.layers.Dense(4) in __init__(), and call self.dense here"
    )


def test_a_layer_around_a_layer_is_reported_once() -> None:
    line = "return keras.layers.Bidirectional(keras.layers.LSTM(4))(x)"
    untouched(code("keras", line), to="keras", codes=["KM316"])


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize(
    "body",
    [
        ("return self.dense(x)",),
        ("return keras.layers.Activation('relu')(x)",),
        ("return keras.layers.Concatenate()([x, x])",),
        ("self.dense = keras.layers.Dense(4)", "return self.dense(x)"),
        ("y = self.made[3] = keras.layers.Dense(4)(x)",),
        ("return mine.layers.Dense(4)(x)",),
        ("def make():", "    return keras.layers.Dense(4)(x)", "return make"),
    ],
)
def test_other_bodies_stay(body: tuple[str, ...], to: str) -> None:
    untouched(code(to, *body), to=to, codes=[])


def test_other_methods_and_classes_stay() -> None:
    line = "return keras.layers.Dense(4)(x)"
    untouched(code("keras", line, method="make"), to="keras", codes=[])
    other = code("keras", line).replace("(keras.layers.Layer)", "")
    untouched(other, to="keras", codes=[])


@pytest.mark.parametrize("name", ["keras-3", "tf.keras-2"])
def test_the_layers_exist(name: str) -> None:
    known = inventory.load(name)
    assert [each for each in WITH_WEIGHTS if known.kind(each) != "class"] == []


PROGRAM = """\
import numpy as np
{imports}

class Inner(keras.layers.Layer):
    def call(self, x):
        return keras.layers.Dense(4)(x)

class Kept(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

for cls in Inner, Kept:
    inputs = keras.layers.Input((3,))
    model = keras.models.Model(inputs, cls()(inputs))
    print(len(model.trainable_weights))
    try:
        model.predict(np.ones((1, 3)), verbose=0)
        print("runs")
    except ValueError as error:
        print("singleton tf.Variables created on the first call" in str(error))
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_what_is_made_in_call_has_no_weights(to: str) -> None:
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM.format(imports=ROOT[to][0])),
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["0", "True", "2", "runs"], done.stderr
