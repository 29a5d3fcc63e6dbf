"""KM336, KM337: TensorFlow functions on Keras tensors."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from migrating import check, untouched

from kerasmigrate.transforms.tensorflow_functions import functions

START = "import tensorflow as tf\nfrom keras.layers import Conv2D, Dense, Input, Lambda, Layer\n\n"
MOVED = START.replace("Layer\n", "Layer\nfrom keras import ops\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tf.reduce_mean(x, 1)", "ops.mean(x, 1)"),
        ("tf.reduce_sum(input_tensor=x, axis=-1)", "ops.sum(x=x, axis=-1)"),
        ("tf.math.reduce_max(x, keep_dims=True)", "ops.max(x, keepdims=True)"),
        ("tf.concat([x, x], -1, name='c')", "ops.concatenate([x, x], -1)"),
        ("tf.concat(values=(x, 2 * x), axis=1)", "ops.concatenate(xs=(x, 2 * x), axis=1)"),
        ("tf.expand_dims(x, dim=1)", "ops.expand_dims(x, axis=1)"),
        ("tf.reshape(x, [-1, 4])  # rows", "ops.reshape(x, [-1, 4])  # rows"),
        ("tf.transpose(x, perm=[0, 2, 1])", "ops.transpose(x, axes=[0, 2, 1])"),
        ("tf.log(x + 1)", "ops.log(x + 1)"),
        ("tf.nn.relu(Dense(2)(x))", "ops.relu(Dense(2)(x))"),
        ("tf.clip_by_value(\n    x,\n    0,\n    1,\n)", "ops.clip(\n    x,\n    0,\n    1,\n)"),
        ("tf.compat.v1.sigmoid(x[:, 0])", "ops.sigmoid(x[:, 0])"),
        ("tf.gather(x, [0], axis=1)", "ops.take(x, [0], axis=1)"),
    ],
)
def test_functions_with_an_equal(before: str, after: str) -> None:
    start = "x = Input((8, 3))\ny = "
    check(
        f"{START}{start}{before}\n",
        f"{MOVED}{start}{after}\n",
        to="keras",
        codes=["KM101", "KM336"],
    )


def test_a_parameter_that_layers_are_called_on() -> None:
    before = "def block(x):\n    y = tf.nn.relu(x)\n    return Dense(3)(x) + y\n"
    check(
        START + before, MOVED + before.replace("tf.nn", "ops"), to="keras", codes=["KM101", "KM336"]
    )


@pytest.mark.parametrize(
    "call",
    [
        "tf.shape(x)",
        "tf.identity(x)",
        "tf.image.resize(x, (3, 3))",
        "tf.matmul(x, x, transpose_b=True)",
        "tf.argmax(x)",
        "tf.concat([x, x], *rest)",
        "tf.split(x, 2)",
    ],
)
def test_functions_without_an_equal_are_reported(call: str) -> None:
    untouched(f"{START}x = Input((8, 3))\ny = {call}\n", to="keras", codes=["KM337"])


@pytest.mark.parametrize(
    "code",
    [
        "y = tf.reduce_sum(x)\n",
        "def f(x):\n    return tf.reduce_sum(x)\n",
        "x = tf.zeros((2, 3))\ny = tf.nn.relu(x)\n",
        "x = Input((8,))\ny = Lambda(lambda t: tf.nn.relu(t))(x)\n",
        "dense = Dense(2)\nclass L(Layer):\n    def call(self, x, training=None):\n"
        "        y = dense(x)\n        return tf.nn.relu(y) + tf.identity(x)\n",
        "x = Input((8,))\nx = load()\ny = tf.nn.relu(x)\n",
        "def f(tf):\n    x = Input((8,))\n    return tf.nn.relu(x)\n",
        "x = Input((8,))\ny = Dense(2, activation=tf.nn.relu)(x)\n",
        "x = Input((8,))\ny = tf.reduce_sum(other)\n",
        "x = Input((8,))\ny = tf.data.Dataset(x), tf.zeros(3)\n",
    ],
)
def test_other_calls_stay(code: str) -> None:
    untouched(START + code, to="keras", codes=[])


def test_keras_2_takes_them() -> None:
    code = START.replace("keras.", "tf_keras.") + "x = Input((8,))\ny = tf.nn.relu(x)\n"
    untouched(code, to="tf_keras", codes=[])


#: Arguments besides the tensor with which each function is tried.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "concat": (1,),
    "expand_dims": (1,),
    "reshape": ((6, 4),),
    "transpose": ((1, 0, 2),),
    "tile": ((1, 2, 1),),
    "cast": ("int32",),
    "argmax": (1,),
    "clip_by_value": (-0.5, 0.5),
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", sorted(functions()))
def test_the_numbers_are_equal(name: str) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np
    import tensorflow as tf

    found: Callable[..., Any] | None = None
    for prefix in ("", "math.", "linalg."):
        place: Any = tf
        for part in f"{prefix}{name}".split("."):
            place = getattr(place, part, None)
        found = found or place
    assert found is not None, name
    function = functions()[name]
    ours = getattr(keras.ops, function.path.rpartition(".")[2])
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    if name in ("log", "log1p", "rsqrt", "sqrt", "pow"):
        x = np.abs(x) + 0.5
    rest = ARGUMENTS.get(name, ())
    names = list(function.parameters)
    if name in ("concat", "stack"):
        first: Any = [x, x + 1]
    elif name == "squeeze":
        first = x[:, :1]
    elif name == "matmul":
        first, rest = x, (np.swapaxes(x, 1, 2),)
    else:
        first = x
    if len(names) > 1 and function.parameters[names[1]] == "x2" and name != "matmul":
        rest = (x * 2 + 1,)
    if name == "gather":
        keywords: dict[str, Any] = {"axis": 1}
        rest = (np.array([2, 0]),)
    else:
        keywords = {}
    expected = found(first, *rest, **keywords)
    np.testing.assert_array_equal(np.asarray(expected), np.asarray(ours(first, *rest, **keywords)))
    theirs = dict(zip(names, (first, *rest), strict=False)) | keywords
    np.testing.assert_array_equal(
        np.asarray(found(**theirs)),
        np.asarray(ours(**{str(function.parameters[key]): value for key, value in theirs.items()})),
    )
