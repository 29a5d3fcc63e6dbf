"""Functions of ``keras.backend``: to ``keras.ops`` and the other places of Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.eras import Era
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.import_editor import Outcome
from kerasmigrate.imports import Plan
from kerasmigrate.inventory import Signature
from kerasmigrate.names import Symbol
from kerasmigrate.transform import Context, Transform

from . import backend_forms, backend_table
from ._tensorflow1 import keeps_graphs
from .arguments_table import values
from .backend_conditions import Conditions, value
from .backend_definitions import DEFINITIONS
from .backend_phase import Phases, RefusedPhaseError
from .backend_rules import (
    FUNCTION,
    GONE,
    NOT_CONVERTED,
    PHASE,
    PHASE_UNKNOWN,
)
from .backend_table import Row
from .old_attributes import OldAttributes

#: Spells a canonical path of the target.
_Speller = Callable[[str], str]
#: Makes the new expression of a call from the updated call.
_Maker = Callable[[cst.Call], cst.BaseExpression]
_PHASE_ADVICE = (
    "give the call() of a layer the parameter training=None and write a if training else b there"
)


class _RefusedError(Exception):
    """A call stays as it is.

    Attributes:
        advice: What to write by hand.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


class BackendFunctions(Transform):
    """Converts uses of the functions that ``keras.backend`` had before Keras 3."""

    rules = (FUNCTION, NOT_CONVERTED, GONE, PHASE, PHASE_UNKNOWN)
    # Before the rule that reports names as gone, which this one has better advice for.
    order = 8

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._makers: dict[cst.CSTNode, _Maker] = {}
        self._spelt: dict[cst.CSTNode, cst.BaseExpression] = {}
        self._called: set[cst.CSTNode] = set()
        self._explained: set[cst.CSTNode] = set()
        self._api = context.target.api
        self.conditions = Conditions(context)
        self.phases = Phases(context, self.conditions)

    # -- the walk ----------------------------------------------------------------------------

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.phases.enter(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self.phases.leave()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.phases.enter(node)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self.phases.leave()
        return updated_node

    def visit_Call(self, node: cst.Call) -> None:
        found = self._function(node.func)
        if found is None:
            return
        name, symbol = found
        self._called.add(node.func)
        if backend_table.is_phase(name):
            self._plan_phase(node, name, symbol)
        elif self._is_gone(name):
            self._report_gone(node.func, name, symbol)
        else:
            self._plan(node, name, symbol)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        make = self._makers.get(original_node)
        return make(updated_node) if make is not None else updated_node

    def visit_Name(self, node: cst.Name) -> None:
        self._mention(node)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._mention(node)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._mentioned(original_node, updated_node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._mentioned(original_node, updated_node)

    def decided(self, outcome: Outcome) -> Outcome:
        # What is explained where it is used need not be reported where it is imported.
        outcome.gone = [plan for plan in outcome.gone if not self._is_explained(plan)]
        return outcome

    def _is_explained(self, plan: Plan) -> bool:
        uses = [reference.node for reference in (*plan.stuck, *plan.live)]
        return bool(uses) and all(node in self._explained for node in uses)

    # -- what a reference means --------------------------------------------------------------

    def _function(self, node: cst.BaseExpression) -> tuple[str, Symbol] | None:
        """Return the backend function that a reference means, if this rule is about it."""
        if node in self.context.imports.claimed:
            return None
        symbol = self.context.symbol(node)
        if symbol is None or not symbol.certain or self.context.names.references[node].stored:
            return None
        name = backend_table.function(symbol.path, self._api)
        if name is None or (self._exists(name) and self._stays(name)):
            return None
        return name, symbol

    def _stays(self, name: str) -> bool:
        """Tell whether nothing is to be said of a function that the target has."""
        return backend_table.works(name) or (self._api < 3 and not self._fails(name))

    def _is_gone(self, name: str) -> bool:
        return name in backend_table.gone() and not self._rows(name)

    def _exists(self, name: str) -> bool:
        return f"keras.backend.{name}" in self.context.inventory

    def _fails(self, name: str) -> bool:
        """Tell whether the target has a function that fails, in code that runs eagerly."""
        if not backend_table.failure(name):
            return False
        return "tf.function" not in self.context.code and not keeps_graphs(self.context)

    def _explain(self, node: cst.BaseExpression, symbol: Symbol) -> None:
        """Keep a reference that is reported here from being reported by anybody else."""
        imports = self.context.imports
        self._explained.add(node)
        if node in imports.homeless:
            imports.claimed.add(node)
            del imports.homeless[node]

    def _spell(self, path: str, symbol: Symbol, node: cst.CSTNode) -> str:
        reference = self.context.names.reference(node)
        scope = reference.scope if reference is not None else None
        module, _, leaf = path.rpartition(".")
        if symbol.attributes or module in ("keras", "keras.backend"):
            return self.context.imports.spell(path, symbol, scope)
        # A bare name may hide a builtin (sum, max); a module's attribute does not.
        return f"{self.context.imports.spell(module, symbol, scope)}.{leaf}"

    # -- findings ----------------------------------------------------------------------------

    def _report_gone(self, node: cst.BaseExpression, name: str, symbol: Symbol) -> None:
        target = self.context.target
        where = f"{target.name} (Keras {target.api})"
        failure = backend_table.failure(name)
        if self._exists(name) and not failure:
            return
        message = f"the backend function {name}() does not exist in {where}"
        if self._exists(name):
            message = f"the backend function {name}() always fails in {where}: {failure}"
        advice = backend_table.gone()[name]
        if self.context.runs(GONE, node):
            self._explain(node, symbol)
            self.context.report(GONE, node, message, advice=advice)

    def _refuse(
        self, node: cst.BaseExpression, name: str, symbol: Symbol, why: str, advice: str
    ) -> None:
        if not self.context.runs(NOT_CONVERTED, node):
            return
        severity = Severity.ERROR
        if self._exists(name):
            severity = Severity.WARNING  # it works, but not on symbolic tensors
        self._explain(node, symbol)
        self.context.report(
            NOT_CONVERTED,
            node,
            f"the backend function {name}() is not converted: {why}",
            advice=advice or self._default_advice(name),
            severity=severity,
        )

    def _default_advice(self, name: str) -> str:
        row = next(reversed(self._rows(name)), Row())
        if row.to:
            return f"write keras.{row.to} by hand"
        if row.define:
            return f"write a function {DEFINITIONS[row.define].name}() by hand"
        if row.form:
            return f"write {row.form.replace('@', 'keras.').replace('{', '').replace('}', '')}"
        return _PHASE_ADVICE

    # -- calls -------------------------------------------------------------------------------

    def _rows(self, name: str) -> tuple[Row, ...]:
        return backend_table.rows(name, self._api)

    @cached_property
    def _era(self) -> Era:
        return eras.era(self.context.names)

    def _source(self, call: cst.Call, name: str, symbol: Symbol) -> Signature:
        """Return the signature that a call was written for.

        Raises:
            _RefusedError: Keras 1 and 2 read its positional arguments differently, and nobody
                knows for which it was written.
        """
        later = backend_table.signature(name)
        first = backend_table.signature(name, keras_1=True)
        if later is None or first is None or symbol.flavour != "keras":
            found = later or first
            assert found is not None, name
            return found
        given = {arg.keyword.value for arg in call.args if arg.keyword is not None}
        if any(not later.named(each) and first.named(each) for each in given):
            return first
        count = sum(arg.keyword is None for arg in call.args)
        renamed = [backend_table.later_name(name, each) for each in first.names()[:count]]
        if self._era is Era.UNKNOWN:
            return later
        if renamed == list(later.names()[:count]):
            return first if self._era is Era.KERAS_1 else later  # values differ as well
        if self._era is Era.MIXED:
            raise _RefusedError(
                "Keras 2 changed the order of its arguments, and this file is written for both",
                "name the arguments, then run kerasmigrate again",
            )
        return first if self._era is Era.KERAS_1 else later

    def _plan(self, call: cst.Call, name: str, symbol: Symbol) -> None:
        try:
            if any(arg.star for arg in call.args):
                raise _RefusedError("starred arguments hide what it is given")
            source = self._source(call, name, symbol)
            row = self._row(call, name, source)
            maker = self._maker(call, name, symbol, source, row)
        except _RefusedError as refused:
            self._refuse(call.func, name, symbol, str(refused), refused.advice)
            return
        except UnbindableError as reason:
            self._refuse(call.func, name, symbol, str(reason), "")
            return
        text = f"the backend function {name}() is now {self._described(row)}"
        if self.context.report(
            FUNCTION,
            call,
            text,
            fix=True,
            advice=row.note,
            confidence=Confidence.LIKELY if row.note else Confidence.CERTAIN,
        ):
            self._makers[call] = maker(self._spelling(call.func, symbol))
            self.context.imports.claim(call.func)

    def _spelling(self, node: cst.CSTNode, symbol: Symbol) -> _Speller:
        return lambda path: self._spell(path, symbol, node)

    @staticmethod
    def _described(row: Row) -> str:
        if row.to:
            return f"keras.{row.to}()"
        if row.define:
            return f"{DEFINITIONS[row.define].name}() of this file"
        form = row.form.replace("@", "keras.")
        return form.replace("{", "").replace("}", "")

    def _arguments(
        self, call: cst.Call, updated: cst.Call, name: str, source: Signature
    ) -> Arguments:
        """Bind a call, under the names that the latest Keras 2 has for the parameters."""
        args = Arguments(call, updated, source)
        for item in args.items:
            if item.name is None or not source.named(item.name):
                raise UnbindableError("its arguments are not those of the function")
            layout = item.name == "dim_ordering"
            args.rename(item.name, backend_table.later_name(name, item.name))
            if layout:
                self._layout(args, item)
        for each in source.parameters:
            if each.required and args.get(backend_table.later_name(name, each.name)) is None:
                raise UnbindableError(f"the required argument {each.name}= is missing")
        return args

    def _layout(self, args: Arguments, item: Argument) -> None:
        mapping = values()["dim_ordering"]
        assert item.original is not None
        new = literals.mapped(item.original, item.value, mapping)
        if new is None and self.context.shared(OldAttributes).speaks_today(item.original):
            new = item.value
        if new is None:
            raise UnbindableError("dim_ordering= takes a value that the source does not show")
        args.replace(item, new)

    def _row(self, call: cst.Call, name: str, source: Signature) -> Row:
        """Return the first row that fits a call."""
        args = self._arguments(call, call, name, source)
        later = backend_table.signature(name) or source
        for row in self._rows(name):
            if row.only and any(item.name not in row.only for item in args.live):
                continue
            if row.refuse:
                raise _RefusedError(row.refuse, row.advice)
            if row.condition and not self.conditions.holds(row.condition, call, args):
                continue
            if all(_value(args, later, each) == wanted for each, wanted in row.where.items()):
                self._accept(row, args)
                return row
        raise _RefusedError("it is used in a way that has no equal")

    @staticmethod
    def _accept(row: Row, args: Arguments) -> None:
        for name, reason in row.nonnull.items():
            item = args.get(name)
            if item is not None and value(item.original) is not None:
                raise _RefusedError(reason)
        for name, reasons in row.rejected.items():
            item = args.get(name)
            text = str(value(item.original)) if item is not None else ""
            if text in reasons:
                raise _RefusedError(reasons[text])
        for name in row.twice:
            item = args.get(name)
            if item is None or not backend_forms.is_simple(item.original):
                raise _RefusedError(
                    f"its argument {name} would be computed twice",
                    "give the argument a name first, then run kerasmigrate again",
                )

    def _maker(
        self, call: cst.Call, name: str, symbol: Symbol, source: Signature, row: Row
    ) -> Callable[[_Speller], _Maker]:
        """Try a row on a call, and return what makes the new expression.

        Raises:
            UnbindableError: The new call does not fit the target.
            _RefusedError: The new expression would lose something.
        """
        if row.define:
            return self._defined(call, name, symbol, source, row)
        if row.form:
            if backend_forms.loses_comments(call):
                raise _RefusedError("comments stand between its arguments")
            hidden = {"len", "tuple"} & self.context.names.bound
            if any(f"{each}(" in row.form for each in hidden):
                raise _RefusedError("the file has another meaning for the builtin that it needs")

            def form(spell: _Speller) -> _Maker:
                return lambda updated: self._formed(
                    row, self._arguments(call, updated, name, source), spell, updated
                )

            return form
        self._renamed(row, self._arguments(call, call, name, source), str)

        def rename(spell: _Speller) -> _Maker:
            func = cst.parse_expression(spell(f"keras.{row.to}"))

            def make(updated: cst.Call) -> cst.BaseExpression:
                args = self._arguments(call, updated, name, source)
                return self._renamed(row, args, spell).with_changes(func=func)

            return make

        return rename

    def _defined(
        self, call: cst.Call, name: str, symbol: Symbol, source: Signature, row: Row
    ) -> Callable[[_Speller], _Maker]:
        """Return what calls a function that the file defines."""
        definitions = self.context.definitions
        if not definitions.fits(symbol):
            raise _RefusedError("its equal would have to stand behind an import that may not run")

        def define(spell: _Speller) -> _Maker:
            local = definitions.need(DEFINITIONS[row.define], symbol)
            assert local is not None

            def make(updated: cst.Call) -> cst.BaseExpression:
                made = self._arguments(call, updated, name, source).render()
                return made.with_changes(func=cst.Name(local))

            return make

        return define

    def _renamed(self, row: Row, args: Arguments, spell: _Speller) -> cst.Call:
        """Rename, add and drop arguments.

        Raises:
            UnbindableError: The result does not fit the target.
        """
        for name in row.drop:
            item = args.get(name)
            if item is not None:
                args.drop(item)
        for old, new in row.rename.items():
            args.rename(old, new)
        for name, text in {**row.write, **row.also}.items():
            if args.get(name) is None:
                args.insert(name, cst.parse_expression(backend_forms.spelt(text, spell)))
        target = self.context.inventory.signature(f"keras.{row.to}")
        if target is None:
            raise UnbindableError(f"{self.context.target.name} has no keras.{row.to}")
        left = args.fit(target)
        if left:
            raise UnbindableError(f"keras.{row.to} has no argument {left[0]}=")
        return args.render()

    def _formed(
        self, row: Row, args: Arguments, spell: _Speller, updated: cst.Call
    ) -> cst.BaseExpression:
        holes = {name: cst.parse_expression(text) for name, text in row.defaults.items()}
        holes |= {item.name: item.value for item in args.live if item.name is not None}
        made = backend_forms.fill(row.form, holes, spell)
        return made.with_changes(lpar=[*updated.lpar, *made.lpar], rpar=[*made.rpar, *updated.rpar])

    # -- the learning phase ------------------------------------------------------------------

    def _plan_phase(self, call: cst.Call, name: str, symbol: Symbol) -> None:
        try:
            make = self.phases.plan(call, name)
        except RefusedPhaseError as refused:
            self._report_phase(call.func, name, symbol, str(refused))
            return
        if self.context.report(
            PHASE, call, f"the backend function {name}() is now the argument training", fix=True
        ):
            self._makers[call] = make
            self.context.imports.claim(call.func)

    def _report_phase(
        self, node: cst.BaseExpression, name: str, symbol: Symbol, reason: str
    ) -> None:
        if self.context.runs(PHASE_UNKNOWN, node):
            self._explain(node, symbol)
            self.context.report(
                PHASE_UNKNOWN,
                node,
                f"the backend function {name}() does not exist in {self.context.target.name}"
                f" (Keras {self.context.target.api}), and {reason}",
                advice=_PHASE_ADVICE,
            )

    # -- functions that are not called -------------------------------------------------------

    def _mention(self, node: cst.Name | cst.Attribute) -> None:
        if node in self._called or node not in self.context.names.references:
            return
        found = self._function(node)
        if found is None:
            return
        name, symbol = found
        if backend_table.is_phase(name):
            self._report_phase(node, name, symbol, "what it is handed to is unknown")
            return
        if self._is_gone(name):
            self._report_gone(node, name, symbol)
            return
        row = self._bare(name)
        if row is None:
            self._refuse(
                node,
                name,
                symbol,
                "its arguments or defaults differ, and nobody knows how it will be called",
                "write a lambda that calls it, then run kerasmigrate again",
            )
        elif self.context.report(
            FUNCTION, node, f"the backend function {name} is now keras.{row.to}", fix=True
        ):
            spelt = self._spell(f"keras.{row.to}", symbol, node)
            self._spelt[node] = cst.parse_expression(spelt)
            self.context.imports.claim(node)

    def _bare(self, name: str) -> Row | None:
        """Return the row whose function can stand for a backend function that is passed on."""
        source = backend_table.signature(name) or backend_table.signature(name, keras_1=True)
        assert source is not None
        for row in self._rows(name):
            target = self.context.inventory.signature(f"keras.{row.to}") if row.to else None
            if target is None or row.write or row.also or row.where or row.condition:
                return None
            names = [row.rename.get(each, each) for each in source.names() if each not in row.drop]
            common = min(len(names), len(target.names()))
            rest = [*source.parameters[common:], *target.parameters[common:]]
            if tuple(names[:common]) == target.names()[:common] and not any(
                each.required for each in rest
            ):
                return row
        return None

    def _mentioned(
        self, original: cst.Name | cst.Attribute, updated: cst.Name | cst.Attribute
    ) -> cst.BaseExpression:
        spelt = self._spelt.get(original)
        if spelt is None:
            return updated
        return spelt.with_changes(lpar=updated.lpar, rpar=updated.rpar)


def _value(args: Arguments, source: Signature, name: str) -> object:
    """Return the value of an argument that is a literal, or of its default."""
    item = args.get(name)
    if item is not None:
        return value(item.value)
    parameter = source.get(name)
    if parameter is None or parameter.default is None:
        return None
    return value(cst.parse_expression(parameter.default))
