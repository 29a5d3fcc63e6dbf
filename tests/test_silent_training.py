"""KM626 to KM628, KM632, KM633: numbers around training."""

from __future__ import annotations

from typing import Any

import pytest
from migrating import untouched

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.pipeline import Pipeline


def codes(code: str, to: str, *wanted: str) -> list[Any]:
    """Return the findings of some rules."""
    result = Pipeline.to(to).run(code)
    return [each for each in result.findings if each.code in wanted]


HEAD = (
    "from keras.layers.core import Dense, Activation\nfrom keras.models import Sequential\n"
    "from keras.utils.np_utils import to_categorical\n"
    "from keras.layers.convolutional import Convolution2D\n"
    "Convolution2D(8, 3, 3, border_mode='same')\n\n"
)
MODEL = "m = Sequential([Dense({0}, activation='{1}')])\nm.compile('sgd', '{2}', metrics=[{3}])\n"


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    "code",
    [
        MODEL.format("3", "sigmoid", "binary_crossentropy", "'accuracy'"),
        MODEL.format("output_dim=3", "sigmoid", "binary_crossentropy", "'mae', 'acc'"),
        "m = Sequential()\nm.add(Dense(7))\nm.add(Dense(3))\nm.add(Activation('sigmoid'))\n"
        "m.compile(loss='binary_crossentropy', optimizer='sgd', metrics=['accuracy'])\n",
        "from keras.models import Model\nx = Dense(3, activation='sigmoid')(y)\n"
        "m = Model(input=y, output=x)\n"
        "m.compile(loss='binary_crossentropy', optimizer='sgd', metrics=['accuracy'])\n",
    ],
)
def test_accuracy_of_several_sigmoids(code: str, to: str) -> None:
    (found,) = codes(HEAD + code, to, "KM626")
    assert found.message.startswith("'accuracy' of 3 sigmoid outputs was binary_accuracy")
    assert (found.fixed, found.severity) == (False, Severity.WARNING)
    assert "BinaryAccuracy(name='accuracy')" in found.advice


def test_accuracy_of_a_regression() -> None:
    code = "m = Sequential()\nm.add(Dense(1))\nm.compile('sgd', 'mse', metrics=['accuracy'])\n"
    (found,) = codes(HEAD + code, "keras", "KM626")
    assert (found.severity, found.confidence) == (Severity.INFO, Confidence.LIKELY)


@pytest.mark.parametrize(
    "code",
    [
        MODEL.format("1", "sigmoid", "binary_crossentropy", "'accuracy'"),
        MODEL.format("3", "softmax", "categorical_crossentropy", "'accuracy'"),
        MODEL.format("3", "softmax", "binary_crossentropy", "'accuracy'"),
        MODEL.format("n", "sigmoid", "binary_crossentropy", "'accuracy'"),
        MODEL.format("3", "sigmoid", "binary_crossentropy", "'binary_accuracy'"),
        MODEL.format("1", "sigmoid", "mse", "'accuracy'"),
        MODEL.format("3", "linear", "mse", "'accuracy'"),
        "def f(m):\n    m.compile('sgd', 'binary_crossentropy', metrics=['accuracy'])\n",
        "m = make()\nm.compile('sgd', 'binary_crossentropy', metrics=['accuracy'])\n",
    ],
)
def test_accuracy_that_stays(code: str) -> None:
    assert codes(HEAD + code, "keras", "KM626") == []


@pytest.mark.parametrize("root", ["tensorflow.keras", "tf_keras", "keras"])
def test_accuracy_of_later_versions(root: str) -> None:
    code = f"from {root}.layers import Dense\nfrom {root}.models import Sequential\n\n" + (
        MODEL.format("3", "sigmoid", "binary_crossentropy", "'accuracy'")
    )
    assert codes(code, "keras", "KM626") == []


# -- histories --------------------------------------------------------------------------------

FIT = "m = Sequential()\nh = m.fit(x, y, nb_epoch=2)\n"


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
@pytest.mark.parametrize(
    "use",
    [
        "a = list(h.history)[0]\n",
        "a = list(h.history.keys())[-1]\n",
        "a = list(h.history.values())[1]\n",
        "loss, acc = h.history.values()\n",
        "(a, b), (c, d) = h.history.items()\n",
        "a, b = list(h.history)\n",
        "a = m.fit(x, y).history.values()[0]\n",
    ],
)
def test_histories_by_position(use: str, to: str) -> None:
    (found,) = codes(HEAD + FIT + use, to, "KM627")
    assert (found.line, found.fixed) == (9, False)


