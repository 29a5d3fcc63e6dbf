"""KM217, KM218 and KM241: numbers and shapes of the types that Keras 3 takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
HEAD = {
    "keras": "import numpy as np\nfrom keras.layers import {}\n",
    "tf.keras": "import numpy as np\nfrom tensorflow.keras.layers import {}\n",
    "tf_keras": "import numpy as np\nfrom tf_keras.layers import {}\n",
}


def changes(layer: str, before: str, after: str, code: str, to: str = "keras") -> None:
    head = HEAD[to].format(layer)
    check(head + before, head + after, to=to, codes=[code])


@KERAS_3
@pytest.mark.parametrize(
    ("layer", "before", "after"),
    [
        ("Dense", "Dense(np.prod(s))\n", "Dense(int(np.prod(s)))\n"),
        ("Dense", "Dense(\n    np.prod(s),\n)\n", "Dense(\n    int(np.prod(s)),\n)\n"),
        ("Dense", "Dense(np.prod(s, dtype=t))\n", "Dense(int(np.prod(s, dtype=t)))\n"),
        ("Dense", "n = np.prod(s)\nDense(n)\nn\n", "n = np.prod(s)\nDense(int(n))\nn\n"),
        ("LSTM", "LSTM(np.prod(s))\n", "LSTM(int(np.prod(s)))\n"),
        ("GRU", "GRU(np.prod(s), bias)\n", "GRU(int(np.prod(s)), bias)\n"),
        ("RepeatVector", "RepeatVector(np.prod(s))\n", "RepeatVector(int(np.prod(s)))\n"),
        ("Embedding", "Embedding(9, np.prod(s))\n", "Embedding(9, int(np.prod(s)))\n"),
        ("Dense", "Dense(np.max(y) + 1)\n", "Dense(int(np.max(y) + 1))\n"),
        ("Dense", "Dense((1 + np.amax(y)))\n", "Dense(int(1 + np.amax(y)))\n"),
        ("Dense", "Dense(y.max() + 1)\n", "Dense(int(y.max() + 1))\n"),
        ("Dense", "Dense(self.y[0].max())\n", "Dense(int(self.y[0].max()))\n"),
        ("Dense", "n = np.max(y) + 1\nDense(n)\n", "n = np.max(y) + 1\nDense(int(n))\n"),
        ("Dense", "Dense(np.int64(3))\n", "Dense(int(np.int64(3)))\n"),
        (
            "Dense",
            "y = np.array(x).astype(int)\nDense(max(y) + 1)\n",
            "y = np.array(x).astype(int)\nDense(int(max(y) + 1))\n",
        ),
        (
            "Embedding",
            "Embedding(x.max() + 1, output_dim=2)\n",
            "Embedding(int(x.max() + 1), output_dim=2)\n",
        ),
        (
            "Embedding",
            "Embedding(3, output_dim=np.prod(s))\n",
            "Embedding(3, output_dim=int(np.prod(s)))\n",
        ),
    ],
)
def test_a_product_becomes_an_int(layer: str, before: str, after: str, to: str) -> None:
    changes(layer, before, after, "KM217", to)


def test_the_name_of_the_import_does_not_matter() -> None:
    code = "from numpy import prod\nimport keras\n\nkeras.layers.Dense({})\n"
    check(code.format("prod(s)"), code.format("int(prod(s))"), to="keras", codes=["KM217"])


def test_an_old_name_of_the_argument() -> None:
    before = HEAD["keras"].format("Dense") + "Dense(output_dim=np.prod(s))\n"
    after = HEAD["keras"].format("Dense") + "Dense(units=int(np.prod(s)))\n"
    check(before, after, to="keras", codes=["KM201", "KM217"])


def test_a_file_with_its_own_int_is_reported() -> None:
    code = HEAD["keras"].format("Dense") + "int = float\nDense(np.prod(s))\n"
    (finding,) = untouched(code, to="keras", codes=["KM217"])
    assert "gives the name int to something else" in finding.advice


@pytest.mark.parametrize(
    "code",
    [
        "Dense(int(np.prod(s)))\n",
        "Dense(np.prod(s, axis=0))\n",
        "Dense(np.prod(*s))\n",
        "Dense(mine.prod(s))\n",
        "Dense(3, np.prod(s))\n",
        "Dense(*np.prod(s))\n",
        "n = np.prod(s)\nn = int(n)\nDense(n)\n",
        "n = 3\nDense(n)\n",
        "Dense(int(np.max(y)) + 1)\n",
        "Dense(int(y.max() + 1))\n",
        "Dense(np.max(y, axis=1) + 1)\n",
        "Dense(y.max(1) + 1)\n",
        "Dense(np.max(y).item() + 1)\n",
        "Dense(max(y) + 1)\n",
        "y = [1, 2]\nDense(max(y) + 1)\n",
        "Dense(len(np.unique(y)) + y.shape[1])\n",
        "import mine\nDense(mine.max() + 1)\n",
        "def max(y):\n    return 3\ny = np.array(x)\nDense(max(y))\n",
        "Dense(np.max(y) / 2)\n",
        "def f(n):\n    Dense(n)\n",
        "def f(np):\n    Dense(np.prod(s))\n",
        "def f(Dense):\n    Dense(np.prod(s))\n",
        "Reshape((np.prod(s),))\nConv2D(np.prod(s), 3)\n",
        "Dense(np.prod(s))  # kerasmigrate: ignore[KM217]\n",
    ],
)
def test_other_numbers_stay(code: str) -> None:
    untouched(HEAD["keras"].format("Conv2D, Dense, Reshape") + code, to="keras", codes=[])


@KERAS_3
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Input(3)\n", "Input((3,))\n"),
        ("Input(shape=(3))\n", "Input(shape=(3,))\n"),
        ("Input(shape = ( 3 ), name='a')\n", "Input(shape = ( 3, ), name='a')\n"),
        ("Input(name='a', shape=3)\n", "Input(name='a', shape=(3,))\n"),
    ],
)
def test_a_number_becomes_a_shape(before: str, after: str, to: str) -> None:
    changes("Input", before, after, "KM218", to)


@pytest.mark.parametrize(
    "code",
    [
        "Input((3,))\n",
        "Input([3])\n",
        "Input(n)\n",
        "Input(*a)\n",
        "Input(batch_size=3, shape=(2,))\n",
        "Dense(3)\n",
        "def f(Input):\n    Input(3)\n",
        "Input(3)  # kerasmigrate: ignore[KM218]\n",
    ],
)
def test_other_shapes_stay(code: str) -> None:
    untouched(HEAD["keras"].format("Dense, Input") + code, to="keras", codes=[])


@pytest.mark.parametrize("code", ["Dense(np.prod(s))\n", "Input(3)\n", "Input(shape=(3))\n"])
def test_keras_2_takes_them(code: str) -> None:
    untouched(HEAD["tf_keras"].format("Dense, Input") + code, to="tf_keras", codes=[])


PROGRAM = """\
import numpy as np
from keras import layers, optimizers

