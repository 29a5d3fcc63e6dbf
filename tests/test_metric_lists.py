"""KM703 to KM706: the metrics and losses that models are compiled with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original
from targets import ROOT, each_target

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

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
        "[shared]",
        "[]",
        "None",
        "wanted",
    ],
)
def test_other_lists_stay(metrics: str) -> None:
    text = f"shared = make()\nmodel.compile('sgd', 'mse', metrics={metrics})\n"
    untouched(code(text), to="keras", codes=[])


@pytest.mark.parametrize(
    ("metrics", "outputs"),
    [("[Own()]", 2), ("[keras.metrics.AUC()]", 2), ("wanted", 2), ("['mae', Own(), 'mse']", 2)],
)
def test_lists_that_are_reported(metrics: str, outputs: int) -> None:
    text = f"wanted = ['mae']\nmodel.compile('sgd', 'mse', metrics={metrics})\n"
    (finding,) = untouched("import keras\n" + code(text), to="keras", codes=["KM705"])
    assert finding.advice.startswith("give a list with a list of metrics for each output")
    assert finding.message == f"each of the {outputs} outputs has a list of metrics now"


OLD_HEAD = (
    "from keras.models import Model\n\nmodel = Model(input=x, output=[a, b])\n"
    "model.compile('sgd', 'mse', metrics={})\n"
)


def test_as_many_metrics_as_outputs() -> None:
    after = OLD_HEAD.replace("input=", "inputs=").replace("output=", "outputs=")
    check(
        OLD_HEAD.format("['mae', 'mse']"),
        after.format("[['mae', 'mse']] * 2"),
        to="keras",
        codes=["KM201", "KM705"],
    )
    check(
        OLD_HEAD.format("['mae', Own()]"),
        after.format("['mae', Own()]"),
        to="keras",
        codes=["KM201", "KM705"],
    )
    for same in ("['mae', 'mae']", "[['mae'], 'mse']"):
        check(OLD_HEAD.format(same), after.format(same), to="keras", codes=["KM201"])


@pytest.mark.parametrize(
    ("model", "call"),
    [
        ("build()", "'sgd', ['mse', 'mae'], metrics={}"),
        ("build()", "'sgd', loss={{'a': 'mse', 'b': 'mae'}}, metrics={}"),
        ("build()", "'sgd', losses, metrics={}"),
        ("models.Model(x, outputs)", "'sgd', 'mse', metrics={}"),
        ("models.Model(x, outputs=outputs)", "'sgd', 'mse', weighted_metrics={}"),
    ],
)
def test_where_the_outputs_are_counted(model: str, call: str) -> None:
    head = (
        "from keras import models\n\noutputs = [a, b]\nlosses = ['mse', 'mae']\n"
        f"model = {model}\nmodel.compile({call})\nmodel.load_weights('x.weights.h5')\n"
    )
    check(head.format("['acc']"), head.format("[['acc']] * 2"), to="keras", codes=["KM705"])


def test_an_attribute() -> None:
    head = (
        "from keras import models\n\n\nclass A:\n    def __init__(self):\n"
        "        self.model = models.Model(x, [a, b])\n\n    def go(self):\n"
        "        self.model.compile('sgd', 'mse', metrics={})\n"
    )
    check(head.format("['acc']"), head.format("[['acc']] * 2"), to="keras", codes=["KM705"])


@pytest.mark.parametrize(
    "model",
    ["models.Model(x, a)", "models.Model(x, given)", "models.Sequential([a, b])", "build()"],
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


OLD = """
from keras.layers import Dense, Input
from keras.models import Model

x = Input((3,))
a = Dense({units}=1, activation="sigmoid", name="a")(x)
b = Dense({units}=1, activation="sigmoid", name="b")(x)
model = Model({inputs}=x, {outputs}=[a, b])
model.compile("sgd", "mse", metrics=["mae", "mse"])
if weights is not None:
    model.set_weights(weights)
results["weights"] = model.get_weights()
results["out"] = [float(each) for each in model.evaluate(data, [data[:, :1], data[:, 1:2]])]
results["names"] = sorted(model.fit(data, [data[:, :1], data[:, 1:2]], {epochs}=1).history)
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_the_numbers_of_every_output(tmp_path: Path) -> None:
    """The loss, those of the outputs, and both metrics of each: not one for each output."""
    data = np.random.RandomState(0).normal(0, 1, (8, 3)).astype("float32")
    for version in ("1.2.2", "2.2.4", "2.3.1"):
        words = {"units": "units", "inputs": "inputs", "outputs": "outputs", "epochs": "epochs"}
        if version == "1.2.2":
            words = dict(zip(words, ("output_dim", "input", "output", "nb_epoch"), strict=True))
        text = OLD.format(**words)
        old = run_original(version, text, data=data, weights=None)
        folder = tmp_path / version
        folder.mkdir()
        (folder / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
        view = Project(folder, ()).view(folder / "a.py")
        migrated = Pipeline.to("keras").run(text, view).text
        assert '[["mae", "mse"]] * 2' in migrated
        for code, same in (
            (migrated, True),
            (migrated.replace("]] * 2", "]").replace("[[", "["), False),
        ):
            space: dict[str, Any] = {"results": {}, "data": data, "weights": old["weights"]}
            exec(code, space)
            got = space["results"]
            assert len(got["names"]) == (7 if same else 5)
            assert len(old["names"]) == 7
            assert (len(got["out"]) == len(old["out"])) == same
            if same:
                assert got["out"] == pytest.approx(old["out"], rel=1e-5)


@KERAS_3
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Model(x, y)\nmodel.compile('sgd', 'mse', metrics='mae')", "metrics=['mae']"),
        ("Model(x, [a, b])\nmodel.compile('sgd', 'mse', metrics='mae')", "metrics=[['mae']] * 2"),
        ("Model(x, y)\nmodel.compile('sgd', 'mse', weighted_metrics='mae')", "metrics=['mae']"),
    ],
)
def test_a_metric_alone(before: str, after: str, to: str) -> None:
    root = {"keras": "keras", "tf.keras": "tensorflow.keras"}[to]
    code = f"from {root}.models import Model\n\nmodel = {before}\n"
    head, _, _ = code.rpartition("metrics=")
    check(code, f"{head}{after})\n", to=to, codes=["KM726"])


@pytest.mark.parametrize(
    "metrics", ["mine", "['mae']", "{'a': 'mae'}", "('mae',)", "keras.losses.x"]
)
def test_what_is_no_name_alone(metrics: str) -> None:
    code = f"import keras\n\nmodel = keras.Model(x, y)\nmodel.compile('sgd', metrics={metrics})\n"
    found = Pipeline.to("keras").run(code)
    assert "KM726" not in [each.code for each in found.findings]


def test_keras_2_takes_a_metric_alone() -> None:
    code = "from tf_keras.models import Model\n\nm = Model(x, y)\nm.compile(metrics='mae')\n"
    untouched(code, to="tf_keras", codes=[])


def test_the_name_of_accuracy_alone() -> None:
    code = "from keras.models import Model\n\nm = Model(x, y)\nm.compile('sgd', metrics='acc')\n"
    assert "metrics=['ac" in Pipeline.to("keras").run(code).text
