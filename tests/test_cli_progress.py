from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kerasmigrate import progress
from kerasmigrate.progress import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, patience: float) -> Iterator[Terminal]:
    # Not a fixture: pytest puts its own streams back before the test itself begins.
    stream = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        patch.setattr(progress, "PATIENCE", patience)
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", "100")
        yield stream


def test_long_work_on_a_terminal_has_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 0.0) as stream, Bar("reading [x]") as bar:
        bar(1, 2, "a[b].py")
        bar(2, 2, "c[d].py")
    assert "reading [x]" in stream.getvalue()
    assert "2/2" in stream.getvalue()
    assert "c[d].py" in stream.getvalue()


def test_short_work_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 1000.0) as stream, Bar("reading") as bar:
        bar(1, 2, "a.py")
    assert stream.getvalue() == ""


def test_nobody_who_did_not_ask_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 0.0) as stream, Bar("reading", wanted=False) as bar:
        bar(1, 2, "a.py")
    assert stream.getvalue() == ""


def test_a_pipe_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with Bar("reading") as bar:
        bar(1, 2, "a.py")
    assert capsys.readouterr() == ("", "")
