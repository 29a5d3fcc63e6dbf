"""Examples of two articles on Keras in TensorFlow 1, in our words: findings, and what they offer.

One article compares tf.layers with Keras layers and watches batch normalization; it measures a
moving variance of 0.95099014 after five batches of one kind and 0.90438217 after both kinds. The
other uses a VGG19 in a graph, where its weights are lost, its graph is there twice, and a raw
optimizer trains what is frozen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmigrate.pipeline import Pipeline

FOLDER = Path(__file__).parent / "fixtures" / "tf1"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))

#: What KM813 and KM801 offer, as a program: {keras} is the package of the target.
TRAINED = """\
import numpy as np
import tensorflow as tf
import {keras} as keras


def build(kind):
    first = {{
        "shape": [keras.layers.Conv2D(8, 3, strides=2, activation=tf.nn.relu,
                                      input_shape=(28, 28, 1))],
        "layer": [keras.layers.InputLayer((28, 28, 1)),
                  keras.layers.Conv2D(8, 3, strides=2, activation=tf.nn.relu)],
        "dynamic": [keras.layers.Conv2D(8, 3, strides=2, activation=tf.nn.relu)],
    }}[kind]
    return keras.Sequential([
        *first,
        keras.layers.BatchNormalization(),
        keras.layers.Conv2D(1, 3, strides=2, activation=tf.nn.relu),
        keras.layers.Flatten(),
        keras.layers.Dense(1),
    ])


def train(kind, values):
    model = build(kind)
    loss_fn = keras.losses.BinaryCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(1e-3)
    images = [np.full((50, 28, 28, 1), value, "float32") for value in values]
    labels = [np.full((50, 1), value, "float32") for value in values]
    for batch in tf.data.Dataset.from_tensor_slices((tuple(images), tuple(labels))).batch(10):
        with tf.GradientTape() as tape:
            loss = sum(loss_fn(y, model(x, training=True)) for x, y in zip(*batch))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return np.asarray(model.layers[-4].get_weights()[3]).tolist()


for kind in ("shape", "layer", "dynamic"):
    answers[kind] = [train(kind, (1.0,)), train(kind, (1.0, 0.0))]
"""

#: What KM810 to KM812, KM814 and KM815 offer.
APPLIED = """\
import threading
import numpy as np
import tensorflow as tf
import {keras} as keras

vgg = keras.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
layer = vgg.get_layer("block1_conv1")
layer.set_weights([np.full((3, 3, 3, 64), 0.01), np.zeros(64)])
images = np.ones((1, 32, 32, 3), "float32")
output = vgg(images, training=False)
answers["mean"] = float(np.mean(layer.get_weights()[0]))
answers["same as predict"] = bool(np.allclose(output, vgg.predict(images, verbose=0), atol=1e-6))
features = keras.Model(vgg.inputs, vgg.get_layer("block5_pool").output)
answers["features"] = bool(np.allclose(features(images, training=False), output, atol=1e-6))

graph = tf.function(lambda x: vgg(x, training=False)).get_concrete_function(images).graph
nodes = graph.as_graph_def()
found = [*nodes.node, *(each for f in nodes.library.function for each in f.node_def)]
answers["convolutions"] = sum(each.op == "Conv2D" for each in found)

vgg.trainable = False
picture = tf.Variable(images)
optimizer = keras.optimizers.Adam(0.1)
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(vgg(picture, training=False))
answers["trainable"] = len(vgg.trainable_variables)
picture.assign_sub(0.1 * tape.gradient(loss, picture))
answers["picture moved"] = bool(np.abs(picture.numpy() - images).max() > 0)
answers["kernel"] = float(np.mean(layer.get_weights()[0]))

kept = []
thread = threading.Thread(target=lambda: kept.append(vgg.predict(images, verbose=0).shape))
thread.start()
thread.join()
answers["thread"] = list(kept[0])
"""

#: Where tf_keras keeps the graph: what the findings say happens there.
KEPT = """\
import numpy as np
import tensorflow.compat.v1 as tf
import tf_keras as keras

