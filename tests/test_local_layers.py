"""KM266 and KM267: layers of Keras 2 that Keras 3 lacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.pipeline import Pipeline

CODES = {"KM101", "KM201", "KM202", "KM266", "KM629"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LocallyConnected1D(4, 3)", "(4, 3)"),
        (
            "LocallyConnected1D(nb_filter=4, filter_length=3, init='one', subsample_length=2)",
            "(filters=4, kernel_size=3, kernel_initializer='one', strides=2)",
        ),
        (
            "LocallyConnected1D(4, 3, border_mode='valid', W_regularizer='l2', bias=False)",
            "(4, 3, kernel_regularizer='l2', use_bias=False)",
        ),
        (
            "LocallyConnected1D(4, 3, data_format='channels_last', activation='relu')",
            "(4, 3, activation='relu')",
        ),
        (
            "LocallyConnected1D(4, 3, 1, 'valid', None, 'relu', False)",
            "(4, 3, 1, 'relu', False)",
        ),
        ("LocallyConnected1D(4, 3, input_shape=(9, 2))", "(4, 3, input_shape=(9, 2))"),
        ("LocallyConnected1D(4, 3, implementation=1)", "(4, 3)"),
        ("LocallyConnected1D(4, size, name='a')", "(4, size, name='a')"),
        ("LocallyConnected2D(4, (3, 2))", "(4, (3, 2))"),
        ("LocallyConnected2D(4, 3, strides=(2, 1))", "(4, 3, strides=(2, 1))"),
        (
            "LocallyConnected2D(4, 3, 5, subsample=(2, 2), dim_ordering='th')",
            "(4, (3, 5), strides=(2, 2), data_format='channels_first')",
        ),
        (
            "LocallyConnected2D(4, 3, 5, border_mode='valid', W_constraint='nonneg')",
            "(4, (3, 5), kernel_constraint='non_neg')",
        ),
        (
            "LocallyConnected2D(4, (3, 3), activity_regularizer='l2', trainable=False)",
            "(4, (3, 3), activity_regularizer='l2', trainable=False)",
        ),
    ],
)
def test_calls(before: str, after: str) -> None:
    name = before.partition("(")[0]
    pipeline = Pipeline.to("keras")
    result = pipeline.run(f"import keras\nfrom keras.layers import {name}\n\nx = {before}\n")
    new = f"Keras2{name}"
    assert result.text.endswith(f"\n\n\nx = {new}{after}\n")
    assert result.text.count(f"class {new}(keras.layers.Layer):") == 1
    assert {each.code for each in result.findings} <= CODES
    again = pipeline.run(result.text)
    assert (again.text, again.findings) == (result.text, ())


@pytest.mark.parametrize(
    "code",
    [
        "LocallyConnected2D(4, 3, padding='same', implementation=2)",
        "LocallyConnected2D(4, 3, padding=padding)",
        "LocallyConnected2D(4, 3, implementation=3)",
        "LocallyConnected2D(4, 3, weights=[a, b])",
        "LocallyConnected2D(4, 3, batch_input_shape=(1, 9, 9, 2))",
        "LocallyConnected2D(4, 3, **options)",
        "LocallyConnected2D(*sizes)",
        "LocallyConnected2D",
        "list(map(LocallyConnected2D, sizes))",
    ],
)
def test_other_uses_stay(code: str) -> None:
    code = f"from keras.layers import LocallyConnected2D\n\nx = {code}\n"
    untouched(code, to="keras", codes=["KM103"])


def test_channels_first_in_one_dimension_stay() -> None:
    code = "LocallyConnected1D(4, 3, data_format='channels_first')"
    code = f"from keras.layers import LocallyConnected1D\n\nx = {code}\n"
    untouched(code, to="keras", codes=["KM103"])


def test_a_subclass_stays() -> None:
    code = (
        "from keras.layers import LocallyConnected2D\n\n\n"
        "class Mine(LocallyConnected2D):\n    pass\n"
    )
    untouched(code, to="keras", codes=["KM103"])


@pytest.mark.parametrize(
    "call", ["LocallyConnected1D(4, 3)", "LocallyConnected2D(4, 3)", "ThresholdedReLU(0.3)"]
)
def test_tf_keras_has_them(call: str) -> None:
    code = f"from tf_keras.layers import {call.partition('(')[0]}\n\nx = {call}\n"
    untouched(code, to="tf_keras", codes=[])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ThresholdedReLU()", "ReLU(threshold=1.0)"),
        ("ThresholdedReLU(0.3)", "ReLU(threshold=0.3)"),
        ("ThresholdedReLU(theta=0)", "ReLU(threshold=0)"),
        ("ThresholdedReLU(theta=limit, name='a')", "ReLU(threshold=limit, name='a')"),
        ("ThresholdedReLU(name='a')", "ReLU(name='a', threshold=1.0)"),
        ("ThresholdedReLU(input_shape=(3,))(x)", "ReLU(input_shape=(3,), threshold=1.0)(x)"),
        ("(ThresholdedReLU)(0.3)", "(ReLU)(threshold=0.3)"),
    ],
)
def test_thresholds(before: str, after: str) -> None:
    check(
        f"from keras.layers import ThresholdedReLU\n\nx = {before}\n",
        f"from keras.layers import ReLU\n\nx = {after}\n",
        to="keras",
        codes=["KM101", "KM267"],
    )


def test_a_threshold_by_its_full_name() -> None:
    check(
        "import keras\n\nx = keras.layers.advanced_activations.ThresholdedReLU(theta=0.5)\n",
        "import keras\n\nx = keras.layers.ReLU(threshold=0.5)\n",
        to="keras",
        codes=["KM267"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "ThresholdedReLU(theta=-0.5)",
        "ThresholdedReLU('a')",
        "ThresholdedReLU(None)",
        "ThresholdedReLU(*sizes)",
        "ThresholdedReLU(**options)",
        "ThresholdedReLU(input_dim=3)",
        "ThresholdedReLU",
    ],
)
def test_other_thresholds_stay(code: str) -> None:
    code = f"from keras.layers import ThresholdedReLU\n\nx = {code}\n"
    untouched(code, to="keras", codes=["KM103"])


#: Layers of tf_keras, of which the first takes the channels first too, beside the definitions.
NUMBERS = """
import sys
from pathlib import Path
import numpy as np
import keras
import tensorflow as tf
import tf_keras

