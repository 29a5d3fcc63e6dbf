"""Dictionaries of options that calls pass on with ``**``, followed where they are literal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.callees import callee
from kerasmigrate.literals import Plain
from kerasmigrate.transform import Context
from kerasmigrate.walking import Reader

from .arguments_table import Row, row_of, values


@dataclass(frozen=True)
class NewKey:
    """What a key of a dictionary becomes.

    Attributes:
        name: The new key.
        values: New values of old ones; empty when values stay.
    """

    name: str
    values: Mapping[str, Plain]


class Options:
    """The dictionaries of one file.

    A dictionary is followed when it is written out, bound to one name that is never bound again,
    and used for nothing but ``**name`` in calls of Keras that agree on what its keys become.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        #: Dictionary to its new keys.
        self.plans: dict[cst.CSTNode, dict[str, NewKey]] = {}
        self._keys: dict[cst.Call, set[str]] = {}
        self._followed: set[cst.CSTNode] = set()
        self._uses: dict[cst.BaseExpression, list[tuple[cst.Call, cst.BaseExpression]]] = {}
        collector = _Stars()
        collector.visit(context.module)
        for call, value in collector.found:
            made = self._made(value)
            if made is not None:
                self._uses.setdefault(made, []).append((call, value))
        for made, uses in self._uses.items():
            self._plan(made, uses)

    # -- questions ---------------------------------------------------------------------------

    def keys(self, call: cst.Call) -> set[str]:
        """Return the keys of the dictionaries that a call passes on, as far as they are known."""
        return self._keys.get(call, set())

    def unknown(self, call: cst.Call) -> list[cst.BaseExpression]:
        """Return what a call passes on with ``**`` and nobody can see into."""
        return [
            arg.value for arg in call.args if arg.star == "**" and arg.value not in self._followed
        ]

    # -- edits -------------------------------------------------------------------------------

    def new_keys(self, node: cst.CSTNode) -> dict[str, NewKey]:
        """Return the keys of a dictionary of the original tree that have to change."""
        return self.plans.get(node, {})

    def renamed_dict(self, original: cst.Dict, updated: cst.Dict) -> cst.Dict:
        """Give a dictionary display its new keys and values."""
        plan = self.new_keys(original)
        elements: list[cst.BaseDictElement] = []
        for before, after in zip(original.elements, updated.elements, strict=True):
            assert isinstance(before, cst.DictElement) and isinstance(after, cst.DictElement)
            new = plan.get(literals.string(before.key) or "")
            if new is not None:
                after = after.with_changes(
                    key=literals.write(new.name, before.key),
                    value=_revalued(before.value, after.value, new),
                )
            elements.append(after)
        return updated.with_changes(elements=elements)

    def renamed_call(self, original: cst.Call, updated: cst.Call) -> cst.Call:
        """Give a ``dict(...)`` its new keywords and values."""
        plan = self.new_keys(original)
        args: list[cst.Arg] = []
        for before, after in zip(original.args, updated.args, strict=True):
            new = plan.get(before.keyword.value) if before.keyword is not None else None
            if new is not None:
                after = after.with_changes(
                    keyword=cst.Name(new.name), value=_revalued(before.value, after.value, new)
                )
            args.append(after)
        return updated.with_changes(args=args)

    # -- planning ----------------------------------------------------------------------------

    def _made(self, value: cst.BaseExpression) -> cst.BaseExpression | None:
        """Return the dictionary behind ``**value``."""
        if literals.pairs(value) is not None:
            return value
        if not isinstance(value, cst.Name):
            return None
        bindings = self.context.names.bindings(value)
        if len(bindings) != 1 or bindings[0].value is None:
            return None
        return bindings[0].value if literals.pairs(bindings[0].value) is not None else None

    def _plan(
        self, made: cst.BaseExpression, uses: list[tuple[cst.Call, cst.BaseExpression]]
    ) -> None:
        pairs = literals.pairs(made)
        assert pairs is not None
        names = self.context.names
        if made not in [value for _, value in uses]:
            ours = {id(binding) for _, value in uses for binding in names.bindings(value)}
            for scope in {names.module_scope, *names.scope_of.values()}:
                for bindings in scope.bindings.values():
                    for binding in bindings:
                        if binding.value is made and id(binding) not in ours:
                            return  # a second name for the same dictionary
            known = {value for _, value in uses}
            for node in names.references:
                if node not in known and any(
                    id(binding) in ours for binding in names.bindings(node)
                ):
                    return  # used for something else, too
        plan: dict[str, NewKey] = {}
        for number, (call, _) in enumerate(uses):
            mapping = self._mapping(call, pairs)
            if mapping is None or (number and mapping != plan):
                return
            plan = mapping
        for call, value in uses:
            self._keys.setdefault(call, set()).update(pairs)
            self._followed.add(value)
        if plan:
            self.plans[made] = plan

    def _mapping(
        self, call: cst.Call, pairs: Mapping[str, cst.BaseExpression]
    ) -> dict[str, NewKey] | None:
        """Return what the keys become for one call; None when that cannot be told."""
        found = callee(self.context.names, call)
        row: Row | None = row_of(found.path) if found is not None else None
        if found is None or row is None:
            return None
        place = self.context.imports.locate(found.path).path
        target = self.context.inventory.signature(place) if place is not None else None
        if target is None:
            return None
        given = {arg.keyword.value for arg in call.args if arg.keyword is not None} | set(pairs)
        plan: dict[str, NewKey] = {}
        for key, value in pairs.items():
            new = row.rename.get(key)
            if new is None or not target.named(new):
                if key in eras.vocabulary(found.path)[0] and not target.named(key):
                    return None
                continue
            if new in given:
                return None
            table = values().get(key, {})
            if table and literals.mapped(value, value, table) is None:
                return None
            plan[key] = NewKey(new, table)
        return plan


def _revalued(
    original: cst.BaseExpression, updated: cst.BaseExpression, new: NewKey
) -> cst.BaseExpression:
    if not new.values:
        return updated
    return literals.mapped(original, updated, new.values) or updated


class _Stars(Reader):
    """Collects ``**value`` in calls."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.Call, cst.BaseExpression]] = []

    def visit_Call(self, node: cst.Call) -> None:
        self.found.extend((node, arg.value) for arg in node.args if arg.star == "**")
