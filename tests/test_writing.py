from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from kerasmigrate import journal, writing
from kerasmigrate.errors import WriteError
from kerasmigrate.writing import (
    CHANGED_MEANWHILE,
    NOT_OURS,
    Change,
    Pending,
    UndoOutcome,
    WriteOutcome,
    pending,
    resume,
    undo,
    write_all,
)

ROOT = Path(__file__).parent.parent
OLD = {"a.py": b"old a\r\n", "pkg/b.py": b"", "pkg/c.py": b"\xef\xbb\xbfold c\n\xe9"}
NEW = {"a.py": b"new a\r\n", "pkg/b.py": b"new b", "pkg/c.py": b""}
OURS = {str(Path(module.__file__ or "")) for module in (journal, writing)}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder for journals without a repository."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return plant(tmp_path / "tree")


def plant(tree: Path, files: dict[str, bytes] = OLD) -> Path:
    for name, data in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tree


def content(tree: Path) -> dict[str, bytes]:
    """Everything in the tree: a draft that was left behind shows up, too."""
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def changes(tree: Path, new: dict[str, bytes] = NEW) -> list[Change]:
    return [Change(tree / name, (tree / name).read_bytes(), data) for name, data in new.items()]


def write(tree: Path, new: dict[str, bytes] = NEW, note: str = "to keras") -> WriteOutcome:
    return write_all(changes(tree, new), journal_for=tree, note=note)


def paths(tree: Path, *names: str) -> tuple[Path, ...]:
    return tuple(tree / name for name in names)


def test_write_and_undo(tree: Path) -> None:
    outcome = write(tree)
    assert outcome == WriteOutcome(outcome.run, paths(tree, *NEW), ())
    assert content(tree) == NEW
    assert pending(tree) is None
    assert undo(tree) == UndoOutcome(outcome.run, "to keras", paths(tree, *OLD), (), ())
    assert content(tree) == OLD
    assert undo(tree) == UndoOutcome()
    assert resume(tree) == WriteOutcome()


def test_nothing_to_write_leaves_no_run(tree: Path, state: Path) -> None:
    assert write_all([], journal_for=tree, note="") == WriteOutcome()
    same = [Change(tree / "a.py", OLD["a.py"], OLD["a.py"])]
    assert write_all(same, journal_for=tree, note="") == WriteOutcome()
    assert undo(tree) == UndoOutcome()


def test_runs_are_a_stack(tree: Path) -> None:
    for number in range(3):
        write(tree, {"a.py": b"%d" % number}, note=f"run {number}")
    seen = []
    for _ in range(4):
        seen.append((undo(tree).note, (tree / "a.py").read_bytes()))
    assert seen == [("run 2", b"1"), ("run 1", b"0"), ("run 0", OLD["a.py"]), ("", OLD["a.py"])]


def test_the_last_ten_runs_are_kept(tree: Path) -> None:
    for number in range(13):
        write(tree, {"a.py": b"%d" % number}, note=f"run {number}")
    notes = [undo(tree).note for _ in range(11)]
    assert notes == [*(f"run {number}" for number in range(12, 2, -1)), ""]
    assert (tree / "a.py").read_bytes() == b"2"


def test_a_file_that_changed_since_it_was_read_is_not_written(tree: Path) -> None:
    planned = changes(tree)
    (tree / "a.py").write_bytes(b"mine\n")
    (tree / "pkg/b.py").unlink()
    outcome = write_all(planned, journal_for=tree, note="")
    assert outcome == WriteOutcome(
        outcome.run,
        paths(tree, "pkg/c.py"),
        ((tree / "a.py", CHANGED_MEANWHILE), (tree / "pkg/b.py", "is gone")),
    )
    assert content(tree) == {"a.py": b"mine\n", "pkg/c.py": NEW["pkg/c.py"]}


