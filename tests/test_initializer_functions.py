"""KM268: functions of the user that make the first values of weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

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
        ("shape, *, scale=1", "shape, dtype=None, *, scale=1"),
        ("shape, *rest", "shape, *rest, dtype=None"),
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
        ("shape, scale", USE),
        ("shape, scale, name=None", USE),
        ("shape=None", USE),
        ("self, shape", USE),
        ("", USE),
        ("shape, *, scale", USE),
        ("shape, /", USE),
        ("shape, scale, name", USE),
        ("shape", "layers.Dense(4, kernel_initializer=other)\n"),
        ("shape", "layers.Dense(4, kernel_initializer=mine())\n"),
        ("shape", "layers.Dense(4, activation=mine)\n"),
        ("shape", "Mine(4, kernel_initializer=mine)\nlayers.Dense(4)\n"),
    ],
)
def test_other_functions_stay(parameters: str, use: str) -> None:
    untouched(HEAD.format("keras", parameters) + use, to="keras", codes=[])


LAMBDA = "lambda shape, name{}: make(shape)"
OLD, NEW = LAMBDA.format(""), LAMBDA.format("=None, dtype=None")


@each_target
@pytest.mark.parametrize(
    "use",
    [
        "layers.Dense(4, kernel_initializer=@)\n",
        "mine = @\nlayers.Dense(4, kernel_initializer=mine)\n",
        "mine = @\nother = mine\nlayers.Dense(4, kernel_initializer=other)\n",
        "layers.Dense(4, kernel_initializer=given or (@))\n",
        "layers.Dense(4, kernel_initializer=(@) if flag else 'zeros')\n",
        "def get(scale):\n    return @\n\n\nlayers.Dense(4, kernel_initializer=get(2))\n",
        "class A(layers.Layer):\n    def build(self, input_shape):\n        self.first = @\n"
        "        self.w = self.add_weight(shape=(2,), initializer=self.first)\n",
        "class A(layers.Layer):\n    def build(self, input_shape, first=@):\n"
        "        self.w = self.add_weight(shape=(2,), initializer=first)\n",
        "class A(layers.Dense):\n    pass\n\n\nA(4, kernel_initializer=@)\n",
    ],
)
def test_lambdas_wherever_they_are(use: str, to: str) -> None:
    package = {"tf.keras": "tensorflow.keras"}.get(to, to)
    head = f"from {package} import layers\n\n\n"
    check(head + use.replace("@", OLD), head + use.replace("@", NEW), to=to, codes=["KM268"])


def test_a_function_that_another_returns() -> None:
    code = (
        "from keras import layers\n\n\ndef get(scale):\n    def mine(shape{}):\n"
        "        return scale * make(shape)\n\n    return mine\n\n\n"
        "layers.Dense(4, kernel_initializer=get(2))\n"
    )
    check(code.format(""), code.format(", dtype=None"), to="keras", codes=["KM268"])


def test_a_method() -> None:
    code = (
        "from keras import layers\n\n\nclass A(layers.Layer):\n"
        "    def build(self, input_shape):\n"
        "        self.w = self.add_weight(shape=(2,), initializer=self.first)\n\n"
        "    def first(self, shape{}):\n        return make(shape)\n"
    )
    check(code.format(""), code.format(", dtype=None"), to="keras", codes=["KM268"])


def test_what_partial_fills_in_is_not_asked_for() -> None:
    code = (
        "from functools import partial\n\nfrom keras import layers\n\n\n"
        "def mine(shape, scale{}):\n    return scale * make(shape)\n\n\n"
        "layers.Dense(4, kernel_initializer=partial(mine, scale=2))\n"
    )
    after = code.format("{}").replace("scale{}", "scale, dtype=None")
    before = code.format("")
    untouched(before.replace("scale=2", "2"), to="keras", codes=[])
    # A default may only follow one without, which partial leaves alone.
    check(before, after, to="keras", codes=["KM268"])


def test_a_lambda_that_becomes_an_object_is_left_to_that() -> None:
    check(
        "from keras.initializations import normal\nfrom keras.layers import Dense\n\n"
        "Dense(4, init=lambda shape, name: normal(shape, scale=0.1, name=name))\n",
        "from keras.initializers import RandomNormal\nfrom keras.layers import Dense\n\n"
        "Dense(4, kernel_initializer=RandomNormal(stddev=0.1))\n",
        to="keras",
        codes=["KM101", "KM201", "KM207", "KM102"],
    )


def test_decorated_functions_are_reported() -> None:
    found = untouched(
        HEAD.format("keras", "shape").replace("def", "@cached\ndef") + USE,
        to="keras",
        codes=["KM268"],
    )
    assert found[0].line == 5
    assert found[0].message == (
        "mine() is called with dtype= as an initializer; its decorators may see to that"
    )


@pytest.mark.parametrize(
    ("parameters", "codes"), [("shape, name=None", ["KM268"]), ("shape, dtype=None", [])]
)
def test_functions_of_other_files_are_reported(
    tmp_path: Path, parameters: str, codes: list[str]
) -> None:
    mine, other = tmp_path / "mine.py", tmp_path / "other.py"
    code = "from keras import layers\nfrom other import first\n\n"
    code += "layers.Dense(4, kernel_initializer=first)\n"
    mine.write_text(code, encoding="utf-8")
    other.write_text(f"def first({parameters}):\n    return make(shape)\n", encoding="utf-8")
    view = Project(tmp_path, [mine, other]).view(mine)
    found = untouched(code, to="keras", codes=codes, view=view)
    if codes:
        assert found[0].line == 4
        assert found[0].message == "first() of other.py is called with dtype= as an initializer"


@pytest.mark.parametrize(
    "use",
    [
        "layers.Dense(4, activation=lambda shape: shape)\n",
        "Mine(4, kernel_initializer=lambda shape: shape)\n",
        "layers.Dense(4, kernel_initializer=lambda shape, dtype: shape)\n",
        "layers.Dense(4, kernel_initializer=lambda shape, **rest: shape)\n",
        "layers.Dense(4, kernel_initializer=other.first)\n",
        "layers.Dense(4, kernel_initializer=get(lambda shape: shape))\n",
        "class A(layers.Dense):\n"
        "    def __init__(self, first_init, **options):\n"
        "        self.first = first_init\n"
        "        super().__init__(4, **options)\n\n\n"
        "A(first_init=lambda shape: shape)\n",
    ],
)
def test_other_lambdas_stay(use: str) -> None:
    untouched(f"from keras import layers\n\n\n{use}", to="keras", codes=[])


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


LAYER = """
import numpy as np
from keras import initializations
from keras.layers import Layer

class Scale(Layer):
    def build(self, input_shape):
        self.init = initializations.get('uniform')
        self.first = lambda shape, name: self.init(shape, scale=0.01, name=name)
        self.w = self.add_weight((400, 30), initializer=self.first, name='w')

layer = Scale()
layer.build((None, 3))
values = layer.get_weights()[0]
print(values.shape, -0.01 <= values.min() < -0.0098, 0.01 >= values.max() > 0.0098)
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_kept_lambda_draws_from_the_same_range(to: str) -> None:
    code = Pipeline.to(to).run(LAYER).text
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True)
    assert done.stdout == "(400, 30) True True\n", done.stderr
