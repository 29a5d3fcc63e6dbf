"""KM800 to KM803: tf.layers and tf.contrib.layers."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from targets import TARGETS, each_target

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

TF = "import tensorflow as tf\n"


def in_net(line: str) -> str:
    return f"{TF}\n\ndef net(x, y, training):\n    return {line}\n"


def converted(old: str, new: str, to: str = "keras") -> None:
    """Check one expression; ``keras`` stands for the target's package."""
    before = in_net(old)
    after = in_net(new)
    uses_tf = "tf." in new
    if to == "keras":
        after = after.replace(TF, f"{TF if uses_tf else ''}import keras\n")
    elif to == "tf_keras":
        after = after.replace(TF, f"{TF if uses_tf else ''}import tf_keras as keras\n")
    else:
        after = after.replace("keras.", "tf.keras.")
    check(before, after, to=to)


CONVERSIONS = [
    ("tf.layers.dense(x, 10)", "keras.layers.Dense(10)(x)"),
    ("tf.layers.dense(x, 10, tf.nn.relu)", "keras.layers.Dense(10, tf.nn.relu)(x)"),
    (
        "tf.layers.dense(inputs=x, units=10, name='logits', reuse=None)",
        "keras.layers.Dense(units=10, name='logits')(x)",
    ),
    ("tf.layers.dense(units=3, inputs=x)", "keras.layers.Dense(units=3)(x)"),
    ("tf.layers.dense(x, 3, kernel_initializer=None)", "keras.layers.Dense(3)(x)"),
    ("tf.layers.dense(x, 3, reuse=False)", "keras.layers.Dense(3)(x)"),
    ("tf.layers.dense(x, 3, trainable=training)", "keras.layers.Dense(3, trainable=training)(x)"),
    ("tf.layers.flatten(x)", "keras.layers.Flatten()(x)"),
    ("tf.layers.flatten(x, 'flat')", "keras.layers.Flatten(name='flat')(x)"),
    (
        "tf.layers.conv2d(x, 8, 3, 1, 'SAME', 'channels_last', 2, tf.nn.relu)",
        "keras.layers.Conv2D(8, 3, 1, 'SAME', 'channels_last', 2, activation=tf.nn.relu)(x)",
    ),
    ("tf.layers.max_pooling2d(x, [2, 2], 2)", "keras.layers.MaxPooling2D([2, 2], 2)(x)"),
    ("tf.layers.separable_conv2d(x, 4, 3)", "keras.layers.SeparableConv2D(4, 3)(x)"),
    (
        "tf.layers.dropout(x, rate=0.4, training=training)",
        "keras.layers.Dropout(rate=0.4)(x, training=training)",
    ),
    (
        "tf.layers.batch_normalization(x, training=not training, fused=True, momentum=0.9)",
        "keras.layers.BatchNormalization(momentum=0.9)(x, training=not training)",
    ),
    (
        "tf.layers.dense(tf.layers.flatten(x), 2) + tf.layers.dense(y, 2)",
        "keras.layers.Dense(2)(keras.layers.Flatten()(x)) + keras.layers.Dense(2)(y)",
    ),
    ("(tf.layers.dense(x, 1))[0]", "(keras.layers.Dense(1)(x))[0]"),
    ("tf.layers.dense((z := x), 1)", "keras.layers.Dense(1)((z := x))"),
    ("tf.layers.Dense(4, use_bias=False)(x)", "keras.layers.Dense(4, use_bias=False)(x)"),
    (
        "tf.layers.BatchNormalization()(x, training)",
        "keras.layers.BatchNormalization()(x, training=training)",
    ),
    ("tf.layers.Flatten()(x)", "keras.layers.Flatten()(x)"),
    ("tf.compat.v1.layers.dense(x, 4)", "keras.layers.Dense(4)(x)"),
    ("tf.python.layers.core.dense(x, 4)", "keras.layers.Dense(4)(x)"),
    (
        "tf.layers.dense(x, 3, kernel_initializer=tf.contrib.layers.xavier_initializer())",
        "keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform())(x)",
    ),
    (
        "tf.layers.dense(x, 3, kernel_regularizer=tf.contrib.layers.l2_regularizer(scale=y + 1))",
        "keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.5 * (y + 1)))(x)",
    ),
    (
        "tf.layers.dense(x, 3, kernel_regularizer=tf.contrib.layers.l1_regularizer(1e-3))",
        "keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L1(1e-3))(x)",
    ),
]