def test_a_file_that_changes_while_its_new_content_is_prepared(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = changes(tree)
    fsync = os.fsync

    def change(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().suffix == ".tmp":
            (tree / "a.py").write_bytes(b"mine\n")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", change)
    outcome = write_all(planned, journal_for=tree, note="")
    assert outcome.failed == ((tree / "a.py", CHANGED_MEANWHILE),)
    assert content(tree) == {**NEW, "a.py": b"mine\n"}


def test_two_changes_of_one_file_are_refused(tree: Path) -> None:
    (tree / "link.py").symlink_to("a.py")
    both = [Change(tree / name, OLD["a.py"], b"x") for name in ("a.py", "link.py")]
    with pytest.raises(WriteError) as caught:
        write_all(both, journal_for=tree, note="")
    assert str(caught.value) == (
        f"{tree / 'a.py'}: two different changes of one file; nothing was changed"
    )
    assert (tree / "a.py").read_bytes() == OLD["a.py"]


def test_mode_bits_stay(tree: Path) -> None:
    modes = {"a.py": 0o755, "pkg/b.py": 0o600, "pkg/c.py": 0o4751}
    for name, mode in modes.items():
        (tree / name).chmod(mode)
    old_mask = os.umask(0o077)
    try:
        assert write(tree).failed == ()
        assert {n: stat.S_IMODE((tree / n).stat().st_mode) for n in modes} == modes
        (tree / "a.py").chmod(0o711)
        assert undo(tree).left == ()
    finally:
        os.umask(old_mask)
    found = {name: stat.S_IMODE((tree / name).stat().st_mode) for name in modes}
    assert found == {**modes, "a.py": 0o711}


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_the_owner_stays(tree: Path) -> None:
    os.chown(tree / "a.py", 1234, 4321)
    write(tree)
    status = (tree / "a.py").stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)


def test_a_link_stays_and_its_target_is_written(tree: Path) -> None:
    (tree / "link.py").symlink_to("pkg/c.py")
    write(tree, {"link.py": b"new"})
    assert (tree / "link.py").readlink() == Path("pkg/c.py")
    assert (tree / "pkg/c.py").read_bytes() == b"new"
    assert not (tree / "pkg/c.py").is_symlink()
    undo(tree)
    assert (tree / "pkg/c.py").read_bytes() == OLD["pkg/c.py"]


def test_names_that_are_hard_to_write(tree: Path) -> None:
    names = ["é.py", "a b\n'\".py", os.fsdecode(b"\xff\xe9.py"), "n" * 252 + ".py", "-x.py", ".py"]
    plant(tree, dict.fromkeys(names, b"old"))
    outcome = write(tree, dict.fromkeys(names, b"new"))
    assert outcome.failed == ()
    assert content(tree) == {**OLD, **dict.fromkeys(names, b"new")}
    assert undo(tree).restored == outcome.written
    assert content(tree) == {**OLD, **dict.fromkeys(names, b"old")}


def test_a_file_outside_the_tree(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_bytes(b"old")
    write_all([Change(outside, b"old", b"new")], journal_for=tree, note="")
    assert outside.read_bytes() == b"new"
    assert undo(tree).restored == (outside,)
    assert outside.read_bytes() == b"old"


def test_undo_after_the_tree_was_moved(tree: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    write(tree)
    moved = tree.rename(tmp_path / "moved")
    assert undo(moved).restored == paths(moved, *OLD)
    assert content(moved) == OLD


def test_undo_leaves_what_is_not_ours(tree: Path) -> None:
    run = write(tree).run
    (tree / "a.py").write_bytes(b"mine\n")
    (tree / "pkg/b.py").unlink()
    left = ((tree / "a.py", NOT_OURS), (tree / "pkg/b.py", "is gone"))
    assert undo(tree) == UndoOutcome(run, "to keras", paths(tree, "pkg/c.py"), (), left)
    # The run stays, so that nothing is lost.
    again = undo(tree)
    assert again == UndoOutcome(run, "to keras", (), paths(tree, "pkg/c.py"), left)
    assert content(tree) == {"a.py": b"mine\n", "pkg/c.py": OLD["pkg/c.py"]}
    forced = undo(tree, force=True)
    assert forced.restored == paths(tree, "a.py", "pkg/b.py")
    assert content(tree) == OLD
    assert undo(tree) == UndoOutcome()


def test_forced_undo_brings_back_folders(tree: Path) -> None:
    (tree / "pkg/c.py").chmod(0o750)
    write(tree)
    for name in ("b.py", "c.py"):
        (tree / "pkg" / name).unlink()
    (tree / "pkg").rmdir()
    assert undo(tree, force=True).left == ()
    assert content(tree) == OLD
    assert stat.S_IMODE((tree / "pkg/c.py").stat().st_mode) == 0o750


# Interruptions ------------------------------------------------------------------------------


def at_line(wanted: int, action: Callable[[], None]) -> Callable[..., Any]:
    """Trace our two modules; act before the line that is executed as the given number."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        nonlocal count
        if frame.f_code.co_filename not in OURS:
            return None
        if event == "line":
            count += 1
            if count == wanted:
                action()
        return trace

    return trace


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt() -> None:
    sys.settrace(None)
    raise KeyboardInterrupt


def stopped_at(number: int, stop: Callable[[], None], work: Callable[[], object]) -> bool:
    """Do the work in a child that is stopped before a line; False if it got to the end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            sys.settrace(at_line(number, stop))
            work()
            code = 0
        except KeyboardInterrupt:
            code = 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    stopped = os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 2
    assert stopped or os.WEXITSTATUS(status) == 0
    return stopped


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of runs; no power fails in between."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def files_only(tree: Path) -> dict[str, bytes]:
    return {name: data for name, data in content(tree).items() if name.endswith(".py")}


def assert_old_or_new(tree: Path) -> None:
    found = files_only(tree)
    assert list(found) and found.keys() == OLD.keys()
    for name, data in found.items():
        assert data in (OLD[name], NEW[name]), name


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("stop", "after"), [(kill, "undo"), (kill, "resume"), (interrupt, "write again")]
)
def test_stopped_at_any_line_of_writing(tree: Path, stop: Callable[[], None], after: str) -> None:
    planned = changes(tree)
    number = stops = 0
    began = False
    while True:
        number += 1
        stopped = stopped_at(number, stop, lambda: write_all(planned, journal_for=tree, note="n"))
        stops += stopped
        assert_old_or_new(tree)
        run = pending(tree)
        began = began or run is not None
        if run is None and stopped:
            # Nothing had begun, or all was done.
            assert files_only(tree) in (OLD, NEW)
        if run is not None:
            found = files_only(tree)
            assert {p.relative_to(tree).as_posix() for p in run.done} == {
                name for name in OLD if found[name] == NEW[name]
            }
        if after == "undo":
            assert undo(tree).left == ()
            assert content(tree) == OLD
        elif after == "resume":
            assert resume(tree).failed == ()
            assert content(tree) == (NEW if run is not None else files_only(tree))
        else:
            write(tree)
            assert files_only(tree) == NEW
        assert pending(tree) is None or after == "write again"
        if not stopped:
            break
        while undo(tree, force=True).run:
            pass
        assert content(tree) == OLD
    assert began
    assert stops > 150


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("stop", "work"), [(kill, resume), (interrupt, undo)])
def test_stopped_at_any_line_of_undo_and_resume(
    tree: Path, stop: Callable[[], None], work: Callable[[Path], object]
) -> None:
    number = stops = 0
    while True:
        plant(tree)
        interrupt_after_one_file(tree)
        number += 1
        stopped = stopped_at(number, stop, lambda: work(tree))
        assert_old_or_new(tree)
        stops += stopped
        work(tree)
        assert content(tree) == (OLD if work is undo else NEW)
        assert pending(tree) is None
        while undo(tree, force=True).run:
            pass
        if not stopped:
            break
    assert stops > 80


def interrupt_after_one_file(tree: Path) -> None:
    """Leave a run of which the first file is written."""
    replace = writing._replace

    def once(path: Path, *arguments: Any) -> None:
        if path.name != "a.py":
            raise KeyboardInterrupt
        replace(path, *arguments)

    writing._replace = once
    try:
        with pytest.raises(KeyboardInterrupt):
            write(tree)
    finally:
        writing._replace = replace


def test_pending_tells_how_far_a_run_came(tree: Path) -> None:
    interrupt_after_one_file(tree)
    found = pending(tree)
    assert found is not None
    assert found == Pending(
        found.run,
        "to keras",
        found.created,
        paths(tree, "a.py"),
        paths(tree, "pkg/b.py", "pkg/c.py"),
    )
    assert resume(tree) == WriteOutcome(found.run, paths(tree, *NEW), ())
    assert content(tree) == NEW
    assert pending(tree) is None


def test_undo_of_an_interrupted_run(tree: Path) -> None:
    interrupt_after_one_file(tree)
    outcome = undo(tree)
    assert outcome.restored == paths(tree, "a.py")
    assert outcome.unchanged == paths(tree, "pkg/b.py", "pkg/c.py")
    assert content(tree) == OLD


def test_resume_leaves_what_was_changed_meanwhile(tree: Path) -> None:
    interrupt_after_one_file(tree)
    (tree / "a.py").write_bytes(b"mine\n")
    (tree / "pkg/b.py").write_bytes(b"mine\n")
    outcome = resume(tree)
    assert outcome.written == paths(tree, "pkg/c.py")
    assert outcome.failed == (
        (tree / "a.py", CHANGED_MEANWHILE),
        (tree / "pkg/b.py", CHANGED_MEANWHILE),
    )
    assert content(tree) == {**NEW, "a.py": b"mine\n", "pkg/b.py": b"mine\n"}


# Failures -----------------------------------------------------------------------------------


def fail_at(
    monkeypatch: pytest.MonkeyPatch, name: str, wanted: int, error: OSError
) -> Callable[[], int]:
    """Let the n-th call of a function fail; return a counter of the calls."""
    count = 0
    owner = Path if name == "replace" else os
    original = getattr(owner, name)

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == wanted:
            raise error
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, call)
    return lambda: count


