"""KM629 to KM631, KM634, KM636, KM642: arguments that do something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from migrating import untouched

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project

FIRST = (
    "from keras.layers.core import Dense\nfrom keras.models import Sequential\n"
    "from keras.regularizers import l2\nDense(output_dim=3)\n\n"
)


def codes(code: str, to: str, *wanted: str) -> list[Any]:
    """Return the findings of some rules."""
    result = Pipeline.to(to).run(code)
    return [each for each in result.findings if each.code in wanted]


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    "code",
    [
        "Dense(3, activity_regularizer=l2(0.1))\n",
        "Dense(3, activity_regularizer='l2')\n",
        "r = l2(0.1)\nDense(3, activity_regularizer=r)\n",
        "from keras.layers import ActivityRegularization\nActivityRegularization(l1=0.1)\n",
    ],
)
def test_activity_regularizers(code: str, to: str) -> None:
    (found,) = codes(FIRST + code, to, "KM629")
    assert (found.fixed, found.confidence) == (False, Confidence.LIKELY)


@pytest.mark.parametrize(
    "code",
    [
        FIRST + "Dense(3, activity_regularizer=None)\n",
        FIRST + "def f(r=None):\n    return Dense(3, activity_regularizer=r)\n",
        FIRST + "Dense(3, W_regularizer=l2(0.1))\n",
        FIRST + "other(3, activity_regularizer=l2(0.1))\n",
        "from keras.layers import Dense\nDense(3, activity_regularizer='l2')\n",
        "from tensorflow.keras.layers import Dense, CuDNNLSTM\n"
        "Dense(3, activity_regularizer='l2')\n",
        "from tf_keras.layers import Dense\nDense(3, activity_regularizer='l2')\n",
        FIRST + "from mine import ActivityRegularization\nActivityRegularization(l1=0.1)\n",
        "from keras.layers import ActivityRegularization\nActivityRegularization(l1=0.1)\n",
    ],
)
def test_activity_regularizers_that_stay(code: str) -> None:
    assert codes(code, "keras", "KM629") == []


SHARED = (
    "from {0}.layers import Dense\nfrom {0}.initializers import RandomNormal\n"
    "from {0}.models import Sequential\n\n{1}m = Sequential([\n    {2}\n])\nm.fit_generator(x)\n"
)
TWO = "Dense(3, kernel_initializer=init),\n    Dense(3, kernel_initializer=init),"


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize("root", ["keras", "tensorflow.keras"])
def test_initializers_that_are_shared(root: str, to: str) -> None:
    (found,) = codes(SHARED.format(root, "init = RandomNormal(stddev=0.02)\n", TWO), to, "KM630")
    assert (found.line, found.fixed) == (8, False)
    assert found.advice == "make a new one for each layer: RandomNormal(stddev=0.02)"


@pytest.mark.parametrize(
    "code",
    [
        SHARED.format("keras", "init = RandomNormal(seed=1)\n", TWO),
        SHARED.format("keras", "init = 'uniform'\n", TWO),
        SHARED.format("keras", "init = RandomNormal()\n", TWO.partition("\n")[0]),
        SHARED.format("keras", "", TWO.replace("=init", "=RandomNormal()")),
        SHARED.format("keras", "init = RandomNormal()\n", TWO).replace("fit_generator", "fit"),
    ],
)
def test_initializers_that_stay(code: str) -> None:
    assert codes(code, "keras", "KM630") == []


LOSS = (
    "from keras import backend as K\n\n\n"
    "def loss({0}, {1}):\n    return K.{2}_crossentropy({1}, {0})\n"
)


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize("kind", ["binary", "categorical", "sparse_categorical"])
def test_crossentropies(kind: str, to: str) -> None:
    (found,) = codes(LOSS.format("y_true", "y_pred", kind), to, "KM631")
    assert (found.fixed, found.confidence) == (False, Confidence.UNSURE)
    assert codes(LOSS.format("y_pred", "y_true", kind), to, "KM631") == []
    assert codes(LOSS.format("a", "b", kind), to, "KM631") == []
    first = LOSS.format("y_true", "y_pred", kind) + "\n\n" + FIRST
    assert codes(first, to, "KM631") == []  # converted
    assert "(output=y_pred, target=y_true)" in Pipeline.to(to).run(first).text


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    "code",
    [
        "Dense(3, init='orthogonal')\n",
        "m = Sequential()\nm.compile(loss='cosine_proximity', optimizer='sgd')\n",
        "m = Sequential([Dense(1, activation='sigmoid')])\n"
        "m.compile(loss='squared_hinge', optimizer='sgd')\n",
    ],
)
def test_numbers_of_keras_1(code: str, to: str) -> None:
    (found,) = codes(FIRST + code, to, "KM634")
    assert not found.fixed and found.advice


def test_tails_of_a_distribution_are_spoken_of_once() -> None:
    code = FIRST + "Dense(3, init='he_normal')\nDense(3, init='he_normal')\n"
    (found,) = codes(code, "keras", "KM634")
    assert "'untruncated_normal'" in found.advice
    assert len(codes(FIRST + "Dense(3, init='orthogonal')\n" * 2, "keras", "KM634")) == 2


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_weights_of_zero(to: str) -> None:
    code = FIRST + "m = Sequential()\nm.{}\n"
    for call in ("fit(x, y, sample_weight=w)", "train_on_batch(x, y, sample_weight=w[i])"):
        (found,) = codes(code.format(call), to, "KM636")
        assert (found.fixed, found.severity) == (False, Severity.INFO)
    for call in ("fit(x, y)", "fit(x, y, sample_weight=None)", "fit(x, y, class_weight=w)"):
        assert codes(code.format(call), to, "KM636") == []


@pytest.mark.parametrize(
    "code",
    [
        FIRST + "forest = Forest()\nforest.fit(x, y, sample_weight=w)\n",
        FIRST + "def f(tree):\n    tree.fit(x, y, sample_weight=w)\n",
        "from tensorflow.keras import Sequential\nSequential().fit(x, y, sample_weight=w)\n",
        "from tf_keras import Sequential\nSequential().fit(x, y, sample_weight=w)\n",
        "import keras\n\nm = keras.Sequential()\nm.fit(x, y, sample_weight=w)\n",
    ],
)
def test_weights_that_count_as_before(code: str) -> None:
    assert codes(code, "keras", "KM636") == []


@pytest.mark.parametrize(
    "code",
    [
        FIRST + "Dense(3, init='uniform')\n",
        FIRST + "m = Sequential([Dense(1)])\nm.compile(loss='hinge', optimizer='sgd')\n",
        FIRST + "m = Sequential()\nm.compile(loss='mse', optimizer='sgd')\n",
        "from keras.layers import Dense\nDense(3, kernel_initializer='orthogonal')\n",
        "from keras.models import Sequential\nm = Sequential()\nm.compile(loss='hinge')\n",
    ],
)
def test_numbers_that_stay(code: str) -> None:
    assert codes(code, "keras", "KM634") == []


def test_modern_code_is_right() -> None:
    untouched(
        "import keras\n\ninit = keras.initializers.HeNormal()\n"
        "a = keras.layers.Dense(3, kernel_initializer=init, activity_regularizer='l2')\n"
        "b = keras.layers.Dense(3, kernel_initializer=init)\n",
        to="keras",
        codes=[],
    )


def pinned(folder: Path, version: str) -> ModuleView:
    place = folder / version
    place.mkdir()
    (place / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
    return Project(place, ()).view(place / "net.py")


AVERAGED = (
    "from keras.layers import BatchNormalization\n\na = BatchNormalization()\n"
    "b = BatchNormalization(axis=1)\n"
)


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2.2.4", "the moving averages start at 0 and 1 now"),
        ("2.3.1", "the moving variance is no estimate"),
        ("2.0.8", "the moving variance of images is an estimate"),
        ("2.1.6", ""),
        ("1.2.2", "the moving variance of images is an estimate"),
        ("2.4.3", ""),
    ],
)
def test_moving_averages(version: str, said: str, to: str, tmp_path: Path) -> None:
    if "images" in said and to != "tf_keras":
        said = ""
    result = Pipeline.to(to).run(AVERAGED, pinned(tmp_path, version))
    found = [each for each in result.findings if each.code == "KM642"]
    assert len(found) == bool(said)
    for each in found:
        assert (each.line, each.fixed) == (3, False)
        assert each.message.startswith(f"BatchNormalization: {said}")


def test_averages_of_files_that_do_not_tell() -> None:
    found = Pipeline.to("keras").run(AVERAGED).findings
    assert "KM642" not in {each.code for each in found}


@pytest.mark.parametrize(("version", "count"), [("2.0.8", 1), ("2.2.4", 1), ("2.3.1", 0)])
def test_hinge_losses_of_keras_2(version: str, count: int, tmp_path: Path) -> None:
    code = (
        "from keras.layers import Dense\nfrom keras.models import Sequential\n\n"
        "model = Sequential()\nmodel.add(Dense(1, activation='sigmoid'))\n"
        "model.compile('sgd', loss='hinge')\nmodel.compile('sgd', loss='cosine')\n"
    )
    result = Pipeline.to("tf_keras").run(code, pinned(tmp_path, version))
    found = [each for each in result.findings if each.code == "KM634"]
    assert [each.line for each in found] == [6] * count
    assert all("than up to Keras 2.2: " in each.message for each in found)


@pytest.mark.tensorflow
@pytest.mark.parametrize("root", ["keras", "tf_keras"])
def test_the_numbers(root: str) -> None:
    keras = pytest.importorskip(root)
    import numpy as np

    init = keras.initializers.RandomNormal(stddev=0.02)
    layers = [keras.layers.Dense(4, kernel_initializer=init) for _ in range(2)]
    for each in layers:
        each.build((None, 3))
    first, second = (np.array(each.get_weights()[0]) for each in layers)
    assert np.array_equal(first, second)
    ones = np.ones((4, 1), "float32")
    layer = keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer="ones",
        activity_regularizer=keras.regularizers.L2(1.0),
    )
    model = keras.Sequential([layer])
    model.compile("sgd", "mse")
    assert model.evaluate(ones, ones, batch_size=4, verbose=0) == pytest.approx(1.0)  # was 4.0
    y_true, y_pred = np.array([[0, 1, 1.0]]), np.array([[1, 2, 2.0]])
    assert float(keras.losses.CosineSimilarity()(y_true, y_pred)) == pytest.approx(-0.943, abs=1e-3)
    kernel = np.array(keras.initializers.Orthogonal()((6, 4)))
    assert np.linalg.norm(kernel, axis=0) == pytest.approx(np.ones(4), abs=1e-5)  # was 1.1
    kernel = np.array(keras.initializers.Orthogonal(gain=1.1)((6, 4)))
    assert np.linalg.norm(kernel, axis=0) == pytest.approx(np.full(4, 1.1), abs=1e-5)
