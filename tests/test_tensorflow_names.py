"""KM840 and KM841: names and arguments of TensorFlow 1 in files that use Keras."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from migrating import check, untouched
from targets import ROOT, each_target

from kerasmigrate.transforms import tensorflow_names

TABLE = Path(tensorflow_names.__file__).with_name("tensorflow_names.json")


def code(body: str, to: str, head: str = "import tensorflow as tf\n") -> str:
    return f"{head}from {ROOT[to][1]}.layers import Dense\n\n\ndef f(x):\n    {body}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tf.random_normal([3])", "tf.random.normal([3])"),
        ("tf.read_file(name)", "tf.io.read_file(name)"),
        ("tf.matrix_inverse(x)", "tf.linalg.inv(x)"),
        ("tf.where_v2(a, b, c)", "tf.where(a, b, c)"),
        ("tf.image.transpose_image(x)", "tf.image.transpose(x)"),
        ("(tf.cross)(x, y)", "(tf.linalg.cross)(x, y)"),
        ("tf.nn.moments(x, [0], keep_dims=True)", "tf.nn.moments(x, [0], keepdims=True)"),
    ],
)
@each_target
def test_what_has_moved(before: str, after: str, to: str) -> None:
    check(code(f"return {before}", to), code(f"return {after}", to), to=to, codes=["KM840"])


def test_arguments_of_reductions() -> None:
    before = "return tf.reduce_sum(x, reduction_indices=[1], keep_dims = True)"
    after = "return tf.reduce_sum(x, axis=[1], keepdims = True)"
    check(code(before, "tf_keras"), code(after, "tf_keras"), to="tf_keras", codes=["KM840"] * 2)


@each_target
def test_any_way_to_import_it(to: str) -> None:
    for head, name in (
        ("import tensorflow\n", "tensorflow"),
        ("import tensorflow as T\n", "T"),
    ):
        check(
            code(f"return {name}.rint(x)", to, head),
            code(f"return {name}.math.rint(x)", to, head),
            to=to,
        )
    (found,) = untouched(
        code("return rint(x)", to, "from tensorflow import rint\n"), to=to, codes=["KM841"]
    )
    assert found.advice == "write tf.math.rint, which is the same"


@pytest.mark.parametrize(
    ("body", "message", "advice"),
    [
        (
            "return tf.extract_image_patches(x), tf.extract_image_patches(x)",
            "tf.extract_image_patches does not exist in TensorFlow 2",
            "write tf.compat.v1.extract_image_patches if it needs no graph, or its successor",
        ),
        (
            "return tf.contrib.image.rotate(x)",
            "tf.contrib does not exist in TensorFlow 2",
            "write what it did by hand, or look for the package that has it today",
        ),
        (
            "return tf.flags.FLAGS",
            "tf.flags does not exist in TensorFlow 2",
            "write tf.compat.v1.flags if it needs no graph, or its successor",
        ),
    ],
)
@each_target
def test_what_is_gone(body: str, message: str, advice: str, to: str) -> None:
    (found,) = untouched(code(body, to), to=to, codes=["KM841"])
    assert (found.line, found.message, found.advice) == (6, message, advice)


def test_what_another_rule_speaks_of_is_said_once() -> None:
    untouched(
        code("x = tf.contrib.layers.convolution2d(x, 3, 3)\n    return tf.Print(x, [x])", "keras"),
        to="keras",
        codes=["KM803", "KM841"],
    )


@pytest.mark.parametrize(
    "body",
    [
        "return tf.math.log(x), tf.random.normal([3]), tf.cumsum(x)",
        "return tf.compat.v1.random_normal([3])",
        "return tf.compat.v1.flags.FLAGS",
        "return tf.nothing(x)",
        "return tf.reduce_sum(x, keepdims=True)",
        "return mine.random_normal([3]), mine.reduce_sum(x, keep_dims=True)",
        "return (lambda tf: tf.random_normal([3]))(mine)",
        "return tf.random_normal if tf.__version__ < '2' else tf.random.normal",
        "if hasattr(tf, 'log'):\n        x = tf.cross(x, x)\n    return x",
        "if version(tf) < 2:\n        x = tf.flags.FLAGS\n    return x",
        "try:\n        x = tf.cross(x, x)\n    except AttributeError:\n        x = 0\n    return x",
    ],
)
def test_what_stays(body: str) -> None:
    untouched(code(body, "tf_keras"), to="tf_keras", codes=[])


@each_target
def test_tensorflow_1_by_its_name(to: str) -> None:
    head = "import tensorflow.compat.v1 as tf\n"
    untouched(code("return tf.random_normal([3])", to, head), to=to, codes=[])


@pytest.mark.tensorflow
def test_the_table_is_what_tensorflow_says() -> None:
    tensorflow: Any = importlib.import_module("tensorflow")
    from kerasmigrate.inventory.tensorflow_names import table

    assert table(tensorflow) == json.loads(TABLE.read_text(encoding="utf-8"))
    names = tensorflow_names.table()
    assert names["log"] == "math.log"
    assert tensorflow.compat.v1.log is tensorflow.math.log
    assert names["extract_image_patches"] is None
