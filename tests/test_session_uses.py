"""KM823 and KM824: what the session of the backend only did for graphs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.pipeline import Pipeline

PACKAGE = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
START = "import tensorflow as tf\nfrom {} import backend as K\n\n"


def _codes(before: str, after: str, to: str) -> list[str]:
    findings = check(START.format("keras") + before, START.format(PACKAGE[to]) + after, to=to)
    return [each.code for each in findings if each.code != "KM101"]


@each_target
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "K.get_session().run(tf.variables_initializer([a]))\nprint(K.epsilon(), tf)\n",
            "print(K.epsilon(), tf)\n",
        ),
        (
            "if K.epsilon():\n    K.get_session().run(tf.compat.v1.initialize_variables(all_))\n"
            "print(tf)\n",
            "if K.epsilon():\n    pass\nprint(tf)\n",
        ),
        (
            "def f(a):\n    a = tf.size(a)\n\n"
            "    K.get_session().run(tf.variables_initializer([a]))  # now\n"
            "    # The size.\n    return a, K.epsilon()\n",
            "def f(a):\n    a = tf.size(a)\n    # The size.\n    return a, K.epsilon()\n",
        ),
    ],
)
def test_initializers_go(before: str, after: str, to: str) -> None:
    assert _codes(before, after, to) == ["KM823"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print(tf.size(a).eval(session=K.get_session()))\n", "print(K.eval(tf.size(a)))\n"),
        ("b = (a + a).eval(session=K.get_session())\n", "b = K.eval(a + a)\n"),
        ("b = (tf.size(a)\n     .eval(session=K.get_session()))\n", "b = (K.eval(tf.size(a)))\n"),
    ],
)
def test_values_of_tensors(before: str, after: str) -> None:
    assert _codes(before + "print(tf)\n", after + "print(tf)\n", "tf_keras") == ["KM824"]
    new = after.replace("K.eval", "ops.convert_to_numpy")
    for to in ("keras", "tf.keras"):
        findings = check(
            START.format("keras") + before + "print(tf)\n",
            START.format(PACKAGE[to]).replace("backend as K", "ops") + new + "print(tf)\n",
            to=to,
        )
        assert [each.code for each in findings] == ["KM101", "KM824"]


@each_target
@pytest.mark.parametrize(
    "body",
    [
        "K.get_session().run(tf.global_variables_initializer())\n",
        "done = K.get_session().run(tf.variables_initializer([a]))\n",
        "K.get_session().run(tf.variables_initializer([a]), feed)\n",
        "K.get_session().run(mine.variables_initializer([a]))\n",
        "K.get_session().run(a)\n",
        "b = a.eval(session=K.get_session(), feed_dict={c: 1})\n",
        "b = a.eval(K.get_session())\n",
        "tf.disable_eager_execution()\nK.get_session().run(tf.variables_initializer([a]))\n",
    ],
)
def test_what_the_session_did_beyond_that_is_reported(body: str, to: str) -> None:
    findings = untouched(START.format(PACKAGE[to]) + body, to=to)
    assert {each.code for each in findings} & {"KM103", "KM503"}


@each_target
@pytest.mark.parametrize(
    "body",
    [
        "session.run(tf.variables_initializer([a]))\n",
        "b = a.eval(session=session)\n",
        "frame.eval('a > 1')\n",
        "def f(K):\n    return a.eval(session=K.get_session())\n",
    ],
)
def test_other_sessions(body: str, to: str) -> None:
    code = f"from mine import session\nfrom {PACKAGE[to]} import layers\n\n{body}"
    untouched(code, to=to, codes=[])


PROGRAM = """
import tensorflow as tf
from keras import backend as K

limit = K.variable(3, dtype="int32")
K.get_session().run(tf.variables_initializer([limit]))
boxes = tf.constant([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.1], [5.0, 5.0, 6.0, 6.0]])
kept = tf.image.non_max_suppression(boxes, tf.constant([0.9, 0.8, 0.7]), limit)
found = kept.eval(session=K.get_session()).tolist()
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_the_values_are_there(to: str) -> None:
    code = Pipeline.to(to).run(PROGRAM).text + "import json\nprint(json.dumps(found))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [0, 2]
