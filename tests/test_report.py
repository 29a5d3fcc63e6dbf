from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kerasmigrate import __version__, report, sarif
from kerasmigrate.findings import Confidence, FileResult, Finding, Report, Severity, Status

FIXED = Finding("KM101", "old home", 1, 1, 1, 36, fixed=True)
OPEN = Finding("KM103", "keras.Gone does not exist", 3, 5, 4, 2, advice="write it by hand")
WARNING = Finding("KM107", "may be 50%, or\nmore", 9, 1, severity=Severity.WARNING)
INFO = Finding("KM104", "star stays", 2, 1, 2, 9, Severity.INFO, Confidence.LIKELY)
BROKEN = Finding("KM001", "line 7: invalid syntax", 7, advice="left as it is")
MIXED = Finding("KM003", "mixes", 1, 1, advice="move it")

CHANGED_FILE = FileResult(
    Path("/p/a.py"), "a.py", Status.CHANGED, b"1", b"2", (FIXED, INFO, OPEN, WARNING)
)
FAILED_FILE = FileResult(
    Path("/p/b c.py"), "b c.py", Status.FAILED, b"x", b"x", (BROKEN,), "line 7: invalid syntax"
)
SKIPPED_FILE = FileResult(Path("/p/d.py"), "d.py", Status.SKIPPED)
REPORT = Report(
    "keras",
    (CHANGED_FILE, FAILED_FILE, SKIPPED_FILE),
    (("gone", "does not exist"),),
    (("a.py", MIXED),),
)
EMPTY = Report("tf.keras")


def test_text() -> None:
    assert report.text(REPORT) == (
        "a.py:1:1: KM101 old home [fixed]\n"
        "a.py:1:1: KM003 mixes -> move it\n"
        "a.py:2:1: KM104 star stays [info]\n"
        "a.py:3:5: KM103 keras.Gone does not exist -> write it by hand\n"
        "a.py:9:1: KM107 may be 50%, or more\n"
        "b c.py:7:1: KM001 line 7: invalid syntax -> left as it is\n"
        "gone: does not exist\n"
    )
    assert report.text(REPORT, written=False).startswith("a.py:1:1: KM101 old home [fixable]\n")
    assert report.text(EMPTY) == ""


def test_a_finding_on_the_whole_file_points_at_its_start() -> None:
    assert report.line("a.py", Finding("KM001", "NUL byte")) == "a.py:1:1: KM001 NUL byte"


def test_nothing_in_a_message_reaches_the_terminal_as_a_command() -> None:
    finding = Finding("KM001", "\x1b[31mred\x07", 1, 1)
    assert report.line("a\x1b.py", finding) == r"a\x1b.py:1:1: KM001 \x1b[31mred\x07"


def test_summary() -> None:
    assert report.summary(REPORT) == (
        "3 files read for keras: 1 changed, 1 untouched, 1 failed\n"
        "  KM001 cannot-parse                 1 open\n"
        "  KM003 mixed-flavours               1 open\n"
        "  KM101 import                       1 fixed\n"
        "  KM103 name-is-gone                 1 open\n"
        "  KM104 star-import                  1 info\n"
        "  KM107 ambiguous-name               1 open\n"
        "left for you (3):\n"
        "  a.py:3: KM103 keras.Gone does not exist -> write it by hand\n"
        "  a.py:9: KM107 may be 50%, or more\n"
        "  a.py:1: KM003 mixes -> move it\n"
        "not processed (2), left as they are:\n"
        "  b c.py: line 7: invalid syntax\n"
        "  gone: does not exist\n"
    )
    assert report.summary(EMPTY, written=False) == (
        "0 files read for tf.keras: 0 would change, 0 untouched, 0 failed\n"
    )
    assert "left for you" not in report.summary(REPORT, listed=False)


