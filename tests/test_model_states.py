"""KM407: reset_states() of a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from migrating import check, untouched
from targets import ROOT

from kerasmigrate.pipeline import Pipeline

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])
HEAD = "from {0}.layers import LSTM\nfrom {0}.models import Sequential\n"
DEFINED = '''

def reset_model_states(model):
    """Reset the recurrent layers of a model, as model.reset_states() of Keras 2 did."""
    reset = getattr(model, "reset_states", None)
    if reset is not None:
        return reset()
    for layer in getattr(model, "layers", ()):
        if hasattr(layer, "layers") or getattr(layer, "stateful", False):
            reset_model_states(layer)


'''
MODEL = "model = Sequential([LSTM(3, stateful=True)])\n"


@KERAS_3
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.reset_states()", "reset_model_states(model)"),
        ("model.reset_states( )  # again", "reset_model_states(model)  # again"),
        ("for i in a:\n    model.reset_states()", "for i in a:\n    reset_model_states(model)"),
        ("(\n    model\n).reset_states()", "reset_model_states((\n    model\n))"),
    ],
)
def test_a_function_resets_the_layers(before: str, after: str, to: str) -> None:
    head = HEAD.format(ROOT[to][1])
    check(f"{head}\n{MODEL}{before}\n", f"{head}{DEFINED}{MODEL}{after}\n", to=to, codes=["KM407"])


def test_a_model_that_shows_in_its_methods() -> None:
    code = (
        "{}class Agent:\n    def __init__(self, actor):\n        self.actor = actor\n"
        "        self.noise = noise\n\n    def reset_states(self):\n        {}\n"
        "        self.noise.reset_states()\n\n    def act(self, x):\n"
        "        return self.actor.predict_on_batch(x) + K.epsilon()\n\n"
        "    def begin(self):\n        self.reset_states()\n"
    )
    (finding,) = check(
        code.format("from keras import backend as K\n\n\n", "self.actor.reset_states()"),
        code.format("from keras import backend as K\n" + DEFINED, "reset_model_states(self.actor)"),
        to="keras",
        codes=["KM407"],
    )
    assert finding.message == "self.actor is a model, and has no reset_states() in keras (Keras 3)"


def test_without_a_place_for_the_function_it_is_reported() -> None:
    code = "def f():\n    from keras.models import load_model\n\n    m = load_model('a.keras')\n"
    (finding,) = untouched(code + "    m.reset_states()\n", to="keras", codes=["KM407"])
    assert finding.advice == "call reset_states() of each stateful layer in its .layers"


@KERAS_3
@pytest.mark.parametrize(
    "line",
    [
        "model.layers[0].reset_states()",
        "layer = LSTM(3)\nlayer.reset_states()",
        "agent.reset_states()",
        "reset_states()",
        "f = model.reset_states",
        "model.reset_metrics()",
    ],
)
def test_other_calls_stay(line: str, to: str) -> None:
    untouched(f"{HEAD.format(ROOT[to][1])}\n{MODEL}{line}\n", to=to, codes=[])


def test_a_model_class_with_a_method_of_its_own() -> None:
    untouched(
        "from keras.models import Model\n\n\nclass Net(Model):\n    def reset_states(self):\n"
        "        pass\n\n\nnet = Net()\nnet.reset_states()\n",
        to="keras",
        codes=[],
    )


def test_keras_2_has_the_method() -> None:
    code = HEAD.format("tf_keras") + f"\n{MODEL}model.reset_states()\n"
    untouched(code, to="tf_keras", codes=[])


PROGRAM = """\
import numpy as np
import tf_keras as keras
from tf_keras import layers

inner = keras.Sequential([layers.Input(batch_shape=(2, 3, 4)), layers.GRU(4, stateful=True)])
model = keras.Sequential([
    layers.Input(batch_shape=(2, 3, 4)),
    layers.Bidirectional(layers.LSTM(2, stateful=True, return_sequences=True)),
    layers.LSTM(4, return_sequences=True),
    inner,
])
x = np.ones((2, 3, 4))
first = model.predict(x, verbose=0)
second = model.predict(x, verbose=0)
model.reset_states()
third = model.predict(x, verbose=0)
print(np.abs(first - second).max() > 1e-4, np.abs(first - third).max() < 1e-6)
"""


@pytest.mark.tensorflow
def test_the_states_are_reset(tmp_path: Path) -> None:
    new = Pipeline.to("keras").run(PROGRAM)
    assert "\nreset_model_states(model)\n" in new.text
    for text in (PROGRAM, new.text):
        (tmp_path / "run.py").write_text(text)
        done = subprocess.run(
            (sys.executable, "run.py"),
            cwd=tmp_path,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == "True True\n"
