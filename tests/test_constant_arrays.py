"""KM652: arrays that Constant makes weights of."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from migrating import untouched

from kerasmigrate.findings import Severity
from kerasmigrate.pipeline import Pipeline

HEAD = "import numpy as np\nfrom {0} import initializers, layers\n\n"
ROOT = {"keras": "keras", "tf.keras": "tensorflow.keras"}


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("layers.Dense(1, kernel_initializer={}([-1.0, 1.0]))\n", Severity.WARNING),
        ("layers.Dense(1, kernel_initializer={}(value=(-1.0, 1.0)))\n", Severity.WARNING),
        ("layers.Dense(2, kernel_initializer={}(np.array([1, 2, 3, 4])))\n", Severity.WARNING),
        ("layers.Dense(2, bias_initializer={}([[1.0, 2.0]]))\n", Severity.WARNING),
        ("layers.Conv2D(1, 1, kernel_initializer={}([[1.0]]))\n", Severity.WARNING),
        ("first = {}([1.0, 2.0])\n", Severity.INFO),
        ("layers.Mine(init={}([1.0, 2.0]))\n", Severity.INFO),
    ],
)
def test_arrays_of_another_shape(code: str, severity: Severity, to: str) -> None:
    code = HEAD.format(ROOT[to]) + code.format("initializers.Constant")
    result = Pipeline.to(to).run(code)
    (found,) = [each for each in result.findings if each.code == "KM652"]
    assert (found.line, found.severity, found.fixed) == (4, severity, False)
    assert result.text == code


@pytest.mark.parametrize(
    "code",
    [
        "layers.Dense(1, kernel_initializer={}(0.5))\n",
        "layers.Dense(1, kernel_initializer={}([[-1.0], [1.0]]))\n",
        "layers.Dense(2, bias_initializer={}([1.0, 2.0]))\n",
        "layers.Embedding(2, 2, embeddings_initializer={}(matrix))\n",
        "layers.Embedding(2, 2, embeddings_initializer={}(np.array(rows)))\n",
        "layers.BatchNormalization(beta_initializer={}((0.0, 1.0)))\n",
    ],
)
def test_arrays_that_fit(code: str) -> None:
    untouched(HEAD.format("keras") + code.format("initializers.Constant"), to="keras", codes=[])


def test_keras_2_fills_the_weight() -> None:
    code = "layers.Dense(1, kernel_initializer=initializers.Constant([-1.0, 1.0]))\n"
    untouched(HEAD.format("tf_keras") + code, to="tf_keras", codes=[])


RUN = """
import json, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, tf_keras, numpy as np
print(json.dumps([
    np.asarray(each.initializers.Constant([-1.0, 1.0])((2, 1))).tolist()
    for each in (keras, tf_keras)
]))
"""


@pytest.mark.tensorflow
def test_the_numbers_are_those_of_the_page() -> None:
    done = subprocess.run((sys.executable, "-c", RUN), capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]
    new, old = json.loads(done.stdout.splitlines()[-1])
    assert (new, old) == ([[-1, 1], [-1, 1]], [[-1], [1]])
