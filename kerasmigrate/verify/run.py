"""Run a tree file by file, and gather what that showed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerasmigrate import flavours
from kerasmigrate.errors import VerifyError
from kerasmigrate.verify import sources
from kerasmigrate.verify.client import Server, ServerDiedError
from kerasmigrate.verify.results import (
    PROOF,
    Environment,
    FileVerdict,
    ModelEvidence,
    Verdict,
    VerifyReport,
)
from kerasmigrate.verify.scratch import Scratch, remove
from kerasmigrate.verify.sources import absolute

#: What step V1 has to say of a file, one line for each name or call that does not bind.
StaticCheck = Callable[[Path], Sequence[str]]
Progress = Callable[[int, int, str], None]

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

    Raises:
        VerifyError: Nothing could be run: no such file, no TensorFlow, a tree too large to copy.
        UsageError: There is no such target.
    """
    started = time.monotonic()
    chosen = flavours.target(target, api)
    top = absolute(root) if root is not None else sources.find_root(paths)
    files = sources.select(paths)
    for file in files:
        if not file.is_relative_to(top):
            raise VerifyError(f"{file} does not lie below the root {top}: choose a root above it")
    wanted = assign_builds(builds, top, files)
    interpreter = _interpreter(python)
    place = Path(tempfile.mkdtemp(prefix="kerasmigrate-verify-"))
    try:
        if place.resolve().is_relative_to(top.resolve()):
            raise VerifyError(f"{top} holds the temporary folder: choose a root below it")
        place.chmod(0o755)
        session = _Session(chosen, interpreter, place, top, timeout, memory_mb)
        try:
            verdicts = session.run(files, wanted, jobs, progress, static)
        finally:
            session.close()
    finally:
        remove(place)
    flavours_seen = {model.flavour for verdict in verdicts for model in verdict.models}
    return VerifyReport(
        target=chosen.name,
        api=chosen.api,
        root=top,
        environment=session.environment,
        files=tuple(verdicts),
        seconds=round(time.monotonic() - started, 3),
        flavours=tuple(sorted(flavours_seen)),
        interrupted=session.interrupted,
    )


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


def _merge(verdict: FileVerdict, problems: Sequence[str]) -> FileVerdict:
    """Add what step V1 found: a file with a name that does not exist is not proved."""
    if not problems or verdict.verdict is Verdict.SYNTAX_ERROR:
        return verdict
    notes = (*verdict.notes, *problems)
    if verdict.verdict is Verdict.KERAS_ERROR:
        return replace(verdict, notes=notes)
    return replace(verdict, verdict=Verdict.KERAS_ERROR, cause=problems[0], where="", notes=notes)