@pytest.mark.parametrize(("old", "new"), CONVERSIONS)
def test_a_call_becomes_a_layer(old: str, new: str) -> None:
    converted(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tf.layers.dropout(x)", "keras.layers.Dropout(rate=0.5)(x, training=False)"),
        ("tf.layers.dropout(x, 0.4)", "keras.layers.Dropout(0.4)(x, training=False)"),
        ("tf.layers.Dropout(0.3)(x)", "keras.layers.Dropout(0.3)(x, training=False)"),
    ],
)
def test_training_is_off_where_nothing_is_said(old: str, new: str) -> None:
    converted(old, new, "tf_keras")


def test_keras_3_needs_a_class_for_what_is_always_off() -> None:
    after = Pipeline.to("keras").run(in_net("tf.layers.dropout(x, 0.4)")).text
    assert "return InactiveDropout(0.4)(x)" in after


@each_target
def test_every_target_has_its_layers(to: str) -> None:
    converted("tf.layers.dense(x, 10, name='a')", "keras.layers.Dense(10, name='a')(x)", to)


def test_layout_and_comments_stay() -> None:
    check(
        f"{TF}\n\ndef net(image):\n"
        "    x = tf.layers.conv2d(inputs=image, filters=32, kernel_size=[3, 3],  # small\n"
        "                         padding='SAME')  # same size\n"
        "    return tf.layers.max_pooling2d(\n"
        "        x,\n        # halves it\n        2,\n        strides=2,\n    )\n",
        "import keras\n\n\ndef net(image):\n"
        "    x = keras.layers.Conv2D(filters=32, kernel_size=[3, 3],  # small\n"
        "                         padding='SAME')(image)  # same size\n"
        "    return keras.layers.MaxPooling2D(\n"
        "        # halves it\n        2,\n        strides=2,\n    )(x)\n",
        to="keras",
        codes=["KM101", "KM800", "KM800"],
    )


@pytest.mark.parametrize(
    ("line", "use"),
    [
        ("from tensorflow import layers", "layers.dense(x, 2)"),
        ("from tensorflow.layers import dense", "dense(x, 2)"),
        ("from tensorflow.compat.v1 import layers as L", "L.dense(x, 2)"),
        ("import tensorflow.layers as tl", "tl.dense(x, 2)"),
    ],
)
def test_the_import_goes_with_its_last_use(line: str, use: str) -> None:
    check(
        f"{line}\n\n\ndef net(x):\n    return {use}\n",
        "import keras\n\n\ndef net(x):\n    return keras.layers.Dense(2)(x)\n",
        to="keras",
        codes=["KM101", "KM800"],
    )


def test_guarded_imports_of_tensorflow_mean_the_same_layer() -> None:
    before = (
        "try:\n    import tensorflow.compat.v1 as tf\nexcept ImportError:\n"
        "    import tensorflow as tf\n\n\ndef net(x):\n    return tf.layers.flatten(x)\n"
    )
    found = Pipeline.to("keras").run(before)
    assert "return keras.layers.Flatten()(x)" in found.text


def test_a_kept_layer_changes_where_its_calls_say_training() -> None:
    check(
        f"{TF}\nnorm = tf.layers.BatchNormalization()\n\n\ndef net(x, training):\n"
        "    return norm(x, training=training)\n",
        "import keras\n\nnorm = keras.layers.BatchNormalization()\n\n\ndef net(x, training):\n"
        "    return norm(x, training=training)\n",
        to="keras",
        codes=["KM101", "KM800"],
    )


