"""One side of a verification: a server, the copies of the tree, and a run of every file."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kerasmigrate import flavours
from kerasmigrate.errors import VerifyError
from kerasmigrate.verify.client import Server, ServerDiedError
from kerasmigrate.verify.results import (
    PROOF,
    Comparison,
    Environment,
    FileVerdict,
    ModelEvidence,
    Verdict,
)
from kerasmigrate.verify.scratch import Scratch

#: What step V1 has to say of a file, one line for each name or call that does not bind.
StaticCheck = Callable[[Path], Sequence[str]]
Progress = Callable[[int, int, str], None]


def merge(verdict: FileVerdict, problems: Sequence[str]) -> FileVerdict:
    """Add what step V1 found: a file with a name that does not exist is not proved."""
    if not problems or verdict.verdict is Verdict.SYNTAX_ERROR:
        return verdict
    notes = (*verdict.notes, *problems)
    if verdict.verdict is Verdict.KERAS_ERROR:
        return replace(verdict, notes=notes)
    return replace(verdict, verdict=Verdict.KERAS_ERROR, cause=problems[0], where="", notes=notes)


@dataclass(frozen=True)
class Side:
    """Which side of a comparison a session runs.

    Attributes:
        role: ``original`` takes its models down, ``migrated`` compares its own with them; empty
            where nothing is compared.
        setup: What else the server of an original has to know; None for what is installed.
        portraits: Where the models that were taken down are, for each file.
    """

    role: str = ""
    setup: Mapping[str, object] | None = None
    portraits: Mapping[Path, Path] = field(default_factory=dict)


class Session:
    """One server, its slots, and what is known of the environment."""

    def __init__(
        self,
        target: flavours.Target,
        python: Path,
        place: Path,
        root: Path,
        timeout: float,
        memory_mb: int,
        side: Side | None = None,
    ) -> None:
        self.side = side or Side()
        #: How many models of an original were taken down.
        self.taken: dict[Path, int] = {}
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
        server = Server(self.python, self.target, self.home, self.memory_mb, self.side.setup)
        self.hello = server.hello
        if self.side.setup is None and self.hello["major"] != self.target.api:
            server.close()
            raise VerifyError(
                f"{self.target.name} in {self.python} is Keras {self.hello['major']}, not Keras "
                f"{self.target.api}: choose another Python by --python, or another --api"
            )
        return server

    @property
    def environment(self) -> Environment:
        """Where the code ran, as far as that is known by now."""
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
        """End the server, and with it the files that it runs."""
        self.server.close()

    def run(
        self,
        files: Sequence[Path],
        builds: dict[Path, list[str]],
        jobs: int,
        finish: Callable[[FileVerdict], None],
    ) -> None:
        """Run files, at most ``jobs`` at a time, and pass on each verdict.

        Ctrl-C ends it early, and sets ``interrupted``.
        """
        try:
            self._run(files, builds, jobs, finish)
        except KeyboardInterrupt:
            self.interrupted = True

    def _run(
        self,
        files: Sequence[Path],
        builds: dict[Path, list[str]],
        jobs: int,
        finish: Callable[[FileVerdict], None],
    ) -> None:
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
                        waiting.pop(0)
                        finish(not_run(files[index], self.root, _NOT_COPIED))
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
                    finish(self._verdict(files[index], _DIED, running[index]))
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
            finish(self._verdict(files[index], answer, scratch))
            scratch.renew()
            free.append(scratch)

    def _job(
        self, index: int, file: Path, builds: dict[Path, list[str]], scratch: Scratch
    ) -> dict[str, Any]:
        portraits = self.side.portraits.get(file)
        return {
            "role": self.side.role if portraits is not None else "",
            "portraits": str(portraits or ""),
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
        comparisons = []
        for data in result.get("comparisons", ()):
            data["cause"] = clean(data["cause"])
            for name in ("where", "original_where"):
                data[name] = data.get(name, "").removeprefix(prefix)
            comparisons.append(Comparison.from_dict(data))
        self.taken[file] = int(result.get("taken", 0))
        return FileVerdict(
            path=file,
            display=display,
            verdict=verdict,
            comparisons=tuple(comparisons),
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
            known = number in {each.value for each in signal.Signals}
            name = signal.Signals(number).name if known else f"signal {number}"
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
