"""tf.layers and the Keras layers in its place give the same numbers, in code and in graphs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from kerasmigrate import inventory
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transforms.tf_layers_table import entries

pytestmark = pytest.mark.tensorflow

INIT = "kernel_initializer=init, bias_initializer=init"
SEPARABLE = "depthwise_initializer=init, pointwise_initializer=init"
NORMAL = ", ".join(
    f"{name}_initializer=init" for name in ("beta", "gamma", "moving_mean", "moving_variance")
)
#: By function or class of tf.layers, expressions in x1, x2 and x3 (images of 1, 2, 3 dimensions).
CASES = {
    "dense": [f"(x1, 4, tf.nn.relu, {INIT}, name='d')", f"(x2, units=3, {INIT}, use_bias=True)"],
    "conv1d": [f"(x1, 4, 3, 2, 'SAME', activation=tf.nn.tanh, {INIT})"],
    "conv2d": [
        f"(x2, 4, 3, (2, 1), 'valid', 'channels_last', (1, 1), tf.nn.relu, {INIT})",
        f"(inputs=x2, filters=2, kernel_size=[3, 3], padding='SAME', dilation_rate=2, {INIT})",
    ],
    "conv3d": [f"(x3, 2, 2, {INIT}, reuse=None)"],
    "conv2d_transpose": [f"(x2, 3, 3, 2, 'same', 'channels_last', tf.nn.relu, {INIT})"],
    "conv3d_transpose": [f"(x3, 2, 2, strides=(2, 2, 2), {INIT})"],
    "separable_conv1d": [f"(x1, 4, 3, {SEPARABLE})"],
    "separable_conv2d": [f"(x2, 4, 3, 2, 'same', depth_multiplier=2, {SEPARABLE})"],
    "max_pooling1d": ["(x1, 2, 2)"],
    "max_pooling2d": ["(x2, [2, 2], 1, 'SAME')"],
    "max_pooling3d": ["(x3, 2, strides=2)"],
    "average_pooling1d": ["(x1, 2, 1, 'same')"],
    "average_pooling2d": ["(x2, 2, 2)"],
    "average_pooling3d": ["(x3, 2, 1)"],
    "batch_normalization": [
        f"(x2, {NORMAL})",
        f"(x2, -1, 0.9, 0.01, {NORMAL}, training=False, renorm=False, fused=None)",
    ],
    "dropout": ["(x1)", "(x1, 0.3, training=False)", "(x1, 0.0, training=True)"],
    "flatten": ["(x2)", "(inputs=x2, name='f')"],
    "AveragePooling1D": ["(2, 2)(x1)"],
    "AveragePooling2D": ["(2, 2)(x2)"],
    "AveragePooling3D": ["(2, 2)(x3)"],
    "BatchNormalization": [f"({NORMAL})(x2, False)", f"({NORMAL})(x2)"],
    "Conv1D": [f"(2, 2, {INIT})(x1)"],
    "Conv2D": [f"(2, 2, 1, 'SAME', {INIT})(x2)"],
    "Conv2DTranspose": [f"(2, 2, 2, {INIT})(x2)"],
    "Conv3D": [f"(2, 2, {INIT})(x3)"],
    "Conv3DTranspose": [f"(2, 2, {INIT})(x3)"],
    "Dense": [f"(4, {INIT})(x1)"],
    "Dropout": ["()(x1)", "(0.5)(x1, training=False)"],
    "Flatten": ["()(x2)"],
    "MaxPooling1D": ["(2, 2)(x1)"],
    "MaxPooling2D": ["(2, 2)(x2)"],
    "MaxPooling3D": ["(2, 2)(x3)"],
    "SeparableConv1D": [f"(2, 2, {SEPARABLE})(x1)"],
    "SeparableConv2D": [f"(2, 2, {SEPARABLE})(x2)"],
}

WORKER = r"""
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import inspect
import numpy as np
import tensorflow as tf2
import tensorflow.compat.v1 as tf

SHAPES = {"x1": (2, 6, 3), "x2": (2, 6, 6, 3), "x3": (2, 4, 4, 4, 2)}


def init(shape, dtype=None, **kwargs):
    size = int(np.prod(shape))
    return tf2.constant(np.linspace(0.1, 1.1, size).reshape(shape), dtype=dtype or "float32")


def inputs(make):
    return {
        name: make(np.sin(np.arange(np.prod(shape))).reshape(shape).astype("float32"))
        for name, shape in SHAPES.items()
    }


