"""Training calls: the arguments of fit, evaluate, predict, compile and their generator forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from kerasmigrate import eras, inventory, literals
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.eras import KERAS_1, KERAS_2, Era
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.inventory import Signature
from kerasmigrate.rules import Rule
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import MODEL, SEQUENTIAL, is_a
from kerasmigrate.versions import KERAS_2_3, LATE, TF1, plausible

from ._datasets import is_dataset
from .arguments_rules import NO_SUCCESSOR
from .arguments_table import advice
from .training_calls_rules import (
    DROPPED,
    GENERATOR,
    MAYBE_MODEL,
    ORDER,
    QUEUE,
    STEPS,
    TRAINING,
    UNKNOWN_STEPS,
)
from .training_steps import batch_size, in_batches, told

_RENAME = {
    "nb_epoch": "epochs",
    "max_q_size": "max_queue_size",
    "nb_worker": "workers",
    "pickle_safe": "use_multiprocessing",
}
#: Arguments that count samples, what counts batches instead, and where the batches come from.
_SAMPLES = {
    "samples_per_epoch": ("steps_per_epoch", "generator"),
    "nb_val_samples": ("validation_steps", "validation_data"),
    "val_samples": ("steps", "generator"),
}
#: Arguments of the queue that Keras 3 moved to PyDataset, with their defaults.
_QUEUE = {"max_queue_size": 10, "workers": 1, "use_multiprocessing": False}
_ANCIENT = ("show_accuracy", "class_mode", "experimental_run_tf_function")
_GENERATORS = {
    "fit_generator": "fit",
    "evaluate_generator": "evaluate",
    "predict_generator": "predict",
}
_METHODS = frozenset(("fit", "evaluate", "predict", "compile", *_GENERATORS))
_OLD_WORDS = frozenset((*_RENAME, *_SAMPLES))


class _NoStepsError(UnbindableError):
    """The batch size is out of sight."""


@dataclass
class _Work:
    """One training call on its way."""

    call: cst.Call
    args: Arguments
    method: str
    rules: dict[Rule, list[str]] = field(default_factory=dict)
    #: Statements to put before the line.
    before: list[cst.SimpleStatementLine] = field(default_factory=list)
    advice: dict[Rule, str] = field(default_factory=dict)

    def note(self, rule: Rule, text: str) -> None:
        self.rules.setdefault(rule, []).append(text)


class TrainingCalls(Transform):
    """Converts calls of a model's methods."""

    rules = (
        TRAINING,
        GENERATOR,
        STEPS,
        UNKNOWN_STEPS,
        DROPPED,
        QUEUE,
        ORDER,
        MAYBE_MODEL,
        NO_SUCCESSOR,
    )
    order = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._classes: list[cst.ClassDef] = []
        #: The line that is nothing but a call and what takes its value, by that call.
        self._lines: dict[cst.CSTNode, cst.SimpleStatementLine] = {}
        self._before: dict[cst.CSTNode, list[cst.SimpleStatementLine]] = {}

    @cached_property
    def era(self) -> Era:
        """What the file was written for."""
        return eras.era(self.context.names)

    @cached_property
    def _overridden(self) -> frozenset[str]:
        """Methods that models of this file bring themselves, with parameters of their own."""
        return frozenset(
            each.name.value
            for scope in self.context.names.scope_of.values()
            if isinstance(scope.node, cst.ClassDef)
            and (
                self.context.values.derives(scope.node, MODEL)
                or self.context.values.derives(scope.node, SEQUENTIAL)
            )
            for each in scope.node.body.body
            if isinstance(each, cst.FunctionDef)
        )

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._classes.append(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.BaseStatement:
        self._classes.pop()
        return updated_node

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:
        small = node.body[0]
        value = small.value if isinstance(small, cst.Expr | cst.Assign | cst.Return) else None
        if isinstance(value, cst.Call) and len(node.body) == 1:
            self._lines[value] = node

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement]:
        lines = self._before.get(original_node)
        if not lines:
            return updated_node
        first = lines[0].with_changes(leading_lines=updated_node.leading_lines)
        last = updated_node.with_changes(leading_lines=())
        return cst.FlattenSentinel([first, *lines[1:], last])

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        func = original_node.func
        if not isinstance(func, cst.Attribute) or func.attr.value not in _METHODS:
            return updated_node
        if self.context.symbol(func) is not None or func.attr.value in self._overridden:
            return updated_node
        if not self._is_model(func.value):
            self._maybe(original_node, func)
            return updated_node
        return self._convert(original_node, updated_node, func.attr.value, func.value)

    # -- the receiver ------------------------------------------------------------------------

    def _is_model(self, receiver: cst.BaseExpression) -> bool:
        if isinstance(receiver, cst.Name) and receiver.value == "self" and self._classes:
            owner = self._classes[-1]
            own = {each.name.value for each in owner.body.body if isinstance(each, cst.FunctionDef)}
            return not own & _METHODS and (
                self.context.values.derives(owner, MODEL)
                or self.context.values.derives(owner, SEQUENTIAL)
            )
        return self.context.values.is_model(receiver)

    def _maybe(self, call: cst.Call, func: cst.Attribute) -> None:
        """Report a call in the words of Keras 1 on something that may be a model."""
        words = {arg.keyword.value for arg in call.args if arg.keyword is not None} & _OLD_WORDS
        if not words or isinstance(func.value, cst.Call):
            return
        values = self.context.values
        bindings = self.context.names.bindings(func.value)
        if values.instance(func.value) is not None or any(
            isinstance(b.node, cst.ClassDef | cst.FunctionDef)
            or (
                isinstance(b.value, cst.Call)
                and any(
                    isinstance(made.node, cst.ClassDef)
                    for made in self.context.names.bindings(b.value.func)
                )
            )
            for b in bindings
        ):
            return
        receiver = self.context.module.code_for_node(func.value)
        new = ", ".join(f"{old}= is {_new_word(old)}= now" for old in sorted(words))
        self.context.report(
            MAYBE_MODEL,
            call,
            f"{receiver}.{func.attr.value}() is called in the style of Keras 1, but {receiver} is"
            " not known to be a model",
            advice=f"if it is one: {new}",
            confidence=Confidence.UNSURE,
        )

    # -- the conversion ----------------------------------------------------------------------

    def _convert(
        self, original: cst.Call, updated: cst.Call, method: str, receiver: cst.BaseExpression
    ) -> cst.Call:
        target, new_method = self._target(method)
        if target is None:
            return updated
        known = self.context.values.instance(receiver)
        owner = SEQUENTIAL if known is not None and is_a(known, SEQUENTIAL) else MODEL
        args = Arguments(original, updated, self._source(original, method, owner, target))
        work = _Work(original, args, new_method)
        try:
            self._same_order(args, method)
            self._apply(work, method, target)
            left = args.fit(target)
        except _NoStepsError as reason:
            self._report_steps(work, method, target, str(reason))
            return updated
        except UnbindableError as reason:
            if args.changed or work.rules or method in _GENERATORS:
                self.context.report(
                    UNKNOWN_STEPS if method in _GENERATORS else TRAINING,
                    original,
                    f"{method}() is not converted: {reason}",
                    advice="convert this call by hand",
                    confidence=Confidence.UNSURE,
                )
            return updated
        if args.named and ORDER not in work.rules:
            work.note(TRAINING, ", ".join(f"{name}= is named now" for name in args.named))
        self._report_left(original, args, method, owner, left)
        if not work.rules or not all(self.context.runs(rule, original) for rule in work.rules):
            return updated
        for rule, texts in work.rules.items():
            self.context.report(
                rule,
                original,
                f"{method}(): {', '.join(texts)}",
                fix=True,
                advice=work.advice.get(rule, ""),
                confidence=(
                    Confidence.LIKELY
                    if rule is STEPS and STEPS in work.advice
                    else Confidence.CERTAIN
                ),
            )
        if work.before:
            self._before[self._lines[original]] = work.before
        result = args.render()
        if new_method != method:
            func = cst.ensure_type(result.func, cst.Attribute)
            result = result.with_changes(func=func.with_changes(attr=cst.Name(new_method)))
        return result

    def _target(self, method: str) -> tuple[Signature | None, str]:
        """Return the signature to bind with, and the name of the method that has it."""
        known = self.context.inventory
        signature = known.method(MODEL, method)
        if signature is None and method in _GENERATORS:
            method = _GENERATORS[method]
            signature = known.method(MODEL, method)
        return signature, method

    def _source(
        self, call: cst.Call, method: str, owner: str, target: Signature
    ) -> Signature | None:
        """Return the signature that the call was written for."""
        words = {arg.keyword.value for arg in call.args if arg.keyword is not None}
        if words & _OLD_WORDS or (self.era is Era.KERAS_1 and not words & _NEW_WORDS):
            return inventory.load(KERAS_1).method(owner, method)
        if method == "compile":
            return inventory.load(self._compile_version).method(owner, method)
        if method in _GENERATORS:
            return inventory.load(KERAS_2_3).method(owner, method)
        return target

    @cached_property
    def _compile_version(self) -> str:
        """The version whose order of compile() counts: from its fifth position on there are two."""
        names = self.context.names
        flavours = {symbol.flavour for _, symbol in names.symbols()}
        versions = set().union(*(plausible(names, each) for each in flavours if each != "keras"))
        late = bool(flavours) and TF1 not in versions
        if late and "keras" in flavours:
            own = plausible(names, "keras")
            # What tf_keras takes as it stands is no edit to make on a guess.
            late = own == {LATE} or (self.context.target.api < 3 and (not own or LATE in own))
        return LATE if late else KERAS_2_3

    def _apply(self, work: _Work, method: str, target: Signature) -> None:
        args = work.args
        if method == "compile":
            self._compile(work, target)
        generator = args.get("generator")
        for old, (new, source) in _SAMPLES.items():
            item = args.get(old)
            if item is not None:
                self._steps(work, item, new, args.get(source))
        self._queue(work, target)
        for old, new in _RENAME.items():
            item = args.get(old)
            if item is not None:
                args.rename(old, new)
                if not item.positional:
                    work.note(TRAINING, f"{old}= is now {new}=")
        for name in _ANCIENT:
            item = args.get(name)
            if item is not None and not target.named(name):
                args.drop(item)
                work.note(DROPPED, f"{name}= is gone")
                if name == "show_accuracy":
                    work.advice[DROPPED] = "compile with metrics=['accuracy']"
        if work.method == method:
            return
        work.note(GENERATOR, f"it is {work.method}() now")
        self._validation_frequency(args)
        if generator is not None:
            generator.touched = generator.touched or not generator.positional
            generator.name = "x"

    def _queue(self, work: _Work, target: Signature) -> None:
        """Tell the data what only the data itself can be told since Keras 3, or drop it."""
        names = {**{old: new for old, new in _RENAME.items() if new in _QUEUE}}
        names |= {name: name for name in _QUEUE}
        told: dict[str, Argument] = {}
        for name, new in names.items():
            item = work.args.get(name)
            if item is None or target.named(new):
                continue
            value = literals.plain(item.original)
            work.args.drop(item)
            if isinstance(value, literals.Unknown) or value != _QUEUE[new]:
                told[new] = item
            else:
                work.note(DROPPED, f"{name}= is dropped")
        data = self._datasets(work) if told else []
        if data:
            work.note(QUEUE, f"{', '.join(f'{name}=' for name in told)} now belong to the data")
            work.before = [_setting(data, name, item.value) for name, item in told.items()]
        elif told:
            for name in told:
                work.note(DROPPED, f"{name}= is dropped")
            work.advice[DROPPED] = self._setting_advice(work, told)

    def _datasets(self, work: _Work) -> list[cst.BaseExpression]:
        """Return the data of a call; none where not all of it is certain to be a PyDataset."""
        if work.call not in self._lines or work.args.starred:
            return []
        first = work.args.get("generator") or work.args.get("x")
        second = work.args.get("validation_data")
        given = [each.original for each in (first, second) if each is not None]
        if second is not None and isinstance(second.original, cst.Tuple):
            given = given[:1]  # arrays need no workers
        if first is None or not all(
            each is not None and is_dataset(self.context, each) for each in given
        ):
            return []
        return [each for each in given if each is not None]

    def _setting_advice(self, work: _Work, told: dict[str, Argument]) -> str:
        """Say how a PyDataset is told."""
        item = work.args.get("generator") or work.args.get("x")
        shown = item is not None and dotted(item.original) is not None
        data = item.original if item is not None and item.original is not None and shown else None
        lines = [
            self.context.module.code_for_node(
                _setting([data or cst.Name("data")], name, each.original or each.value)
            )
            for name, each in told.items()
        ]
        return f"where the data is a PyDataset, write {'; '.join(each.strip() for each in lines)}"

    def _same_order(self, args: Arguments, method: str) -> None:
        """Refuse a second position that may count samples or batches."""
        if (
            self.era is Era.MIXED
            and method in _GENERATORS
            and len(args.positional) > 1
            and not args.keywords & (_OLD_WORDS | _NEW_WORDS)
        ):
            raise UnbindableError("its second argument counts samples in Keras 1, batches since")

    @staticmethod
    def _validation_frequency(args: Arguments) -> None:
        """Refuse positions that differ between the versions of Keras 2."""
        if len(args.positional) > 7:
            raise UnbindableError("the order of its later arguments differs between versions")

    def _steps(self, work: _Work, item: Argument, new: str, source: Argument | None) -> None:
        """Turn a number of samples into a number of batches."""
        assert item.name is not None and item.original is not None
        old = item.name
        if new == "validation_steps" and source is not None:
            arrays = literals.elements(source.original)
            if arrays is not None:
                work.args.drop(item)
                work.note(STEPS, f"{old}= is dropped; it is only for generators")
                return
        if literals.plain(item.original) is None:
            work.args.rename(old, new)
            return
        assert isinstance(work.call.func, cst.Attribute)
        size = None
        if source is not None and source.original is not None:
            size = batch_size(self.context, source.original, work.call.func)
            if size is None:
                size = told(self.context, source.original, work.call.func)
                work.advice[STEPS] = "the generator is taken to give batches of its batch_size"
        if size is None:
            raise _NoStepsError(old)
        work.args.rename(old, new)
        work.args.replace(item, in_batches(item.value, size))
        work.note(STEPS, f"{old}= is now {new}=, in batches")

    def _compile(self, work: _Work, target: Signature) -> None:
        """Name the third argument where its meaning changed."""
        items = work.args.positional
        if len(items) < 3 or target.names()[2:3] == ("metrics",) or work.args.starred:
            return
        shown = self._shown(items[2].original)
        if shown:
            work.note(ORDER, "metrics= is named now")
            return
        for item, name in zip(items, target.names(), strict=False):
            item.name = name  # left as it is
        if shown is None:
            self.context.report(
                ORDER,
                work.call,
                "compile(): the third argument was metrics, and is loss_weights in Keras 3",
                advice="write metrics= or loss_weights= before it",
                severity=Severity.WARNING,
                confidence=Confidence.UNSURE,
            )

    def _shown(self, node: cst.BaseExpression | None) -> bool | None:
        """Tell whether an expression is a list of metrics; None when the source hides it."""
        if isinstance(node, cst.Name):
            bindings = self.context.names.bindings(node)
            if len(bindings) != 1 or bindings[0].value is None:
                return None
            node = bindings[0].value
        parts = literals.elements(node)
        if parts is None and isinstance(node, cst.Dict):
            parts = [each.value for each in node.elements if isinstance(each, cst.DictElement)]
        if parts is None:
            return None
        return not any(isinstance(literals.plain(part), int | float) for part in parts) and bool(
            parts
        )

    def _report_left(
        self, call: cst.Call, args: Arguments, method: str, owner: str, left: list[str]
    ) -> None:
        target = self.context.target
        for name in left:
            known = (inventory.load(each).method(owner, method) for each in (KERAS_1, *KERAS_2))
            item = args.get(name)
            if item is None or not any(each and each.named(name) for each in known):
                continue
            self.context.report(
                NO_SUCCESSOR,
                item.original or call,
                f"{method}() has no argument {name}= in {target.name} (Keras {target.api})",
                advice=advice(name),
            )

    def _report_steps(self, work: _Work, method: str, target: Signature, old: str) -> None:
        args, new_method = work.args, work.method
        item = args.get(old)
        assert item is not None and item.original is not None
        steps = in_batches(item.original, cst.Name("batch_size"))
        code = self.context.module.code_for_node(steps)
        where = "" if new_method == method else f" in a call of {new_method}()"
        written = f"{_SAMPLES[old][0]}={code}{where}"
        strays = _strays(args, target) if new_method == method else []
        if len(args.positional) > 1 and not args.starred:
            written = self._written(work, target)
        self.context.report(
            UNKNOWN_STEPS,
            work.call,
            f"{method}() is not converted: the source does not show how many samples a batch of"
            f" {old}= has{'; by position ' if strays else ''}{', '.join(strays)}",
            advice=f"write {written}, with the right batch size",
            confidence=Confidence.UNSURE,
        )

    def _written(self, work: _Work, target: Signature) -> str:
        """Write a call with numbers of batches, and with the names of today."""
        code_of = self.context.module.code_for_node
        parts = []
        for index, item in enumerate(work.args.live):
            name, value = item.name or "", item.original or item.value
            new = _new_word(name) if name in _OLD_WORDS else name
            if name in _SAMPLES and literals.plain(value) is not None:
                value = in_batches(value, cst.Name("batch_size"))
            if index == 0 and item.positional:
                parts.append(code_of(value))
            elif target.named(new):
                parts.append(f"{new}={code_of(value)}")
        assert isinstance(work.call.func, cst.Attribute)
        return f"{code_of(work.call.func.value)}.{work.method}({', '.join(parts)})"


def _setting(
    data: list[cst.BaseExpression], name: str, value: cst.BaseExpression
) -> cst.SimpleStatementLine:
    """Write ``data.workers = value``."""
    targets = [cst.AssignTarget(cst.Attribute(each, cst.Name(name))) for each in data]
    return cst.SimpleStatementLine([cst.Assign(targets, value)])


_NEW_WORDS = frozenset(("epochs", "steps_per_epoch", "validation_steps", "steps", *_QUEUE))


def _strays(args: Arguments, target: Signature) -> list[str]:
    """Say what arguments by position of Keras 1 would be taken for."""
    return [
        f"{item.name}= is taken for {today}="
        for item, today in zip(args.positional, target.names(), strict=False)
        if item.name in _SAMPLES or (item.name and _RENAME.get(item.name, item.name) != today)
    ]


def _new_word(old: str) -> str:
    return _RENAME.get(old) or _SAMPLES[old][0]
