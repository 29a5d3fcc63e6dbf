"""Reports for code hosts: SARIF 2.1.0 and GitHub's workflow commands.

The SARIF document follows the OASIS standard "Static Analysis Results Interchange Format (SARIF)
Version 2.1.0"; the commands follow "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from kerasmigrate import rules
from kerasmigrate.findings import Finding, Report, Severity
from kerasmigrate.report import located, one_line
from kerasmigrate.rules import Rule, Safety

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def message(finding: Finding) -> str:
    """Return what a finding says, with its advice, in one line."""
    text = one_line(finding.message)
    if finding.fixed:
        return f"{text} (kerasmigrate apply fixes this)"
    return f"{text}: {one_line(finding.advice)}" if finding.advice else text


def _uri(display: str) -> str:
    return quote(display.encode("utf-8", "surrogateescape"), safe="/")


def _descriptor(rule: Rule) -> dict[str, Any]:
    fixes = "" if rule.safety is Safety.NONE else f" Fix: {rule.safety.value}."
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": f"{rule.summary}."},
        "fullDescription": {"text": f"{rule.why}{fixes}"},
        "help": {"text": f"kerasmigrate explain {rule.code}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _region(finding: Finding) -> dict[str, int]:
    region = {"startLine": max(finding.line, 1)}
    if finding.column:
        region["startColumn"] = finding.column
    if finding.end_line:
        region["endLine"] = finding.end_line
    if finding.end_column:
        region["endColumn"] = finding.end_column
    return region


def _place(display: str) -> dict[str, str]:
    return {"uri": _uri(display), "uriBaseId": "%SRCROOT%"}


def to_sarif(report: Report) -> dict[str, Any]:
    """Return a report as the values of a SARIF document."""
    from kerasmigrate import __version__

    found = list(located(report))
    known = rules.rules()
    used = sorted({finding.code for _, finding in found})
    descriptors = [_descriptor(known[code]) if code in known else {"id": code} for code in used]
    results = [
        {
            "ruleId": finding.code,
            "ruleIndex": used.index(finding.code),
            "level": _LEVELS[finding.severity],
            "message": {"text": message(finding)},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": _place(display),
                        "region": _region(finding),
                    }
                }
            ],
            "properties": {"confidence": finding.confidence.value, "fixable": finding.fixed},
        }
        for display, finding in found
    ]
    notifications = [
        {
            "level": "error",
            "message": {"text": one_line(reason)},
            "locations": [{"physicalLocation": {"artifactLocation": _place(path)}}],
        }
        for path, reason in report.problems
    ]
    invocation: dict[str, Any] = {"executionSuccessful": report.exit_code != 3}
    if notifications:
        invocation["toolExecutionNotifications"] = notifications
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kerasmigrate",
                        "version": __version__,
                        "rules": descriptors,
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [invocation],
                "results": results,
            }
        ],
    }


def to_sarif_json(report: Report) -> str:
    """Return a report as a SARIF document."""
    return json.dumps(to_sarif(report), indent=2) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def to_github(report: Report) -> str:
    """Return a report as annotations for a GitHub workflow, one command in a line."""
    rows = []
    for display, finding in located(report):
        properties = {"file": display, "line": str(max(finding.line, 1))}
        if finding.end_line:
            properties["endLine"] = str(finding.end_line)
        if finding.column:
            properties["col"] = str(finding.column)
        # GitHub refuses an end column unless the finding is on one line.
        if finding.end_column and finding.end_line == finding.line:
            properties["endColumn"] = str(finding.end_column)
        properties["title"] = finding.code
        rows.append(_command(_COMMANDS[finding.severity], properties, message(finding)))
    rows += [
        _command("error", {"file": path, "title": "kerasmigrate"}, one_line(reason))
        for path, reason in report.problems
    ]
    return "".join(f"{row}\n" for row in rows)


def _command(name: str, properties: dict[str, str], text: str) -> str:
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(text)}"
