"""The library: migrate a text or a tree, check it, verify it.

Nothing here prints, and nothing but `migrate` with ``write=True`` changes a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmigrate import flavours, git
from kerasmigrate.errors import SourceError, UsageError
from kerasmigrate.files import Candidate, Discovery, discover
from kerasmigrate.findings import FileResult, Finding, Report, Status
from kerasmigrate.mixing import FileFlavours, majority, mixes
from kerasmigrate.pipeline import Pipeline, Result, migrate_text
from kerasmigrate.progress import Progress
from kerasmigrate.project import Project
from kerasmigrate.rules import SYNTAX
from kerasmigrate.runner import Task, failed, run
from kerasmigrate.source import Source
from kerasmigrate.transform import Settings

if TYPE_CHECKING:
    from kerasmigrate.verify.cache import Cache
    from kerasmigrate.verify.results import VerifyReport

Paths = Sequence[Path | str]

#: Files that a message names before it counts the rest.
_NAMED = 3


@dataclass(frozen=True)
class CheckReport(Report):
    """A `Report` of what is left to migrate.

    Attributes:
        chosen: Why it is judged for this target; empty when the caller said so.
    """

    chosen: str = ""


def migrate_source(
    text: str,
    to: str = "keras",
    *,
    api: int | None = None,
    settings: Settings | None = None,
    path: Path | str | None = None,
) -> Result:
    """Migrate one text.

    Args:
        text: Python source.
        to: ``keras``, ``tf.keras`` or ``tf_keras``.
        api: 2 or 3, for ``tf.keras``; 3 by default.
        settings: Which rules run, and how.
        path: Where the text belongs, so that what it imports from its neighbours is understood;
            the file itself is not read and need not exist.

    Returns:
        The new text with the findings; the text is the old one when there is nothing to edit.

    Raises:
        SourceError: The text cannot be parsed.
        UsageError: There is no such target.
    """
    pipeline = Pipeline.to(to, api=api, settings=settings)
    if path is None:
        return pipeline.run(text)
    place = Path(os.path.realpath(path))
    project = Project(git.root(place.parent) or place.parent, (place,))
    return pipeline.run(text, project.view(place))


def migrate_bytes(
    data: bytes, name: str, pipeline: Pipeline, *, python2: bool = False
) -> FileResult:
    """Migrate the bytes of one file that need not exist, such as the standard input.

    Args:
        data: The bytes of the file.
        name: What to call it.
        pipeline: What to do.
        python2: Modernise Python 2 first.
    """
    path = Path(name)
    try:
        source = Source.decode(data, name)
        return migrate_text(source, path, pipeline, Project(Path()).view(None), python2=python2)
    except SourceError as error:
        reason = str(error).removeprefix(f"{name}: ")
        result = failed(Candidate(path, name, Path()), reason, SYNTAX)
        return replace(result, before=data, after=data)


def migrate(
    paths: Paths,
    to: str = "keras",
    *,
    api: int | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    settings: Settings | None = None,
    python2: bool = False,
    write: bool = False,
    force: bool = False,
    jobs: int | None = 1,
    progress: Progress | None = None,
) -> Report:
    """Migrate files and folders; without ``write`` nothing is changed.

    A file that cannot be processed is a FAILED result and never costs another file its own.

    Args:
        paths: Files, and folders to search.
        to: ``keras``, ``tf.keras`` or ``tf_keras``.
        api: 2 or 3, for ``tf.keras``; 3 by default.
        include: Patterns in the style of ``.gitignore``: only what they match in folders.
        exclude: Patterns of the same kind for what to leave out.
        settings: Which rules run, and how.
        python2: Modernise Python 2 files first.
        write: Write the changes, with a journal that ``kerasmigrate undo`` takes back.
        force: Write even where git has uncommitted changes.
        jobs: Processes to use; None chooses by the number of files. With more than one, a script
            must be safe to import (``if __name__ == "__main__":``).
        progress: Called after each file with the number done, the total and its path.

    Raises:
        UsageError: No such target, a pattern that cannot be understood, an interrupted run, or
            uncommitted changes in a file that would be written; nothing was changed.
        WriteError: The journal could not be written; nothing was changed.
    """
    pipeline = Pipeline.to(to, api=api, settings=settings)
    found = discover([Path(path) for path in paths], include=include, exclude=exclude)
    if write:
        refuse_pending({file.root for file in found.files})
    task = Task(projects(found), pipeline, python2)
    outcomes = run(found.files, task, jobs, progress)
    results = tuple(outcome.result for outcome in outcomes if outcome.result is not None)
    report = Report(to, results, found.problems)
    return _written(report, found, force=force) if write else report


def projects(found: Discovery) -> dict[Path, Project]:
    """Return the project around the files of each root.

    In a git work tree all its files count, named or not: one of them may import a name from a
    file that is about to change.
    """
    files: dict[Path, set[Path]] = {}
    for file in found.files:
        files.setdefault(file.root, set()).add(file.path)
    for root in files:
        if git.git_dir(root) is not None:
            files[root].update(file.path for file in discover([root]).files)
    return {root: Project(root, sorted(paths)) for root, paths in files.items()}


def refuse_pending(roots: set[Path]) -> None:
    """Raise a `UsageError` when an earlier run was interrupted below one of the roots."""
    from kerasmigrate.writing import pending

    for root in sorted(roots):
        run = pending(root)
        if run is not None:
            raise UsageError(
                f"{root}: an earlier run was interrupted, {len(run.done)} of"
                f" {len(run.done) + len(run.todo)} files are written: finish it with 'kerasmigrate"
                " apply --resume' or take it back with 'kerasmigrate undo'"
            )


def _written(report: Report, found: Discovery, *, force: bool) -> Report:
    from kerasmigrate.writing import Change, write_all

    root_of = {file.path: file.root for file in found.files}
    groups: dict[Path, list[FileResult]] = {}
    for file in report.changed:
        groups.setdefault(root_of[file.path], []).append(file)
    if not force:
        for root, files in groups.items():
            _refuse_dirty(root, [file.path for file in files])
    reasons: dict[Path, str] = {}
    for root, files in groups.items():
        changes = [Change(file.path, file.before, file.after) for file in files]
        outcome = write_all(changes, journal_for=root, note=f"apply --to {report.target}")
        reasons.update(outcome.failed)
    return replace(report, files=tuple(_unwritten(file, reasons) for file in report.files))


def _unwritten(file: FileResult, reasons: dict[Path, str]) -> FileResult:
    reason = reasons.get(file.path)
    if reason is None:
        return file
    return replace(
        file,
        status=Status.FAILED,
        after=file.before,
        error=reason,
        findings=tuple(replace(finding, fixed=False) for finding in file.findings),
    )


def _refuse_dirty(root: Path, paths: Sequence[Path]) -> None:
    dirty = git.dirty(root, paths)
    if dirty.reason:
        raise UsageError(
            f"git cannot tell whether the files are committed ({dirty.reason}): solve that, or use"
            " --force"
        )
    if dirty.paths:
        named = ", ".join(dirty.paths[:_NAMED])
        more = f" and {len(dirty.paths) - _NAMED} more" if len(dirty.paths) > _NAMED else ""
        raise UsageError(
            f"{root}: uncommitted changes in {named}{more}, nothing was written: commit or stash"
            " them, or use --force"
        )


def check(
    paths: Paths,
    to: str | None = None,
    *,
    api: int | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    settings: Settings | None = None,
    python2: bool = False,
    jobs: int | None = 1,
    progress: Progress | None = None,
) -> CheckReport:
    """Report what is left to migrate, and which files mix flavours; change nothing.

    Every finding that `migrate` would fix counts as left. Mixes are ``project_findings``.

    Args:
        paths: Files, and folders to search.
        to: The flavour aimed at; None takes the one that most of the files are nearest to.
        api: As for `migrate`, and so are the others; ``progress`` runs twice.

    Raises:
        UsageError: No such target, or a pattern that cannot be understood.
    """
    found = discover([Path(path) for path in paths], include=include, exclude=exclude)
    known = projects(found)
    surveyed = run(found.files, Task(known, flavours=True), jobs, progress)
    flavours_of = [each.flavours for each in surveyed if each.flavours is not None]
    chosen = ""
    if to is None:
        to, chosen = _majority(flavours_of)
    pipeline = Pipeline.to(to, api=api, settings=settings)
    outcomes = run(found.files, Task(known, pipeline, python2), jobs, progress)
    results = tuple(outcome.result for outcome in outcomes if outcome.result is not None)
    runs = pipeline.settings.runs
    across = tuple(each for each in mixes(flavours_of) if runs(each[1].code))
    return CheckReport(to, results, found.problems, across, chosen)


def _majority(files: Sequence[FileFlavours]) -> tuple[str, str]:
    most = majority(files)
    if most is None:
        return "keras", "the default, as no file uses Keras"
    name, count, users = most
    return name, f"the flavour of {count} of {users} files that use Keras"


def verify_paths(
    paths: Paths,
    to: str = "keras",
    *,
    api: int | None = None,
    python: Path | None = None,
    builds: Sequence[str] = (),
    jobs: int = 1,
    timeout: float = 60.0,
    memory_mb: int | None = None,
    cache: Cache | None = None,
    progress: Progress | None = None,
    against: Path | str | None = None,
    original: str | None = None,
    announce: Callable[[str], None] | None = None,
) -> VerifyReport:
    """Climb the verification ladder, V0 to V3: bind every call, import, build, run, save and load.

    With ``against`` also V4: build the models of the original, and compare. The steps that need
    TensorFlow are :func:`kerasmigrate.verify.verify`'s; this adds the static ones.

    Args:
        paths: Files, and folders to search.
        to: The flavour that the code is in.
        api: 2 or 3, for ``tf.keras``; 3 by default.
        python: An interpreter that has TensorFlow; by default the running one.
        builds: Calls that build models which need arguments: ``module:function(32)``.
        jobs: Files to run at the same time.
        timeout: Seconds for one file.
        memory_mb: Memory for one file, in MiB, beyond what TensorFlow itself takes.
        cache: What earlier runs have shown; by default nothing is taken from there or kept.
        progress: Called after each file, of the original and of the migrated tree.
        against: The code as it was: ``last`` (before the last `migrate` that wrote), a folder, or a
            git revision.
        original: The Keras to run it on, as ``keras==1.2.2``, ``keras`` or ``tf_keras``; by default
            the one that it was written for.
        announce: Called with a line before an old Keras is downloaded.

    Raises:
        VerifyError: Nothing could be run, for example because TensorFlow is not installed.
        UsageError: There is no such target, or nothing to compare with where ``against`` says.
    """
    from kerasmigrate.verify import MEMORY, verify

    return verify(
        [Path(path) for path in paths],
        target=to,
        api=api,
        python=python,
        builds=builds,
        jobs=jobs,
        timeout=timeout,
        memory_mb=memory_mb or MEMORY,
        cache=cache,
        progress=progress,
        static=static_check(to, api),
        against=str(against) if against is not None else None,
        original=original,
        announce=announce,
    )


def static_check(to: str, api: int | None = None) -> Callable[[Path], list[str]]:
    """Return the static steps V0 and V1 for one file: a line for each problem."""
    from kerasmigrate.static import static_problems

    target = flavours.target(to, api)
    known: dict[Path, Project] = {}

    def problems(path: Path) -> list[str]:
        root = git.root(path.parent) or path.parent
        project = known.setdefault(root, Project(root))
        try:
            text = Source.read(path, path.name).text
        except SourceError as error:
            return [str(error)]
        return [_place(each) for each in static_problems(text, project.view(path), target)]

    return problems


def _place(finding: Finding) -> str:
    return f"line {finding.line}: {finding.message}" if finding.line else finding.message
