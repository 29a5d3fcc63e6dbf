"""Everything that may go wrong, at once, seen from the command line in processes of their own.

``test_cli.py`` has one test for each thing alone.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerasmigrate import check
from kerasmigrate.project import Project, Summary

OLD = b"from keras.layers.core import Dense\n"
NEW = b"from keras.layers import Dense\n"
POSIX = pytest.mark.skipif(os.name != "posix", reason="named pipes, signals and odd names")

#: Files that cannot be processed, each with what is said of it.
REFUSED = {
    "bad_cookie.py": (
        b"# -*- coding: nonsense -*-\n" + OLD,
        "line 1: unknown encoding 'nonsense' in the coding cookie",
    ),
    "cr.py": (
        OLD.replace(b"\n", b"\r"),
        "an edit touches lines that the parser does not reproduce exactly",
    ),
    "deep_attributes.py": (
        OLD + b"x = a" + b".b" * 3000 + b"\n",
        "expressions are nested too deeply to be parsed",
    ),
    "deep_brackets.py": (
        OLD + b"x = " + b"[" * 3000 + b"]" * 3000 + b"\n",
        "expressions are nested too deeply to be parsed",
    ),
    "deep_sum.py": (
        OLD + b"x = " + b"+".join([b"a"] * 3000) + b"\n",
        "expressions are nested too deeply to be parsed",
    ),
    "large.py": (
        OLD + b"x = 1\n" * 900_000,
        "too large: 5.4 MB, the limit is 2 MB; left as it is",
    ),
    "latin.py": (
        OLD + b"# caf\xe9\n",
        "line 2: byte 0xE9 is not UTF-8; declare the encoding (# -*- coding: latin-1 -*-) or save"
        " it as UTF-8",
    ),
    "nul.py": (OLD + b"\0", "line 2: NUL byte; Python source cannot hold one"),
    "python2.py": (
        OLD + b"print 'x'\n",
        "line 2: Python 2 print statement; rerun with --python2 to modernise it first",
    ),
    "syntax.py": (OLD + b"def f(:\n", "line 2: invalid syntax"),
    "tabs.py": (
        b"if x:\n\tfrom keras.layers.core import Dense\n        y = 1\n",
        "line 3: inconsistent use of tabs and spaces in indentation",
    ),
}
#: Files that are changed, whatever stands around them.
CHANGED = {
    b"-dash.py": OLD,
    b"bom.py": b"\xef\xbb\xbf" + OLD,
    b"escape\x1b[31m.py": OLD,
    b"fine.py": OLD,
    b"latin_cookie.py": b"# -*- coding: latin-1 -*-\n" + OLD + b"# caf\xe9\n",
    b"long_line.py": OLD + b"x = '" + b"a" * 200_000 + b"'\n",
    b"new\nline.py": OLD,
    b"sub/surrogate.py": OLD + b"x = '\\ud800'\n",
    b"walrus.py": b"print((keras := 3))\n" + OLD,
    b"\xff.py": OLD,
}
#: Files that hold no Keras, Python or not.
OTHER = {
    "binary.py": bytes(range(256)),
    "empty.py": b"",
    "spaces.py": b"\n \n\t\n",
    "utf16.py": OLD.decode().encode("utf-16"),
}


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C through where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.delenv("KERASMIGRATE_DEBUG", raising=False)


def cli(tree: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        (sys.executable, "-m", "kerasmigrate", *arguments),
        cwd=tree,
        capture_output=True,
        timeout=600,
        check=False,
    )


def said(done: subprocess.CompletedProcess[bytes]) -> bytes:
    """Return what was said; Python versions differ in who refuses deep brackets."""
    return done.stderr.replace(
        b"line 2: too many nested parentheses", b"expressions are nested too deeply to be parsed"
    )


def plant(tree: Path) -> Path:
    tree.mkdir()
    (tree / "sub").mkdir()
    for name, data in CHANGED.items():
        (tree / os.fsdecode(name)).write_bytes(data)
    for text, (data, _) in REFUSED.items():
        (tree / text).write_bytes(data)
    for text, data in OTHER.items():
        (tree / text).write_bytes(data)
    (tree / "folder.py").mkdir()
    (tree / "loop").symlink_to(".")
    (tree / "sub" / "up").symlink_to("..")
    (tree / "sub" / "alias.py").symlink_to("../fine.py")
    (tree / "self.py").symlink_to("self.py")
    (tree / "dangling.py").symlink_to("nowhere.py")
    os.mkfifo(tree / "pipe.py")
    return tree


def contents(tree: Path) -> dict[bytes, bytes]:
    names = [*CHANGED, *map(os.fsencode, REFUSED), *map(os.fsencode, OTHER)]
    return {name: (tree / os.fsdecode(name)).read_bytes() for name in names}


def summary(first: str, *rules: str) -> bytes:
    """Return what is said of the tree, with the numbers and rules given."""
    left = [f"  {name}: {reason}" for name, (_, reason) in sorted(REFUSED.items())]
    left += ["  gone.py: does not exist", "  pipe.py: not a regular file"]
    rows = [first, *rules, f"not processed ({len(left)}), left as they are:", *left]
    return "".join(f"{row}\n" for row in rows).encode()


@POSIX
def test_a_tree_of_everything(tmp_path: Path) -> None:
    tree = plant(tmp_path / "tree")
    before = contents(tree)
    after = {
        name: data.replace(OLD, NEW) if name in CHANGED else data for name, data in before.items()
    }
    read = f"{len(before)} files read for keras"
    numbers = f"{len(CHANGED)} {{}}, {len(OTHER)} untouched, {len(REFUSED)} failed"
    broken = f"  KM001 cannot-parse                 {len(REFUSED)} open"

    done = cli(tree, "diff", ".", "gone.py", "--jobs", "2")
    assert done.returncode == 3
    assert said(done) == summary(
        f"{read}: {numbers.format('would change')}",
        broken,
        f"  KM101 import                       {len(CHANGED)} fixable",
    )
    assert contents(tree) == before
    subprocess.run(("git", "apply", "-"), cwd=tree, input=done.stdout, check=True)
    assert contents(tree) == after
    subprocess.run(("git", "apply", "-R", "-"), cwd=tree, input=done.stdout, check=True)
    assert contents(tree) == before

    done = cli(tree, "apply", ".", "gone.py", "--jobs", "1")
    assert (done.returncode, done.stdout) == (3, b"")
    assert (
        said(done)
        == summary(
            f"{read}: {numbers.format('changed')}",
            broken,
            f"  KM101 import                       {len(CHANGED)} fixed",
        )
        + b"take it back with: kerasmigrate undo . gone.py\n"
    )
    assert contents(tree) == after
    assert (tree / "sub" / "alias.py").is_symlink()

    done = cli(tree, "undo", ".")
    assert (done.returncode, done.stdout) == (0, b"")
    assert contents(tree) == before


def test_a_large_file_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    """It is not even read for the names that others may import from it."""
    large = tmp_path / "large.py"
    large.write_bytes(OLD + b"x = 1\n" * 400_000)
    (tmp_path / "use.py").write_bytes(b"from large import Dense\n")
    project = Project(tmp_path, tmp_path.iterdir())
    assert project.summary(large) == Summary()
    assert not project.reaches_keras(tmp_path / "use.py")


def test_warnings_about_the_code_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(OLD + b"__all__ = ['x']\nx = '\\d'\ny = 1 is 1\n")
    (tmp_path / "b.py").write_bytes(b"from a import x\nz = '\\d'\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert check([tmp_path]).exit_code == 1
    assert caught == []


# -- Ctrl-C ---------------------------------------------------------------------------------------

#: Runs the command line, and presses Ctrl-C at the nth call of a function.
INTERRUPTED = """
import os, signal, sys
import kerasmigrate.pipeline
from kerasmigrate.cli import main

