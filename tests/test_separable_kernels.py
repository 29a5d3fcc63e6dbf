"""KM201: kernel_regularizer= and its like of separable layers, which changed nothing."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from originals import run_original
from targets import ROOT

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
HEAD = "from {}.layers import Conv2D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D\n\n"


@KERAS_3
@pytest.mark.parametrize(
    "layer", ["SeparableConv1D(8, 3", "SeparableConv2D(8, 3", "DepthwiseConv2D(3"]
)
@pytest.mark.parametrize("name", ["initializer", "regularizer", "constraint"])
def test_what_changed_nothing_goes(layer: str, name: str, to: str) -> None:
    head = HEAD.format(ROOT[to][1])
    findings = check(
        f"{head}x = {layer}, padding='same', kernel_{name}=f(1), use_bias=False)\n",
        f"{head}x = {layer}, padding='same', use_bias=False)\n",
        to=to,
        codes=["KM201"],
    )
    assert findings[0].message.endswith(f": kernel_{name}= is gone; it changed nothing")


@KERAS_3
@pytest.mark.parametrize(
    "call",
    [
        "SeparableConv2D(8, 3, depthwise_regularizer=f(1), pointwise_initializer='ones')",
        "DepthwiseConv2D(3, depthwise_constraint=None)",
        "Conv2D(8, 3, kernel_regularizer=f(1))",
        "mine.SeparableConv2D(8, 3, kernel_regularizer=f(1))",
    ],
)
def test_other_arguments_stay(call: str, to: str) -> None:
    untouched(f"{HEAD.format(ROOT[to][1])}x = {call}\n", to=to, codes=[])


def test_keras_2_takes_them_still() -> None:
    code = f"{HEAD.format('tf_keras')}x = SeparableConv2D(8, 3, kernel_regularizer=f(1))\n"
    untouched(code, to="tf_keras", codes=[])


PROGRAM = """
from keras import layers
from keras.models import Sequential

model = Sequential([
    layers.SeparableConv2D(2, 2, input_shape=(4, 4, 2), kernel_initializer='zeros',
                           kernel_regularizer='l2', kernel_constraint='non_neg'),
])
results['weights'] = [float(abs(each).min()) for each in model.get_weights()[:2]]
results['losses'] = len(model.losses)
results['constraints'] = [str(each.constraint) for each in model.trainable_weights]
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["2.0.9", "2.3.1"])
def test_they_changed_nothing_in_old_keras(version: str) -> None:
    found = run_original(version, PROGRAM)
    assert min(found["weights"]) > 0
    assert found["losses"] == 0
    assert set(found["constraints"]) == {"None"}