class _Session:
    """One server, its slots, and what is known of the environment."""

    def __init__(
        self,
        target: flavours.Target,
        python: Path,
        place: Path,
        root: Path,
        timeout: float,
        memory_mb: int,
    ) -> None:
        self.target = target
        self.python = python
        self.place = place
        self.root = root
        self.timeout = timeout
        self.memory_mb = memory_mb
        self.isolation: dict[str, str] = {}
        self.interrupted = False
        self.home = place / "home"
        self.home.mkdir(mode=0o755)
        self.server = self._start()

    def _start(self) -> Server:
        server = Server(self.python, self.target, self.home, self.memory_mb)
        self.hello = server.hello
        if self.hello["major"] != self.target.api:
            server.close()
            raise VerifyError(
                f"{self.target.name} in {self.python} is Keras {self.hello['major']}, not Keras "
                f"{self.target.api}: choose another Python by --python, or another --api"
            )
        return server

    @property
    def environment(self) -> Environment:
        return Environment(
            python=str(self.python),
            python_version=self.hello["python_version"],
            tensorflow=self.hello["tensorflow"],
            keras=self.hello["keras"],
            tf_keras=self.hello["tf_keras"],
            network=self.isolation.get("network", ""),
            files=self.isolation.get("files", ""),
            user=self.isolation.get("user", ""),
        )

    def close(self) -> None:
        self.server.close()

    def run(
        self,
        files: Sequence[Path],
        builds: dict[Path, list[str]],
        jobs: int,
        progress: Progress | None = None,
        static: StaticCheck | None = None,
    ) -> list[FileVerdict]:
        """Run all files, at most ``jobs`` at a time; returns the verdicts in the files' order.

        After Ctrl-C ``interrupted`` is set, and the files that are left are ``not-run``.
        """
        verdicts: dict[int, FileVerdict] = {}

        def done(index: int, verdict: FileVerdict) -> None:
            problems = static(verdict.path) if static is not None else ()
            verdicts[index] = _merge(verdict, problems)
            if progress is not None:
                progress(len(verdicts), len(files), verdict.display)

        try:
            self._run(files, builds, jobs, done)
        except KeyboardInterrupt:
            self.interrupted = True
        return [
            verdicts[index] if index in verdicts else not_run(file, self.root, "interrupted")
            for index, file in enumerate(files)
        ]

    def _run(
        self,
        files: Sequence[Path],
        builds: dict[Path, list[str]],
        jobs: int,
        done: Callable[[int, FileVerdict], None],
    ) -> None:
        """Run all files, and say of each that it is done."""
        waiting = list(range(len(files)))
        running: dict[int, Scratch] = {}
        suspects: set[int] = set()
        free: list[Scratch] = []
        for number in range(max(1, min(jobs, len(files)))):
            free.append(Scratch(self.root, self.place / f"slot{number}"))
        while waiting or running:
            try:
                # A file that was running when a server died runs alone the next time.
                while waiting and free and not (running and suspects & {waiting[0], *running}):
                    index = waiting[0]
                    if not free[-1].holds(files[index]):
                        done(waiting.pop(0), not_run(files[index], self.root, _NOT_COPIED))
                        continue
                    self.server.send(self._job(index, files[index], builds, free[-1]))
                    running[waiting.pop(0)] = free.pop()
                if not running:
                    continue
                answer = self.server.receive()
            except ServerDiedError:
                self.server.close()
                self.server = self._start()
                if len(running) == 1:
                    (index,) = running
                    done(index, self._verdict(files[index], _DIED, running[index]))
                else:
                    suspects |= set(running)
                    waiting[:0] = sorted(running)
                for scratch in running.values():
                    scratch.renew()
                    free.append(scratch)
                running.clear()
                continue
            index = answer["id"]
            scratch = running.pop(index)
            done(index, self._verdict(files[index], answer, scratch))
            scratch.renew()
            free.append(scratch)

    def _job(
        self, index: int, file: Path, builds: dict[Path, list[str]], scratch: Scratch
    ) -> dict[str, Any]:
        return {
            "id": index,
            "path": str(scratch.project / file.relative_to(self.root)),
            "tree": str(scratch.tree),
            "project": str(scratch.project),
            "home": str(scratch.home),
            "root": str(self.root),
            "builds": builds.get(file, []),
            "timeout": self.timeout,
            "memory_mb": self.memory_mb,
        }

    def _verdict(self, file: Path, answer: dict[str, Any], scratch: Scratch) -> FileVerdict:
        display = file.relative_to(self.root).as_posix()
        result = answer["result"]
        if result is None:
            verdict, cause = self._without_result(answer)
            return FileVerdict(
                file,
                display,
                verdict,
                cause,
                output=answer["output"],
                seconds=answer["seconds"],
            )
        self.isolation = result.get("isolation", self.isolation)
        verdict = Verdict(result["verdict"])
        prefix = "" if scratch.project == scratch.tree else scratch.project.name + "/"

        def clean(text: str) -> str:
            for folder in (scratch.project, scratch.tree):
                text = text.replace(str(folder) + os.sep, "")
            return text

        models = []
        for data in result.get("models", ()):
            data["where"] = data["where"].removeprefix(prefix)
            data["errors"] = [(step, clean(cause)) for step, cause in data["errors"]]
            data["notes"] = [clean(note) for note in data["notes"]]
            models.append(ModelEvidence.from_dict(data))
        return FileVerdict(
            path=file,
            display=display,
            verdict=verdict,
            cause=clean(result["cause"]),
            where=result.get("where", "").removeprefix(prefix),
            models=tuple(models),
            needs=tuple(result.get("needs", ())),
            notes=tuple(clean(note) for note in result.get("notes", ())),
            output="" if verdict in PROOF else answer["output"],
            seconds=answer["seconds"],
        )

    def _without_result(self, answer: dict[str, Any]) -> tuple[Verdict, str]:
        if answer["timed_out"]:
            return Verdict.TIMEOUT, f"not done within the time limit of {self.timeout:g} s"
        number = answer["signal"]
        if number:
            name = signal.Signals(number).name
            return Verdict.CRASHED, f"killed by {name}"
        return Verdict.CRASHED, f"ended by itself with exit code {answer['exit']}"


def not_run(file: Path, root: Path, cause: str) -> FileVerdict:
    """Return the verdict for a file that was not run."""
    return FileVerdict(file, file.relative_to(root).as_posix(), Verdict.NOT_RUN, cause)


_NOT_COPIED = "not copied: it cannot be read, or lies in a folder that is skipped"
_DIED: dict[str, Any] = {
    "result": None,
    "timed_out": False,
    "signal": int(signal.SIGKILL),
    "exit": 0,
    "output": "the server process died while this file ran",
    "seconds": 0.0,
}
