"""What the models of the gallery compute before and after, as a table.

    python benchmarks/gallery.py [--write] [MODEL...]

Each model of ``tests/fixtures/gallery`` is built on the Keras that it was written for, migrated,
given the weights of the original, and compared. ``--write`` writes ``docs/proofs/gallery.md``;
without it the page goes to the standard output. Where models are named, the rows of the others are
those of the page as it is. All take some minutes. It needs TensorFlow, and downloads the old
versions of Keras where ``kerasmigrate originals`` has not.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "proofs" / "gallery.md"
HEAD = """# The gallery

Models of our own writing for Keras 1.2.2, 2.2.4 and 2.3.1, each built on the Keras that it was
written for, migrated to `tf_keras` and to `keras`, and given the weights and the inputs of the
original. This page is written by `python benchmarks/gallery.py --write`; the test that runs them
all is `tests/test_gallery.py`, and `tests/fixtures/gallery` has the code.

In a cell: the largest difference of the outputs · of the loss · of the norm of the gradients · of a
weight after one training step. A dash: the original draws random numbers when it is trained, so
that its step cannot be compared. Everything was computed in `float32` on a CPU, with {versions}.
"""
COLUMNS = ("model", "what it shows", "original", "parameters", "to `tf_keras`", "to `keras`")


def main() -> int:
    """Measure all models, and print or write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/proofs/gallery.md")
    parser.add_argument("models", nargs="*", help="measure only these")
    options = parser.parse_args()
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.path.insert(0, str(ROOT / "tests"))
    text = page(options.models)
    failed = "**unexplained" in text
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 1 if failed else 0


def page(chosen: list[str]) -> str:
    """Measure models, all of them where none is chosen; returns the page."""
    gallery = importlib.import_module("exhibits")
    packages = {"Keras": "keras", "tf_keras": "tf_keras", "TensorFlow": "tensorflow"}
    versions = [f"{name} {version(package)}" for name, package in packages.items()]
    lines = [HEAD.format(versions=", ".join(versions))]
    lines += [_row(COLUMNS), _row(("---",) * len(COLUMNS))]
    models = gallery.models()
    reasons = _reasons(gallery)
    kept = _rows() if chosen else {}
    for name, (file, _) in models.items():
        if name not in kept or name in chosen:
            cells = [_cell(gallery, name, to, reasons) for to in gallery.TARGETS]
            parameters = str(gallery.original(name)["parameters"])
            about = (f"`{name}`", gallery.title(name), gallery.version(file), parameters)
            kept[name] = _row((*about, *cells))
            print(kept[name], file=sys.stderr)
        lines.append(kept[name])
    if reasons:
        lines += ["", "## What differs, and why", ""]
        lines += [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return "\n".join(lines) + "\n"


def _rows() -> dict[str, str]:
    """Return the rows of the page as it is, by model."""
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    return {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}


def _reasons(gallery: Any) -> list[str]:
    """Return why models differ, in the order of the page."""
    found = [gallery.known(name, to) for name in gallery.models() for to in gallery.TARGETS]
    return list(dict.fromkeys(_reason(each) for each in found if each is not None))


def _reason(known: Any) -> str:
    text = str(known.reason[0].upper() + known.reason[1:])
    return f"{text} ({known.code})." if known.code else f"{text}."


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(gallery: Any, name: str, to: str, reasons: list[str]) -> str:
    file, _ = gallery.models()[name]
    if (file, to) in gallery.REPORTED:
        return "reported: " + ", ".join(dict.fromkeys(gallery.REPORTED[file, to]))
    with tempfile.TemporaryDirectory() as folder:
        code = gallery.migrated(file, to, Path(folder)).after.decode("utf-8")
    found = gallery.proof(name, to, code)
    pairs = (found.loss, found.gradient_norm)
    numbers = [found.largest, *(None if pair is None else abs(pair[0] - pair[1]) for pair in pairs)]
    cell = " · ".join("-" if each is None else f"{each:.1g}" for each in (*numbers, found.step))
    exception = gallery.known(name, to)
    if exception is None:
        claims = ", ".join(each.claim for each in found.differences)
        return f"{cell} **unexplained: {claims}**" if claims else cell
    return f"{cell} ({reasons.index(_reason(exception)) + 1})"


if __name__ == "__main__":
    sys.exit(main())
