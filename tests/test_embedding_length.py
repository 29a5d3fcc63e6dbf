"""The length of an Embedding's input, from which a Sequential model got its shape and weights."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.pipeline import Pipeline

KERAS_3 = ("keras", "tf.keras")
OLD = "from keras.layers import Dense, Embedding\n\nDense(output_dim=2)\n"
NEW = OLD.replace("output_dim", "units")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Embedding(9, 4, input_length=5)", "Embedding(9, 4, input_shape=(5,))"),
        ("Embedding(9, 4, 'uniform', 5)", "Embedding(9, 4, 'uniform', input_shape=(5,))"),
        (
            "Embedding(9, 4, input_length=n + 1, mask_zero=True)",
            "Embedding(9, 4, input_shape=(n + 1,), mask_zero=True)",
        ),
        (
            "Embedding(9, 4,\n          input_length=n,  # words\n          init='one')",
            "Embedding(9, 4,\n          input_shape=(n,),  # words\n"
            "          embeddings_initializer='one')",
        ),
    ],
)
def test_the_length_becomes_a_shape(before: str, after: str) -> None:
    check(OLD + before + "\n", NEW + after + "\n", to="keras", codes=["KM201", "KM201"])
    text = Pipeline.to("tf.keras").run(OLD + before + "\n").text
    assert text.endswith(f"\n{after}\n")


@pytest.mark.parametrize(
    "call",
    [
        # its own input tells
        "Embedding(9, 4, input_length=5)(x)",
        # the length is not fixed, or no number
        "Embedding(9, 4)",
        "Embedding(9, 4, input_length=None)",
        "Embedding(9, 4, input_length=(5,))",
        # a shape is there
        "Embedding(9, 4, input_length=5, input_shape=(5,))",
        "Embedding(9, 4, input_length=5, **options)",
    ],
)
def test_what_stays(call: str) -> None:
    for to in KERAS_3:
        assert Pipeline.to(to).run(OLD + call + "\n").text.endswith(f"\n{call}\n")


@pytest.mark.parametrize(
    ("code", "to"),
    [
        ("from keras.layers import Embedding\n\nEmbedding(9, 4, input_length=5)\n", "keras"),
        (
            "from tensorflow.keras.layers import Embedding\n\nEmbedding(9, 4, input_length=5)\n",
            "tf.keras",
        ),
        ("from tf_keras.layers import Embedding\n\nEmbedding(9, 4, input_length=5)\n", "tf_keras"),
        ("from mine import Embedding\n\nEmbedding(9, 4, input_length=5)\n", "keras"),
        ("import keras\nimport mine\n\nmine.Embedding(9, 4, input_length=5)\n", "keras"),
        (
            "import keras\n\n\nclass Embedding:\n    pass\n\n\nEmbedding(9, 4, input_length=5)\n",
            "keras",
        ),
    ],
)
def test_no_word_about_what_may_be_new_or_is_not_keras(code: str, to: str) -> None:
    untouched(code, to=to, codes=[])


def test_what_stands_behind_the_length_gets_names() -> None:
    code = "from {}.layers import Dense, Embedding\n\nDense(4, init='zero')\n"
    check(
        code.format("keras") + "Embedding(a, b, 'uniform', n, None, c)\n",
        code.format("keras").replace("init='zero'", "kernel_initializer='zero'")
        + "Embedding(a, b, 'uniform', input_shape=(n,), embeddings_regularizer=None,"
        " activity_regularizer=c)\n",
        to="keras",
        codes=["KM201", "KM201"],
    )


def test_keras_2_keeps_the_length() -> None:
    code = OLD + "Embedding(9, 4, input_length=5)\n"
    assert Pipeline.to("tf_keras").run(code).text.endswith("Embedding(9, 4, input_length=5)\n")


def test_from_tf_keras() -> None:
    check(
        "from tf_keras.layers import Embedding\n\nlayer = Embedding(9, 4, input_length=5)\n",
        "from keras.layers import Embedding\n\nlayer = Embedding(9, 4, input_shape=(5,))\n",
        to="keras",
        codes=["KM101", "KM201"],
    )


MODEL = """
from keras.layers import Dense, Embedding, Flatten
from keras.models import Sequential

model = Sequential()
model.add(Embedding(9, 4, input_length=5, init='one'))
model.add(Flatten())
model.add(Dense(output_dim=2, init='one'))
model.layers[0].set_weights([np.arange(36.0).reshape((9, 4))])
results['shape'] = list(model.output_shape)
results['count'] = int(model.count_params())
results['out'] = np.array(model.predict(np.arange(10).reshape((2, 5)) % 9))
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["1.2.2", "2.0.9"])
def test_the_model_has_its_weights_at_once(version: str) -> None:
    pytest.importorskip("keras")
    pytest.importorskip("tf_keras")
    import numpy as np

    old = run_original(version, MODEL)
    for to in ("keras", "tf_keras"):
        new: dict[str, object] = {}
        exec(Pipeline.to(to).run(MODEL).text, {"np": np, "results": new})
        assert new["shape"] == old["shape"] == [None, 2]
        assert new["count"] == old["count"]
        assert np.allclose(np.asarray(new["out"]), old["out"])


@pytest.mark.tensorflow
def test_left_as_it_was_the_model_has_none() -> None:
    """What the rule is for, by the words of Keras 3."""
    keras = pytest.importorskip("keras")
    layer = keras.layers.Embedding(9, 4, input_length=5)
    keras.Sequential([layer])
    with pytest.raises(ValueError, match="the layer was expecting 0 weights"):
        layer.set_weights([[[0.0] * 4] * 9])
