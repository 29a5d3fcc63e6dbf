"""KM825: tf.layers.dense, conv2d and dropout in terms of TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transforms.tf_layers_definitions import written

TF = "import tensorflow.compat.v1 as tf\n"
both = pytest.mark.parametrize("to", ["keras", "tf.keras"])


def text(name: str) -> str:
    """Return a definition as it stands in a file."""
    return f"{TF}\n\n{written(name)}\n\n\n"


@both
def test_weights_that_a_scope_finds_again(to: str) -> None:
    check(
        f"{TF}\n\ndef net(x, again):\n"
        "    with tf.variable_scope('net', reuse=again):\n"
        "        x = tf.layers.dense(x, 10, tf.nn.relu,  # wide\n"
        "                            name='first')\n"
        "        return tf.layers.dense(inputs=x, units=2, trainable=False)\n",
        text("dense") + "def net(x, again):\n"
        "    with tf.variable_scope('net', reuse=again):\n"
        "        x = scoped_dense(x, 10, tf.nn.relu,  # wide\n"
        "                            name='first')\n"
        "        return scoped_dense(inputs=x, units=2, trainable=False)\n",
        to=to,
        codes=["KM819", "KM825", "KM825"],
    )


@both
def test_images_in_a_shared_scope(to: str) -> None:
    check(
        f"{TF}\n\ndef net(x):\n"
        "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
        "        return tf.layers.conv2d(x, 8, [3, 3], 2, 'SAME', 'channels_last', (1, 1),"
        " tf.nn.relu, kernel_regularizer=None)\n",
        text("conv2d") + "def net(x):\n"
        "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
        "        return scoped_conv2d(x, 8, [3, 3], 2, 'SAME', (1, 1), tf.nn.relu)\n",
        to=to,
        codes=["KM819", "KM825"],
    )


@both
def test_dropout_that_a_placeholder_turns_on(to: str) -> None:
    check(
        f"{TF}\n\ndef net(x):\n"
        "    return tf.layers.dropout(x, 0.4, training=tf.placeholder(tf.bool))\n",
        text("dropout") + "def net(x):\n"
        "    return graph_dropout(x, 0.4, training=tf.placeholder(tf.bool))\n",
        to=to,
        codes=["KM825", "KM819"],
    )


def test_tf_keras_keeps_its_own() -> None:
    code = f"{TF}\n\ndef net(x, again):\n    return tf.layers.dense(x, 4, reuse=again)\n"
    result = Pipeline.to("tf_keras").run(code)
    assert {each.code for each in result.findings} == {"KM101", "KM804"}
    assert "def scoped_dense" not in result.text


def test_a_name_that_is_taken() -> None:
    code = (
        f"{TF}scoped_dense = 1\n\n\ndef net(x, again):\n"
        "    return tf.layers.dense(x, 4, reuse=again)\n"
    )
    assert (
        "    return keras_scoped_dense(x, 4, reuse=again)\n" in Pipeline.to("keras").run(code).text
    )


@pytest.mark.parametrize(
    "call",
    [
        "dense(x, 4, 'relu', reuse=again)",
        "dense(x, 4, kernel_initializer='zeros', reuse=again)",
        "dense(x, 4, bias_initializer='ones', reuse=again)",
        "dense(x, 4, kernel_regularizer=tf.nn.l2_loss, reuse=again)",
        "dense(x, 4, activity_regularizer=tf.nn.l2_loss, reuse=again)",
        "dense(x, 4, kernel_constraint=again, reuse=again)",
        "dense(x, reuse=again)",
        "conv2d(x, 4, 3, data_format='channels_first', reuse=again)",
        "conv2d(x, 4, 3, data_format=again, reuse=again)",
        "conv2d_transpose(x, 4, 3, reuse=again)",
        "batch_normalization(x, reuse=again)",
        "Dense(4, _reuse=again)(x)",
    ],
)
@both
def test_what_is_not_defined_is_reported(call: str, to: str) -> None:
    untouched(f"{TF}\n\ndef net(x, again):\n    return tf.layers.{call}\n", to=to, codes=["KM801"])


@both
def test_an_import_that_does_not_always_run(to: str) -> None:
    untouched(
        "def net(x, again):\n    import tensorflow.compat.v1 as tf\n"
        "    return tf.layers.dense(x, 4, reuse=again)\n",
        to=to,
        codes=["KM801"],
    )


@both
def test_a_layer_that_is_made_in_call_is_wrong_anyhow(to: str) -> None:
    code = (
        f"{TF}from keras.layers import Layer\n\n\nclass Own(Layer):\n    def call(self, x):\n"
        "        return tf.layers.dense(x, 4)\n"
    )
    assert "def scoped_dense" not in Pipeline.to(to).run(code).text


#: Networks that no Keras layer does.  Each leaves its result in z.
NETS = {
    "names": """
