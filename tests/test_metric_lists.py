"""KM703 to KM706: the metrics and losses that models are compiled with."""

from __future__ import annotations

import pytest
from migrating import check, untouched
from targets import ROOT, each_target

KERAS_3 = pytest.mark.parametrize("to", ["keras", "tf.keras"])


def code(rest: str, to: str = "keras") -> str:
    return f"from {ROOT[to][1]} import layers, models\n\nmodel = models.Model(x, [a, b])\n{rest}"


def single(metrics: str, to: str = "keras") -> str:
    return (
        f"from {ROOT[to][1]} import models\n\nmodel = models.Sequential()\n"
        f"model.compile('sgd', 'mse', metrics={metrics})\n"
    )


@each_target
@pytest.mark.parametrize("name", ["kld", "KLD", "cosine", "f1score"])
def test_metrics_that_are_gone_are_reported(name: str, to: str) -> None:
    for metrics in (f"['mae', '{name}']", f"{{'out': ['{name}']}}"):
        (finding,) = untouched(single(metrics, to), to=to, codes=["KM703"])
        assert f"does not know the metric '{name}'" in finding.message
        assert finding.advice.startswith("write ")


@pytest.mark.parametrize("name", ["precision", "recall", "kl_divergence"])
def test_keras_2_has_no_such_names(name: str) -> None:
    untouched(single(f"['{name}']", "tf_keras"), to="tf_keras", codes=["KM703"])


@pytest.mark.parametrize("name", ["cosine_proximity", "logcosh", "crossentropy"])
def test_keras_3_has_no_such_names(name: str) -> None:
    untouched(single(f"['{name}']"), to="keras", codes=["KM703"])
    untouched(single(f"['{name}']", "tf_keras"), to="tf_keras", codes=[])


@each_target
@pytest.mark.parametrize(
    "metrics", ["['accuracy', 'mae', 'AUC']", "['acc']", "[kld]", "wanted", "[f('kld')]"]
)
def test_other_metrics_stay(metrics: str, to: str) -> None:
    untouched(single(metrics, to), to=to, codes=[])


def test_other_calls_of_compile_stay() -> None:
    text = "import keras\n\np = re.compile('x', metrics=['kld'])\n"
    untouched(text, to="keras", codes=[])


@KERAS_3
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("metrics=['mae']", "metrics=[['mae']] * 2"),
        ("metrics=('mae',)", "metrics=[('mae',)] * 2"),
        ("metrics=['mae', 'mse', own]", "metrics=[['mae', 'mse', own]] * 2"),
        ("metrics=[\n    'mae',  # one\n]", "metrics=[[\n    'mae',  # one\n]] * 2"),
    ],
)
def test_every_output_has_a_list(before: str, after: str, to: str) -> None:
    head = code("\n\ndef own(a, b):\n    return a\n\n\nmodel.compile('sgd', 'mse', {})\n", to)
    check(head.format(before), head.format(after), to=to, codes=["KM705"])


@pytest.mark.parametrize(
    "metrics",
    [
        "['mae', 'mse']",
        "[['mae'], ['mse']]",
        "[['mae']] * 2",
        "{'a': ['mae']}",
        "[Own()]",
        "[shared]",
        "[]",
        "None",
        "wanted",
    ],
)
def test_other_lists_stay(metrics: str) -> None:
    text = f"shared = make()\nmodel.compile('sgd', 'mse', metrics={metrics})\n"
    untouched(code(text), to="keras", codes=[])


def test_as_many_metrics_as_outputs_are_reported_in_old_code() -> None:
    before = (
        "from keras.models import Model\n\nmodel = Model(input=x, output=[a, b])\n"
        "model.compile('sgd', 'mse', metrics=['mae', 'mse'])\n"
    )
    after = before.replace("input=", "inputs=").replace("output=", "outputs=")
    check(before, after, to="keras", codes=["KM201", "KM705"])


