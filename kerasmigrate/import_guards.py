"""Guards between flavours: ``try``/``except ImportError`` and ``if``, and what can replace them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import libcst as cst

from kerasmigrate.names import Names
from kerasmigrate.scopes import Binding, dotted

_ERRORS = frozenset(
    ("ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException")
)


class Planned(Protocol):
    """What is asked of the plan for a name."""

    @property
    def path(self) -> str | None:
        """Canonical path that the name means today."""

    @property
    def base(self) -> str | None:
        """Canonical path that it will mean; None when it has none in the target."""


@dataclass
class _Offer:
    """What a branch binds.

    Attributes:
        names: Canonical path in the target, by name; None for what the target lacks.
        helpers: Other names that only its own assignments use, such as ``tf``.
        borrowed: Names that its assignments take from outside.
        values: Right-hand sides of its assignments.
        plain: It consists of imports alone.
    """

    names: dict[str, str | None] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    borrowed: set[str] = field(default_factory=set)
    values: list[cst.CSTNode] = field(default_factory=list)
    plain: bool = True

    def can_stand(self) -> bool:
        """Tell whether the branch works alone."""
        return not self.helpers and not self.borrowed and None not in self.names.values()

    def covers(self, other: _Offer) -> bool:
        """Tell whether the branch binds all that the other one binds, to the same things."""
        return all(
            name in self.names and base in (None, self.names[name])
            for name, base in other.names.items()
        )


def branches(guard: cst.CSTNode) -> list[cst.BaseSuite] | None:
    """Return the alternatives of a guard that offers nothing but alternatives."""
    if isinstance(guard, cst.Try):
        if guard.orelse is not None or guard.finalbody is not None or len(guard.handlers) != 1:
            return None
        caught = guard.handlers[0].type
        kinds = [e.value for e in caught.elements] if isinstance(caught, cst.Tuple) else [caught]
        if any(k is not None and (dotted(k) or ("",))[-1] not in _ERRORS for k in kinds):
            return None
        return [guard.body, guard.handlers[0].body]
    if isinstance(guard, cst.If) and isinstance(guard.orelse, cst.Else):
        return [guard.body, guard.orelse.body]
    return None


def collapsible(
    names: Names, plans: Mapping[Binding, Planned]
) -> dict[cst.CSTNode, tuple[int, list[cst.CSTNode]]]:
    """Find the guards of which one branch says everything in the target.

    Returns:
        For each such guard the number of the branch, and the values that the other branches
        assign, which go with them.
    """
    found: dict[cst.CSTNode, tuple[int, list[cst.CSTNode]]] = {}
    aliases = {b.value: b for b in plans if b.kind == "alias" and b.value is not None}
    for guard in dict.fromkeys(node for b in names.imports for node, _ in b.guards):
        suites = branches(guard)
        offers = [_offer(suite, names, plans, aliases) for suite in suites or ()]
        known = [offer for offer in offers if offer is not None]
        if not known or len(known) != len(offers):
            continue
        able = [
            index
            for index, offer in enumerate(known)
            if offer.can_stand() and all(offer.covers(other) for other in known)
        ]
        if able:
            best = min(able, key=lambda index: (not known[index].plain, index))
            dead = [value for i, offer in enumerate(known) if i != best for value in offer.values]
            found[guard] = (best, dead)
    return found


def _offer(
    suite: cst.BaseSuite,
    names: Names,
    plans: Mapping[Binding, Planned],
    aliases: Mapping[cst.BaseExpression, Binding],
) -> _Offer | None:
    """Say what a branch binds; None when it does anything else."""
    offer = _Offer()
    for small in _small_statements(suite):
        if isinstance(small, cst.Import | cst.ImportFrom):
            for binding in names.statements[small]:
                plan = plans.get(binding)
                if plan is None or binding.through == "re-export":
                    return None
                if plan.path is None:
                    offer.helpers.add(binding.name)
                else:
                    offer.names[binding.name] = plan.base
        elif isinstance(small, cst.Assign) and small.value in aliases:
            binding = aliases[small.value]
            plan = plans[binding]
            if plan.path is None or len(small.targets) != 1:
                return None
            root = names.references[small.value].name
            if root not in offer.names:
                offer.borrowed.add(root)
            offer.names[binding.name] = plan.base
            offer.values.append(small.value)
            offer.plain = False
        else:
            return None
    if not offer.names:
        return None
    mine = {names.references[value] for value in offer.values}
    for helper in offer.helpers:
        uses = {each for each in names.references.values() if each.name == helper}
        if not uses or not uses <= mine:
            return None
    return offer


def _small_statements(suite: cst.BaseSuite) -> Sequence[cst.CSTNode]:
    lines = suite.body if isinstance(suite, cst.IndentedBlock) else [suite]
    found: list[cst.CSTNode] = []
    for line in lines:
        if isinstance(line, cst.SimpleStatementLine | cst.SimpleStatementSuite):
            found.extend(line.body)
        else:
            found.append(line)
    return found
