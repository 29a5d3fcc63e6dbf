"""KM264: metrics that are added to a default list."""

from __future__ import annotations

import subprocess
import sys

import pytest
from migrating import check, untouched
from originals import run_original

HEAD = "from {} import backend as K\n\n\ndef mean_q(a, b):\n    return K.mean(b)\n\n\n"


def function(*lines: str, metrics: str = "metrics=[]") -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"def prepare(model, {metrics}):\n{body}"


COMPILE = "model.compile('sgd', 'mse', metrics=metrics)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("metrics += [mean_q]", "metrics = metrics + [mean_q]"),
        ("metrics.append(mean_q)", "metrics = metrics + [mean_q]"),
        ("metrics += [mean_q, 'mae']  # ours", "metrics = metrics + [mean_q, 'mae']  # ours"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        (COMPILE,),
        ("model.compile('sgd', 'mse', metrics={'a': metrics})",),
        ("of_a = of_b = metrics", "model.compile('sgd', 'mse', metrics=[of_a, of_b])"),
        ("both = {'a': metrics}", "more = both", "model.compile('sgd', 'mse', metrics=more)"),
    ],
)
def test_a_new_list_is_made(before: str, after: str, use: tuple[str, ...]) -> None:
    check(
        HEAD.format("keras") + function(before, *use),
        HEAD.format("tf_keras") + function(after, *use),
        to="tf_keras",
        codes=["KM101", "KM264"],
    )


def test_a_parameter_by_keyword_alone_is_one_too() -> None:
    check(
        HEAD.format("keras") + function("metrics += ['mae']", COMPILE, metrics="*, metrics=['a']"),
        HEAD.format("tf_keras")
        + function("metrics = metrics + ['mae']", COMPILE, metrics="*, metrics=['a']"),
        to="tf_keras",
    )


@pytest.mark.parametrize(
    "code",
    [
        function("metrics += [mean_q]", "model.fit(metrics)"),
        function("metrics += [mean_q]", "model.compile('sgd', metrics)"),
        function("metrics += [mean_q]", "model.compile('sgd', metrics=['mae'])"),
        function("metrics += [mean_q]", COMPILE, metrics="metrics=None"),
        function("metrics += [mean_q]", COMPILE, metrics="metrics"),
        function("metrics += [mean_q]", COMPILE, metrics="metrics=()"),
        function("metrics = list(metrics)", "metrics += [mean_q]", COMPILE),
        function("metrics += more()", COMPILE),
        function("metrics *= 2", COMPILE),
        function("metrics.append(*more)", COMPILE),
        function("metrics.remove(mean_q)", COMPILE),
        function("def add():", "    nonlocal metrics", "    metrics += ['mae']", COMPILE),
        function(COMPILE),
    ],
)
def test_other_functions_stay(code: str) -> None:
    untouched(
        HEAD.format("keras").replace("keras", "tf_keras") + code,
        to="tf_keras",
        codes=[],
    )
    check(
        HEAD.format("keras") + code,
        HEAD.format("tf_keras") + code,
        to="tf_keras",
        codes=["KM101"],
    )


@pytest.mark.parametrize("to", ["tf_keras", "tf.keras"])
def test_code_that_raised_before_stays(to: str) -> None:
    package = "tensorflow.keras" if to == "tf.keras" else "tf_keras"
    untouched(
        HEAD.format(package) + function("metrics += [mean_q]", COMPILE), to=to, api=2, codes=[]
    )


def test_keras_3_takes_a_metric_twice() -> None:
    code = "from keras import layers\n\n" + function("metrics += ['mae']", COMPILE)
    untouched(code, to="keras", codes=[])


TWICE = """
import numpy as np
from {0}.layers import Dense
from {0}.models import Sequential


def prepare(metrics=[]):
    {1}
    model = Sequential([Dense(2, input_dim=3)])
    model.compile("sgd", "mse", metrics=metrics)
    return model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize(("version", "count"), [("1.2.2", 3), ("2.2.4", 3), ("2.3.1", 2)])
def test_the_old_ones_compile_with_a_metric_twice(version: str, count: int) -> None:
    code = TWICE.format("keras", "metrics += ['mae']")
    end = "\nprepare()\nresults['count'] = len(prepare())\n"
    assert run_original(version, code + end)["count"] == count


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("metrics += ['mae']", "Found two metrics with the same name: mae"),
        ("metrics = metrics + ['mae']", "2 2"),
    ],
)
def test_tf_keras_does_not(line: str, out: str) -> None:
    end = """
try:
    print(len(prepare()), len(prepare()))
except ValueError as error:
    print(error)
"""
    done = subprocess.run(
        (sys.executable, "-c", TWICE.format("tf_keras", line) + end),
        capture_output=True,
        text=True,
    )
    assert out in done.stdout
