"""KM643: a compute_output_shape that says another shape than call returns."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from originals import run_original

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
HEAD = (
    "import tensorflow as tf\nfrom tensorflow import keras\n"
    "from tensorflow.keras import backend as K\n\n\n"
)
CLASS = (
    "class Own(keras.layers.Layer):\n    def call(self, x, training=None):\n        {call}\n\n"
    "    def compute_output_shape(self, shape):\n        {shape}\n"
)


def found(call: str, to: str = "keras", shape: str = "return shape") -> list[Finding]:
    result = Pipeline.to(to).run(HEAD + CLASS.format(call=call, shape=shape))
    assert result.failures == ()
    return [each for each in result.findings if each.code == "KM643"]


@KERAS_3
@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("return keras.layers.concatenate([x, x])", "joins the input"),
        ("return tf.concat([x, self.more], -1)", "joins the input"),
        ("return K.concatenate([self.more, x], axis=1)", "joins the input"),
        ("y = tf.concat([x, -x], axis=-1)\n        return y", "joins the input"),
        ("return tf.reduce_mean(x, axis=1)", "leaves out an axis"),
        ("return K.sum(x, 1)", "leaves out an axis"),
        ("return tf.expand_dims(x, 1)", "adds an axis"),
        ("return x[:, 0]", "leaves out an axis"),
        ("return x[:, -1, :]", "leaves out an axis"),
    ],
)
def test_what_is_reported(call: str, what: str, to: str) -> None:
    (one,) = found(call, to)
    assert one.message.startswith(
        f"Own.compute_output_shape() says that the shape stays, and call() {what}"
    )
    assert found(call, "tf_keras") == []
    assert len(found(call, to, "return tuple(shape)")) == 1


@pytest.mark.parametrize(
    "call",
    [
        "return x * 2",
        "return self.dense(x)",
        "return K.concatenate([self.a(x), self.b(x)])",
        "return tf.concat([x], -1)",
        "return tf.concat(x, -1)",
        "return tf.reduce_mean(x)",
        "return tf.reduce_mean(x, axis=None)",
        "return tf.reduce_mean(x, axis=1, keepdims=True)",
        "return K.sum(x, 1, True)",
        "return K.sum(self.dense(x), axis=1)",
        "return x[0]",
        "return x[:, :3]",
        "return x[:, None, 0]",
        "x = self.dense(x)\n        return x[:, 0]",
        "if training:\n            return x[:, 0]\n        return x",
        "return other.concatenate([x, x])",
    ],
)
def test_what_may_be_right(call: str) -> None:
    assert found(call) == []


@pytest.mark.parametrize(
    "shape",
    [
        "return (shape[0], 2 * shape[1])",
        "shape = shape[:-1] + (3,)\n        return shape",
        "if self.wide:\n            return (shape[0], 8)\n        return shape",
        "return super().compute_output_shape(shape)",
        "pass",
    ],
)
def test_shapes_that_are_computed(shape: str) -> None:
    assert found("return tf.concat([x, x], -1)", "keras", shape) == []


def test_other_classes_and_old_files() -> None:
    code = CLASS.format(call="return tf.concat([x, x], -1)", shape="return shape")
    for text in (
        HEAD + code.replace("keras.layers.Layer", "Other"),
        "import tensorflow as tf\nimport keras\n\nkeras.layers.Dense(output_dim=3)\n\n\n" + code,
    ):
        result = Pipeline.to("keras").run(text)
        assert "KM643" not in {each.code for each in result.findings}


RUN = """
from {root}.layers import Dense, Input, Layer, concatenate
from {root}.models import Model

class Twice(Layer):
    def call(self, x):
        return concatenate([x, x])

    def compute_output_shape(self, shape):
        return shape

a = Input((50,))
dense = Dense(1)
model = Model(a, Twice()(a))
results["said"] = model.output_shape[1]
dense(model(a))
results["kernel"] = dense.get_weights()[0].shape[0]
results["given"] = model.predict(np.ones((2, 50))).shape[1]
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_what_the_rule_has_measured() -> None:
    said = {}
    for root in ("tf_keras", "keras"):
        importlib.import_module(root)
        space: dict[str, Any] = {"np": np, "results": {}}
        exec(RUN.format(root=root), space)
        said[root] = space["results"]
    assert said["tf_keras"] == {"said": 100, "kernel": 100, "given": 100}
    assert said["keras"] == {"said": 50, "kernel": 50, "given": 100}
    old = RUN.format(root="keras").partition("dense(model(a))")[0]
    assert run_original("2.2.4", old)["said"] == 50
