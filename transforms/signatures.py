"""Every call of a Keras class, function or method against the signature that it meets today.

The other transforms know what became of an argument. This one comes after them and knows only the
inventories: it names arguments that moved, and reports what the target does not take.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import libcst as cst

from kerasmigrate import inventory, literals
from kerasmigrate.callees import callee
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.inventory import Signature
from kerasmigrate.names import Symbol
from kerasmigrate.project import SOURCES
from kerasmigrate.static import missing
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import MODEL, is_a
from kerasmigrate.versions import KERAS_2_0, KERAS_2_2, KERAS_2_3, LATE, TF1, plausible

from .arguments_rules import NO_SUCCESSOR
from .arguments_table import advice, row_of
from .defaults_table import source
from .signatures_rules import METHOD_GONE, NEVER, POSITION, REQUIRED, UNSURE_POSITION

#: What code may be for when nothing in its file says more, without Keras 3.
_OLD = {"keras": (KERAS_2_0, KERAS_2_2, KERAS_2_3, LATE)}
#: tf.keras of TensorFlow 1 has no inventory; what these two agree on holds for it.
_BETWEEN = (KERAS_2_2, LATE)
#: Defaults of parameters that take no text.
_NUMBER = re.compile(r"True|False|-?[0-9.]+(e-?[0-9]+)?")
#: Flavours that exist as Keras 3, and the inventory that such code fits.
_NEW = {"keras": "keras-3", "tf.keras": "tf.keras-3", "keras_core": "keras-3"}
_RATE = "give it to the optimizer: compile(optimizer=keras.optimizers.SGD(learning_rate=...), ...)"
#: What to write for a mistake that many have made, by method and argument.
_NEVER_ADVICE = {
    ("compile", "lr"): _RATE,
    ("compile", "learning_rate"): _RATE,
    ("add", "activation"): "give it to the layer: add(Dense(1, activation=...))",
}


@dataclass(frozen=True)
class _Callable:
    """What a call reaches, in the versions that it may be for and in the target."""

    path: str
    method: str
    symbol: Symbol
    olds: tuple[Signature, ...]
    target: Signature | None
    skip: int = 0

    @property
    def name(self) -> str:
        leaf = self.path.rpartition(".")[2]
        return f"{leaf}.{self.method}()" if self.method else leaf


class Signatures(Transform):
    """Compares calls with the signatures of the target."""

    rules = (POSITION, UNSURE_POSITION, METHOD_GONE, REQUIRED, NEVER, NO_SUCCESSOR)
    order = 55

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._seen = 0
        self._spoken: set[cst.CSTNode] = set()

    # -- the walk ----------------------------------------------------------------------------

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if not isinstance(updated_node, cst.Call) or self._is_settled(original_node, updated_node):
            return updated_node
        found = self._function(original_node) or self._method(original_node)
        if found is None or not found.olds:
            return updated_node
        if found.target is None:
            if found.method:
                self._report_gone(original_node, found)
            return updated_node
        self._keywords(original_node, found, found.target)
        return self._positions(original_node, updated_node, found, found.target)

    def _is_settled(self, original: cst.Call, updated: cst.Call) -> bool:
        """Tell whether another rule speaks of this call, or changed its arguments.

        A rule that is not selected, or that a comment keeps still, speaks as well: the place is
        its business.
        """
        reports = self.context.reports
        # What is only noted, such as a formula that changed, settles no argument.
        self._spoken.update(
            report.node
            for report in reports[self._seen :]
            if report.fixed or report.severity is not Severity.INFO
        )
        self._spoken |= self.context.muted
        self._seen = len(reports)
        return (
            original in self._spoken
            or original.func in self.context.imports.claimed
            or [_shape(arg) for arg in original.args] != [_shape(arg) for arg in updated.args]
        )

    # -- what is called ----------------------------------------------------------------------

    def _function(self, call: cst.Call) -> _Callable | None:
        found = callee(self.context.names, call)
        if found is None or found.partial:
            return None
        place = self.context.imports.locate(found.path).path
        target = self.context.inventory.signature(place) if place is not None else None
        olds = self._olds(found.symbol, found.path, "")
        return _Callable(found.path, "", found.symbol, olds, target, found.skip)

    def _method(self, call: cst.Call) -> _Callable | None:
        func = call.func
        if not isinstance(func, cst.Attribute) or func.attr.value in self._own_methods:
            return None
        if func in self._spoken:
            return None
        symbol = self._made_by(func.value)
        path = self.context.values.instance(func.value) if symbol is not None else None
        if symbol is None or path is None:
            return None
        place = self.context.imports.locate(path).path
        known = self.context.inventory
        if place is None or known.kind(place) != "class":
            return None
        name = func.attr.value
        target = known.method(place, name)
        if target is None and name in known.methods(place):
            return None
        return _Callable(path, name, symbol, self._olds(symbol, path, name), target)

    def _made_by(self, node: cst.BaseExpression) -> Symbol | None:
        """Return the Keras class or function that made a value, if the file shows just one."""
        names = self.context.names
        if isinstance(node, cst.Call):
            symbol = names.symbol(node.func)
            return symbol if symbol is not None and symbol.certain else None
        if isinstance(node, cst.Name):
            given = [each.value for each in names.bindings(node)]
        else:
            given = list(self.context.values.attribute(node))
        made = [self._made_by(each) if isinstance(each, cst.Call) else None for each in given]
        return made[0] if len(made) == 1 else None

    @cached_property
    def _own_methods(self) -> frozenset[str]:
        """Methods that classes of the file define; their signatures are not Keras'."""
        scopes = self.context.names.scope_of
        return frozenset(
            node.name.value
            for node, scope in scopes.items()
            if isinstance(node, cst.FunctionDef)
            and scope.parent is not None
            and isinstance(scope.parent.node, cst.ClassDef)
        )

    def _olds(self, symbol: Symbol, path: str, method: str) -> tuple[Signature, ...]:
        """Return the signatures that the call may be written for, without Keras 3."""
        versions = set(plausible(self.context.names, symbol.flavour))
        later = {each for each in versions if not each.startswith("keras-1.")}
        versions = later or versions  # words of Keras 1 would have told
        versions = versions or set(_OLD.get(symbol.flavour, (LATE,)))
        if TF1 in versions:
            versions = {*versions, *_BETWEEN} - {TF1}
        return tuple(dict.fromkeys(_signatures(tuple(sorted(versions)), path, method)))

    @cached_property
    def _is_old(self) -> bool:
        """Whether something in the file is older than Keras 3, and this run changes it.

        What stays, such as a name that is gone, proves nothing: a later run would take calls that
        this one brought from another flavour for old ones.
        """
        for _, symbol in self.context.names.symbols():
            if not symbol.certain:
                continue
            new = _NEW.get(symbol.flavour)
            if new is not None and missing(symbol.path, inventory.load(new)) is None:
                continue
            if new is None and self.context.target.accepts(symbol.flavour):
                continue
            if self.context.imports.locate(symbol.path).path is not None:
                return True
        return False

    @cached_property
    def _known_old(self) -> frozenset[str]:
        """Flavours whose code in this file is for no Keras 3, by whatever evidence."""
        names = self.context.names
        flavours = {symbol.flavour for _, symbol in names.symbols()}
        return frozenset(each for each in flavours if plausible(names, each))

    # -- keywords ----------------------------------------------------------------------------

    def _keywords(self, call: cst.Call, found: _Callable, target: Signature) -> None:
        for arg in call.args:
            name = arg.keyword.value if arg.keyword is not None else ""
            if not name or self._spoken & {arg, arg.value} or target.named(name):
                continue
            if not any(old.named(name) for old in found.olds):
                if target.accepts(name):
                    continue
                if _knows(found.path, found.method, name):
                    self._report_argument(arg.value, found, name)
                else:
                    self._report_never(
                        arg.value, found, name, f"has no argument {name}=, in no Keras"
                    )
                continue
            if not target.accepts(name):
                self._report_argument(arg.value, found, name)
            elif not _takes_all(target) and not self._may_be_new(found):
                self._report_swallowed(arg.value, found, name)

    def _may_be_new(self, found: _Callable) -> bool:
        """Tell whether the call may be written for the target."""
        return not self._shows_age(found) and self.context.target.accepts(found.symbol.flavour)

    def _shows_age(self, found: _Callable) -> bool:
        """Tell whether the call is older than Keras 3 by any evidence."""
        return self._is_old or found.symbol.flavour in self._known_old

    def _report_swallowed(self, node: cst.CSTNode, found: _Callable, name: str) -> None:
        target = self.context.target
        self.context.report(
            NO_SUCCESSOR,
            node,
            f"{found.name} does not name {name}= in {target.name} (Keras {target.api}), only"
            " ** takes it",
            advice="leave it out, unless a run shows that it has an effect",
            severity=Severity.WARNING,
            confidence=Confidence.UNSURE,
        )

    def _report_argument(self, node: cst.CSTNode, found: _Callable, name: str) -> None:
        target = self.context.target
        self.context.report(
            NO_SUCCESSOR,
            node,
            f"{found.name} has no argument {name}= in {target.name} (Keras {target.api})",
            advice=advice(name, f"{found.path}.{found.method}" if found.method else found.path),
        )

    def _report_never(self, node: cst.CSTNode, found: _Callable, name: str, why: str) -> None:
        self.context.report(
            NEVER,
            node,
            f"{found.name} {why}",
            advice=_NEVER_ADVICE.get((found.method, name)) or _meant(name, found.target),
            confidence=Confidence.LIKELY if found.method else Confidence.CERTAIN,
        )

    def _report_gone(self, call: cst.Call, found: _Callable) -> None:
        target = self.context.target
        self.context.report(
            METHOD_GONE,
            call,
            f"{found.name} does not exist in {target.name} (Keras {target.api})",
            advice=method_advice(found.path, found.method),
            confidence=Confidence.LIKELY,
        )

    # -- positions ---------------------------------------------------------------------------

    def _positions(
        self, call: cst.Call, updated: cst.Call, found: _Callable, target: Signature
    ) -> cst.Call:
        args = call.args[found.skip :]
        if any(arg.star for arg in args):
            return updated
        count = sum(arg.keyword is None for arg in args)
        keywords = {arg.keyword.value for arg in args if arg.keyword is not None}
        values = [arg.value for arg in args if arg.keyword is None]
        refused = _refuses(target, values)
        olds = [each for each in found.olds if not (refused and _refuses(each, values))]
        olds = [each for each in olds if not _wants_more(each, count, keywords)]
        guessed = not olds
        if guessed:  # older than what the file is taken for
            every = _signatures(_OLD["keras"], found.path, found.method)
            olds = [each for each in every if not _refuses(each, values)]
        orders = self._orders(found, olds, target, count)
        today = target.names()
        fits = count <= len(today) or any(
            each.kind == "var_positional" for each in target.parameters
        )
        other = [order for order in orders if order != today[:count]]
        if not orders and not fits:
            self.context.report(
                NEVER,
                call,
                f"{found.name} takes {len(today)} arguments by position, not {count}",
                advice="name the arguments",
                confidence=Confidence.LIKELY,
            )
            return updated
        if not other or (fits and count == 0):
            self._required(call, found, target, count, keywords)
            return updated
        if (self._is_old or not fits) and len(set(orders)) == 1 and not guessed:
            return self._named(call, updated, found, target, orders[0])
        agreed = len(other) < len(orders) and not self._shows_age(found)
        if fits and not refused and (agreed or self._may_be_new(found)):
            return updated
        self._unsure(call, found, target, orders, count)
        return updated

    def _orders(
        self, found: _Callable, olds: Sequence[Signature], target: Signature, count: int
    ) -> list[tuple[str, ...]]:
        """Return what ``count`` positions mean in the old versions, in the words of today."""
        row = row_of(found.path) if not found.method else None
        rename = row.rename if row is not None else {}
        orders = []
        for old in olds:
            names = old.names()[:count]
            if len(names) == count:
                words = [
                    rename[name] if name in rename and target.named(rename[name]) else name
                    for name in names
                ]
                orders.append(tuple(_same_letters(words, target)))
        return orders

    def _named(
        self,
        call: cst.Call,
        updated: cst.Call,
        found: _Callable,
        target: Signature,
        order: tuple[str, ...],
    ) -> cst.Call:
        """Give names to the arguments from the first one on whose position moved."""
        args = call.args[found.skip :]
        today = target.names()
        known = {each.name: each for each in target.parameters}
        gone = [
            (arg, name)
            for arg, name in zip(args, order, strict=False)
            if name not in known and name not in today
        ]
        for arg, name in gone:
            if arg.value not in self._spoken:
                self._report_argument(arg.value, found, name)
        if gone or not self.context.runs(POSITION, call):
            return updated
        try:
            edited = Arguments(call, updated, _slots(order), skip=found.skip)
            edited.fit(target)
        except UnbindableError as reason:
            self.context.report(
                UNSURE_POSITION,
                call,
                f"{found.name} is not converted: {reason}",
                advice="give the arguments by name",
                confidence=Confidence.UNSURE,
            )
            return updated
        if not edited.named:
            return updated
        listed = ", ".join(f"{name}=" for name in edited.named)
        verb = "is" if len(edited.named) == 1 else "are"
        self.context.report(POSITION, call, f"{found.name}: {listed} {verb} named now", fix=True)
        return edited.render()

    def _unsure(
        self,
        call: cst.Call,
        found: _Callable,
        target: Signature,
        orders: list[tuple[str, ...]],
        count: int,
    ) -> None:
        today = (*target.names()[:count], *("",) * count)
        place = next(
            index
            for index in range(count)
            if len({order[index] for order in orders} | {today[index]}) > 1
        )
        meant = dict.fromkeys(f"{order[place]}=" for order in orders)
        now = f"{today[place]}=" if today[place] else "not taken"
        self.context.report(
            UNSURE_POSITION,
            call,
            f"{found.name}: argument {place + 1} was {' or '.join(meant)} and is {now}"
            f" in {self.context.target.name} (Keras {self.context.target.api})",
            advice="give it by name",
            severity=Severity.WARNING,
            confidence=Confidence.UNSURE,
        )

    def _required(
        self, call: cst.Call, found: _Callable, target: Signature, count: int, given: set[str]
    ) -> None:
        held = {*target.names()[:count], *given}
        for each in target.parameters:
            if not each.required or each.name in held:
                continue
            if any(not target.accepts(name) for name in given):
                return  # what stands in its place is reported
            if all(_requires(old, each.name) for old in found.olds):
                self._report_never(call, found, each.name, f"requires {each.name}=, in every Keras")
                return
            self.context.report(
                REQUIRED,
                call,
                f"{found.name} requires {each.name}= in {self.context.target.name}"
                f" (Keras {self.context.target.api})",
                advice=f"give {each.name}=",
            )
            return


