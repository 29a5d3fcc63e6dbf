"""Which arguments a callable really accepts when it is written with ``**kwargs``.

Keras passes ``**kwargs`` from class to class until some base checks them against a fixed list.
This module follows that path through the syntax trees, so that an inventory can name every
accepted keyword instead of promising that anything goes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from kerasmigrate.inventory.signature import Parameter, Signature, from_arguments

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

#: Keywords that an optimizer of Keras 2.11 or later takes and then drops with a warning at most
#: (``_process_kwargs`` in Keras 2, ``BaseOptimizer.__init__`` in Keras 3). They must not count as
#: accepted: ``lr`` and ``decay`` change nothing there.
_IGNORED = {"is_legacy_optimizer", "lr", "decay"}


@dataclass(frozen=True)
class Function:
    """A function definition in its place.

    Attributes:
        node: Its syntax tree.
        skip: 1 when the first parameter is ``self`` or ``cls``, else 0.
        key: Identity, equal for the same definition reached through the same class.
        ignores: Keywords that are popped and forgotten.
        known: The signature, when it is known without reading the tree.
    """

    node: FunctionNode | None
    skip: int
    key: object
    ignores: frozenset[str] = frozenset()
    known: Signature | None = None


class World(Protocol):
    """How to find the definition that an expression in a function names."""

    def resolve(self, function: Function, target: ast.expr) -> Function | None:
        """Return what a call of ``target`` inside ``function`` runs, or None when unknown."""


@dataclass
class _Keywords:
    accepted: dict[str, str | None]
    rejected: set[str]
    closed: bool = False
    forwards: int = 0
    open_forward: bool = False
    slots: tuple[Parameter, ...] = ()


def effective(function: Function, world: World, seen: frozenset[object] = frozenset()) -> Signature:
    """Return the signature of a function with ``**kwargs`` replaced by the accepted keywords.

    ``**kwargs`` stays in the signature only where nothing checks what it holds.
    """
    if function.known is not None:
        return function.known
    assert function.node is not None
    own = from_arguments(function.node.args, function.skip)
    catch_all = function.node.args.kwarg
    if catch_all is None or function.key in seen:
        return own
    found = _keywords(function, function.node, catch_all.arg, world, seen | {function.key})
    taken = {each.name for each in own.parameters}
    extra = [
        Parameter(name, "keyword", default)
        for name, default in found.accepted.items()
        if name not in taken and name not in found.rejected and name not in function.ignores
    ]
    kept = [each for each in own.parameters if each.kind != "var_keyword"]
    stays_open = found.open_forward or not (found.closed or found.forwards)
    if found.slots:
        kept = [each for each in kept if each.kind != "var_positional"]
        inserted = [each for each in found.slots if each.name not in taken]
        extra = [each for each in extra if each.name not in {slot.name for slot in inserted}]
        position = sum(each.kind in {"positional", "positional_only"} for each in kept)
        kept[position:position] = inserted
    if stays_open:
        extra.append(Parameter(catch_all.arg, "var_keyword", None))
    return Signature(tuple(kept + extra))


def _keywords(
    function: Function, node: FunctionNode, name: str, world: World, seen: frozenset[object]
) -> _Keywords:
    """Read what ``node`` does with the dictionary ``name`` of keyword arguments."""
    found = _Keywords({}, set())
    refusing = set(_refused(node, name, found))
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            _read_call(each, name, function, node, world, seen, found)
        elif isinstance(each, ast.BinOp) and isinstance(each.op, ast.Sub) and _whole(each, name):
            allowed = _strings(each.right)
            found.closed |= bool(allowed)
            found.accepted.update((key, "...") for key in allowed if key not in found.accepted)
        elif isinstance(each, ast.Compare) and each not in refusing:
            key = _asked(each, name)
            if key is not None:
                found.accepted.setdefault(key, "...")
        elif (
            isinstance(each, ast.Subscript)
            and isinstance(each.ctx, ast.Load)
            and _is(each.value, name)
            and isinstance(each.slice, ast.Constant)
            and isinstance(each.slice.value, str)
        ):
            found.accepted.setdefault(each.slice.value, "...")
        elif isinstance(each, ast.Assign) and any(
            isinstance(goal, ast.Name) and goal.id == "allowed_kwargs" for goal in each.targets
        ):
            for key in _strings(each.value):
                found.accepted.setdefault(key, "...")
    if found.forwards > 1:
        # What one callee requires, another one does without.
        found.slots = tuple(replace(each, default=each.default or "...") for each in found.slots)
        found.accepted = {key: value or "..." for key, value in found.accepted.items()}
    return found


def _refused(node: FunctionNode, name: str, found: _Keywords) -> Iterator[ast.Compare]:
    """Note where leftover keywords raise, and yield tests that refuse one certain keyword."""
    for each in ast.walk(node):
        if isinstance(each, ast.If):
            key = _asked(each.test, name)
            if key is not None and isinstance(each.test, ast.Compare):
                if any(isinstance(step, ast.Raise) for step in each.body):
                    found.rejected.add(key)
                    yield each.test
            elif _whole(each.test, name) and _raises(each.body):
                found.closed = True
        elif isinstance(each, ast.For) and _whole(each.iter, name) and _raises(each.body):
            found.closed = True


def _read_call(
    call: ast.Call,
    name: str,
    function: Function,
    node: FunctionNode,
    world: World,
    seen: frozenset[object],
    found: _Keywords,
) -> None:
    target = call.func
    if isinstance(target, ast.Attribute) and _is(target.value, name):
        if target.attr in {"pop", "get"} and call.args and isinstance(call.args[0], ast.Constant):
            key = call.args[0].value
            if isinstance(key, str):
                found.accepted[key] = _literal(call.args[1]) if len(call.args) > 1 else "..."
        return
    positions = [place for place, value in enumerate(call.args) if _is(value, name)]
    if positions:
        if _leaf(target) == "validate_kwargs":
            found.closed = True
            if len(call.args) > 1:
                for key in _strings(call.args[1]):
                    found.accepted.setdefault(key, "...")
            return
        helper = world.resolve(function, target)
        if helper is not None and helper.node is not None and helper.key not in seen:
            slots = from_arguments(helper.node.args, helper.skip).names()
            if positions[0] < len(slots):
                inner = _keywords(
                    helper, helper.node, slots[positions[0]], world, seen | {helper.key}
                )
                found.accepted.update(inner.accepted)
                found.rejected |= inner.rejected
                found.closed |= inner.closed
        return
    if any(each.arg is None and _is(each.value, name) for each in call.keywords):
        _follow(call, function, node, world, seen, found)


def _follow(
    call: ast.Call,
    function: Function,
    node: FunctionNode,
    world: World,
    seen: frozenset[object],
    found: _Keywords,
) -> None:
    """Add what the callee accepts to ``found``, less what this call fills in itself."""
    callee = world.resolve(function, call.func)
    found.forwards += 1
    if callee is None or callee.key in seen:
        found.open_forward |= callee is None
        return
    signature = effective(callee, world, seen)
    given = [each for each in call.args if not isinstance(each, ast.Starred)]
    if callee.skip and given and isinstance(given[0], ast.Name) and given[0].id == "self":
        given = given[1:]
    named = {each.arg for each in call.keywords}
    star = node.args.vararg
    spread = star is not None and any(
        isinstance(each, ast.Starred) and _is(each.value, star.arg) for each in call.args
    )
    slots = [each for each in signature.parameters if each.kind in {"positional", "keyword"}]
    slots = [each for each in slots if each.name not in named]
    skipped = 0
    spread_slots: list[Parameter] = []
    for each in slots:
        if each.kind == "positional" and skipped < len(given):
            skipped += 1
            continue
        if spread and each.kind == "positional":
            spread_slots.append(each)
        found.accepted.setdefault(each.name, each.default)
    if found.slots and spread_slots and found.slots != tuple(spread_slots):
        # Two callees with different parameters: which one runs is known at run time only.
        found.slots = ()
        found.open_forward = True
    elif spread_slots:
        found.slots = tuple(spread_slots)
    if any(each.kind == "var_keyword" for each in signature.parameters):
        found.open_forward = True


def _asked(test: ast.expr, name: str) -> str | None:
    """Return x for the expression ``"x" in name``."""
    if (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Constant)
        and isinstance(test.left.value, str)
        and isinstance(test.ops[0], ast.In)
        and _is(test.comparators[0], name)
    ):
        return test.left.value
    return None


def _whole(node: ast.expr, name: str) -> bool:
    """Tell whether an expression looks at the dictionary as a whole, not at one key."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"keys", "items"} and _is(node.func.value, name)
    if isinstance(node, ast.Call) and _leaf(node.func) in {"len", "set", "list", "bool"}:
        return any(_whole(each, name) for each in node.args)
    if isinstance(node, ast.Compare):
        return _whole(node.left, name)
    if isinstance(node, ast.BinOp):
        return _whole(node.left, name)
    return _is(node, name)


def _raises(body: list[ast.stmt]) -> bool:
    return any(isinstance(each, ast.Raise | ast.Assert) for part in body for each in ast.walk(part))


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _leaf(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _strings(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Dict):
        values: list[ast.expr | None] = list(node.keys)
    elif isinstance(node, ast.Set | ast.List | ast.Tuple):
        values = list(node.elts)
    else:
        return []
    return [
        each.value
        for each in values
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


def _literal(node: ast.expr) -> str:
    try:
        ast.literal_eval(node)
    except ValueError:
        return "..."
    return ast.unparse(node)


def optimizer(function: Function) -> Function:
    """Return a constructor that does not count the keywords that Keras 2.11+ drops silently."""
    return replace(function, ignores=frozenset(_IGNORED))
