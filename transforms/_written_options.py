"""Keys that a constructor names of the options that it hands on to a Keras class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.callees import Callee, callee
from kerasmigrate.literals import Plain
from kerasmigrate.transform import Context
from kerasmigrate.walking import walk

from ._heirs import Heirs
from ._layer_classes import LayerClasses
from .arguments_table import row_of, values


@dataclass(frozen=True)
class Key:
    """One place that names a key of the options.

    Attributes:
        node: The key, or the whole call of ``update``.
        text: The key.
        kind: ``write``, ``read`` or ``take``.
        value: What is written.
        simple: Whether a new text in the place of the key is all that it takes.
    """

    node: cst.BaseExpression
    text: str
    kind: str
    value: cst.BaseExpression | None = None
    simple: bool = True


@dataclass
class Written:
    """What becomes of one key in one constructor.

    Attributes:
        found: The Keras class that gets it.
        old: The key.
        new: The key of today; empty where there is none.
        node: Where it is written, or read first.
        strings: Literals to write anew, each with its new text.
        reason: Why it cannot be changed; empty when it can.
    """

    found: Callee
    old: str
    new: str
    node: cst.BaseExpression
    strings: dict[cst.CSTNode, str] = field(default_factory=dict)
    reason: str = ""


class WrittenOptions:
    """The constructors of one file that write or read options of Keras.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.keys: list[Written] = []
        for owner in context.shared(LayerClasses).nodes:
            made = context.shared(LayerClasses).method(owner, "__init__")
            if made is not None and made.params.star_kwarg is not None:
                self.keys += self._constructor(owner, made, made.params.star_kwarg.name.value)

    def _constructor(
        self, owner: cst.ClassDef, function: cst.FunctionDef, name: str
    ) -> Iterator[Written]:
        nodes = list(walk(function.body))
        used = list(_uses(nodes, name))
        calls = [each for each in nodes if isinstance(each, cst.Call) and _hands_on(each, name)]
        found = self._callee(owner, calls[0]) if len(calls) == 1 else None
        row = row_of(found.path) if found is not None else None
        place = self.context.imports.locate(found.path).path if found is not None else None
        target = self.context.inventory.signature(place) if place is not None else None
        if found is None or row is None or target is None:
            return
        mentioned = sum(isinstance(each, cst.Name) and each.value == name for each in nodes)
        elsewhere = mentioned != 1 + len({id(each.node) for each in used})
        given = {arg.keyword.value for arg in calls[0].args if arg.keyword is not None}
        given |= {each.text for each in used}
        for old in dict.fromkeys(each.text for each in used if each.text not in found.own):
            places = [each for each in used if each.text == old]
            if any(each.kind == "take" for each in places):
                places = [each for each in places if each.kind == "write"]
            new = row.rename.get(old, "")
            if not places or target.named(old):
                continue
            first = next((each for each in places if each.kind == "write"), places[0])
            made = Written(found, old, new if target.named(new) else "", first.node)
            if not made.new:
                parts = {*row.kernel, *row.split} & eras.vocabulary(found.path)[0]
                if old not in row.rename and old not in parts:
                    continue
                made.reason = "it has no argument of that kind"
            elif new in given:
                made.reason = f"{new} is given as well"
            elif elsewhere:
                made.reason = "the options are used for something else, too"
            else:
                made.reason = self._plan(made, places)
            yield made

    def _callee(self, owner: cst.ClassDef, call: cst.Call) -> Callee | None:
        """Return the Keras class whose constructor a call reaches, through others of the code."""
        found = callee(self.context.names, call)
        return found if found is not None else self.context.shared(Heirs).base(owner, call)

    def _plan(self, made: Written, places: list[Key]) -> str:
        """Collect the literals to change; return why that does not do, or nothing."""
        table = values().get(made.old, {})
        for each in places:
            if not each.simple:
                return "it is not written as a key of its own"
            made.strings[each.node] = made.new
            if not table:
                continue
            if each.kind == "read":
                return "its values are called differently, too"
            if each.value is not None:
                changed = _revalued(each.value, table)
                if changed is None:
                    return "the source does not show its value"
                made.strings.update(changed)
        return ""


def _hands_on(call: cst.Call, name: str) -> bool:
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "__init__"
        and any(arg.star == "**" and _is(arg.value, name) for arg in call.args)
    )


def _is(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def _uses(nodes: list[cst.CSTNode], name: str) -> Iterator[Key]:
    """Yield every key that the code names of the options."""
    written = {
        target.target: each.value
        for each in nodes
        if isinstance(each, cst.Assign)
        for target in each.targets
    }
    deleted = {each.target for each in nodes if isinstance(each, cst.Del)}
    for node in nodes:
        if isinstance(node, cst.Subscript) and _is(node.value, name) and len(node.slice) == 1:
            index = node.slice[0].slice
            kind = "write" if node in written else "take" if node in deleted else "read"
            if isinstance(index, cst.Index):
                yield from _key(index.value, kind, written.get(node))
        elif isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            part = node.comparisons[0]
            if isinstance(part.operator, cst.In | cst.NotIn) and _is(part.comparator, name):
                yield from _key(node.left, "ask", None)
        elif (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and _is(node.func.value, name)
        ):
            yield from _method(node, node.func.attr.value)


def _method(call: cst.Call, name: str) -> Iterator[Key]:
    kinds = {"pop": "take", "get": "read", "setdefault": "write"}
    if name == "update":
        for arg in call.args:
            pairs = literals.pairs(arg.value) if arg.keyword is None and not arg.star else None
            named = {arg.keyword.value: arg.value} if arg.keyword is not None else pairs or {}
            for text, written in named.items():
                yield Key(call, text, "write", written, simple=False)
    elif name in kinds and call.args and not call.args[0].star and call.args[0].keyword is None:
        value = call.args[1].value if len(call.args) > 1 else None
        yield from _key(call.args[0].value, kinds[name], value)


def _key(node: cst.BaseExpression, kind: str, value: cst.BaseExpression | None) -> Iterator[Key]:
    text = literals.string(node)
    if text is not None:
        yield Key(node, text, kind, value, simple=isinstance(node, cst.SimpleString))


def _revalued(
    node: cst.BaseExpression, table: Mapping[str, Plain]
) -> dict[cst.CSTNode, str] | None:
    """Return the new texts of the literals in a value; None where the source does not show it."""
    if isinstance(node, cst.IfExp):
        body, orelse = _revalued(node.body, table), _revalued(node.orelse, table)
        return None if body is None or orelse is None else body | orelse
    text = literals.string(node)
    if text is None or not isinstance(node, cst.SimpleString):
        return {} if isinstance(node, cst.Name) and node.value == "None" else None
    new = table.get(text)
    if isinstance(new, str):
        return {node: new}
    return {} if text in table.values() else None