def test_a_long_summary_is_capped() -> None:
    findings = tuple(Finding("KM103", "gone", line, 1) for line in range(1, 53))
    file = FileResult(Path("/p/a.py"), "a.py", Status.UNCHANGED, findings=findings)
    lines = report.summary(Report("keras", (file,))).splitlines()
    assert lines[2] == "left for you (52):"
    assert lines[3:] == [
        *(f"  a.py:{line}: KM103 gone" for line in range(1, 51)),
        "  ... and 2 more; -v lists all",
    ]
    whole = report.summary(Report("keras", (file,)), limit=None).splitlines()
    assert whole[-1] == "  a.py:52: KM103 gone"
    one = report.summary(Report("keras", (file,)), limit=52).splitlines()
    assert one[-1] == "  a.py:52: KM103 gone"


def test_exit_codes() -> None:
    def code(*files: FileResult, **values: Any) -> int:
        return Report("keras", files, **values).exit_code

    def file(*findings: Finding, status: Status = Status.UNCHANGED) -> FileResult:
        return FileResult(Path("/p/a.py"), "a.py", status, findings=findings)

    assert code() == 0
    assert code(file(INFO)) == 0
    assert code(file(OPEN)) == 1
    assert code(file(WARNING)) == 1
    assert code(file(status=Status.CHANGED)) == 1
    assert code(project_findings=(("a.py", MIXED),)) == 1
    assert code(FAILED_FILE) == 3
    assert code(problems=(("gone", "does not exist"),)) == 3
    assert code(file(Finding("KM002", "X failed: KeyError()"))) == 3


def test_json() -> None:
    data = json.loads(report.to_json(REPORT))
    assert data == {
        "schema": 1,
        "version": __version__,
        "target": "keras",
        "exit_code": 3,
        "summary": {
            "read": 3,
            "changed": 1,
            "untouched": 1,
            "failed": 1,
            "fixed": 1,
            "open": 4,
            "rules": {
                "KM001": {"fixed": 0, "open": 1, "info": 0},
                "KM003": {"fixed": 0, "open": 1, "info": 0},
                "KM101": {"fixed": 1, "open": 0, "info": 0},
                "KM103": {"fixed": 0, "open": 1, "info": 0},
                "KM104": {"fixed": 0, "open": 0, "info": 1},
                "KM107": {"fixed": 0, "open": 1, "info": 0},
            },
        },
        "files": [
            {
                "path": "a.py",
                "status": "changed",
                "error": None,
                "findings": [
                    {
                        "code": "KM101",
                        "name": "import",
                        "message": "old home",
                        "advice": "",
                        "line": 1,
                        "column": 1,
                        "end_line": 1,
                        "end_column": 36,
                        "severity": "error",
                        "confidence": "certain",
                        "fixed": True,
                    },
                    {
                        "code": "KM104",
                        "name": "star-import",
                        "message": "star stays",
                        "advice": "",
                        "line": 2,
                        "column": 1,
                        "end_line": 2,
                        "end_column": 9,
                        "severity": "info",
                        "confidence": "likely",
                        "fixed": False,
                    },
                    {
                        "code": "KM103",
                        "name": "name-is-gone",
                        "message": "keras.Gone does not exist",
                        "advice": "write it by hand",
                        "line": 3,
                        "column": 5,
                        "end_line": 4,
                        "end_column": 2,
                        "severity": "error",
                        "confidence": "certain",
                        "fixed": False,
                    },
                    {
                        "code": "KM107",
                        "name": "ambiguous-name",
                        "message": "may be 50%, or\nmore",
                        "advice": "",
                        "line": 9,
                        "column": 1,
                        "end_line": 0,
                        "end_column": 0,
                        "severity": "warning",
                        "confidence": "certain",
                        "fixed": False,
                    },
                ],
            },
            {
                "path": "b c.py",
                "status": "failed",
                "error": "line 7: invalid syntax",
                "findings": [
                    {
                        "code": "KM001",
                        "name": "cannot-parse",
                        "message": "line 7: invalid syntax",
                        "advice": "left as it is",
                        "line": 7,
                        "column": 0,
                        "end_line": 0,
                        "end_column": 0,
                        "severity": "error",
                        "confidence": "certain",
                        "fixed": False,
                    }
                ],
            },
        ],
        "project": [
            {
                "path": "a.py",
                "code": "KM003",
                "name": "mixed-flavours",
                "message": "mixes",
                "advice": "move it",
                "line": 1,
                "column": 1,
                "end_line": 0,
                "end_column": 0,
                "severity": "error",
                "confidence": "certain",
                "fixed": False,
            }
        ],
        "problems": [{"path": "gone", "reason": "does not exist"}],
    }


