"""KM830: the reduction of a loss."""

from __future__ import annotations

import subprocess
import sys

import pytest
from migrating import check, untouched
from targets import each_target

VALUES = [
    ("AUTO", "sum_over_batch_size"),
    ("SUM_OVER_BATCH_SIZE", "sum_over_batch_size"),
    ("SUM", "sum"),
    ("NONE", "none"),
]


@pytest.mark.parametrize(("member", "value"), VALUES)
def test_a_member_becomes_its_string(member: str, value: str) -> None:
    check(
        f"import keras\n\nloss = keras.losses.Huber(reduction=keras.losses.Reduction.{member})\n",
        f"import keras\n\nloss = keras.losses.Huber(reduction='{value}')\n",
        to="keras",
        codes=["KM830"],
    )


def test_an_import_of_nothing_else_goes() -> None:
    check(
        "from tensorflow.keras.losses import Huber, Reduction\n\n"
        "loss = Huber(reduction=(Reduction.NONE))\n",
        "from keras.losses import Huber\n\nloss = Huber(reduction=('none'))\n",
        to="keras",
        codes=["KM101", "KM830"],
    )


def test_tf_keras_of_keras_3_rejects_auto_alone() -> None:
    check(
        "import tensorflow as tf\n\n"
        "a = tf.keras.losses.Huber(reduction=tf.keras.losses.Reduction.AUTO)\n"
        'b = tf.keras.losses.Huber(reduction="auto")\n'
        "c = tf.keras.losses.Huber(reduction=tf.keras.losses.Reduction.SUM)\n",
        "import tensorflow as tf\n\n"
        "a = tf.keras.losses.Huber(reduction='sum_over_batch_size')\n"
        'b = tf.keras.losses.Huber(reduction="sum_over_batch_size")\n'
        "c = tf.keras.losses.Huber(reduction=tf.keras.losses.Reduction.SUM)\n",
        to="tf.keras",
        codes=["KM830", "KM830"],
    )


def test_the_base_of_a_loss_is_told_the_same() -> None:
    check(
        "import keras\n\n\nclass Mine(keras.losses.Loss):\n    def __init__(self):\n"
        "        super().__init__(reduction='auto', name='mine')\n",
        "import keras\n\n\nclass Mine(keras.losses.Loss):\n    def __init__(self):\n"
        "        super().__init__(reduction='sum_over_batch_size', name='mine')\n",
        to="keras",
        codes=["KM830"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "import keras\n\nloss = keras.losses.Huber(reduction='sum')\n",
        "import keras\n\nloss = keras.losses.Huber(reduction=None)\n",
        "import keras\n\nloss = keras.losses.Huber(reduction=how)\n",
        "import keras\nimport other\n\nloss = other.Loss(reduction='auto')\n",
        "import keras\nfrom other import Reduction\n\nhow = Reduction.AUTO\n",
        "import keras\n\n\ndef f(keras):\n    return keras.losses.Reduction.AUTO\n",
        "import keras\n\nloss = keras.losses.Huber(name='auto')\n",
    ],
)
@pytest.mark.parametrize("to", ["keras"])
def test_other_reductions_stay(code: str, to: str) -> None:
    untouched(code, to=to, codes=[])


def test_keras_2_has_them() -> None:
    untouched(
        "import tf_keras as keras\n\n"
        "a = keras.losses.Huber(reduction=keras.losses.Reduction.AUTO)\n"
        "b = keras.losses.Huber(reduction='auto')\n",
        to="tf_keras",
        codes=[],
    )


@each_target
def test_a_line_can_be_kept(to: str) -> None:
    line = "loss = keras.losses.Huber(reduction='auto')  # kerasmigrate: ignore[KM830]\n"
    root = {"keras": "import keras", "tf.keras": "from tensorflow import keras"}
    head = root.get(to, "import tf_keras as keras")
    untouched(f"{head}\n\n{line}", to=to, codes=[])


@pytest.mark.tensorflow
def test_the_strings_mean_what_the_members_meant() -> None:
    program = (
        "import numpy as np, keras, tf_keras\n"
        f"for member, value in {VALUES!r}:\n"
        "    old = tf_keras.losses.Huber(reduction=getattr(tf_keras.losses.Reduction, member))\n"
        "    new = keras.losses.Huber(reduction=value)\n"
        "    y, p = np.arange(6.0).reshape(3, 2), np.ones((3, 2))\n"
        "    assert np.allclose(old(y, p), new(y, p)), member\n"
        "try:\n    keras.losses.Huber(reduction='auto')\n"
        "except ValueError as error:\n    assert 'Received: reduction=auto' in str(error)\n"
        "else:\n    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
