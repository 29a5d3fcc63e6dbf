"""Defaults that changed: the old value is written out where a call leaves it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import Callee
from kerasmigrate.eras import KERAS_1
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.inventory import Signature
from kerasmigrate.rules import Rule
from kerasmigrate.transform import Context, Transform
from kerasmigrate.versions import plausible

from ._edits import add_keyword, keyword
from ._epsilons import is_narrow
from ._heirs import Heirs
from .defaults_rules import IGNORED, UNCERTAIN, UNWRITTEN, WRITTEN
from .defaults_table import HARD_SIGMOID, SQUARE, Default, differ, rows_of, source
from .hard_sigmoid import DEFINITION

#: How a version is called in messages.
LABELS = {
    "keras-1.0.0": "Keras 1.0",
    "keras-1.1.2": "Keras 1.1",
    "keras-1.2.2": "Keras 1",
    "keras-2.0.9": "Keras 2.0",
    "keras-2.2.4": "Keras 2.2",
    "keras-2.3.1": "Keras 2.3",
    "tf.keras-2": "Keras 2.4+",
    "tf.keras-1": "TensorFlow 1",
    "tensorflow.python.keras": "tensorflow.python.keras",
}


@dataclass(frozen=True)
class Missing:
    """A changed default that a call leaves out.

    Attributes:
        parameter: The argument of today.
        values: By version, in their order, the source text of the old value.
        new: Source text of the target's default.
    """

    parameter: str
    values: dict[str, str]
    new: str

    @property
    def agreed(self) -> str | None:
        """The old value, if all versions have the same."""
        found = set(self.values.values())
        return found.pop() if len(found) == 1 else None

    @property
    def was(self) -> str:
        """What the argument was, in words; only where all versions agree."""
        value, square, _ = (self.agreed or "").partition(SQUARE)
        where = f" behind the root, which is {self.agreed} below it," if square else ""
        return f"{self.parameter}= was {value}{where}"


class Quotes:
    """Writes strings in the quotes that a module uses more."""

    def __init__(self, context: Context) -> None:
        code = context.code
        self._quote = "'" if code.count("'") > code.count('"') else '"'

    def write(self, value: str) -> cst.BaseExpression:
        """Write source text of a literal."""
        return cst.parse_expression(value.replace("'", self._quote))


def missing(
    context: Context, path: str, flavour: str, place: str, given: Sequence[cst.Arg]
) -> list[Missing]:
    """Return the changed defaults that a call of a class or function leaves out.

    Args:
        context: The file.
        path: Canonical path of what is called.
        flavour: The flavour that the code reached it through.
        place: Its path in the target.
        given: The arguments that go to it.
    """
    target = context.inventory.signature(place)
    versions = [each for each in LABELS if each in plausible(context.names, flavour)]
    if target is None or not versions:
        return []
    found: dict[str, Missing] = {}
    for row in dict.fromkeys(row for each in versions for row in rows_of(path, each)):
        if not _is_about(row, path, versions) or not target.named(row.parameter):
            continue
        values = {each: row.value(each) for each in versions}
        parameter = target.get(row.parameter)
        new = parameter.default if parameter is not None else None
        known = {each: value for each, value in values.items() if value is not None}
        if (
            len(known) < len(values)
            or row.parameter in found
            or _is_given(row, path, given, versions)
        ):
            continue
        if not any(differ(value, new, api=context.target.api) for value in known.values()):
            continue
        if any(value.endswith(SQUARE) for value in known.values()) and is_narrow(context):
            continue  # KM637 speaks of it
        item = Missing(row.parameter, known, new or "")
        if item.agreed is not None or not row.minor:
            found[row.parameter] = item
    return list(found.values())


def _is_about(row: Default, path: str, versions: Sequence[str]) -> bool:
    """Tell whether a path means an object of the row in every version that has the path."""
    known = [each for each in versions if path in source(each)]
    return all(row in rows_of(path, each) for each in known or versions)


def _is_given(row: Default, path: str, given: Sequence[cst.Arg], versions: Sequence[str]) -> bool:
    """Tell whether a call gives the argument, in any version's order of arguments."""
    if any(arg.keyword is not None and arg.keyword.value in row.names for arg in given):
        return True
    count = sum(1 for arg in given if arg.keyword is None and not arg.star)
    if any(arg.star == "*" for arg in given):
        return True
    orders: list[Signature | None] = [source(each).signature(path) for each in versions]
    return any(
        signature is not None and row.names & set(signature.names()[:count]) for signature in orders
    )


