"""What kerasmigrate asks git: where a repository begins, and what in it is not committed.

The questions of place are answered from the files on disk, so that they need no git executable and
cannot be misled by ``GIT_DIR`` and its relatives; only the state of files is asked of git itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Seconds after which a silent git counts as one that gives no answer.
TIMEOUT = 120.0

_POINTER = b"gitdir:"


@dataclass(frozen=True)
class Dirty:
    """What stands between a repository and a safe change of some of its files.

    False in a boolean context when there is nothing.

    Attributes:
        paths: Tracked files with uncommitted changes, relative to the root, sorted.
        reason: One line why git could not tell the state of the files; empty when it could.
    """

    paths: tuple[str, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.paths or self.reason)


def git_dir(root: Path) -> Path | None:
    """Return the folder where git keeps the data of the repository whose work tree is ``root``.

    In a linked work tree and in a submodule ``.git`` is a file that points to that folder. None
    when ``root`` is not the top of a work tree.
    """
    marker = root / ".git"
    if marker.is_dir():
        return marker if (marker / "HEAD").is_file() else None
    try:
        content = marker.read_bytes()
    except OSError:
        return None
    if not content.startswith(_POINTER):
        return None
    target = Path(os.fsdecode(content[len(_POINTER) :].strip()))
    # A relative pointer starts from the folder of the .git file.
    folder = Path(os.path.normpath(root / target))
    return folder if folder.is_dir() else None


def common_dir(root: Path) -> Path | None:
    """Return the git folder that linked work trees share; it holds ``info/exclude``."""
    folder = git_dir(root)
    if folder is None:
        return None
    try:
        content = (folder / "commondir").read_bytes()
    except OSError:
        return folder
    return Path(os.path.normpath(folder / os.fsdecode(content.strip())))


def root(path: Path) -> Path | None:
    """Return the top of the git work tree that holds ``path``, or None.

    ``path`` may be a file or a folder and need not exist. A bare repository has no work tree.
    """
    start = Path(os.path.realpath(path))
    for folder in (start, *start.parents):
        if git_dir(folder) is not None:
            return folder
    return None


def dirty(top: Path, paths: Iterable[Path]) -> Dirty:
    """Tell which of ``paths`` are tracked by git and have changes that are not committed.

    A file in a submodule or in a nested repository is asked of that repository. Without a git
    executable nothing is tracked as far as we can tell, and nothing is dirty. When git refuses to
    answer (a repository of another owner, a damaged index), the answer carries its reason and is
    true: an unknown state is not a clean one.

    Args:
        top: Top of the work tree; the reported paths are relative to it.
        paths: Files that are about to change.
    """
    executable = shutil.which("git")
    if executable is None:
        return Dirty()
    top = Path(os.path.realpath(top))
    owners: dict[Path, Path | None] = {}
    groups: dict[Path, set[Path]] = {}
    for path in paths:
        real = Path(os.path.realpath(path))
        if real.parent not in owners:
            owners[real.parent] = root(real.parent)
        owner = owners[real.parent]
        if owner is not None:
            groups.setdefault(owner, set()).add(real)
    found: set[str] = set()
    reasons: list[str] = []
    for owner, group in sorted(groups.items()):
        changed, reason = _changed(executable, owner)
        found.update(os.path.relpath(path, top).replace(os.sep, "/") for path in group & changed)
        if reason:
            reasons.append(f"{owner}: {reason}")
    return Dirty(tuple(sorted(found)), "; ".join(reasons))


def _changed(executable: str, top: Path) -> tuple[set[Path], str]:
    """Ask git for all tracked files of one work tree that differ from the last commit."""
    # A repository's configuration may name a program to run as its file system monitor; looking
    # at somebody's checkout must not run it.
    command = [executable, "-c", "core.fsmonitor=false", "-C", str(top), "status"]
    command += ["--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=all"]
    try:
        answer = subprocess.run(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return set(), f"git did not answer within {TIMEOUT:.0f} s"
    except OSError as error:
        return set(), f"git could not be run: {error.strerror}"
    if answer.returncode != 0:
        first = os.fsdecode(answer.stderr).strip().partition("\n")[0]
        return set(), first.removeprefix("fatal: ") or f"git ended with {answer.returncode}"
    changed: set[Path] = set()
    fields = iter(answer.stdout.split(b"\0"))
    for field in fields:
        if not field:
            continue
        changed.add(top / os.fsdecode(field[3:]))
        if field[:1] in b"RC" or field[1:2] in b"RC":
            next(fields)  # the name before the renaming; nothing is there any more
    return changed, ""


def _environment() -> dict[str, str]:
    """Return our environment without what would point git at another repository.

    Hooks run with ``GIT_DIR`` and ``GIT_INDEX_FILE`` set. Settings (``GIT_CONFIG_*``) stay: CI
    systems declare safe folders there.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG")
    }
    return {**kept, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


@dataclass(frozen=True)
class Blob:
    """A file of a commit; ``path`` is relative to the top, with forward slashes."""

    path: str
    id: str
    size: int
    executable: bool = False
    link: bool = False


class RevisionError(Exception):
    """git cannot give what was asked of it; the text is the reason, one line."""


def commit(top: Path, revision: str) -> str:
    """Return the full name of the commit that a revision means.

    Args:
        top: Top of the work tree.
        revision: As git takes it: ``HEAD~1``, a tag, a branch, the beginning of a name.

    Raises:
        RevisionError: There is no such revision, or git does not answer.
    """
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
    answer = _ask(top, *asked, allowed=(0, 1, 128))
    name = os.fsdecode(answer).strip()
    if not name:
        raise RevisionError(f"no revision {revision!r} in {top}")
    return name


def files(top: Path, name: str) -> list[Blob]:
    """Return the files of a commit, those of submodules left out.

    Raises:
        RevisionError: git does not answer.
    """
    answer = _ask(top, "ls-tree", "-r", "-z", "-l", "--full-tree", name)
    found = []
    for entry in answer.split(b"\0"):
        if entry:
            about, _, path = entry.partition(b"\t")
            mode, kind, blob, size = about.split()
            if kind == b"blob":
                found.append(
                    Blob(
                        os.fsdecode(path),
                        blob.decode(),
                        int(size),
                        mode == b"100755",
                        mode == b"120000",
                    )
                )
    return found


def contents(top: Path, blobs: Iterable[Blob]) -> Iterator[tuple[Blob, bytes]]:
    """Yield the bytes of files as they were committed; no filter or hook of anybody's runs.

    Raises:
        RevisionError: git does not answer.
    """
    wanted = list(blobs)
    asked = "".join(each.id + "\n" for each in wanted).encode()
    answer = _ask(top, "cat-file", "--batch", given=asked)
    place = 0
    for each in wanted:
        end = answer.index(b"\n", place)
        header = answer[place:end].split()
        if header[1:2] != [b"blob"]:
            raise RevisionError(f"{each.path} is not in this copy of the repository")
        size = int(header[2])
        yield each, answer[end + 1 : end + 1 + size]
        place = end + 1 + size + 1


def _ask(top: Path, *arguments: str, given: bytes = b"", allowed: Sequence[int] = (0,)) -> bytes:
    """Run git on one work tree, and return what it prints."""
    executable = shutil.which("git")
    if executable is None:
        raise RevisionError("there is no git to ask: install it, or name a folder")
    try:
        answer = subprocess.run(
            [executable, "-c", "core.fsmonitor=false", "-C", str(top), *arguments],
            # What a partial clone lacks is not to be fetched behind the user's back.
            env={**_environment(), "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"},
            input=given,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RevisionError(f"git did not answer within {TIMEOUT:.0f} s") from None
    except OSError as error:
        raise RevisionError(f"git could not be run: {error.strerror}") from error
    if answer.returncode not in allowed:
        first = os.fsdecode(answer.stderr).strip().partition("\n")[0]
        reason = first.removeprefix("fatal: ") or f"git ended with {answer.returncode}"
        raise RevisionError(reason)
    return answer.stdout
