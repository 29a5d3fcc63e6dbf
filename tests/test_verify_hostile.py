"""Verify on code that means harm: each file gets its verdict, and nothing else suffers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from originals import kept

from kerasmigrate.verify import FileVerdict, Verdict, VerifyReport, verify

HOSTILE = Path(__file__).parent / "fixtures" / "verify" / "hostile"
TIMEOUT = 10.0
pytestmark = pytest.mark.tensorflow


def contents() -> dict[Path, tuple[bytes, int]]:
    files = [path for path in sorted(HOSTILE.rglob("*")) if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def survivors() -> list[str]:
    """Command lines of the worker's processes that are this test's own, or nobody's any more.

    Those that keep an old Keras for other tests are none of verification's.
    """
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                parent = int(
                    (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
                )
            except OSError:  # it has ended meanwhile
                continue
            ours = parent in (1, os.getpid()) and int(entry.name) not in kept()
            if "kerasmigrate/verify/worker" in line and ours:
                found.append(line)
    return found


@pytest.fixture(scope="module")
def report() -> Iterator[VerifyReport]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASMIGRATE_TEST_SECRET", "do not tell")
        before = contents()
        yield verify([HOSTILE], target="keras", timeout=TIMEOUT, memory_mb=2048)
        assert contents() == before


EXPECTED = {
    "closes_everything.py": (Verdict.CRASHED, "ended by itself with exit code 1"),
    "closes_output.py": (Verdict.PROVED, ""),
    "daemon.py": (Verdict.IMPORTED, ""),
    "endless.py": (Verdict.TIMEOUT, "not done within the time limit of 10 s"),
    "fills_disk.py": (Verdict.CRASHED, "file too large: the limit is 1024 MB"),
    "floods.py": (Verdict.TIMEOUT, "not done within the time limit of 10 s"),
    "forges.py": (Verdict.CRASHED, "ended by itself with exit code 0"),
    "forges_and_fails.py": (
        Verdict.KERAS_ERROR,
        "AttributeError: module 'keras.layers' has no attribute 'Merge'",
    ),
    "forks.py": (
        Verdict.CRASHED,
        "process limit reached: [Errno 11] Resource temporarily unavailable",
    ),
    "forks_sessions.py": (Verdict.TIMEOUT, "not done within the time limit of 10 s"),
    "ignores_signals.py": (Verdict.TIMEOUT, "not done within the time limit of 10 s"),
    "innocent.py": (Verdict.PROVED, ""),
    "kills_everything.py": (Verdict.IMPORTED, ""),
    "links_away.py": (Verdict.IMPORTED, ""),
    "memory.py": (Verdict.CRASHED, "out of memory: the limit is 2048 MB"),
    "memory_at_once.py": (Verdict.CRASHED, "out of memory: the limit is 2048 MB"),
    "os_exit.py": (Verdict.CRASHED, "ended by itself with exit code 0"),
    "patches.py": (
        Verdict.PARTIAL,
        "it replaces keras's Model.__new__, so that its models cannot be watched",
    ),
    "prints.py": (Verdict.PROVED, ""),
    "reads_environ.py": (Verdict.IMPORTED, ""),
    "reads_secrets.py": (Verdict.IMPORTED, ""),
    "segfault.py": (Verdict.CRASHED, "killed by SIGSEGV"),
    "stubborn.py": (Verdict.TIMEOUT, "not done within the time limit of 10 s"),
    "sys_exit.py": (Verdict.PARTIAL, "ended by sys.exit(); not run: sys_exit.py:6"),
    "vandal.py": (Verdict.IMPORTED, ""),
}


def find(report: VerifyReport, display: str) -> FileVerdict:
    (file,) = [each for each in report.files if each.display == display]
    return file


@pytest.mark.parametrize("display", sorted(EXPECTED))
def test_verdict(report: VerifyReport, display: str) -> None:
    file = find(report, display)
    assert (file.verdict, file.cause) == EXPECTED[display], file.output


def test_every_fixture_is_expected(report: VerifyReport) -> None:
    special = {"kills_server.py", "network.py", "signals_itself.py"}
    assert {file.display for file in report.files} == EXPECTED.keys() | special


def test_the_network_is_closed(report: VerifyReport) -> None:
    causes = {
        "namespace": "OSError: [Errno 101] Network is unreachable",
        "sockets": "OSError: kerasmigrate verify runs code without a network",
    }
    file = find(report, "network.py")
    assert file.verdict is Verdict.DATA_ERROR
    assert file.cause == causes[report.environment.network]


def test_the_server_is_out_of_reach_or_replaced(report: VerifyReport) -> None:
    """The server is not to be seen, or another user's; as the same user it costs one file."""
    file = find(report, "kills_server.py")
    if report.environment.network == "namespace":
        expected = (Verdict.IMPORTED, "")
    elif report.environment.user.startswith("nobody"):
        expected = (Verdict.USER_ERROR, "PermissionError: [Errno 1] Operation not permitted")
    else:
        expected = (Verdict.CRASHED, "killed by SIGKILL")
    assert (file.verdict, file.cause) == expected


def test_a_signal_without_a_name(report: VerifyReport) -> None:
    """The first process of a namespace does not hear what comes from within."""
    file = find(report, "signals_itself.py")
    inside = report.environment.network == "namespace"
    number = signal.SIGRTMIN + 3
    expected = (Verdict.IMPORTED, "") if inside else (Verdict.CRASHED, f"killed by signal {number}")
    assert (file.verdict, file.cause) == expected


def test_every_file_ends_in_time(report: VerifyReport) -> None:
    # The time to end a tree of processes comes on top.
    assert max(file.seconds for file in report.files) < TIMEOUT + 10


def test_output_is_capped(report: VerifyReport) -> None:
    assert max(len(file.output) for file in report.files) <= 16384


def test_nothing_is_left_behind(report: VerifyReport) -> None:
    deadline = time.monotonic() + 10
    while survivors() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert survivors() == []
