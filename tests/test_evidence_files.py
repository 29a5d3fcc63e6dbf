"""Which files the page of evidence shows, compared with what, and where it is written."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from reports import proof, result, verdict
from strict_html import checked, strict, words

import kerasmigrate
from kerasmigrate import api, cli
from kerasmigrate.errors import UsageError, WriteError
from kerasmigrate.evidence import before, gather, to_html, write_html
from kerasmigrate.findings import Finding, Report, Severity
from kerasmigrate.verify.results import (
    OriginalRun,
    Verdict,
    VerifyReport,
)

# -- matching files -------------------------------------------------------------------------------


def test_files_are_matched_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.py").write_text("y = 2  # mine\n", encoding="utf-8")
    old = tmp_path / "old"
    migration = Report(
        "keras",
        (
            result(old, "a.py", "x = 1\n", "y = 2\n"),
            result(old, "b.py", "x\n", "y\n"),
            result(old, "c.py", "x\n", "x\n"),
        ),
    )
    made = verdict("a.py", original=OriginalRun("a.py", Verdict.PROVED))
    evidence = gather(proof(made, root=tmp_path / "new"), migration, old)
    assert [(each.display, each.verdict is not None) for each in evidence.files] == [
        ("a.py", True),
        ("b.py", False),
    ]
    (hunk,) = evidence.files[0].change.hunks  # type: ignore[union-attr]
    assert hunk.rows[0].after == "y = 2  # mine"
    assert hunk.causes[0].by_hand
    assert not evidence.files[1].change.hunks[0].causes[0].by_hand  # type: ignore[union-attr]


def test_a_file_that_has_moved_is_found_by_its_original(tmp_path: Path) -> None:
    migration = Report("keras", (result(tmp_path, "old/a.py", "x = 1\n", "y = 2\n"),))
    made = verdict("new/a.py", original=OriginalRun("old/a.py", Verdict.PROVED))
    (file,) = gather(proof(made, root=tmp_path), migration, tmp_path).files
    assert file.changed


def test_a_file_that_was_not_migrated_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    fixed = Finding("KM201", "would go", 1, fixed=True)
    migration = Report("keras", (result(tmp_path, "a.py", "x = 1\n", "y = 2\n", fixed),))
    page = checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert words(page).count("kerasmigrate would change") == 2
    assert "would go" not in page


def test_what_breaks_nothing_is_shown_and_not_counted(tmp_path: Path) -> None:
    info = Finding("KM260", "may move", 1, severity=Severity.INFO)
    migration = Report("keras", (result(tmp_path, "a.py", "x\n", "x\n", info),))
    (file,) = gather(proof(verdict("a.py"), root=tmp_path), migration).files
    assert (file.left, file.notes) == ((), (info,))
    page = checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert "• info KM260 private-home: may move" in words(page)
    assert "finding left" not in page and "Findings that are left" not in page


def test_findings_across_files_are_shown_with_their_file(tmp_path: Path) -> None:
    across = Finding("KM003", "mixes flavours", 3, advice="choose one")
    migration = Report("keras", (result(tmp_path, "a.py", "x\n", "y\n"),), (), (("a.py", across),))
    page = checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert words(page).count("KM003 mixed-flavours: mixes flavours choose one") == 2


# -- the code as it was ---------------------------------------------------------------------------

OLD = "from keras.layers.core import Dense\n\nlayer = Dense(output_dim=3)\n"


def project(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project that was migrated, in a git repository that has it as it was."""
    monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
    tree = root / "project"
    files = {"pkg/a.py": OLD, "pkg/b.py": OLD, "other/c.py": OLD, "two.py": "print 'keras'\n"}
    for display, source in files.items():
        (tree / display).parent.mkdir(parents=True, exist_ok=True)
        (tree / display).write_text(source, encoding="utf-8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", "-C", str(tree)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "As it was"]):
        subprocess.run([*git, *command], check=True)
    shutil.copytree(tree, root / "before")
    kerasmigrate.migrate([tree / "pkg", tree / "other"], to="keras", write=True)
    (tree / "two.py").write_text("print('keras')\n", encoding="utf-8")
    return tree


