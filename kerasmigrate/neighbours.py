"""What the other files of a project say, for rules that must not change half of a thing."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from kerasmigrate.errors import SourceError
from kerasmigrate.project import Project, parse_quietly
from kerasmigrate.source import MAX_BYTES, read_bytes

_Fact = TypeVar("_Fact")
_known: WeakKeyDictionary[Project, dict[Path, frozenset[Path]]] = WeakKeyDictionary()


class FileFacts(Generic[_Fact]):
    """One kind of fact about every file of a project, found when it is first asked for.

    Args:
        find: Makes the fact of a parsed file.
        concerns: Tells by the bytes of a file whether it is worth parsing.
        nothing: The fact of a file that is not, or that cannot be parsed.
    """

    def __init__(
        self,
        find: Callable[[ast.Module], _Fact],
        concerns: Callable[[bytes], bool],
        nothing: _Fact,
    ) -> None:
        self._find = find
        self._concerns = concerns
        self._nothing = nothing
        self._known: WeakKeyDictionary[Project, dict[Path, _Fact]] = WeakKeyDictionary()

    def of(self, project: Project, path: Path) -> _Fact:
        """Return the fact of one file as it is on disk."""
        known = self._known.setdefault(project, {})
        if path not in known:
            known[path] = self._read(path)
        return known[path]

    def _read(self, path: Path) -> _Fact:
        try:
            data = read_bytes(path)
            if len(data) <= MAX_BYTES and self._concerns(data):
                return self.of_text(data)
        except SourceError:
            pass  # reported when the turn of the file comes
        return self._nothing

    def of_text(self, code: bytes | str) -> _Fact:
        """Return the fact of a text."""
        try:
            return self._find(parse_quietly(code))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return self._nothing


def connected(project: Project, path: Path | None) -> frozenset[Path]:
    """Return the files that are connected with a file by imports, itself left out."""
    if path is None:
        return frozenset()
    imports = _imports(project)
    edges: dict[Path, set[Path]] = {}
    for one, others in imports.items():
        for other in others:
            edges.setdefault(one, set()).add(other)
            edges.setdefault(other, set()).add(one)
    found = {path}
    todo = [path]
    while todo:
        for each in edges.get(todo.pop(), ()):
            if each not in found:
                found.add(each)
                todo.append(each)
    return frozenset(found - {path})


def sharing(project: Project, path: Path | None) -> frozenset[Path]:
    """Return the files that a value made in a file may get to, itself left out.

    Those are the files that it imports, directly or not, those that import it, and what these
    import in turn. Two files that only import a third one share nothing.
    """
    if path is None:
        return frozenset()
    imports = _imports(project)
    users = {
        each for each in imports if each == path or path in _reached(imports, each, frozenset())
    }
    found: frozenset[Path] = frozenset((path,))
    for each in users | {path}:
        found = _reached(imports, each, found)
    return found - {path}


def _reached(
    imports: dict[Path, frozenset[Path]], start: Path, known: frozenset[Path]
) -> frozenset[Path]:
    """Return the known files and those that imports lead to from a file, itself among them."""
    found = {start}
    todo = [start]
    while todo:
        for each in imports.get(todo.pop(), ()):
            if each not in found:
                found.add(each)
                todo.append(each)
    return known | found


def imported(project: Project, path: Path) -> frozenset[Path]:
    """Return the files of the project that a file imports, directly or not."""
    return _reached(_imports(project), path, frozenset()) - {path}


def is_imported(project: Project, path: Path | None) -> bool:
    """Tell whether another file of the project imports a file."""
    return path is not None and any(path in others for others in _imports(project).values())


def _imports(project: Project) -> dict[Path, frozenset[Path]]:
    """Return the files of the project that each of its files imports."""
    if project not in _known:
        _known[project] = {path: _imported(project, path) for path in project.files}
    return _known[project]


def _imported(project: Project, path: Path) -> frozenset[Path]:
    summary = project.summary(path)
    found = set()
    for wanted in summary.wanted:
        found.add(project.locate(path, wanted.module, wanted.level))
        inner = ".".join(part for part in (wanted.module, wanted.name) if part)
        found.add(project.locate(path, inner, wanted.level))
    for value in summary.names.values():
        if isinstance(value, str):
            found.add(project.locate(path, value, 0))
    return frozenset(each for each in found if each is not None and each != path)
