"""KM244: first layers that name the size of their batches."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.pipeline import Pipeline

PACKAGE = {"keras": "keras", "tf.keras": "tensorflow.keras"}
BEFORE = "from {}.layers import Dense\nfrom {}.models import Sequential\n\n"
AFTER = "from {}.layers import Dense, Input\nfrom {}.models import Sequential\n\n"


@pytest.mark.parametrize("to", PACKAGE)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "m = Sequential()\nm.add(Dense(4, batch_input_shape=(1, 3)))\nm.add(Dense(1))\n",
            "m = Sequential()\nm.add(Input(batch_shape=(1, 3)))\nm.add(Dense(4))\n"
            "m.add(Dense(1))\n",
        ),
        (
            "m = Sequential(name='m')\nprint(m_)\n\n# in\n"
            "m.add(Dense(4, batch_input_shape=(b, 3), name='d'))  # first\n",
            "m = Sequential(name='m')\nprint(m_)\n\n# in\nm.add(Input(batch_shape=(b, 3)))\n"
            "m.add(Dense(4, name='d'))  # first\n",
        ),
        (
            "def f(self):\n    self.m = Sequential()\n"
            "    self.m.add(Dense(4, input_shape=s, batch_size=8))\n",
            "def f(self):\n    self.m = Sequential()\n"
            "    self.m.add(Input(shape=s, batch_size=8))\n    self.m.add(Dense(4))\n",
        ),
        (
            "m = Sequential([Dense(4, batch_input_shape=(1, 3))])\n",
            "m = Sequential([Input(batch_shape=(1, 3)), Dense(4)])\n",
        ),
        (
            "m = Sequential([\n    Dense(4, batch_input_shape=(1, 3)),  # in\n    Dense(1),\n])\n",
            "m = Sequential([\n    Input(batch_shape=(1, 3)),\n    Dense(4),  # in\n"
            "    Dense(1),\n])\n",
        ),
        (
            "m = Sequential([Dense(4,\n    batch_input_shape=(1, 3)), Dense(1)], name='m')\n",
            "m = Sequential([Input(batch_shape=(1, 3)), Dense(4), Dense(1)], name='m')\n",
        ),
    ],
)
def test_an_input_comes_first(before: str, after: str, to: str) -> None:
    home = PACKAGE[to]
    check(
        BEFORE.format(home, home) + before,
        AFTER.format(home, home) + after,
        to=to,
        codes=["KM101", "KM244"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "m = Sequential()\nm.add(Dense(1))\nm.add(Dense(4, batch_input_shape=(1, 3)))\n",
        "m = Sequential()\nfill(m)\nm.add(Dense(4, batch_input_shape=(1, 3)))\n",
        "m = Sequential([Dense(1)])\nm.add(Dense(4, batch_input_shape=(1, 3)))\n",
        "m = Sequential()\nif a:\n    m.add(Dense(4, batch_input_shape=(1, 3)))\n",
        "def f(m):\n    m.add(Dense(4, batch_input_shape=(1, 3)))\n",
        "m = Sequential()\nm.add(Dense(4, batch_input_shape=(1, 3), dtype='float64'))\n",
        "m = Sequential([Dense(1), Dense(4, batch_input_shape=(1, 3))])\n",
        "layer = Dense(4, batch_input_shape=(1, 3))\n",
        "y = Dense(4, batch_input_shape=(1, 3))(x)\n",
    ],
)
def test_others_are_reported(code: str) -> None:
    untouched(BEFORE.format("keras", "keras") + code, to="keras", codes=["KM203"])


@pytest.mark.parametrize(
    "code",
    [
        "m = Sequential()\nm.add(Dense(4, input_shape=(3,)))\n",
        "m = Sequential()\nm.add(mine.Dense(4, batch_input_shape=(1, 3)))\n",
        "m = mine.Sequential()\nm.add(mine.Dense(4, batch_size=3, input_shape=(3,)))\n",
        "m = Sequential([Dense(4)])\nm.fit(x, y, batch_size=3)\n",
    ],
)
def test_what_is_right_stays(code: str) -> None:
    untouched(BEFORE.format("keras", "keras") + code, to="keras", codes=[])


def test_keras_2_takes_them() -> None:
    code = "m = Sequential()\nm.add(Dense(4, batch_input_shape=(1, 3)))\n"
    untouched(BEFORE.format("tf_keras", "tf_keras") + code, to="tf_keras", codes=[])


PROGRAM = """
import numpy as np
from keras.layers import Dense, SimpleRNN
from keras.models import Sequential

model = Sequential()
model.add(SimpleRNN(2, batch_input_shape=(1, 3, 2), stateful=True, kernel_initializer="ones",
                    recurrent_initializer="ones"))
model.add(Dense(1, kernel_initializer="ones"))
more = Sequential([Dense(2, kernel_initializer="ones", batch_input_shape=(4, 3)), Dense(1)])
x = np.arange(6.0).reshape(1, 3, 2) / 100
outputs = [model.predict(x, verbose=0).tolist() for _ in range(2)]
found = [outputs, len(model.layers), len(more.layers)]
shapes = [list(model.input_shape), list(more.input_shape)]
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
def test_the_model_is_that_of_keras_2() -> None:
    """With the layers, the shapes and the states that it had."""
    old = run_original("2.2.4", PROGRAM + "results.update(found=found, shapes=shapes)\n")
    code = Pipeline.to("keras").run(PROGRAM).text
    code += "import json\nprint(json.dumps([found, shapes]))\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]
    found, shapes = json.loads(done.stdout.splitlines()[-1])
    assert shapes == old["shapes"] == [[1, 3, 2], [4, 3]]
    assert found[1:] == old["found"][1:] == [2, 2]
    assert np.allclose(found[0], old["found"][0], atol=1e-6)
    assert found[0][0] != found[0][1]
