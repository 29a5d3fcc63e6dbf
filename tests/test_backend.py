"""Functions of keras.backend: what they are in Keras 3, and what stays for a person."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings
from kerasmigrate.transforms import backend_table

HOMES = {"keras": "keras", "tf.keras": "tensorflow.keras"}

#: One use of every function that is converted, and its exact translation.
CONVERTED = [
    ("K.abs(x)", "ops.abs(x)"),
    ("K.all(x, axis=1)", "ops.all(x, axis=1)"),
    ("K.any(x, 1, True)", "ops.any(x, 1, True)"),
    ("K.arange(5)", "ops.arange(5, dtype='int32')"),
    ("K.arange(0, stop=n, step=2)", "ops.arange(0, stop=n, step=2, dtype='int32')"),
    ("K.arange(0, n, dtype='float32')", "ops.arange(0, n, dtype='float32')"),
    ("K.argmax(x)", "ops.argmax(x, axis=-1)"),
    ("K.argmax(x, 1)", "ops.argmax(x, 1)"),
    ("K.argmin(x, axis=0)", "ops.argmin(x, axis=0)"),
    ("K.argmin(x)", "ops.argmin(x, axis=-1)"),
    ("K.batch_flatten(x)", "ops.reshape(x, (ops.shape(x)[0], -1))"),
    ("K.batch_get_value(x.weights)", "[ops.convert_to_numpy(value) for value in x.weights]"),
    (
        "K.batch_normalization(x, m, v, b, g)",
        "ops.batch_normalization(x, m, v, offset=b, scale=g, axis=-1)",
    ),
    (
        "K.batch_normalization(x, m, v, b, g, axis=-1, epsilon=0.1)",
        "ops.batch_normalization(x, m, v, offset=b, scale=g, axis=-1, epsilon=0.1)",
    ),
    ("K.bias_add(x, b)", "ops.add(x, b)"),
    ("K.bias_add(x, b, data_format='channels_last')", "ops.add(x, b)"),
    ("K.binary_crossentropy(t, p)", "ops.binary_crossentropy(t, p)"),
    ("K.cast(x, 'float32')", "ops.cast(x, 'float32')"),
    (
        "K.categorical_crossentropy(t, p, from_logits=True)",
        "ops.categorical_crossentropy(t, p, from_logits=True)",
    ),
    ("K.clip(x, 0., 1.)", "ops.clip(x, 0., 1.)"),
    ("K.clip(x, min_value=0., max_value=1.)", "ops.clip(x, x_min=0., x_max=1.)"),
    ("K.concatenate([x, y])", "ops.concatenate([x, y], axis=-1)"),
    ("K.concatenate(tensors=[x, y], axis=1)", "ops.concatenate(xs=[x, y], axis=1)"),
    ("K.constant(0.5)", "ops.convert_to_tensor(0.5)"),
    ("K.constant(n, dtype='int32', name='n')", "ops.convert_to_tensor(n, dtype='int32')"),
    (
        "K.constant(1, dtype='float32', shape=(2, 3))",
        "ops.full(fill_value=1, dtype='float32', shape=(2, 3))",
    ),
    (
        "K.conv1d(x, k, strides=2, padding='same', dilation_rate=1)",
        "ops.conv(x, k, strides=2, padding='same', dilation_rate=1)",
    ),
    ("K.conv2d(x, k, (2, 2), 'same')", "ops.conv(x, k, (2, 2), 'same')"),
    ("K.conv3d(x=x, kernel=k)", "ops.conv(inputs=x, kernel=k)"),
    (
        "K.conv2d(x, k, border_mode='same', dim_ordering='th', image_shape=s)",
        "ops.conv(x, k, padding='same', data_format='channels_first')",
    ),
    ("K.clip(x, 0., None)", "ops.maximum(x, 0.)"),
    ("K.clip(x, None, max_value=1)", "ops.minimum(x, 1)"),
    ("K.asymmetric_temporal_padding(x)", "ops.pad(x, ((0, 0), (1, 1), (0, 0)))"),
    (
        "K.asymmetric_temporal_padding(x, right_pad=0, left_pad=n)",
        "ops.pad(x, ((0, 0), (n, 0), (0, 0)))",
    ),
    ("K.batch_set_value(p)", "[variable.assign(value) for variable, value in p]"),
    ("K.pattern_broadcast(x, [True, False])", "x"),
    ("K.pattern_broadcast(x + y, broadcastable=p)", "(x + y)"),
    ("K.cos(x)", "ops.cos(x)"),
    ("K.cumprod(x)", "ops.cumprod(x, axis=0)"),
    ("K.cumsum(x)", "ops.cumsum(x, axis=0)"),
    ("K.cumsum(x, axis=1)", "ops.cumsum(x, axis=1)"),
    ("K.depthwise_conv2d(x, k)", "ops.depthwise_conv(x, k)"),
    ("K.dot(x, y)", "ops.dot(x, y)"),
    ("K.elu(x, 0.5)", "ops.elu(x, 0.5)"),
    ("K.equal(x, y)", "ops.equal(x, y)"),
    ("K.eval(x)", "ops.convert_to_numpy(x)"),
    ("K.exp(x)", "ops.exp(x)"),
    ("K.expand_dims(x)", "ops.expand_dims(x, axis=-1)"),
    ("K.expand_dims(x, 1)", "ops.expand_dims(x, 1)"),
    ("K.expand_dims(x, dim=1)", "ops.expand_dims(x, axis=1)"),
    ("K.eye(3)", "ops.eye(3)"),
    ("K.flatten(x)", "ops.reshape(x, [-1])"),
    ("K.gather(x, i)", "ops.take(x, i, axis=0)"),
    ("K.gather(reference=x, indices=i)", "ops.take(x=x, indices=i, axis=0)"),
    ("K.get_value(x)", "ops.convert_to_numpy(x)"),
    ("K.get_variable_shape(x)", "tuple(x.shape)"),
    ("K.greater(x, y)", "ops.greater(x, y)"),
    ("K.greater_equal(x, y)", "ops.greater_equal(x, y)"),
    ("K.hard_sigmoid(x)", "ops.clip(0.2 * x + 0.5, 0.0, 1.0)"),
    ("K.hard_sigmoid(x + y)", "ops.clip(0.2 * (x + y) + 0.5, 0.0, 1.0)"),
    ("K.identity(x)", "ops.copy(x)"),
    ("K.in_top_k(p, t, 5)", "ops.in_top_k(predictions=p, targets=t, k=5)"),
    ("K.is_tensor(x)", "ops.is_tensor(x)"),
    ("K.l2_normalize(x, axis=1)", "ops.normalize(x, axis=1, order=2)"),
    ("K.l2_normalize(x)", "ops.normalize(x, axis=None, order=2)"),
    ("K.less(x, y)", "ops.less(x, y)"),
    ("K.less_equal(x, y)", "ops.less_equal(x, y)"),
    ("K.lesser(x, y)", "ops.less(x, y)"),
    ("K.lesser_equal(x, y)", "ops.less_equal(x, y)"),
    ("K.log(x)", "ops.log(x)"),
    ("K.logsumexp(x, axis=1)", "ops.logsumexp(x, axis=1)"),
    ("K.map_fn(f, x, dtype='float32')", "ops.map(f, x)"),
    ("K.max(x, axis=-1, keepdims=True)", "ops.max(x, axis=-1, keepdims=True)"),
    ("K.maximum(x, 0.)", "ops.maximum(x, 0.)"),
    ("K.mean(x, (1, 2))", "ops.mean(x, (1, 2))"),
    ("K.min(x)", "ops.min(x)"),
    ("K.minimum(x, y)", "ops.minimum(x, y)"),
    ("K.moving_average_update(m, x, 0.9)", "m.assign(m * 0.9 + x * (1.0 - 0.9))"),
    ("K.ndim(x)", "len(x.shape)"),
    ("K.ndim(x + y)", "len((x + y).shape)"),
    ("K.not_equal(x, y)", "ops.not_equal(x, y)"),
    ("K.one_hot(x, 3)", "ops.one_hot(x, 3)"),
    ("K.one_hot(indices=x, nb_classes=3)", "ops.one_hot(x=x, num_classes=3)"),
    ("K.ones_like(x, name='a')", "ops.ones_like(x)"),
    ("K.permute_dimensions(x, (0, 2, 1))", "ops.transpose(x, (0, 2, 1))"),
    ("K.permute_dimensions(x, pattern=p)", "ops.transpose(x, axes=p)"),
    ("K.pool2d(x, (2, 2))", "ops.max_pool(x, (2, 2), strides=1)"),
    (
        "K.pool2d(x, (2, 2), strides=(2, 2), pool_mode='avg', padding='same')",
        "ops.average_pool(x, (2, 2), strides=(2, 2), padding='same')",
    ),
    ("K.pool3d(x, (2, 2, 2))", "ops.max_pool(x, (2, 2, 2), strides=1)"),
    ("K.pow(x, 2)", "ops.power(x, 2)"),
    ("K.prod(x, axis=0)", "ops.prod(x, axis=0)"),
    ("K.relu(x)", "ops.relu(x)"),
    ("K.repeat(x, n)", "ops.repeat(ops.expand_dims(x, 1), n, axis=1)"),
    ("K.repeat_elements(x, 3, axis=1)", "ops.repeat(x, 3, axis=1)"),
    ("K.repeat_elements(x, rep=3, axis=1)", "ops.repeat(x, repeats=3, axis=1)"),
    ("K.reshape(x, shape=(-1, 2))", "ops.reshape(x, newshape=(-1, 2))"),
    ("K.reverse(x, axes=1)", "ops.flip(x, axis=1)"),
    ("K.round(x)", "ops.round(x)"),
    ("K.separable_conv2d(x, d, p)", "ops.separable_conv(x, d, p)"),
    ("K.set_value(m, 3)", "m.assign(3)"),
    ("K.shape(x)[0]", "ops.shape(x)[0]"),
    ("K.shape(x)[1:] * 2", "ops.convert_to_tensor(ops.shape(x))[1:] * 2"),
    ("K.int_shape(x)[1]", "x.shape[1]"),
    ("K.int_shape(x)[1:]", "tuple(x.shape)[1:]"),
    ("K.int_shape(f(x))", "tuple(f(x).shape)"),
    ("len(K.int_shape(x))", "len(x.shape)"),
    ("K.sigmoid(x)", "ops.sigmoid(x)"),
    ("K.sign(x)", "ops.sign(x)"),
    ("K.sin(x)", "ops.sin(x)"),
    ("K.size(x)", "ops.size(x)"),
    ("K.slice(x, (0, 1), size=(2, 2))", "ops.slice(x, (0, 1), shape=(2, 2))"),
    ("K.softmax(x, axis=1)", "ops.softmax(x, axis=1)"),
    ("K.softplus(x)", "ops.softplus(x)"),
    ("K.softsign(x)", "ops.softsign(x)"),
    ("K.sparse_categorical_crossentropy(t, p)", "ops.sparse_categorical_crossentropy(t, p)"),
    (
        "K.spatial_2d_padding(x, ((1, 2), (3, 4)), data_format='channels_last')",
        "ops.pad(x, ((0, 0), *((1, 2), (3, 4)), (0, 0)))",
    ),
    (
        "K.spatial_2d_padding(x, data_format='channels_first')",
        "ops.pad(x, ((0, 0), (0, 0), *((1, 1), (1, 1))))",
    ),
    (
        "K.spatial_3d_padding(x, data_format='channels_last')",
        "ops.pad(x, ((0, 0), *((1, 1), (1, 1), (1, 1)), (0, 0)))",
    ),
    ("K.sqrt(x)", "ops.sqrt(ops.maximum(x, 0.0))"),
    ("K.sqrt(2 * K.sum(x ** 2, axis=1))", "ops.sqrt(2 * ops.sum(x ** 2, axis=1))"),
    ("K.sqrt(K.mean(x))", "ops.sqrt(ops.maximum(ops.mean(x), 0.0))"),
    ("K.square(x)", "ops.square(x)"),
    ("K.squeeze(x, 1)", "ops.squeeze(x, 1)"),
    ("K.stack([x, y], axis=1)", "ops.stack([x, y], axis=1)"),
    ("K.std(x)", "ops.std(x)"),
    ("K.stop_gradient(x)", "ops.stop_gradient(x)"),
    ("K.sum(x, axis=1, keepdims=True)", "ops.sum(x, axis=1, keepdims=True)"),
    ("K.switch(x > 0, x, y)", "ops.where(x > 0, x, y)"),
    ("K.tanh(x)", "ops.tanh(x)"),
    ("K.temporal_padding(x)", "ops.pad(x, ((0, 0), (1, 1), (0, 0)))"),
    ("K.temporal_padding(x, (n, 0))", "ops.pad(x, ((0, 0), (n, 0), (0, 0)))"),
    ("K.temporal_padding(x, 2)", "ops.pad(x, ((0, 0), (2, 2), (0, 0)))"),
    ("K.tile(x, (1, 2))", "ops.tile(x, (1, 2))"),
    ("K.to_dense(x)", "ops.convert_to_tensor(x, sparse=False)"),
    ("K.transpose(x)", "ops.transpose(x)"),
    ("K.update(m.count, x + 1)", "m.count.assign(x + 1)"),
    ("K.update(m, x + 1)", "m.assign(x + 1)"),
    ("K.update_add(m, 1)", "m.assign_add(1)"),
    ("K.update_sub(m, 1)", "m.assign_sub(1)"),
    ("K.var(x, axis=0)", "ops.var(x, axis=0)"),
    ("K.zeros_like(x, dtype='int32')", "ops.zeros_like(x, dtype='int32')"),
]

#: The same where the new code stands in other modules than keras.ops; "~" is keras or tf.keras.
ELSEWHERE = [
    ("K.cast_to_floatx(x)", "from ~ import backend as K, ops", "ops.cast(x, K.floatx())"),
    ("K.dtype(x)", "from ~ import backend as K", "K.standardize_dtype(x.dtype)"),
    (
        "K.relu(x, 0.1, max_value=6)",
        "from ~ import activations",
        "activations.relu(x, 0.1, max_value=6)",
    ),
    (
        "K.relu(x, alpha=0.1)",
        "from ~ import activations",
        "activations.relu(x, negative_slope=0.1)",
    ),
    ("K.dropout(x, 0.5)", "from ~ import random", "random.dropout(x, 0.5)"),
    ("K.dropout(x, level=0.5)", "from ~ import random", "random.dropout(x, rate=0.5)"),
    ("K.random_normal((2,), 0., 1.)", "from ~ import random", "random.normal((2,), 0., 1.)"),
    ("K.random_normal((2,), std=2.)", "from ~ import random", "random.normal((2,), stddev=2.)"),
    (
        "K.random_uniform((2,), low=1., high=2.)",
        "from ~ import random",
        "random.uniform((2,), minval=1., maxval=2.)",
    ),
    (
        "K.truncated_normal((2,), seed=None)",
        "from ~ import random",
        "random.truncated_normal((2,), seed=None)",
    ),
    ("K.random_bernoulli((2,), p=0.1)", "from ~ import random", "random.binomial((2,), 1, 0.1)"),
    (
        "K.random_binomial((2,), 0.1, dtype='int32')",
        "from ~ import random",
        "random.binomial((2,), 1, 0.1, dtype='int32')",
    ),
    ("K.variable(3)", "from ~ import backend as K\n@", "keras.Variable(3, dtype=K.floatx())"),
    ("K.variable(0.5, name='a')", "@", "keras.Variable(0.5, name='a')"),
    ("K.variable(x, 'int32', 'a')", "@", "keras.Variable(x, dtype='int32', name='a')"),
    (
        "K.constant(3)",
        "from ~ import backend as K, ops",
        "ops.convert_to_tensor(3, dtype=K.floatx())",
    ),
    (
        "K.zeros((2,), name='a')",
        "@, ops",
        "keras.Variable(ops.zeros((2,)), name='a')",
    ),
    (
        "K.ones((2,), 'int32')",
        "@, ops",
        "keras.Variable(ops.ones((2,), dtype='int32'))",
    ),
    (
        "K.random_normal_variable((2,), 0., 1.)",
        "@, random",
        "keras.Variable(random.normal((2,), 0., 1.))",
    ),
    (
        "K.random_uniform_variable((2,), low=0., high=1., name='a')",
        "@, random",
        "keras.Variable(random.uniform((2,), 0., 1.), name='a')",
    ),
    ("K.name_scope('a')", "@", "keras.name_scope('a')"),
]


@pytest.mark.parametrize("to", HOMES)
@pytest.mark.parametrize(("before", "after"), CONVERTED)
def test_converted(before: str, after: str, to: str) -> None:
    tree = f"from {HOMES[to]} import ops\n\n" if "ops." in after else "\n"
    findings = check(
        f"from keras import backend as K\n\nz = {before}\n", f"{tree}z = {after}\n", to=to
    )
    assert {finding.code for finding in findings} - {"KM101"} == {"KM501"}
    assert all(finding.fixed for finding in findings)


@pytest.mark.parametrize("to", HOMES)
@pytest.mark.parametrize(("before", "imports", "after"), ELSEWHERE)
def test_converted_to_other_modules(before: str, imports: str, after: str, to: str) -> None:
    root = "import keras" if to == "keras" else "from tensorflow import keras"
    lines = imports.replace("~", HOMES[to])
    if lines.startswith("@, "):
        # Two lines, or one where both names come from the same module.
        name = lines.removeprefix("@, ")
        lines = f"from keras import {name}\nimport keras"
        if to == "tf.keras":
            lines = f"from tensorflow import keras\nfrom tensorflow.keras import {name}"
    lines = lines.replace("@", root)
    check(f"from keras import backend as K\n\nz = {before}\n", f"{lines}\n\nz = {after}\n", to=to)


def test_every_row_is_tested() -> None:
    tried = {row[0].partition("K.")[2].partition("(")[0] for row in (*CONVERTED, *ELSEWHERE)}
    defined = {
        name
        for name in backend_table.converted()
        if all(row.define for row in backend_table.rows(name) if not row.refuse)
    }
    assert tried == set(backend_table.converted()) - defined  # see test_backend_definitions.py


@pytest.mark.parametrize(("to", "api"), [("tf_keras", None), ("tf.keras", 2)])
def test_targets_with_the_old_backend(to: str, api: int | None) -> None:
    home = {"tf_keras": "tf_keras", "tf.keras": "tensorflow.keras"}[to]
    untouched(
        f"from {home} import backend as K\n\n"
        "z = K.sum(x), K.argmax(x), K.repeat(x, 2), K.in_train_phase(x, y), K.learning_phase()\n"
        "w = map(K.square, x), K.sum(*x)\n",
        to=to,
        api=api,
        codes=[],
    )


OPEN = [
    ("K.batch_flatten(x + 1)", "its argument x would be computed twice"),
    (
        "K.batch_normalization(x, m, v, b, g, axis=1)",
        "for an axis that is not the last one, statistics of one dimension are needed now",
    ),
    ("K.clip(x, None, None)", "it clips nothing"),
    ("K.resize_images(x, 2, 2, d, 'bilinear')", "only copies of pixels are written as a function"),
    ("K.conv1d(x, k, padding='causal')", "ops.conv has no causal padding"),
    ("K.conv2d(x, k, dim_ordering=d)", "dim_ordering= takes a value that the source does not show"),
    ("K.eye((2, 3))", "it is used in a way that has no equal"),
    ("K.moving_average_update(m(), x, 0.9)", "its argument x would be computed twice"),
    ("K.pool2d(x, (2, 2), pool_mode=p)", "the source does not show pool_mode"),
    (
        "K.random_normal((2,), seed=1)",
        "an integer seed gives the same numbers at every call now; make a"
        " keras.random.SeedGenerator once and pass that",
    ),
    ("K.repeat(x,  # twice\n         2)", "comments stand between its arguments"),
    ("K.spatial_2d_padding(x)", "the source does not show its padding or where the channels are"),
    ("K.stop_gradient([x, y])", "it is used in a way that has no equal"),
    ("K.sum(*both)", "starred arguments hide what it is given"),
    ("K.sum(x, along=1)", "its arguments are not those of the function"),
    ("K.sum()", "the required argument x= is missing"),
    ("K.switch(x, lambda: x, lambda: y)", "its branches are functions"),
    ("K.variable(x, constraint=c)", "keras.Variable takes no constraint"),
    (
        "map(K.argmax, x)",
        "its arguments or defaults differ, and nobody knows how it will be called",
    ),
    ("map(K.sqrt, x)", "its arguments or defaults differ, and nobody knows how it will be called"),
]


@pytest.mark.parametrize(("code", "reason"), OPEN)
def test_not_converted(code: str, reason: str) -> None:
    name = code.partition("K.")[2].partition("(")[0].partition(",")[0]
    for to, severity in (("keras", Severity.ERROR), ("tf.keras", Severity.WARNING)):
        if to == "tf.keras" and "dim_ordering" in code:
            continue  # KM205 reports the value there, because the old function still exists
        text = f"from {HOMES[to]} import backend as K\n\nz = {code}\n"
        found = untouched(text, to=to)
        (finding,) = [each for each in found if each.code != "KM219"]  # it fits no Keras
        assert finding.code == "KM502"
        assert finding.message == f"the backend function {name}() is not converted: {reason}"
        assert finding.severity is severity
        assert finding.advice and not finding.fixed


@pytest.mark.parametrize("name", sorted(backend_table.gone()))
def test_gone(name: str) -> None:
    for call in (f"K.{name}(a)", f"K.{name}"):
        text = f"from keras import backend as K\n\nz = {call}\n"
        (finding,) = untouched(text, to="keras", codes=["KM503"])
        assert finding.message == (
            f"the backend function {name}() does not exist in keras (Keras 3)"
        )
        assert finding.advice == backend_table.gone()[name]


def test_gone_where_it_is_imported() -> None:
    text = "from keras.backend import function\n\nf = function([a], [b])\n"
    untouched(text, to="keras", codes=["KM503"])
    check(
        "from keras.backend import function, sum\n\nf = function([a], [sum(b)])\n",
        "from keras.backend import function\nfrom keras import ops\n\n"
        "f = function([a], [ops.sum(b)])\n",
        to="keras",
        codes=["KM101", "KM503", "KM501"],
    )


def test_gone_from_one_of_two_targets() -> None:
    text = "from tensorflow.keras import backend as K\n\nz = K.rnn(f, x, s), K.gradients(a, b)\n"
    (finding,) = untouched(text, to="tf.keras", codes=["KM503"])
    assert finding.message == (
        "the backend function gradients() always fails in tf.keras (Keras 3): tf.gradients is not"
        " supported when eager execution is enabled"
    )


@pytest.mark.parametrize("to", ["tf.keras", "tf_keras"])
def test_gradients_of_graphs_in_keras_2(to: str) -> None:
    root = {"tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}[to]
    text = f"from {root} import backend as K\n\nz = K.rnn(f, x, s), K.gradients(a, b)\n"
    (finding,) = untouched(text, to=to, api=2, codes=["KM503"])
    assert finding.message == (
        f"the backend function gradients() always fails in {to} (Keras 2): tf.gradients is not"
        " supported when eager execution is enabled"
    )
    for line in (
        "@tf.function\ndef g():\n    pass\n",
        "tf.compat.v1.disable_eager_execution()\n",
        "tf.compat.v1.disable_v2_behavior()\n",
    ):
        untouched(f"import tensorflow as tf\n{text}{line}", to=to, api=2, codes=[])


BARE = [
    ("map(K.square, xs)", "map(ops.square, xs)"),
    ("f = K.relu", "f = ops.relu"),
    ("reduce(K.maximum, xs)", "reduce(ops.maximum, xs)"),
    ("Lambda(K.mean, arguments={'axis': 1})", "Lambda(ops.mean, arguments={'axis': 1})"),
    ("(K.softmax)", "(ops.softmax)"),
]


@pytest.mark.parametrize(("before", "after"), BARE)
def test_functions_that_are_passed_on(before: str, after: str) -> None:
    check(
        f"from keras import backend as K\n\n{before}\n",
        f"from keras import ops\n\n{after}\n",
        to="keras",
        codes=["KM101", "KM501"],
    )


SPELLINGS = [
    ("import keras.backend as K", "K.sum(x)", "from keras import ops", "ops.sum(x)"),
    ("import keras", "keras.backend.sum(x)", "import keras", "keras.ops.sum(x)"),
    ("from keras.backend import sum as k_sum", "k_sum(x)", "from keras import ops", "ops.sum(x)"),
    (
        "from keras.backend import variable",
        "variable(1.)",
        "from keras import Variable",
        "Variable(1.)",
    ),
    ("import tensorflow as tf", "tf.keras.backend.sum(x)", "import keras", "keras.ops.sum(x)"),
    (
        "import tensorflow as tf\n\nK = tf.keras.backend",
        "K.sum(tf.cast(x))",
        "import tensorflow as tf\nimport keras\nfrom keras import ops\n\nK = keras.backend",
        "ops.sum(tf.cast(x))",
    ),
    (
        "import keras.backend.tensorflow_backend as KTF",
        "KTF.exp(x)",
        "from keras import ops",
        "ops.exp(x)",
    ),
    (
        "from keras import backend as K",
        "K.sum(x) + K.epsilon()",
        "from keras import backend as K, ops",
        "ops.sum(x) + K.epsilon()",
    ),
    (
        "from keras.backend import *",
        "sum(square(x))",
        "from keras import ops",
        "ops.sum(ops.square(x))",
    ),
    (
        "try:\n    from keras import backend as K\nexcept ImportError:\n"
        "    from tensorflow.keras import backend as K",
        "K.sum(x)",
        "from keras import ops",
        "ops.sum(x)",
    ),
]


@pytest.mark.parametrize(("head", "before", "new_head", "after"), SPELLINGS)
def test_spellings(head: str, before: str, new_head: str, after: str) -> None:
    check(f"{head}\n\nz = {before}\n", f"{new_head}\n\nz = {after}\n", to="keras")


def test_a_name_that_is_taken() -> None:
    check(
        "from keras import backend as K\n\n\ndef f(x, ops):\n    return K.sum(x) + ops\n",
        "from keras import ops as keras_ops\n\n\n"
        "def f(x, ops):\n    return keras_ops.sum(x) + ops\n",
        to="keras",
    )
    untouched(
        "from keras import backend as K\n\n\ndef f(x, len):\n    return K.ndim(x) + len\n",
        to="keras",
        codes=["KM502"],
    )


def test_a_backend_that_another_file_hands_on(tmp_path: Path) -> None:
    (tmp_path / "backend.py").write_text("from keras import backend as K\n", encoding="utf-8")
    path = tmp_path / "use.py"
    text = "from backend import K\n\nz = K.argmax(x)\n"
    path.write_text(text, encoding="utf-8")
    check(
        text,
        "import keras\n\nz = keras.ops.argmax(x, axis=-1)\n",
        to="keras",
        view=Project(tmp_path).view(path),
    )


@pytest.mark.parametrize(
    "code",
    [
        "import keras\n\nK = 3\nz = K.sum(x)\n",
        "from mine import backend as K\n\nz = K.sum(x) + K.learning_phase()\n",
        "import keras\n\n\ndef f(K, x):\n    return K.sum(x)\n",
        "from keras import backend as K\n\nz = K.epsilon(), K.floatx(), K.image_data_format()\n",
        "from keras import backend as K\n\nK.clear_session()\nK.set_floatx('float16')\n",
        "from keras import ops\n\nz = ops.argmax(x)\n",
        "import tensorflow as tf\nimport keras\n\nz = tf.reduce_sum(x)\n",
    ],
)
def test_left_alone(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_not_selected_or_ignored() -> None:
    text = "from keras import backend as K\n\nz = K.sum(x)\n"
    untouched(text, to="keras", codes=["KM103"], settings=Settings(ignore=frozenset({"KM5"})))
    untouched(
        "from keras import backend as K\n\nz = K.sum(x)  # kerasmigrate: ignore\n",
        to="keras",
        codes=[],
    )


def test_shapes_that_are_used_as_tensors() -> None:
    check(
        "from keras import backend as K\n\n\n"
        "def f(x, y):\n"
        "    shape = K.shape(x)\n"
        "    size = K.shape(x)\n"
        "    n, m = K.shape(y)\n"
        "    return K.reshape(y, (shape[0], n, m)), K.zeros(shape), size[::-1]\n",
        "from keras import ops\n\n\n"
        "def f(x, y):\n"
        "    shape = ops.shape(x)\n"
        "    size = ops.convert_to_tensor(ops.shape(x))\n"
        "    n, m = ops.shape(y)\n"
        "    return ops.reshape(y, (shape[0], n, m)), ops.zeros(shape), size[::-1]\n",
        to="keras",
    )


def test_variables_and_values() -> None:
    check(
        "import keras\nfrom keras import backend as K\n\n\n"
        "class Counter(keras.layers.Layer):\n"
        "    def build(self, shape):\n"
        "        self.states = [K.zeros((2,)), K.ones((2,))]\n\n"
        "    def get(self, x):\n"
        "        start = K.zeros((2,))\n"
        "        total = K.zeros((2,))\n"
        "        K.update(total, start)\n"
        "        return K.ones((2,)) * x\n",
        "import keras\n\n\n"
        "class Counter(keras.layers.Layer):\n"
        "    def build(self, shape):\n"
        "        self.states = [keras.Variable(keras.ops.zeros((2,))),"
        " keras.Variable(keras.ops.ones((2,)))]\n\n"
        "    def get(self, x):\n"
        "        start = keras.ops.zeros((2,))\n"
        "        total = keras.Variable(keras.ops.zeros((2,)))\n"
        "        total.assign(start)\n"
        "        return keras.ops.ones((2,)) * x\n",
        to="keras",
    )


def test_the_order_of_keras_1() -> None:
    check(
        "from keras import backend as K\n\n"
        "loss = K.binary_crossentropy(guess, truth) + K.expand_dims(x, dim=1)\n",
        "from keras import ops\n\n"
        "loss = ops.binary_crossentropy(output=guess, target=truth) + ops.expand_dims(x, axis=1)\n",
        to="keras",
    )


def test_layout_and_comments() -> None:
    check(
        "from keras import backend as K\n\n"
        "z = K.sum(  # all\n    K.square(x),  # squares\n    axis=1,\n)\n"
        "w = K.flatten(\n    x +\n    y\n)\n",
        "from keras import ops\n\n"
        "z = ops.sum(  # all\n    ops.square(x),  # squares\n    axis=1,\n)\n"
        "w = ops.reshape(x +\n    y, [-1])\n",
        to="keras",
    )


LAYER = (
    "from keras import backend as K\nfrom keras.layers import Layer\n\n\n"
    "class Mine(Layer):\n    def call(self, x{param}):\n        {body}\n"
)
PHASES = [
    ("return K.in_train_phase(x + 1, x)", "return x + 1 if training else x"),
    ("return K.in_test_phase(x + 1, x)", "return x if training else x + 1"),
    ("return K.in_train_phase(lambda: x + 1, lambda: x)", "return x + 1 if training else x"),
    ("return 2 * K.in_train_phase(x + 1, x)", "return 2 * (x + 1 if training else x)"),
    (
        "return K.in_train_phase(lambda: x if y else z, x)",
        "return (x if y else z) if training else x",
    ),
    ("return K.in_train_phase(x, x + 1, training=training)", "return x if training else x + 1"),
    ("return K.in_train_phase(x, 0 * x, training=None)", "return x if training else 0 * x"),
    (
        "return K.in_train_phase(x + 1,  # noise\n            x)",
        "return (x + 1  # noise\n            if training else x)",
    ),
    ("return x if K.learning_phase() else 0 * x", "return x if training else 0 * x"),
    ("return 0 * x if not K.learning_phase() else x", "return 0 * x if not training else x"),
    (
        "def noisy():\n            return x + 1\n        return K.in_train_phase(noisy, x)",
        "def noisy():\n            return x + 1\n        return noisy() if training else x",
    ),
]


@pytest.mark.parametrize(("before", "after"), PHASES)
def test_learning_phase_in_a_layer(before: str, after: str) -> None:
    wanted = LAYER.format(param=", training=None", body=after)
    wanted = wanted.replace("from keras import backend as K\n", "")
    check(LAYER.format(param=", training=None", body=before), wanted, to="keras")
    if "=training" not in before:
        check(LAYER.format(param="", body=before), wanted, to="keras")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "def f(x):\n    return K.in_train_phase(x, 0 * x)\n",
            "there is no argument training where it is asked for",
        ),
        ("z = K.learning_phase()\n", "there is no argument training where it is asked for"),
        (
            "def f(x, training):\n    return x * K.learning_phase()\n",
            "its value is used as a tensor",
        ),
        (
            "def f(x):\n    training = x.mode\n    return x if K.learning_phase() else 2\n",
            "the name training has another meaning here",
        ),
        (
            "def f(x, training):\n    return K.in_train_phase(x,  # one\n        2  # two\n    )\n",
            "comments stand between its arguments",
        ),
        (
            "def f(x, training):\n    return K.in_train_phase(  # one\n        x, 2)\n",
            "comments stand between its arguments",
        ),
        ("z = g(K.in_train_phase)\n", "what it is handed to is unknown"),
    ],
)
def test_learning_phase_out_of_reach(code: str, reason: str) -> None:
    text = f"from keras import backend as K\n\n\n{code}"
    (finding,) = untouched(text, to="keras", codes=["KM505"])
    name = "in_train_phase" if "in_train_phase" in code else "learning_phase"
    assert finding.message == (
        f"the backend function {name}() does not exist in keras (Keras 3), and {reason}"
    )


def test_what_is_only_likely() -> None:
    findings = check(
        "from keras import backend as K\n\nz = K.switch(c, x, y)\n",
        "from keras import ops\n\nz = ops.where(c, x, y)\n",
        to="keras",
        codes=["KM101", "KM501"],
    )
    assert findings[1].confidence is Confidence.LIKELY
    assert findings[1].advice == (
        "the condition must be a scalar or have the dimensions of its branches"
    )