@pytest.mark.parametrize(
    "model",
    ["models.Model(x, a)", "models.Model(x, outputs)", "models.Sequential([a, b])", "build()"],
)
def test_models_without_visible_outputs_stay(model: str) -> None:
    text = f"model = {model}\nmodel.compile('sgd', 'mse', metrics=['mae'])\n"
    untouched(f"from keras import models\n\n{text}", to="keras", codes=[])


def test_keras_2_takes_a_flat_list() -> None:
    text = "model.compile('sgd', 'mse', metrics=['mae'])\n"
    untouched(code(text, "tf_keras"), to="tf_keras", codes=[])


# -- losses --------------------------------------------------------------------------------------

NEW_NAMES = {
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}


def lossy(call: str, to: str) -> str:
    head = f"from {ROOT[to][1]} import models\n\nmodel = models.Sequential()\n"
    return f"{head}model.compile({call})\n"


@KERAS_3
@pytest.mark.parametrize(("old", "new"), NEW_NAMES.items())
def test_losses_are_called_by_their_new_names(old: str, new: str, to: str) -> None:
    for call in (
        "'sgd', {!r}",
        "'sgd', loss={!r}, metrics=['mae']",
        "loss=['mse', {!r}],  # both\n              optimizer='sgd'",
        "'sgd', {{'a': 'mse', 'b': {!r}}}",
    ):
        before, after = (lossy(call.format(each), to) for each in (old, new))
        check(before, after, to=to, codes=["KM706"])


def test_quotes_stay() -> None:
    check(lossy('"sgd", "logcosh"', "keras"), lossy('"sgd", "log_cosh"', "keras"), to="keras")


def test_keras_2_lacks_only_the_proximity() -> None:
    for old in NEW_NAMES:
        if old.startswith("cosine"):
            check(
                lossy(f"'sgd', '{old}'", "tf_keras"),
                lossy("'sgd', 'cosine_similarity'", "tf_keras"),
                to="tf_keras",
                codes=["KM706"],
            )
        else:
            untouched(lossy(f"'sgd', '{old}'", "tf_keras"), to="tf_keras", codes=[])


@each_target
@pytest.mark.parametrize("name", ["mse", "kld", "cosine_similarity", "hinge", "mine"])
def test_losses_that_are_known_or_nobodys_business(name: str, to: str) -> None:
    untouched(lossy(f"'sgd', '{name}'", to), to=to, codes=[])


@pytest.mark.parametrize(
    "code",
    [
        # not a model, or nobody knows
        "import keras\n\nthing.compile('sgd', 'logcosh')\n",
        "import re\n\nre.compile('logcosh', 'cosine')\n",
        # not the loss
        lossy("'logcosh', 'mse'", "keras"),
        # not written here
        lossy("'sgd', name", "keras"),
        lossy("'sgd', get('logcosh')", "keras"),
        # perhaps a loss of the file
        "import keras\n\nkeras.utils.get_custom_objects()['cosine'] = mine\n"
        "model = keras.Sequential()\nmodel.compile('sgd', 'cosine')\n",
    ],
)
def test_losses_that_stay(code: str) -> None:
    untouched(code, to="keras", codes=[])


@pytest.mark.tensorflow
def test_losses_by_what_the_packages_say() -> None:
    keras = pytest.importorskip("keras")
    tf_keras = pytest.importorskip("tf_keras")
    y, z = [[0.0, 0.4, 0.6]], [[0.2, 0.2, 0.6]]
    for old, new in NEW_NAMES.items():
        with pytest.raises(ValueError, match=f"Could not interpret loss identifier: {old}"):
            keras.losses.get(old)
        second = new if old.startswith("cosine") else old
        assert float(keras.losses.get(new)(y, z)[0]) == pytest.approx(
            float(tf_keras.losses.get(second)(y, z)[0]), rel=1e-4
        )
        if second != old:
            with pytest.raises(ValueError, match=f"Unknown loss function: '{old}'"):
                tf_keras.losses.get(old)
