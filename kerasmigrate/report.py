"""What a run has to say: as text for people, and as JSON.

All formats are made from one `Report`. :mod:`kerasmigrate.sarif` has the ones for code hosts.

The text has one finding in a line, ``path:line:column: CODE message``, and stays so. What follows
is ``[fixed]`` (``[fixable]`` when nothing was written) for what kerasmigrate edits itself,
``[info]`` for what breaks nothing, and ``-> advice`` for what is left to a person.

The JSON document is an object; new keys may appear, and `SCHEMA_VERSION` grows when an old one
changes its meaning:

==================  ================================================================================
``schema``          `SCHEMA_VERSION`
``version``         of kerasmigrate
``target``          flavour aimed at: ``keras``, ``tf.keras`` or ``tf_keras``
``exit_code``       what the report alone amounts to: 0, 1 or 3
``summary``         numbers of files: ``read``, ``changed``, ``untouched``, ``failed``; numbers of
                    findings: ``fixed``, ``open``; and ``rules``: code -> ``fixed``, ``open``,
                    ``info``
``files``           ``path``, ``status`` (``skipped``, ``unchanged``, ``changed``, ``failed``),
                    ``error`` (one line or null) and ``findings`` of each file that has any of
                    these to tell; skipped and unchanged files without findings are left out
``problems``        ``path`` and ``reason`` of each argument that could not be searched
``findings``        in a file and, below ``project``, across files: ``code``, ``name`` of the rule,
                    ``message``, ``advice``, ``line``, ``column``, ``end_line``, ``end_column``
                    (from 1; 0 is the whole file), ``severity`` (``error``, ``warning``, ``info``),
                    ``confidence`` (``certain``, ``likely``, ``unsure``), ``fixed``
``project``         findings across files, each with its ``path``
==================  ================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kerasmigrate import rules
from kerasmigrate.files import printable
from kerasmigrate.findings import FileResult, Finding, Report, Severity, Status

SCHEMA_VERSION = 1

#: Findings listed in a summary, above which the rest is only counted.
LISTED = 50


@dataclass
class Count:
    """How many findings a rule has."""

    fixed: int = 0
    open: int = 0
    info: int = 0

    def add(self, finding: Finding) -> None:
        """Count one more."""
        if finding.fixed:
            self.fixed += 1
        elif finding.severity is Severity.INFO:
            self.info += 1
        else:
            self.open += 1


def located(report: Report) -> Iterator[tuple[str, Finding]]:
    """Yield every finding with the path of its file, in the order of the files and lines."""
    across: dict[str, list[Finding]] = {}
    for display, finding in report.project_findings:
        across.setdefault(display, []).append(finding)
    for file in report.files:
        found = (*file.findings, *across.pop(file.display, ()))
        for finding in sorted(found, key=lambda each: (each.line, each.column)):
            yield file.display, finding
    for display, others in across.items():
        for finding in others:
            yield display, finding


def by_rule(report: Report) -> dict[str, Count]:
    """Count the findings by the code of their rule, in the order of the codes."""
    counts: dict[str, Count] = {}
    for _, finding in located(report):
        counts.setdefault(finding.code, Count()).add(finding)
    return dict(sorted(counts.items()))


def rule_name(code: str) -> str:
    """Return the name of a rule; empty for a code that no installed transform knows."""
    rule = rules.rules().get(code)
    return rule.name if rule is not None else ""


def one_line(text: str) -> str:
    """Return a message on one line that a terminal shows as it is."""
    return printable(" ".join(text.split()))


def line(display: str, finding: Finding, *, written: bool = True) -> str:
    """Return one finding as a line of text.

    Args:
        display: Path of the file.
        finding: What was found.
        written: The edits were written; otherwise what is ``fixed`` is called fixable.
    """
    place = f"{printable(display)}:{max(finding.line, 1)}:{max(finding.column, 1)}"
    text = f"{place}: {finding.code} {one_line(finding.message)}"
    if finding.fixed:
        return f"{text} {'[fixed]' if written else '[fixable]'}"
    mark = " [info]" if finding.severity is Severity.INFO else ""
    return f"{text}{mark}{_advice(finding)}"


def _advice(finding: Finding) -> str:
    return f" -> {one_line(finding.advice)}" if finding.advice else ""


def text(report: Report, *, written: bool = True) -> str:
    """Return every finding and every problem, one in a line."""
    rows = [line(display, finding, written=written) for display, finding in located(report)]
    rows += [f"{printable(path)}: {one_line(reason)}" for path, reason in report.problems]
    return "".join(f"{row}\n" for row in rows)


def _is_left(file: FileResult, finding: Finding) -> bool:
    return file.status is not Status.FAILED and finding in file.open_findings


def left(report: Report) -> list[tuple[str, Finding]]:
    """Return what is left for a person: open findings of files that could be processed."""
    found = [
        (file.display, finding)
        for file in report.files
        for finding in file.findings
        if _is_left(file, finding)
    ]
    return [*found, *report.project_findings]


def summary(
    report: Report, *, written: bool = True, limit: int | None = LISTED, listed: bool = True
) -> str:
    """Return the end of a run in text: numbers, findings by rule, what is left for a person.

    Args:
        report: The outcome.
        written: The edits were written, not only proposed.
        limit: Findings to list before the rest is counted; None lists all.
        listed: List what is left; False when the findings have been shown already.
    """
    changed, failed = len(report.changed), len(report.failed)
    untouched = len(report.files) - changed - failed
    verb = "changed" if written else "would change"
    rows = [
        f"{_plural(len(report.files), 'file')} read for {report.target}: {changed} {verb},"
        f" {untouched} untouched, {failed} failed"
    ]
    for code, count in by_rule(report).items():
        numbers = [
            f"{number} {label}"
            for number, label in (
                (count.fixed, "fixed" if written else "fixable"),
                (count.open, "open"),
                (count.info, "info"),
            )
            if number
        ]
        rows.append(f"  {code} {rule_name(code):<28} {', '.join(numbers)}".rstrip())
    todo = left(report) if listed else []
    if todo:
        rows.append(f"left for you ({len(todo)}):")
        for display, finding in todo[:limit]:
            place = f"{printable(display)}:{max(finding.line, 1)}"
            rows.append(f"  {place}: {finding.code} {one_line(finding.message)}{_advice(finding)}")
        if limit is not None and len(todo) > limit:
            rows.append(f"  ... and {len(todo) - limit} more; -v lists all")
    broken = [(file.display, file.error) for file in report.failed] + list(report.problems)
    if broken:
        rows.append(f"not processed ({len(broken)}), left as they are:")
        rows += [f"  {printable(display)}: {one_line(reason)}" for display, reason in broken]
    return "".join(f"{row}\n" for row in rows)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": rule_name(finding.code),
        "message": finding.message,
        "advice": finding.advice,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "fixed": finding.fixed,
    }


def to_dict(report: Report) -> dict[str, Any]:
    """Return a report as the values of the JSON document."""
    from kerasmigrate import __version__

    counts = by_rule(report)
    changed, failed = len(report.changed), len(report.failed)
    return {
        "schema": SCHEMA_VERSION,
        "version": __version__,
        "target": report.target,
        "exit_code": report.exit_code,
        "summary": {
            "read": len(report.files),
            "changed": changed,
            "untouched": len(report.files) - changed - failed,
            "failed": failed,
            "fixed": sum(count.fixed for count in counts.values()),
            "open": sum(count.open for count in counts.values()),
            "rules": {
                code: {"fixed": count.fixed, "open": count.open, "info": count.info}
                for code, count in counts.items()
            },
        },
        "files": [
            {
                "path": printable(file.display),
                "status": file.status.value,
                "error": file.error or None,
                "findings": [_finding(finding) for finding in file.findings],
            }
            for file in report.files
            if file.findings or file.status in (Status.CHANGED, Status.FAILED)
        ],
        "project": [
            {"path": printable(display), **_finding(finding)}
            for display, finding in report.project_findings
        ],
        "problems": [
            {"path": printable(path), "reason": reason} for path, reason in report.problems
        ],
    }


def to_json(report: Report) -> str:
    """Return a report as a JSON document."""
    return json.dumps(to_dict(report), indent=2, ensure_ascii=False) + "\n"