@pytest.mark.parametrize("name", ["fsync", "open", "replace"])
def test_a_full_disk_at_any_call(tree: Path, name: str) -> None:
    """Whatever call fails: old or new, no draft left, all reported, and undo works."""
    planned = changes(tree)
    outcomes = []
    for wanted in range(1, 100):
        full = OSError(errno.ENOSPC, "No space left on device")
        with pytest.MonkeyPatch.context() as patch:
            calls = fail_at(patch, name, wanted, full)
            try:
                outcome = write_all(planned, journal_for=tree, note="n")
                failed = [path for path, _ in outcome.failed if path.suffix == ".py"]
                found = f"{len(failed)} failed" if failed else "0 failed"
                assert all("no space left on device" in why for _, why in outcome.failed)
                assert {name: (tree / name).read_bytes() for name in OLD} == {
                    name: (OLD if tree / name in failed else NEW)[name] for name in OLD
                }
                assert {*outcome.written, *failed} == {*paths(tree, *NEW)}
            except WriteError as error:
                assert "o space left on device" in str(error)
                found = "journal"
            made = calls()
        assert content(tree).keys() == OLD.keys()
        if found == "journal":
            assert (content(tree), pending(tree)) == (OLD, None)
        outcomes.append(found)
        while undo(tree, force=True).run:
            pass
        assert content(tree) == OLD
        if made < wanted:
            break
    assert outcomes[0] == "journal"
    assert outcomes[-1] == "0 failed"
    assert name == "open" or outcomes.count("1 failed") == 3


