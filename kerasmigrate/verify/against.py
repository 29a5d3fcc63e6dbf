"""The code as it was before the migration: from a git revision, a folder, or the journal.

Nothing of the user's is touched: the files are written to a place of their own, where the originals
run from. Python 2 is brought to Python 3 there, by the same means as in a migration.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kerasmigrate import git
from kerasmigrate.errors import SourceError, UsageError, VerifyError, WriteError
from kerasmigrate.files import discover
from kerasmigrate.journal import Journal, Run
from kerasmigrate.parsing import compile_error
from kerasmigrate.requirements import FILES
from kerasmigrate.source import Source
from kerasmigrate.verify.scratch import LARGEST_FILE
from kerasmigrate.verify.sources import absolute, is_skipped

#: Names the journal of the last ``apply`` instead of a revision or a folder.
LAST = "last"


@dataclass(frozen=True)
class Original:
    """The original tree, where it can be run from.

    Attributes:
        against: What it is, for people: ``the last apply``, a revision, a folder.
        root: The original of ``base``.
        base: The folder of the migrated tree that it is compared with.
        project: A folder above ``root``, or it: requirements are looked for up to there.
        python2: Files that are Python 2, relative to ``root``; what lies there is Python 3.
    """

    against: str
    root: Path
    base: Path
    project: Path
    python2: frozenset[PurePosixPath] = frozenset()

    def file(self, migrated: Path) -> Path | None:
        """Return the original of a migrated file; None when there is none."""
        if not migrated.is_relative_to(self.base):
            return None
        found = self.root / migrated.relative_to(self.base)
        return found if found.is_file() else None

    def name(self, migrated: Path) -> PurePosixPath:
        """Return a file's path relative to ``base``."""
        return PurePosixPath(migrated.relative_to(self.base).as_posix())


def find(
    against: str, top: Path, paths: Sequence[Path], place: Path, *, modernised: bool = True
) -> Original:
    """Write the original tree to a new folder.

    Args:
        against: ``last``, a folder, or a git revision.
        top: The root of the migrated tree.
        paths: The migrated files and folders, as they were named.
        place: Where to write; an empty folder.
        modernised: Bring Python 2 to Python 3.

    Raises:
        UsageError: There is no such folder, revision or journal.
        VerifyError: It is there, and cannot be had.
    """
    folder = Path(against)
    if against == LAST:
        found = _from_journal(top, paths, place)
    elif folder.is_dir():
        found = _from_folder(absolute(folder), top, paths, place)
    elif folder.exists():
        raise UsageError(f"--against {against} is a file: name the folder that it lies in")
    else:
        found = _from_git(against, top, place)
    return _as_python3(found) if modernised else found


# -- where from -----------------------------------------------------------------------------------


def _from_journal(top: Path, paths: Sequence[Path], place: Path) -> Original:
    # What was migrated may be the whole, and what is verified now some files or folders of it.
    roots = {top, *top.parents, *(file.root for file in discover(list(paths)).files)}
    entries: dict[Path, bytes] = {}
    for root in sorted(roots):
        run = _last_run(root)
        for entry in run.entries if run is not None else ():
            assert run is not None
            try:
                old, _ = run.contents(entry)
            except WriteError as error:
                raise VerifyError(str(error)) from error
            entries[Path(os.path.realpath(root / entry.path))] = old
    if not entries:
        raise UsageError(
            f"no apply is on record for {top}: name a git revision or a folder by --against"
        )
    above = git.root(top) or top
    root, project = _copied(top, above, place)
    real = Path(os.path.realpath(top))
    for path, old in entries.items():
        if path.is_relative_to(real):
            _write(root / path.relative_to(real), old)
    return Original("the last apply", root, top, project)


def _last_run(root: Path) -> Run | None:
    try:
        runs = Journal(root).runs()
    except WriteError as error:
        raise VerifyError(str(error)) from error
    if runs and not runs[-1].finished:
        raise UsageError(
            f"{root}: the last apply was interrupted: finish it with 'kerasmigrate apply --resume'"
        )
    return runs[-1] if runs else None


def _from_folder(folder: Path, top: Path, paths: Sequence[Path], place: Path) -> Original:
    named = [absolute(path) for path in paths]
    common = Path(os.path.commonpath([each if each.is_dir() else each.parent for each in named]))
    files = [each for each in named if each.is_file()]
    base = top
    # The folder may stand for the whole project of single files, or for the folder they lie in.
    if files and not any((folder / each.relative_to(top)).is_file() for each in files):
        base = common
        if not any((folder / each.relative_to(base)).is_file() for each in files):
            raise UsageError(f"--against {folder}: there is no {files[0].relative_to(base)} in it")
    root, project = _copied(folder, git.root(folder) or folder, place, base.name)
    return Original(str(folder), root, base, project)