@pytest.mark.parametrize("against", ["HEAD", "last", "../before"])
def test_the_diff_is_that_to_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, against: str
) -> None:
    tree = project(tmp_path, monkeypatch)
    monkeypatch.chdir(tree)
    ran = (verdict("pkg/a.py", original=OriginalRun("pkg/a.py", Verdict.PROVED)),)
    made = proof(*ran, root=tree)
    was = before(against, made, [tree])
    assert not was.tree.exists()
    evidence = gather(made, was.report, was.tree, was.base)
    displays = [each.display for each in evidence.files if each.changed]
    expected = ["pkg/a.py", "other/c.py", "pkg/b.py"]
    # The journal knows only what was applied.
    assert displays == (expected if against == "last" else [*expected, "two.py"])
    change = evidence.files[0].change
    assert change is not None
    causes = [cause for hunk in change.hunks for cause in hunk.causes.values()]
    assert [[each.code for each in cause.made_by] for cause in causes] == [["KM101"], ["KM201"]]
    assert not any(cause.by_hand for cause in causes)
    strict(to_html(made, was))


def test_only_what_was_verified_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = project(tmp_path, monkeypatch)
    made = proof(verdict("pkg/a.py"), root=tree)
    was = before("HEAD", made, [tree / "pkg"])
    evidence = gather(made, was.report, was.tree, was.base)
    assert [each.display for each in evidence.files] == ["pkg/a.py", "pkg/b.py"]


def test_python_2_is_shown_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = project(tmp_path, monkeypatch)
    made = proof(verdict("two.py"), root=tree)
    page = to_html(made, before("HEAD", made, [tree / "two.py"]))
    assert "<td>print<del> </del>'keras'</td>" in page
    assert "<td>print<ins>(</ins>'keras'<ins>)</ins></td>" in page


def test_an_original_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD, encoding="utf-8")
    with pytest.raises(UsageError, match="there is no such folder"):
        before("nowhere", proof(root=tmp_path), [tmp_path])


# -- files and the command line -------------------------------------------------------------------


def test_a_page_is_written(tmp_path: Path) -> None:
    write_html(tmp_path / "out.html", proof(verdict("a.py")))
    assert strict((tmp_path / "out.html").read_text(encoding="utf-8"))


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"out.html: cannot be written: No such file or directory"):
        write_html(tmp_path / "nowhere" / "out.html", proof())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def verify(*arguments: object, **options: object) -> VerifyReport:
        return proof(verdict("a.py"), against=False, root=work)

    monkeypatch.setattr(api, "verify_paths", verify)
    (work / "a.py").write_text("from keras.layers.core import Dense\n", encoding="utf-8")
    return work


def test_verify_writes_the_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "--html", "out.html", "a.py"]) == 0
    assert "evidence: out.html\n" in capsys.readouterr().err
    page = (here / "out.html").read_text(encoding="utf-8")
    assert "The text before is not known" in words(page)


def test_verify_against_an_original_shows_what_changed(here: Path) -> None:
    (here / "before").mkdir()
    (here / "before" / "a.py").write_text("import numpy as np\n" + OLD, encoding="utf-8")
    assert cli.main(["verify", "--html", "out.html", "--against", "before", "a.py"]) == 0
    page = (here / "out.html").read_text(encoding="utf-8")
    assert "<del>import numpy as np</del>" in page
    assert "edited by hand" in page
    assert "This is not what kerasmigrate wrote." in page


def test_apply_writes_it_with_the_diff(here: Path) -> None:
    assert cli.main(["apply", "--verify", "--html", "out.html", "-q", "a.py"]) == 0
    page = (here / "out.html").read_text(encoding="utf-8")
    strict(page)
    assert "from keras.layers<del>.core</del> import Dense" in page
    assert "edited by hand" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["apply", "--html", "out.html", "a.py"],
            "--html shows what a verification found: add --verify",
        ),
        (["verify", "--html", ".", "a.py"], "--html . is a folder: name a file in it"),
        (
            ["verify", "--html", "no/x.html", "a.py"],
            "--html no/x.html: there is no such folder: make it",
        ),
        (["apply", "--verify", "--html", ".", "a.py"], "--html . is a folder: name a file in it"),
    ],
)
def test_a_wrong_place_is_said_before_anything_is_done(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == f"kerasmigrate: error: {said}\n"
    assert (here / "a.py").read_text(encoding="utf-8") == "from keras.layers.core import Dense\n"