def _shape(arg: cst.Arg) -> tuple[str, str]:
    return arg.star, arg.keyword.value if arg.keyword is not None else ""


def _refuses(signature: Signature, values: Sequence[cst.BaseExpression]) -> bool:
    """Tell whether a text stands where a signature has a number or a flag."""
    for name, value in zip(signature.names(), values, strict=False):
        parameter = signature.get(name)
        default = parameter.default if parameter is not None else None
        if _NUMBER.fullmatch(default or "") and literals.string(value) is not None:
            return True
    return False


def _wants_more(signature: Signature, count: int, keywords: Set[str]) -> bool:
    """Tell whether a call leaves out what a signature requires."""
    held = {*signature.names()[:count], *keywords}
    return any(each.required and each.name not in held for each in signature.parameters)


def _same_letters(words: Sequence[str], target: Signature) -> list[str]:
    """Spell a parameter that kept its place as today, such as the ``X`` of Keras 1's ``flow``."""
    today = target.names()
    return [
        today[place] if today[place : place + 1] and today[place].lower() == word.lower() else word
        for place, word in enumerate(words)
    ]


def _takes_all(signature: Signature) -> bool:
    """Tell whether a signature is ``(*args, **kwargs)``, as where subclasses decide."""
    return {"var_positional", "var_keyword"} <= {each.kind for each in signature.parameters}


