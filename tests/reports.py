"""Verifications and migrations made up for the tests of the page of evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import kerasmigrate
from kerasmigrate.findings import FileResult, Finding, Report, Status
from kerasmigrate.verify.results import (
    Comparison,
    Difference,
    Environment,
    FileVerdict,
    Layer,
    LayerPair,
    Likeness,
    ModelEvidence,
    OriginalKeras,
    OriginalRun,
    Verdict,
    VerifyReport,
)

ENVIRONMENT = Environment(
    "/usr/bin/python3", "3.11.9", "2.21.0", "3.15.1", "2.21.0", "namespace", "read-only", "nobody"
)
ORIGINAL = OriginalKeras(
    "HEAD~1",
    "keras",
    "1.2.2",
    "requirements.txt:2 pins keras==1.2.2",
    replace(ENVIRONMENT, keras=""),
)

#: A model of Keras 1, of which every kind of line changes or stays.
OLD = """\
from keras.layers.core import Dense, Dropout
from keras.models import Sequential
from keras.utils import visualize_util


def build(classes):
    model = Sequential()
    model.add(Dense(output_dim=64, input_dim=20, init='uniform', activation='relu'))
    model.add(Dropout(p=0.5))
    model.add(Dense(output_dim=classes, activation='hard_sigmoid'))
    model.compile(loss='mse', optimizer='sgd')
    return model


def train(model, x, y):
    model.fit(x, y, nb_epoch=3)
    return model
