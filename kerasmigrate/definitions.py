"""Small functions and classes that a transform puts into the user's file.

They stand for what the target no longer has and what takes a few lines to say: once for a file,
behind the imports that they need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Template

import libcst as cst

from kerasmigrate.import_editor import used_names
from kerasmigrate.imports import Imports
from kerasmigrate.names import Symbol
from kerasmigrate.scopes import Statement
from kerasmigrate.walking import Reader

#: Blank lines around a definition, as PEP 8 has them.
BLANK_LINES = 2
_TopLevel = cst.SimpleStatementLine | cst.BaseCompoundStatement
_OwnStatement = cst.FunctionDef | cst.ClassDef


@dataclass(frozen=True)
class Definition:
    """A function or class of a few lines.

    Attributes:
        name: What it is called where that name is free.
        source: One ``def`` or ``class`` statement with its decorators, indented by four blanks.
            ``$name`` stands for the name it gets; other placeholders are the keys of ``uses`` and
            of ``needs``.
        uses: Canonical paths, all existing in the target, by placeholder.
        needs: Other definitions that the file gets with it, by placeholder.
    """

    name: str
    source: str
    uses: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, Definition] = field(default_factory=dict)


@dataclass(frozen=True)
class _Placed:
    local: str
    text: str
    #: Imports that it stands behind; none where the file has the same definition already.
    anchors: tuple[Statement, ...]


class Definitions:
    """What the transforms of one file define in it."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports
        self._placed: dict[tuple[str, str], _Placed] = {}

    def need(self, definition: Definition, near: Symbol) -> str | None:
        """Plan a definition, and return the name to use.

        Args:
            definition: What to define.
            near: The symbol whose place the name takes.

        Returns:
            The local name; the one of an equal definition that the file has. None where it would
            have to stand behind an import that does not always run: then the caller reports.
        """
        key = (definition.name, definition.source)
        placed = self._placed.get(key)
        if placed is None:
            anchor = self._anchor(near)
            if anchor is None:
                return None
            placed = self._plan(definition, anchor)
            self._placed[key] = placed
        return placed.local

    def fits(self, near: Symbol) -> bool:
        """Tell whether `need` would find a place."""
        return self._anchor(near) is not None

    def _anchor(self, near: Symbol) -> Symbol | None:
        """Return ``near``, or another symbol, whose imports run whenever the module does."""
        return near if self._imports.always_runs(near) else self._imports.any_symbol()

    def _plan(self, definition: Definition, near: Symbol) -> _Placed:
        spelt = {key: self._imports.spell(path, near=near) for key, path in definition.uses.items()}
        for key, needed in definition.needs.items():
            local = self.need(needed, near)
            assert local is not None  # the anchor of this one will do
            spelt[key] = local
        source = Template(definition.source.strip("\n") + "\n")
        same = self._own(definition, source, spelt)
        if same is not None:
            return _Placed(same, "", ())
        local = self._free(definition.name)
        anchors = [
            each.statement for each in self._imports.behind(near) if each.statement is not None
        ]
        return _Placed(local, source.substitute(spelt, name=local), tuple(anchors))

    def _own(
        self, definition: Definition, source: Template, spelt: Mapping[str, str]
    ) -> str | None:
        """Return the name under which the file defines the very same already."""
        module = self._imports.names.module
        for each in module.body:
            if isinstance(each, _OwnStatement):
                name = each.name.value
                bare = each.with_changes(leading_lines=())
                if module.code_for_node(bare) == indented(
                    source.substitute(spelt, name=name), module
                ):
                    return name
        return None

    def _free(self, name: str) -> str:
        names = self._imports.names
        taken = names.bound | used_names(names.module) | {each.local for each in self._others()}
        taken |= {want.local for wants in self._imports.additions.values() for want in wants}
        candidates = [name, f"keras_{name}", *(f"keras_{name}_{n}" for n in range(2, 100))]
        return next(each for each in candidates if each not in taken)

    def _others(self) -> Sequence[_Placed]:
        return tuple(self._placed.values())

    def insert(self, tree: cst.Module, originals: Mapping[cst.CSTNode, cst.CSTNode]) -> cst.Module:
        """Put what was planned into a walked tree.

        Args:
            tree: The module after the walk, before its imports are edited.
            originals: Original node of each import statement of the tree.
        """
        fresh = [placed for placed in self._placed.values() if placed.text]
        if not fresh:
            return tree
        body = list(tree.body)
        for placed in fresh:
            place = _behind_imports(body, placed.anchors, originals)
            made = cst.parse_statement(indented(placed.text, tree), config=tree.config_for_parsing)
            assert isinstance(made, _OwnStatement)
            body.insert(place, _spaced(made, BLANK_LINES))
            if place + 1 < len(body):
                body[place + 1] = _spaced(body[place + 1], BLANK_LINES)
        return tree.with_changes(body=body)


def indented(text: str, module: cst.Module) -> str:
    """Return four-blank source in the indentation and the newlines of a module."""
    lines = []
    for line in text.splitlines():
        bare = line.lstrip(" ")
        depth = (len(line) - len(bare)) // 4
        lines.append(module.default_indent * depth + bare + module.default_newline)
    return "".join(lines)


def _behind_imports(
    body: Sequence[_TopLevel],
    anchors: Sequence[Statement],
    originals: Mapping[cst.CSTNode, cst.CSTNode],
) -> int:
    """Return the index behind the anchors, and behind the imports that follow them."""
    place = 0
    for index, statement in enumerate(body):
        if any(originals.get(each, each) in anchors for each in _imports_in(statement)):
            place = index + 1
    while place < len(body) and _only_imports(body[place]):
        place += 1
    return place


def _only_imports(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and all(
        isinstance(each, (cst.Import, cst.ImportFrom)) for each in statement.body
    )


def _imports_in(statement: cst.CSTNode) -> Sequence[cst.CSTNode]:
    found = _ImportStatements()
    found.visit(statement)
    return found.statements


class _ImportStatements(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.statements: list[cst.CSTNode] = []

    def visit_Import(self, node: cst.Import) -> bool:
        self.statements.append(node)
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        self.statements.append(node)
        return False

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False


def _spaced(statement: _TopLevel, wanted: int) -> _TopLevel:
    """Return a statement with at least so many blank lines above it and its comments."""
    lines: Sequence[cst.EmptyLine] = getattr(statement, "leading_lines", ())
    blank = 0
    for line in lines:
        if line.comment is not None:
            break
        blank += 1
    missing = [cst.EmptyLine(indent=False) for _ in range(max(0, wanted - blank))]
    return statement.with_changes(leading_lines=[*missing, *lines])
