"""KM637 to KM640: layers and optimizers that compute by another formula."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from originals import run_original

from kerasmigrate.pipeline import Pipeline

#: Words of Keras 1, and of a Keras 2 that is not the last one.
FIRST = "from keras.layers.core import Dense\nDense(output_dim=3)\n"
ALL = ("KM637", "KM638", "KM639", "KM640")


def codes(code: str, to: str) -> list[Any]:
    """Return the findings of these rules."""
    result = Pipeline.to(to).run(code)
    return [each for each in result.findings if each.code in ALL]


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    ("code", "epsilon"),
    [
        ("from keras.optimizers import RMSprop\nRMSprop(lr=0.1)\n", "1e-16"),
        ("from keras.optimizers import Adagrad\nAdagrad(0.1, epsilon=None)\n", "1e-16"),
        ("from keras import optimizers\noptimizers.RMSprop(epsilon=0.01)\n", "1e-04"),
        (
            "from keras.models import Sequential\nm = Sequential()\nm.compile('rmsprop', 'mse')\n",
            "1e-16",
        ),
        (
            "from keras.models import Sequential\nm = Sequential()\n"
            "m.compile(loss='mse', optimizer='adagrad')\n",
            "1e-16",
        ),
    ],
)
def test_epsilon_is_added_below_the_root(code: str, epsilon: str, to: str) -> None:
    (found,) = codes(FIRST + code, to)
    assert (found.code, found.fixed) == ("KM637", False)
    assert found.advice.startswith(f"write epsilon={epsilon} for the ")


def test_upsampling_and_nadam() -> None:
    code = FIRST + "from keras.layers import UpSampling2D\nUpSampling2D(interpolation='bilinear')\n"
    assert [each.code for each in codes(code, "keras")] == ["KM638"]
    code = FIRST + "from keras.optimizers import Nadam\nNadam()\n"
    assert [each.code for each in codes(code, "tf_keras")] == ["KM639"]
    assert codes(code, "keras") == codes(code, "tf.keras") == []


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_a_wrapped_embedding(to: str) -> None:
    code = "from keras.layers import Embedding, TimeDistributed\n"
    code = FIRST + code + "x = TimeDistributed(Embedding(9, 4, mask_zero=True))(x)\n"
    (found,) = codes(code, to)
    assert (found.code, found.line) == ("KM640", 4)
    assert codes(code, "tf_keras") == []


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    "code",
    [
        FIRST + "from keras.optimizers import Adam\nAdam(epsilon=0.01)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(**options)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(epsilon=small)\n",
        FIRST + "from keras.optimizers import RMSprop\nRMSprop(epsilon=0)\n",
        FIRST + "from mine import RMSprop\nRMSprop(lr=0.1)\n",
        FIRST + "other.compile('rmsprop', 'mse')\n",
        FIRST + "from keras.layers import UpSampling2D\nUpSampling2D()\n",
        FIRST + "from keras.layers import UpSampling2D\nUpSampling2D(interpolation='nearest')\n",
        FIRST + "from mine import UpSampling2D\nUpSampling2D(interpolation='bilinear')\n",
        FIRST + "from keras.layers import Embedding\nEmbedding(9, 4, mask_zero=True)\n",
        FIRST + "from keras.layers import Embedding, TimeDistributed\n"
        "TimeDistributed(Embedding(9, 4))\nTimeDistributed(Embedding(9, 4, mask_zero=False))\n",
        FIRST + "from keras.layers import TimeDistributed\nTimeDistributed(layer)\n",
        "import keras\nkeras.optimizers.RMSprop(learning_rate=0.1)\n",
        "import keras\nkeras.layers.UpSampling2D(interpolation='bilinear')\n",
        "from tensorflow import keras\nkeras.optimizers.RMSprop(learning_rate=0.1)\n",
        "from tf_keras.optimizers import Nadam, RMSprop\nNadam()\nRMSprop()\n",
    ],
)
def test_what_nothing_is_said_about(code: str, to: str) -> None:
    assert codes(code, to) == []


OLD = """
from keras.layers import Dense, UpSampling2D
from keras.models import Sequential
from keras.optimizers import RMSprop
model = Sequential([Dense(1, input_dim=1, use_bias=False)])
model.compile(RMSprop(0.001), lambda y_true, y_pred: y_pred)
before = model.get_weights()[0].item()
model.train_on_batch(np.full((2, 1), 1e-4), np.zeros((2, 1)))
results["step"] = before - model.get_weights()[0].item()
model = Sequential([UpSampling2D((1, 2), interpolation="bilinear", input_shape=(1, 3, 1))])
results["row"] = model.predict(np.arange(3.0).reshape(1, 1, 3, 1)).ravel().tolist()
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_what_the_rules_have_measured() -> None:
    old = run_original("2.2.4", OLD)
    assert old["step"] == pytest.approx(0.00315, abs=1e-5)
    assert old["row"] == [0, 0.5, 1, 1.5, 2, 2]
    for package in ("keras", "tf_keras"):
        keras: Any = importlib.import_module(package)
        for options, step in (({}, 0.000315), ({"epsilon": 1e-14}, 0.00316)):
            model = keras.Sequential([keras.layers.Dense(1, use_bias=False)])
            model.compile(keras.optimizers.RMSprop(0.001, **options), lambda _, y_pred: y_pred)
            model.build((None, 1))
            before = model.get_weights()[0].item()
            model.train_on_batch(np.full((2, 1), 1e-4, "float32"), np.zeros((2, 1), "float32"))
            assert before - model.get_weights()[0].item() == pytest.approx(step, rel=0.01)
        layer = keras.layers.UpSampling2D((1, 2), interpolation="bilinear")
        row = np.asarray(layer(np.arange(3.0, dtype="float32").reshape(1, 1, 3, 1)))
        assert row.ravel().tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2]
        layers = keras.layers
        mask = layers.TimeDistributed(layers.Embedding(9, 4, mask_zero=True)).compute_mask(
            np.zeros((2, 3, 5), "float32"), None
        )
        assert (mask is None) == (package == "keras")