"""


def chain(count: int = 5, **changes: dict[str, object]) -> tuple[LayerPair, ...]:
    """Return layers in a row, the same on both sides but for what is changed, by their names."""
    pairs = []
    for number in range(count):
        name = f"dense_{number + 1}"
        layer = Layer(
            name,
            "InputLayer" if number == 0 else "Dense",
            (None, 64),
            0 if number == 0 else 4160,
            (f"dense_{number}",) if number else (),
            () if number == 0 else (("activation", "relu"), ("units", "64")),
        )
        change = changes.get(name, {})
        migrated = replace(layer, **change)  # type: ignore[arg-type]
        pairs.append(LayerPair(layer, migrated, 0.0 if number < 2 else 3e-8 * number, bool(change)))
    return tuple(pairs)


def equal(name: str = "sequential", where: str = "a.py:8", **changes: object) -> Comparison:
    """Return the comparison of two models that compute the same."""
    made = Comparison(
        Likeness.EQUAL,
        name=name,
        where=where,
        original_name="sequential_1",
        original_where=where,
        paired_by="place",
        claims=("layers", "settings", "weights", "outputs", "loss", "gradients", "step"),
        largest=1.2e-7,
        tolerance=1e-5,
        dtype="float32",
        parameters=(16640, 16640),
        loss=(0.7310585, 0.7310586),
        gradient_norm=(1.25, 1.25),
        step=3e-8,
        layers=chain(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def different(name: str = "functional", where: str = "a.py:20") -> Comparison:
    """Return the comparison of two models with branches that part in three ways."""

    def layer(name: str, kind: str, *inputs: str, **settings: str) -> Layer:
        shape = (None, 28, 28, 16)
        return Layer(name, kind, shape, 448, inputs, tuple(settings.items()))

    source = layer("image", "InputLayer")
    left = layer("conv_a", "Conv2D", "image", padding="same")
    right = layer("conv_b", "Conv2D", "image", activation="hard_sigmoid")
    norm = layer("norm", "BatchNormalization", "conv_a", epsilon="1e-06")
    joined = layer("joined", "Concatenate", "norm", "conv_b", "image")
    pairs = (
        LayerPair(source, source, 0.0),
        LayerPair(left, left, 4e-8),
        LayerPair(right, replace(right, settings=(("activation", "relu"),)), 0.21, True),
        LayerPair(norm, None),
        LayerPair(None, layer("rescaling", "Rescaling", "conv_a", scale="2.0"), float("nan")),
        LayerPair(joined, replace(joined, inputs=("rescaling", "conv_b")), 0.4, True),
    )
    return Comparison(
        Likeness.DIFFERENT,
        name=name,
        where=where,
        original_name="model_1",
        original_where=where,
        paired_by="structure",
        claims=("layers", "settings", "outputs", "loss"),
        not_compared=("step: training draws random numbers",),
        differences=(
            Difference("settings", "conv_b", "activation was hard_sigmoid and is relu"),
            Difference("layers", "rescaling", "BatchNormalization has become Rescaling"),
            Difference(
                "outputs", "conv_b", "0.71 was 0.5: they differ by 0.21, up to 1e-05 is the same"
            ),
        ),
        largest=0.4,
        tolerance=1e-5,
        dtype="float32",
        parameters=(1792, 1344),
        loss=(0.5, 0.75),
        layers=pairs,
        explained_by=("KM101",),
    )


def model(name: str = "sequential", where: str = "a.py:8", **changes: object) -> ModelEvidence:
    """Return the evidence of a model that passed every step."""
    made = ModelEvidence(
        name,
        where,
        "keras",
        "Sequential",
        (("dense_1", "InputLayer"), ("dense_2", "Dense")),
        16640,
        ((None, 20),),
        ((None, 64),),
        built=True,
        forward=True,
        trained=True,
        saved=True,
        saved_as=".keras",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def verdict(display: str, kind: Verdict = Verdict.PROVED, **changes: object) -> FileVerdict:
    """Return the verdict of a file that need not exist."""
    made = FileVerdict(Path("/nowhere") / display, display, kind)
    return replace(made, **changes)  # type: ignore[arg-type]


def proof(*files: FileVerdict, against: bool = True, root: Path | None = None) -> VerifyReport:
    """Return a verification of a project in Keras 3."""
    return VerifyReport(
        "keras",
        3,
        root or Path("/nowhere/project"),
        ENVIRONMENT,
        files,
        12.5,
        ("keras",),
        ORIGINAL if against else None,
    )


def migrated(root: Path, files: dict[str, str], *, write: bool = True) -> Report:
    """Write files below a folder, and migrate them to Keras 3."""
    for display, text in files.items():
        path = root / display
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return kerasmigrate.migrate([root], to="keras", write=write, force=True)


def project(root: Path) -> tuple[VerifyReport, Report]:
    """Return a project with every kind of outcome: what running and what migrating it showed."""
    files = {
        "models/build.py": OLD,
        "models/two_towers.py": OLD.replace("Dropout(p=0.5)", "Dropout(0.5)"),
        "train.py": "from keras.models import load_model\n\nfrom models.build import build\n",
        "old_style.py": "from keras.layers import Dense\n\nprint 'hello'\n",
        "seq2seq.py": "from keras.layers import Recurrent\n\n\nclass Mine(Recurrent):\n    pass\n",
        "data.py": "from keras.datasets import mnist\n\n(x, y), _ = mnist.load_data()\n",
    }
    report = migrated(root, files)
    ran = OriginalRun("", Verdict.PROVED, models=1)
    verdicts = [
        verdict("data.py", Verdict.IMPORTED),
        verdict(
            "models/build.py",
            models=(model(where="models/build.py:7"),),
            comparisons=(equal(where="models/build.py:7"),),
            original=replace(ran, display="models/build.py"),
        ),
        verdict(
            "models/two_towers.py",
            models=(model("functional", "models/two_towers.py:9", class_name="Functional"),),
            comparisons=(different(where="models/two_towers.py:9"),),
            original=replace(ran, display="models/two_towers.py"),
        ),
        verdict("old_style.py", Verdict.SYNTAX_ERROR, cause="line 3: Missing parentheses"),
        verdict(
            "seq2seq.py",
            Verdict.KERAS_ERROR,
            cause="AttributeError: module 'keras.layers' has no attribute 'recurrent'",
            where="seq2seq.py:4",
            output="Traceback (most recent call last):\n  ...\nAttributeError: ...\n",
            original=OriginalRun("seq2seq.py", Verdict.USER_ERROR, "TypeError: no", "seq2seq.py:4"),
        ),
        verdict(
            "train.py",
            Verdict.NEEDS_ARGUMENTS,
            cause="give arguments: --build 'train.py:run(path)'",
            needs=("train.py:run(path)",),
            comparisons=(
                Comparison(Likeness.NOT_COMPARED, "the original needs a file", original_name="m"),
            ),
        ),
    ]
    return proof(*verdicts, root=root), report


def result(root: Path, display: str, before: str, after: str, *findings: Finding) -> FileResult:
    """Return what a migration made of a file that need not exist."""
    status = Status.UNCHANGED if before == after else Status.CHANGED
    return FileResult(root / display, display, status, before.encode(), after.encode(), findings)
