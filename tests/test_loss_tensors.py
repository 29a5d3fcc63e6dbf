"""KM408: losses that ask which layer a prediction comes from."""

from __future__ import annotations

import numpy as np
import pytest
from migrating import untouched
from targets import ROOT, each_target


def loss(body: str, parameters: str = "y_true, y_pred", root: str = "keras") -> str:
    return f"from {root} import layers\n\n\ndef loss({parameters}):\n    return {body}\n"


@each_target
def test_the_history_of_a_prediction(to: str) -> None:
    code = loss("y_pred._keras_history[0]", root=ROOT[to][1])
    (found,) = untouched(code, to=to, codes=["KM408"])
    assert (found.line, found.message) == (
        5,
        "y_pred is a plain tensor here, and has no _keras_history",
    )
    assert found.advice.startswith("give the function the layer: ")
    method = code.replace("def loss(", "class A:\n    def loss(self, ").replace(
        "    return", "        return"
    )
    untouched(method, to=to, codes=["KM408"])


@pytest.mark.parametrize(
    "code",
    [
        loss("y_pred._keras_history[0]", "inputs, y_pred"),
        loss("x._keras_history[0]"),
        loss("y_pred.history[0]"),
        loss("(lambda y_pred: 1)(y_pred)"),
        "import keras\n\nlayer = y_pred._keras_history[0]\n",
    ],
)
def test_what_stays(code: str) -> None:
    untouched(code, to="keras", codes=[])


@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_loss_gets_plain_tensors(to: str) -> None:
    keras = pytest.importorskip(to)
    seen: list[bool] = []

    def spy(y_true: object, y_pred: object) -> object:
        seen.append(hasattr(y_pred, "_keras_history"))
        return (y_pred - y_true) ** 2

    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", spy)
    model.train_on_batch(np.ones((2, 2)), np.ones((2, 1)))
    assert seen and not any(seen)
