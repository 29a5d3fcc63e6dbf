"""KM623 to KM625: what Keras 3 passes over in classes."""

from __future__ import annotations

from typing import Any

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.pipeline import Pipeline

METRIC = """\
import keras


class Last(keras.metrics.Metric):
    def __init__(self, name='last', **kwargs):
        super().__init__(name=name, **kwargs)
        self.value = self.add_weight(name='value', initializer='zeros')

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign_add(1.0)

    def result(self):
        return self.value

    def {0}(self):
        super().{0}()
        self.value.assign(100.0)


last = Last()
last.{0}()
"""


def test_a_metric_that_resets_itself() -> None:
    check(
        METRIC.format("reset_states"),
        METRIC.format("reset_state"),
        to="keras",
        codes=["KM623"] * 3,
    )
    code = METRIC.format("reset_states").replace("import keras", "import tf_keras as keras")
    untouched(code, to="tf_keras", codes=[])


@pytest.mark.parametrize(
    "code",
    [
        "class A(keras.metrics.Metric):\n    def reset_states(self):\n        pass\n\n"
        "    def reset_state(self):\n        self.reset_states()\n\n\nA().reset_states()\n",
        "class A:\n    def reset_states(self):\n        pass\n\n\nA().reset_states()\n",
        "class A(keras.layers.Layer):\n    def reset_states(self):\n        pass\n",
        "layer = keras.layers.LSTM(4)\nlayer.reset_states()\n",
        "def f(metric):\n    metric.reset_states()\n",
    ],
)
def test_other_resets_stay(code: str) -> None:
    found = Pipeline.to("keras").run("import keras\n\n\n" + code)
    assert found.text == "import keras\n\n\n" + code
    assert "KM623" not in [each.code for each in found.findings]


STEP = """\
import tensorflow as tf
from tensorflow import keras


class Net(keras.Model):
    def call(self, x, training=None):
        return x

    def train_step(self, data):
        loss = tf.reduce_mean(data)
        return {0}
"""


@pytest.mark.parametrize("value", ["{'loss': loss}", '{"loss": tf.sqrt(loss)}', "dict(loss=loss)"])
def test_a_step_that_returns_its_loss(value: str) -> None:
    (found,) = untouched(STEP.format(value), to="tf.keras", codes=["KM624"])
    assert (found.fixed, found.confidence, found.line) == (False, Confidence.LIKELY, 11)
    result = Pipeline.to("tf_keras").run(STEP.format(value))
    assert "KM624" not in [each.code for each in result.findings]


@pytest.mark.parametrize(
    "value",
    [
        "{'loss': self.tracker.result()}",
        "{'d_loss': loss, 'g_loss': loss}",
        "{m.name: m.result() for m in self.metrics}",
        "{**super().train_step(data), 'loss': loss}",
        "{'loss': self.losses[0]}",
        "loss",
    ],
)
def test_other_steps(value: str) -> None:
    untouched(STEP.format(value), to="tf.keras", codes=[])


@pytest.mark.parametrize(
    "more",
    [
        "    @property\n    def metrics(self):\n        return [self.loss_metric]\n",
        "    def compile(self, optimizer):\n        self.optimizer = optimizer\n",
        "    def note(self, loss):\n        self._loss_tracker.update_state(loss)\n",
    ],
)
def test_classes_with_metrics_of_their_own(more: str) -> None:
    untouched(STEP.format("{'loss': loss}") + "\n" + more, to="tf.keras", codes=[])


def test_a_class_that_compiles_as_keras_does() -> None:
    more = "\n    def compile(self, optimizer):\n        super().compile(optimizer=optimizer)\n"
    untouched(STEP.format("{'loss': loss}") + more, to="tf.keras", codes=["KM624"])


def test_a_class_of_another_kind() -> None:
    code = STEP.format("{'loss': loss}").replace("keras.Model", "object")
    untouched(code.replace("training=None", "y"), to="tf.keras", codes=[])


VARIABLES = """\
import tensorflow as tf
from tensorflow import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.scale = tf.Variable(tf.ones((3,)))

    def call(self, x, training=None):
        factor = tf.Variable(1.0)
        return x * self.scale * factor


class Other:
    def __init__(self):
        self.scale = tf.Variable(1.0)


class Made(keras.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(name='scale', shape=(3,))
        self.other = Variable(1.0)
"""


def test_variables_of_tensorflow() -> None:
    found, made = untouched(VARIABLES, to="tf.keras", codes=["KM625", "KM513"])
    assert made.line == 10
    assert found.line == 7
    assert found.message.startswith("Scale.scale is a variable of TensorFlow")
    assert "self.scale = self.add_weight(shape=..., " in found.advice
    fixed = VARIABLES.replace("tf.ones((3,))", "tf.ones((3,)), trainable=False")
    found, _ = untouched(fixed, to="tf.keras", codes=["KM625", "KM513"])
    assert (found.severity, found.message[-13:]) == (Severity.INFO, "does not save")
    code = VARIABLES.replace("from tensorflow import keras", "import tf_keras as keras")
    untouched(code, to="tf_keras", codes=["KM513"])


RUN = """\
import tensorflow as tf
import {root} as keras

{metric}

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.scale = tf.Variable(tf.ones((3,)))

    def call(self, x, training=None):
        return self.dense(x * self.scale)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {{'loss': loss}}


net = Net()
net.compile('sgd')
shown = net.fit(x, y, verbose=0).history['loss'][0]
weights = len(net.trainable_variables)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile('sgd', 'mse', metrics=[Last()])
counted = model.fit(x, y, epochs=2, verbose=0).history['last']
"""


@pytest.mark.tensorflow
def test_what_keras_3_passes_over() -> None:
    pytest.importorskip("tf_keras")
    pytest.importorskip("keras")
    import numpy as np

    def run(code: str) -> dict[str, Any]:
        names: dict[str, Any] = {"x": np.ones((4, 3), "float32"), "y": np.ones((4, 1), "float32")}
        exec(compile(code, "<classes>", "exec"), names)
        return names

    metric = METRIC.format("reset_states").replace("import keras\n", "").partition("\nlast =")[0]
    metric = metric.replace("        super().reset_states()\n", "")
    before = run(RUN.format(root="tf_keras", metric=metric))
    silent = run(RUN.format(root="keras", metric=metric))
    assert before["shown"] > 0 and silent["shown"] == 0.0
    assert (before["weights"], silent["weights"]) == (3, 2)
    assert (before["counted"], silent["counted"]) == ([1.0, 101.0], [1.0, 1.0])
    result = Pipeline.to("keras").run(RUN.format(root="keras", metric=metric))
    assert {"KM623", "KM624", "KM625"} <= {each.code for each in result.findings}
    assert run(result.text)["counted"][1] == 101.0
