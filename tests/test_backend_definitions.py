"""Backend functions that the file defines, because keras.ops has no equal of them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.pipeline import Pipeline

START = "from {root} import backend as K\n\n\ndef f(x, y, n):\n    return K.batch_dot(x, y{axes})\n"
DEFINED = '''import keras


def batch_dot(x, y, axes=None):
    """Multiply the samples of two batches along one axis of each, as Keras 2 did."""
    rank_x, rank_y = len(x.shape), len(y.shape)
    if axes is None:
        axes = (rank_x - 1, max(rank_y - 2, 1))
    elif isinstance(axes, int):
        axes = (axes, axes)
    left, right = list("abcdefgh"[:rank_x]), list("aijklmno"[:rank_y])
    shared = left[axes[0]]
    right[axes[1]] = shared
    kept = "".join(each for each in left + right[1:] if each != shared)
    product = keras.ops.einsum("".join(left) + "," + "".join(right) + "->" + kept, x, y)
    return product if len(kept) > 1 else keras.ops.expand_dims(product, -1)


def f(x, y, n):
    return batch_dot(x, y{axes})
'''


@pytest.mark.parametrize("axes", ["", ", axes=n", ", n", ", axes=[1, 1]", ", axes=[2, 2]"])
def test_batch_dot_of_unknown_dimensions(axes: str) -> None:
    check(
        START.format(root="tf_keras", axes=axes),
        DEFINED.format(axes=axes),
        to="keras",
        codes=["KM101", "KM501"],
    )


def test_it_needs_an_import_that_always_runs() -> None:
    code = "def f(x, y):\n    from keras import backend as K\n\n    return K.batch_dot(x, y)\n"
    untouched(code, to="keras", codes=["KM502"])


def test_keras_2_has_it() -> None:
    untouched(START.format(root="tf_keras", axes=""), to="tf_keras", codes=[])


@pytest.mark.parametrize("before", ["", "import tensorflow as tf\n\ntf.Session()\n"])
def test_batch_dot_of_old_keras(before: str) -> None:
    code = Pipeline.to("keras").run(before + START.format(root="keras", axes="")).text
    assert "as before Keras 2.3." in code
    legacy = before + START.format(root="keras", axes="")
    (found,) = [each for each in Pipeline.to("tf_keras").run(legacy).findings if not each.fixed]
    assert (found.code, found.line) == ("KM651", 5 + before.count("\n"))
    assert Pipeline.to("tf_keras").run(legacy).text == legacy.replace("from keras", "from tf_keras")


@pytest.mark.parametrize(
    "before",
    [
        # only Keras 2.4 and later
        "from keras.layers import RandomFlip\n\nflip = RandomFlip()\n",
        "import keras\nkeras.utils.set_random_seed(1)\n",
    ],
)
def test_batch_dot_of_late_keras(before: str) -> None:
    code = Pipeline.to("keras").run(before + START.format(root="keras", axes="")).text
    assert "as Keras 2 did." in code
    legacy = Pipeline.to("tf_keras").run(before + START.format(root="keras", axes=""))
    assert [each.code for each in legacy.findings if not each.fixed] == []


CALLS = {
    "bias_add": "K.bias_add(x, y, data_format=n)",
    "ctc_batch_cost": "K.ctc_batch_cost(x, y, n, n)",
    "is_sparse": "K.is_sparse(x)",
    "resize_images": "K.resize_images(x, 2, 3, data_format=n)",
}
CALLS_2 = {"identity": "K.identity(x, 'a')", "logsumexp": "K.logsumexp(x, axis=1)"}


def _called(root: str, call: str) -> str:
    return f"from {root} import backend as K\n\n\ndef f(x, y, n):\n    return {call}\n"


@pytest.mark.parametrize("name", CALLS)
def test_functions_are_defined_in_the_file(name: str) -> None:
    code = _called("keras", CALLS[name])
    result = Pipeline.to("keras").run(code)
    assert {each.code for each in result.findings} <= {"KM101", "KM501"}
    assert f"\n\ndef {name}(" in result.text
    assert result.text.endswith(f"    return {CALLS[name].removeprefix('K.')}\n")
    again = Pipeline.to("keras").run(result.text)
    assert (again.text, again.findings) == (result.text, ())


@pytest.mark.parametrize("name", CALLS)
def test_keras_2_has_them(name: str) -> None:
    untouched(_called("tf_keras", CALLS[name]), to="tf_keras", codes=[])


@pytest.mark.parametrize("name", CALLS_2)
def test_functions_that_keras_2_dropped(name: str) -> None:
    result = Pipeline.to("tf_keras").run(_called("keras", CALLS_2[name]))
    assert [each.code for each in result.findings] == ["KM501"]
    assert f"\n\ndef {name}(" in result.text
    assert result.text.endswith(f"    return {CALLS_2[name].removeprefix('K.')}\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "K.asymmetric_temporal_padding(x, n, 0)",
            "K.temporal_padding(x, (n, 0))",
        ),
        (
            "K.asymmetric_spatial_2d_padding(x, 1, 2, 3, dim_ordering='th')",
            "K.spatial_2d_padding(x, ((1, 2), (3, 1)), data_format='channels_first')",
        ),
        (
            "K.asymmetric_spatial_2d_padding(x)",
            "K.spatial_2d_padding(x, ((1, 1), (1, 1)))",
        ),
        ("K.epsilon() + K.pattern_broadcast(x, [True])", "K.epsilon() + x"),
    ],
)
def test_forms_for_keras_2(before: str, after: str) -> None:
    check(
        _called("keras", before),
        _called("tf_keras", after),
        to="tf_keras",
        codes=["KM101", "KM501"],
    )


def test_arguments_of_keras_1_get_the_names_of_the_definition() -> None:
    code = _called(
        "keras", "K.resize_images(X=x, height_factor=2, width_factor=2, dim_ordering='th')"
    )
    text = Pipeline.to("keras").run(code).text
    assert text.endswith(
        "    return resize_images(x=x, height_factor=2, width_factor=2,"
        " data_format='channels_first')\n"
    )


@pytest.mark.parametrize(
    "code",
    [
        "from mine import backend as K\n\nz = K.is_sparse(x), K.pattern_broadcast(x, p)\n",
        "def f(K, x):\n    return K.bias_add(x, x, data_format=x), K.logsumexp(x)\n",
        "import tensorflow as tf\n\nz = tf.identity(x), tf.reduce_logsumexp(x)\n",
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_functions_of_others(code: str, to: str) -> None:
    untouched(code, to=to, codes=[])


NUMBERS = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, keras, tensorflow as tf, tf_keras

codes = json.load(sys.stdin)
made = {}
for name, code in codes.items():
    names = {}
    exec(code, names)
    made[name] = names["f"]
K = tf_keras.backend
wrong = []


def same(what, old, new):
    old, new = np.asarray(old), np.asarray(new)
    if old.shape != new.shape or not np.allclose(old, new, rtol=1e-5, atol=1e-6):
        wrong.append((what, old.tolist(), new.tolist()))


def some(*shape):
    return (np.arange(np.prod(shape)).reshape(shape) * 7 % 11).astype("float32")


for layout in (None, "channels_first", "channels_last"):
    for shape, bias in (
        ((2, 3), (3,)), ((2, 4, 4), (4,)), ((2, 4, 4, 4), (4,)), ((1, 2, 2, 2, 2), (2,)),
        ((2, 3, 5), (3, 5) if layout != "channels_first" else (5, 3)),
        ((2, 3, 4, 5), (3, 4, 5) if layout != "channels_first" else (4, 5, 3)),
    ):
        x, b = some(*shape), some(*bias)
        old = K.bias_add(K.constant(x), K.constant(b), layout)
        same(("bias_add", layout, shape), old, made["bias_add"](x, keras.Variable(b), layout))
for layout in ("channels_first", "channels_last"):
    x = some(2, 3, 4, 5)
    old = K.resize_images(K.constant(x), 2, 3, layout)
    same(("resize_images", layout), old, made["resize_images"](x, None, layout))
scores = tf.nn.softmax(some(2, 6, 4)).numpy()
labels = np.array([[1, 2, 0], [0, 1, 1]], "float32")
for lengths in ([[3], [2]], [[2], [1]]):
    lengths = np.array(lengths)
    steps = np.array([[6], [5]])
    old = K.ctc_batch_cost(labels, scores, steps, lengths)
    new = made["ctc_batch_cost_4"](labels, scores, steps, lengths)
    same(("ctc", lengths.tolist()), old, new)
for value in (some(2, 3), tf.constant([1.0]), tf.sparse.from_dense(some(2, 3))):
    assert made["is_sparse"](value, None, None) is bool(K.is_sparse(value)), value
assert made["is_sparse"](keras.Input((3,), sparse=True), None, None) is True
assert made["is_sparse"](keras.Input((3,)), None, None) is False
same("logsumexp", np.log(np.exp(some(2, 3)).sum(1)), made["logsumexp"](some(2, 3), None, None))
same("identity", some(2, 3), made["identity"](some(2, 3), None, None))
variables = [keras.Variable(some(2)), keras.Variable(some(3))]
made["batch_set_value"](zip(variables, [some(2) + 1, some(3) + 2]), None, None)
same("batch_set_value", some(3) + 2, variables[1])
print(json.dumps(wrong))
"""


