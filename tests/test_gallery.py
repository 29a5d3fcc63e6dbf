"""Models of the gallery: migrated, and compared by their numbers with the originals.

The originals run on the Keras that they were written for, unmodified; the migrated code runs here,
with the weights of the original carried over.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from exhibits import REPORTED, TARGETS, known, left_open, migrated, models, original, proof, title

pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

PAGE = Path(__file__).parents[1] / "docs" / "proofs" / "gallery.md"
CASES = [
    (name, to)
    for name, (file, _) in models().items()
    for to in TARGETS
    if (file, to) not in REPORTED
]


def test_the_page_lists_the_models() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text("utf-8").splitlines() if "| `k" in line]
    assert [row[0].strip("| `") for row in rows] == list(models())
    assert [row[1] for row in rows] == [title(name) for name in models()]
    for name, row in zip(models(), rows, strict=True):
        for to, cell in zip(TARGETS, row[4:], strict=True):
            if (models()[name][0], to) in REPORTED:
                assert cell.startswith("reported: KM")
            elif known(name, to) is None:
                numbers = [float(each) for each in cell.strip(" |").split(" · ") if each != "-"]
                assert len(numbers) >= 3
                assert numbers[0] <= 1e-5 and max(numbers) <= 1e-4, name


def test_there_are_enough_models() -> None:
    assert len({file for file, _ in models().values()}) >= 42


@pytest.mark.parametrize(("name", "to"), CASES, ids=map(":".join, CASES))
def test_a_migrated_model_computes_what_the_original_does(
    name: str, to: str, tmp_path: Path
) -> None:
    file, _ = models()[name]
    result = migrated(file, to, tmp_path)
    assert [finding.code for finding in result.open_findings] == left_open(file, to)
    found = proof(name, to, result.after.decode("utf-8"))
    exception = known(name, to)
    if exception is None:
        assert found.differences == []
        assert found.claims[:6] == ["layers", "settings", "weights", "outputs", "loss", "gradients"]
        wanted = original(name)
        assert found.step is not None or wanted["after"] is None
        assert [each["difference"] is not None for each in found.layers].count(True) > 0
    else:
        told = [(each.claim, each.layer) for each in found.differences]
        assert [claim for claim, _ in told] == [claim for claim, _ in exception.differences], told
        for (_, layer), (_, start) in zip(told, exception.differences, strict=True):
            assert layer.startswith(start), told
        codes = {finding.code for finding in result.findings}
        assert not exception.code or exception.code in codes
    if exception is None or exception.differences[0][0] != "outputs":
        assert found.largest is not None and found.largest <= 1e-5
    assert not [each for each in found.not_compared if not each.startswith("step: ")]


@pytest.mark.parametrize(("file", "to"), REPORTED, ids=map(":".join, REPORTED))
def test_what_the_target_cannot_run_is_reported(file: str, to: str, tmp_path: Path) -> None:
    result = migrated(file, to, tmp_path)
    assert [finding.code for finding in result.open_findings] == REPORTED[file, to]


# -- seeded faults ---------------------------------------------------------------------------

#: Model, what is changed in its migrated text, and the claim and the layer that are named.
FAULTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("k1_pictures", "padding='same', input_shape", "input_shape", "settings", "conv2d"),
    ("k1_pictures", "strides=(2, 1)", "strides=(1, 2)", "settings", "conv2d_1"),
    ("k1_pictures", "activation='tanh'", "activation='relu'", "settings", "conv2d_1"),
    ("k1_pictures", "use_bias=False", "use_bias=True", "weights", "conv2d_1"),
    ("k1_pictures", "Dropout(0.4)", "Dropout(0.6)", "settings", "dropout"),
    ("k1_pictures", "BatchNormalization()", "BatchNormalization(epsilon=0.1)", "settings", "batch"),
    (
        "k1_pictures",
        "BatchNormalization()",
        "BatchNormalization(momentum=0.5)",
        "settings",
        "batch",
    ),
    ("k1_pictures", "Activation('softmax')", "Activation('sigmoid')", "settings", "activation_1"),
    ("k1_pictures", "model.add(Activation('relu'))", "pass", "outputs", "activation"),
    ("k1_pictures", "model.add(BatchNormalization())", "pass", "layers", "sequential"),
    ("k1_penalties", "optimizer='sgd'", "optimizer='adam'", "step", "dense"),
    ("k1_towers", "multiply(", "add(", "layers", ""),
    ("k1_towers", "[added, times, mean, most]", "[times, added, mean, most]", "outputs", "conc"),
    ("k1_lines", "ZeroPadding1D(1,", "ZeroPadding1D(2,", "outputs", "zero_padding1d"),
    ("k1_lines", "strides=2)", "strides=1)", "settings", ""),
    ("k1_siamese", "axis=1", "axis=0", "outputs", "lambda"),
    ("k1_siamese", "one - other", "one + other", "outputs", "lambda"),
    ("k1_penalties", "l2(0.01)", "l2(0.1)", "loss", "sequential"),
    ("k1_two_ends", "(2, 1)", "(1, 2)", "outputs", "permute"),
    ("k1_two_ends", "'price': 0.5", "'price': 0.7", "loss", ""),
    ("k1_recurrent", "go_backwards=True", "go_backwards=False", "settings", "simple_rnn"),
    ("k1_recurrent", "reset_after=False", "reset_after=True", "weights", "gru"),
    ("k1_custom", "x * self.factors + self.start", "x * self.factors", "outputs", "scale"),
    ("k1_custom", "K.abs", "0 * K.abs", "loss", ""),
    ("k1_adversaries", "judge.trainable = False", "pass", "step", "dense"),
    ("k1_adversaries", "momentum=0.8", "momentum=0.99", "settings", "batch_normalization"),
)

#: The same on Keras 3: what runs on and computes something else.
TRAPS: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "k1_recurrent",
        "recurrent_activation=old_hard_sigmoid",
        "recurrent_activation='hard_sigmoid'",
        "outputs",
        "lstm",
    ),
    ("k1_recurrent", "reset_after=False", "reset_after=True", "weights", "gru"),
    ("k1_recurrent", "old_hard_sigmoid, reset", "'sigmoid', reset", "settings", "gru"),
    ("k1_duel", "learning_rate=0.00025, ", "", "settings", "functional"),
    ("k1_optimizers.clipped", "learning_rate=0.5, ", "", "step", "dense"),
    (
        "k1_optimizers",
        "InverseTimeDecay(0.1, decay_steps=1, decay_rate=1e-3)",
        "0.1",
        "settings",
        "sequential",
    ),
    ("k1_optimizers", "momentum=0.9, ", "", "settings", "sequential"),
    ("k1_optimizers.clipped", "global_clipnorm=0.1", "", "settings", "sequential"),
    ("k1_optimizers.cut", "clipvalue=0.05", "", "step", "dense"),
    ("k1_limits", "kernel_constraint=max_norm(0.5), ", "", "settings", "dense"),
    ("k1_limits", "kernel_regularizer=l1_l2(l1=0.01, l2=0.02), ", "", "settings", "dense"),
    ("k1_limits", "kernel_constraint=unit_norm()", "", "step", "dense_1"),
    ("k1_adversaries", "judge.trainable = False", "pass", "gradients", "dense"),
    (
        "k1_judge",
        "both.compile(",
        "judge.trainable = True; judge.layers[0].trainable = False; both.compile(",
        "gradients",
        "dense",
    ),
    ("k1_pictures", "BatchNormalization()", "BatchNormalization(epsilon=0.1)", "settings", "batch"),
    (
        "k1_pictures",
        "BatchNormalization()",
        "BatchNormalization(momentum=0.5)",
        "settings",
        "batch",
    ),
    (
        "k2_subclass",
        "self.hidden(inputs), training=training)",
        "self.hidden(inputs), training=False)",
        "gradients",
        "dense",
    ),
    (
        "k1_custom",
        "x * self.factors + self.start",
        "x + self.factors * self.start",
        "outputs",
        "scale",
    ),
    ("k1_two_ends", "(2, 1)", "(1, 2)", "outputs", "permute"),
    ("k1_separable", "dilation_rate=(2, 2)", "dilation_rate=1", "settings", "conv2d"),
    ("k1_towers", "multiply(", "add(", "layers", ""),
    (
        "k2_translate",
        "initial_state=[hidden, cell]",
        "initial_state=[cell, hidden]",
        "outputs",
        "lstm_1",
    ),
    ("k2_tasks", "'age': 'mae'", "'age': 'mse'", "loss", "functional"),
    ("k23_channels_first", "axis=1, scale=False", "axis=-1, scale=False", "weights", "batch"),
    ("k2_extra_loss", "self.price * ", "0.0 * ", "loss", "functional"),
)


def told(name: str, to: str, right: str, wrong: str, folder: Path) -> list[tuple[str, str, str]]:
    """Return what a comparison says of a model with a fault."""
    file, _ = models()[name]
    code = migrated(file, to, folder).after.decode("utf-8")
    assert right in code
    found = proof(name, to, code.replace(right, wrong, 1))
    assert all(each.message.count("\n") == 0 for each in found.differences)
    return [tuple(each) for each in found.differences]


def is_named(found: list[tuple[str, str, str]], claim: str, layer: str) -> bool:
    """Tell whether the first difference of a kind is that of a layer."""
    first = [name for kind, name, _ in found if kind == claim][:1]
    return bool(first) and first[0].startswith(layer)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}:{fault[2]}")
def test_a_fault_is_found(fault: tuple[str, str, str, str, str], tmp_path: Path) -> None:
    name, right, wrong, claim, layer = fault
    found = told(name, "tf_keras", right, wrong, tmp_path)
    assert is_named(found, claim, layer), found


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap[0]}:{trap[2]}")
def test_a_trap_of_keras_3_is_found(trap: tuple[str, str, str, str, str], tmp_path: Path) -> None:
    name, right, wrong, claim, layer = trap
    found = told(name, "keras", right, wrong, tmp_path)
    assert is_named(found, claim, layer), found
