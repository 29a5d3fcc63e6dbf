"""Verify on code that means well, under the three flavours: exact verdicts, causes and places."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerasmigrate.verify import FileVerdict, Verdict, VerifyReport, verify

FIXTURES = Path(__file__).parent / "fixtures" / "verify"
pytestmark = pytest.mark.tensorflow

Reports = dict[str, VerifyReport]


@pytest.fixture(scope="module")
def reports() -> Reports:
    """One run, and so one import of TensorFlow, for each flavour."""
    builds = ["needs_arguments_given.py:build({'size': 3})"]
    return {
        "keras": verify([FIXTURES / "keras"], target="keras", builds=builds, jobs=2),
        "tf.keras": verify([FIXTURES / "tf.keras"], target="tf.keras"),
        "tf_keras": verify([FIXTURES / "tf_keras"], target="tf_keras"),
    }


def find(report: VerifyReport, display: str) -> FileVerdict:
    (file,) = [each for each in report.files if each.display == display]
    return file


#: Flavour, file -> verdict, place, cause.
EXPECTED = {
    ("keras", "api_attribute.py"): (
        Verdict.KERAS_ERROR,
        "api_attribute.py:5",
        "AttributeError: module 'keras.backend' has no attribute 'image_dim_ordering'",
    ),
    ("keras", "api_import.py"): (
        Verdict.KERAS_ERROR,
        "api_import.py:1",
        "ImportError: cannot import name 'merge' from 'keras.layers'",
    ),
    ("keras", "api_keyword.py"): (
        Verdict.KERAS_ERROR,
        "api_keyword.py:6",
        "TypeError: TensorFlowTrainer.fit() got an unexpected keyword argument 'nb_epoch'",
    ),
    ("keras", "api_layer_keyword.py"): (
        Verdict.KERAS_ERROR,
        "api_layer_keyword.py:3",
        "ValueError: Unrecognized keyword arguments passed to Dense: {'W_regularizer': 'l2'}",
    ),
    ("keras", "api_method.py"): (
        Verdict.KERAS_ERROR,
        "api_method.py:5",
        "AttributeError: 'Sequential' object has no attribute 'predict_classes'",
    ),
    ("keras", "arguments.py"): (
        Verdict.NEEDS_ARGUMENTS,
        "arguments.py:7",
        "its command line: the following arguments are required: --data",
    ),
    ("keras", "argv.py"): (
        Verdict.NEEDS_ARGUMENTS,
        "argv.py:5",
        "reads its arguments from sys.argv",
    ),
    ("keras", "asserts_result.py"): (
        Verdict.PARTIAL,
        "asserts_result.py:7",
        "AssertionError (the results of training are made up here)",
    ),
    ("keras", "best_weights.py"): (Verdict.PROVED, "", ""),
    ("keras", "ends_early.py"): (
        Verdict.PARTIAL,
        "ends_early.py:6",
        "ended by sys.exit(); not run: ends_early.py:7",
    ),
    ("keras", "fragment.py"): (
        Verdict.USER_ERROR,
        "fragment.py:3",
        "NameError: name 'model' is not defined",
    ),
    ("keras", "functional.py"): (Verdict.PROVED, "", ""),
    ("keras", "guess_finds_api_error.py"): (
        Verdict.KERAS_ERROR,
        "guess_finds_api_error.py:6",
        "ValueError: Unrecognized keyword arguments passed to Dense: {'init': 'uniform'}",
    ),
    ("keras", "guessed.py"): (Verdict.PROVED, "", ""),
    ("keras", "history_key.py"): (
        Verdict.KERAS_ERROR,
        "history_key.py:7",
        "KeyError: 'acc' (the history has accuracy, loss)",
    ),
    ("keras", "layers_only.py"): (Verdict.IMPORTED, "", ""),
    ("keras", "lazy_call.py"): (
        Verdict.KERAS_ERROR,
        "lazy_call.py:8",
        "AttributeError: module 'keras.backend' has no attribute 'batch_set_value'",
    ),
    ("keras", "loop_and_more.py"): (
        Verdict.PARTIAL,
        "loop_and_more.py:7",
        "stopped in its training loop; not run: loop_and_more.py:8",
    ),
    ("keras", "lost_import.py"): (
        Verdict.KERAS_ERROR,
        "lost_import.py:3",
        "NameError: name 'Dense' is not defined",
    ),
    ("keras", "main_only.py"): (Verdict.PROVED, "", ""),
    ("keras", "missing_data.py"): (
        Verdict.DATA_ERROR,
        "missing_data.py:4",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.csv'",
    ),
    ("keras", "missing_package.py"): (
        Verdict.MISSING_PACKAGE,
        "missing_package.py:2",
        "package no_such_package_at_all is not installed",
    ),
    ("keras", "mixed.py"): (
        Verdict.KERAS_ERROR,
        "mixed.py:3",
        "model built with tf_keras, not keras",
    ),
    ("keras", "mnist_script.py"): (Verdict.PROVED, "", ""),
    ("keras", "needs_arguments.py"): (
        Verdict.NEEDS_ARGUMENTS,
        "",
        "give arguments: --build 'needs_arguments.py:build(config, backbone)'",
    ),
    ("keras", "needs_arguments_given.py"): (Verdict.PROVED, "", ""),
    ("keras", "own_error.py"): (Verdict.USER_ERROR, "own_error.py:6", "ValueError: odd"),
    ("keras", "pretrained.py"): (Verdict.PROVED, "", ""),
    ("keras", "python2.py"): (
        Verdict.SYNTAX_ERROR,
        "python2.py:3",
        "SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?",
    ),
    ("keras", "reviews.py"): (Verdict.PROVED, "", ""),
    ("keras", "sequential.py"): (Verdict.PROVED, "", ""),
    ("keras", "shop/net.py"): (Verdict.PROVED, "", ""),
    ("keras", "shop/parts/blocks.py"): (Verdict.IMPORTED, "", ""),
    ("keras", "subclassed.py"): (Verdict.PROVED, "", ""),
    ("keras", "test_nets.py"): (Verdict.PROVED, "", ""),
    ("keras", "training_loop.py"): (Verdict.PROVED, "", ""),
    ("keras", "unshaped.py"): (
        Verdict.PARTIAL,
        "unshaped.py:10",
        "no input was found that fits it: TypeError: Only integers, slices (`:`), ellipsis "
        "(`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are valid indices, "
        "got 'a'",
    ),
    ("keras", "untraceable_loss.py"): (
        Verdict.KERAS_ERROR,
        "untraceable_loss.py:8",
        "AttributeError: 'SymbolicTensor' object has no attribute 'numpy'",
    ),
    ("keras", "wrapped_cause.py"): (
        Verdict.KERAS_ERROR,
        "wrapped_cause.py:6",
        "AttributeError: module 'keras.backend' has no attribute 'l2_normalize'",
    ),
    ("keras", "wrong_guess.py"): (
        Verdict.NEEDS_ARGUMENTS,
        "",
        "give arguments: --build 'wrong_guess.py:build_model(units)'",
    ),
    ("tf.keras", "contrib.py"): (
        Verdict.KERAS_ERROR,
        "contrib.py:1",
        "ModuleNotFoundError: No module named 'tensorflow.contrib'",
    ),
    ("tf.keras", "functional.py"): (Verdict.PROVED, "", ""),
    ("tf.keras", "session.py"): (
        Verdict.KERAS_ERROR,
        "session.py:4",
        "AttributeError: module 'tensorflow' has no attribute 'Session'",
    ),
    ("tf.keras", "stale_copy.py"): (
        Verdict.KERAS_ERROR,
        "stale_copy.py:4",
        "model built with tensorflow.python.keras, not keras",
    ),
    ("tf.keras", "stream.py"): (Verdict.PROVED, "", ""),
    ("tf_keras", "autograph.py"): (
        Verdict.KERAS_ERROR,
        "autograph.py:6",
        "AttributeError: module 'tf_keras.backend' has no attribute 'no_such_function'",
    ),
    ("tf_keras", "functional.py"): (Verdict.PROVED, "", ""),
    ("tf_keras", "own_autograph_error.py"): (
        Verdict.USER_ERROR,
        "own_autograph_error.py:7",
        "ValueError: three columns, please",
    ),
    ("tf_keras", "subclassed.py"): (Verdict.PROVED, "", ""),
    ("tf_keras", "wrong_flavour.py"): (
        Verdict.KERAS_ERROR,
        "wrong_flavour.py:4",
        "model built with keras, not tf_keras",
    ),
}


def test_every_fixture_is_expected(reports: Reports) -> None:
    seen = {(name, file.display) for name, report in reports.items() for file in report.files}
    assert seen == set(EXPECTED)


@pytest.mark.parametrize(("flavour", "display"), sorted(EXPECTED))
def test_verdict(reports: Reports, flavour: str, display: str) -> None:
    file = find(reports[flavour], display)
    assert (file.verdict, file.where, file.cause) == EXPECTED[flavour, display], file.output


def test_the_report_as_a_whole(reports: Reports) -> None:
    report = reports["keras"]
    assert (report.proved, report.exit_code) == (False, 1)
    assert report.environment.keras.startswith("3.")
    assert report.environment.network in ("namespace", "sockets")
    assert report.flavours == ("keras", "tf_keras")


def test_evidence_on_a_model_with_two_inputs(reports: Reports) -> None:
    (model,) = find(reports["keras"], "functional.py").models
    assert model.name == "two_inputs"
    assert model.where == "functional.py:8"
    assert model.input_shapes == ((None, None, None, 3), (None, 5))
    assert model.output_shapes == ((None, 2),)
    # 4 filters of 3 x 3 x 3 and their biases; 9 inputs for 2 units and their biases.
    assert model.parameters == 4 * 27 + 4 + 9 * 2 + 2
    assert [kind for _, kind in model.layers] == [
        "InputLayer",
        "Conv2D",
        "GlobalAveragePooling2D",
        "InputLayer",
        "Concatenate",
        "Dense",
    ]
    assert (model.built, model.forward, model.trained, model.saved) == (True, True, None, True)
    assert model.saved_as == ".keras"


def test_a_stack_without_a_shape_is_given_one(reports: Reports) -> None:
    (model,) = find(reports["keras"], "sequential.py").models
    assert (model.built, model.forward, model.saved) == (True, True, True)


def test_a_subclass_that_cannot_be_saved_whole_is_saved_as_weights(reports: Reports) -> None:
    (model,) = find(reports["keras"], "subclassed.py").models
    assert (model.class_name, model.trained, model.saved, model.saved_as) == (
        "Net",
        True,
        True,
        "weights",
    )


def test_building_is_no_proof(reports: Reports) -> None:
    (model,) = find(reports["keras"], "lazy_call.py").models
    assert (model.built, model.forward, model.saved) == (True, False, False)
    assert model.errors == (
        (
            "forward",
            "AttributeError: module 'keras.backend' has no attribute 'batch_set_value'",
        ),
    )


def test_the_script_with_data_and_training(reports: Reports) -> None:
    (model,) = find(reports["keras"], "mnist_script.py").models
    assert (model.name, model.trained, model.saved) == ("digits", True, True)


def test_downloads_are_stood_in_for_and_named(reports: Reports) -> None:
    file = find(reports["keras"], "pretrained.py")
    assert file.notes == (
        "MobileNetV2 is built without the weights that it would download",
        "imagenet_class_index.json is not downloaded: a small file stands in for it",
    )
    assert [model.where for model in file.models] == ["pretrained.py:5", "pretrained.py:8"]


def test_missing_weights_are_named(reports: Reports) -> None:
    assert find(reports["keras"], "best_weights.py").notes == (
        "no weights to load: there is no from_last_year.weights.h5",
        "there is no best/elsewhere.keras to load: the model built last stands in for it",
    )


def test_a_builder_that_needs_arguments_is_named(reports: Reports) -> None:
    file = find(reports["keras"], "needs_arguments.py")
    assert file.needs == ("needs_arguments.py:build(config, backbone)",)
    assert file.models == ()


def test_a_builder_called_as_asked(reports: Reports) -> None:
    (model,) = find(reports["keras"], "needs_arguments_given.py").models
    assert model.input_shapes == ((None, 3),)


def test_a_training_loop_is_left_once_it_is_known_to_work(reports: Reports) -> None:
    file = find(reports["keras"], "training_loop.py")
    assert file.notes == ("stopped in its training loop (training_loop.py:10) after 200 steps",)
    assert [(model.name, model.trained) for model in file.models] == [
        ("generator", None),
        ("critic", True),
    ]


def test_steps_v1_and_v2_together() -> None:
    """What the static check says decides, also when the code imports."""
    folder = FIXTURES / "keras"
    report = verify(
        [folder / "layers_only.py"],
        target="keras",
        root=folder,
        static=lambda path: [f"{path.name}:5: ReLU takes no such argument"],
    )
    (file,) = report.files
    assert (file.verdict, file.cause) == (
        Verdict.KERAS_ERROR,
        "layers_only.py:5: ReLU takes no such argument",
    )


def test_tf_keras_with_the_keras_2_api() -> None:
    report = verify(
        [FIXTURES / "tf.keras" / "functional.py"],
        target="tf.keras",
        api=2,
        root=FIXTURES / "tf.keras",
    )
    (file,) = report.files
    assert file.verdict is Verdict.PROVED
    assert report.flavours == ("tf_keras",)


def test_progress_is_told() -> None:
    told: list[tuple[int, int, str]] = []
    folder = FIXTURES / "keras"
    verify(
        [folder / "layers_only.py", folder / "api_import.py"],
        target="keras",
        root=folder,
        progress=lambda *step: told.append(step),
    )
    assert told == [(1, 2, "layers_only.py"), (2, 2, "api_import.py")]


def test_a_root_that_is_a_package(tmp_path: Path) -> None:
    """Its files are imported by the package's name, and shown relative to the package."""
    package = tmp_path / "nets"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "sizes.py").write_text("UNITS = 3\n", encoding="utf-8")
    (package / "small.py").write_text(
        "import keras\n"
        "from nets.sizes import UNITS\n"
        "from .sizes import UNITS as again\n"
        "model = keras.Sequential([keras.Input((again,)), keras.layers.Dense(UNITS)])\n",
        encoding="utf-8",
    )
    (file,) = verify([package], target="keras").files
    assert (file.display, file.verdict, file.cause) == ("small.py", Verdict.PROVED, "")
    (model,) = file.models
    assert model.where == "small.py:4"
