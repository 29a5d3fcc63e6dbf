"""KM110: tf, keras and K that are bound nowhere."""

from __future__ import annotations

import pytest
from migrating import untouched
from targets import each_target


@each_target
@pytest.mark.parametrize(
    ("code", "name", "line"),
    [
        ("x = tf.keras.datasets.mnist.load_data()\n", "tf", "import tensorflow as tf"),
        ("def f(x):\n    return keras.activations.tanh(x)\n", "keras", "import keras"),
        ("def f(x):\n    return K.sum(x, 1)\n", "K", "from keras import backend as K"),
        (
            "def f():\n    from keras import backend as K\n\n    return K.epsilon()\n\n\n"
            "y = K.sum(x)\n",
            "K",
            "from keras import backend as K",
        ),
    ],
)
def test_a_name_that_is_bound_nowhere(code: str, name: str, line: str, to: str) -> None:
    if "import" in code and to != "keras":
        code = code.partition("y = ")[2]
        code = f"y = {code}"
    (finding,) = untouched(code, to=to, codes=["KM110"])
    assert finding.message == (
        f"{name} is bound nowhere in this file, so nothing below it is migrated"
    )
    assert finding.advice == f"write {line} if that is meant, and run kerasmigrate again"


def test_each_name_is_reported_once() -> None:
    code = "a = tf.keras.Input(3)\nb = tf.keras.Input(4)\nc = K.sum(a)\nd = K.sum(b)\n"
    untouched(code, to="keras", codes=["KM110", "KM110"])


def test_tensorflow_beside_such_a_name() -> None:
    code = "a = K.sum(x)\nb = tf.shape(a)\nc = tf.shape(b)\n"
    first, second = untouched(code, to="keras", codes=["KM110", "KM110"])
    assert first.message.startswith("K is") and second.message.startswith("tf is")
    assert second.line == 2


@each_target
@pytest.mark.parametrize(
    "code",
    [
        "def f(tf):\n    return tf.keras\n",
        "tf = load()\nx = tf.keras.Input(3)\n",
        "from mine import *\n\nx = tf.keras.Input(3)\n",
        "from mine import K\n\nx = K.sum(y)\n",
        "exec(open('a.py').read())\nx = tf.keras.Input(3)\n",
        "globals().update(names)\nx = K.sum(y)\n",
        "x = tf.constant(3)\n",
        "x = K[0]\ny = K.shape_of_my_own\n",
        "x = keras\n",
        "x = keras.of_my_own\n",
        "x = np.sum(y)\n",
        "K.sum = 3\n",
        "def f():\n    global K\n    K = 1\n\n\ndef g():\n    return K.sum(x)\n",
        "class A:\n    K = 3\n    x = K.sum(y)\n",
        "try:\n    x = 1\nexcept NameError as tf:\n    x = tf.keras\n",
    ],
)
def test_other_names(code: str, to: str) -> None:
    untouched(code, to=to, codes=[])