def run(code, graph, module):
    names = {"tf": module, "init": init}
    if not graph:
        names |= inputs(tf2.constant)
        exec(code, names)
        return np.asarray(names["z"])
    with tf2.Graph().as_default():
        fed = {}

        def place(value):
            found = tf.placeholder(tf2.float32, (None, *value.shape[1:]))
            fed[found] = value
            return found

        names |= inputs(place)
        exec(code, names)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            return session.run(names["z"], fed)


class Both:
    # What the code calls tf: TensorFlow 2, and tf.layers for the code as it was.
    layers = tf.layers

    def __getattr__(self, name):
        return getattr(tf2, name)


def signature(found):
    parts = []
    for each in inspect.signature(found).parameters.values():
        default = ""
        if each.default is not each.empty:
            plain = isinstance(each.default, (int, float, str, bool, tuple, type(None)))
            default = "=" + (repr(each.default) if plain else "...")
        star = "**" if each.kind is each.VAR_KEYWORD else ""
        parts.append(star + each.name + default)
    return "(" + ", ".join(parts) + ")"


asked = json.load(sys.stdin)
answers = []
for case in asked["cases"]:
    answer = {"case": case["old"]}
    try:
        old = run(case["old"], True, Both())
        for target, code in case["new"].items():
            for graph in (False, True):
                code = code.replace("import tensorflow as tf\n", "")
                new = run(code, graph, tf2)
                where = f"{target} {'graph' if graph else 'eager'}"
                same = old.shape == new.shape and np.allclose(old, new, rtol=1e-4, atol=1e-5)
                if not same:
                    answer[where] = f"{old.shape} {new.shape} {old.ravel()[:3]} {new.ravel()[:3]}"
    except Exception as error:
        answer["error"] = f"{code}: {type(error).__name__}: {error}"[:500]
    answers.append(answer)
known = {}
for name in dir(tf.layers):
    found = getattr(tf.layers, name)
    if callable(found) and name not in ("Layer", "InputSpec"):
        known[name] = signature(found)
print("ANSWERS" + json.dumps([answers, known]))
"""


def test_old_and_new_give_the_same_numbers() -> None:
    cases = []
    for name, calls in CASES.items():
        for call in calls:
            old = f"import tensorflow as tf\nz = tf.layers.{name}{call}\n"
            new = {to: Pipeline.to(to).run(old).text for to in ("tf_keras", "keras")}
            assert all("tf.layers" not in text for text in new.values()), new
            plain = old.replace("import tensorflow as tf\n", "")
            cases.append({"old": plain, "new": new})
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps({"cases": cases}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    answers, known = json.loads(done.stdout.rpartition("ANSWERS")[2])
    assert [answer for answer in answers if len(answer) > 1] == []
    assert known == {
        each.name: str(each.signature).replace("*, ", "") for each in entries()
    }  # the table is that of the package
    assert set(CASES) == set(known)


SCOPES = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()

def net(x, reuse):
    with tf.variable_scope("net", reuse=reuse):
        x = tf.layers.dense(x, 3, tf.nn.relu, name="first", kernel_regularizer=tf.nn.l2_loss)
        x = tf.layers.batch_normalization(x, training=True)
        return tf.layers.dense(x, 2, name="last", trainable=False)

x = tf.placeholder(tf.float32, [None, 4])
first, second = net(x, False), net(x, True)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    one, two = session.run([first, second], {x: np.eye(4)})
names = lambda found: [each.name for each in found]
print("ANSWERS" + json.dumps([
    bool(np.allclose(one, two)),
    names(tf.global_variables()),
    names(tf.trainable_variables("net")),
    names(tf.get_collection(tf.GraphKeys.UPDATE_OPS)),
    names(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)),
]))
"""


def test_tf_keras_keeps_tf_layers() -> None:
    """KM804: weights, scopes and collections are those of tf.compat.v1.layers."""
    text = Pipeline.to("tf_keras").run(SCOPES).text
    assert "tf.layers" not in text and "legacy_tf_layers" in text
    answers = []
    for code, legacy in ((SCOPES, "1"), (text, "0")):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "TF_USE_LEGACY_KERAS": legacy},
        )
        assert done.returncode == 0, done.stderr[-2000:]
        answers.append(json.loads(done.stdout.rpartition("ANSWERS")[2]))
    assert answers[0] == answers[1]
    assert answers[0][0] is True
    assert answers[0][2] == ["net/first/kernel:0", "net/first/bias:0"] + [
        f"net/batch_normalization/{name}:0" for name in ("gamma", "beta")
    ]
    assert len(answers[0][3]) == 4 and answers[0][4]


def test_every_entry_is_where_the_table_says() -> None:
    known = inventory.load("tf_keras-2")
    for each in entries():
        assert known.kind(each.kept) == ("function" if each.is_function else "class"), each.kept
