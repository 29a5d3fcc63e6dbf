"""The project around a file: who re-exports which Keras name, and what its functions return.

Only the module level of each file matters here, so the files are summarised with :mod:`ast`, once
each and on demand. A file that cannot be parsed simply has nothing to tell.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kerasmigrate import inventory
from kerasmigrate.errors import SourceError
from kerasmigrate.flavours import canonical
from kerasmigrate.source import MAX_BYTES, read_bytes

#: Inventories of modules that old code may star-import from.
SOURCES = (
    "keras-1.2.2",
    "keras-2.0.9",
    "keras-2.2.4",
    "keras-2.3.1",
    "tf.keras-2",
    "tensorflow.python.keras",
    "tf_keras-2",
    "keras-3",
)


@dataclass(frozen=True)
class Wanted:
    """A name that a file imports from a module of unknown place."""

    module: str
    level: int
    name: str


@dataclass(frozen=True)
class Described:
    """What a module of the project defines under a name.

    Attributes:
        kind: ``class`` or ``function``.
        path: Canonical Keras class: the base of the class, or the class of what is returned.
    """

    kind: str
    path: str


@dataclass
class Summary:
    """The module level of one file."""

    names: dict[str, str | Wanted] = field(default_factory=dict)
    stars: list[Wanted] = field(default_factory=list)
    wanted: list[Wanted] = field(default_factory=list)
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    #: Attributes of other objects that the file sets, such as ``K.where``.
    patched: set[str] = field(default_factory=set)

    def defines(self, name: str) -> bool:
        """Tell whether the file has a class or function of its own under a name."""
        return name in self.classes or name in self.functions


class Project:
    """All files that may import each other.

    Args:
        root: Folder above which no module of the project is looked for.
        files: The project's Python files; needed to know which names other files import.
    """

    def __init__(self, root: Path, files: Iterable[Path] = ()) -> None:
        self.root = root
        self.files = tuple(files)
        self._summaries: dict[Path, Summary] = {}

    def view(self, path: Path | None) -> ModuleView:
        """Return the project as one of its files sees it; None is a text without a file."""
        return ModuleView(self, path)

    def summary(self, path: Path) -> Summary:
        """Summarise a file; empty when it cannot be read or parsed."""
        if path not in self._summaries:
            summary = Summary()
            try:
                data = read_bytes(path)
                if len(data) <= MAX_BYTES:
                    summary = summarise(parse_quietly(data))
            except (SourceError, SyntaxError, ValueError, RecursionError, MemoryError):
                pass  # it has nothing to tell; the pipeline says why
            self._summaries[path] = summary
        return self._summaries[path]

    @cached_property
    def exported(self) -> dict[Path, frozenset[str]]:
        """Names that some file of the project imports from each other file."""
        found: dict[Path, set[str]] = {}
        for path in self.files:
            for wanted in self.summary(path).wanted:
                origin = self.locate(path, wanted.module, wanted.level)
                if origin is not None:
                    found.setdefault(origin, set()).add(wanted.name)
        return {path: frozenset(names) for path, names in found.items()}

    @cached_property
    def patched(self) -> frozenset[str]:
        """Canonical paths of the names that files of the project put into modules of Keras."""
        found = set()
        for path in self.files:
            for chain in self.summary(path).patched:
                head, _, rest = chain.partition(".")
                origin = self.origin(path, head)
                split = canonical(f"{origin}.{rest}") if origin is not None else None
                if split is not None:
                    found.add(split[0])
        return frozenset(found)

    def reaches_keras(self, path: Path) -> bool:
        """Tell whether a file that never says ``keras`` gets a Keras name from another file."""
        view = self.view(path)
        for wanted in self.summary(path).wanted:
            if wanted.name == "*":
                found = any(
                    canonical(each) for each in view.star(wanted.module, wanted.level).values()
                )
            else:
                found = bool(canonical(view.export(wanted.module, wanted.level, wanted.name) or ""))
            if found:
                return True
        return False

    def builds_on_keras(self, path: Path) -> bool:
        """Tell whether a file gets a class or a builder of Keras objects from another file."""
        view = self.view(path)
        return any(
            wanted.name != "*"
            and view.describe(wanted.module, wanted.level, wanted.name) is not None
            for wanted in self.summary(path).wanted
        )

    def locate(self, importer: Path | None, module: str, level: int) -> Path | None:
        """Find the project's file behind an import statement.

        Args:
            importer: The file that holds the statement.
            module: Dotted name, empty in ``from . import x``.
            level: Number of leading dots.
        """
        if importer is None or (not level and canonical(module)):
            return None
        parts = module.split(".") if module else []
        if level:
            base = importer.parent
            for _ in range(level - 1):
                base = base.parent
            return _module_file(base, parts)
        folder = importer.parent
        while True:
            found = _module_file(folder, parts) or _module_file(folder / "src", parts)
            if found is not None and found != importer:
                return found
            if folder in (self.root, folder.parent):
                return None
            folder = folder.parent

    def origin(self, path: Path, name: str, seen: frozenset[Path] = frozenset()) -> str | None:
        """Return the absolute dotted path of what ``path`` re-exports as ``name``, if it does."""
        if path in seen:
            return None
        seen |= {path}
        summary = self.summary(path)
        value = summary.names.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, Wanted):
            return self._follow(path, value, value.name, seen)
        if summary.defines(name):
            return None
        for star in reversed(summary.stars):
            if not star.level and canonical(star.module):
                if name in keras_members(star.module):
                    return f"{star.module}.{name}"
            else:
                found = self._follow(path, star, name, seen)
                if found is not None:
                    return found
        return None

    def _follow(self, path: Path, wanted: Wanted, name: str, seen: frozenset[Path]) -> str | None:
        origin = self.locate(path, wanted.module, wanted.level)
        return self.origin(origin, name, seen) if origin is not None else None

    def describe(
        self, path: Path, name: str, seen: frozenset[tuple[Path, str]] = frozenset()
    ) -> Described | None:
        """Say which Keras class a class of ``path`` derives from, or a function returns."""
        if (path, name) in seen:
            return None
        seen |= {(path, name)}
        summary = self.summary(path)
        if name in summary.classes:
            for base in summary.classes[name]:
                found = self._class(path, base, seen)
                if found is not None:
                    return Described("class", found)
            return None
        if name in summary.functions:
            returned = self._returned(path, summary.functions[name], seen)
            return Described("function", returned) if returned else None
        value = summary.names.get(name)
        candidates = [value] if isinstance(value, Wanted) else summary.stars
        for wanted in candidates:
            origin = self.locate(path, wanted.module, wanted.level)
            if origin is not None:
                actual = wanted.name if wanted.name != "*" else name
                described = self.describe(origin, actual, seen)
                if described is not None:
                    return described
        return None

    def _class(self, path: Path, chain: str, seen: frozenset[tuple[Path, str]]) -> str | None:
        """Resolve a dotted chain in ``path`` to the Keras class that it is or derives from."""
        head, _, rest = chain.partition(".")
        origin = self.origin(path, head)
        if origin is not None:
            split = canonical(f"{origin}.{rest}" if rest else origin)
            return split[0] if split else None
        described = self.describe(path, head, seen)
        if described is not None and not rest and described.kind == "class":
            return described.path
        return None

    def _returned(
        self,
        path: Path,
        function: ast.FunctionDef | ast.AsyncFunctionDef,
        seen: frozenset[tuple[Path, str]],
    ) -> str | None:
        """Return the Keras class of what a function returns, when all returns agree."""
        values: dict[str, list[ast.expr]] = {}
        returns: list[ast.expr] = []
        for node in _own_nodes(function):
            if isinstance(node, ast.Return) and node.value is not None:
                returns.append(node.value)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        values.setdefault(target.id, []).append(node.value)
        found: set[str | None] = set()
        for value in returns:
            assigned = values.get(value.id, []) if isinstance(value, ast.Name) else [value]
            found |= {self._built(path, each, seen) for each in assigned} or {None}
        return found.pop() if len(found) == 1 else None

    def _built(self, path: Path, value: ast.expr, seen: frozenset[tuple[Path, str]]) -> str | None:
        if not isinstance(value, ast.Call):
            return None
        chain = chain_of(value.func)
        if chain is None:
            return None
        head = chain.partition(".")[0]
        if self.origin(path, head) is not None:
            return self._class(path, chain, seen)
        described = self.describe(path, chain, seen) if chain == head else None
        return described.path if described is not None else None


@dataclass(frozen=True)
class ModuleView:
    """The project as one file sees it."""

    project: Project
    path: Path | None

    def export(self, module: str, level: int, name: str) -> str | None:
        """Return the absolute path of a name that another file of the project re-exports."""
        origin = self.project.locate(self.path, module, level)
        return self.project.origin(origin, name) if origin is not None else None

    def describe(self, module: str, level: int, name: str) -> Described | None:
        """Say what another file of the project defines under a name."""
        origin = self.project.locate(self.path, module, level)
        return self.project.describe(origin, name) if origin is not None else None

    def star(self, module: str, level: int) -> dict[str, str]:
        """Return what ``from module import *`` brings: local name to absolute dotted path."""
        if not level and canonical(module):
            return {name: f"{module}.{name}" for name in keras_members(module)}
        origin = self.project.locate(self.path, module, level)
        return self._exports(origin, frozenset()) if origin is not None else {}

    def _exports(self, path: Path, seen: frozenset[Path]) -> dict[str, str]:
        if path in seen:
            return {}
        summary = self.project.summary(path)
        found: dict[str, str] = {}
        for star in summary.stars:
            if not star.level and canonical(star.module):
                found |= {name: f"{star.module}.{name}" for name in keras_members(star.module)}
                continue
            origin = self.project.locate(path, star.module, star.level)
            if origin is not None:
                found |= self._exports(origin, seen | {path})
        found = {name: value for name, value in found.items() if not summary.defines(name)}
        for name in summary.names:
            value = self.project.origin(path, name)
            if value is not None and (not name.startswith("_") or name in summary.declared):
                found[name] = value
        if summary.declared:
            found = {name: value for name, value in found.items() if name in summary.declared}
        return found

    @cached_property
    def kept(self) -> frozenset[str]:
        """Names of this module that other code may import, so that they must stay bound.

        A star stands for every name.
        """
        if self.path is None:
            return frozenset()
        names = self.project.exported.get(self.path, frozenset())
        return names | self.project.summary(self.path).declared


def keras_members(module: str) -> frozenset[str]:
    """Return every name that a Keras module had in one of the versions that we know.

    Args:
        module: Absolute dotted path in any flavour.
    """
    split = canonical(module)
    if split is None:
        return frozenset()
    found: set[str] = set()
    for name in SOURCES:
        found.update(inventory.load(name).members(split[0]))
    return frozenset(found)


def _module_file(folder: Path, parts: Sequence[str]) -> Path | None:
    place = folder.joinpath(*parts)
    for candidate in (
        *([place.with_name(place.name + ".py")] if parts else []),
        place / "__init__.py",
    ):
        if candidate.is_file():
            return candidate
    return None


def chain_of(node: ast.expr) -> str | None:
    """Return a name with its attributes, such as ``K.tensorflow_backend.dot``; else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join((node.id, *reversed(parts)))