@pytest.mark.parametrize(
    "use",
    [
        "a = h.history['loss'][0]\n",
        "for key in h.history:\n    print(h.history[key])\n",
        "a, b = h.history['loss'], h.history['acc']\n",
        "print(list(h.history))\n",
        "a = list(h.epoch)[0]\n",
        "a = list(other.history)[0]\n",
        "def f(h):\n    return list(h.history)[0]\n",
    ],
)
def test_other_uses_of_histories(use: str) -> None:
    assert codes(HEAD + FIT + use, "keras", "KM627") == []


def test_histories_of_files_that_may_be_for_keras_3() -> None:
    code = "import keras\n\nm = keras.Sequential()\nh = m.fit(x, y)\na = list(h.history)[0]\n"
    untouched(code, to="keras", codes=[])
    code = code.replace("fit(", "fit_generator(")
    assert len(codes(code, "keras", "KM627")) == 1
    code = code.replace("import keras", "from tensorflow import keras")
    assert len(codes(code, "keras", "KM627")) == 1
    assert codes(code, "tf_keras", "KM627") == []  # the order of tf.keras 2


def test_names_of_metrics() -> None:
    code = (
        "import keras\n\nm = keras.Sequential()\nprint(m.metrics_names)\nprint(n.metrics_names)\n"
    )
    (found,) = untouched(code, to="keras", codes=["KM632"])
    assert found.line == 4
    compiled = code.replace("\nprint(m", "\nm.compile('sgd', 'mse', metrics=['mae'])\nprint(m")
    untouched(compiled, to="keras", codes=["KM632"])
    untouched(compiled.replace(", metrics=['mae']", ""), to="keras", codes=[])
    untouched(code.replace("import keras", "import tf_keras as keras"), to="tf_keras", codes=[])


# -- seeds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_seed(to: str) -> None:
    code = "import numpy as np\n" + HEAD + "np.random.seed(7)\nnp.random.seed(8)\n" + FIT
    (found,) = codes(code, to, "KM628")
    assert (found.severity, found.line) == (Severity.INFO, 8)
    assert found.advice == "keras.utils.set_random_seed(7) does, and seeds NumPy too"


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\n" + HEAD + "np.random.seed(7)\nm = Sequential()\n",
        "import numpy as np\nimport keras\n" + HEAD + "keras.utils.set_random_seed(1)\n"
        "np.random.seed(7)\n" + FIT,
        "import numpy as np\n" + HEAD + "np.random.seed(n)\n" + FIT,
        HEAD + "np.random.seed(7)\n" + FIT,
        "import numpy as np\nimport keras\nnp.random.seed(7)\nm = keras.Sequential()\nm.fit(x)\n",
        "import numpy as np\nfrom tensorflow import keras\nnp.random.seed(7)\n"
        "m = keras.Sequential()\nm.fit_generator(x)\n",
    ],
)
def test_seeds_that_stay(code: str) -> None:
    assert codes(code, "keras", "KM628") == []


def test_a_seed_of_tensorflow() -> None:
    code = (
        "import tensorflow as tf\nfrom tensorflow import keras\ntf.random.set_seed(7)\n"
        "m = keras.Sequential()\nm.fit_generator(x)\n"
    )
    assert [each.line for each in codes(code, "keras", "KM628")] == [3]


# -- metrics of Keras 1 -----------------------------------------------------------------------


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_metrics_of_keras_1(to: str) -> None:
    code = MODEL.format("1", "sigmoid", "mse", "'precision', 'recall', 'fmeasure', 'mae'")
    found = codes("from keras.layers import Dense\n" + code.replace("[D", "[D"), to, "KM633")
    assert found == []  # nobody knows what m is
    code = "from keras.layers import Dense\nfrom keras.models import Sequential\n" + code
    assert len(codes(code, to, "KM633")) == 3
    code = HEAD + MODEL.format("1", "sigmoid", "mse", "'recall'")
    (found_recall,) = codes(code, to, "KM633")
    assert "keras.metrics.Recall()" in found_recall.advice


def test_metrics_of_keras_3() -> None:
    untouched(
        "import keras\n\nm = keras.Sequential()\nm.compile('sgd', 'mse', metrics=['precision'])\n",
        to="keras",
        codes=[],
    )


