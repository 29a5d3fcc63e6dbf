"""Backend functions that the file defines, because keras.ops has no equal of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from migrating import check, untouched

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


@pytest.mark.parametrize("axes", ["", ", axes=n", ", n", ", axes=[1, 1]"])
def test_batch_dot_of_unknown_dimensions(axes: str) -> None:
    check(
        START.format(root="keras", axes=axes),
        DEFINED.format(axes=axes),
        to="keras",
        codes=["KM101", "KM501"],
    )


def test_it_needs_an_import_that_always_runs() -> None:
    code = "def f(x, y):\n    from keras import backend as K\n\n    return K.batch_dot(x, y)\n"
    untouched(code, to="keras", codes=["KM502"])


def test_keras_2_has_it() -> None:
    untouched(START.format(root="tf_keras", axes=""), to="tf_keras", codes=[])


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
    code = Pipeline.to("keras").run(START.format(root="keras", axes=", n")).text
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
