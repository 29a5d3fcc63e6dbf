"""Converted backend functions give the numbers of the old ones, and take symbolic tensors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from test_backend import CONVERTED, ELSEWHERE

from kerasmigrate.pipeline import Pipeline

pytestmark = pytest.mark.tensorflow

#: What the names in the expressions stand for, where the usual value does not fit.
VALUES = {
    "K.bias_add": "b = np.arange(4.)",
    "K.batch_normalization": "m = v = b = g = np.arange(4.) + 1",
    "K.binary_crossentropy": "t = np.array([0., 1., 1.]); p = np.array([.1, .8, .3])",
    "K.categorical_crossentropy": "t = np.eye(3); p = np.arange(9.).reshape(3, 3)",
    "K.sparse_categorical_crossentropy": (
        "t = np.array([0, 2]); p = np.array([[.1, .2, .7], [.3, .3, .4]])"
    ),
    "K.conv1d": "k = np.arange(24.).reshape(2, 4, 3)",
    "K.conv2d": "x = np.arange(64.).reshape(2, 4, 4, 2); k = np.arange(16.).reshape(2, 2, 2, 2)",
    "K.conv3d": "x = np.arange(128.).reshape(1, 4, 4, 4, 2); k = np.ones((2, 2, 2, 2, 3))",
    "K.depthwise_conv2d": "x = np.arange(64.).reshape(2, 4, 4, 2); k = np.ones((2, 2, 2, 1))",
    "K.separable_conv2d": (
        "x = np.arange(64.).reshape(2, 4, 4, 2); d = np.ones((2, 2, 2, 1));"
        " p = np.ones((1, 1, 2, 3))"
    ),
    "K.dot": "y = np.arange(8.).reshape(4, 2)",
    "K.gather": "i = np.array([1, 0, 1])",
    "K.in_top_k": "p = np.array([[.1, .2, .3, .1, .1, .2]] * 2); t = np.array([3, 2])",
    "K.log": "x = np.arange(4.) + 1",
    "K.one_hot": "x = np.array([0, 2])",
    "K.permute_dimensions": "p = (0, 2, 1)",
    "K.pool2d": "x = np.arange(64.).reshape(2, 4, 4, 2)",
    "K.pool3d": "x = np.arange(128.).reshape(1, 4, 4, 4, 2)",
    "K.repeat": "x = np.arange(6.).reshape(2, 3)",
    "K.slice": "x = np.arange(12.).reshape(3, 4)",
    "K.spatial_2d_padding": "x = np.arange(64.).reshape(2, 4, 4, 2)",
    "K.spatial_3d_padding": "x = np.arange(128.).reshape(1, 4, 4, 4, 2)",
    "K.squeeze": "x = np.arange(4.).reshape(4, 1)",
    "K.tile": "x = np.arange(6.).reshape(2, 3)",
    "K.transpose": "x = np.arange(6.).reshape(2, 3)",
    "K.variable(x, 'int32', 'a')": "x = np.arange(4)",
    "K.softplus": "x = np.arange(4.) - 2",
}
#: Not in the tf_keras that the numbers are compared with: gone before, or without numbers.
ABSENT = ("get_variable_shape", "identity", "is_tensor", "lesser", "logsumexp", "size", "slice")
ABSENT += ("pattern_broadcast", "asymmetric_temporal_padding", "batch_set_value")
ABSENT += ("lesser_equal", "name_scope", "random_binomial(", "map_fn", "to_dense")
#: Keras 1 spellings, which no installed package understands, and an attribute of a variable.
UNTRIED = (
    "border_mode",
    "dim=",
    "m.count",
    "nb_classes",
    "std=",
    "low=1",
    "temporal_padding(x, 2)",
)
RANDOM = ("random_", "truncated_", "dropout")
#: Values are asked for, or the value is none of a layer's.
CONCRETE = ("eval(", "get_value", "update", "set_value", "dropout", "variable", "K.constant")

WORKER = r"""
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import keras
import tf_keras

USUAL = "x = np.arange(24.).reshape(2, 3, 4) - 5; y = x[::-1] + 1; b = np.arange(4.); n = 2"
USUAL += "; f = lambda a: a * 2"


def scope(more, make):
    found = {"np": np}
    exec(USUAL + "\n" + more, found)
    names = "xybnfmtpkvgdi"
    made = {}
    for name in names:
        if name not in found:
            continue
        value = found[name]
        if isinstance(value, np.ndarray):
            value = make(value.astype("int32" if value.dtype.kind in "iu" else "float32"))
        made[name] = value
    return made


def numbers(value):
    if isinstance(value, (list, tuple)):
        return [numbers(each) for each in value]
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    return np.asarray(value).astype("float64").tolist()


def shape(value):
    return list(np.shape(np.asarray(value)))


answers = []
for case in json.load(sys.stdin):
    answer = {}
    try:
        if case["variable"]:
            before = scope(case["values"], tf.Variable)
            before["m"] = tf_keras.backend.variable(1.0 if case["scalar"] else before["x"])
            after = scope(case["values"], keras.ops.convert_to_tensor)
            after["m"] = keras.Variable(1.0 if case["scalar"] else after["x"])
        else:
            before = scope(case["values"], tf.constant)
            after = scope(case["values"], keras.ops.convert_to_tensor)
        if case["weights"]:
            class Holder:
                pass
            for names, cls in ((before, tf_keras.backend.variable), (after, keras.Variable)):
                names["x"] = Holder()
                names["x"].weights = [cls(1.5), cls(2.5)]
        before["K"] = tf_keras.backend
        code = case["old"]
        old = eval(code, before)
        new_names = dict(after)
        exec(case["new"], new_names)
        new = new_names["z"]
        if case["variable"]:
            old, new = before["m"], new_names["m"]
        if case["random"]:
            answer["same"] = shape(old) == shape(new)
        else:
            a, b = numbers(old), numbers(new)
            answer["same"] = a == b or bool(
                np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-5, atol=1e-5)
            )
            if not answer["same"]:
                answer["why"] = str((a, b))[:300]
        if case["symbolic"]:
            names = dict(after)
            for name in "xytp":
                value = names.get(name)
                if isinstance(value, tf.Tensor):
                    names[name] = keras.KerasTensor(value.shape, dtype=value.dtype.name)
            exec(case["new"], names)
            answer["symbolic"] = True
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"[:300]
    answers.append(answer)
print("ANSWERS" + json.dumps(answers))
"""


def test_old_and_new_give_the_same_numbers() -> None:
    pipeline = Pipeline.to("keras")
    cases = []
    expressions = [before for before, *_ in (*CONVERTED, *ELSEWHERE)]
    for old in expressions:
        if any(f"K.{name}" in old for name in ABSENT) or any(word in old for word in UNTRIED):
            continue
        new = pipeline.run(f"from keras import backend as K\n\nz = {old}\n").text
        name = old[old.index("K.") :].partition("(")[0]
        cases.append(
            {
                "old": old,
                "new": new,
                "values": VALUES.get(old, VALUES.get(name, "")),
                "variable": "(m" in old,
                "scalar": "update_" in old or "set_value" in old,
                "weights": ".weights" in old,
                "random": any(word in old for word in RANDOM),
                "symbolic": not any(word in old for word in CONCRETE),
            }
        )
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    answers = json.loads(done.stdout.rpartition("ANSWERS")[2])
    wrong = [
        (case["old"], answer)
        for case, answer in zip(cases, answers, strict=True)
        if not answer.get("same") or (case["symbolic"] and not answer.get("symbolic"))
    ]
    assert wrong == []
    assert len(cases) > 120
