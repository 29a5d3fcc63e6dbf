"""The models of ``fixtures/gallery``: on the Keras that they were written for, and migrated.

A file is named after the version that it is for (``k1_`` 1.2.2, ``k2_`` 2.2.4, ``k23_`` 2.3.1), and
each function in it whose name begins with ``build`` makes a model: ``k1_losses`` is that of
``build()``, and ``k1_losses.poisson`` that of ``build_poisson()``.
"""

from __future__ import annotations

import ast
import importlib
import shutil
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from originals import run_original

from kerasmigrate.api import FileResult, migrate
from kerasmigrate.verify.worker.comparing import Compared, compare

GALLERY = Path(__file__).parent / "fixtures" / "gallery"
VERSIONS = {"k1": "1.2.2", "k2": "2.2.4", "k23": "2.3.1"}
TARGETS = ("tf_keras", "keras")


class Known(NamedTuple):
    """A difference that no migration takes away, or that it reports.

    Attributes:
        differences: (claim, what the name of the layer begins with).
        code: Of the finding that says so; empty where there is none, and why not is in the reason.
    """

    differences: tuple[tuple[str, str], ...]
    code: str
    reason: str


_FIRST_BATCH = Known(
    (("step", "batch_normalization"),),
    "",
    "from 2.1.3 to 2.2 the first batch alone made the moving averages of a BatchNormalization",
)
_VARIANCE = Known(
    (("step", "batch_normalization"),),
    "",
    "the moving variance is that of the batch in one version, and an estimate in the other",
)
_FROZEN = Known(
    (("gradients", ""), ("step", "")),
    "KM635",
    "a frozen BatchNormalization normalized by the batch in training, and does no more",
)
_JUDGE = Known(
    (("gradients", "dense"), ("step", "dense")),
    "KM620",
    "Keras 3 asks what is trainable when training starts, which is in another file here",
)
_COSINE = Known(
    (("loss", ""), ("gradients", ""), ("step", "dense")),
    "KM634",
    "the mean over the last axis became its sum",
)
_ACTIVITY = Known(
    (("loss", ""), ("gradients", "")),
    "KM629",
    "the penalty of an activity is divided by the batch size now",
)
_ROOT = Known(
    (("step", ""),), "KM637", "RMSprop adds epsilon before it takes the root, and added it after"
)
_DEFAULT_ROOT = Known(
    (("step", ""),),
    "KM600",
    "the square that stands for the epsilon of RMSprop is next to it, but not the same, where"
    " gradients are next to nothing",
)
_NADAM = Known(
    (("step", "dense"),), "KM639", "Nadam of tf_keras multiplies its schedule anew for each weight"
)
_BILINEAR = Known(
    (("outputs", "up_sampling2d"), ("loss", ""), ("gradients", "")),
    "KM638",
    "bilinear resizing counted from the corners of pixels, and counts from their centres",
)
_MASKS = Known(
    (("outputs", "time_distributed"), ("loss", ""), ("gradients", "")),
    "KM640",
    "TimeDistributed of Keras 3 makes no mask of the Embedding in it",
)
#: Model -> what is known of it for both targets; (model, target) -> for one.
KNOWN: dict[str | tuple[str, str], Known] = {
    "k1_duel": _ROOT,
    "k1_losses.cosine": _COSINE,
    "k1_noise": _ACTIVITY,
    "k2_nested": _FROZEN,
    "k2_residual": _FIRST_BATCH,
    "k2_smooth": _BILINEAR,
    "k2_subclass": _FIRST_BATCH,
    "k2_translate": _DEFAULT_ROOT,
    "k23_regression": _VARIANCE,
    ("k1_judge", "keras"): _JUDGE,
    ("k1_normal", "tf_keras"): _VARIANCE,
    ("k1_optimizers.nadam", "tf_keras"): _NADAM,
    ("k2_tables", "keras"): _MASKS,
}
#: Files that the target cannot run before a person has followed the findings.
REPORTED: dict[tuple[str, str], list[str]] = {
    ("k1_questions", "keras"): ["KM103", "KM211"],
    ("k1_questions", "tf_keras"): ["KM103", "KM211"],
}
#: Findings that stay open: in order in these models, or what ``KNOWN`` has of them.
OPEN: dict[str | tuple[str, str], list[str]] = {
    "k1_autoencoder": ["KM204"],
    "k1_noise": ["KM629"],
    "k1_sequences": ["KM605"],
    ("k1_judge", "keras"): ["KM620"],
    ("k2_tables", "keras"): ["KM640"],
}


@cache
def models() -> dict[str, tuple[str, str]]:
    """Return for each model its file, without the suffix, and the function that builds it."""
    found = {}
    for path in sorted(GALLERY.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("build"):
                name = path.stem + node.name.removeprefix("build").replace("_", ".", 1)
                found[name] = path.stem, node.name
    return found


def title(name: str) -> str:
    """Return what a model shows: the first line of its function's or its file's description."""
    file, function = models()[name]
    tree = ast.parse((GALLERY / f"{file}.py").read_text(encoding="utf-8"))
    (node,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    text = ast.get_docstring(node) or ast.get_docstring(tree) or ""
    return text.splitlines()[0].rstrip(".")


def version(file: str) -> str:
    """Return the version of Keras that a file is for."""
    return VERSIONS[file.partition("_")[0]]


_TAKE = """
import keras
from kerasmigrate_verify_worker import portrait
results.update(portrait.take(keras, {}()))
"""


@cache
def original(name: str) -> dict[str, Any]:
    """Return the portrait of a model, from the Keras that it was written for."""
    file, function = models()[name]
    code = (GALLERY / f"{file}.py").read_text(encoding="utf-8")
    return run_original(version(file), code + _TAKE.format(function))


def migrated(file: str, to: str, folder: Path) -> FileResult:
    """Migrate a file in a project that says which Keras it needs."""
    (folder / "requirements.txt").write_text(f"keras=={version(file)}\n", encoding="utf-8")
    shutil.copy(GALLERY / f"{file}.py", folder)
    (result,) = migrate([folder], to).files
    return result


def proof(name: str, to: str, code: str) -> Compared:
    """Build the model of a migrated text, and compare it."""
    file, function = models()[name]
    keras = importlib.import_module(to)
    keras.backend.clear_session()
    space: dict[str, Any] = {"__name__": f"gallery_{file}"}
    exec(compile(code, f"{file}.py", "exec"), space)
    return compare(keras, original(name), space[function]())


def left_open(file: str, to: str) -> list[str]:
    """Return the findings that stay open in a file."""
    return OPEN.get(file) or OPEN.get((file, to), [])


def known(name: str, to: str) -> Known | None:
    """Return what is known to differ."""
    return KNOWN.get(name) or KNOWN.get((name, to))
