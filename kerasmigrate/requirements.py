"""The versions of Keras and TensorFlow that the requirements of a project name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from kerasmigrate.project import ModuleView

#: Where requirements are kept; looked for from the file's folder up to the root of its project.
FILES = (
    "requirements*.txt",
    "requirements/*.txt",
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "Pipfile",
    "environment*.y*ml",
)
_MAX_BYTES = 100_000
_LAST = (99,)
#: First version of each span, the first version behind it, and what stands for the span.
_SPANS = {
    "keras": (
        ((1, 0), (1, 0, 8), ("keras-1.0.0", "keras-1.1.2")),
        ((1, 0, 8), (1, 2), ("keras-1.1.2",)),
        ((1, 2), (2, 0), ("keras-1.2.2",)),
        ((2, 0), (2, 1), ("keras-2.0.9",)),
        ((2, 1), (2, 2), ("keras-2.0.9", "keras-2.2.4")),
        ((2, 2), (2, 3), ("keras-2.2.4",)),
        ((2, 3), (2, 4), ("keras-2.3.1",)),
        ((2, 4), (3, 0), ("tf.keras-2",)),
        ((3, 0), _LAST, ("keras-3",)),
    ),
    "tensorflow": (
        ((1, 0), (2, 0), ("tf.keras-1",)),
        ((2, 0), (2, 16), ("tf.keras-2",)),
        ((2, 16), _LAST, ("keras-3",)),
    ),
}
_NAMES = {"keras": "keras", "tensorflow": r"tensorflow(?:[-_](?:gpu|cpu))?"}
_EXACTLY = re.compile(r"={1,3}[ \t]*v?(?!.*\*)")
_CLAUSE = r"(?:===?|~=|>=|<=|!=|<|>|=)[ \t]*v?\d+(?:\.\d+)*(?:\.\*)?"


def pinned(view: ModuleView, package: str) -> frozenset[str]:
    """Return the versions that the nearest requirements allow for ``keras`` or ``tensorflow``.

    Args:
        view: The file's place in its project.
        package: One of the two.

    Returns:
        Names as in :mod:`kerasmigrate.versions`; empty when nothing is said.
    """
    for folder in _folders(view):
        found = _in_folder(folder, package)
        if found:
            return found
    return frozenset()


def exact(view: ModuleView, package: str) -> tuple[str, Path] | None:
    """Return the one version that the nearest requirements ask for, and the file that does.

    None where they allow several, or name several.
    """
    for folder in _folders(view):
        if _in_folder(folder, package):
            asked = {
                (_version(clauses), path)
                for path in _files(folder)
                for clauses in _clauses(_text(path), package)
            }
            versions = {version for version, _ in asked}
            return min(asked) if len(versions) == 1 and "" not in versions else None
    return None


def _version(clauses: list[str]) -> str:
    """Return the version that clauses ask for; empty when there is more than one that would do."""
    match = _EXACTLY.match(clauses[0])
    return clauses[0][match.end() :] if match and len(clauses) == 1 else ""


def _folders(view: ModuleView) -> Iterator[Path]:
    """Yield the folder of a file, and those above it up to the root of its project."""
    if view.path is None:
        return
    root = view.project.root.absolute()
    folder = view.path.absolute().parent
    while True:
        yield folder
        if folder == root or root not in folder.parents:
            return
        folder = folder.parent


@cache
def _in_folder(folder: Path, package: str) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for path in _files(folder):
        found |= _in_text(_text(path), package)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for pattern in FILES:
        yield from sorted(folder.glob(pattern))


@cache
def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _in_text(text: str, package: str) -> frozenset[str]:
    """Name the spans that the clauses of a text allow."""
    return frozenset(
        name
        for clauses in _clauses(text, package)
        for first, behind, names in _SPANS[package]
        if all(_allows(clause, first, behind) for clause in clauses)
        for name in names
    )


def _clauses(text: str, package: str) -> Iterator[list[str]]:
    """Yield every list of clauses such as ``Keras>=2.0,<2.3`` of a text."""
    pattern = (
        rf"(?im)^[^#\n]*?(?<![\w.\-/])({_NAMES[package]})[\"']?[ \t]*=?[ \t]*[\"']?[ \t]*"
        rf"((?:{_CLAUSE})(?:[ \t]*,[ \t]*{_CLAUSE})*)"
    )
    for match in re.finditer(pattern, text):
        yield re.findall(_CLAUSE, match.group(2))


def _allows(clause: str, first: tuple[int, ...], behind: tuple[int, ...]) -> bool:
    """Tell whether a clause allows any version from ``first`` up to, but not, ``behind``."""
    match = re.match(r"([^\d\sv]+)[ \t]*v?([\d.]+)", clause)
    assert match is not None
    operator = match.group(1)
    parts = tuple(int(part) for part in match.group(2).strip(".").split("."))
    version, first, behind = _full(parts), _full(first), _full(behind)
    if operator in ("==", "===", "="):
        above = version if len(parts) > 2 else _full((*parts[:-1], parts[-1] + 1))
        return (version < behind and first < above) or first <= version < behind
    if operator == "~=":
        above = _full((*parts[:-2], parts[-2] + 1) if len(parts) > 1 else _LAST)
        return version < behind and first < above
    if operator in (">=", ">"):
        return version < behind
    if operator == "<":
        return first < version
    return operator != "<=" or first <= version


def _full(version: tuple[int, ...]) -> tuple[int, ...]:
    return (*version, 0, 0, 0)[:3]