def test_the_keys_of_the_json_are_documented() -> None:
    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return {key for key in value if not key.startswith("KM")}.union(
                *(keys(each) for each in value.values())
            )
        return set().union(*(keys(each) for each in value)) if isinstance(value, list) else set()

    documented = report.__doc__ or ""
    assert [
        key for key in sorted(keys(report.to_dict(REPORT))) if f"``{key}``" not in documented
    ] == []


def test_sarif() -> None:
    data = json.loads(sarif.to_sarif_json(REPORT))
    assert data["version"] == "2.1.0"
    assert data["$schema"] == "https://json.schemastore.org/sarif-2.1.0.json"
    (run,) = data["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("kerasmigrate", __version__)
    codes = ["KM001", "KM003", "KM101", "KM103", "KM104", "KM107"]
    assert [rule["id"] for rule in driver["rules"]] == codes
    first = driver["rules"][0]
    assert first["name"] == "CannotParse"
    assert first["shortDescription"]["text"].endswith(".")
    assert first["defaultConfiguration"] == {"level": "error"}
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["results"][0] == {
        "ruleId": "KM101",
        "ruleIndex": 2,
        "level": "error",
        "message": {"text": "old home (kerasmigrate apply fixes this)"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "a.py", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 36},
                }
            }
        ],
        "properties": {"confidence": "certain", "fixable": True},
    }
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
    levels = [result["level"] for result in run["results"]]
    assert levels == ["error", "error", "note", "error", "warning", "error"]
    broken = run["results"][5]["locations"][0]["physicalLocation"]
    assert broken["artifactLocation"]["uri"] == "b%20c.py"
    assert broken["region"] == {"startLine": 7}
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "toolExecutionNotifications": [
                {
                    "level": "error",
                    "message": {"text": "does not exist"},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "gone", "uriBaseId": "%SRCROOT%"}
                            }
                        }
                    ],
                }
            ],
        }
    ]


def test_sarif_of_nothing_and_of_a_rule_that_is_not_installed() -> None:
    (run,) = sarif.to_sarif(EMPTY)["runs"]
    assert run["results"] == [] and run["tool"]["driver"]["rules"] == []
    assert run["invocations"] == [{"executionSuccessful": True}]
    file = FileResult(Path("/a.py"), "a.py", Status.UNCHANGED, findings=(Finding("ZZ999", "x"),))
    (run,) = sarif.to_sarif(Report("keras", (file,)))["runs"]
    assert run["tool"]["driver"]["rules"] == [{"id": "ZZ999"}]


def test_github() -> None:
    assert sarif.to_github(REPORT).splitlines() == [
        "::error file=a.py,line=1,endLine=1,col=1,endColumn=36,title=KM101"
        "::old home (kerasmigrate apply fixes this)",
        "::error file=a.py,line=1,col=1,title=KM003::mixes: move it",
        "::notice file=a.py,line=2,endLine=2,col=1,endColumn=9,title=KM104::star stays",
        "::error file=a.py,line=3,endLine=4,col=5,title=KM103"
        "::keras.Gone does not exist: write it by hand",
        "::warning file=a.py,line=9,col=1,title=KM107::may be 50%25, or more",
        "::error file=b c.py,line=7,title=KM001::line 7: invalid syntax: left as it is",
        "::error file=gone,title=kerasmigrate::does not exist",
    ]


def test_github_escapes_properties() -> None:
    file = FileResult(
        Path("/x"), "a,b:c%\n.py", Status.UNCHANGED, findings=(Finding("KM001", "a:b,c", 1, 1),)
    )
    assert sarif.to_github(Report("keras", (file,))) == (
        "::error file=a%2Cb%3Ac%25%0A.py,line=1,col=1,title=KM001::a:b,c\n"
    )