def test_weights_in_a_graph_that_nobody_looks_up_by_name() -> None:
    before = (
        "import tensorflow.compat.v1 as tf\n\ntf.disable_v2_behavior()\n"
        "x = tf.placeholder(tf.float32, [None, 3])\nwith tf.variable_scope('net'):\n"
        "    y = tf.layers.dense(x, 4, tf.nn.relu)\n"
    )
    for to in TARGETS:
        assert "keras.layers.Dense(4, tf.nn.relu)(x)" in Pipeline.to(to).run(before).text


def test_dropout_in_a_graph_changes_for_keras_2_alone() -> None:
    before = (
        "import tensorflow.compat.v1 as tf\n\nphase = tf.placeholder(tf.bool)\n\n\n"
        "def net(x):\n    return tf.layers.dropout(x, 0.4, training=phase)\n"
    )
    after = Pipeline.to("tf_keras").run(before).text
    assert "keras.layers.Dropout(0.4)(x, training=phase)" in after
    result = Pipeline.to("keras").run(before)
    assert "    return graph_dropout(x, 0.4, training=phase)\n" in result.text  # see KM825


REFUSED = [
    ("return tf.layers.dense(x, 4, reuse=True)", "reuse= may find weights"),
    ("return tf.layers.dense(x, 4, reuse=reuse)", "reuse= may find weights"),
    ("return tf.layers.dense(x, 4, name='a/b')", "slash"),
    ("return tf.layers.dense(*x)", "starred"),
    ("return tf.layers.dense(x, **options)", "starred"),
    ("return tf.layers.dense(units=4)", "inputs"),
    ("return tf.layers.dense(x, units=4, bogus=1)", "bogus"),
    ("return tf.layers.batch_normalization(x, renorm=True)", "renorm"),
    ("return tf.layers.dense(x, 4), tf.get_variable_scope().reuse_variables()", "by name (reuse)"),
    ("return tf.make_template('net', lambda: tf.layers.dense(x, 4))", "by name (reuse)"),
    (
        "with tf.variable_scope('a', reuse=tf.AUTO_REUSE):\n        return tf.layers.Dense(4)(x)",
        "by name (reuse)",
    ),
    (
        "with tf.variable_scope('a', initializer=init):\n        return tf.layers.dense(x, 4)",
        "sets initializers",
    ),
    (
        "y = tf.layers.dense(x, 4)\n    return tf.get_collection('variables', scope='a'), y",
        "looks up variables",
    ),
    (
        "y = tf.layers.dense(x, 4)\n"
        "    return [v for v in tf.trainable_variables() if 'a' in v.name], y",
        "looks up variables",
    ),
    (
        "tf.placeholder(tf.float32)\n    return tf.layers.dense(x, 4, trainable=False)",
        "trainable= keeps",
    ),
    (
        "tf.losses.get_regularization_loss()\n"
        "    return tf.layers.dense(x, 4, kernel_regularizer=reg)",
        "in no collection",
    ),
    (
        "tf.placeholder(tf.float32)\n    return tf.layers.batch_normalization(x, training=True)",
        "stay 0 and 1",
    ),
    ("drop = tf.layers.Dropout(0.4)\n    return drop(x)", "do not all name it"),
    ("return Lambda(lambda t: tf.layers.dense(t, 4))(x)", "new weights at every call"),
    ("return map(tf.layers.dense, x)", "without being called"),
    ("return partial(tf.layers.dense, units=4)(x)", "without being called"),
]


#: What is wrong wherever the functions come from, or is no call.
WRONG = ("new weights at every call", "without being called", "inputs", "bogus")


