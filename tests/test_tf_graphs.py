"""KM810 to KM820: sessions, placeholders and graphs of TensorFlow 1 around Keras."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.findings import Finding
from kerasmigrate.pipeline import Pipeline

HEAD = "import tensorflow as tf\nimport tf_keras as keras\n\n"
MODEL = "model = keras.Sequential([keras.layers.Dense(1, input_shape=(2,))])\n"


def found(code: str, to: str = "tf_keras") -> list[Finding]:
    """Return what these rules say about code."""
    result = Pipeline.to(to).run(code)
    assert result.failures == ()
    return [each for each in result.findings if "KM810" <= each.code <= "KM820"]


def codes(body: str, to: str = "tf_keras") -> list[str]:
    return [f"{each.line - 3} {each.code}" for each in found(HEAD + body, to)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (MODEL + "with tf.Session() as s:\n    model.predict(x)\n", ["2 KM810"]),
        (MODEL + "s = tf.Session()\ns.run(model.output, feed)\n", ["2 KM810"]),
        (MODEL + "y = model(x)\nwith tf.Session() as s:\n    s.run(2 * y)\n", ["3 KM810"]),
        (MODEL + "with tf.InteractiveSession().as_default():\n    model.fit(x)\n", ["2 KM810"]),
        (MODEL + "p = tf.placeholder(tf.float32)\ny = model(p)\n", ["3 KM811"]),
        (MODEL + "y = model(tf.placeholder(tf.float32))\n", ["2 KM811"]),
        (
            "base = keras.applications.VGG16(input_tensor=tf.placeholder(tf.float32))\n",
            ["1 KM811"],
        ),
        ("x = keras.Input(tensor=tf.placeholder(tf.float32, [None, 3]))\n", ["1 KM811"]),
        (
            "model = keras.models.load_model('a.h5')\ns.run(tf.global_variables_initializer())\n",
            ["2 KM812"],
        ),
        (
            MODEL + "model.load_weights('a.h5')\ns.run(tf.initialize_all_variables())\n",
            ["3 KM812"],
        ),
        (MODEL + "with tf.control_dependencies(model.updates):\n    step()\n", ["2 KM813"]),
        ("tf.get_collection(tf.GraphKeys.UPDATE_OPS)\n" + MODEL, ["1 KM813"]),
        (MODEL + "model.compile(tf.train.AdamOptimizer(0.1), 'mse')\n", ["2 KM814"]),
        (
            MODEL + "o = tf.train.AdagradOptimizer(0.1)\nmodel.compile(loss='mse', optimizer=o)\n",
            ["2 KM814"],
        ),
        (
            MODEL + "model.trainable = False\nstep = tf.train.AdamOptimizer(0.1).minimize(loss)\n",
            ["3 KM814"],
        ),
        (
            MODEL + "loss = tf.reduce_mean(model(x))\n"
            "o = tf.train.AdamOptimizer(0.1)\nstep = o.minimize(loss)\n",
            ["3 KM814"],
        ),
        (
            MODEL + "g = tf.get_default_graph()\ndef f(x):\n    with g.as_default():\n"
            "        return model.predict(x)\n",
            ["2 KM815", "4 KM815"],
        ),
        (MODEL + "with tf.Graph().as_default():\n    model.predict(x)\n", ["2 KM815"]),
        (
            "K = keras.backend\nf = K.function([x, K.learning_phase()], [y])\n",
            ["2 KM816"],
        ),
        ("keras.estimator.model_to_estimator(m)\n", ["1 KM817"]),
        (MODEL + "it = data.batch(3).make_one_shot_iterator()\n", ["2 KM818"]),
        (MODEL + "writer = tf.summary.FileWriter('log')\n", ["2 KM820"]),
        (MODEL + "summary = tf.Summary(value=[])\n", ["2 KM820"]),
    ],
)
def test_each_pattern_gets_its_finding(body: str, expected: list[str]) -> None:
    assert codes(body) == expected


def test_a_graph_is_reported_once() -> None:
    body = (
        "with tf.variable_scope('net'):\n    p = tf.placeholder(tf.float32)\n"
        "    y = keras.layers.Dense(3)(p)\nv = tf.get_variable('v', [])\n"
        "w = tf.get_variable('w', [])\n"
    )
    (finding,) = found(HEAD + body)
    assert finding.code == "KM819" and finding.line == 4
    assert finding.message.endswith("tf.variable_scope, tf.placeholder, tf.get_variable")
    assert "disable_v2_behavior" in finding.advice
    for to in ("keras", "tf.keras"):
        (other,) = found(HEAD + body, to)
        assert other.code == "KM819" and "disable_v2_behavior" not in other.advice


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_keras_3_needs_eager_code(to: str) -> None:
    code = (
        "import tensorflow.compat.v1 as tf\nfrom tensorflow import keras\n\n"
        "tf.disable_eager_execution()\nmodel = keras.Sequential()\n"
    )
    assert [each.code for each in found(code, to)] == ["KM819"]


KEPT = "import tensorflow.compat.v1 as tf\nimport tf_keras as keras\n\ntf.disable_v2_behavior()\n"


@pytest.mark.parametrize(
    "body",
    [
        "p = tf.placeholder(tf.float32, [None, 2])\ny = keras.layers.Dense(1)(p)\n"
        "with tf.Session() as s:\n    s.run(tf.global_variables_initializer())\n"
        "    s.run(y, {p: x})\n",
        MODEL + "with tf.Graph().as_default():\n    model.predict(x)\n",
        MODEL + "model.compile(tf.train.AdamOptimizer(0.1), 'mse')\n",
        MODEL + "step = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(model(x)))\n",
        "model = keras.applications.VGG16(input_tensor=tf.placeholder(tf.float32))\n",
        "writer = tf.summary.FileWriter('log')\n",
        MODEL + "s.run(tf.global_variables_initializer())\nmodel.load_weights('a.h5')\n",
        MODEL + "model.trainable = False\n"
        "tf.train.AdamOptimizer(0.1).minimize(loss, var_list=other.weights)\n",
    ],
)
def test_a_program_that_keeps_its_graph_is_right(body: str) -> None:
    untouched(KEPT + body, to="tf_keras", codes=[])


def test_the_updates_of_layers_of_tensorflow_1() -> None:
    """KM804 keeps batch_normalization, which fills the collection; Keras layers do not."""
    body = (
        MODEL + "y = tf.layers.batch_normalization(x, training=t, reuse=tf.AUTO_REUSE)\n"
        "tf.get_collection(tf.GraphKeys.UPDATE_OPS)\n"
    )
    (said,) = [each for each in found(KEPT + body) if each.code == "KM813"]
    assert said.message.endswith("; functions of tf.layers that stay (KM804) do")
    assert said.advice.startswith("keep it for those alone; for Keras layers, leave it out")
    (said,) = [each for each in found(KEPT + body, "keras") if each.code == "KM813"]
    assert said.message == "no Keras layer puts its updates into this collection"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (MODEL + "p = tf.placeholder(tf.float32)\ny = model(p)\n", "KM811"),
        ("m = keras.applications.VGG16()\ns.run(tf.global_variables_initializer())\n", "KM812"),
        (MODEL + "with tf.control_dependencies(model.updates):\n    step()\n", "KM813"),
        (
            MODEL + "model.trainable = False\nstep = tf.train.AdamOptimizer(0.1).minimize(loss)\n",
            "KM814",
        ),
        (
            "m = keras.applications.VGG16()\nwith tf.Session() as s:\n    m.get_weights()\n",
            "KM810",
        ),
    ],
)
def test_what_goes_wrong_in_a_kept_graph_is_still_said(body: str, expected: str) -> None:
    assert [each.code for each in found(KEPT + body)] == [expected]


@each_target
@pytest.mark.parametrize(
    "code",
    [
        # TensorFlow 1 without Keras
        "import tensorflow as tf\n\np = tf.placeholder(tf.float32)\nwith tf.Session() as s:\n"
        "    s.run(tf.global_variables_initializer())\n    s.run(p)\n# keras\n",
        "import tensorflow as tf\n\nops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)  # keras\n",
        "import tensorflow as tf\n\ntf.summary.FileWriter('log')  # no keras\n",
        "import tensorflow.compat.v1 as tf\nfrom keras.datasets import mnist\n\n"
        "tf.disable_eager_execution()\np = tf.placeholder(tf.float32)\n"
        "with tf.Session() as s:\n    s.run(p, {p: mnist.load_data()})\n",
        # Keras beside a graph that has nothing to do with it
        HEAD + "with tf.Session(graph=frozen) as s:\n    s.run('output:0', {'input:0': x})\n",
        HEAD + MODEL + "with tf.Graph().as_default():\n    other.restore()\n",
        HEAD + "model.summary()\ns = mine.Session()\ns.run(model.output)\n",
        # other libraries' objects with the same names
        HEAD + "from sqlalchemy.orm import Session\n\nwith Session() as s:\n    s.run(1)\n",
        HEAD + MODEL + "agent.updates.append(1)\nprint(repository.updates)\n",
        HEAD + "graph = networkx.Graph()\nwith graph.as_default():\n    graph.fit(x)\n",
        HEAD + "def f(tf):\n    return tf.placeholder(1), tf.Session()\n",
        HEAD + "def get_default_graph():\n    return None\n\n\ng = get_default_graph()\n",
        # right already
        HEAD + MODEL + "with tf.GradientTape() as tape:\n    y = model(x, training=True)\n",
        HEAD + "writer = tf.summary.create_file_writer('log')\n",
        HEAD + "v = tf.Variable(1.0)\ntf.compat.v1.logging.set_verbosity('ERROR')\n",
        HEAD + MODEL + "it = iter(data)\nnext(it)\n",
    ],
)
def test_there_is_no_noise(code: str, to: str) -> None:
    assert found(code, to) == []


@each_target
def test_weights_that_are_loaded_afterwards_survive(to: str) -> None:
    body = "s.run(tf.global_variables_initializer())\nm = keras.models.load_model('a.h5')\n"
    assert found(HEAD + body, to) == []


def test_the_order_of_functions_is_not_that_of_calls() -> None:
    (finding,) = found(
        HEAD + "def load():\n    return keras.models.load_model('a.h5')\n\n\n"
        "def init(s):\n    s.run(tf.global_variables_initializer())\n"
    )
    assert (finding.code, finding.severity.value) == ("KM812", "warning")


def test_a_session_that_is_made_for_keras_says_how_memory_grows() -> None:
    check(
        "import tensorflow as tf\nfrom keras import backend as K\n\n"
        "K.set_session(tf.Session(config=tf.ConfigProto()))\n",
        "import tensorflow as tf\nfrom tf_keras import backend as K\n\n"
        "K.set_session(tf.Session(config=tf.ConfigProto()))\n",
        to="tf_keras",
        codes=["KM101", "KM103", "KM810"],
    )
    (finding,) = found(
        "import tensorflow as tf\nfrom keras import backend as K\n\n"
        "session = tf.Session()\nK.set_session(session)\n",
        "keras",
    )
    assert "tf.config.experimental.set_memory_growth(gpu, True)" in finding.advice


def test_a_comment_switches_a_finding_off() -> None:
    body = MODEL + "with tf.Session() as s:  # kerasmigrate: ignore\n    model.predict(x)\n"
    (finding,) = found(HEAD + body.replace("ignore", "keep"))
    assert finding.code == "KM810"
    assert found(HEAD + body) == []