def _from_git(revision: str, top: Path, place: Path) -> Original:
    above = git.root(top)
    if above is None:
        raise UsageError(
            f"--against {revision}: there is no such folder, and {top} is in no git repository"
        )
    if revision.startswith("-"):
        raise UsageError(f"--against {revision} is neither a folder nor a git revision")
    inner = Path(os.path.realpath(top)).relative_to(above)
    root = place / top.name if inner == Path() else place / above.name / inner
    project = root if inner == Path() else place / above.name
    try:
        name = git.commit(above, revision)
        blobs = [each for each in git.files(above, name) if _wanted(each, inner)]
        links = []
        for blob, data in git.contents(above, blobs):
            if blob.link:
                links.append((blob, data))
            else:
                _write(project / blob.path, data, blob.executable)
        for blob, data in links:
            _write_linked(project, blob, os.fsdecode(data))
    except git.RevisionError as error:
        raise UsageError(f"--against {revision}: {error}") from error
    if not root.is_dir():
        raise UsageError(f"--against {revision}: there was no {inner.as_posix()} in it")
    return Original(f"{revision} ({name[:10]})", root, top, project)


def _wanted(blob: git.Blob, inner: Path) -> bool:
    """Tell whether a file of a commit belongs to the tree, or says what the tree requires."""
    path = Path(blob.path)
    if blob.size > LARGEST_FILE or ".." in path.parts:
        return False
    if path.is_relative_to(inner):
        return not any(part.startswith(".") for part in path.relative_to(inner).parts[:-1])
    return any(path.match(pattern) for pattern in FILES)


def _write_linked(project: Path, blob: git.Blob, target: str) -> None:
    """Write a copy of the file that a link of a commit shows, when it is of the same commit."""
    real = Path(os.path.normpath((project / blob.path).parent / target))
    if real.is_relative_to(project) and real.is_file() and not real.is_symlink():
        _write(project / blob.path, real.read_bytes())


# -- writing --------------------------------------------------------------------------------------


def _copied(folder: Path, above: Path, place: Path, name: str = "") -> tuple[Path, Path]:
    """Copy a tree, and the requirements above it; returns where it is, and its project.

    Args:
        above: The project that the folder belongs to.
        name: What to call the copy; by default its own name.
    """
    real, above = Path(os.path.realpath(folder)), Path(os.path.realpath(above))
    inner = real.relative_to(above)
    root = place / (name or folder.name) if inner == Path() else place / above.name / inner
    project = root if inner == Path() else place / above.name
    root.mkdir(parents=True)
    try:
        for current, folders, names in os.walk(real):
            here = Path(current)
            folders[:] = [each for each in folders if not _left_out(here / each)]
            for each in names:
                _copy(here / each, root / (here / each).relative_to(real), real)
        for parent in [each for each in real.parents if each.is_relative_to(above)]:
            for pattern in FILES:
                for file in parent.glob(pattern):
                    _copy(file, project / file.relative_to(above), above)
    except OSError as error:
        raise VerifyError(f"cannot copy {folder}: {error.strerror}: free some space") from error
    return root, project


def _left_out(folder: Path) -> bool:
    return folder.is_symlink() or is_skipped(folder)


def _copy(source: Path, goal: Path, inside: Path) -> None:
    real = source.resolve()
    if real.is_relative_to(inside) and real.is_file() and real.stat().st_size <= LARGEST_FILE:
        try:
            data = real.read_bytes()
        except PermissionError:
            return  # the code will say so if it needs it
        _write(goal, data, os.access(real, os.X_OK))


def _write(path: Path, data: bytes, executable: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if executable else 0o644)


# -- Python 2 -------------------------------------------------------------------------------------


def _as_python3(original: Original) -> Original:
    found = set()
    for path in _python_files(original.root):
        name = path.relative_to(original.root).as_posix()
        try:
            source = Source.decode(path.read_bytes(), name)
            if compile_error(source.text) is None:
                continue
            from kerasmigrate.python2 import modernise

            path.write_bytes(source.encode(modernise(source.text, name).text))
        except SourceError:
            continue  # it is no Python at all: to run it will say so
        found.add(PurePosixPath(name))
    return Original(
        original.against, original.root, original.base, original.project, frozenset(found)
    )


def _python_files(root: Path) -> Iterable[Path]:
    return (path for path in sorted(root.rglob("*.py")) if path.is_file())
