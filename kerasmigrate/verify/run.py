"""Run a tree file by file, and gather what that showed."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmigrate import flavours
from kerasmigrate.errors import UsageError, VerifyError
from kerasmigrate.verify import sources
from kerasmigrate.verify.cache import Cache, Recall
from kerasmigrate.verify.results import Environment, FileVerdict, VerifyReport
from kerasmigrate.verify.scratch import remove
from kerasmigrate.verify.session import Progress, Session, Side, StaticCheck, merge, not_run
from kerasmigrate.verify.sources import absolute

if TYPE_CHECKING:
    from kerasmigrate.verify.against_keras import Choice
    from kerasmigrate.verify.against_run import Originals

#: Memory that one file may take beyond what TensorFlow itself does, in MiB.
MEMORY = 6144


def verify(
    paths: Sequence[Path],
    *,
    target: str,
    api: int | None = None,
    python: Path | None = None,
    builds: Sequence[str] = (),
    jobs: int = 1,
    timeout: float = 60.0,
    memory_mb: int = MEMORY,
    progress: Progress | None = None,
    root: Path | None = None,
    static: StaticCheck | None = None,
    cache: Cache | None = None,
    against: str | None = None,
    original: str | None = None,
    announce: Callable[[str], None] | None = None,
) -> VerifyReport:
    """Run every file that uses Keras under the target, and exercise the models that it builds.

    Args:
        paths: Files, and folders to search; a file that is named is run whether it uses Keras or
            not.
        target: ``keras``, ``tf.keras`` or ``tf_keras``.
        api: 2 or 3, for ``tf.keras``.
        python: An interpreter that has TensorFlow and the target; by default the running one.
        builds: Calls that build a model, as ``package.module:function(32)`` or
            ``path/to/file.py:Class().build()``, evaluated among the module's names.
        jobs: Files to run at the same time; each has its own copy of the tree.
        timeout: Wall time for one file, in seconds.
        memory_mb: Memory for one file, in MiB, beyond what TensorFlow itself takes.
        progress: Called after each file with the number done, the total and its display path.
        root: The folder that is copied, and that imports start from; by default the named folder,
            or the project that the named files belong to.
        static: Step V1: a file's names and calls that do not bind; any makes it a ``keras-error``.
        cache: What earlier runs have shown, and where this one is kept; none by default.
        against: The code as it was: ``last`` (before the last apply), a folder, or a git revision.
            Its models are built on the Keras that it was written for, and compared.
        original: That Keras, where it should not be chosen: ``keras==1.2.2``, ``tf_keras``.
        announce: Called with a line for what takes long besides: a download.

    Raises:
        VerifyError: Nothing could be run: no such file, no TensorFlow, a tree too large to copy.
        UsageError: There is no such target, or nothing to compare with where ``against`` says.
    """
    if original is not None and against is None:
        raise UsageError("--original is of no use without --against: name the code as it was")
    only = _asked_for(original)
    started = time.monotonic()
    chosen = flavours.target(target, api)
    top = absolute(root) if root is not None else sources.find_root(paths)
    files = sources.select(paths)
    for file in files:
        if not file.is_relative_to(top):
            raise VerifyError(f"{file} does not lie below the root {top}: choose a root above it")
    wanted = assign_builds(builds, top, files)
    interpreter = _interpreter(python)
    limits = {"timeout": timeout, "memory_mb": memory_mb}
    recall = Recall(cache if against is None else None, top, chosen, interpreter, limits, wanted)
    known = recall.find(files)
    fresh: list[FileVerdict] = []
    ended: dict[Path, FileVerdict] = {}
    steps = itertools.count(1)
    proof: Originals | None = None

    def step(display: str) -> None:
        if progress is not None:
            progress(next(steps), len(files) * (1 if against is None else 2), display)

    def finish(verdict: FileVerdict) -> None:
        if not verdict.cached:
            fresh.append(verdict)
        problems = static(verdict.path) if static is not None else ()
        ended[verdict.path] = merge(verdict, problems)
        step(verdict.display)

    environment: Environment | None = None
    interrupted = False
    try:
        for each in known.values():
            environment = each.environment
            finish(each.verdict)
        left = [file for file in files if file not in known]
        if left or not known:
            place = Path(tempfile.mkdtemp(prefix="kerasmigrate-verify-"))
            try:
                if place.resolve().is_relative_to(top.resolve()):
                    raise VerifyError(f"{top} holds the temporary folder: choose a root below it")
                place.chmod(0o755)
                side = None
                if against is not None:
                    from kerasmigrate.verify import against_run

                    before = against_run.find(against, top, paths, place / "before")
                    with_what = against_run.Limits(interpreter, timeout, memory_mb, jobs)
                    proof = against_run.Originals(before, place, with_what, only, announce)
                    proof.run(left, wanted, step)
                    side = Side("migrated", None, proof.portraits)
                session = Session(chosen, interpreter, place, top, timeout, memory_mb, side)
                try:
                    session.run(left, wanted, jobs, finish)
                finally:
                    with _undisturbed():
                        session.close()
                environment, interrupted = session.environment, session.interrupted
                if proof is not None:  # reads the originals, which lie in the scratch folder
                    for verdict in proof.explained(list(ended.values()), chosen):
                        ended[verdict.path] = verdict
            finally:
                with _undisturbed():
                    remove(place)
            recall.keep(fresh, environment)
    except KeyboardInterrupt:
        if environment is None:
            raise
        interrupted = True
    assert environment is not None
    verdicts = [
        ended[file] if file in ended else not_run(file, top, "interrupted") for file in files
    ]
    if proof is not None:
        verdicts = proof.complete(verdicts)
    flavours_seen = {model.flavour for verdict in verdicts for model in verdict.models}
    return VerifyReport(
        target=chosen.name,
        api=chosen.api,
        root=top,
        environment=environment,
        files=tuple(verdicts),
        seconds=round(time.monotonic() - started, 3),
        flavours=tuple(sorted(flavours_seen)),
        interrupted=interrupted,
        original=proof.keras if proof is not None else None,
    )


def _asked_for(original: str | None) -> Choice | None:
    """Return the Keras that originals are to run on; None where it is chosen."""
    if original is None:
        return None
    # Nothing of that is needed where nothing is compared: it reads code, by libcst.
    from kerasmigrate.verify.against_keras import parse_option

    return parse_option(original)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C wait while processes are ended and folders are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interpreter(python: Path | None) -> Path:
    """Return the absolute path of an interpreter, which may be named as on a command line."""
    if python is None:
        return Path(sys.executable)
    found = shutil.which(python)
    return absolute(Path(found)) if found else absolute(python)


def assign_builds(builds: Sequence[str], root: Path, files: list[Path]) -> dict[Path, list[str]]:
    """Return the expressions to evaluate in each file; a file that is not yet listed is added.

    Raises:
        VerifyError: An entry is malformed, or names no file.
    """
    assigned: dict[Path, list[str]] = {}
    for entry in builds:
        where, separator, expression = entry.partition(":")
        if not separator or not where or not expression.strip():
            raise VerifyError(
                f"--build {entry!r} is not MODULE:EXPRESSION, such as 'models.unet:build(128)'"
            )
        try:
            compile(expression.strip(), "<build>", "eval")
        except SyntaxError as error:
            raise VerifyError(
                f"--build {entry!r}: {expression!r} is not a Python expression: {error.msg}"
            ) from error
        file = _module_file(where, root)
        if file is None:
            raise VerifyError(f"--build {entry!r}: there is no module {where} below {root}")
        if file not in files:
            files.append(file)
        assigned.setdefault(file, []).append(expression.strip())
    return assigned


def _module_file(where: str, root: Path) -> Path | None:
    candidates = [Path(where)] if where.endswith(".py") else []
    relative = where.replace(".", "/")
    for folder in (root, root / "src", root.parent):
        if where.endswith(".py"):
            candidates.append(folder / where)
        else:
            candidates += [folder / f"{relative}.py", folder / relative / "__init__.py"]
    for candidate in candidates:
        file = absolute(candidate)
        if file.is_file() and file.is_relative_to(root):
            return file
    return None
