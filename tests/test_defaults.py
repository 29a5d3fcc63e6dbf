"""KM600-KM605: defaults that changed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from migrating import check, untouched
from targets import ROOT, TARGETS, each_target

from kerasmigrate import inventory
from kerasmigrate.cli import main
from kerasmigrate.findings import Finding, Severity
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import ModuleView, Project
from kerasmigrate.transform import Settings
from kerasmigrate.transforms.defaults_table import SQUARE, differ, rows, source
from kerasmigrate.transforms.hard_sigmoid import DEFINITION

MODERN = Settings(modern_defaults=True)
#: Makes a file one of Keras 1.
KEEPS = 'Dense(output_dim=1, init="one")'
KEPT = 'Dense(units=1, kernel_initializer="one")'


def defined(package: str) -> str:
    """Return the imports and the function that stand for hard_sigmoid."""
    source = DEFINITION.source.strip().replace("$register", "register_keras_serializable")
    source = source.replace("$name", "old_hard_sigmoid").replace("$ops", "ops")
    return (
        f"from {package}.saving import register_keras_serializable\nfrom {package} import ops\n"
        f"\n\n{source}\n\n\n"
    )


def both(before: str, after: str, *, to: str, codes: list[str]) -> tuple[Finding, ...]:
    """Check one statement in a file of Keras 1, with its imports as the target spells them."""
    package = ROOT[to][1]
    head = "from {}.layers import {}\n"
    names = ["Dense", *(each for each in CLASSES if each in before)]
    body = f"{after}\n{KEPT}\n"
    hard = defined(package) if "old_hard_sigmoid" in after else ""
    return check(
        f"{head.format('keras', ', '.join(names))}{before}\n{KEEPS}\n",
        f"{head.format(package, ', '.join(names))}{hard}{body}",
        to=to,
        codes=["KM101", *codes, "KM201"],
    )


CLASSES = ("Bidirectional", "TimeDistributed", "LSTM", "GRU", "ConvLSTM2D", "SimpleRNN")
GATES = (
    ("LSTM(8)", "LSTM(8, recurrent_activation={})"),
    ("LSTM(8, 'one')", "LSTM(8, kernel_initializer='one', recurrent_activation={})"),
    ("GRU(8)", "GRU(8, recurrent_activation={}, reset_after=False)"),
    ("LSTM(8,)", "LSTM(8, recurrent_activation={},)"),
    (
        "LSTM(\n    8,  # units\n    return_sequences=True,  # all\n)",
        "LSTM(\n    8,  # units\n    return_sequences=True,  # all\n"
        "    recurrent_activation={},\n)",
    ),
    ("Bidirectional(LSTM(8))", "Bidirectional(LSTM(8, recurrent_activation={}))"),
    ("x = TimeDistributed(LSTM(8))(y)", "x = TimeDistributed(LSTM(8, recurrent_activation={}))(y)"),
)


@pytest.mark.parametrize(("before", "after"), GATES)
@each_target
def test_gates_of_keras_1(before: str, after: str, to: str) -> None:
    value = '"hard_sigmoid"' if to == "tf_keras" else "old_hard_sigmoid"
    if before.count("'") > 2:
        value = value.replace('"', "'")
    codes = ["KM201", "KM600"] if "'one'" in before else ["KM600"]
    (fixed,) = [
        each
        for each in both(before, after.format(value), to=to, codes=codes)
        if each.code == "KM600"
    ]
    assert (fixed.fixed, fixed.severity) == (True, Severity.WARNING)


@each_target
def test_gates_of_a_convolution_changed_with_keras_3(to: str) -> None:
    more = "" if to == "tf_keras" else ", recurrent_activation=old_hard_sigmoid"
    both(
        "ConvLSTM2D(nb_filter=4, nb_row=3, nb_col=3)",
        f"ConvLSTM2D(filters=4, kernel_size=(3, 3){more})",
        to=to,
        codes=["KM201", "KM202", *(["KM600"] if more else [])],
    )


@pytest.mark.parametrize(
    "code",
    [
        "LSTM(8, recurrent_activation='sigmoid')",
        "GRU(8, recurrent_activation=f, reset_after=True)",
        "SimpleRNN(8)",
        "LSTM(*args)",
        "LSTM(8, 'one', 'one', 'one', 'tanh', 'sigmoid', **options)",
        "isinstance(x, LSTM)",
        "f = LSTM",
    ],
)
@each_target
def test_calls_that_leave_nothing_out(code: str, to: str) -> None:
    text = f"from keras.layers import Dense, LSTM, GRU, SimpleRNN\n{KEEPS}\n{code}\n"
    found = Pipeline.to(to).run(text).findings
    assert not {"KM600", "KM601", "KM602"} & {each.code for each in found}


@pytest.mark.parametrize("to", TARGETS)
def test_code_that_keras_3_runs_is_left_alone(to: str) -> None:
    package = ROOT[to][1]
    untouched(
        f"from {package} import layers, optimizers, regularizers, utils\n"
        f"from {package}.models import Sequential\n\n"
        "model = Sequential()\n"
        "model.add(layers.LSTM(8))\nmodel.add(layers.GRU(8))\nmodel.add(layers.ConvLSTM2D(4, 3))\n"
        "model.add(layers.Dense(4, activation='hard_sigmoid', kernel_initializer='one'))\n"
        "model.add(layers.BatchNormalization())\n"
        "penalty = regularizers.l1_l2()\nrate = optimizers.Adagrad()\n"
        "model.compile('adadelta', 'mse')\nmodel.fit(x, y)\nmodel.fit(x, y, epochs=3)\n"
        "utils.plot_model(model)\n",
        to=to,
        codes=[],
    )


@pytest.mark.parametrize("to", TARGETS)
def test_modern_defaults_writes_and_reports_nothing(to: str) -> None:
    found = (
        Pipeline.to(to, settings=MODERN)
        .run(
            "from keras.layers import LSTM\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.add(LSTM(output_dim=3, U_regularizer='l2'))\n"
            "model.add(LSTM(3, **options))\nmodel.compile('adadelta', 'mse')\nmodel.fit(x, y)\n"
        )
        .findings
    )
    assert not [each for each in found if each.code.startswith("KM6")]


@pytest.mark.parametrize(
    ("more", "added"), [([], ', recurrent_activation="hard_sigmoid"'), (["--modern-defaults"], "")]
)
def test_the_option(
    more: list[str], added: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.py"
    path.write_text("from keras.layers import LSTM\n\nLSTM(output_dim=3)\n", encoding="utf-8")
    assert main(["diff", str(path), "--to", "tf_keras", "--quiet", *more]) == 1
    assert f"+LSTM(units=3{added})\n" in capsys.readouterr().out


def test_an_unconverted_call_gets_nothing() -> None:
    code = "from keras.layers import LSTM\n\nLSTM(output_dim=3)  # kerasmigrate: ignore[KM201]\n"
    untouched(code, to="keras", codes=[])


def test_an_ignore_comment_keeps_the_default() -> None:
    check(
        "from keras.layers import LSTM\n\nLSTM(output_dim=3)  # kerasmigrate: ignore[KM600]\n",
        "from keras.layers import LSTM\n\nLSTM(units=3)  # kerasmigrate: ignore[KM600]\n",
        to="keras",
        codes=["KM201"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "from mine import LSTM\nfrom keras.layers import Dense\n\nLSTM(3)\n",
        "from keras.layers import Dense\n\n\ndef f(LSTM):\n    return LSTM(3)\n",
        "from keras.layers import Dense, LSTM\nLSTM = wrap(LSTM)\nLSTM(3)\n",
    ],
)
@each_target
def test_other_classes_of_the_name(code: str, to: str) -> None:
    found = Pipeline.to(to).run(f"{code}{KEEPS}\n").findings
    assert not [each for each in found if each.code.startswith("KM6")]


# -- options --------------------------------------------------------------------------------------


def test_options_may_hold_the_argument() -> None:
    (found,) = [
        each
        for each in Pipeline.to("tf_keras")
        .run(f"from keras.layers import Dense, LSTM\n{KEEPS}\nLSTM(3, **options)\n")
        .findings
        if each.code == "KM602"
    ]
    assert (found.fixed, found.severity) == (False, Severity.WARNING)
    assert found.advice == (
        "write recurrent_activation='hard_sigmoid', where the options do not have it"
    )


def test_a_partial_gets_it_where_it_is_made() -> None:
    check(
        "from functools import partial\nfrom keras.layers import Dense, LSTM\n\n"
        f"rnn = partial(LSTM, return_sequences=True)\nx = rnn(3)\n{KEEPS}\n",
        "from functools import partial\nfrom tf_keras.layers import Dense, LSTM\n\n"
        'rnn = partial(LSTM, return_sequences=True, recurrent_activation="hard_sigmoid")\n'
        f"x = rnn(3)\n{KEPT}\n",
        to="tf_keras",
        codes=["KM101", "KM600", "KM201"],
    )


def test_no_function_can_be_defined_for_an_import_in_a_function() -> None:
    code = "def f():\n    from keras.layers import LSTM\n    return LSTM(output_dim=3)\n"
    result = Pipeline.to("keras").run(code)
    assert result.text == code.replace("output_dim", "units")
    assert [each.code for each in result.findings] == ["KM201", "KM602"]


# -- which version --------------------------------------------------------------------------------


def pinned(folder: Path, text: str, name: str = "requirements.txt") -> ModuleView:
    """Return the view of a file whose project has these requirements."""
    (folder / name).write_text(text, encoding="utf-8")
    return Project(folder, ()).view(folder / "train.py")


OLD_2 = "from keras.layers.recurrent import LSTM, GRU\n\nLSTM(3)\nGRU(3)\n"


def test_keras_2_of_an_unknown_version_is_reported_once_a_call() -> None:
    result = Pipeline.to("tf_keras").run(OLD_2)
    found = [each for each in result.findings if each.code.startswith("KM6")]
    assert [(each.code, each.line, each.severity.value) for each in found] == [
        ("KM601", 3, "info"),
        ("KM601", 4, "info"),
    ]
    assert found[0].message == (
        "LSTM: by default, recurrent_activation= is 'hard_sigmoid' in Keras 1 to 2.2, 'sigmoid' in"
        " Keras 2.3 to 2.4+; the file does not say which it is for"
    )
    assert found[0].advice == (
        "if the older, write recurrent_activation='hard_sigmoid'; or pin the version of Keras in"
        " the requirements"
    )
    assert "LSTM(3)\n" in result.text


@pytest.mark.parametrize(
    ("requirement", "lstm", "gru"),
    [
        ("keras==2.2.4\n", "LSTM(3, recurrent_activation={})", "GRU(3, recurrent_activation={}, "),
        ("Keras >= 2.0, < 2.3\n", "LSTM(3, recurrent_activation={})", "GRU(3, recurrent_activat"),
        ("keras==2.1.6 # old\n", "LSTM(3, recurrent_activation={})", "GRU(3, recurrent_activation"),
        ("keras==2.3.1\n", "LSTM(3)", "GRU(3, reset_after=False)"),
        ("keras==2.6\n", "LSTM(3)", "GRU(3)"),
    ],
)
def test_requirements_tell_the_version(
    requirement: str, lstm: str, gru: str, tmp_path: Path
) -> None:
    view = pinned(tmp_path, requirement)
    result = Pipeline.to("tf_keras").run(OLD_2, view)
    value = '"hard_sigmoid"'
    assert lstm.format(value) + "\n" in result.text
    assert gru.format(value) in result.text
    assert not [each for each in result.findings if each.code == "KM601"]
    assert Pipeline.to("tf_keras").run(result.text, view).text == result.text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("setup.py", "setup(install_requires=['numpy', 'keras==2.2.4'])\n"),
        ("environment.yml", "dependencies:\n  - keras=2.2.4\n"),
        ("Pipfile", '[packages]\nkeras = "==2.2.4"\n'),
        ("pyproject.toml", '[project]\ndependencies = ["keras==2.2.4"]\n'),
    ],
)
def test_files_that_pin(name: str, text: str, tmp_path: Path) -> None:
    result = Pipeline.to("tf_keras").run(OLD_2, pinned(tmp_path, text, name))
    assert 'LSTM(3, recurrent_activation="hard_sigmoid")' in result.text


@pytest.mark.parametrize(
    "text",
    [
        "keras\n",
        "# keras==2.2.4\n",
        "keras-applications==1.0.8\n",
        "tf-keras==2.2.4\n",
        "keras>=2.0.9\n",
        "my_keras==2.2.4\n",
    ],
)
def test_requirements_that_do_not_tell(text: str, tmp_path: Path) -> None:
    result = Pipeline.to("tf_keras").run(OLD_2, pinned(tmp_path, text))
    assert len([each for each in result.findings if each.code == "KM601"]) == 2


def test_a_pin_does_not_speak_of_code_for_keras_3(tmp_path: Path) -> None:
    view = pinned(tmp_path, "keras==2.2.4\n")
    code = "import keras\n\nkeras.layers.LSTM(3)\nkeras.ops.abs(x)\n"
    untouched(code, to="keras", codes=[], view=view)


def test_names_of_tensorflow_1_rule_out_what_came_later() -> None:
    check(
        "import tensorflow as tf\nfrom keras.layers import GRU, LSTM\n\n"
        "session = tf.Session()\nGRU(3, recurrent_activation='sigmoid')\nLSTM(3)\n",
        "import tensorflow as tf\nfrom tf_keras.layers import GRU, LSTM\n\n"
        "session = tf.Session()\n"
        "GRU(3, recurrent_activation='sigmoid', reset_after=False)\nLSTM(3)\n",
        to="tf_keras",
        codes=["KM101", "KM600", "KM601"],
    )


def test_tensorflow_1_has_gates_of_its_own() -> None:
    head = "import tensorflow as tf\nfrom tensorflow.keras.layers import GRU\n\n"
    check(
        f"{head}session = tf.Session()\nGRU(3)\n",
        "import tensorflow as tf\nfrom tf_keras.layers import GRU\n\nsession = tf.Session()\n"
        'GRU(3, recurrent_activation="hard_sigmoid", reset_after=False)\n',
        to="tf_keras",
        codes=["KM101", "KM600"],
    )


def test_tf_keras_2_has_the_gates_of_today() -> None:
    check(
        "from tf_keras.layers import ConvLSTM2D, GRU, LSTM\n\nLSTM(3)\nGRU(3)\nConvLSTM2D(4, 3)\n",
        "from keras.layers import ConvLSTM2D, GRU, LSTM\n"
        + defined("keras")
        + "LSTM(3)\nGRU(3)\nConvLSTM2D(4, 3, recurrent_activation=old_hard_sigmoid)\n",
        to="keras",
        codes=["KM101", "KM600"],
    )


# -- other arguments ------------------------------------------------------------------------------

OPTIMIZERS = (
    ("Adadelta()", "Adadelta(learning_rate=1.0, epsilon=1e-8)"),
    ("Adadelta(lr=0.5)", "Adadelta(learning_rate=0.5, epsilon=1e-8)"),
    ("Adagrad(0.1)", "Adagrad(0.1, initial_accumulator_value=0.0, epsilon=1e-8**2)"),
    ("Adamax()", "Adamax(learning_rate=0.002, epsilon=1e-8)"),
    ("Nadam()", "Nadam(learning_rate=0.002, epsilon=1e-8)"),
    ("Adam(clipvalue=1.0)", "Adam(clipvalue=1.0, epsilon=1e-8)"),
    ("Adam(epsilon=1e-4)", "Adam(epsilon=1e-4)"),
    ("RMSprop()", "RMSprop(epsilon=1e-8**2)"),
    ("SGD()", "SGD()"),
)


@pytest.mark.parametrize(("before", "after"), OPTIMIZERS)
@each_target
def test_optimizers_of_keras_1(before: str, after: str, to: str) -> None:
    package = ROOT[to][1]
    name = before.partition("(")[0]
    check(
        f"from keras.layers import Dense\nfrom keras.optimizers import {name}\n\n"
        f"{before}\n{KEEPS}\n",
        f"from {package}.layers import Dense\nfrom {package}.optimizers import {name}\n\n"
        f"{after}\n{KEPT}\n",
        to=to,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("l1l2()", "l1_l2(l1=0.01, l2=0.01)"),
        ("l1l2(0.1)", "l1_l2(0.1, l2=0.01)"),
        ("l1l2(l2=0.1)", "l1_l2(l2=0.1, l1=0.01)"),
        ("l1l2(0.1, 0.2)", "l1_l2(0.1, 0.2)"),
    ],
)
def test_both_penalties(before: str, after: str) -> None:
    for to, expected in (("keras", after), ("tf_keras", before.replace("l1l2", "l1_l2"))):
        package = ROOT[to][1]
        check(
            f"from keras.regularizers import l1l2\n\nx = {before}\n",
            f"from {package}.regularizers import l1_l2\n\nx = {expected}\n",
            to=to,
        )


def test_one_version_agrees_about_both_penalties() -> None:
    check(
        "from keras.regularizers import l1_l2\n\nmodel.fit_generator(g)\nx = l1_l2(l1=0.1)\n",
        "from keras.regularizers import l1_l2\n\nmodel.fit(g)\nx = l1_l2(l1=0.1, l2=0.01)\n",
        to="keras",
        codes=["KM222", "KM600"],
    )


def test_a_picture_keeps_the_names_of_its_layers() -> None:
    check(
        "from keras.utils.vis_utils import plot_model\n\nplot_model(model, 'a.png')\n"
        "plot_model(model, 'a.png', show_layer_names=False)\n",
        "from keras.utils import plot_model\n\n"
        "plot_model(model, 'a.png', show_layer_names=True)\n"
        "plot_model(model, 'a.png', show_layer_names=False)\n",
        to="keras",
        codes=["KM101", "KM600"],
    )


@pytest.mark.parametrize(
    ("version", "options"),
    [("1.1.2", "epsilon=1e-5"), ("1.2.0", "")],
)
def test_batch_normalization_of_the_first_versions(
    version: str, options: str, tmp_path: Path
) -> None:
    check(
        f"from keras.layers import BatchNormalization, Dense\n\nBatchNormalization()\n{KEEPS}\n",
        "from tf_keras.layers import BatchNormalization, Dense\n\n"
        f"BatchNormalization({options})\n{KEPT}\n",
        to="tf_keras",
        view=pinned(tmp_path, f"keras=={version}\n"),
    )


# -- training -------------------------------------------------------------------------------------

MODEL = (
    "from keras.models import Sequential\nfrom keras.layers import Dense\n\nmodel = Sequential()\n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.fit(x, y)", "model.fit(x, y, epochs=10)"),
        ("model.fit(x, y, 16)", "model.fit(x, y, 16, epochs=10)"),
        ("model.fit(x, y, nb_epoch=3)", "model.fit(x, y, epochs=3)"),
        ("model.fit(x, y, 16, 3)", "model.fit(x, y, 16, 3)"),
        ("model.fit(x, y, **options)", "model.fit(x, y, **options)"),
        ("scaler.fit(x, y)", "scaler.fit(x, y)"),
    ],
)
@each_target
def test_epochs_of_keras_1(before: str, after: str, to: str) -> None:
    check(
        f"{MODEL}model.add({KEEPS})\n{before}\n",
        f"{MODEL}model.add({KEPT})\n{after}\n".replace("from keras", f"from {ROOT[to][1]}"),
        to=to,
    )


def test_epochs_of_a_sequential_model_of_keras_2_0(tmp_path: Path) -> None:
    view = pinned(tmp_path, "keras==2.0.8\n")
    check(
        f"{MODEL}model.fit(x, y)\n",
        f"{MODEL}model.fit(x, y, epochs=10)\n",
        to="keras",
        codes=["KM603"],
        view=view,
    )
    untouched(
        "from keras.models import Model\n\nmodel = Model(a, b)\nmodel.fit(x, y)\n",
        to="keras",
        codes=[],
        view=view,
    )


@each_target
def test_an_optimizer_by_name(to: str) -> None:
    package = ROOT[to][1]
    check(
        f"{MODEL}model.add({KEEPS})\nmodel.compile('Adadelta', 'mse')\n"
        "model.compile(loss='mse', optimizer='adamax')\nmodel.compile('adam', 'mse')\n",
        f"from {package}.models import Sequential\n"
        f"from {package}.optimizers import Adadelta, Adamax\nfrom {package}.layers import Dense\n\n"
        f"model = Sequential()\nmodel.add({KEPT})\n"
        "model.compile(Adadelta(learning_rate=1.0, epsilon=1e-8), 'mse')\n"
        "model.compile(loss='mse', optimizer=Adamax(learning_rate=0.002, epsilon=1e-8))\n"
        "model.compile('adam', 'mse')\n",
        to=to,
    )


def test_an_optimizer_by_a_name_out_of_the_call_is_reported() -> None:
    code = f"{MODEL}name = 'adagrad'\nmodel.add({KEEPS})\nmodel.compile(name, 'mse')\n"
    found = Pipeline.to("tf_keras").run(code).findings
    (one,) = [each for each in found if each.code == "KM604"]
    assert not one.fixed
    assert one.advice == (
        "give the object Adagrad(learning_rate=0.01, initial_accumulator_value=0.0,"
        " epsilon=1e-8**2)"
    )


# -- arguments that take effect -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("LSTM(3, U_regularizer='l2', init='one')", 1),
        ("GRU(3, inner_init='one')", 1),
        ("LSTM(3, U_regularizer='l2', consume_less='gpu')", 0),
        ("LSTM(3, U_regularizer='l2', consume_less='mem')", 1),
        ("LSTM(3, U_regularizer=None, init='one')", 0),
        ("SimpleRNN(3, U_regularizer='l2')", 0),
    ],
)
def test_recurrent_arguments_that_keras_1_ignored(call: str, lines: int) -> None:
    code = f"from keras.layers import GRU, LSTM, SimpleRNN\n\n{call}\n"
    found = [each for each in Pipeline.to("keras").run(code).findings if each.code == "KM605"]
    assert len(found) == lines
    assert all(not each.fixed and each.severity is Severity.WARNING for each in found)


# -- the table ------------------------------------------------------------------------------------


def test_the_table_says_what_the_inventories_say() -> None:
    seen = 0
    for row in rows():
        for version in row.old:
            if version in ("keras-1.0.0", "keras-1.1.2", "tf.keras-1"):
                continue
            known = source(version)
            for path in row.objects:
                signature = known.signature(path)
                parameter = (
                    None
                    if signature is None
                    else next(
                        (p for name in (row.parameter, *row.also) if (p := signature.get(name))),
                        None,
                    )
                )
                if signature is None or (parameter is None and not row.implicit):
                    continue
                default = parameter.default if parameter is not None else None
                if default in (None, "...", "None"):
                    continue  # absent, or taken from **kwargs or from keras.backend.epsilon()
                old = row.old[version].removesuffix(SQUARE)
                assert ast.literal_eval(default) == ast.literal_eval(old), (
                    path,
                    row.parameter,
                    version,
                )
                seen += 1
    assert seen > 70


#: Differences between Keras 2 or its predecessors and Keras 3 that are no other results: what only
#: prints or names; another spelling of the same value; layout, which follows image_data_format.
NO_DIFFERENCE = {
    "data_format",
    "dim_ordering",
    "dtype",
    "name",
    "implementation",
    "sparse",
    "log_dir",
    "dpi",
    "width",
    "reduction",
    "trainable",
    "inputs",
    "outputs",
    "layers",
    "custom_objects",
    "path",
    "ema_overwrite_frequency",
    "jit_compile",
    "autocast",
    "callbacks",
    "fname",
    "origin",
    "headers",
    "consume_less",
    "input_dim",
    "input_length",
    "weights",
    "input_shape",
    "save_format",
}
#: The same value in other words, or equal in effect.
EQUAL = {
    ("keras.layers.PReLU", "alpha_initializer"),
    ("keras.layers.ZeroPadding3D", "padding"),
    ("keras.layers.ConvLSTM1D", "strides"),
    ("keras.layers.ConvLSTM2D", "strides"),
    ("keras.layers.ConvLSTM2D", "dilation_rate"),
    ("keras.layers.ConvLSTM3D", "strides"),
    ("keras.layers.ConvLSTM3D", "dilation_rate"),
    ("keras.layers.dot", "axes"),
    ("keras.initializers.VarianceScaling", "distribution"),
    ("keras.optimizers.Optimizer", "weight_decay"),
}


@pytest.mark.parametrize("version", ["keras-1.2.2", "keras-2.0.9", "keras-2.3.1", "tf.keras-2"])
def test_no_changed_default_of_keras_3_is_forgotten(version: str) -> None:
    """Every difference of two signatures is in the table, or known to be none."""
    old, new = inventory.load(version), inventory.load("keras-3")
    families = ("layers", "optimizers", "regularizers", "initializers", "losses", "metrics")
    forgotten = []
    for path in new.paths():
        if path.count(".") != 2 or path.split(".")[1] not in families:
            continue
        before, after = old.signature(path), new.signature(path)
        if before is None or after is None:
            continue
        for parameter in before.parameters:
            now = after.get(parameter.name)
            if now is None or parameter.name in NO_DIFFERENCE or (path, now.name) in EQUAL:
                continue
            known = any(path in row.objects and now.name in row.names for row in rows())
            pair = (parameter.default, now.default)
            if known or None in pair or "..." in pair or "None" in pair:
                continue
            if differ(parameter.default or "", now.default, api=2):
                forgotten.append((path, now.name, *pair))
    assert forgotten == []