@pytest.mark.parametrize(("body", "reason"), REFUSED)
@each_target
def test_what_would_not_do_the_same_is_reported(body: str, reason: str, to: str) -> None:
    if to == "tf_keras" and reason not in WRONG:
        return  # see KM804
    # conv1d is none of those that the file can define, see KM825
    body = body.replace("layers.dense(x, 4", "layers.conv1d(x, 4, 3")
    code = f"{TF}\n\ndef net(x, reuse):\n    {body}\n"
    findings = untouched(code, to=to)
    found = [each for each in findings if each.code == "KM801"]
    assert [reason in each.message for each in found] == [True]
    assert found[0].advice and found[0].severity.value == "error"
    assert ("TF_USE_LEGACY_KERAS" in found[0].advice) == (to == "tf_keras")


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
@pytest.mark.parametrize(
    "call",
    [
        "(0.4, seed=1)(x, training=True)",
        "(0.4)(x, training=tf.placeholder_with_default(True, ()))",
    ],
)
def test_dropout_that_keras_3_would_repeat_is_reported(call: str, to: str) -> None:
    code = f"{TF}\n\ndef net(x):\n    return tf.layers.Dropout{call}\n"
    findings = untouched(code, to=to)
    assert findings[0].code == "KM801"


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_tf_keras_keeps_the_very_functions(body: str, reason: str) -> None:
    if reason in WRONG:
        return
    code = f"{TF}\n\ndef net(x, reuse):\n    {body}\n"
    result = Pipeline.to("tf_keras").run(code)
    (finding,) = [each for each in result.findings if each.code == "KM804"]
    assert reason in finding.message and finding.fixed
    module = finding.message.partition("taken from ")[2].partition(":")[0]
    leaf = module.rpartition(".")[2]
    expected = body.replace("tf.layers.", f"{leaf}.")
    start = f"{TF}from {module.rpartition('.')[0]} import {leaf}\n"
    if "tf." not in expected:
        start = start.removeprefix(TF)
    assert result.text == f"{start}\n\ndef net(x, reuse):\n    {expected}\n"
    again = Pipeline.to("tf_keras").run(result.text)
    assert again.text == result.text
    assert {each.code for each in again.findings} <= {"KM819", "KM841"}


def test_names_of_the_modules_that_are_taken() -> None:
    code = (
        f"{TF}\ncore = 3\n\n\ndef net(x, reuse):\n"
        "    return (tf.layers.dense)(x, 4,  # wide\n        reuse=reuse)\n"
    )
    result = Pipeline.to("tf_keras").run(code)
    assert "from tf_keras.src.legacy_tf_layers import core as keras_core\n" in result.text
    assert "(keras_core.dense)(x, 4,  # wide\n        reuse=reuse)\n" in result.text


def test_a_layer_that_is_made_in_call() -> None:
    code = (
        "import keras\nimport tensorflow as tf\n\n\nclass Net(keras.Model):\n"
        "    def call(self, x, training=None):\n        return tf.layers.dense(x, 4)\n"
    )
    (finding,) = untouched(code, to="keras", codes=["KM801"])
    assert finding.advice == (
        "make self.layer = keras.layers.Dense(...) in __init__, and call it here"
    )


def test_a_base_class_is_reported() -> None:
    (finding,) = untouched(
        f"{TF}\n\nclass Mine(tf.layers.Layer):\n    pass\n", to="keras", codes=["KM801"]
    )
    assert finding.advice.startswith("derive from keras.layers.Layer")


def test_code_that_keeps_the_old_layers_on_purpose_is_left_in_peace() -> None:
    code = (
        "import os\n\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\n"
        "import tensorflow.compat.v1 as tf\n\ny = tf.layers.conv1d(x, 4, 3, reuse=True)\n"
        "f = tf.layers.dense\n"
    )
    untouched(code, to="tf_keras", codes=[])
    untouched(code, to="keras", codes=["KM801", "KM801"])


