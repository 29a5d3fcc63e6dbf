"""What changed in silence between the Kerases, in numbers, as a page.

    python benchmarks/silent.py [--write]

Each row of ``tests/silent_rows.py`` is run on the Keras that it is for, and on those of today: once
with the rules that speak of it left out, and once migrated. ``--write`` writes
``docs/silent-changes.md``; without it the page goes to the standard output. It needs TensorFlow,
and downloads the old versions of Keras where ``kerasmigrate originals`` has not.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kerasmigrate.rules import rules

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "silent-changes.md"
HEAD = """# What changed in silence

Code that runs on without an error and means something else is the worst that a new version can
bring. This page lists what we know of it, with the rule that converts or reports it, and what a
few lines of code compute: in the Keras that they are for, in the Kerases of today if these rules
leave them alone, and migrated. Where the last two columns are not the old numbers the rule only
reports. What "fails" raises an error there, and is silent in the other target or with other
arguments; a dash means that nothing is run, or that the target has the old meaning. Numbers are
rounded to three digits, and of many the first four stand.

It is written by `python benchmarks/silent.py --write`; the code of each row is in
`tests/silent_rows.py`, and `tests/test_silent_changes.py` runs it and compares the numbers with
those of this page. Computed with {versions}.
"""
COLUMNS = (
    "what",
    "rules",
    "Keras",
    "computed",
    "`tf_keras`, left alone",
    "`keras`, left alone",
    "`tf_keras`, migrated",
    "`keras`, migrated",
)
TAIL = """
What has no row, and why:

* What changes the numbers in the fifth digit alone: the epsilon of Adam and its like, 1e-8 and now
  1e-7, which `KM600` writes out where the version is certain.
* How LSTM and GRU of Keras 1 began, which matters to fresh training only: see `KM600`.
* The type of `to_categorical()`: float64 in Keras 1 and 2.0, float32 from 2.2 to tf_keras, float64
  in Keras 3 when it is given an array. Models cast it to their own type: losses are the same.
* What only prints or draws: `predict()` shows a progress bar since tf.keras, where `verbose=0`
  keeps it quiet. Nobody computes with it, and the argument would be in every diff.
"""


def main() -> int:
    """Measure all rows, and print or write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/silent-changes.md")
    options = parser.parse_args()
    os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.path.insert(0, str(ROOT / "tests"))
    silent = importlib.import_module("silent_rows")
    packages = {"Keras": "keras", "tf_keras": "tf_keras", "TensorFlow": "tensorflow"}
    versions = [f"{name} {version(package)}" for name, package in packages.items()]
    lines = [HEAD.format(versions=", ".join(versions)), _row(COLUMNS), _row(("---",) * 8)]
    for row in silent.ROWS:
        lines.append(_row(_cells(silent, row)))
        print(lines[-1], file=sys.stderr)
    text = "\n".join(lines) + "\n" + TAIL
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


def _cells(silent: Any, row: Any) -> tuple[str, ...]:
    links = [f"[{code}](rules/{code}-{rules()[code].name}.md)" for code in row.codes]
    head = (row.name, ", ".join(links), row.ran or "-")
    if not row.ran:
        tests = ", ".join(f"see `{each.partition('::')[0]}`" for each in row.also)
        return (*head, tests or "-", *("-",) * 4)
    targets = ("tf_keras", "keras")
    alone = [silent.cell(silent.left_alone(row, to)) for to in targets]
    after = [
        silent.cell(silent.run(row.migrated(to).text)) if to in row.targets else "-"
        for to in targets
    ]
    return (*head, silent.cell(row.before()), *alone, *after)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