with tf.variable_scope('net'):
    z = tf.layers.dense(x, 4, tf.nn.relu, kernel_initializer=init)
    z = tf.layers.dense(z, 3, kernel_initializer=init, bias_initializer=init, trainable=trains)
    z = tf.layers.dense(z, 2, kernel_initializer=init, name='last', use_bias=False)
with tf.variable_scope('net2'):
    z = tf.layers.dense(z, 4, kernel_initializer=init, trainable=False)
""",
    "shared": """
def net(x, again):
    with tf.variable_scope('net', reuse=again):
        x = tf.layers.dense(x, 3, tf.nn.tanh, kernel_initializer=init, name='a')
        return tf.layers.dense(x, 2, kernel_initializer=init, name='b', reuse=again)

z = net(x, False) + 2 * net(x + 1, True) + net(x, tf.AUTO_REUSE)
""",
    "automatic": """
for _ in range(2):
    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):
        z = tf.layers.dense(x, 3, kernel_initializer=init)
        z = tf.layers.dense(z, 3, kernel_initializer=init)
z = tf.layers.dense(z, 3, kernel_initializer=init, name='n/m', reuse=tf.AUTO_REUSE)
z = tf.layers.dense(z, 3, kernel_initializer=init, reuse=tf.AUTO_REUSE)
z = tf.layers.dense(z, 3, kernel_initializer=init, reuse=tf.AUTO_REUSE)
""",
    "scope's initializer": """
with tf.variable_scope('net', initializer=init, regularizer=tf.nn.l2_loss):
    z = tf.layers.dense(x, 3, reuse=reuse)
    z = tf.layers.dense(z, 3, bias_initializer=None)
""",
    "wide": """
z = tf.layers.dense(tf.stack([x, x], 1), 3, kernel_initializer=init, reuse=reuse)
""",
    "images": """
with tf.variable_scope('net', reuse=tf.AUTO_REUSE):
    z = tf.layers.conv2d(i, 4, 3, kernel_initializer=init)
    z = tf.layers.conv2d(i, 4, [3, 2], (2, 1), 'same', activation=tf.nn.relu,
                         kernel_initializer=init, bias_initializer=init, trainable=False)
    z = tf.layers.conv2d(i, 2, 2, dilation_rate=2, kernel_initializer=init, use_bias=False)
""",
    "off": """
z = tf.layers.dropout(x, 0.4, training=tf.placeholder_with_default(False, ()))
z = tf.layers.dropout(z, 0.4, seed=3, training=trains)
""",
    "all": """
z = tf.layers.dropout(x + 10.0, 1.0 - 1e-7, training=tf.placeholder_with_default(True, ()))
""",
}
WORKER = r"""
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def init(shape, dtype=None, **kwargs):
    size = int(np.prod(shape))
    return tf.constant(np.linspace(0.1, 1.1, size).reshape(shape), dtype=dtype or "float32")


def run(code):
    with tf.Graph().as_default() as graph:
        names = {"init": init, "trains": False, "reuse": False, "tf": tf}
        names["x"] = tf.constant(np.sin(np.arange(10)).reshape(2, 5).astype("float32"))
        names["i"] = tf.constant(np.sin(np.arange(100)).reshape(2, 5, 5, 2).astype("float32"))
        exec(code, names)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            value = session.run(names["z"]).round(4).tolist()
        return {
            "value": value,
            "all": [each.name for each in tf.global_variables()],
            "trained": [each.name for each in tf.trainable_variables()],
            "losses": len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)),
            "added": [each.name for each in graph.get_operations() if each.type == "BiasAdd"],
        }


print("ANSWERS" + json.dumps([[run(code) for code in pair] for pair in json.load(sys.stdin)]))
"""


@pytest.mark.tensorflow
def test_the_definitions_do_what_tf_layers_did() -> None:
    pairs = []
    for net in NETS.values():
        start = (
            f"{TF}\n\ndef unused():\n"
            "    return tf.placeholder_with_default(1, ()), tf.make_template(1, 2)\n\n"
        )
        result = Pipeline.to("keras").run(start + net)
        assert {each.code for each in result.findings if each.fixed} == {"KM825"}, net
        assert " tf.layers." not in result.text.partition("def unused")[2], net
        pairs.append([net, result.text])
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert not done.returncode, done.stderr[-2000:]
    answers = json.loads(done.stdout.rpartition("ANSWERS")[2])
    for (old, new), net in zip(answers, NETS, strict=True):
        assert new == old, net