def _own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Walk a function without entering the functions and classes inside it."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


def parse_quietly(code: bytes | str) -> ast.Module:
    """Parse Python without its warnings, which are about the user's code and not ours to give."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def summarise(tree: ast.Module) -> Summary:
    """Summarise the module level of a parsed file."""
    summary = Summary()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                summary.wanted.append(Wanted(node.module or "", node.level, alias.name))
    _summarise_block(tree.body, summary)
    return summary


def _summarise_block(body: Sequence[ast.stmt], summary: Summary) -> None:
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    summary.names[alias.asname] = alias.name
                else:
                    root = alias.name.partition(".")[0]
                    summary.names[root] = root
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                wanted = Wanted(node.module or "", node.level, alias.name)
                if alias.name == "*":
                    summary.stars.append(wanted)
                elif not node.level and canonical(f"{node.module}.{alias.name}"):
                    summary.names.setdefault(
                        alias.asname or alias.name, f"{node.module}.{alias.name}"
                    )
                elif not node.level and node.module == "tensorflow":
                    summary.names[alias.asname or alias.name] = f"tensorflow.{alias.name}"
                else:
                    summary.names[alias.asname or alias.name] = wanted
        elif isinstance(node, ast.ClassDef):
            bases = (chain_of(base) for base in node.bases)
            summary.classes[node.name] = tuple(base for base in bases if base)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            summary.functions[node.name] = node
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            _summarise_assignment(node.targets[0], node.value, summary)
        elif isinstance(node, ast.AugAssign) and chain_of(node.target) == "__all__":
            summary.declared |= _strings(node.value)
        elif isinstance(node, ast.If):
            _summarise_block(node.body, summary)
            _summarise_block(node.orelse, summary)
        elif isinstance(node, ast.Try):
            _summarise_block(node.body, summary)
            for handler in node.handlers:
                _summarise_block(handler.body, summary)
            _summarise_block(node.orelse, summary)
            _summarise_block(node.finalbody, summary)
        elif isinstance(node, ast.With):
            _summarise_block(node.body, summary)


def _summarise_assignment(target: ast.expr, value: ast.expr, summary: Summary) -> None:
    if isinstance(target, ast.Attribute):
        patched = chain_of(target)
        if patched is not None:
            summary.patched.add(patched)
    if not isinstance(target, ast.Name):
        return
    if target.id == "__all__":
        summary.declared = _strings(value)
        return
    chain = chain_of(value)
    head, _, rest = (chain or "").partition(".")
    known = summary.names.get(head)
    if isinstance(known, str):
        summary.names.setdefault(target.id, f"{known}.{rest}" if rest else known)


def _strings(value: ast.expr) -> frozenset[str]:
    """Return the strings that stand in a list, a tuple or a sum of these."""
    return frozenset(
        node.value
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
