"""KM333-KM335: updates, losses and metrics that layers and models add."""

from __future__ import annotations

import pytest
from migrating import check, untouched

START = "from {root}.layers import Dense, Input, Layer\nfrom {root}.models import Model\n\n"
LAYER = """\
class L(Layer):
    def call(self, x, training=None):
        self.{call}
        return x
"""
ROOT = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}


def layer(call: str, to: str) -> str:
    return START.format(root=ROOT[to]) + LAYER.format(call=call)


@pytest.mark.parametrize(
    ("before", "after", "targets"),
    [
        ("add_loss(f(x), x)", "add_loss(f(x))", ("keras", "tf.keras", "tf_keras")),
        ("add_loss(f(x), inputs=x)", "add_loss(f(x))", ("keras", "tf.keras")),
        ("add_update([g(x)], x)", "add_update([g(x)])", ("tf_keras",)),
        ("add_update(g(x), inputs=x)  # g", "add_update(g(x))  # g", ("tf_keras",)),
    ],
)
def test_inputs_are_taken_out(before: str, after: str, targets: tuple[str, ...]) -> None:
    for to in targets:
        check(layer(before, to), layer(after, to), to=to, codes=["KM333"])


def test_keras_2_takes_the_inputs_of_a_loss_by_name() -> None:
    untouched(layer("add_loss(f(x), inputs=x)", "tf_keras"), to="tf_keras", codes=[])


@pytest.mark.parametrize("call", ["add_update([(self.n, x)])", "add_update(g(x), x)"])
@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_keras_3_has_no_updates(call: str, to: str) -> None:
    untouched(layer(call, to), to=to, codes=["KM334"])


def test_keras_2_leaves_pairs_out() -> None:
    untouched(layer("add_update([(self.n, x)])", "tf_keras"), to="tf_keras", codes=["KM334"])
    untouched(layer("add_update((self.n, x))", "tf_keras"), to="tf_keras", codes=["KM334"])
    untouched(layer("add_update([g(x)])", "tf_keras"), to="tf_keras", codes=[])


@pytest.mark.parametrize("method", ["add_loss", "add_metric"])
def test_a_loss_of_a_functional_model(method: str) -> None:
    code = f"x = Input((3,))\nmodel = Model(x, Dense(2)(x))\nmodel.{method}(f(x))\n"
    untouched(START.format(root="keras") + code, to="keras", codes=["KM335"])
    untouched(START.format(root="tf_keras") + code, to="tf_keras", codes=[])


@pytest.mark.parametrize(
    "code",
    [
        LAYER.format(call="add_loss(f(x))"),
        LAYER.format(call="add_metric(f(x), 'm')"),
        LAYER.format(call="add_loss(*losses)"),
        "class L(Layer):\n    def add_update(self, u, inputs=None):\n        pass\n"
        "    def call(self, x, training=None):\n        self.add_update(x, x)\n",
        "class Log:\n    def go(self):\n        self.add_loss(1, 2)\n"
        "        self.add_update(3, 4)\n",
        "thing.add_loss(1, 2)\nthing.add_update([(1, 2)])\n",
        "def f(model):\n    model.add_metric(3)\n",
    ],
)
def test_other_calls_stay(code: str) -> None:
    untouched(START.format(root="keras") + code, to="keras", codes=[])


@pytest.mark.tensorflow
def test_under_tensorflow_it_is_as_the_rules_say() -> None:
    import keras
    import tensorflow as tf
    import tf_keras

    class Pair(tf_keras.layers.Layer):  # type: ignore[misc]
        def build(self, shape: object) -> None:
            self.seen = self.add_weight(name="seen", shape=(), initializer="zeros")

        def call(self, x: object, training: object = None) -> object:
            self.add_update([(self.seen, self.seen + 1.0)])
            return x

    layer = Pair()
    layer(tf.zeros((1, 2)), training=True)
    assert float(layer.seen) == 0.0
    assert not hasattr(keras.layers.Layer, "add_update")
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    for method in (model.add_loss, model.add_metric):
        with pytest.raises(NotImplementedError):
            method(model.outputs[0])