def test_a_full_disk_for_the_journal_changes_nothing(
    tree: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(monkeypatch, "fsync", 1, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(WriteError) as caught:
        write(tree)
    message = str(caught.value)
    assert message.startswith(str(state))
    assert message.endswith(
        ": the journal cannot be written: No space left on device; nothing was changed"
    )
    assert content(tree) == OLD
    assert [path.name for path in state.rglob("*") if path.is_file()] == ["lock"]


def mount_tmpfs(folder: Path, size: str) -> bool:
    libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
    options = f"size={size}".encode()
    return bool(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options) == 0)


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """On a small tmpfs; the test above injects the same error where none can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.getuid() != 0 or not mount_tmpfs(disk, "64k"):
        pytest.skip("cannot mount a tmpfs here")
    try:
        plant(disk, {"a.py": b"a" * 4000, "b.py": b"b" * 4000, "c.py": b"c" * 4000})
        new = {"a.py": b"A" * 3000, "b.py": b"B" * 60_000, "c.py": b"C" * 3000}
        outcome = write(disk, new)
        assert outcome.written == paths(disk, "a.py", "c.py")
        assert outcome.failed == ((disk / "b.py", "no space left on device"),)
        assert content(disk) == {**new, "b.py": b"b" * 4000}
        # A journal on the full disk: nothing is touched.
        subprocess.run(["git", "init", "-q", "--template="], cwd=disk, check=True)
        with pytest.raises(WriteError) as caught:
            write(disk, {"a.py": b"x" * 50_000})
        assert str(caught.value).startswith(str(disk / ".git"))
        assert content(disk) == {**new, "b.py": b"b" * 4000}
        assert undo(disk).restored == paths(disk, "a.py", "c.py")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


WRITE_AS_NOBODY = """
import os, sys
from pathlib import Path
import platformdirs
from kerasmigrate.writing import Change, write_all, undo
os.umask(0o022)
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
tree = Path(sys.argv[1])
changes = [Change(tree / name, b"old", b"new") for name in ("shut/a.py", "ro.py", "ok.py")]
out = write_all(changes, journal_for=tree, note="")
print([p.name for p in out.written], [(p.name, why) for p, why in out.failed])
print([p.name for p in undo(tree).restored])
"""


def test_read_only_folder_and_file() -> None:
    """As another user when we are root, whom no permission bits bind."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        base = Path(os.path.realpath(name))
        tree = plant(base / "tree", {"shut/a.py": b"old", "ro.py": b"old", "ok.py": b"old"})
        (base / "state").mkdir()
        if os.getuid() == 0:
            for path in (base, *base.rglob("*")):
                os.chown(path, 65534, 65534)
        (tree / "ro.py").chmod(0o444)
        (tree / "shut").chmod(0o555)
        try:
            done = subprocess.run(
                [sys.executable, "-c", WRITE_AS_NOBODY, str(tree)],
                cwd=ROOT,
                env={**os.environ, "XDG_STATE_HOME": str(base / "state")},
                capture_output=True,
                text=True,
                encoding="utf-8",
            )
        finally:
            (tree / "shut").chmod(0o755)
        assert (done.stderr, done.stdout) == (
            "",
            "['ok.py'] [('ro.py', 'is read-only; left as it is'), "
            "('a.py', 'permission denied')]\n['ok.py']\n",
        )
        assert content(tree) == {"shut/a.py": b"old", "ro.py": b"old", "ok.py": b"old"}


def test_a_folder_in_place_of_a_file(tree: Path) -> None:
    outcome = write_all([Change(tree / "pkg", b"", b"x")], journal_for=tree, note="")
    assert outcome == WriteOutcome("", (), ((tree / "pkg", "is not a regular file"),))