@pytest.mark.tensorflow
def test_the_numbers() -> None:
    keras = pytest.importorskip("keras")
    tf_keras = pytest.importorskip("tf_keras")
    import numpy as np
    import tensorflow as tf

    numbers = np.random.default_rng(0)
    x = numbers.normal(size=(50, 3)).astype("float32")
    y = numbers.integers(0, 2, (50, 3)).astype("float32")
    found: dict[Any, Any] = {}
    for module in (keras, tf_keras):
        metrics = ["accuracy", module.metrics.BinaryAccuracy(name="old")]
        model = module.Sequential([module.layers.Dense(3, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy", metrics=metrics)
        history = model.fit(x, y, verbose=0, validation_split=0.2).history
        values = model.evaluate(x, y, verbose=0, return_dict=True)
        predicted = model.predict(x, verbose=0)
        right = predicted.argmax(-1) == y.argmax(-1)
        assert values["accuracy"] == pytest.approx(right.mean(), abs=1e-6)
        assert values["old"] == pytest.approx(((predicted > 0.5) == y).mean(), abs=1e-6)

        def weights(seed: Any, module: Any = module) -> Any:
            seed(1)
            layer = module.layers.Dense(4)
            layer.build((None, 3))
            return np.array(layer.get_weights()[0])

        seeds = (np.random.seed, tf.random.set_seed, module.utils.set_random_seed)
        same = [bool(np.array_equal(weights(seed), weights(seed))) for seed in seeds]
        found[module] = (list(history)[:3], list(model.metrics_names), same)
    assert found[keras] == (
        ["accuracy", "loss", "old"],
        ["loss", "compile_metrics"],
        [False, False, True],
    )
    assert found[tf_keras] == (
        ["loss", "accuracy", "old"],
        ["loss", "accuracy", "old"],
        [False, False, True],
    )


# -- frozen batch normalisation ------------------------------------------------------------------

FROZEN = (
    "from keras.layers.normalization import BatchNormalization\n"
    "from keras.layers import Input\nfrom keras.models import Model, Sequential\n\n"
    "m = Sequential()\nm.add(BatchNormalization(mode=0, input_shape=(3,)))\n"
    "m.trainable = False\nm.trainable = False\n"
)


@pytest.mark.parametrize("to", ["keras", "tf.keras", "tf_keras"])
def test_a_frozen_batch_normalization(to: str) -> None:
    (found,) = codes(FROZEN, to, "KM635")
    assert (found.line, found.severity) == (7, Severity.INFO)


@pytest.mark.parametrize(
    "code",
    [
        FROZEN.replace("= False", "= True"),
        FROZEN.replace("m.trainable", "other.trainable"),
        FROZEN.replace("BatchNormalization(mode=0", "Dense(output_dim=3"),
        FROZEN.replace("keras.layers.normalization", "keras.layers").replace("mode=0, ", ""),
        FROZEN.replace("keras.layers.normalization", "keras.layers")
        .replace("mode=0, ", "")
        .replace("keras.", "tensorflow.keras."),
    ],
)
def test_frozen_models_that_stay(code: str) -> None:
    assert codes(code, "keras", "KM635") == []


PENALIZED = (
    "from keras.layers import Dense\n\nlayer = Dense(3, kernel_regularizer='l2', init='one')\n"
    "layer.trainable = False\nlayer.trainable = False\n"
)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (PENALIZED, 4),
        (PENALIZED.replace("\nlayer.trainable = False", ""), 0),
        (PENALIZED.replace("init='one'", "init='one', trainable=False"), 3),
        (PENALIZED.replace("kernel_regularizer='l2'", "W_regularizer='l2'"), 4),
        (PENALIZED.replace("kernel_regularizer='l2'", "kernel_regularizer=None"), 0),
        (PENALIZED.replace("kernel_regularizer", "activity_regularizer"), 0),
        (PENALIZED.replace("= False", "= True"), 0),
        (PENALIZED.replace("= False", "= wanted"), 0),
        (PENALIZED.replace("keras.layers", "mine"), 0),
        # It may be for Keras 3.
        (PENALIZED.replace(", init='one'", ""), 0),
    ],
)
def test_penalties_of_frozen_weights(code: str, line: int) -> None:
    for to in ("keras", "tf.keras"):
        found = codes(code, to, "KM653")
        assert [each.line for each in found] == [line] * bool(line)
    assert codes(code, "tf_keras", "KM653") == []


FROZEN_RUN = """
from keras.layers import BatchNormalization, Dense, Input
from keras.models import Model, Sequential

inner = Sequential([BatchNormalization(input_shape=(3,))])
inner.trainable = False
for layer in inner.layers:
    layer.trainable = False
a = Input((3,))
model = Model(a, Dense(1)(inner(a)))
model.layers[-1].set_weights([np.ones((3, 1)), np.zeros((1,))])
model.compile('sgd', 'mse')
results['loss'] = float(model.train_on_batch(np.full((8, 3), 5.0), np.zeros((8, 1))))
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_the_numbers_of_a_frozen_batch_normalization() -> None:
    pytest.importorskip("keras")
    pytest.importorskip("tf_keras")
    import numpy as np
    from originals import run_original

    for version in ("1.2.2", "2.3.1"):
        assert run_original(version, FROZEN_RUN)["loss"] == pytest.approx(0, abs=1e-4)
    for root in ("keras", "tf_keras"):
        names: dict[str, Any] = {"np": np, "results": {}}
        exec(compile(FROZEN_RUN.replace("from keras", f"from {root}"), "<bn>", "exec"), names)
        assert names["results"]["loss"] == pytest.approx(225, abs=0.5)
