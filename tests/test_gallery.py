"""Models of the gallery: migrated, and compared by their numbers with the originals.

``k1_*.py`` run on Keras 1.2.2 and ``k2_*.py`` on Keras 2.2.4, unmodified; the migrated code runs
here, with the weights of the original carried over.
"""

from __future__ import annotations

import importlib
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from originals import run_original

from kerasmigrate.api import migrate
from kerasmigrate.verify.worker.comparing import Compared, compare

pytestmark = [pytest.mark.pypi, pytest.mark.tensorflow]

GALLERY = Path(__file__).parent / "fixtures" / "gallery"
MODELS = sorted(path.stem for path in GALLERY.glob("*.py"))
VERSIONS = {"k1": "1.2.2", "k2": "2.2.4"}
TARGETS = ("tf_keras", "keras")
#: Findings that stay open: what they advise to look at is in order in these models.
OPEN = {
    ("k1_autoencoder", "tf_keras"): ["KM204"],
    ("k1_autoencoder", "keras"): ["KM204"],
}

#: Differences that no migration can take away. From 2.1.3 to 2.2 the first batch alone made the
#: moving mean and variance of a BatchNormalization.
KNOWN = {"k2_residual": [("step", "batch_normalization")]}

TAKE = """
import keras
from kerasmigrate_verify_worker import portrait
results.update(portrait.take(keras, build()))
"""


@cache
def original(name: str) -> dict[str, Any]:
    """Return the portrait of a model, from the Keras that it was written for."""
    code = (GALLERY / f"{name}.py").read_text(encoding="utf-8")
    return run_original(VERSIONS[name[:2]], code + TAKE)


def migrated(name: str, to: str, folder: Path) -> str:
    """Migrate a model in a project that says which Keras it needs."""
    version = VERSIONS[name[:2]]
    (folder / "requirements.txt").write_text(f"keras=={version}\n", encoding="utf-8")
    shutil.copy(GALLERY / f"{name}.py", folder)
    (result,) = migrate([folder], to).files
    assert [finding.code for finding in result.open_findings] == OPEN.get((name, to), [])
    return result.after.decode("utf-8")


def proof(name: str, to: str, code: str) -> Compared:
    """Build the model of a migrated text, and compare it."""
    keras = importlib.import_module(to)
    keras.backend.clear_session()
    space: dict[str, Any] = {"__name__": f"gallery_{name}"}
    exec(compile(code, f"{name}.py", "exec"), space)
    return compare(keras, original(name), space["build"]())


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("name", MODELS)
def test_a_migrated_model_computes_what_the_original_does(
    name: str, to: str, tmp_path: Path
) -> None:
    found = proof(name, to, migrated(name, to, tmp_path))
    known = KNOWN.get(name, [])
    assert [(each.claim, each.layer) for each in found.differences] == known, found.differences
    assert found.largest is not None and found.largest <= 1e-5
    assert found.claims[:5] == ["layers", "settings", "weights", "outputs", "loss"]


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


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}:{fault[2]}")
def test_a_fault_is_found(fault: tuple[str, str, str, str, str], tmp_path: Path) -> None:
    name, right, wrong, claim, layer = fault
    code = migrated(name, "tf_keras", tmp_path)
    assert right in code
    found = proof(name, "tf_keras", code.replace(right, wrong, 1))
    told = [each for each in found.differences if each.claim == claim]
    assert told and told[0].layer.startswith(layer), found.differences
    assert told[0].message.count("\n") == 0
