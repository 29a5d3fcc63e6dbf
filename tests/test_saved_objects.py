"""KM716 and KM717: what Keras 3 does not bring back by its name."""

from __future__ import annotations

import pytest
from migrating import untouched
from targets import ROOT

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])


def head(to: str = "keras") -> str:
    return f"from {ROOT[to][1]} import layers, models, utils\n\n"


REGISTERED = (
    "utils.get_custom_objects().update({'mine': f})\n",
    "utils.get_custom_objects()['mine'] = f\n",
    "utils.get_custom_objects().update({'mine': layers.Activation(f)})\n",
)


@KERAS_3
@pytest.mark.parametrize("registered", REGISTERED)
@pytest.mark.parametrize(
    "use",
    [
        "layers.Activation('mine')",
        "layers.Dense(3, activation='mine')",
        "models.Sequential().compile('sgd', loss='mine')",
    ],
)
def test_a_name_in_custom_objects_is_not_found(registered: str, use: str, to: str) -> None:
    text = f"{head(to)}{registered}x = {use}\n"
    (finding,) = untouched(text, to=to, codes=["KM716"])
    assert "'mine'" in finding.message
    assert "pass the function itself" in finding.advice


def test_a_scope_does_not_help() -> None:
    text = "with utils.custom_object_scope({'mine': f}):\n    x = layers.Activation('mine')\n"
    untouched(head() + text, to="keras", codes=["KM716"])


@pytest.mark.parametrize(
    "text",
    [
        "utils.get_custom_objects().update({'swish': f})\nx = layers.Activation('swish')\n",
        "utils.get_custom_objects().update({'mine': f})\nx = layers.Activation(f)\n",
        "utils.get_custom_objects().update({'mine': f})\nx = layers.Dense(3, 'relu')\n",
        "utils.get_custom_objects()['mine'] = f\nx = layers.Dense(3, kernel_initializer='mine')\n",
        "mine.update({'mine': f})\nx = layers.Activation('mine')  # custom_objects\n",
        "utils.get_custom_objects().update(more)\nx = layers.Activation('mine')\n",
    ],
)
def test_other_names_stay(text: str) -> None:
    untouched(head() + text, to="keras", codes=[])


@pytest.mark.parametrize("registered", REGISTERED)
def test_keras_2_finds_them(registered: str) -> None:
    text = f"{head('tf_keras')}{registered}x = layers.Activation('mine')\n"
    untouched(text, to="tf_keras", codes=[])


LAMBDA = "x = layers.Lambda(lambda t: t * 2)(y)\n"


@KERAS_3
@pytest.mark.parametrize(
    ("load", "advice"),
    [
        ("models.load_model('m.keras')", "write safe_mode=False"),
        ("models.model_from_json(text)", "enable_unsafe_deserialization()"),
        ("models.clone_model(m)", "enable_unsafe_deserialization()"),
    ],
)
def test_a_lambda_is_not_loaded(load: str, advice: str, to: str) -> None:
    (finding,) = untouched(f"{head(to)}{LAMBDA}m = {load}\n", to=to, codes=["KM717"])
    assert advice in finding.advice


@pytest.mark.parametrize(
    "text",
    [
        LAMBDA,
        "m = models.load_model('m.keras')\n",
        LAMBDA + "m = models.load_model('m.keras', safe_mode=False)\n",
        LAMBDA + "keras.config.enable_unsafe_deserialization()\nm = models.clone_model(m)\n",
        "x = layers.Lambda(double)(y)\nm = models.load_model('m.keras')\n",
        "x = mine.Lambda(lambda t: t)(y)\nm = models.load_model('m.keras')\n",
        f"def make(y):\n    {LAMBDA}\n\nm = models.load_model('m.keras')\n",
        LAMBDA + "m = mine.load_model('m.keras')\n",
    ],
)
def test_other_loads_stay(text: str) -> None:
    untouched("import keras\n" + head() + text, to="keras", codes=[])


def test_keras_2_loads_a_lambda() -> None:
    text = f"{head('tf_keras')}{LAMBDA}m = models.load_model('m.h5')\n"
    untouched(text, to="tf_keras", codes=[])
