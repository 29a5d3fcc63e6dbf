"""KM347: Keras tensors that a function takes from the code around it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from originals import run_original

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline

TARGETS = pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
HEAD = (
    "from keras import backend as K\n"
    "from keras.layers import Dense, Input, Lambda, Layer\n"
    "from keras.models import Model\n\n"
    "x = Input((4,))\n"
    "mean = Dense(4)(x)\n"
    "model = Model(x, Dense(4)(mean))\n"
)


def found(rest: str, to: str = "keras") -> list[Finding]:
    result = Pipeline.to(to).run(HEAD + rest)
    assert result.failures == ()
    return [each for each in result.findings if each.code == "KM347"]


@TARGETS
@pytest.mark.parametrize(
    ("rest", "line", "of"),
    [
        ("def loss(a, b):\n    return a - b + mean\n\nmodel.compile('sgd', loss)\n", 9, "loss()"),
        ("def l(a, b):\n    return a + mean\n\nmodel.compile('sgd', loss=[l, 'mse'])\n", 9, "l()"),
        ("def l(a, b):\n    return a + mean\n\nmodel.compile('sgd', loss={'a': l})\n", 9, "l()"),
        ("def m(a, b):\n    return mean\n\nmodel.compile('sgd', 'mse', metrics=[m])\n", 9, "m()"),
        ("model.compile('sgd', lambda a, b: a + mean)\n", 8, "this function"),
        ("loss = lambda a, b: a + mean\nmodel.compile('sgd', loss)\n", 8, "it"),
        (
            "def part():\n    return K.sum(mean)\n\n\ndef loss(a, b):\n    return part() + a\n\n"
            "model.compile('sgd', loss)\n",
            9,
            "part()",
        ),
        ("y = Lambda(lambda t: t + mean)(x)\n", 8, "this function"),
        ("def f(t):\n    return t * mean[0]\n\ny = Lambda(f)(x)\n", 9, "f()"),
        (
            "class Own(Layer):\n    def call(self, t):\n        return t + mean\n",
            10,
            "Own.call()",
        ),
        (
            "class Own(Layer):\n    def loss(self, t):\n        return K.sum(mean)\n",
            10,
            "Own.loss()",
        ),
        (
            "class Own(Layer):\n    def call(self, t):\n        return t + model.output\n\n\n"
            "class Other(Layer):\n    def call(self, t):\n        return t + mean\n",
            15,
            "Other.call()",
        ),
    ],
)
def test_functions_that_run_on_data(rest: str, line: int, of: str, to: str) -> None:
    (finding,) = found(rest, to)
    assert (finding.line, finding.fixed) == (line, False)
    assert finding.message == (
        f"mean is a Keras tensor from outside of {of}, where it has no numbers"
    )
    assert "mean" in finding.advice


@TARGETS
@pytest.mark.parametrize(
    "rest",
    [
        # It builds a model.
        "def block(size):\n    return Dense(size)(mean)\n\ny = block(3)\n",
        "def build():\n    return Model(x, mean)\n\nbuild().compile('sgd', 'mse')\n",
        # It asks for what a symbol has.
        "def loss(a, b):\n    return a / mean.shape[1]\n\nmodel.compile('sgd', loss)\n",
        "def loss(a, b):\n    return a / K.int_shape(mean)[1]\n\nmodel.compile('sgd', loss)\n",
        "y = Lambda(lambda t: t / K.ndim(mean))(x)\n",
        # Another name.
        "def loss(a, mean):\n    return a + mean\n\nmodel.compile('sgd', loss)\n",
        "def loss(a, b):\n    mean = a + 1\n    return b + mean\n\nmodel.compile('sgd', loss)\n",
        "y = Lambda(lambda mean: mean + 1)(x)\n",
        "size = 3\ny = Lambda(lambda t: t + size)(x)\n",
        "class Own(Layer):\n    def __init__(self):\n        self.kept = mean\n",
        "class Own:\n    def call(self, t):\n        return t + mean\n",
        "def loss(a, b):\n    return a.mean + K.mean(a, mean=1)\n\nmodel.compile('sgd', loss)\n",
        "pattern.compile('sgd', lambda a, b: a + mean)\n",
        "y = Lambda(lambda parts: parts[0] + parts[1])([x, mean])\n",
    ],
)
def test_what_is_fine(rest: str, to: str) -> None:
    assert found(rest, to) == []


def test_a_graph_that_is_kept() -> None:
    rest = "y = Lambda(lambda t: t + mean)(x)\n"
    assert found("import tensorflow as tf\ntf.compat.v1.disable_v2_behavior()\n" + rest) == []


RUN = """
import numpy as np
x = keras.layers.Input((4,))
mean = keras.layers.Dense(4)(x)
data = np.ones((2, 4), "float32")

def loss():
    model = keras.models.Model(x, keras.layers.Dense(4)(mean))
    model.compile("sgd", lambda a, b: (a - b) ** 2 + mean)
    model.train_on_batch(data, data)

def layer():
    class Own(keras.layers.Layer):
        def call(self, t):
            return t + mean
    keras.models.Model(x, Own()(x)).predict(data, verbose=0)

def function():
    keras.models.Model(x, keras.layers.Lambda(lambda t: t + mean)(x)).predict(data, verbose=0)

def shape():
    keras.models.Model(x, keras.layers.Lambda(lambda t: t / mean.shape[1])(x))

outcome = {}
for each in (loss, layer, function, shape):
    try:
        each()
        outcome[each.__name__] = "works"
    except Exception as error:
        outcome[each.__name__] = "fails"
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("root", ["keras", "tf_keras"])
def test_they_fail_today(root: str) -> None:
    done = subprocess.run(
        (sys.executable, "-c", f"import json, {root} as keras\n{RUN}\nprint(json.dumps(outcome))"),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    outcome = json.loads(done.stdout.splitlines()[-1])
    assert outcome == {"loss": "fails", "layer": "fails", "function": "fails", "shape": "works"}


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_it_worked_in_a_graph() -> None:
    code = RUN.replace(".shape[1])", "._keras_shape[1])")
    got = run_original("2.2.4", f"import keras\n{code}\nresults['outcome'] = outcome\n")
    assert got["outcome"] == dict.fromkeys(("loss", "layer", "function", "shape"), "works")
