"""Evidence for a reviewer: what changed and why, and what running it showed, as one HTML page."""

from __future__ import annotations

from pathlib import Path

from kerasmigrate.errors import WriteError
from kerasmigrate.evidence.before import Before, before
from kerasmigrate.evidence.gather import Evidence, FileEvidence, gather
from kerasmigrate.evidence.page import render
from kerasmigrate.findings import Report
from kerasmigrate.verify.results import VerifyReport

__all__ = [
    "Before",
    "Evidence",
    "FileEvidence",
    "before",
    "gather",
    "render",
    "to_html",
    "write_html",
]


def to_html(proof: VerifyReport, migration: Report | Before | None = None) -> str:
    """Return the page of evidence.

    Args:
        proof: What running the migrated tree showed.
        migration: What the migration did, for the diffs: the report of `kerasmigrate.migrate` on
            that tree, or what `before` makes of the original one. Without it there are none.
    """
    if isinstance(migration, Before):
        return render(gather(proof, migration.report, migration.tree, migration.base))
    return render(gather(proof, migration))


def write_html(path: Path, proof: VerifyReport, migration: Report | Before | None = None) -> None:
    """Write the page of evidence to a file; the arguments are those of `to_html`.

    Raises:
        WriteError: The file cannot be written.
    """
    page = to_html(proof, migration)
    try:
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}") from error
