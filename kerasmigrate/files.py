"""Which files a run looks at.

A folder is searched for Python files as git would see it: what ``.gitignore`` leaves out, virtual
environments and other people's code stay out. A file that is named is taken as it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kerasmigrate import git
from kerasmigrate.errors import UsageError
from kerasmigrate.gitignore import Patterns, parse

#: Folders that never hold code of the project itself, wherever they are.
SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", "site-packages"}
    | {".tox", ".nox", ".eggs"}
)

#: A folder with one of these entries is a virtual environment.
ENVIRONMENT_MARKERS = frozenset({"pyvenv.cfg", "conda-meta"})

SUFFIX = ".py"


@dataclass(frozen=True)
class Candidate:
    """A file to look at.

    Attributes:
        path: Absolute path without symbolic links.
        display: The path relative to ``root``, with forward slashes.
        root: Top of the git work tree that holds the file; without git the folder that was named,
            or the current folder for a named file (its own folder when it is elsewhere).
    """

    path: Path
    display: str
    root: Path


@dataclass(frozen=True)
class Discovery:
    """What was found.

    Attributes:
        files: Sorted by path, each real file once.
        problems: Paths that could not be searched or are no files, each with a one-line reason.
    """

    files: tuple[Candidate, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def discover(
    paths: Sequence[Path], *, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Discovery:
    """Find the files that the given files and folders stand for.

    In a folder, files that end in ``.py`` are taken, except what ``.gitignore`` (at any level, and
    ``.git/info/exclude``) leaves out, version control folders, virtual environments,
    ``site-packages``, ``node_modules`` and caches. Folders are never entered through a symbolic
    link: what a link shows inside the tree is found where it really is, and the rest is not ours.
    A link to a file is followed when the file is in a folder that was searched and is not ignored
    there. A link that leads nowhere is no file.

    Args:
        paths: Files and folders. A file that is named here is taken whatever its name and
            whatever the ignore rules say; so is a folder, and then the rules inside it count.
        include: Patterns in the style of ``.gitignore``, relative to the root of the tree. When
            there are any, only files in folders that match one are taken, and files with another
            suffix than ``.py`` when a pattern ends in that suffix (``*.pyi``).
        exclude: Patterns of the same kind; what they match is left out, named or not.

    Raises:
        UsageError: A pattern cannot be understood.
    """
    suffixes = {SUFFIX, *(Path(line.rstrip()).suffix for line in include)} - {""}
    search = _Search(_parse(include), _parse(exclude), frozenset(suffixes))
    for path in paths:
        search.argument(path)
    search.follow_links()
    files = sorted(search.files.values(), key=lambda each: each.path)
    return Discovery(tuple(files), tuple(sorted(set(search.problems))))


def printable(display: str) -> str:
    """Return a path on one line that any UTF-8 stream can print.

    Control characters and bytes that are not UTF-8 are shown as backslash escapes.
    """
    text = display.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


@dataclass(frozen=True)
class _Rules:
    """The patterns of one ignore file, and where they start from (``""`` or ``folder/``)."""

    base: str
    patterns: Patterns


@dataclass(frozen=True)
class _Folder:
    """A folder to search, with all the rules that hold in it, the strongest last."""

    path: str
    prefix: str
    root: str
    rules: tuple[_Rules, ...]

    def ignores(self, relative: str, is_folder: bool) -> bool:
        for rules in reversed(self.rules):
            verdict = rules.patterns.verdict(relative[len(rules.base) :], is_folder)
            if verdict is not None:
                return verdict
        return False


@dataclass
class _Search:
    include: Patterns
    exclude: Patterns
    #: Suffixes of the files to take in a folder.
    suffixes: frozenset[str]
    files: dict[str, Candidate] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    #: Folders that have been searched, by real path.
    searched: dict[str, _Folder] = field(default_factory=dict)
    #: Real paths that links to files lead to.
    links: list[str] = field(default_factory=list)

    def argument(self, path: Path) -> None:
        """Take one file or folder that was named."""
        shown = path.as_posix()
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            self.problems.append((shown, _reason(error)))
            return
        real = os.path.realpath(path)
        if stat.S_ISDIR(mode):
            top = git.root(Path(real))
            self.walk(_first_folder(real, str(top) if top is not None else real))
        elif stat.S_ISREG(mode):
            root = _root_of_file(real)
            display = _relative(real, root)
            if not any(self.exclude.verdict(*step) for step in _steps(display)):
                self.take(real, display, root)
        else:
            self.problems.append((shown, "not a regular file"))

    def take(self, real: str, display: str, root: str) -> None:
        self.files.setdefault(real, Candidate(Path(real), display, Path(root)))

    def walk(self, first: _Folder) -> None:
        waiting = [first]
        while waiting:
            folder = waiting.pop()
            if folder.path in self.searched:
                continue
            try:
                with os.scandir(folder.path) as found:
                    entries = {entry.name: entry for entry in found}
            except OSError as error:
                self.problems.append((folder.prefix.rstrip("/") or ".", _reason(error)))
                continue
            if folder is not first and not ENVIRONMENT_MARKERS.isdisjoint(entries):
                continue
            folder = _with_own_rules(folder, entries)
            self.searched[folder.path] = folder
            for name, entry in entries.items():
                inner = self.visit(folder, name, entry)
                if inner is not None:
                    waiting.append(inner)

    def visit(self, folder: _Folder, name: str, entry: os.DirEntry[str]) -> _Folder | None:
        """Take a file; return a folder that is to be searched."""
        relative = folder.prefix + name
        if entry.is_dir(follow_symlinks=False):
            if name in SKIPPED_FOLDERS or self.left_out(folder, relative, True):
                return None
            return _Folder(entry.path, relative + "/", folder.root, folder.rules)
        if not self.wanted(relative) or self.left_out(folder, relative, False):
            return None
        if entry.is_file(follow_symlinks=False):
            self.take(entry.path, relative, folder.root)
        elif entry.is_symlink():
            self.links.append(os.path.realpath(entry.path))
        else:
            self.problems.append((relative, "not a regular file"))
        return None

    def wanted(self, relative: str) -> bool:
        if os.path.splitext(relative)[1] not in self.suffixes:  # noqa: PTH122 - for every file
            return False
        if not self.include.patterns:
            return True
        # The pattern that speaks of the nearest folder decides.
        verdicts = (self.include.verdict(*step) for step in reversed(_steps(relative)))
        return next((verdict for verdict in verdicts if verdict is not None), False)

    def left_out(self, folder: _Folder, relative: str, is_folder: bool) -> bool:
        return bool(self.exclude.verdict(relative, is_folder)) or folder.ignores(
            relative, is_folder
        )

    def follow_links(self) -> None:
        """Take the files behind links, now that all searched folders are known."""
        for real in self.links:
            parent, name = os.path.split(real)
            folder = self.searched.get(parent)
            if folder is None or not Path(real).is_file():
                continue
            relative = folder.prefix + name
            if not self.left_out(folder, relative, False):
                self.take(real, relative, folder.root)


def _first_folder(real: str, root: str) -> _Folder:
    """Gather the rules that hold in a folder that was named.

    When those above it ignore the folder itself, naming it has overruled them.
    """
    inner = _relative(real, root)
    if inner == ".":
        return _Folder(real, "", root, ())
    folder = _Folder(root, "", root, ())
    for name in inner.split("/"):
        folder = _with_own_rules(folder, _names(folder.path))
        inner = folder.prefix + name
        rules = () if folder.ignores(inner, True) else folder.rules
        folder = _Folder(f"{folder.path.rstrip(os.sep)}{os.sep}{name}", inner + "/", root, rules)
    return folder


def _with_own_rules(folder: _Folder, names: dict[str, os.DirEntry[str]]) -> _Folder:
    """Add the ignore files that lie in a folder."""
    rules = list(folder.rules)
    if ".git" in names:
        # A repository of its own: the rules of the one around it do not reach inside.
        rules = []
        common = git.common_dir(Path(folder.path))
        if common is not None:
            rules += _read_rules(common / "info" / "exclude", folder.prefix)
    # git does not follow a link that is called .gitignore.
    entry = names.get(".gitignore")
    if entry is not None and entry.is_file(follow_symlinks=False):
        rules += _read_rules(Path(entry.path), folder.prefix)
    if len(rules) == len(folder.rules) and ".git" not in names:
        return folder
    return _Folder(folder.path, folder.prefix, folder.root, tuple(rules))


def _names(path: str) -> dict[str, os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return {entry.name: entry for entry in found}
    except OSError:
        return {}  # a folder above the named one that we may pass but not list


def _read_rules(path: Path, base: str) -> list[_Rules]:
    try:
        content = path.read_bytes()
    except OSError:
        return []  # absent, or unreadable: git goes on without it, too
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    return [_Rules(base, Patterns.parse(text.split("\n")))]


def _parse(lines: Sequence[str]) -> Patterns:
    for line in lines:
        if parse(line) is None:
            raise UsageError(
                f"the pattern {line!r} cannot match anything: write it as in a .gitignore file"
            )
    return Patterns.parse(lines)


def _root_of_file(real: str) -> str:
    folder = str(Path(real).parent)
    top = git.root(Path(folder))
    if top is not None:
        return str(top)
    here = os.path.realpath(".")
    inside = os.path.commonpath([here, folder]) == here if _same_drive(here, folder) else False
    return here if inside else folder


def _same_drive(one: str, other: str) -> bool:
    return os.path.splitdrive(one)[0] == os.path.splitdrive(other)[0]


def _steps(relative: str) -> list[tuple[str, bool]]:
    """Return the folders on the way to a file, from the top, and the file: (path, is a folder)."""
    ends = [at for at, char in enumerate(relative) if char == "/"]
    return [*((relative[:end], True) for end in ends), (relative, False)]


def _relative(path: str, root: str) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, ValueError):
        return "not a valid file name"
    reason = error.strerror or str(error)
    return reason[:1].lower() + reason[1:]
