"""Ctrl-C during verify: the report so far, and no process left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc"),
]

NETWORK = "import keras\n\nmodel = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
#: Says that it runs, leaves a process behind, and runs on and on.
ENDLESS = """\
import os
import keras

open(os.path.join(os.path.expanduser("~"), "runs"), "w").close()
if os.fork() == 0:
    os.setsid()
while True:
    pass
"""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C through where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder that other users may enter, as the code runs as one of them."""
    folder = Path(tempfile.mkdtemp(prefix="kerasmigrate-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def descendants(process: int) -> set[int]:
    found: set[int] = set()
    pending = [process]
    while pending:
        each = pending.pop()
        place = Path(f"/proc/{each}/task/{each}/children")
        try:
            children = {int(number) for number in place.read_text(encoding="ascii").split()}
        except (FileNotFoundError, ProcessLookupError):
            continue
        found |= children
        pending += children
    return found


def start(tree: Path, temporary: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (sys.executable, "-m", "kerasmigrate", "verify", ".", *options),
        cwd=tree,
        env={**os.environ, "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(tree.parent / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


def press(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Press Ctrl-C; returns what was printed, once all processes are gone."""
    below = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{each}").exists() for each in below):
        assert time.monotonic() < deadline, "a process is still there"
        time.sleep(0.05)
    return out, err


@pytest.mark.parametrize("format", ["text", "json"])
def test_the_report_so_far(tmp_path: Path, temporary: Path, format: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    files = {"a.py": NETWORK, "b.py": ENDLESS, "c.py": NETWORK}
    for name, text in files.items():
        (tree / name).write_text(text, encoding="utf-8")
    process = start(tree, temporary, "--format", format)
    wait_for(lambda: list(temporary.glob("*/slot0/home/runs")), process)
    out, err = press(process)
    assert (process.returncode, err) == (130, b"kerasmigrate: interrupted\n")
    if format == "json":
        data = json.loads(out)
        assert (data["exit_code"], data["interrupted"], data["proved"]) == (130, True, False)
        found = [(file["display"], file["verdict"], file["cause"]) for file in data["files"]]
        assert found == [
            ("a.py", "proved", ""),
            ("b.py", "not-run", "interrupted"),
            ("c.py", "not-run", "interrupted"),
        ]
    else:
        _, _, *lines = out.decode().splitlines()
        assert lines[:-1] == [
            "",
            "proved           a.py (1 model)",
            "not-run          b.py",
            "    interrupted",
            "not-run          c.py",
            "    interrupted",
            "",
        ]
        assert lines[-1].startswith(
            "Interrupted: 3 files (1 proved, 2 not-run), 1 of 1 models built, run and saved, in "
        )
    assert list(temporary.iterdir()) == []
    assert {path.name: path.read_text(encoding="utf-8") for path in tree.iterdir()} == files


def test_before_anything_was_run(tmp_path: Path, temporary: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.py").write_text(NETWORK, encoding="utf-8")
    process = start(tree, temporary)
    # The folder of the run is there, and the server imports TensorFlow.
    wait_for(lambda: list(temporary.glob("kerasmigrate-verify-*/home")), process)
    wait_for(lambda: descendants(process.pid), process)
    out, err = press(process)
    assert (process.returncode, out, err) == (130, b"", b"kerasmigrate: interrupted\n")
    assert list(temporary.iterdir()) == []