s = (2, 3)
for make in (
    lambda: layers.Dense(np.prod(s)),
    lambda: layers.Dense(np.max(s) + 1),
    lambda: layers.Dense(np.array(s).max()),
    lambda: layers.Embedding(np.prod(s), 2),
    lambda: layers.Embedding(2, np.prod(s)),
    lambda: layers.GRU(np.prod(s)),
    lambda: layers.LSTM(np.prod(s))(layers.Input((4, 3))),
    lambda: layers.SimpleRNN(np.prod(s)),
    lambda: layers.RepeatVector(np.prod(s)),
    lambda: layers.Input(3),
    lambda: layers.Input(shape=(3)),
    lambda: optimizers.SGD(1),
    lambda: layers.Conv2D(np.prod(s), 3),
):
    try:
        make()
        print("runs")
    except (TypeError, ValueError) as error:
        print("fails")
"""


@pytest.mark.tensorflow
def test_what_is_migrated_runs_and_what_was_there_does_not(tmp_path: Path) -> None:
    def run(text: str) -> list[str]:
        (tmp_path / "run.py").write_text(text)
        done = subprocess.run(
            (sys.executable, "run.py"),
            cwd=tmp_path,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    assert run(PROGRAM) == ["fails"] * 12 + ["runs"]
    assert run(Pipeline.to("keras").run(PROGRAM).text) == ["runs"] * 13


RATES = "from keras import optimizers\nfrom keras.optimizers import SGD\n\n"


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("SGD(1)", "SGD(1.0)", ["KM241"]),
        ("SGD(1, 0.9)", "SGD(1.0, 0.9)", ["KM241"]),
        ("SGD(lr=1)", "SGD(learning_rate=1.0)", ["KM201", "KM241"]),
        ("SGD(learning_rate=0)", "SGD(learning_rate=0.0)", ["KM241"]),
        ("optimizers.Adam(learning_rate=(1))", "optimizers.Adam(learning_rate=(1.0))", ["KM241"]),
    ],
)
def test_a_learning_rate_of_a_whole_number(before: str, after: str, codes: list[str]) -> None:
    check(f"{RATES}opt = {before}\n", f"{RATES}opt = {after}\n", to="keras", codes=codes)


def test_so_for_tf_keras() -> None:
    check(
        "import tensorflow as tf\n\nopt = tf.keras.optimizers.SGD(1)\n",
        "import tensorflow as tf\n\nopt = tf.keras.optimizers.SGD(1.0)\n",
        to="tf.keras",
        codes=["KM241"],
    )


def test_a_schedule_starts_at_a_whole_number() -> None:
    code = (
        "from keras.optimizers import SGD\n"
        "from keras.optimizers.schedules import PolynomialDecay\n\n"
        "opt = SGD(PolynomialDecay(1, 10))\n"
    )
    untouched(code, to="keras", codes=[])


@pytest.mark.parametrize(
    "call",
    ["SGD(1.0)", "SGD(0.1, 0)", "SGD(rate)", "SGD(*rates)", "SGD(momentum=1)", "mine.SGD(1)"],
)
def test_other_learning_rates_stay(call: str) -> None:
    untouched(f"{RATES}opt = {call}\n", to="keras", codes=[])


def test_keras_2_takes_a_whole_number() -> None:
    code = "from tf_keras.optimizers import SGD\n\nopt = SGD(1)\n"
    untouched(code, to="tf_keras", codes=[])


BUILD = (
    "import numpy as np\nfrom keras.layers import Dense\n\n\n"
    "def build(size, classes=1):\n    return Dense(size), Dense(classes)\n\n\n"
)


@pytest.mark.parametrize(
    ("calls", "name"),
    [
        ("build(3, classes=np.max(labels) + 1)\n", "classes"),
        ("build(3)\nbuild(4, np.max(labels) + 1)\n", "classes"),
        ("n = np.prod(shape)\n\n\ndef use():\n    return build(n, 4)\n", "size"),
    ],
)
def test_a_parameter_that_is_given_a_number_of_numpy(calls: str, name: str) -> None:
    after = BUILD.replace(f"Dense({name})", f"Dense(int({name}))")
    check(BUILD + calls, after + calls, to="keras", codes=["KM217"])


@pytest.mark.parametrize(
    "calls",
    [
        "build(3, classes=4)\n",
        "build(3, classes=n)\n",
        "other.build(3, np.max(labels))\n",
        "def build(size):\n    return size\n\n\nbuild(np.max(labels))\n",
        "build(*sizes)\n",
        "build(3, depth=np.max(labels))\n",
    ],
)
def test_parameters_that_are_given_something_else(calls: str) -> None:
    untouched(BUILD + calls, to="keras", codes=[])


def test_a_parameter_that_changes() -> None:
    code = BUILD.replace("    return", "    classes = 3\n    return") + "build(3, np.max(labels))\n"
    untouched(code, to="keras", codes=[])
