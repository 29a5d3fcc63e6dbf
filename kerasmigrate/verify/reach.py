"""What of a tree the run of one file can depend on.

Told from the source, and rather too much than too little: a name that is imported stands for every
module of the tree that may be meant, a file that imports or reads by names that it computes depends
on all Python files, and every file depends on all that is not Python.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kerasmigrate.verify.sources import is_skipped

#: Data files up to this size, in bytes, are told apart by content, others by the times of the file
#: system.
READ_WHOLE = 1 << 20

#: Names in code whose imports, or whose reading of files, the import statements do not tell.
_OPAQUE = frozenset(
    [
        "importlib",
        "import_module",
        "__import__",
        "imp",
        "runpy",
        "pkgutil",
        "pydoc",
        "zipimport",
        "entry_points",
        "modules",
        "__path__",
        "exec",
        "eval",
        "execfile",
        "subprocess",
        "popen",
        "Popen",
        "system",
        "glob",
        "iglob",
        "rglob",
        "listdir",
        "scandir",
        "iterdir",
        "walk",
        "joblib",
        "dill",
        "shelve",
        "yaml",
        "hydra",
    ]
)
_OPAQUE_PART = re.compile("pickle|^spawn|^exec[lv]")
#: The same for texts in code: the name of a module as a file, or of settings that name one.
_OPAQUE_TEXT = re.compile(r"\.py\b|SETTINGS_MODULE")
#: Modules that nothing imports although they are installed.
_UNUSED = frozenset({"test", "tests"})
_OURS = "kerasmigrate"


@dataclass(frozen=True)
class Facts:
    """What the text of one file says about what it needs.

    Attributes:
        modules: Dotted names that it imports, relative ones without their dots.
        opaque: It may need any Python file of the tree.
        places: Absolute paths that it names.
    """

    modules: frozenset[str]
    opaque: bool
    places: frozenset[str]


def facts(data: bytes) -> Facts:
    """Read the facts off a text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Facts(frozenset(), True, frozenset())
    modules: set[str] = set()
    words: set[str] = set()
    texts: set[str] = set()
    comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            modules.update(f"{base}.{alias.name}".lstrip(".") for alias in node.names)
        elif isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            # K.eval(x) and pandas' frame.eval(x) run no code.
            words.add(node.attr if node.attr not in ("eval", "exec") else "")
        elif isinstance(node, ast.keyword):
            words.add(node.arg or "")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value if id(node) not in comments else "")
    words.update(word for module in modules for word in module.split("."))
    opaque = bool(words & _OPAQUE) or any(_OPAQUE_PART.search(word) for word in words)
    opaque = opaque or any(_OPAQUE_TEXT.search(text) for text in texts)
    places = {text for text in texts if text.startswith("/") and len(text) < 1024}
    return Facts(frozenset(modules), opaque, frozenset(places))


class Tree:
    """The files of a tree, by what they contain.

    Args:
        root: The folder that is copied for a run.
        shadowed: Top-level names of modules outside of the tree. A file of the tree that goes by
            one of them may be imported by anything.

    Raises:
        OSError: The tree cannot be read.
    """

    def __init__(self, root: Path, shadowed: frozenset[str]) -> None:
        self.root = root
        self.python: dict[str, str] = {}
        self._data = hashlib.sha256()
        self._modules: dict[tuple[str, ...], set[str]] = {}
        self._facts: dict[str, Facts] = {}
        self._always: set[str] = set()
        for name, place in _files(root):
            if not name.endswith(".py"):
                self._data.update(f"{name}\0{_state(place)}\0".encode("utf-8", "backslashreplace"))
                continue
            self.python[name] = hashlib.sha256(place.read_bytes()).hexdigest()
            self._enter(name, shadowed)

    def _enter(self, name: str, shadowed: frozenset[str]) -> None:
        parts = [*self.root.parts[-1:], *name[: -len(".py")].split("/")]
        if parts[-1] == "__init__":
            parts.pop()
        if parts and parts[-1] in shadowed - _UNUSED:
            self._always.add(name)
        for start in range(len(parts)):
            self._modules.setdefault(tuple(parts[start:]), set()).add(name)

    @property
    def data(self) -> str:
        """Digest of all that is not Python."""
        return self._data.hexdigest()

    def facts(self, name: str) -> Facts:
        """Return the facts of one file.

        Raises:
            OSError: It cannot be read any more.
        """
        if name not in self._facts:
            self._facts[name] = facts((self.root / name).read_bytes())
        return self._facts[name]

    def reach(self, name: str) -> set[str]:
        """Return the Python files that a run of one file can depend on, itself among them.

        Raises:
            OSError: One of them cannot be read any more.
        """
        found: set[str] = set()
        pending = [name, *self._always]
        while pending:
            each = pending.pop()
            if each in found:
                continue
            found.add(each)
            if self.facts(each).opaque:
                return set(self.python)
            pending += self._packages(each)
            for module in self.facts(each).modules:
                pending += self._named(module)
        return found

    def _named(self, module: str) -> Iterator[str]:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            yield from self._modules.get(tuple(parts[:end]), ())

    def _packages(self, name: str) -> Iterator[str]:
        """Yield the ``__init__`` files that run before a module does."""
        folder = name
        while folder:
            folder = folder.rpartition("/")[0]
            package = f"{folder}/__init__.py".lstrip("/")
            if package in self.python:
                yield package

    def uses_us(self, names: Iterable[str]) -> bool:
        """Tell whether one of some files imports kerasmigrate, which no version speaks for."""
        modules = (module for name in names for module in self.facts(name).modules)
        return any(module.split(".")[0] == _OURS for module in modules)

    def places(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """Return the absolute paths that some files name, each with the state of what is there."""
        found = {place for name in names for place in self.facts(name).places}
        return [(place, _state(Path(place), whole=0)) for place in sorted(found)]


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield what a copy of the tree has: paths relative to the root, and the files."""
    for current, folders, files in os.walk(root):
        here = Path(current)
        folders[:] = sorted(name for name in folders if not is_skipped(here / name))
        for name in sorted(files):
            place = here / name
            if place.is_file():
                yield place.relative_to(root).as_posix(), place


def _state(place: Path, whole: int = READ_WHOLE) -> str:
    """Tell what a file holds: its content, or size and times where it is larger than ``whole``."""
    try:
        status = place.stat()
    except (OSError, ValueError):
        return "none"
    if stat.S_ISREG(status.st_mode) and status.st_size <= whole:
        return hashlib.sha256(place.read_bytes()).hexdigest()
    if (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX) or place == Path("/"):
        return "folder"  # such as /tmp, where everybody writes
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