def _meant(name: str, target: Signature | None) -> str:
    """Say what may have been meant by the name of an argument, or that it has to be given."""
    names = target.names() if target is not None else ()
    if name in names:
        return f"give {name}="
    near = difflib.get_close_matches(name, names, 1)
    return f"write {near[0]}= if that is meant" if near else "compare the call with the signature"


@cache
def _knows(path: str, method: str, name: str) -> bool:
    """Tell whether any Keras names an argument."""
    return any(each.named(name) for each in _signatures(SOURCES, path, method))


def _requires(signature: Signature, name: str) -> bool:
    return any(each.name == name and each.required for each in signature.parameters)


def _slots(order: tuple[str, ...]) -> Signature:
    return Signature(tuple(inventory.Parameter(name, "positional", None) for name in order))


@cache
def _signatures(versions: tuple[str, ...], path: str, method: str) -> tuple[Signature, ...]:
    return tuple(_each_signature(versions, path, method))


def _each_signature(versions: tuple[str, ...], path: str, method: str) -> Iterator[Signature]:
    for version in versions:
        known = source(version)
        if not method:
            found = known.signature(path)
        else:
            found = known.method(path, method)
            if found is None and path != MODEL and known.is_subclass(path, MODEL):
                found = known.method(MODEL, method)
        if found is not None:
            yield found


@cache
def method_advices() -> dict[str, str]:
    """Return what to do about methods that are gone, by class and method."""
    text = (files(__package__) / "gone_methods.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def method_advice(path: str, name: str) -> str:
    """Say what to do about a method that the target's class does not have.

    Args:
        path: Canonical path of the class; what is said of its base classes holds for it too.
        name: The method.
    """
    for known, text in method_advices().items():
        owner, _, leaf = known.rpartition(".")
        if leaf == name and is_a(path, owner):
            return text
    return "write by hand what it did, or remove the call"
