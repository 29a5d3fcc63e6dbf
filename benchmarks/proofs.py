"""How many models of real repositories are proved equal after a migration.

    python benchmarks/proofs.py FOLDER... [--to keras --to tf_keras] [--json results.json]

Each folder (a project, or a git work tree) is copied; the copy is migrated in place, and verified
against what it was before, on the Keras that it was written for. Nothing of the folder is changed.
The table says how many files ran on their own Keras and built models there, how many of these
models the migrated code builds as well, and how many of those are equal, different, or could not
be compared; and whether the migration had a finding for each difference.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kerasmigrate.api import migrate, verify_paths
from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.verify.results import FileVerdict, Likeness, VerifyReport


@dataclass
class Row:
    """What came of one tree and one target.

    Attributes:
        originals: Files whose original built models that could be taken down.
        original_models: Those models.
        pairs: Models that both sides built.
        ran: Pairs of files that ran on both sides, so that a model is equal or not.
        reasons: Why models were not compared.
    """

    tree: str
    to: str
    keras: str = ""
    files: int = 0
    originals: int = 0
    original_models: int = 0
    pairs: int = 0
    equal: int = 0
    different: int = 0
    explained: int = 0
    not_compared: int = 0
    seconds: float = 0.0
    failed: str = ""
    reasons: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)

    @property
    def both(self) -> int:
        """Models that ran on both sides."""
        return self.equal + self.different


def prove(folder: Path, to: str, arguments: argparse.Namespace) -> Row:
    """Copy, migrate and verify one tree."""
    row = Row(folder.name, to)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kerasmigrate-proofs-") as scratch:
        place = Path(scratch)
        place.chmod(0o755)
        ignored = shutil.ignore_patterns(".git", "__pycache__")
        before, after = place / "before" / folder.name, place / "after" / folder.name
        shutil.copytree(folder, before, symlinks=True, ignore=ignored)
        shutil.copytree(before, after, symlinks=True)
        try:
            migrate([after], to, python2=True, write=True, force=True, jobs=arguments.jobs)
            report = verify_paths(
                [after],
                to,
                against=before,
                jobs=arguments.jobs,
                timeout=arguments.timeout,
                original=arguments.original,
            )
        except KerasMigrateError as error:
            row.failed = str(error)
            return row
        if arguments.reports:
            target = arguments.reports / f"{folder.name}.{to}.json"
            target.write_text(json.dumps(report.to_dict(), indent=1), encoding="utf-8")
    row.seconds = round(time.monotonic() - started, 1)
    fill(row, report)
    return row


def fill(row: Row, report: VerifyReport) -> None:
    """Count what a report says."""
    if report.original is not None:
        row.keras = f"{report.original.package} {report.original.version}"
    row.files = len(report.files)
    for file in report.files:
        _file(row, file)


def _file(row: Row, file: FileVerdict) -> None:
    run = file.original
    if run is None or not run.models:
        if run is not None and run.verdict.value not in ("imported", "proved"):
            row.reasons[f"original: {run.verdict.value}"] += 1
        return
    row.originals += 1
    row.original_models += run.models
    for each in file.comparisons:
        row.pairs += bool(each.name and each.original_name)
        if each.likeness is Likeness.EQUAL:
            row.equal += 1
        elif each.likeness is Likeness.DIFFERENT:
            row.different += 1
            row.explained += bool(each.explained_by)
            row.differences.append(
                {
                    "file": file.display,
                    "where": each.where,
                    "original_where": each.original_where,
                    "differences": [f"{one.claim}: {one.message}" for one in each.differences],
                    "explained_by": each.explained_by,
                }
            )
        else:
            row.not_compared += 1
            row.reasons[each.cause[:150]] += 1


COLUMNS = ("files", "originals", "original_models", "pairs", "equal", "different", "explained")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--to", action="append", choices=("keras", "tf.keras", "tf_keras"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=120.0)
    parser.add_argument("--original", help="as for kerasmigrate verify")
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--reports", type=Path, help="a folder for the whole reports")
    parser.add_argument("-v", "--verbose", action="store_true", help="name the differences")
    arguments = parser.parse_args()
    if arguments.reports:
        arguments.reports.mkdir(parents=True, exist_ok=True)
    print("| tree | to | original | " + " | ".join(COLUMNS) + " | not compared | s |")
    print("| --- " * (len(COLUMNS) + 5) + "|")
    rows = []
    for folder in arguments.folders:
        for to in arguments.to or ("keras", "tf_keras"):
            row = prove(folder, to, arguments)
            rows.append(row)
            _print(row, arguments.verbose)
    for to in dict.fromkeys(row.to for row in rows):
        _total([row for row in rows if row.to == to])
    if arguments.json:
        data = [{**vars(row), "reasons": dict(row.reasons)} for row in rows]
        arguments.json.write_text(json.dumps(data, indent=1), encoding="utf-8")


def _print(row: Row, verbose: bool) -> None:
    numbers = " | ".join(str(getattr(row, name)) for name in COLUMNS)
    print(
        f"| {row.tree} | {row.to} | {row.keras or row.failed} | {numbers} | {row.not_compared}"
        f" | {row.seconds:.0f} |",
        flush=True,
    )
    if verbose:
        for each in row.differences:
            print(f"  different: {each['file']} {each['where']}: {each['differences'][0]}")
            print(f"    explained by {', '.join(each['explained_by']) or 'nothing'}")
        for reason, count in row.reasons.most_common():
            print(f"  {count} x {reason}")
        sys.stdout.flush()


def _total(rows: list[Row]) -> None:
    both = sum(row.both for row in rows)
    equal = sum(row.equal for row in rows)
    explained = sum(row.explained for row in rows)
    share = f" ({equal / both:.1%})" if both else ""
    print(
        f"{rows[0].to}: {sum(row.original_models for row in rows)} models of"
        f" {sum(row.originals for row in rows)} files ran on their own Keras; {both} ran on both"
        f" sides, {equal} of them are equal{share}; {explained} of {both - equal} differences are"
        " explained by a finding"
    )


if __name__ == "__main__":
    main()
