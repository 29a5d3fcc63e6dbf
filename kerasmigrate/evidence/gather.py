"""Bring together what a migration and a verification have to say of the same files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasmigrate.errors import SourceError
from kerasmigrate.evidence.changes import FileChange, compare
from kerasmigrate.findings import FileResult, Finding, Report, Severity, Status
from kerasmigrate.source import read_bytes
from kerasmigrate.verify.results import PROOF, FileVerdict, Likeness, VerifyReport


@dataclass(frozen=True)
class FileEvidence:
    """All that is known of one file.

    Attributes:
        display: Its path relative to the root.
        verdict: What running it showed; None where it was not run.
        change: What became of its text; None where the text before is not known.
        error: Why it was not migrated; empty when it was.
        pending: The migration would change it, and it is as it was.
        across: Findings that concern it together with other files.
    """

    display: str
    verdict: FileVerdict | None = None
    change: FileChange | None = None
    error: str = ""
    pending: bool = False
    across: tuple[Finding, ...] = ()

    @property
    def changed(self) -> bool:
        """Its text is another one than before."""
        return self.change is not None and bool(self.change.added or self.change.removed)

    @property
    def proved(self) -> bool:
        """It was run, and that is a proof."""
        return self.verdict is not None and self.verdict.verdict in PROOF

    @property
    def left(self) -> tuple[Finding, ...]:
        """Findings that are left for a person and matter to how the code runs."""
        return tuple(each for each in self.notes if each.severity is not Severity.INFO)

    @property
    def notes(self) -> tuple[Finding, ...]:
        """Findings that were not fixed."""
        if self.change is None:
            return self.across
        notes = (
            note for hunk in self.change.hunks for each in hunk.notes.values() for note in each
        )
        return (*self.change.whole, *notes, *self.across)

    def count(self, likeness: Likeness) -> int:
        """How many of its models compare like that with the original's."""
        comparisons = self.verdict.comparisons if self.verdict is not None else ()
        return sum(each.likeness is likeness for each in comparisons)


@dataclass(frozen=True)
class Evidence:
    """What a page of evidence shows.

    Attributes:
        migration: What the migration did; None where the text before is not known.
        files: Those that were run or changed, or that something is to be said of.
    """

    proof: VerifyReport
    migration: Report | None
    files: tuple[FileEvidence, ...]


def gather(
    proof: VerifyReport,
    migration: Report | None = None,
    tree: Path | None = None,
    base: Path | None = None,
) -> Evidence:
    """Match the files of a verification with those of the migration.

    Args:
        proof: Of the migrated tree.
        migration: Of the same tree, or of the original tree, written or not.
        tree: The root of the tree that was migrated; it need not be there any more. That of the
            proof by default.
        base: The folder of the verified tree that ``tree`` is the original of; its root by default.
    """
    base = base or proof.root
    results = _by_path(migration, tree or proof.root) if migration is not None else {}
    across: dict[str, list[Finding]] = {}
    for display, finding in migration.project_findings if migration is not None else ():
        across.setdefault(display, []).append(finding)
    files = []
    for verdict in proof.files:
        now = proof.root / verdict.display
        before = verdict.original.display if verdict.original is not None else _below(now, base)
        files.append(_file(verdict.display, verdict, results.pop(before, None), now, across))
    for display, result in results.items():
        if result.status in (Status.CHANGED, Status.FAILED) or result.findings:
            now = base / display
            files.append(_file(_below(now, proof.root), None, result, now, across))
    return Evidence(proof, migration, tuple(files))


def _by_path(migration: Report, tree: Path) -> dict[str, FileResult]:
    real = Path(os.path.realpath(tree))
    return {_below(Path(os.path.realpath(file.path)), real): file for file in migration.files}


def _below(path: Path, root: Path) -> str:
    """Return a path relative to a root."""
    return Path(os.path.relpath(path, root)).as_posix()


def _file(
    display: str,
    verdict: FileVerdict | None,
    result: FileResult | None,
    now: Path,
    across: Mapping[str, list[Finding]],
) -> FileEvidence:
    if result is None:
        return FileEvidence(display, verdict)
    after = _now(now, result)
    pending = after == result.before != result.after
    findings = result.findings
    if pending:
        findings = tuple(each for each in findings if not each.fixed)
    return FileEvidence(
        display,
        verdict,
        compare(result.before, after, findings, result.after),
        result.error,
        pending,
        tuple(across.get(result.display, ())),
    )


def _now(path: Path, result: FileResult) -> bytes:
    """Return the text that was verified: what is there; else what the migration proposed."""
    try:
        return read_bytes(path)
    except SourceError:
        return result.after