made = {}
exec(open(sys.argv[1]).read(), made)
rng = np.random.RandomState(0)
calls = [
    ("LocallyConnected2D", (7, 6, 2), "3, (3, 2), strides=(2, 1), activation='tanh'"),
    ("LocallyConnected2D", (7, 6, 2), "3, 2, 2, use_bias=False"),
    ("LocallyConnected2D", (2, 7, 6), "3, (3, 2), data_format='channels_first'"),
    ("LocallyConnected2D", (5, 5, 1), "2, 5, kernel_regularizer='l2', bias_initializer='ones'"),
    ("LocallyConnected1D", (9, 2), "3, 4, strides=2, activation='relu'"),
    ("LocallyConnected1D", (9, 2), "3, [2], use_bias=False, kernel_constraint='non_neg'"),
    ("LocallyConnected1D", (9, 1), "1, 9, activity_regularizer='l2'"),
]
for name, shape, text in calls:
    old = eval(f"tf_keras.layers.{name}({text})", {"tf_keras": tf_keras})
    new = eval(f"Keras2{name}({text})", made)
    first = tf_keras.Sequential([tf_keras.layers.Input(shape), old])
    second = keras.Sequential([keras.layers.Input(shape), new])
    assert [each.shape for each in new.get_weights()] == [each.shape for each in old.get_weights()]
    if "ones" in text:
        assert (new.get_weights()[1] == 1).all()
    weights = [rng.normal(size=each.shape).astype("float32") for each in old.get_weights()]
    old.set_weights(weights)
    new.set_weights(weights)
    x = rng.normal(size=(4, *shape)).astype("float32")
    y = first(x).numpy()
    assert y.shape == second(x).numpy().shape
    assert np.abs(y - second(x).numpy()).max() < 2e-6, text
    assert np.abs(float(sum(old.losses, 0.0)) - float(sum(new.losses, 0.0))) < 1e-4, text
    for each in (first, second):
        each.compile("sgd", "mse")
        each.train_on_batch(x, y * 0)
    for a, b in zip(old.get_weights(), new.get_weights()):
        assert np.abs(a - b).max() < 2e-6, text
    second.save("model.keras")
    again = keras.models.load_model("model.keras")
    assert np.array_equal(again(x), second(x)), text
    copy = type(new).from_config(new.get_config())
    assert copy.get_config() == new.get_config()
