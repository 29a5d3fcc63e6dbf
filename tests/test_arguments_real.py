"""Converted calls build under the real packages, with the settings that Keras 1 meant."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kerasmigrate.pipeline import Pipeline

pytestmark = pytest.mark.tensorflow

#: Calls of Keras 1, and the settings that they have to end with.
CALLS: list[tuple[str, str, dict[str, object]]] = [
    ("layers", "Dense(4, 'uniform', 'tanh')", {"units": 4, "activation": "tanh"}),
    ("layers", "Dense(output_dim=4, bias=False)", {"units": 4, "use_bias": False}),
    ("layers", "Dropout(p=.25)", {"rate": 0.25}),
    ("layers", "SpatialDropout2D(p=.25)", {"rate": 0.25}),
    ("layers", "GaussianNoise(sigma=.25)", {"stddev": 0.25}),
    (
        "layers",
        "Convolution2D(4, 3, 5, border_mode='same', subsample=(2, 2), dim_ordering='th')",
        {
            "filters": 4,
            "kernel_size": [3, 5],
            "padding": "same",
            "strides": [2, 2],
            "data_format": "channels_first",
        },
    ),
    ("layers", "Convolution2D(4, 3, 3)", {"kernel_size": [3, 3], "strides": [1, 1]}),
    (
        "layers",
        "Convolution1D(4, 3, 'uniform', 'relu', subsample_length=2)",
        {"kernel_size": [3], "strides": [2], "activation": "relu"},
    ),
    ("layers", "Convolution3D(4, 1, 2, 3)", {"kernel_size": [1, 2, 3]}),
    (
        "layers",
        "AtrousConvolution2D(4, 3, 3, atrous_rate=(2, 2))",
        {"kernel_size": [3, 3], "dilation_rate": [2, 2]},
    ),
    (
        "layers",
        "Deconvolution2D(3, 5, 5, output_shape=(None, 3, 14, 14), subsample=(2, 2))",
        {"kernel_size": [5, 5], "strides": [2, 2]},
    ),
    ("layers", "SeparableConvolution2D(4, 3, 3, init='one')", {"kernel_size": [3, 3]}),
    (
        "layers",
        "ConvLSTM2D(4, 3, 3, 'glorot_uniform', 'orthogonal', 'one')",
        {"kernel_size": [3, 3], "unit_forget_bias": True},
    ),
    (
        "layers",
        "MaxPooling2D((3, 3), (2, 2), 'same', 'tf')",
        {
            "pool_size": [3, 3],
            "strides": [2, 2],
            "padding": "same",
            "data_format": "channels_last",
        },
    ),
    ("layers", "MaxPooling1D(pool_length=3, stride=1)", {"pool_size": [3], "strides": [1]}),
    ("layers", "AveragePooling2D()", {"pool_size": [2, 2]}),
    ("layers", "UpSampling1D(length=3)", {"size": 3}),
    ("layers", "ZeroPadding2D((1, 2, 3, 4))", {"padding": [[1, 2], [3, 4]]}),
    ("layers", "ZeroPadding2D({'top_pad': 1})", {"padding": [[1, 0], [0, 0]]}),
    ("layers", "BatchNormalization(1e-5, 0, 1)", {"epsilon": 1e-5, "momentum": 0.99}),
    ("layers", "Embedding(9, 4, init='normal')", {"input_dim": 9, "output_dim": 4}),
    (
        "layers",
        "LSTM(8, 'uniform', 'one', 'zero', 'relu', 'tanh', dropout_W=.5, dropout_U=.25)",
        {
            "units": 8,
            "unit_forget_bias": False,
            "activation": "relu",
            "recurrent_activation": "tanh",
            "dropout": 0.5,
            "recurrent_dropout": 0.25,
        },
    ),
    ("layers", "GRU(output_dim=8, consume_less='gpu', inner_activation='tanh')", {"units": 8}),
    ("layers", "SimpleRNN(8, input_dim=3, input_length=5)", {"units": 8}),
    ("layers", "TimeDistributedDense(4, 'uniform', 'relu', input_dim=3)", {}),
    ("optimizers", "SGD(lr=.5, momentum=.25)", {"learning_rate": 0.5, "momentum": 0.25}),
    ("optimizers", "SGD(.5, .25, 0., True)", {"learning_rate": 0.5, "nesterov": True}),
    ("optimizers", "RMSprop(.5, .25, 1e-4)", {"rho": 0.25, "epsilon": 1e-4, "momentum": 0.0}),
    ("optimizers", "Adam(lr=.5, decay=0.)", {"learning_rate": 0.5}),
    ("optimizers", "Nadam(lr=.5, schedule_decay=.004)", {"learning_rate": 0.5}),
    ("constraints", "maxnorm(m=3)", {"max_value": 3}),
    ("constraints", "MinMaxNorm(low=.5, high=2)", {"min_value": 0.5, "max_value": 2}),
    ("regularizers", "l2(l=.5)", {"l2": 0.5}),
    ("regularizers", "l1l2(l1=.5, l2=.25)", {"l1": 0.5, "l2": 0.25}),
]


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_settings(to: str) -> None:
    lines = ["import json, math", "made = []"]
    for module, call, _ in CALLS:
        name = call.partition("(")[0]
        text = f"from keras.{module} import {name}\nthing = {call}\n"
        result = Pipeline.to(to).run(text)
        assert result.failures == ()
        lines += [
            result.text,
            "made.append(json.loads(json.dumps(thing.get_config(), default=float)))",
        ]
    lines.append("print('MADE', json.dumps(made))")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made = json.loads(done.stdout.rpartition("MADE ")[2])
    assert len(made) == len(CALLS)
    for (_, call, expected), config in zip(CALLS, made, strict=True):
        found = {name: config[name] for name in expected}
        for name, value in expected.items():
            if isinstance(value, float):
                assert found[name] == pytest.approx(value), call
            else:
                assert found[name] == value, call


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_merged_and_trained(to: str) -> None:
    text = """
import numpy as np
from keras.layers import Input, Dense, merge, Merge
from keras.models import Model

a = Input((2,))
b = Input((2,))
modes = ['sum', 'mul', 'ave', 'max']
outputs = [
    merge([a, b], mode='sum'),
    merge([a, b], mode='mul'),
    merge([a, b], mode='ave'),
    merge([a, b], mode='max'),
    merge([a, b], mode='concat', concat_axis=1),
    merge([a, b], mode='dot', dot_axes=1),
    merge([a, b], mode='cos', dot_axes=1),
    merge([a, b], mode=lambda x: x[0] - x[1], output_shape=(2,)),
    Merge(mode='sum')([a, b]),
]
model = Model(input=[a, b], output=outputs)
x, y = np.array([[3., 4.]], 'float32'), np.array([[1., 2.]], 'float32')
found = model.predict([x, y], verbose=0)
one = Model(input=[a, b], output=Dense(output_dim=1, init='one')(outputs[0]))
one.compile('sgd', 'mse', ['mae'])
one.fit([x, y], np.zeros((1, 1)), nb_epoch=2, verbose=0)
print('FOUND', [[[round(float(n), 4) for n in row] for row in each] for each in found])
"""
    result = Pipeline.to(to).run(text)
    done = subprocess.run(
        [sys.executable, "-c", result.text],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.rpartition("FOUND ")[2]) == [
        [[4.0, 6.0]],
        [[3.0, 8.0]],
        [[2.0, 3.0]],
        [[3.0, 4.0]],
        [[3.0, 4.0, 1.0, 2.0]],
        [[11.0]],
        [[0.9839]],
        [[2.0, 2.0]],
        [[4.0, 6.0]],
    ]
