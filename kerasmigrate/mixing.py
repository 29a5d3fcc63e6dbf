"""Who mixes which flavours of Keras, in one file and across files.

A file mixes when there is no flavour that all its uses of Keras could have; the branches of a
guard (``try: import keras`` / ``except ImportError: from tensorflow import keras``) are
alternatives of one use. Two files mix when one imports the other and no flavour would do for both.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import libcst as cst

from kerasmigrate.errors import SourceError
from kerasmigrate.findings import Confidence, Finding, Severity
from kerasmigrate.flavours import canonical
from kerasmigrate.names import Names
from kerasmigrate.parsing import parse
from kerasmigrate.project import ModuleView, Project, Wanted
from kerasmigrate.rebuilding import Printed
from kerasmigrate.rules import MIXED
from kerasmigrate.scopes import Binding, dotted

#: The target that code of each flavour is nearest to.
NEAREST = {
    "keras": "keras",
    "keras_core": "keras",
    "tf.keras": "tf.keras",
    "tf.compat.v1.keras": "tf.keras",
    "tf.contrib.keras": "tf.keras",
    "tensorflow.python.keras": "tf.keras",
    "tf_keras": "tf_keras",
}


@dataclass(frozen=True)
class Use:
    """One use of Keras in a file.

    Attributes:
        flavours: What it may be; several when guarded alternatives decide.
        spelt: The code, shortened; empty, and the place 0, when all uses agree anyway.
        line: From 1.
        column: From 1.
    """

    flavours: frozenset[str]
    spelt: str
    line: int
    column: int


@dataclass(frozen=True)
class ImportSite:
    """One import of another file of the project."""

    path: Path
    spelt: str
    line: int
    column: int


@dataclass(frozen=True)
class FileFlavours:
    """The flavours of one file.

    Attributes:
        uses: The first use of each set of flavours, in the order of the code.
        counts: How many uses each flavour has.
        imports: Where it imports other files of the project.
    """

    path: Path
    display: str
    uses: tuple[Use, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    imports: tuple[ImportSite, ...] = ()

    @property
    def possible(self) -> frozenset[str]:
        """Flavours that every use of the file could have; empty when it mixes or uses none."""
        sets = [use.flavours for use in self.uses]
        return frozenset.intersection(*sets) if sets else frozenset()

    @property
    def flavours(self) -> frozenset[str]:
        """What other files have to live with: `possible`, or everything when the file mixes."""
        return self.possible or frozenset().union(*(use.flavours for use in self.uses))


def survey(text: str, view: ModuleView, path: Path, display: str) -> FileFlavours:
    """Find the flavours that a file uses; nothing for a file that cannot be parsed."""
    try:
        module = parse(text)
        names = Names(module, view)
        found = [*_imported(names), *_referred(names)]
        if len({use.flavours for use in found}) > 1:
            uses = _placed(names, _with_alternatives(found, _Guards.of(module)))
        else:  # nothing to point at
            uses = [Use(use.flavours, "", 0, 0) for use in found]
    except (SourceError, RecursionError):
        return FileFlavours(path, display)
    first: dict[frozenset[str], Use] = {}
    counts: Counter[str] = Counter()
    for use in sorted(uses, key=lambda each: (each.line, each.column)):
        first.setdefault(use.flavours, use)
        if len(use.flavours) == 1:
            counts.update(use.flavours)
    return FileFlavours(
        path,
        display,
        tuple(first.values()),
        tuple(sorted(counts.items())),
        import_sites(text, view.project, path),
    )


@dataclass(frozen=True)
class _Raw:
    """A use that is not looked up in the text yet."""

    node: cst.CSTNode
    flavours: frozenset[str]
    guards: tuple[tuple[cst.CSTNode, int], ...] = ()


def _with_alternatives(found: Sequence[_Raw], guards: _Guards) -> list[_Raw]:
    """Add to each use what the other branches of the guards around it say."""
    found = [replace(use, guards=use.guards or guards.found.get(use.node, ())) for use in found]
    branches: dict[cst.CSTNode, dict[int, set[str]]] = {}
    for use in found:
        for guard, branch in use.guards:
            branches.setdefault(guard, {}).setdefault(branch, set()).update(use.flavours)
    widened = []
    for use in found:
        flavours = set(use.flavours)
        for guard, branch in use.guards:
            for other, theirs in branches[guard].items():
                if other != branch:
                    flavours |= theirs
        widened.append(replace(use, flavours=frozenset(flavours)))
    return widened


def _placed(names: Names, found: Sequence[_Raw]) -> list[Use]:
    positions = Printed(names.module)
    uses = []
    for use in found:
        start = positions[use.node].start
        spelt = names.module.code_for_node(use.node).split("\n")[0].strip()
        uses.append(Use(use.flavours, _short(spelt), start.line, start.column + 1))
    return uses


def _short(spelt: str) -> str:
    return spelt if len(spelt) <= 60 else f"{spelt[:57]}..."


def _imported(names: Names) -> Iterable[_Raw]:
    for statement, bindings in names.statements.items():
        if isinstance(statement, cst.ImportFrom) and isinstance(statement.names, cst.ImportStar):
            module = ".".join(dotted(statement.module) or ()) if not statement.relative else ""
            split = canonical(module)
            if split is not None:
                yield _Raw(statement, frozenset({split[1]}), bindings[0].guards)
            continue
        for binding in bindings:
            split = canonical(_full_origin(binding))
            if split is not None:
                yield _Raw(statement, frozenset({split[1]}), binding.guards)


def _full_origin(binding: Binding) -> str:
    """Return what an import names; ``import a.b`` binds ``a`` but names ``a.b``."""
    node = binding.node
    if isinstance(binding.statement, cst.Import) and isinstance(node, cst.ImportAlias):
        return ".".join(dotted(node.name) or ())
    return binding.origin or ""


def _referred(names: Names) -> Iterable[_Raw]:
    for reference, symbol in names.symbols():
        flavours = set()
        for binding in symbol.bindings:
            origin = names.origin(binding)
            if origin is None:  # a star import: the symbol itself knows
                flavours.add(symbol.flavour)
                continue
            split = canonical(".".join((origin, *symbol.attributes)))
            flavours.add(split[1] if split is not None else symbol.flavour)
        yield _Raw(reference.node, frozenset(flavours))


class _Guards(cst.CSTVisitor):
    """Finds the ``if`` and ``try`` branches around every name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[cst.CSTNode, tuple[tuple[cst.CSTNode, int], ...]] = {}
        self.stack: tuple[tuple[cst.CSTNode, int], ...] = ()

    @classmethod
    def of(cls, module: cst.Module) -> _Guards:
        guards = cls()
        module.visit(guards)
        return guards

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Name | cst.Attribute) and self.stack:
            self.found[node] = self.stack
        if isinstance(node, cst.If):
            node.test.visit(self)
            self._branch(node, 0, node.body)
            self._branch(node, 1, node.orelse)
            return False
        if isinstance(node, cst.Try):
            self._branch(node, 0, node.body)
            self._branch(node, 0, node.orelse)
            for index, handler in enumerate(node.handlers, 1):
                self._branch(node, index, handler)
            if node.finalbody is not None:
                node.finalbody.visit(self)
            return False
        return True

    def _branch(self, guard: cst.CSTNode, index: int, node: cst.CSTNode | None) -> None:
        if node is None:
            return
        outer = self.stack
        self.stack = (*outer, (guard, index))
        node.visit(self)
        self.stack = outer