class Defaults(Transform):
    """Writes out what a call leaves to a default that changed."""

    rules = (WRITTEN, UNCERTAIN, UNWRITTEN, IGNORED)
    order = 60

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if self.context.settings.modern_defaults or not isinstance(updated_node, cst.Call):
            return updated_node
        found = self.context.shared(Heirs).callee(original_node)
        if found is None or (found.partial and not found.skip):
            return updated_node
        if original_node.func in self.context.imports.claimed:
            return updated_node
        place = self.context.imports.locate(found.path).path
        if place is None:
            return updated_node
        given = original_node.args[found.skip :]
        left = missing(self.context, found.path, found.symbol.flavour, place, given)
        now = {arg.keyword.value for arg in updated_node.args if arg.keyword is not None}
        left = [item for item in left if item.parameter not in now]
        self._ignored(original_node, found)
        if not left:
            return updated_node
        return self._write(original_node, updated_node, found, left)

    @cached_property
    def quotes(self) -> Quotes:
        """The quotes of the file."""
        return Quotes(self.context)

    def _write(
        self, original: cst.Call, updated: cst.Call, found: Callee, left: list[Missing]
    ) -> cst.Call:
        agreed = [item for item in left if item.agreed is not None]
        name = found.name
        doubtful = [item for item in left if item.agreed is None]
        if doubtful:
            report_uncertain(self.context, original, name, doubtful)
        if not agreed or not self._fits(updated, found, agreed):
            return updated
        if any(arg.star == "**" for arg in original.args):
            self._unwritten(original, name, agreed, "where the options do not have it")
            return updated
        if not self.context.runs(WRITTEN, original):
            return updated
        args = [self._argument(item, found) for item in agreed]
        if any(arg is None for arg in args):
            self._unwritten(original, name, agreed, "with a function of your own for hard_sigmoid")
            return updated
        changes = ", ".join(item.was for item in agreed)
        versions = span(agreed[0].values)
        self.context.report(
            WRITTEN, original, f"{name}: by default, {changes} in {versions}", fix=True
        )
        for arg in args:
            assert arg is not None
            updated = add_keyword(updated, arg)
        return updated

    def _fits(self, updated: cst.Call, found: Callee, left: list[Missing]) -> bool:
        """Tell whether the call is one of the target, so that more can be added to it."""
        place = self.context.imports.locate(found.path).path
        target = self.context.inventory.signature(place) if place is not None else None
        args = updated.args[found.skip :]
        if target is None or found.partial or any(arg.star for arg in args):
            return target is not None
        names = [arg.keyword.value for arg in args if arg.keyword is not None]
        added = [item.parameter for item in left]
        return target.bind(len(args) - len(names), [*names, *added]) is None

    def _argument(self, item: Missing, found: Callee) -> cst.Arg | None:
        assert item.agreed is not None
        if item.agreed == HARD_SIGMOID and self.context.target.api == 3:
            local = self.context.definitions.need(DEFINITION, near=found.symbol)
            return keyword(item.parameter, cst.Name(local)) if local is not None else None
        return keyword(item.parameter, self.quotes.write(item.agreed))

    def _unwritten(self, call: cst.Call, name: str, items: list[Missing], where: str) -> None:
        changes = ", ".join(item.was for item in items)
        now = ", ".join(f"{item.parameter}={item.agreed}" for item in items)
        self.context.report(
            UNWRITTEN,
            call,
            f"{name}: by default, {changes}, and is not in {self.context.target.name}",
            advice=f"write {now}, {where}",
            confidence=Confidence.LIKELY,
        )

    def _ignored(self, call: cst.Call, found: Callee) -> None:
        """Report arguments that begin to have an effect."""
        if found.path.rpartition(".")[2] not in ("LSTM", "GRU"):
            return
        versions = plausible(self.context.names, found.symbol.flavour)
        if not versions or not all(each.startswith("keras-1.") for each in versions):
            return
        given = {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
        signature = source(KERAS_1).signature(found.path)
        names = signature.names() if signature is not None else ()
        positional = [arg.value for arg in call.args[found.skip :] if arg.keyword is None]
        given |= dict(zip(names, positional, strict=False))
        mode = given.get("consume_less")
        if mode is not None and literals.string(mode) not in ("cpu", "mem"):
            return
        for old, new in (("inner_init", "init"), ("U_regularizer", "W_regularizer")):
            if old in given and not isinstance(literals.plain(given[old]), type(None)):
                self._takes_effect(given[old], found, old, new)

    def _takes_effect(self, node: cst.BaseExpression, found: Callee, old: str, new: str) -> None:
        self.context.report(
            IGNORED,
            node,
            f"{found.name}: Keras 1 ignored {old}= and took {new}= for the recurrent weights",
            advice=f"for what Keras 1 did, give it the value that {new}= has",
        )


def report_uncertain(
    context: Context, node: cst.CSTNode, name: str, items: list[Missing], rule: Rule = UNCERTAIN
) -> None:
    """Report defaults that the plausible versions disagree about, once for a call."""
    parts = []
    advice = []
    for item in items:
        by_value: dict[str, list[str]] = {}
        for version, value in item.values.items():
            by_value.setdefault(value, []).append(version)
        texts = [f"{value} in {span(versions)}" for value, versions in by_value.items()]
        parts.append(f"{item.parameter}= is {', '.join(texts)}")
        value = next(value for value in by_value if differ(value, item.new, api=context.target.api))
        advice.append(f"{item.parameter}={value}")
    context.report(
        rule,
        node,
        f"{name}: by default, {'; '.join(parts)}; the file does not say which it is for",
        advice=f"if the older, write {', '.join(advice)}; or pin the version of Keras in the"
        " requirements",
        severity=Severity.INFO,
        confidence=Confidence.UNSURE,
    )


def span(versions: Iterable[str]) -> str:
    """Call versions, given in their order, by one name."""
    labels = [LABELS[each] for each in versions]
    return labels[0] if len(labels) == 1 else f"{labels[0]} to {labels[-1].removeprefix('Keras ')}"
