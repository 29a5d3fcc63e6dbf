"""A progress bar on the error stream, once a run turns out to be long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

#: Seconds of work before a bar appears.
PATIENCE = 1.0


#: What a caller of the library may pass to be told about progress: it gets the number of files that
#: are finished, the number of all, and the path of the last one.
Progress = Callable[[int, int, str], None]


class Bar:
    """A bar for a terminal; does nothing when the error stream is something else.

    Use it as a context manager, and pass it where `Progress` is asked for.

    Args:
        title: What the work is called.
        wanted: False for a silent bar.
    """

    def __init__(self, title: str, *, wanted: bool = True) -> None:
        self.title = title
        self.wanted = wanted and sys.stderr.isatty()
        self._start = time.monotonic()
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        self._start = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int, display: str) -> None:
        """Show progress; see `Progress`."""
        if not self.wanted:
            return
        if self._bar is None:
            if time.monotonic() - self._start < PATIENCE:
                return
            self._open(total)
        assert self._bar is not None and self._task is not None
        self._bar.update(self._task, completed=done, total=total, where=display)

    def _open(self, total: int) -> None:
        # rich takes 0.1 s to import, which a short run does not pay.
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn(escape(self.title)),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[where]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(self.title, total=total, where="")
        self._bar.start()