print("fine")
"""


@pytest.mark.tensorflow
def test_they_compute_what_those_of_keras_2_did(tmp_path: Path) -> None:
    code = (
        "from keras.layers import LocallyConnected1D, LocallyConnected2D\n\n"
        "a = LocallyConnected1D(1, 1)\nb = LocallyConnected2D(1, 1)\n"
    )
    (tmp_path / "layers.py").write_text(Pipeline.to("keras").run(code).text, encoding="utf-8")
    done = subprocess.run(
        (sys.executable, "-c", NUMBERS, "layers.py"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.endswith("fine\n"), done.stderr


OLD = """
from keras.layers import LocallyConnected2D
from keras.models import Sequential

model = Sequential([LocallyConnected2D({0}, input_shape=(2, 7, 6))])
model.set_weights(weights)
results["y"] = model.predict(x)
"""
NEW = """
import sys
import numpy as np
import keras

made = {}
exec(open("layers.py").read(), made)
given = np.load("given.npz")
model = keras.Sequential([keras.layers.Input((2, 7, 6)), made["a"]])
model.set_weights([given["kernel"], given["bias"]])
np.save("y.npy", model(given["x"]))
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("version", "call"),
    [
        ("1.2.2", "3, 3, 2, subsample=(2, 1), dim_ordering='th'"),
        ("2.2.4", "3, (3, 2), strides=(2, 1), data_format='channels_first'"),
    ],
)
def test_the_channels_come_first_as_they_did(version: str, call: str, tmp_path: Path) -> None:
    """Old Keras reshaped the bias to the shape of the output, and did not transpose it."""
    rng = np.random.RandomState(0)
    shapes = {"x": (4, 2, 7, 6), "kernel": (15, 12, 3), "bias": (3, 5, 3)}
    given = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    weights = [given["kernel"], given["bias"]]
    old = run_original(version, OLD.format(call), x=given["x"], weights=weights)["y"]
    code = f"from keras.layers import LocallyConnected2D\n\na = LocallyConnected2D({call})\n"
    (tmp_path / "layers.py").write_text(Pipeline.to("keras").run(code).text, encoding="utf-8")
    np.savez(tmp_path / "given.npz", **given)
    subprocess.run((sys.executable, "-c", NEW), cwd=tmp_path, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), old, atol=2e-6)


THRESHOLDS = """
import numpy as np
import keras
import tf_keras

x = np.array([[-2, -0.5, 0, 0.2999999, 0.3, 0.3000001, 1, 5]], "float32")
for theta in (0.3, 0.0, 1.0):
    old = tf_keras.layers.ThresholdedReLU(theta)(x).numpy()
    assert np.array_equal(old, keras.layers.ReLU(threshold=theta)(x).numpy())
print("fine")
"""


@pytest.mark.tensorflow
def test_a_threshold_is_a_threshold() -> None:
    done = subprocess.run((sys.executable, "-c", THRESHOLDS), capture_output=True, text=True)
    assert done.stdout.endswith("fine\n"), done.stderr
