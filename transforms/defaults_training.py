"""Defaults of training: how long ``fit`` runs, and optimizers that are given by name."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.names import Symbol
from kerasmigrate.transform import Transform
from kerasmigrate.values import SEQUENTIAL, is_a
from kerasmigrate.versions import KERAS_2_0, plausible

from ._edits import add_keyword, keyword
from ._string_sources import StringSources
from .defaults import LABELS, Missing, Quotes, missing, report_uncertain, span
from .defaults_rules import EPOCHS, IDENTIFIER
from .defaults_table import rows

_EPOCHS = "epochs"
_TEN = "10"
#: Arguments of ``fit`` that set the number of epochs, and how many positions come before.
_GIVEN = frozenset(("epochs", "nb_epoch", "steps_per_epoch"))
_BEFORE = 3


class TrainingDefaults(Transform):
    """Writes out defaults in calls of ``fit`` and ``compile``."""

    rules = (EPOCHS, IDENTIFIER)
    order = 60

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        func = original_node.func
        self._look_up(original_node)
        if (
            self.context.settings.modern_defaults
            or not isinstance(func, cst.Attribute)
            or func.attr.value not in ("fit", "compile")
            or not isinstance(updated_node, cst.Call)
            or len(updated_node.args) != len(original_node.args)
            or self.context.symbol(func) is not None
            or not self.context.values.is_model(func.value)
        ):
            return updated_node
        if func.attr.value == "fit":
            return self._fit(original_node, updated_node, func.value)
        return self._compile(original_node, updated_node)

    # -- epochs ------------------------------------------------------------------------------

    def _fit(self, original: cst.Call, updated: cst.Call, receiver: cst.BaseExpression) -> cst.Call:
        given = {arg.keyword.value for arg in original.args if arg.keyword is not None}
        positional = [arg for arg in original.args if arg.keyword is None]
        if given & _GIVEN or len(positional) > _BEFORE or any(arg.star for arg in original.args):
            return updated
        known = self.context.values.instance(receiver)
        sequential = known is not None and is_a(known, SEQUENTIAL)
        versions = [each for each in LABELS if each in plausible(self.context.names, "keras")]
        ten = {
            each: each.startswith("keras-1.") or (sequential and each == KERAS_2_0)
            for each in versions
        }
        if not any(ten.values()):
            return updated
        if not all(ten.values()):
            values = {each: _TEN if many else "1" for each, many in ten.items()}
            report_uncertain(
                self.context, original, "fit()", [Missing(_EPOCHS, values, "1")], EPOCHS
            )
            return updated
        if self.context.report(
            EPOCHS, original, f"fit() ran 10 epochs by default in {span(versions)}", fix=True
        ):
            return add_keyword(updated, keyword(_EPOCHS, cst.Integer(_TEN)))
        return updated

    # -- optimizers --------------------------------------------------------------------------

    @cached_property
    def _near(self) -> Symbol | None:
        """A symbol of standalone Keras whose import runs whenever the module does."""
        module = self.context.names.module_scope
        for _, symbol in self.context.names.symbols():
            if (
                symbol.certain
                and symbol.flavour == "keras"
                and len(symbol.bindings) == 1
                and not symbol.binding.guards
                and symbol.binding.scope is module
                and symbol.binding.statement is not None
            ):
                return symbol
        return None

    def _compile(self, original: cst.Call, updated: cst.Call) -> cst.Call:
        for index, arg in enumerate(original.args):
            if arg.star:
                return updated
            if arg.keyword is not None and arg.keyword.value == "optimizer":
                return self._optimizer(original, updated, index)
        if original.args and original.args[0].keyword is None:
            return self._optimizer(original, updated, 0)
        return updated

    def _optimizer(self, original: cst.Call, updated: cst.Call, index: int) -> cst.Call:
        node = original.args[index].value
        text = literals.string(node)
        stands_here = text is not None
        if isinstance(node, cst.Name):
            found = self.context.names.bindings(node)
            text = literals.string(found[0].value) if len(found) == 1 else None
        path = _BY_NAME.get(text.lower()) if text is not None else None
        if path is None:
            if text is None:
                self._passed(node)
            return updated
        name = path.rpartition(".")[2]
        left = missing(self.context, path, "keras", path, ())
        doubtful = [item for item in left if item.agreed is None]
        if doubtful:
            report_uncertain(self.context, node, f"{text!r}", doubtful, IDENTIFIER)
        agreed = [item for item in left if item.agreed is not None]
        if not agreed or doubtful:
            return updated
        options = ", ".join(f"{item.parameter}={item.agreed}" for item in agreed)
        message = f"{text!r} has other defaults now than in {span(agreed[0].values)}"
        if not stands_here or self._near is None:
            self.context.report(
                IDENTIFIER, node, message, advice=f"give the object {name}({options})"
            )
            return updated
        if not self.context.report(IDENTIFIER, node, f"{message}: {name}({options})", fix=True):
            return updated
        quotes = Quotes(self.context)
        made = cst.Call(
            cst.parse_expression(self.context.imports.spell(path, self._near)),
            [keyword(item.parameter, quotes.write(item.agreed or "")) for item in agreed],
        )
        args = list(updated.args)
        args[index] = args[index].with_changes(value=made)
        return updated.with_changes(args=args)

    def _look_up(self, node: cst.Call) -> None:
        """Look at a name that ``optimizers.get`` makes an optimizer of."""
        symbol = self.context.symbol(node.func)
        if (
            symbol is not None
            and symbol.certain
            and symbol.path == "keras.optimizers.get"
            and node.args
            and not node.args[0].star
            and not self.context.settings.modern_defaults
        ):
            value = node.args[0].value
            self._passed(value, () if literals.string(value) is None else (value,))

    def _passed(
        self, value: cst.BaseExpression, known: tuple[cst.BaseExpression, ...] = ()
    ) -> None:
        """Report names that get to a model by way of variables."""
        if not any(name in self._lower for name in _BY_NAME):
            return
        sources = self.context.shared(StringSources)
        for node in known or sources.behind(value):
            text = literals.string(node) or ""
            path = _BY_NAME.get(text.lower())
            left = missing(self.context, path, "keras", path, ()) if path is not None else []
            agreed = [item for item in left if item.agreed is not None]
            doubtful = [item for item in left if item.agreed is None]
            if doubtful:
                report_uncertain(self.context, node, f"{text!r}", doubtful, IDENTIFIER)
            elif agreed and path is not None:
                options = ", ".join(f"{item.parameter}={item.agreed}" for item in agreed)
                self.context.report(
                    IDENTIFIER,
                    node,
                    f"{text!r}, which may be the optimizer of a model, has other defaults now than"
                    f" in {span(agreed[0].values)}",
                    advice=f"give the object {path.rpartition('.')[2]}({options}) in its place, a"
                    " new one for each model",
                    severity=Severity.INFO if text in sources.compared else None,
                    confidence=Confidence.UNSURE if text in sources.compared else Confidence.LIKELY,
                )

    @cached_property
    def _lower(self) -> str:
        return self.context.code.lower()


def _by_name() -> dict[str, str]:
    """Map the names of optimizers whose rate or start changed to their classes."""
    return {
        path.rpartition(".")[2].lower(): path
        for row in rows()
        for path in row.objects
        if path.startswith("keras.optimizers.") and not row.minor
    }


_BY_NAME = _by_name()
