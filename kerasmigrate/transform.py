"""The base of every transform, and the context that a transform works in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.definitions import Definitions
from kerasmigrate.findings import Confidence, Finding, Severity
from kerasmigrate.flavours import Target
from kerasmigrate.import_editor import Outcome
from kerasmigrate.imports import Imports
from kerasmigrate.names import Names, Symbol
from kerasmigrate.project import ModuleView
from kerasmigrate.rebuilding import Printed
from kerasmigrate.rules import Rule
from kerasmigrate.values import Values

_Shared = TypeVar("_Shared")
_IGNORE = re.compile(r"#\s*kerasmigrate:\s*ignore(?:\[([A-Z0-9,\s]+)\])?")


@dataclass(frozen=True)
class Settings:
    """What the user chose about how the rules work.

    Attributes:
        training: ``all`` adds ``training=None`` to every custom ``call``; ``needed`` only where
            it changes what the target does.
        select: Rule codes to run; empty runs all.
        ignore: Rule codes not to run.
        modern_defaults: Whether arguments that are left out take the target's defaults, and not
            those of the Keras that the code was written for.
    """

    training: str = "all"
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    modern_defaults: bool = False

    def runs(self, code: str) -> bool:
        """Tell whether a rule may report and fix; a prefix such as ``KM1`` selects a family."""

        def matches(patterns: frozenset[str]) -> bool:
            return any(code.startswith(pattern) for pattern in patterns)

        return (not self.select or matches(self.select)) and not matches(self.ignore)


@dataclass
class Report:
    """A finding that still points at a node of the original tree."""

    rule: Rule
    node: cst.CSTNode
    message: str
    fixed: bool
    advice: str
    severity: Severity
    confidence: Confidence


@dataclass
class Context:
    """Everything that the transforms of one file share.

    Attributes:
        module: The original tree; transforms ask about its nodes, never about updated ones.
        target: The flavour aimed at.
        view: The file's place in its project.
        settings: The user's choices.
        muted: Nodes that a rule would have spoken of, were it selected and not ignored there. What
            the user wants to hear nothing of, another rule should not bring up.
        source: The text that the tree was parsed from, where it is at hand.
    """

    module: cst.Module
    target: Target
    view: ModuleView
    settings: Settings = field(default_factory=Settings)
    reports: list[Report] = field(default_factory=list)
    _made: dict[Any, Any] = field(default_factory=dict)
    muted: set[cst.CSTNode] = field(default_factory=set)
    source: str | None = None

    @cached_property
    def names(self) -> Names:
        """The resolved names of the file."""
        return Names(self.module, self.view)

    @cached_property
    def imports(self) -> Imports:
        """The plan for the file's imports and for how a symbol is spelt in it."""
        return Imports(self.names, self.target, self._is_off)

    @cached_property
    def definitions(self) -> Definitions:
        """What the transforms define in the file, behind its imports."""
        return Definitions(self.imports)

    @cached_property
    def values(self) -> Values:
        """What is known about the values of expressions."""
        return Values(self.names)

    @cached_property
    def inventory(self) -> inventory.Inventory:
        """What exists in the target."""
        return inventory.load(self.target.inventory)

    @cached_property
    def code(self) -> str:
        """The text of the file."""
        return self.positions.code if self.source is None else self.source

    @cached_property
    def positions(self) -> Printed:
        """The original tree as libcst prints it, and where each of its nodes stands there."""
        return Printed(self.module)

    @cached_property
    def _ignored(self) -> dict[int, frozenset[str] | None]:
        """Lines with an ignore comment, and the codes it names; None stands for all."""
        found: dict[int, frozenset[str] | None] = {}
        if "kerasmigrate:" not in self.code:
            return found
        for number, line in enumerate(re.split(r"\r\n|\r|\n", self.positions.code), 1):
            match = _IGNORE.search(line)
            if match:
                codes = match.group(1)
                found[number] = (
                    frozenset(part.strip() for part in codes.split(",")) if codes else None
                )
        return found

    def shared(self, kind: Callable[[Context], _Shared]) -> _Shared:
        """Return the one ``kind(context)`` of the file, which several transforms ask."""
        if kind not in self._made:
            self._made[kind] = kind(self)
        made: _Shared = self._made[kind]
        return made

    def symbol(self, node: cst.CSTNode | None) -> Symbol | None:
        """Return the Keras symbol that an expression of the original tree means, if any."""
        return self.names.symbol(node)

    def report(
        self,
        rule: Rule,
        node: cst.CSTNode,
        message: str,
        *,
        fix: bool = False,
        advice: str = "",
        severity: Severity | None = None,
        confidence: Confidence = Confidence.CERTAIN,
    ) -> bool:
        """Report a finding at a node of the original tree.

        Args:
            fix: The caller will edit the code if this returns True.
            advice: What a person should do; not needed for what is fixed.

        Returns:
            True when the caller may edit: ``fix`` was asked for, the rule is selected, and no
            comment on the line says otherwise.
        """
        if not self.runs(rule, node):
            return False
        self.reports.append(
            Report(rule, node, message, fix, advice, severity or rule.severity, confidence)
        )
        return fix

    def runs(self, rule: Rule, node: cst.CSTNode) -> bool:
        """Tell whether ``report`` would take a finding of this rule here."""
        if self.settings.runs(rule.code) and not self._is_ignored(rule, node):
            return True
        self.muted.add(node)
        return False

    def _is_off(self, code: str, node: cst.CSTNode) -> bool:
        return not self.settings.runs(code) or self._names_on(node, code)

    def _is_ignored(self, rule: Rule, node: cst.CSTNode) -> bool:
        return self._names_on(node, rule.code)

    def _names_on(self, node: cst.CSTNode, code: str) -> bool:
        """Tell whether a comment on the first or last line of a node says to ignore a code."""
        if not self._ignored:
            return False
        where = self.positions[node]
        for line in {where.start.line, where.end.line}:
            if line in self._ignored:
                codes = self._ignored[line]
                if codes is None or code in codes:
                    return True
        return False

    def findings(self) -> tuple[Finding, ...]:
        """Return what was reported, with positions, in the order of the code."""
        found = []
        for report in self.reports:
            where = self.positions[report.node]
            found.append(
                Finding(
                    report.rule.code,
                    report.message,
                    where.start.line,
                    where.start.column + 1,
                    where.end.line,
                    where.end.column + 1,
                    report.severity,
                    report.confidence,
                    report.fixed,
                    report.advice,
                )
            )
        found.sort(key=lambda each: (each.line, each.column, each.code, each.message))
        return tuple(dict.fromkeys(found))


class Transform(cst.CSTTransformer):
    """Base of every transform.

    A transform is an ordinary libcst transformer with a context. Its ``visit_*`` and ``leave_*``
    methods are called in the one walk that all transforms share, so

    * ask the context about *original* nodes, return a changed *updated* node;
    * a ``visit_*`` method cannot keep the others from seeing the children;
    * a name that the target needs comes from ``context.imports.spell``, never from a string.

    Attributes:
        rules: The rules that this transform reports under.
        order: Transforms with a lower number see a node first.
    """

    rules: ClassVar[tuple[Rule, ...]] = ()
    order: ClassVar[int] = 50

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    def decided(self, outcome: Outcome) -> Outcome:
        """Look at what was decided about the imports, after the walk; report or change it."""
        return outcome
