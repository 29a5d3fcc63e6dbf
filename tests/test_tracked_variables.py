"""KM654: variables in attributes of layers, which are weights today."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from originals import run_original

from kerasmigrate.findings import Confidence, Finding
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transforms.tracked_variables import _MAKERS

OLD = "\n\nlayer = Dense(output_dim=3)\n"


def layer(body: str, base: str = "Layer", end: str = OLD) -> str:
    return (
        "import numpy as np\nfrom keras import backend as K\nfrom keras.layers import Dense\n"
        "from keras.layers import Layer\nfrom keras.callbacks import Callback\n\n\n"
        f"class Own({base}):\n    def build(self, input_shape):\n        {body}\n{end}"
    )


def found(code: str, to: str) -> list[Finding]:
    return [each for each in Pipeline.to(to).run(code).findings if each.code == "KM654"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("self.x = K.variable(2.0)", "self.x = keras.Variable(2.0, trainable=False)"),
        (
            "self.x = K.variable(np.ones(3), name='x')",
            "self.x = keras.Variable(np.ones(3), name='x', dtype=K.floatx(), trainable=False)",
        ),
        (
            "self.x = [K.variable(2.0), 3]",
            "self.x = [keras.Variable(2.0, trainable=False), 3]",
        ),
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_it_is_not_trained(before: str, after: str, to: str) -> None:
    result = Pipeline.to(to).run(layer(before))
    assert f"        {after}\n" in result.text
    (finding,) = [each for each in result.findings if each.code == "KM654"]
    assert (finding.line, finding.fixed) == (10, True)
    assert Pipeline.to(to).run(result.text).text == result.text
    assert found(result.text, to) == []


def test_under_tf_keras_it_is_reported() -> None:
    for made in (
        "variable(2.0)",
        "zeros((3,))",
        "ones((3,))",
        "random_normal_variable((3,), 0, 1)",
    ):
        (finding,) = found(layer(f"self.x = K.{made}"), "tf_keras")
        assert (finding.line, finding.fixed) == (10, False)
        assert finding.message == (
            "self.x was no weight of the layer up to Keras 2.3, and is one that is trained now"
        )
        assert finding.advice == (
            "write tf.Variable(value, dtype=K.floatx(), trainable=False) for what is not to be"
            " trained"
        )


def test_where_the_version_is_not_clear() -> None:
    (finding,) = found(layer("self.x = K.variable(2.0)", end="\n\nK.dot(a, b)\n"), "keras")
    assert (finding.fixed, finding.confidence) == (False, Confidence.UNSURE)


@pytest.mark.parametrize(
    "code",
    [
        layer("x = K.variable(2.0)"),
        layer("self.x = K.constant(2.0)"),
        layer("self.x = K.zeros_like(input_shape)"),  # a tensor, in every Keras
        layer("self.x = K.ones_like(input_shape)"),
        layer("self.x = K.mine(2.0)"),
        layer("self.x = self.add_weight(shape=(3,), name='x')"),
        layer("other.x = K.variable(2.0)"),
        layer("self.x = K.variable(2.0)\n        self.trainable_weights = [self.x]"),
        layer("self.x = K.variable(2.0)\n        self._trainable_weights += [self.x]"),
        layer("self.x = K.variable(2.0)\n        self._non_trainable_weights.append(self.x)"),
        layer("self.x = K.variable(2.0)", "Callback"),
        layer("self.x = K.variable(2.0)", "object"),
        layer("self.x = K.variable(2.0)").replace(
            "from keras import backend", "from mine import b"
        ),
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_what_is_no_weight(code: str, to: str) -> None:
    assert found(code, to) == []


def test_code_of_today() -> None:
    code = layer("self.x = K.variable(2.0)", end="").replace("from keras", "from tf_keras")
    assert found(code, "tf_keras") == []


STEP = """
import numpy as np
from keras import backend as K
from keras.layers import Dense
from keras.engine.topology import Layer
from keras.models import Sequential


class Own(Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(3,), initializer='ones', name='w')
        self.x = K.variable(np.ones((3,)), name='x')
        super(Own, self).build(input_shape)

    def call(self, inputs, mask=None):
        return inputs * self.w * self.x


model = Sequential([Own(input_shape=(3,))])
model.compile('sgd', 'mse')
model.train_on_batch(np.ones((2, 3)), np.zeros((2, 3)))
results['x'] = K.get_value(model.layers[-1].x)
results['trained'] = len(model.trainable_weights)
Dense(3).add_update = K.get_session
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["2.0.9", "2.2.4", "2.3.1"])
def test_a_step_of_training(version: str) -> None:
    old = run_original(version, STEP)
    assert (old["trained"], old["x"].tolist()) == (1, [1.0] * 3)


@pytest.mark.tensorflow
def test_a_step_of_today() -> None:
    def step(code: str) -> dict[str, Any]:
        names: dict[str, Any] = {"results": {}}
        exec(compile(code, "<step>", "exec"), names)
        results: dict[str, Any] = names["results"]
        return results

    code = STEP.replace("Dense(3).add_update = K.get_session", "Dense(output_dim=3)")
    new = Pipeline.to("keras").run(code).text
    assert "trainable=False" in new
    after = step(new)
    assert (after["trained"], np.asarray(after["x"]).tolist()) == (1, [1.0] * 3)
    silent = step(new.replace(", trainable=False", ""))
    assert (silent["trained"], float(silent["x"][0])) == (2, pytest.approx(0.99333, abs=1e-4))


@pytest.mark.tensorflow
def test_what_makes_a_variable_in_tf_keras() -> None:
    backend = pytest.importorskip("tf_keras.backend")
    tensorflow = pytest.importorskip("tensorflow")
    x = backend.variable([1.0, 2.0])
    given: dict[str, tuple[Any, ...]] = {
        "variable": (1.0,),
        "zeros": ((2,),),
        "ones": ((2,),),
        "eye": (2,),
        "random_normal_variable": ((2,), 0.0, 1.0),
        "random_uniform_variable": ((2,), 0.0, 1.0),
        "constant": (1.0,),
        "zeros_like": (x,),
        "ones_like": (x,),
    }
    made = {name: getattr(backend, name)(*each) for name, each in given.items()}
    assert {name for name, each in made.items() if isinstance(each, tensorflow.Variable)} == _MAKERS
