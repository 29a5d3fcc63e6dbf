"""Weights of Keras 1 in the layout of today: the layer computes what it did."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from originals import run_original

from kerasmigrate.verify.worker import layouts

pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

#: Name -> the layer in Keras 1, the same in tf_keras and Keras 3, its input shape. The order of
#: Theano has no convolution on a CPU today: there the picture is turned instead.
CASES: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "lstm": (
        "LSTM(4, return_sequences=True)",
        "LSTM(4, return_sequences=True, recurrent_activation=hard_sigmoid)",
        (5, 3),
    ),
    "lstm_gpu": (
        "LSTM(4, consume_less='gpu')",
        "LSTM(4, recurrent_activation=hard_sigmoid)",
        (5, 3),
    ),
    "gru": (
        "GRU(4)",
        "GRU(4, recurrent_activation=hard_sigmoid, reset_after=False)",
        (5, 3),
    ),
    "gru_mem": (
        "GRU(4, consume_less='mem')",
        "GRU(4, recurrent_activation=hard_sigmoid, reset_after=False)",
        (5, 3),
    ),
    "gru_gpu": (
        "GRU(4, consume_less='gpu')",
        "GRU(4, recurrent_activation=hard_sigmoid, reset_after=False)",
        (5, 3),
    ),
    "simple_rnn": ("SimpleRNN(4)", "SimpleRNN(4)", (5, 3)),
    "bidirectional": (
        "Bidirectional(LSTM(4))",
        "Bidirectional(LSTM(4, recurrent_activation=hard_sigmoid))",
        (5, 3),
    ),
    "distributed": (
        "TimeDistributed(Convolution1D(4, 2))",
        "TimeDistributed(Conv1D(4, 2))",
        (3, 6, 2),
    ),
    "conv_lstm": (
        "ConvLSTM2D(3, 2, 2)",
        "ConvLSTM2D(3, 2, recurrent_activation=hard_sigmoid)",
        (3, 5, 5, 2),
    ),
    "conv1d": ("Convolution1D(4, 3)", "Conv1D(4, 3)", (7, 2)),
    "conv1d_holes": (
        "AtrousConvolution1D(4, 2, atrous_rate=2)",
        "Conv1D(4, 2, dilation_rate=2)",
        (7, 2),
    ),
    "conv2d": ("Convolution2D(4, 3, 2)", "Conv2D(4, (3, 2))", (6, 6, 2)),
    "conv2d_theano": (
        "Convolution2D(4, 3, 2, dim_ordering='th')",
        "Conv2D(4, (3, 2))",
        (6, 6, 2),
    ),
    "conv3d": ("Convolution3D(4, 2, 3, 2)", "Conv3D(4, (2, 3, 2))", (4, 5, 4, 2)),
    "conv3d_theano": (
        "Convolution3D(4, 2, 3, 2, dim_ordering='th')",
        "Conv3D(4, (2, 3, 2))",
        (4, 5, 4, 2),
    ),
    "transposed": (
        "Deconvolution2D(4, 3, 2, (None, 8, 7, 4))",
        "Conv2DTranspose(4, (3, 2))",
        (6, 6, 2),
    ),
    "transposed_theano": (
        "Deconvolution2D(4, 3, 2, (None, 4, 8, 7), dim_ordering='th')",
        "Conv2DTranspose(4, (3, 2))",
        (6, 6, 2),
    ),
    "separable": (
        "SeparableConvolution2D(4, 3, 2, depth_multiplier=2)",
        "SeparableConv2D(4, (3, 2), depth_multiplier=2)",
        (6, 6, 2),
    ),
    "separable_theano": (
        "SeparableConvolution2D(4, 3, 2, dim_ordering='th')",
        "SeparableConv2D(4, (3, 2))",
        (6, 6, 2),
    ),
    "batch_normalization": ("BatchNormalization()", "BatchNormalization()", (6,)),
    "dense": ("Dense(4)", "Dense(4)", (6,)),
    "prelu": ("PReLU()", "PReLU()", (6,)),
}

CODE = """
from kerasmigrate_verify_worker import layouts
from keras.layers import *
from keras.models import Sequential
for name, (old, _, shape) in cases.items():
    x = np.random.uniform(-1, 1, size=(2, *shape)).astype("float32")
    given = x
    if name.endswith("theano"):
        given = x.transpose(0, -1, *range(1, x.ndim - 1))
    layer = eval(old)
    model = Sequential()
    model.add(InputLayer(input_shape=given.shape[1:]))
    model.add(layer)
    layer.set_weights([np.random.uniform(0.1, 1, size=w.shape) for w in layer.get_weights()])
    y = model.predict(given)
    if name.endswith("theano"):
        y = y.transpose(0, *range(2, y.ndim), 1)
    results[name] = x, y, layouts.modern(layer, layer.get_weights(), 1), layouts.kind_of(layer)
