"""``python -m kerasmigrate.coverage`` writes docs/coverage; ``--check`` tells what is stale."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from kerasmigrate.coverage import pages
from kerasmigrate.coverage.judge import Entry, Verdict


def main(arguments: Sequence[str], folder: Path = pages.FOLDER) -> int:
    """Write the pages, or with ``--check`` name the stale ones; return the exit code.

    What is unknown goes to the standard error, and makes the exit code 1.
    """
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m kerasmigrate.coverage [--check]", file=sys.stderr)
        return 2
    pairs = pages.accounts()
    unknown = [
        f"{source.inventory} to {aim.name}: {described(each)}"
        for source, aim, entries in pairs
        for each in entries
        if each.verdict is Verdict.UNKNOWN
    ]
    for line in unknown:
        print(line, file=sys.stderr)
    wanted = pages.pages(pairs)
    old = []
    if arguments:
        old = pages.stale(wanted, folder)
        for name in old:
            print(f"{folder / name}: stale; run python -m kerasmigrate.coverage", file=sys.stderr)
    else:
        pages.write(wanted, folder)
    return 1 if old or unknown else 0


def described(entry: Entry) -> str:
    """Return an entry that is unknown in one line."""
    parameter = f" {entry.parameter}=" if entry.parameter else ""
    return f"{entry.kind} {entry.path}{parameter}: {entry.reason}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
