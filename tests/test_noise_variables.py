"""KM513 and KM338: variables that call() or the function of a Lambda makes."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from migrating import check
from originals import run_original
from targets import each_target

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline

HEAD = (
    "import tensorflow as tf\nfrom keras import backend as K\n"
    "from keras.layers import Lambda, Layer\n\n\n"
)
NOISE = "K.random_normal_variable((2, 3), 0.0, 1.0)"


def found(code: str, to: str) -> list[Finding]:
    result = Pipeline.to(to).run(HEAD + code)
    assert result.failures == ()
    assert Pipeline.to(to).run(result.text).text == result.text
    return [each for each in result.findings if each.code in ("KM338", "KM513")]


@each_target
@pytest.mark.parametrize(
    ("code", "name", "place"),
    [
        (f"def f(x):\n    e = {NOISE}\n    return x + e\n\n\nLambda(f)\n", "normal", "f()"),
        (f"def f(x):\n    return x + {NOISE}\n\n\nLambda(function=f)\n", "normal", "f()"),
        (f"f = lambda x: x + {NOISE}\nLambda(f)\n", "normal", "the function of a Lambda"),
        (
            f"Lambda(lambda x: x + {NOISE.replace('normal', 'uniform')}, name='a')\n",
            "uniform",
            "the function of a Lambda",
        ),
        (
            "class Own(Layer):\n    def call(self, x, training=None):\n"
            f"        return x + {NOISE}\n",
            "normal",
            "call()",
        ),
    ],
)
def test_noise_that_is_drawn_once(code: str, name: str, place: str, to: str) -> None:
    (one,) = found(code, to)
    assert (one.code, one.fixed) == ("KM513", False)
    assert one.message == (
        f"random_{name}_variable() makes a variable each time {place} runs, which is an error"
    )
    draws = f"K.random_{name}()" if to == "tf_keras" else f"keras.random.{name}()"
    assert f"call {draws}; to keep the same noise" in one.advice


@each_target
@pytest.mark.parametrize(
    "code",
    [
        "Lambda(lambda x: x * tf.Variable(1.0))\n",
        "class Own(Layer):\n    def call(self, x, training=None):\n"
        "        v = tf.Variable(1.0)\n        return x * v\n",
    ],
)
def test_variables_of_tensorflow(code: str, to: str) -> None:
    (one,) = found(code, to)
    assert (one.code, one.fixed) == ("KM513", False)
    assert "in build()" in one.advice and "tf.constant()" in one.advice


@each_target
@pytest.mark.parametrize(
    "code",
    [
        f"noise = {NOISE}\nLambda(lambda x: x + noise)\n",
        f"def f(x):\n    return x + {NOISE}\n\n\nf(x)\n",
        "Lambda(lambda x: x + K.random_normal((2, 3)))\n",
        "Lambda(lambda x: x + K.zeros_like(x) + tf.constant(1.0))\n",
        f"class Own(Layer):\n    def build(self, shape):\n        self.noise = {NOISE}\n",
        "class Own(Layer):\n    def call(self, x, training=None):\n"
        "        if self.v is None:\n            self.v = tf.Variable(1.0)\n        return x\n",
        f"class Other:\n    def call(self, x):\n        return x + {NOISE}\n",
    ],
)
def test_what_is_made_elsewhere(code: str, to: str) -> None:
    assert [each for each in found(code, to) if each.code == "KM513"] == []


def test_constants_in_the_function_of_a_lambda() -> None:
    head = HEAD.replace("keras", "tf_keras")
    check(
        head + "def f(x):\n    return x * K.variable(w) + K.zeros((3,))\n\n\nLambda(f)\n",
        head + "def f(x):\n    return x * K.constant(w) + K.constant(0.0, shape=(3,))\n\n\n"
        "Lambda(f)\n",
        to="tf_keras",
        codes=["KM338", "KM338"],
    )
    (one,) = found("Lambda(lambda x: x * K.variable(w))\n", "keras")
    assert one.code == "KM338" and "convert_to_tensor" in one.advice


# -- the real packages ----------------------------------------------------------------------------

RUN = """
from keras.layers import Input, Lambda
from keras.models import Model
from keras import backend as K

x = Input(batch_shape=(2, 3))
model = Model(x, Lambda(lambda x: x + K.random_normal_variable((2, 3), 0.0, 1.0))(x))
results["out"] = model.predict(np.ones((4, 3)), batch_size=2)
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
@pytest.mark.parametrize("version", ["1.2.2", "2.2.4"])
def test_the_noise_of_old(version: str) -> None:
    got = run_original(version, RUN)["out"]
    assert np.array_equal(got[:2], got[2:])


@pytest.mark.tensorflow
def test_what_the_targets_say() -> None:
    says = {"keras": "singleton tf.Variables", "tf_keras": "could not be lifted out"}
    for root, message in says.items():
        layers = importlib.import_module(f"{root}.layers")
        keras = importlib.import_module(root)

        def noise(x: Any, keras: Any = keras) -> Any:
            if hasattr(keras, "ops"):
                return x + keras.Variable(keras.random.normal((2, 3)))
            return x + keras.backend.random_normal_variable((2, 3), 0.0, 1.0)

        x = keras.Input(batch_shape=(2, 3))
        with pytest.raises(ValueError, match=message):
            model = keras.Model(x, layers.Lambda(noise, output_shape=(3,))(x))
            model.predict(np.ones((2, 3)), verbose=0)