"""


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """Return input, output, weights in the layout of today, and kind of every case."""
    return run_original("1.2.2", CODE, cases=CASES)


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_with_old_weights(measured: dict[str, Any], name: str, package: str) -> None:
    keras: Any = importlib.import_module(package)
    flow: Any = importlib.import_module("tensorflow")

    # Under its old name, a wrapper of Keras 3 would take the steeper one of today for it.
    def old_hard_sigmoid(x: Any) -> Any:
        return flow.clip_by_value(0.2 * x + 0.5, 0.0, 1.0)

    x, y, weights, kind = measured[name]
    # A wrapper makes its layers anew, and looks their functions up by name.
    with keras.utils.custom_object_scope({"old_hard_sigmoid": old_hard_sigmoid}):
        layer = eval(CASES[name][1], {**vars(keras.layers), "hard_sigmoid": old_hard_sigmoid})
    layer.build((None, *x.shape[1:]))
    layer.set_weights(weights)
    np.testing.assert_allclose(np.asarray(layer(flow.constant(x))), y, atol=1e-5)
    assert kind == type(layer).__name__


def test_later_versions_are_as_today() -> None:
    weights = [np.ones((2, 12)), np.ones((3, 12)), np.ones(12)]

    class LSTM: ...

    class Conv1D: ...

    for layer in (LSTM(), Conv1D()):
        assert all(a is b for a, b in zip(layouts.modern(layer, weights, 2), weights, strict=True))


def test_classes_that_a_migration_writes() -> None:
    weights = [np.full(2, number) for number in range(4)]

    class Highway: ...

    class Keras1Highway: ...

    class TimeDistributedDense: ...

    assert [each[0] for each in layouts.modern(Highway(), weights, 1)] == [0, 2, 1, 3]
    assert [each[0] for each in layouts.modern(Keras1Highway(), weights, 3)] == [0, 1, 2, 3]
    assert [each[0] for each in layouts.modern(TimeDistributedDense(), weights, 1)] == [0, 1, 2, 3]
    kinds = [layouts.kind_of(each()) for each in (Highway, Keras1Highway, TimeDistributedDense)]
    assert kinds == ["Highway", "Highway", "TimeDistributed"]


def test_merges_are_called_after_their_mode() -> None:
    code = """
    from kerasmigrate_verify_worker import layouts
    from keras.layers import Dense, Input, Merge, merge
    source = Input((3,))
    x, y = Dense(2)(source), Dense(2)(source)
    for mode in ("sum", "mul", "ave", "max", "concat", "dot", "cos"):
        tensor = merge([x, y], mode=mode)
        results[mode] = layouts.kind_of(tensor._keras_history[0])
    own = merge([x, y], mode=lambda pair: pair[0] - pair[1], output_shape=(2,))
    results["own"] = layouts.kind_of(own._keras_history[0])
    """
    assert run_original("1.2.2", code) == {
        "sum": "Add",
        "mul": "Multiply",
        "ave": "Average",
        "max": "Maximum",
        "concat": "Concatenate",
        "dot": "Dot",
        "cos": "Dot",
        "own": "Merge",
    }
