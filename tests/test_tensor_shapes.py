"""KM330-KM332: shapes of tensors."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import TARGETS

INPUT = "from keras.layers import Dense, Input, Layer\n\n"


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("x = Input((8,))\nx.get_shape()\n", "x = Input((8,))\nx.shape\n", ["KM332"]),
        (
            "x = Dense(2)(Input((8,)))\ny = x.get_shape().as_list()  # all\n",
            "x = Dense(2)(Input((8,)))\ny = list(x.shape)  # all\n",
            ["KM332"],
        ),
        (
            "x = Input((8,)) + 1\ny = (x.shape.as_list())[1:]\n",
            "x = Input((8,)) + 1\ny = (list(x.shape))[1:]\n",
            ["KM332"],
        ),
        (
            "x = Input((8,))\nn = x.shape.ndims, x.get_shape().ndims, x.shape.rank\n",
            "x = Input((8,))\nn = len(x.shape), len(x.shape), len(x.shape)\n",
            ["KM332", "KM332", "KM332"],
        ),
        (
            "def block(x):\n    n = x.get_shape().as_list()[-1]\n    return Dense(n)(x)\n",
            "def block(x):\n    n = list(x.shape)[-1]\n    return Dense(n)(x)\n",
            ["KM332"],
        ),
        (
            "def block(x):\n    x = Dense(2)(x)\n    return x.get_shape()[1]\n",
            "def block(x):\n    x = Dense(2)(x)\n    return x.shape[1]\n",
            ["KM332"],
        ),
        (
            "class L(Layer):\n    def build(self, input_shape):\n"
            "        self.n = input_shape.as_list()[-1]\n",
            "class L(Layer):\n    def build(self, input_shape):\n"
            "        self.n = list(input_shape)[-1]\n",
            ["KM332"],
        ),
    ],
)
@pytest.mark.parametrize("to", ["keras"])
def test_a_tensor_has_a_tuple_for_its_shape(
    before: str, after: str, codes: list[str], to: str
) -> None:
    check(INPUT + before, INPUT + after, to=to, codes=codes)


@pytest.mark.parametrize(
    "code",
    [
        "def f(x):\n    return x.get_shape().as_list()\n",
        "import tensorflow as tf\nx = tf.zeros((2, 3))\ny = x.get_shape().as_list()\n",
        "dense = Dense(2)\nclass L(Layer):\n    def call(self, x, training=None):\n"
        "        y = dense(x)\n        return x.get_shape().as_list(), y.get_shape()\n",
        "class L(Layer):\n    def build(self, input_shape):\n"
        "        input_shape = make(input_shape)\n        self.n = input_shape.as_list()\n",
        "class Other:\n    def build(self, input_shape):\n        self.n = input_shape.as_list()\n",
        "x = Input((8,))\ny = frame.as_list(), x.shape[0], x.shape\n",
        "x = Input((8,))\nx = load()\ny = x.get_shape()\n",
        "for x in things:\n    y = x.get_shape()\n",
        "x = Input((8,))\ny = x.get_shape(1)\n",
    ],
)
def test_what_is_no_keras_tensor_keeps_its_methods(code: str) -> None:
    untouched(INPUT + code, to="keras", codes=[])


def test_keras_2_has_the_methods() -> None:
    code = "from tf_keras.layers import Input\n\nx = Input((8,))\ny = x.get_shape().as_list()\n"
    untouched(code, to="tf_keras", codes=[])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("n = x.shape[1].value\n", "n = x.shape[1]\n"),
        ("n = x.get_shape()[-1].value\n", "n = x.get_shape()[-1]\n"),
        ("n = f(x).shape[i].value * 2\n", "n = f(x).shape[i] * 2\n"),
        (
            "class L(Layer):\n    def compute_output_shape(self, s):\n"
            "        return (s[0], s[1].value)\n",
            "class L(Layer):\n    def compute_output_shape(self, s):\n"
            "        return (s[0], s[1])\n",
        ),
    ],
)
def test_a_dimension_is_an_integer(before: str, after: str) -> None:
    check(INPUT + before, INPUT + after, to="keras", codes=["KM331"])
    for to in ("tf_keras", "tf.keras"):
        root = {"tf_keras": "tf_keras", "tf.keras": "tensorflow.keras"}[to]
        imported = INPUT.replace("keras", root, 1)
        check(imported + before, imported + after, to=to, codes=["KM331"])


@pytest.mark.parametrize(
    "code",
    [
        "n = x.shape[1:].value\n",
        "n = x.shape.value\n",
        "n = cell[0].value\n",
        "x.shape[0].value = 3\n",
        "def f(s):\n    return s[1].value\n",
        "class L(Layer):\n    def other(self, s):\n        return s[1].value\n",
        "class Book:\n    def build(self, s):\n        return s[1].value\n",
    ],
)
def test_other_values_stay(code: str) -> None:
    for to in TARGETS:
        root = {"tf_keras": "tf_keras", "tf.keras": "tensorflow.keras"}.get(to, "keras")
        untouched(INPUT.replace("keras", root, 1) + code, to=to, codes=[])


def test_the_shape_of_keras_1() -> None:
    before = "from keras import backend as K\nx = f()\ny = x._keras_shape[1:]  # n\nz = K\n"
    check(
        before,
        before.replace("x._keras_shape", "tuple(x.shape)"),
        to="keras",
        codes=["KM330"],
    )
    check(
        before,
        "from tf_keras import backend as K\nx = f()\ny = K.int_shape(x)[1:]  # n\nz = K\n",
        to="tf_keras",
        codes=["KM101", "KM330"],
    )


def test_one_item_of_it() -> None:
    check(
        "from keras import layers\n\n\ndef f(x):\n    return layers, (x._keras_shape)[-1]\n",
        "from keras import layers\n\n\ndef f(x):\n    return layers, (x.shape)[-1]\n",
        to="keras",
        codes=["KM330"],
    )


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_setting_it_is_reported(to: str) -> None:
    root = "keras" if to == "keras" else "tf_keras"
    untouched(
        f"from {root} import layers\nx = f(layers)\nx._keras_shape = (None, 3)\n",
        to=to,
        codes=["KM330"],
    )


def test_asking_whether_it_is_there_is_simply_false() -> None:
    untouched(
        "from keras import layers\nx = f(layers)\nif hasattr(x, '_keras_shape'):\n    pass\n",
        to="keras",
        codes=[],
    )


@pytest.mark.parametrize(
    ("before", "keras", "tf_keras"),
    [
        ("getattr(x, '_keras_shape')", "tuple(x.shape)", "K.int_shape(x)"),
        ("getattr(x, '_keras_shape')[-1]", "x.shape[-1]", "K.int_shape(x)[-1]"),
        ("getattr(x, '_shape_val')", "x.shape", "x.shape"),
        ("x._shape_val[1]", "x.shape[1]", "x.shape[1]"),
        ("(getattr(f(x), '_shape_val'))", "(f(x).shape)", "(f(x).shape)"),
    ],
)
def test_a_shape_that_is_asked_for_by_a_string(before: str, keras: str, tf_keras: str) -> None:
    for to, after in (("keras", keras), ("tf_keras", tf_keras)):
        code = "from {} import backend as K\n\nprint(K.floatx())\nx = f()\ny = {}\n"
        if to == "keras":
            code = "from {} import layers\n\nlayers.Dense(1)\nx = f()\ny = {}\n"
        changed = ["KM101"] if to == "tf_keras" else []
        check(
            code.format("keras", before), code.format(to, after), to=to, codes=[*changed, "KM330"]
        )


@pytest.mark.parametrize(
    "code",
    [
        "getattr(x, '_keras_shape', None)",
        "getattr(x, name)",
        "getattr(*x)",
        "getattr(x, 'shape')",
        "getattr(a + b, '_shape_val')",
        "hasattr(x, '_shape_val')",
        "other(x, '_shape_val')",
    ],
)
def test_other_questions_stay(code: str) -> None:
    untouched(f"from keras import layers\n\nlayers.Dense(1)\ny = {code}\n", to="keras", codes=[])


def test_a_getattr_of_ones_own_stays() -> None:
    code = "from keras import layers\n\nlayers.Dense(1)\n\n\ndef getattr(a, b):\n    pass\n"
    untouched(code + "\n\ny = getattr(x, '_shape_val')\n", to="keras", codes=[])