@pytest.mark.tensorflow
def test_the_definitions_give_the_numbers_of_keras_2() -> None:
    codes = {
        name: Pipeline.to("keras").run(_called("keras", call)).text for name, call in CALLS.items()
    }
    setter = Pipeline.to("keras").run(_called("keras", "K.batch_set_value(x)")).text
    cost = _called("keras", "K.ctc_batch_cost(a, b, c, d)").replace("(x, y, n)", "(a, b, c, d)")
    codes |= {
        "batch_set_value": setter,
        "ctc_batch_cost_4": Pipeline.to("keras").run(cost).text,
        **{
            name: Pipeline.to("tf_keras").run(_called("keras", call)).text
            for name, call in CALLS_2.items()
        },
    }
    done = subprocess.run(
        (sys.executable, "-c", NUMBERS),
        input=json.dumps(codes),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == []


#: What Keras multiplied otherwise before 2.3.
OLD_SHAPES = [
    ((2, 3, 4), (2, 3, 4, 5), [2, 2]),
    ((2, 3, 5), (2, 3, 4, 5), [2, 3]),
    ((2, 3, 4, 5), (2, 3, 5, 6), [3, 2]),
    ((2, 3, 4, 5), (2, 3, 6, 5), [3, 3]),
    ((2, 3, 5, 4), (2, 3, 5, 6), 2),
    ((2, 3, 4, 5), (2, 3, 5, 7), None),
]
SHAPES = [
    ((2, 3), (2, 3), None),
    ((2, 3, 4), (2, 4), None),
    ((2, 3), (2, 3, 5), 1),
    ((2, 3, 4), (2, 4, 5), None),
    ((2, 3, 4), (2, 5, 4), 2),
    ((2, 3, 4), (2, 5, 4), -1),
    ((2, 3, 4), (2, 3, 5), [1, 1]),
    ((2, 3, 4), (2, 6, 3), (1, 2)),
    ((2, 3, 4), (2, 4), [2, 1]),
    ((2, 3, 4), (2, 4, 1), [2, 1]),
    ((2, 1, 4), (2, 5, 4), 2),
    ((2, 1, 4), (2, 4), [2, 1]),
    ((2, 3, 4, 5), (2, 5, 6), [3, 1]),
    ((2, 3, 4, 5), (2, 5, 3), None),
    ((2, 3, 4, 5), (2, 6, 5, 7), None),
]
WORKER = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, keras, tf_keras

code, shapes = json.load(sys.stdin)
names = {}
exec(code, names)
answers = []
for first, second, axes in shapes:
    x = np.arange(float(np.prod(first))).reshape(first) - 7
    y = np.arange(float(np.prod(second)))[::-1].reshape(second) / 3
    old = tf_keras.backend.batch_dot(*map(tf_keras.backend.constant, (x, y)), axes)
    new = names["f"](keras.ops.cast(x, "float32"), keras.ops.cast(y, "float32"), axes)
    symbolic = names["f"](keras.Input(first[1:]), keras.Input(second[1:]), axes)
    answers.append([
        old.shape.as_list() == new.shape.as_list(),
        float(np.abs(old - new).max()),
        list(symbolic.shape[1:]) == old.shape.as_list()[1:],
    ])
print(json.dumps(answers))
"""


@pytest.mark.tensorflow
def test_the_numbers_are_those_of_keras_2() -> None:
    code = Pipeline.to("keras").run(START.format(root="tf_keras", axes=", n")).text
    done = subprocess.run(
        (sys.executable, "-c", WORKER),
        input=json.dumps([code, SHAPES]),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    assert [(shape, symbolic) for shape, _, symbolic in answers] == [(True, True)] * len(SHAPES)
    assert max(difference for _, difference, _ in answers) <= 1e-4


OLD = """
from keras import backend as K

for number, (first, second, axes) in enumerate(shapes):
    x = np.arange(float(np.prod(first))).reshape(first) - 7
    y = np.arange(float(np.prod(second)))[::-1].reshape(second) / 3
    results[str(number)] = K.eval(K.batch_dot(K.variable(x), K.variable(y), axes))
"""
NEW = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np, keras, tf_keras

code, shapes = json.load(sys.stdin)
names = {}
exec(code, names)
answers = []
for first, second, axes in shapes:
    x = np.arange(float(np.prod(first))).reshape(first) - 7
    y = np.arange(float(np.prod(second)))[::-1].reshape(second) / 3
    symbolic = names["f"](keras.Input(first[1:]), keras.Input(second[1:]), axes)
    new = names["f"](keras.ops.cast(x, "float32"), keras.ops.cast(y, "float32"), axes)
    try:
        late = tf_keras.backend.batch_dot(*map(tf_keras.backend.constant, (x, y)), axes).shape
    except Exception:
        late = []
    answers.append([np.asarray(new).tolist(), list(symbolic.shape[1:]), list(late)])
print(json.dumps(answers))
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["2.0.9", "2.2.4"])
def test_the_numbers_are_those_of_the_keras_before_2_3(version: str) -> None:
    shapes = [each for each in SHAPES if each[2] not in (None, -1) and len(each[0]) < 4]
    shapes += OLD_SHAPES
    old = run_original(version, OLD, shapes=shapes)
    code = Pipeline.to("keras").run(START.format(root="keras", axes=", n")).text
    done = subprocess.run(
        (sys.executable, "-c", NEW),
        input=json.dumps([code, shapes]),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    for number, (new, symbolic, _) in enumerate(answers):
        there = old[str(number)]
        assert list(there.shape) == list(np.shape(new)), shapes[number]
        assert list(there.shape[1:]) == symbolic
        assert np.abs(there - np.asarray(new)).max() <= 1e-3
    # What KM651 speaks of: later versions have other shapes for it, or none.
    ours = answers[len(shapes) - len(OLD_SHAPES) :]
    assert all(list(np.shape(new)) != late for new, _, late in ours)
