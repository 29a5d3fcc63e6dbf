"""Runs the originals, each on its own Keras, and has their models taken down for the comparison."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kerasmigrate import flavours
from kerasmigrate.errors import VerifyError
from kerasmigrate.verify import originals
from kerasmigrate.verify.against import Original, find
from kerasmigrate.verify.against_explained import explained
from kerasmigrate.verify.against_keras import INSTALLED, TF_KERAS, Choice, OldKeras, choose
from kerasmigrate.verify.results import (
    Comparison,
    Environment,
    FileVerdict,
    Likeness,
    OriginalKeras,
    OriginalRun,
)
from kerasmigrate.verify.scratch import NOBODY
from kerasmigrate.verify.session import Session, Side

__all__ = ["Limits", "Originals", "find"]

#: Says something to whoever waits, in one line.
Announce = Callable[[str], None]
#: The name of the list of what was taken down, as ``worker/proving.py`` writes it.
INDEX = "index.json"


@dataclass(frozen=True)
class Limits:
    """What the originals are run with, as the migrated files are."""

    python: Path
    timeout: float
    memory_mb: int
    jobs: int


@dataclass
class Originals:
    """The originals of the migrated files, and what running them has shown.

    Attributes:
        place: An empty folder for all that is written.
        only: What ``--original`` asks for; None chooses.
    """

    original: Original
    place: Path
    limits: Limits
    only: Choice | None = None
    announce: Announce | None = None
    runs: dict[Path, OriginalRun] = field(default_factory=dict)
    #: Where the portraits of an original's models are, by the migrated file.
    portraits: dict[Path, Path] = field(default_factory=dict)
    notes: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    interrupted: bool = False
    _environment: Environment | None = None
    _version: str = ""
    _main: Choice = field(default_factory=lambda: Choice(INSTALLED, "no file has an original"))

    def run(
        self,
        files: Sequence[Path],
        builds: Mapping[Path, Sequence[str]],
        progress: Callable[[str], None],
    ) -> None:
        """Run the originals of migrated files.

        Args:
            files: The migrated files.
            builds: Calls that build models, by migrated file; they are made on both sides.
            progress: Called after each file.

        Raises:
            VerifyError: A Keras that is needed is not to be had.
        """
        present = {file: self.original.file(file) for file in files}
        known = {path: file for file, path in present.items() if path is not None}
        if self.only is None:
            self._main, chosen = choose(self.original, known)
        else:
            self._main, chosen = self.only, dict.fromkeys(known, self.only)
        # The one that most are run on comes first: its environment is the one that is shown.
        kerases = sorted({each.keras for each in chosen.values()}, key=str)
        kerases.sort(key=lambda each: each != self._main.keras)
        for number, keras in enumerate(kerases):
            group = [path for path, each in chosen.items() if each.keras == keras]
            wanted = {path: list(builds.get(known[path], ())) for path in group}
            self._run_on(keras, group, wanted, number, known, progress)
            if self.interrupted:
                raise KeyboardInterrupt
        for path, choice in chosen.items():
            if choice.keras != self._main.keras:
                note = f"the original was run on {choice.keras}: {choice.because}"
                self._note(known[path], note)
            if self.original.name(known[path]) in self.original.python2:
                self._note(known[path], "the original is Python 2: its translation was run")

    def _note(self, file: Path, text: str) -> None:
        self.notes[file] = (*self.notes.get(file, ()), text)

    def _run_on(
        self,
        keras: OldKeras,
        group: Sequence[Path],
        builds: dict[Path, list[str]],
        number: int,
        known: Mapping[Path, Path],
        progress: Callable[[str], None],
    ) -> None:
        place = self.place / f"side{number}"
        place.mkdir(mode=0o755)
        folders = {path: _folder(place / "portraits") for path in group}
        target = flavours.target(TF_KERAS if keras.package == TF_KERAS else "keras")
        side = Side("original", self._setup(keras, place), folders)
        session = Session(
            target,
            self.limits.python,
            place,
            self.original.root,
            self.limits.timeout,
            self.limits.memory_mb,
            side,
        )

        def finish(verdict: FileVerdict) -> None:
            file = known[verdict.path]
            self.runs[file] = _as_run(verdict, session.taken.get(verdict.path, 0))
            # Without a result, what lies there is not ours.
            if verdict.path in session.taken and (folders[verdict.path] / INDEX).is_file():
                self.portraits[file] = folders[verdict.path]
            progress(f"{verdict.display} (original)")

        try:
            session.run(group, builds, self.limits.jobs, finish)
        finally:
            session.close()
        self.interrupted = session.interrupted
        if self._environment is None:
            self._environment = session.environment
            self._version = str(session.hello["target_version"])

    def _setup(self, keras: OldKeras, place: Path) -> Mapping[str, object] | None:
        """Return what the server has to know to be that Keras; None when that is installed."""
        if keras.package == TF_KERAS:
            return {"legacy": True}
        if not keras.version:
            return None
        folder = originals.find(keras.version)
        if folder is None:
            if self.announce is not None:
                self.announce(
                    f"downloading keras {keras.version}, which the original was written for,"
                    f" into {originals.cache()}"
                )
            folder = originals.install(keras.version)
        # Whoever runs the code may not be allowed to read in the user's home.
        copy = place / "keras"
        try:
            shutil.copytree(folder, copy)
        except OSError as error:
            raise VerifyError(f"cannot copy {folder}: {error.strerror}") from error
        return {"old": str(copy)}

    @property
    def keras(self) -> OriginalKeras | None:
        """What most of the originals were run on; None when none was run."""
        if self._environment is None:
            return None
        return OriginalKeras(
            against=self.original.against,
            package=self._main.keras.package,
            version=self._version,
            chosen_because=self._main.because,
            environment=self._environment,
        )

    # -- what it comes to ----------------------------------------------------------------------

    def explained(
        self, verdicts: Sequence[FileVerdict], target: flavours.Target
    ) -> list[FileVerdict]:
        """Name the findings that speak of differences, while the originals are still there."""
        return explained(verdicts, self.original, target)

    def complete(self, verdicts: Sequence[FileVerdict]) -> list[FileVerdict]:
        """Add to what the migrated files have shown what is known of their originals."""
        return [self._complete(each) for each in verdicts]

    def _complete(self, verdict: FileVerdict) -> FileVerdict:
        run = self.runs.get(verdict.path)
        notes = (*verdict.notes, *self.notes.get(verdict.path, ()))
        comparisons = verdict.comparisons or tuple(self._not_compared(verdict, run))
        return replace(verdict, original=run, comparisons=comparisons, notes=notes)

    def _not_compared(self, verdict: FileVerdict, run: OriginalRun | None) -> Iterable[Comparison]:
        """Say of each model why there is nothing to compare it with."""
        if run is None:
            cause = "there is no original of this file"
        elif verdict.path not in self.portraits:
            cause = f"the original did not run: {run.cause or run.verdict.value}"
        else:
            cause = f"this file did not run to its end: {verdict.cause or verdict.verdict.value}"
            if run.models and not verdict.models:
                yield Comparison(Likeness.NOT_COMPARED, cause)
        for model in verdict.models:
            yield Comparison(Likeness.NOT_COMPARED, cause, name=model.name, where=model.where)


def _folder(parent: Path) -> Path:
    """Return a new folder that the code of an original may write to."""
    parent.mkdir(mode=0o755, exist_ok=True)
    folder = parent / str(len(list(parent.iterdir())))
    folder.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    return folder


def _as_run(verdict: FileVerdict, models: int) -> OriginalRun:
    return OriginalRun(
        display=verdict.display,
        verdict=verdict.verdict,
        cause=verdict.cause,
        where=verdict.where,
        models=models,
        output=verdict.output,
        seconds=verdict.seconds,
    )
