"""Many files, one after the other or in several processes; no file costs another its result."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import InvalidStateError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from kerasmigrate.errors import SourceError
from kerasmigrate.files import Candidate
from kerasmigrate.findings import FileResult, Finding, Status
from kerasmigrate.mixing import FileFlavours, import_sites, survey
from kerasmigrate.pipeline import Pipeline, migrate_file
from kerasmigrate.progress import Progress
from kerasmigrate.project import Project
from kerasmigrate.rules import CRASHED, Rule
from kerasmigrate.source import Source, speaks_of_keras

_log = logging.getLogger("kerasmigrate")

#: Files from which on several processes are used when nobody says how many.
MANY = 50

#: Files that a worker process gets at a time; it finishes them before it heeds an interruption.
CHUNK = 4


@dataclass(frozen=True)
class Task:
    """What to do with each file.

    Attributes:
        projects: The project of each root.
        pipeline: Migrate with it; None leaves that out.
        python2: Modernise Python 2 files first.
        flavours: Find the flavours that the file uses.
    """

    projects: Mapping[Path, Project]
    pipeline: Pipeline | None = None
    python2: bool = False
    flavours: bool = False


@dataclass(frozen=True)
class Outcome:
    """What was found out about one file; None for what was not asked for."""

    result: FileResult | None = None
    flavours: FileFlavours | None = None


def run(
    files: Sequence[Candidate], task: Task, jobs: int | None, progress: Progress | None
) -> list[Outcome]:
    """Do a task for every file.

    Args:
        files: In the order that the outcomes will have.
        task: What to do.
        jobs: Processes; None chooses by the number of files.
        progress: Called after each file.
    """
    if jobs is None:
        jobs = 1 if len(files) < MANY else os.cpu_count() or 1
    jobs = min(jobs, len(files))
    outcomes = []
    for outcome in _parallel(files, task, jobs) if jobs > 1 else (do(task, f) for f in files):
        outcomes.append(outcome)
        if progress is not None:
            progress(len(outcomes), len(files), files[len(outcomes) - 1].display)
    return outcomes


def do(task: Task, file: Candidate) -> Outcome:
    """Do a task for one file; whatever goes wrong becomes a FAILED result."""
    project = task.projects[file.root]
    result = flavours = None
    try:
        if task.pipeline is not None:
            result = migrate_file(
                file.path, file.display, task.pipeline, project, python2=task.python2
            )
        if task.flavours:
            flavours = _flavours(file, project)
    except Exception as error:
        _log.debug("%s", file.display, exc_info=True)
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        result = failed(file, f"{reason}; please report this file")
    return Outcome(result, flavours)


def failed(file: Candidate, reason: str, rule: Rule = CRASHED) -> FileResult:
    """Return the result of a file that cannot be processed, by default for unforeseen reasons."""
    finding = Finding(rule.code, reason, advice="left as it is")
    return FileResult(file.path, file.display, Status.FAILED, findings=(finding,), error=reason)


def _flavours(file: Candidate, project: Project) -> FileFlavours:
    try:
        source = Source.read(file.path, file.display)
    except SourceError:  # the pipeline reports it
        return FileFlavours(file.path, file.display)
    if not speaks_of_keras(source.data) and not project.reaches_keras(file.path):
        # It may still bring together files that do speak of Keras.
        sites = import_sites(source.text, project, file.path)
        return FileFlavours(file.path, file.display, imports=sites)
    return survey(source.text, project.view(file.path), file.path, file.display)


_task: Task | None = None


def _begin(task: Task) -> None:
    """Prepare a worker process."""
    global _task
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and ends us
    _task = task


def _work(file: Candidate) -> Outcome:
    assert _task is not None
    return do(_task, file)


def _context() -> multiprocessing.context.BaseContext:
    # A fork starts with everything imported; it is only safe while there is one thread.
    if sys.platform == "linux" and threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context("spawn")


def _pool(task: Task, jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, _context(), _begin, (task,))


@contextmanager
def _deaf() -> Iterator[None]:
    """Hold Ctrl-C back while workers start: one would report it until it has learnt not to."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _parallel(files: Sequence[Candidate], task: Task, jobs: int) -> Iterator[Outcome]:
    done = 0
    others = multiprocessing.active_children()
    pool = _pool(task, jobs)
    try:
        with _deaf():
            outcomes = pool.map(_work, files, chunksize=CHUNK)  # starts the workers
        for outcome in outcomes:
            yield outcome
            done += 1
    except BrokenProcessPool:
        # A worker died, so that nobody knows of which file: each of the rest gets its own.
        yield from (_alone(file, task) for file in files[done:])
    except BaseException:
        # They only read; whoever presses Ctrl-C should not wait for the files that they are at.
        _abandon(pool, [each for each in multiprocessing.active_children() if each not in others])
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


#: A pool was given up, so that its threads may wait for ever for processes that are gone.
abandoned = False


def _abandon(pool: ProcessPoolExecutor, workers: Sequence[BaseProcess]) -> None:
    """End a pool and its workers at once."""
    global abandoned
    abandoned = True
    report = threading.excepthook

    def without_cancelled(args: threading.ExceptHookArgs) -> None:
        # The pool of Python 3.11 trips over futures that it has cancelled itself.
        if not issubclass(args.exc_type, InvalidStateError):
            report(args)

    threading.excepthook = without_cancelled
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.kill()


def _alone(file: Candidate, task: Task) -> Outcome:
    with _pool(task, 1) as pool:
        try:
            with _deaf():
                future = pool.submit(_work, file)
            return future.result()
        except BrokenProcessPool:
            reason = "the process that read this file died; please report this file"
            return Outcome(failed(file, reason))
