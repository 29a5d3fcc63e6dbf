"""Findings: what a rule saw, whether it was fixed, and what is left for a person.

One model feeds the terminal, JSON, SARIF and the library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

#: Code of the finding that says that a rule failed on a file.
RULE_FAILED = "KM002"


class Severity(str, Enum):
    """What happens if nobody acts."""

    ERROR = "error"  #: the code fails on the target
    WARNING = "warning"  #: the code runs but may mean something else
    INFO = "info"  #: worth knowing; nothing breaks


class Confidence(str, Enum):
    """How sure kerasmigrate is of what it saw."""

    CERTAIN = "certain"  #: resolved by name, bound by signature
    LIKELY = "likely"  #: inferred from how the code uses a value
    UNSURE = "unsure"  #: cannot be told from the source; never edited


@dataclass(frozen=True)
class Finding:
    """One place in one file that a rule has something to say about.

    Attributes:
        code: Rule code, such as ``KM101``.
        message: What is there, in one line.
        advice: What to do about it; empty when it was fixed.
        line: First line, counted from 1; 0 means the whole file.
        column: First column, counted from 1.
        fixed: True when the proposed text no longer has it.
    """

    code: str
    message: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    severity: Severity = Severity.ERROR
    confidence: Confidence = Confidence.CERTAIN
    fixed: bool = False
    advice: str = ""


class Status(str, Enum):
    """What became of a file."""

    SKIPPED = "skipped"  #: does not speak of Keras; read, not parsed
    UNCHANGED = "unchanged"  #: nothing to edit
    CHANGED = "changed"  #: a new text is proposed or written
    FAILED = "failed"  #: could not be processed; left as it is


@dataclass(frozen=True)
class FileResult:
    """What was found in one file, and the text proposed for it.

    Attributes:
        path: Absolute path; for text without a file, the name that the caller gave.
        display: The path as it is shown: relative, with forward slashes.
        before: The bytes as read.
        after: The bytes proposed; the same object as ``before`` unless ``status`` is CHANGED.
        error: One line; set if and only if ``status`` is FAILED.
    """

    path: Path
    display: str
    status: Status
    before: bytes = b""
    after: bytes = b""
    findings: tuple[Finding, ...] = ()
    error: str = ""

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """Findings that are left for a person and matter to how the code runs."""
        return tuple(f for f in self.findings if not f.fixed and f.severity is not Severity.INFO)


@dataclass(frozen=True)
class Report:
    """The outcome of one run over many files."""

    target: str
    files: tuple[FileResult, ...] = ()
    #: Paths that were named but could not be walked or read, each with its one-line reason.
    problems: tuple[tuple[str, str], ...] = ()
    #: Findings that belong to several files at once (mixed flavours), keyed by display path.
    project_findings: tuple[tuple[str, Finding], ...] = field(default=())

    @property
    def changed(self) -> tuple[FileResult, ...]:
        """Files with a proposed new text."""
        return tuple(f for f in self.files if f.status is Status.CHANGED)

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """Files that could not be processed."""
        return tuple(f for f in self.files if f.status is Status.FAILED)

    @property
    def incomplete(self) -> bool:
        """Whether a path, a file or, on some file, a rule could not be processed."""
        return bool(self.failed or self.problems) or any(
            finding.code == RULE_FAILED for file in self.files for finding in file.findings
        )

    @property
    def exit_code(self) -> int:
        """3 when the run is `incomplete`, 1 when there are changes or open findings, else 0."""
        if self.incomplete:
            return 3
        if self.changed or any(f.open_findings for f in self.files) or self.project_findings:
            return 1
        return 0
