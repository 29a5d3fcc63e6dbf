"""KM239: which norm clipnorm= bounds."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_originals
from targets import TARGETS

from kerasmigrate.pipeline import Pipeline

FIRST = "from keras import layers, optimizers\n\nlayers.Dense(output_dim=1)\n"
HEADS = {
    "keras": "from keras import layers, optimizers\n\nlayers.Dense(units=1)\n",
    "tf.keras": "from tensorflow.keras import layers, optimizers\n\nlayers.Dense(units=1)\n",
    "tf_keras": "from tf_keras import layers, optimizers\n\nlayers.Dense(units=1)\n",
}


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("optimizers.SGD(0.1, clipnorm=1.)\n", "optimizers.SGD(0.1, global_clipnorm=1.)\n"),
        (
            "optimizers.RMSprop(\n    0.1,\n    clipnorm = n,  # all\n    epsilon=e,\n)\n",
            "optimizers.RMSprop(\n    0.1,\n    global_clipnorm = n,  # all\n    epsilon=e,\n)\n",
        ),
        (
            "optimizers.Adam(lr=0.1, epsilon=e, clipnorm=5)\n",
            "optimizers.Adam(learning_rate=0.1, epsilon=e, global_clipnorm=5)\n",
        ),
    ],
)
def test_the_norm_of_all_gradients(before: str, after: str, to: str) -> None:
    check(FIRST + before, HEADS[to] + after, to=to)


@pytest.mark.parametrize(
    "code",
    [
        "optimizers.SGD(0.1, clipnorm=1.0, clipvalue=0.5)\n",
        "optimizers.SGD(0.1, clipnorm=1.0, **options)\n",
    ],
)
def test_other_clippings_are_reported(code: str) -> None:
    findings = check(FIRST + code, HEADS["keras"] + code, to="keras")
    (finding,) = [each for each in findings if each.code == "KM239"]
    assert "bounded all of them together" in finding.message
    assert "global_clipnorm=" in finding.advice


def test_code_for_keras_2_of_some_kind_is_reported() -> None:
    code = "from keras import optimizers\n\nmodel.fit_generator(g, epochs=3)\n"
    code += "optimizers.SGD(clipnorm=1.0)\n"
    check(code, code.replace("_generator", ""), to="keras", codes=["KM222", "KM239"])


@pytest.mark.parametrize(
    "code",
    [
        "from keras import optimizers\n\noptimizers.SGD(clipnorm=1.0)\n",
        "from keras import optimizers, ops\n\noptimizers.SGD(clipnorm=1.0)\n",
        HEADS["keras"] + "optimizers.SGD(global_clipnorm=1.0)\n",
        "from keras.layers import Dense\n\nSGD(clipnorm=1.0)\n",
    ],
)
def test_code_that_may_be_for_keras_3_stays(code: str) -> None:
    untouched(code, to="keras", codes=[])


@pytest.mark.parametrize(
    "call",
    [
        "SGD(0.1, clipnorm=None)",
        "SGD(0.1, clipnorm=0.)",
        "SGD(0.1, clipvalue=1.0)",
    ],
)
def test_no_norm_is_bounded(call: str) -> None:
    code = f"optimizers.{call}\n"
    check(FIRST + code, HEADS["keras"] + code, to="keras", codes=["KM201"])


@pytest.mark.parametrize("to", TARGETS)
def test_tf_keras_had_the_norm_of_each(to: str) -> None:
    before = "from tensorflow import keras\n\nmodel.fit_generator(g)\n"
    before += "keras.optimizers.SGD(clipnorm=1.0)\n"
    result = Pipeline.to(to).run(before)
    assert "global_clipnorm" not in result.text
    assert "KM239" not in [each.code for each in result.findings]


PROGRAM = """\
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD, RMSprop

made = SGD(lr=1.0, clipnorm=1.0), RMSprop(lr=1.0, clipnorm=1.0)
for optimizer in made:
    model = Sequential([Dense(output_dim=1, input_dim=2)])
    model.compile(optimizer, "mean_squared_error")
    model.set_weights([np.array([[1.0], [2.0]]), np.array([3.0])])
    model.train_on_batch(np.array([[1.0, 2.0]]), np.array([[0.0]]))
    name = type(optimizer).__name__
    results[name] = [x for w in model.get_weights() for x in w.ravel().tolist()]
"""
#: What SGD makes of the weights: gradients of 16, 32 and 16, bounded together and one by one.
TOGETHER, EACH = [0.5917517, 1.1835034, 2.5917518], [0.5527864, 1.1055728, 2.0]


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("to", TARGETS)
def test_a_step_is_what_it_was(to: str) -> None:
    def run(program: str) -> dict[str, list[float]]:
        done = subprocess.run(
            (sys.executable, "-c", f"results = {{}}\n{program}\nprint(results)"),
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, list[float]] = eval(done.stdout)
        return found

    migrated = Pipeline.to(to).run(PROGRAM).text
    now = run(migrated)
    np.testing.assert_allclose(now["SGD"], TOGETHER, rtol=1e-6)
    unbounded = run(migrated.replace("global_clipnorm", "clipnorm"))
    np.testing.assert_allclose(unbounded["SGD"], EACH, rtol=1e-6)
    for version in ("1.2.2", "2.0.9", "2.2.4", "2.3.1"):
        (old,) = run_originals(version, [PROGRAM.replace("output_dim=", "")])
        np.testing.assert_allclose(now["SGD"], old["SGD"], rtol=1e-6)
        np.testing.assert_allclose(now["RMSprop"], old["RMSprop"], rtol=1e-4)
