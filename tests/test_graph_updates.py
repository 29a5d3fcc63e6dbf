"""KM512 and KM265: lists of updates, and who runs them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from migrating import untouched

HEAD = "from tf_keras import backend as K\n\n"
KERAS_3 = "import keras\n\n"


@pytest.mark.parametrize(
    "code",
    [
        "f = K.function([x], [y], updates=updates)\n",
        "f = K.function([x], [y], updates)\n",
        "f = K.function(inputs=[x], outputs=[y], updates=model.updates + [step])\n",
        "f = K.function([x], [y], updates=[(a, b)])\n",
    ],
)
def test_updates_of_a_function_are_reported(code: str) -> None:
    (found,) = untouched(HEAD + code, to="tf_keras", codes=["KM512"])
    assert found.advice.startswith("write a function that takes the step, with tf.GradientTape()")


@pytest.mark.parametrize(
    "code",
    [
        "f = K.function([x], [y])\n",
        "f = K.function([x], [y], updates=[])\n",
        "f = K.function([x], [y], updates=None)\n",
        "f = K.function([x], [y], None)\n",
        "f = K.function(*given)\n",
        "f = Q.function([x], [y], updates=updates)\n",
        "f = K.function([x], [y], updates=updates)\ntf.compat.v1.disable_eager_execution()\n",
    ],
)
def test_functions_without_updates_are_fine(code: str) -> None:
    untouched(HEAD + code, to="tf_keras", codes=[])


CALLS = [
    "optimizer.get_updates(params=weights, loss=loss)\n",
    "self.optimizer.get_updates(loss=loss, params=weights)\n",
    "optimizer.get_updates(params=weights, constraints={}, loss=loss)\n",
    "optimizer.get_updates(model.trainable_weights, [], loss)\n",
    "optimizer.get_updates(loss, model.trainable_weights)\n",
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("head", "to"), [(HEAD, "tf_keras"), (KERAS_3, "keras")])
def test_what_may_be_an_optimizer_is_reported(call: str, head: str, to: str) -> None:
    (found,) = untouched(head + "def f(self, optimizer, model):\n    " + call, to=to)
    assert (found.code, found.confidence.value, found.severity.value) == (
        "KM265",
        "unsure",
        "warning",
    )


@pytest.mark.parametrize(
    "code",
    [
        "def f(feed):\n    feed.get_updates()\n",
        "def f(feed):\n    feed.get_updates(since)\n",
        "def f(feed):\n    feed.get_updates(a, b)\n",
        "def f(feed):\n    feed.get_updates(params=1)\n",
        "def f(feed):\n    feed.get_updates(loss=1, since=2)\n",
        "class A:\n    def get_updates(self, params, loss):\n"
        "        return self.inner.get_updates(params=params, loss=loss)\n",
        "class A:\n    def f(self):\n        return self.get_updates(params=1, loss=loss)\n",
        "get_updates(params=params, loss=loss)\n",
    ],
)
def test_other_get_updates_are_not(code: str) -> None:
    untouched(HEAD + code, to="tf_keras", codes=[])
    untouched(KERAS_3 + code, to="keras", codes=[])


def test_one_that_is_known_is_reported_as_such() -> None:
    code = (
        "from tf_keras import optimizers\n\n"
        "sgd = optimizers.SGD(0.1)\nsgd.get_updates(params=weights, loss=loss)\n"
    )
    untouched(code, to="tf_keras", codes=["KM231"])


@pytest.mark.tensorflow
def test_it_is_so() -> None:
    code = """
import tensorflow as tf
import tf_keras
from tf_keras import backend as K

inputs = tf_keras.Input((2,))
layer = tf_keras.layers.Dense(1, kernel_initializer="ones")
outputs = layer(inputs)
target = tf.Variable(tf.zeros((2, 1)))
optimizer = tf_keras.optimizers.SGD(0.5)
print(hasattr(optimizer, "get_updates"))
try:
    K.function([inputs], [outputs], updates=[(target, 0.1 * layer.kernel)])
except ValueError as error:
    print(str(error)[:61])
model = tf_keras.Model(inputs, outputs)


def step(x):
    weights = model.trainable_weights
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(x, training=True))
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    target.assign(0.1 * layer.kernel)
    return model(x)


step(tf.ones((1, 2)))
print(layer.kernel.numpy().tolist(), target.numpy().round(3).astype(float).round(3).tolist())
"""
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True)
    first, second, third = done.stdout.splitlines()
    assert first == "False"
    assert second == "`updates` argument is not supported during eager execution. Y"[:61]
    assert third == "[[0.5], [0.5]] [[0.05], [0.05]]"
