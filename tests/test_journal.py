from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmigrate.errors import WriteError
from kerasmigrate.journal import Journal, NewEntry, digest
from kerasmigrate.writing import Change, undo, write_all

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def begin(journal: Journal, note: str = "n") -> None:
    with journal.locked():
        journal.begin([NewEntry("a.py", b"old", b"newer", 0o644)], note)


def test_a_run_comes_back_as_it_was_written(tree: Path) -> None:
    name = os.fsdecode(b"\xff\n.py")
    with Journal(tree).locked():
        new = [NewEntry("a.py", b"", b"x", 0o755), NewEntry(name, b"o\0ld", b"", 0o600)]
        written = Journal(tree).begin(new, "note \u00e9")
    (run,) = Journal(tree).runs()
    assert run == written
    assert (run.note, run.finished) == ("note \u00e9", False)
    assert [(entry.path, entry.mode) for entry in run.entries] == [("a.py", 0o755), (name, 0o600)]
    assert [run.contents(entry) for entry in run.entries] == [(b"", b"x"), (b"o\0ld", b"")]
    assert run.entries[1].before == digest(b"o\0ld")
    run.finish()
    assert Journal(tree).runs()[0].finished
    run.forget()
    assert Journal(tree).runs() == ()


def test_runs_are_numbered_in_order(tree: Path) -> None:
    for number in range(12):
        begin(Journal(tree), str(number))
    runs = Journal(tree).runs()
    assert [run.note for run in runs] == [str(number) for number in range(2, 12)]
    assert [run.id.partition("-")[0] for run in runs] == [f"{n:06d}" for n in range(3, 13)]


def test_it_lives_in_the_git_folder(tree: Path, state: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    begin(Journal(tree))
    (run,) = Journal(tree).runs()
    assert run.folder.parent == tree / ".git" / "kerasmigrate"
    assert not state.exists()
    status = subprocess.run(["git", "status", "--porcelain"], cwd=tree, capture_output=True)
    assert status.stdout == b""
    assert (run.folder.parent.stat().st_mode & 0o777, run.folder.stat().st_mode & 0o777) == (
        0o700,
        0o700,
    )


def test_it_lives_in_the_state_folder_without_git(tree: Path, state: Path) -> None:
    begin(Journal(tree))
    (run,) = Journal(tree).runs()
    assert run.folder.parent.parent == state / "kerasmigrate"
    assert list(tree.iterdir()) == []


def test_two_trees_have_two_journals(tree: Path, tmp_path: Path) -> None:
    begin(Journal(tree))
    (tmp_path / "other").mkdir()
    assert Journal(tmp_path / "other").runs() == ()
    (tmp_path / "link").symlink_to(tree)
    assert Journal(tmp_path / "link").runs() == Journal(tree).runs()


def test_git_folder_that_takes_no_journal(tree: Path, state: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    (tree / ".git" / "kerasmigrate").write_bytes(b"in the way")
    begin(Journal(tree))
    (run,) = Journal(tree).runs()
    assert run.folder.is_relative_to(state)


def test_no_place_at_all(tree: Path, state: Path) -> None:
    state.write_bytes(b"in the way")
    with pytest.raises(WriteError) as caught, Journal(tree).locked():
        pass
    (place,) = Journal(tree).places
    assert str(caught.value) == (
        f"no place for the journal: {place}: Not a directory; nothing was changed"
    )


def test_one_run_at_a_time(tree: Path) -> None:
    with Journal(tree).locked(), pytest.raises(WriteError) as caught, Journal(tree).locked():
        pass
    assert str(caught.value) == (
        f"{tree}: another kerasmigrate is writing here (process {os.getpid()}); "
        "wait until it is done"
    )
    with Journal(tree).locked():
        pass


def test_writing_while_another_process_writes(tree: Path) -> None:
    (tree / "a.py").write_bytes(b"old")
    code = (
        "import sys; from pathlib import Path; from kerasmigrate.journal import Journal\n"
        "with Journal(Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", code, str(tree)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        change = Change(tree / "a.py", b"old", b"new")
        with pytest.raises(WriteError) as caught:
            write_all([change], journal_for=tree, note="")
        assert f"(process {other.pid})" in str(caught.value)
        assert (tree / "a.py").read_bytes() == b"old"
        # The lock of a process that was killed holds nobody up.
        other.kill()
        other.wait()
        assert write_all([change], journal_for=tree, note="").written == (tree / "a.py",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("manifest.json", b"{", "the journal is damaged; remove this folder"),
        ("manifest.json", b"[]", "the journal is damaged; remove this folder"),
        ("manifest.json", b'{"format": 1}', "the journal is damaged; remove this folder"),
        (
            "manifest.json",
            b'{"format": 2}',
            "written by another version of kerasmigrate; use that one",
        ),
        ("blobs", b"oldnewe!", "the journal is damaged; remove this folder"),
        ("blobs", b"", "the journal is damaged; remove this folder"),
    ],
)
def test_a_damaged_journal_restores_nothing(
    tree: Path, name: str, content: bytes, message: str
) -> None:
    (tree / "a.py").write_bytes(b"old")
    write_all([Change(tree / "a.py", b"old", b"newer")], journal_for=tree, note="")
    (run,) = Journal(tree).runs()
    (run.folder / name).write_bytes(content)
    with pytest.raises(WriteError) as caught:
        undo(tree)
    assert str(caught.value) == f"{run.folder}: {message}"
    assert (tree / "a.py").read_bytes() == b"newer"


def test_leftovers_of_runs_that_never_began_are_swept(tree: Path) -> None:
    begin(Journal(tree))
    (run,) = Journal(tree).runs()
    leftover = run.folder.parent / "000009-20200101T000000Z"
    leftover.mkdir()
    (leftover / "blobs").write_bytes(b"half")
    assert Journal(tree).runs() == (run,)
    begin(Journal(tree))
    assert not leftover.exists()


def test_the_manifest_is_plain_json(tree: Path) -> None:
    begin(Journal(tree), "note")
    (run,) = Journal(tree).runs()
    data = json.loads((run.folder / "manifest.json").read_text(encoding="ascii"))
    assert data == {
        "format": 1,
        "note": "note",
        "created": run.created,
        "entries": [
            {
                "path": "a.py",
                "before": digest(b"old"),
                "after": digest(b"newer"),
                "mode": 0o644,
                "offset": 0,
                "sizes": [3, 5],
            }
        ],
    }
    assert (run.folder / "blobs").read_bytes() == b"oldnewer"
