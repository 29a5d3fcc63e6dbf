"""Homes inside the tf.keras of TensorFlow 2 that later versions moved or dropped."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import each_target

from kerasmigrate.pipeline import Pipeline

#: Path in tf.keras 2, and in each target.
MOVED = [
    ("layers.experimental.preprocessing.Rescaling", "layers.Rescaling"),
    ("layers.experimental.preprocessing.RandomFlip", "layers.RandomFlip"),
    ("layers.experimental.preprocessing.TextVectorization", "layers.TextVectorization"),
    ("mixed_precision.experimental.Policy", "mixed_precision.Policy"),
    ("mixed_precision.experimental.set_policy", "mixed_precision.set_global_policy"),
    ("mixed_precision.experimental.global_policy", "mixed_precision.global_policy"),
    (
        "mixed_precision.experimental.LossScaleOptimizer",
        "mixed_precision.LossScaleOptimizer",
    ),
    ("optimizers.experimental.AdamW", "optimizers.AdamW"),
    ("experimental.CosineDecay", "optimizers.schedules.CosineDecay"),
    ("experimental.CosineDecayRestarts", "optimizers.schedules.CosineDecayRestarts"),
]


@pytest.mark.parametrize(("old", "new"), MOVED)
@each_target
def test_a_moved_name_is_spelt_from_its_home(old: str, new: str, to: str) -> None:
    result = Pipeline.to(to).run(f"import tensorflow as tf\n\nname = tf.keras.{old}\n")
    root = "tf.keras" if to == "tf.keras" else "keras"
    assert result.text.endswith(f"name = {root}.{new}\n")
    assert all(each.fixed for each in result.findings)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("mixed_precision.experimental.FixedLossScale", "loss_scale_factor="),
        ("mixed_precision.experimental.DynamicLossScale", "by itself"),
        ("layers.experimental.preprocessing.CategoryCrossing", "HashedCrossing"),
        ("experimental.NoisyLinearCosineDecay", "CosineDecay"),
        ("experimental.PeepholeLSTMCell", "keras.layers.RNN"),
        ("experimental.export_saved_model", "model.export"),
    ],
)
@each_target
def test_a_name_that_no_target_has_gets_advice(name: str, advice: str, to: str) -> None:
    code = f"import tensorflow as tf\n\nname = tf.keras.{name}\n"
    (finding,) = untouched(code, to=to, codes=["KM103"])
    assert advice in finding.advice


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("estimator.model_to_estimator", "model.fit(dataset, epochs=...)"),
        ("experimental.LinearModel", "keras.layers.Dense(units)"),
        ("experimental.WideDeepModel", "functional API"),
        ("experimental.SequenceFeatures", "FeatureSpace"),
        ("utils.experimental.DatasetCreator", "hand the dataset itself"),
        ("wrappers.scikit_learn.KerasClassifier", "scikeras"),
    ],
)
def test_a_name_that_keras_3_dropped_gets_advice(name: str, advice: str, to: str) -> None:
    code = f"import tensorflow as tf\n\nname = tf.keras.{name}\n"
    (finding,) = untouched(code, to=to, codes=["KM103"])
    assert advice in finding.advice


def test_the_rest_of_a_file_with_such_a_name_is_still_migrated() -> None:
    check(
        "import tensorflow as tf\n\n"
        "scale = tf.keras.mixed_precision.experimental.FixedLossScale(2)\n"
        "policy = tf.keras.mixed_precision.experimental.Policy('float32')\n",
        "import tensorflow as tf\nimport keras\n\n"
        "scale = tf.keras.mixed_precision.experimental.FixedLossScale(2)\n"
        "policy = keras.mixed_precision.Policy('float32')\n",
        to="keras",
        codes=["KM101", "KM103", "KM102"],
    )


def test_estimators_of_tf_keras_are_only_a_name() -> None:
    code = "import tf_keras as keras\n\nestimator = keras.estimator.model_to_estimator(model)\n"
    (finding,) = untouched(code, to="tf_keras", codes=["KM817"])
    assert finding.advice.startswith("train the model itself")


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_the_choice_of_a_training_loop_is_dropped(to: str) -> None:
    root = {"keras": "import keras", "tf.keras": "from tensorflow import keras"}[to]
    check(
        f"{root}\n\nmodel = keras.Sequential()\n"
        "model.compile('sgd', 'mse', experimental_run_tf_function=False)\n",
        f"{root}\n\nmodel = keras.Sequential()\nmodel.compile('sgd', 'mse')\n",
        to=to,
        codes=["KM225"],
    )


def test_tf_keras_still_takes_the_choice_of_a_training_loop() -> None:
    untouched(
        "import tf_keras as keras\n\nmodel = keras.Sequential()\n"
        "model.compile('sgd', 'mse', experimental_run_tf_function=False)\n",
        to="tf_keras",
        codes=[],
    )
