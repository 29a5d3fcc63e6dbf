"""Legacy arguments: renamed, reordered and revalued ones of layers, models and functions."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import libcst as cst

from kerasmigrate import eras, inventory, literals
from kerasmigrate.callees import Callee, callee
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.eras import KERAS_1, KERAS_2, Era
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.inventory import Signature
from kerasmigrate.rules import Rule
from kerasmigrate.transform import Context, Transform

from ._heirs import Heirs
from ._learning_rates import RateSetters
from ._written_options import Written, WrittenOptions
from .arguments_optimizers import STEPS as OPTIMIZER_STEPS
from .arguments_optimizers import hidden, legacy
from .arguments_options import Options
from .arguments_rules import (
    ARGUMENT,
    CLIPPING,
    DECAY,
    KERNEL,
    LAYOUT_VALUE,
    LEGACY,
    NO_SUCCESSOR,
    NOT_CONVERTED,
)
from .arguments_steps import STEPS, Edit, Note, RefusedError
from .arguments_table import Row, advice, constraints, row_of, values
from .first_shapes import HandledShapes
from .first_weights import InitialWeights
from .image_layout import Layouts
from .old_attributes import OldAttributes

_INITIALIZERS = frozenset(
    (
        "uniform",
        "normal",
        "lecun_uniform",
        "glorot_uniform",
        "glorot_normal",
        "he_uniform",
        "he_normal",
        "identity",
        "orthogonal",
        "zero",
        "one",
        "zeros",
        "ones",
    )
)
ALL_STEPS = {**STEPS, **OPTIMIZER_STEPS}
_NEW_SPELLING = frozenset(("padding", "strides", "data_format"))


class LegacyArguments(Transform):
    """Converts the arguments of every callable in the table."""

    rules: ClassVar[tuple[Rule, ...]] = (
        ARGUMENT,
        KERNEL,
        NO_SUCCESSOR,
        NOT_CONVERTED,
        LAYOUT_VALUE,
        DECAY,
        LEGACY,
        CLIPPING,
    )
    order = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Layers that are called in the expression that makes them.
        self._applied: set[cst.CSTNode] = set()
        #: Strings that name options, and their new text.
        self._strings: dict[cst.CSTNode, str] = {}
        #: How the old optimizer that takes the place of another one is spelt, and its path.
        self._legacy: dict[cst.CSTNode, tuple[str, str]] = {}

    @cached_property
    def era(self) -> Era:
        """What the file was written for."""
        return eras.era(self.context.names)

    @cached_property
    def layouts(self) -> Layouts:
        """The layout expressions of the file."""
        return Layouts(self.context)

    @cached_property
    def setters(self) -> RateSetters:
        """Who sets learning rates in this file, and in those that it works with."""
        return RateSetters(self.context)

    @cached_property
    def heirs(self) -> Heirs:
        """The classes of the code that hand their arguments on to Keras."""
        return self.context.shared(Heirs)

    @cached_property
    def options(self) -> Options:
        """The dictionaries of options that calls of this file pass on."""
        return Options(self.context)

    # -- the walk ----------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        for each in self.context.shared(WrittenOptions).keys:
            self._look_at_written(each)

    def _look_at_written(self, key: Written) -> None:
        """Convert or report a key that a constructor writes into the options of its base."""
        if key.reason:
            self.context.report(
                NOT_CONVERTED,
                key.node,
                f"{key.found.name}: the option {key.old!r} is of Keras 1; not converted:"
                f" {key.reason}",
                advice=f"hand on {key.new} instead" if key.new else advice(key.old),
            )
        elif self.context.report(
            ARGUMENT,
            key.node,
            f"options for {key.found.name}: {key.old} is now {key.new}",
            fix=True,
        ):
            self._strings |= key.strings

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        new = self._strings.get(original_node)
        return updated_node if new is None else literals.write(new, original_node)

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Call):
            self._applied.add(node.func)
        self._plan_legacy(node)

    def _plan_legacy(self, call: cst.Call) -> None:
        """Find out whether an optimizer has to be one of the old ones that tf_keras keeps."""
        found = callee(self.context.names, call)
        row = row_of(found.path) if found is not None else None
        if found is None or row is None or "learning_rate_decay" not in row.steps:
            return
        place = self.context.imports.locate(found.path).path
        target = self.context.inventory.signature(place) if place is not None else None
        if target is None or not found.symbol.certain or call.func in self.context.imports.claimed:
            return
        edit = self._edit(call, call, found, row, target)
        path = legacy(edit) if edit is not None and self.context.runs(LEGACY, call) else None
        signature = self.context.inventory.signature(path) if path is not None else None
        if path is None or signature is None:
            return
        trial = self._edit(call, call, found, row, signature)
        assert trial is not None
        try:
            self._apply(trial, set(), call)
            left = trial.args.fit(signature)
        except UnbindableError:
            return
        if left:
            return
        scope = self.context.names.references[call.func].scope
        module, _, leaf = path.rpartition(".")
        if found.symbol.attributes:
            spelt = self.context.imports.spell(path, found.symbol, scope)
        else:  # legacy.SGD(...) says what it is, and does not clash with SGD
            spelt = f"{self.context.imports.spell(module, found.symbol, scope)}.{leaf}"
        self._legacy[call] = (path, spelt)
        self.context.imports.claim(call.func)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if self._renames(original_node):
            return self.options.renamed_call(original_node, updated_node)
        found = self.heirs.callee(original_node)
        path, spelt = self._legacy.get(original_node, (None, ""))
        if found is None or (path is None and original_node.func in self.context.imports.claimed):
            return updated_node
        row = row_of(found.path)
        place = path or self.context.imports.locate(found.path).path
        if row is None or place is None:
            return updated_node
        target = self.context.inventory.signature(place)
        if target is None:
            return updated_node
        made = self._convert(original_node, updated_node, found, row, target)
        if path is None:
            return made
        self.context.report(
            LEGACY, original_node, f"{found.name} is {path}, whose rate can be set", fix=True
        )
        func = cst.parse_expression(spelt)
        return made.with_changes(func=func.with_changes(lpar=made.func.lpar, rpar=made.func.rpar))

    def leave_Dict(self, original_node: cst.Dict, updated_node: cst.Dict) -> cst.BaseExpression:
        if self._renames(original_node):
            return self.options.renamed_dict(original_node, updated_node)
        return updated_node

    def _renames(self, node: cst.Dict | cst.Call) -> bool:
        """Tell whether a dictionary of options gets new keys, and report it."""
        plan = self.options.new_keys(node)
        if not plan:
            return False
        text = ", ".join(f"{old} is now {new.name}" for old, new in plan.items())
        return self.context.report(ARGUMENT, node, f"options of a Keras call: {text}", fix=True)

    def _convert(
        self, original: cst.Call, updated: cst.Call, found: Callee, row: Row, target: Signature
    ) -> cst.Call:
        if self._written_for(original, found, row) is None:
            self._refuse(
                original,
                found,
                "the second and third number are a kernel size in Keras 1, but kernel size and"
                " stride in Keras 2",
                "write kernel_size=(3, 3), or strides=3, whichever is meant",
            )
            return updated
        edit = self._edit(original, updated, found, row, target)
        if edit is None:
            return updated
        args, keras_1 = edit.args, edit.keras_1
        rules = {ARGUMENT}
        try:
            self._apply(edit, rules, original)
            rules |= edit.fixes.keys()
        except RefusedError as refused:
            self._refuse(original, found, str(refused), refused.advice, refused.rule)
            return updated
        except UnbindableError as reason:
            self._refuse(original, found, str(reason), "convert this call by hand")
            return updated
        try:
            left = args.fit(target)
        except UnbindableError as reason:
            if args.changed or keras_1:
                self._refuse(original, found, str(reason), "convert this call by hand")
            return updated
        for name in sorted({*left, *hidden(edit, self.options.keys(original))} - edit.reported):
            self._report_left(original, found, args, name)
        self._report_notes(original, found, edit)
        if not args.changed or not all(self.context.runs(rule, original) for rule in rules):
            return updated
        self._report(original, found, edit, rules)
        for finish in edit.later:
            finish()
        return args.render()

    def _edit(
        self, original: cst.Call, updated: cst.Call, found: Callee, row: Row, target: Signature
    ) -> Edit | None:
        """Bind a call as the version that it was written for reads it; None where none does."""
        keras_1 = self._written_for(original, found, row) == KERAS_1
        source = inventory.load(KERAS_1).signature(found.path) if keras_1 else target
        try:
            args = Arguments(
                original,
                updated,
                source,
                skip=found.skip,
                partial=found.partial,
                takes=found.takes,
            )
        except UnbindableError:
            return None
        edit = Edit(self.context, row, args, target, keras_1, found, self.setters)
        edit.applied = original in self._applied
        return edit

    def _apply(self, edit: Edit, rules: set[Rule], call: cst.Call) -> None:
        args, target = edit.args, edit.target
        for step in edit.row.steps:
            ALL_STEPS[step](edit)
        self._kernel(edit, rules)
        for name in edit.row.drop:
            item = args.get(name)
            if item is not None and not target.named(name):
                edit.drop(item, "is gone; it changed nothing")
        for old, names in edit.row.split.items():
            item = args.get(old)
            if item is not None:
                item.positional = False
                args.rename(old, names[0])
                for name in names[1:]:
                    args.insert(name, item.value, item)
                edit.changes.append(f"{old}= is now {'= and '.join(names)}=")
        for old, mapping in values().items():
            item = args.get(old)
            if item is not None and edit.row.rename.get(old) and target.named(edit.row.rename[old]):
                self._layout(edit, item, mapping)
        for item in args.live:
            if (item.name or "").endswith("_constraint"):
                text = literals.string(item.original)
                new_text = constraints().get(text) if text is not None else None
                if new_text is not None:
                    value = literals.write(new_text, item.original)
                    edit.change(item, value, f"{text!r} is now {new_text!r}")
        for old, new in edit.row.rename.items():
            if target.named(new):
                edit.rename(old, new)
        self._stars(edit, call)
        for name, text in edit.row.defaults.items():
            parameter = target.get(name)
            if (
                parameter is not None
                and parameter.required
                and args.get(name) is None
                and not args.starred
                and not args.positional
            ):
                first = args.items[0] if args.items else None
                args.insert(name, cst.parse_expression(text), None)
                if first is not None:
                    args.items.insert(0, args.items.pop())
                edit.changes.append(f"{name}= has no default any more")

    def _stars(self, edit: Edit, call: cst.Call) -> None:
        """Report options in the style of Keras 1 that come from a place out of sight."""
        # The calls of the class are looked at, be its base called super() or by its name.
        inits = isinstance(call.func, cst.Attribute) and call.func.attr.value == "__init__"
        if inits or not (edit.keras_1 or self.era in (Era.KERAS_1, Era.MIXED)):
            return
        if not edit.row.rename.keys() & eras.vocabulary(edit.row.path)[0]:
            return
        unknown: list[tuple[cst.BaseExpression, str]] = [
            (arg.value, arg.star) for arg in call.args if arg.star == "*"
        ]
        unknown += [(value, "**") for value in self.options.unknown(call)]
        for value, star in unknown:
            text = star + self.context.module.code_for_node(value)
            edit.notes.append(
                Note(
                    NOT_CONVERTED,
                    f"{text} may bring Keras 1 arguments that the source does not show",
                    "look at what is passed there",
                    value,
                    Severity.WARNING,
                    Confidence.UNSURE,
                )
            )

    def _kernel(self, edit: Edit, rules: set[Rule]) -> None:
        names = edit.row.kernel
        if not names:
            return
        items = [item for name in names if (item := edit.args.get(name)) is not None]
        if len(items) == len(names):
            values_ = [item.value for item in items]
            edit.args.combine(items, "kernel_size", literals.sequence(*values_))
            edit.changes.append(f"{', '.join(names)} are now kernel_size=")
            rules.add(KERNEL)
        elif items:
            if items[0].name != names[0] or len(items) > 1 or edit.args.partial:
                raise UnbindableError(f"not all of {', '.join(names)} are given")
            edit.rename(names[0], "kernel_size")

    def _layout(self, edit: Edit, item: Argument, mapping: dict[str, literals.Plain]) -> None:
        assert item.original is not None
        value = literals.mapped(item.original, item.value, mapping)
        if item.original in self.layouts.known or item.original in self.layouts.direct:
            return
        if self.context.shared(OldAttributes).speaks_today(item.original):
            return
        if value is None:
            edit.notes.append(
                Note(
                    LAYOUT_VALUE,
                    "data_format= takes a value that the source does not show",
                    "see to it that 'th' becomes 'channels_first', and 'tf' 'channels_last'",
                    item.original,
                    Severity.WARNING,
                    Confidence.LIKELY,
                )
            )
        elif value is not item.value:
            old = self.context.module.code_for_node(item.original)
            new = self.context.module.code_for_node(value)
            edit.change(item, value, f"{old} is now {new}")

    # -- which Keras -------------------------------------------------------------------------

    def _written_for(self, call: cst.Call, found: Callee, row: Row) -> str | None:
        """Name the inventory that the call was written for; None when that is ambiguous."""
        args = [each for each in call.args[found.skip :] if found.takes(each)]
        given = {arg.keyword.value for arg in args if arg.keyword is not None}
        given |= self.options.keys(call)
        positional = []
        for arg in args:
            if arg.keyword is None and not arg.star:
                positional.append(arg.value)
            elif arg.star == "*":
                break
        later = KERAS_2[-1]
        old, new = eras.vocabulary(found.path)
        signature = inventory.load(KERAS_1).signature(found.path)
        if signature is None:
            return later
        if row.kernel and any(literals.elements(value) is not None for value in positional[1:3]):
            return later
        if given & old or eras.is_keras_1_only(found.path):
            return KERAS_1
        for name, value in zip(signature.names(), positional, strict=False):
            text = literals.string(value)
            if name in ("init", "inner_init") and text in _INITIALIZERS:
                return KERAS_1
            if name == "dim_ordering" and text in ("th", "tf"):
                return KERAS_1
        if row.kernel and len(positional) > len(row.kernel):
            return self._kernel_era(found, row, positional, given)
        if row.path == "keras.layers.BatchNormalization" and isinstance(
            next(iter(positional), None), cst.Float
        ):
            return KERAS_1
        if found.symbol.flavour == "keras" and self._old_optimizer(signature, found, positional):
            return KERAS_1
        if given & new:
            return later
        if found.symbol.flavour == "keras" and self.era is Era.KERAS_1:
            return KERAS_1
        return later

    def _old_optimizer(
        self, signature: Signature, found: Callee, positional: list[cst.BaseExpression]
    ) -> bool:
        """Tell an order of before 2.3 by a number where a flag, or nothing so small, is today."""
        if not found.path.startswith("keras.optimizers."):
            return False
        place = self.context.imports.locate(found.path).path
        target = self.context.inventory.signature(place) if place is not None else None
        today = target.names() if target is not None else ()
        for index, (name, value) in enumerate(zip(signature.names(), positional, strict=False)):
            number = literals.plain(value)
            if name == "decay" and isinstance(number, bool):
                return False
            if today[index : index + 1] == (name,) or isinstance(number, bool | str | None):
                continue
            if isinstance(number, int | float) and (
                name == "decay" or (name == "epsilon" and number < 1e-3)
            ):
                return True
        return False

    def _kernel_era(
        self, found: Callee, row: Row, positional: list[cst.BaseExpression], given: set[str]
    ) -> str | None:
        sizes = positional[1 : 1 + len(row.kernel)]
        if len(row.kernel) == 3 and all(literals.integer(size) is not None for size in sizes):
            return KERAS_1  # the fourth argument has been a string since
        if found.symbol.flavour != "keras" or given & _NEW_SPELLING:
            return KERAS_2[-1]
        leaf = found.path.rpartition(".")[2]
        if "Convolution" in leaf and all(literals.integer(size) is not None for size in sizes):
            return KERAS_1
        if self.era is Era.KERAS_1:
            return KERAS_1
        return None

    # -- reports -----------------------------------------------------------------------------

    def _report_notes(self, call: cst.Call, found: Callee, edit: Edit) -> None:
        for note in edit.notes:
            self.context.report(
                note.rule,
                note.node or call,
                f"{found.name}: {note.message}",
                advice=note.advice,
                severity=note.severity,
                confidence=note.confidence,
            )

    def _report(self, call: cst.Call, found: Callee, edit: Edit, rules: set[Rule]) -> None:
        name = found.name
        kernel = [text for text in edit.changes if text.endswith("are now kernel_size=")]
        other = [text for text in edit.changes if text not in kernel]
        if KERNEL in rules:
            self.context.report(KERNEL, call, f"{name}: {kernel[0]}", fix=True)
        for rule, text in edit.fixes.items():
            self.context.report(rule, call, f"{name}: {text}", fix=True)
        other += [f"{each}= is named now" for each in edit.args.named]
        if other:
            self.context.report(ARGUMENT, call, f"{name}: {', '.join(other)}", fix=True)

    def _report_left(self, call: cst.Call, found: Callee, args: Arguments, name: str) -> None:
        if not any(
            (signature := inventory.load(source).signature(found.path)) is not None
            and signature.named(name)
            for source in (KERAS_1, *KERAS_2)
        ):
            return
        item = args.get(name)
        node = item.original if item is not None and item.original is not None else call
        shared = self.context.shared
        if node in shared(InitialWeights).values | shared(HandledShapes).values:
            return
        target = self.context.target
        self.context.report(
            NO_SUCCESSOR,
            node,
            f"{found.name} has no argument {name}= in {target.name} (Keras {target.api})",
            advice=advice(name),
        )

    def _refuse(
        self, call: cst.Call, found: Callee, why: str, what: str, rule: Rule = NOT_CONVERTED
    ) -> None:
        self.context.report(
            rule,
            call,
            f"{found.name}: {why}",
            advice=what,
            confidence=Confidence.UNSURE,
        )