tf.disable_v2_behavior()


def convolutions():
    return sum(each.type == "Conv2D" for each in tf.get_default_graph().get_operations())


picture = tf.placeholder(tf.float32, (1, 32, 32, 3))
vgg = keras.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
vgg(picture)
answers["twice"] = convolutions()
vgg.trainable = False
answers["trainable"] = len(tf.trainable_variables())
session = keras.src.backend.get_session()
kernel = vgg.get_layer("block1_conv1").kernel
kernel.load(np.full((3, 3, 3, 64), 0.01), session)
answers["before"] = float(np.mean(session.run(kernel)))
session.run(tf.global_variables_initializer())
answers["after"] = float(np.mean(session.run(kernel)))
with tf.Session() as other:
    try:
        other.run(kernel)
    except tf.errors.FailedPreconditionError as error:
        answers["new session"] = type(error).__name__
tf.reset_default_graph()
keras.backend.clear_session()
picture = tf.placeholder(tf.float32, (1, 32, 32, 3))
keras.applications.VGG19(weights=None, include_top=False, input_tensor=picture)
answers["once"] = convolutions()
layer = keras.layers.BatchNormalization()
layer(picture, training=True)
answers["collected"] = len(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
"""


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_failing_example_has_its_findings(name: str, to: str) -> None:
    result = Pipeline.to(to).run((FOLDER / name).read_text(encoding="utf-8"))
    open_ = [f"{each.line} {each.code}" for each in result.findings if not each.fixed]
    assert result.failures == ()
    assert open_ == EXPECTED[name][to]
    assert all(each.advice for each in result.findings if not each.fixed)


def test_every_example_is_expected() -> None:
    assert {each.name for each in FOLDER.glob("*.py")} == set(EXPECTED)


def run(program: str) -> dict[str, object]:
    """Run a program that fills ``answers``, without network and without a GPU."""
    code = f"import json\nanswers = {{}}\n{program}\nprint('ANSWERS' + json.dumps(answers))\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads(done.stdout.rpartition("ANSWERS")[2])
    return found


PACKAGES = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}


def spelt(program: str, to: str) -> str:
    code = program.format(keras=PACKAGES[to])
    return code.replace(
        "import tensorflow.keras as keras", "keras = tf.keras"
    )  # a lazy module, which import does not find


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", sorted(PACKAGES))
def test_the_rewrite_gives_the_moving_variances_of_the_article(to: str) -> None:
    program = spelt(TRAINED, to)
    assert Pipeline.to(to).run(program).text == program
    answers = run(program)
    assert set(answers) == {"shape", "layer", "dynamic"}
    for one, both in answers.values():  # type: ignore[misc]
        assert one == pytest.approx([0.95099014] * 8, abs=1e-7)
        assert both == pytest.approx([0.90438217] * 8, abs=1e-7)


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_the_rewrite_keeps_the_weights_and_builds_once(to: str) -> None:
    answers = run(spelt(APPLIED, to))
    assert answers.pop("mean") == pytest.approx(0.01)
    assert answers.pop("kernel") == pytest.approx(0.01)
    assert answers == {
        "same as predict": True,
        "features": True,
        "convolutions": 16,
        "trainable": 0,
        "picture moved": True,
        "thread": [1, 1, 1, 512],
    }


@pytest.mark.tensorflow
def test_a_kept_graph_does_what_the_findings_say() -> None:
    answers = run(KEPT)
    assert answers["before"] == pytest.approx(0.01)
    after = answers["after"]
    assert isinstance(after, float) and abs(after) < 0.009  # 0 on average, and random
    del answers["before"], answers["after"]
    assert answers == {
        "twice": 32,
        "once": 16,
        "trainable": 32,
        "new session": "FailedPreconditionError",
        "collected": 0,
    }