def import_sites(text: str, project: Project, path: Path) -> tuple[ImportSite, ...]:
    """Find where a file imports other files of its project, in the order of the code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    sites: dict[Path, ImportSite] = {}
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in sorted(statements, key=lambda each: (each.lineno, each.col_offset)):
        for origin in _origins(node, project, path):
            if origin != path:
                spelt = _short(ast.unparse(node))
                site = ImportSite(origin, spelt, node.lineno, node.col_offset + 1)
                sites.setdefault(origin, site)
    return tuple(sites.values())


def _origins(node: ast.Import | ast.ImportFrom, project: Project, path: Path) -> Iterable[Path]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            found = project.locate(path, alias.name, 0)
            if found is not None:
                yield found
        return
    module = node.module or ""
    for alias in node.names:
        inner = f"{module}.{alias.name}" if module else alias.name
        found = project.locate(path, inner, node.level) if alias.name != "*" else None
        if found is None:
            found = _home(project, path, Wanted(module, node.level, alias.name))
        if found is not None:
            yield found


def _home(project: Project, path: Path, wanted: Wanted) -> Path | None:
    """Return the file that an imported name is defined in, through re-exports."""
    seen: set[Path] = set()
    importer = path
    while True:
        origin = project.locate(importer, wanted.module, wanted.level)
        if origin is None or origin in seen:
            return importer if importer != path else None
        seen.add(origin)
        value = project.summary(origin).names.get(wanted.name)
        if not isinstance(value, Wanted):
            return origin
        importer, wanted = origin, value


def majority(files: Sequence[FileFlavours]) -> tuple[str, int, int] | None:
    """Find the target that most files are nearest to.

    Returns:
        The target's name, how many files are nearest to it, and how many files use Keras; None
        when none does. Of equals the one that comes first in ``keras``, ``tf.keras``,
        ``tf_keras``.
    """
    votes: Counter[str] = Counter()
    users = 0
    for file in files:
        if not file.uses:
            continue
        users += 1
        own: Counter[str] = Counter()
        for flavour, count in file.counts:
            own[NEAREST[flavour]] += count
        if own:
            votes[_most(own)] += 1
    if not votes:
        return None
    name = _most(votes)
    return name, votes[name], users


def _most(votes: Counter[str]) -> str:
    order = ("keras", "tf.keras", "tf_keras")
    return max(order, key=lambda name: (votes[name], -order.index(name)))


def mixes(files: Sequence[FileFlavours]) -> tuple[tuple[str, Finding], ...]:
    """Report every mix of flavours, keyed by the display path of the file that mixes."""
    by_path = {file.path: file for file in files}
    found: list[tuple[str, Finding]] = []
    for file in files:
        found += [(file.display, finding) for finding in _inside(file)]
        found += [(file.display, finding) for finding in _across(file, by_path)]
    return tuple(found)


def _inside(file: FileFlavours) -> Iterable[Finding]:
    """Report the first use in a file that its earlier uses have no flavour in common with."""
    common: frozenset[str] | None = None
    first: Use | None = None
    reported: set[frozenset[str]] = set()
    for use in file.uses:
        if common is None or first is None:
            common, first = use.flavours, use
        elif common & use.flavours:
            common &= use.flavours
        elif use.flavours not in reported:
            reported.add(use.flavours)
            yield Finding(
                MIXED.code,
                f"{use.spelt!r} is {_names(use.flavours)}, but this file also uses"
                f" {_names(common)} ({first.spelt!r} in line {first.line})",
                use.line,
                use.column,
                advice=f"move the file to one flavour: kerasmigrate diff {file.display}",
            )


def _across(file: FileFlavours, by_path: dict[Path, FileFlavours]) -> Iterable[Finding]:
    mine = file.flavours
    other: tuple[ImportSite, frozenset[str]] | None = None
    for site in file.imports:
        imported = by_path.get(site.path)
        theirs = imported.flavours if imported is not None else frozenset()
        if imported is None or not theirs:
            continue
        if mine:
            if mine & theirs:
                continue
            message = (
                f"{site.spelt!r}: this file uses {_names(mine)}, but {imported.display} uses"
                f" {_names(theirs)}"
            )
            severity = Severity.ERROR
        else:
            if other is None or other[1] & theirs:
                other = other or (site, theirs)
                continue
            before = by_path[other[0].path]
            message = (
                f"{site.spelt!r}: {imported.display} uses {_names(theirs)}, but {before.display},"
                f" imported in line {other[0].line}, uses {_names(other[1])}"
            )
            severity = Severity.WARNING
        yield Finding(
            MIXED.code,
            message,
            site.line,
            site.column,
            severity=severity,
            confidence=Confidence.LIKELY,
            advice="move both files to one flavour",
        )


def _names(flavours: frozenset[str]) -> str:
    return " or ".join(sorted(flavours))