owner = {"os": os, "pipeline": kerasmigrate.pipeline.Pipeline}[sys.argv[1]]
name, left = sys.argv[2], int(sys.argv[3])
real = getattr(owner, name)

def counted(*given, **named):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGINT)
    return real(*given, **named)

setattr(owner, name, counted)
sys.exit(main(sys.argv[4:]))
"""


def interrupted(
    tree: Path, where: tuple[str, str, int], *arguments: str
) -> subprocess.CompletedProcess[bytes]:
    place = [str(part) for part in where]
    return subprocess.run(
        (sys.executable, "-c", INTERRUPTED, *place, *arguments),
        cwd=tree,
        capture_output=True,
        timeout=120,
        check=False,
    )


def three(tree: Path) -> Path:
    for name in "abc":
        (tree / f"{name}.py").write_bytes(OLD)
    return tree


def written(tree: Path) -> str:
    """Return the names of the new files; every other one must be old."""
    found = {path.stem: path.read_bytes() for path in sorted(tree.iterdir())}
    assert set(found) == set("abc")
    assert set(found.values()) <= {OLD, NEW}
    return "".join(name for name, data in found.items() if data == NEW)


@POSIX
@pytest.mark.parametrize("command", ["diff", "apply", "check"])
def test_ctrl_c_while_reading(tmp_path: Path, command: str) -> None:
    tree = three(tmp_path)
    done = interrupted(tree, ("pipeline", "run", 2), command, ".", "--jobs", "1")
    assert (done.returncode, done.stdout) == (130, b"")
    assert done.stderr == b"kerasmigrate: interrupted\n"
    assert written(tree) == ""
    assert cli(tree, "undo", ".").stderr == f"{tree}: nothing to undo\n".encode()


@POSIX
def test_ctrl_c_while_writing_is_taken_back(tmp_path: Path) -> None:
    tree = three(tmp_path)
    partly = half_written(tree)
    again = cli(tree, "apply", ".")
    assert (again.returncode, again.stdout) == (2, b"")
    assert again.stderr.decode() == (
        f"kerasmigrate: error: {tree}: an earlier run was interrupted, {len(partly)} of 3 files"
        " are written: finish it with 'kerasmigrate apply --resume' or take it back with"
        " 'kerasmigrate undo'\n"
    )
    done = cli(tree, "undo", ".")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == (
        f"{tree}: {len(partly)} restored, {3 - len(partly)} not written, 0 left\n".encode()
    )
    assert written(tree) == ""


@POSIX
def test_ctrl_c_while_writing_is_finished(tmp_path: Path) -> None:
    tree = three(tmp_path)
    half_written(tree)
    done = cli(tree, "apply", ".", "--resume")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == f"{tree}: finished, 3 files written\n".encode()
    assert written(tree) == "abc"


def half_written(tree: Path) -> str:
    """Interrupt between the files; return the names of those that are written."""
    for number in range(1, 12):
        done = interrupted(tree, ("os", "replace", number), "apply", ".", "--jobs", "1")
        partly = written(tree)
        if partly and done.returncode:
            assert (done.returncode, done.stdout) == (130, b"")
            assert done.stderr == b"kerasmigrate: interrupted\n"
            assert partly in ("a", "ab")
            return partly
        cli(tree, "undo", ".", "--quiet")
        assert written(tree) == ""
    raise AssertionError("nothing was ever written in part")


def children(process: int) -> list[int]:
    place = Path(f"/proc/{process}/task/{process}/children")
    try:
        return [int(each) for each in place.read_text(encoding="ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
@pytest.mark.parametrize("started", [1, 2])
def test_ctrl_c_on_several_processes(tmp_path: Path, started: int) -> None:
    """Also at the moment when a worker has begun, and does not know yet what to do with it."""
    for number in range(40):
        (tmp_path / f"f{number}.py").write_bytes(OLD + b"Dense(output_dim=4)\n" * 3000)
    process = subprocess.Popen(
        (sys.executable, "-m", "kerasmigrate", "apply", ".", "--jobs", "2"),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    workers: list[int] = []
    while len(workers) < started and process.poll() is None:
        workers = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)  # the files at hand take longer
    assert (process.returncode, out, err) == (130, b"", b"kerasmigrate: interrupted\n")
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker is still there"
        time.sleep(0.05)
    assert {path.read_bytes()[: len(OLD)] for path in tmp_path.iterdir()} == {OLD}


# -- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    name = ctypes.util.find_library("c")
    libc = ctypes.CDLL(name, use_errno=True) if name and sys.platform == "linux" else None
    if libc is None or libc.mount(b"tmpfs", os.fsencode(disk), b"tmpfs", 0, b"size=64k") != 0:
        pytest.skip("cannot mount a tmpfs here")
    try:
        yield disk
    finally:
        subprocess.run(("umount", str(disk)), check=True)


def test_a_full_disk(small_disk: Path) -> None:
    large = OLD + b"# " + b"a" * 40_000 + b"\n"
    files = {"a.py": OLD, "b.py": large, "c.py": OLD}
    for name, data in files.items():
        (small_disk / name).write_bytes(data)
    done = cli(small_disk, "apply", ".")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr == (
        b"3 files read for keras: 2 changed, 0 untouched, 1 failed\n"
        b"  KM101 import                       2 fixed, 1 open\n"
        b"not processed (1), left as they are:\n"
        b"  b.py: no space left on device\n"
        b"take it back with: kerasmigrate undo .\n"
    )
    found = {path.name: path.read_bytes() for path in small_disk.iterdir()}
    assert found == {"a.py": NEW, "b.py": large, "c.py": NEW}
    done = cli(small_disk, "undo", ".")
    assert done.returncode == 0
    assert {path.name: path.read_bytes() for path in small_disk.iterdir()} == files


def test_names_are_shown_so_that_a_terminal_is_safe(tmp_path: Path) -> None:
    (tmp_path / "escape\x1b[31m.py").write_bytes(b"from keras.layers import (\n")
    done = cli(tmp_path, "check", ".")
    assert done.returncode == 3
    assert re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", done.stdout + done.stderr) is None