@each_target
@pytest.mark.parametrize(
    "code",
    [
        "from mine import tf\n\ny = tf.layers.dense(x, 4)\n",
        "from mine import layers\n\ny = layers.dense(x, 4)  # not tensorflow\n",
        f"{TF}\n\ndef f(tf):\n    return tf.layers.dense(x, 4)\n",
        f"{TF}\ntf = mine\ny = tf.layers.dense(x, 4)\n",
        f"{TF}\ny = tf.keras_layers.dense(x, 4)\n",
        f"{TF}\nw = tf.get_variable('w', initializer=tf.contrib.layers.xavier_initializer())\n",
        f"{TF}\nr = tf.contrib.layers.l2_regularizer(0.1)\n",
        f"{TF}\ny = tf.contrib.layers.summarize_tensor(x)  # of layers, not one\n",
        "model = tf.layers.dense(x, 4)  # tensorflow is imported nowhere\n",
        "from mxnet import layers\n\n# tensorflow\ny = layers.Dense(4)\n",
    ],
)
def test_other_code_stays(code: str, to: str) -> None:
    untouched(code, to=to, codes=[])


@each_target
def test_functions_of_contrib_layers_get_advice(to: str) -> None:
    (finding,) = untouched(
        "from tensorflow.contrib.layers import fully_connected\n\ny = fully_connected(x, 4)\n",
        to=to,
        codes=["KM803"],
    )
    assert finding.advice.startswith("write keras.layers.Dense(n, activation='relu')(x)")


def test_an_initializer_that_is_kept_for_several_layers_is_reported() -> None:
    check(
        f"{TF}\ninit = tf.contrib.layers.xavier_initializer()\n\n\ndef net(x):\n"
        "    return tf.layers.dense(x, 4, kernel_initializer=init)\n",
        f"{TF}import keras\n\ninit = tf.contrib.layers.xavier_initializer()\n\n\ndef net(x):\n"
        "    return keras.layers.Dense(4, kernel_initializer=init)(x)\n",
        to="keras",
        codes=["KM101", "KM803", "KM800"],
    )


def test_contrib_arguments_of_keras_layers() -> None:
    check(
        "import tensorflow as tf\nfrom keras.layers import Dense\n\n"
        "Dense(4, kernel_initializer=tf.contrib.layers.xavier_initializer(),\n"
        "      kernel_regularizer=tf.contrib.layers.l2_regularizer(0.01),\n"
        "      bias_regularizer=tf.contrib.layers.l2_regularizer(0.01, 'scope'))\n",
        "import tensorflow as tf\nimport tf_keras as keras\nfrom tf_keras.layers import Dense\n\n"
        "Dense(4, kernel_initializer=keras.initializers.GlorotUniform(),\n"
        "      kernel_regularizer=keras.regularizers.L2(0.5 * 0.01),\n"
        "      bias_regularizer=tf.contrib.layers.l2_regularizer(0.01, 'scope'))\n",
        to="tf_keras",
    )


@pytest.mark.parametrize(
    ("user", "changes"),
    [
        ("from net import build\n\nbuild(1)\n", True),
        ("import net\nimport tensorflow as tf\n\ntf.AUTO_REUSE\nnet.build(1)\n", False),
        (
            "from net import build\n\nwith tf.variable_scope('a', reuse=True):\n    build(1)\n",
            False,
        ),
        ("import tensorflow as tf\n\ntf.AUTO_REUSE\n", True),
    ],
)
def test_a_file_that_imports_the_layers_may_share_them(
    tmp_path: Path, user: str, changes: bool
) -> None:
    code = f"{TF}\n\ndef build(x):\n    return tf.layers.dense(x, 4)\n"
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    (tmp_path / "use.py").write_text(user, encoding="utf-8")
    project = Project(tmp_path, [tmp_path / "net.py", tmp_path / "use.py"])
    found = Pipeline.to("keras").run(code, project.view(tmp_path / "net.py"))
    assert ("keras.layers.Dense(4)(x)" in found.text) is changes


def test_a_comment_switches_a_line_off() -> None:
    untouched(
        f"{TF}\ny = tf.layers.flatten(x)  # kerasmigrate: ignore[KM800]\n", to="keras", codes=[]
    )
