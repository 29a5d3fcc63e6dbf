"""What makes the first values of weights: functions of Keras 1, and functions of the code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from kerasmigrate import inventory, literals
from kerasmigrate.callees import callee
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.eras import KERAS_1
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.walking import walk

from ._heirs import Heirs
from ._layer_classes import LayerClasses
from ._weight_lists import GETTERS

Function = cst.FunctionDef | cst.Lambda
#: An initializer that is no string; files without one are not looked at.
_USED = re.compile(r"init(?:ializer)?\s*=\s*[(A-Za-z_]")
_FOLLOWED = (cst.Name, cst.Attribute, cst.Lambda, cst.IfExp, cst.BooleanOperation, cst.Call)


@dataclass(frozen=True)
class _Maker:
    """How an initialization function is made from a class.

    Attributes:
        scale: Arguments of the class that take the scale; ``-`` marks its negative.
        default: The scale that Keras 1 used, where the class's own default differs.
    """

    scale: tuple[str, ...] = ()
    default: str = ""


_MAKERS = {
    "uniform": _Maker(("-minval", "maxval")),
    "normal": _Maker(("stddev",)),
    "identity": _Maker(("gain",)),
    "orthogonal": _Maker(("gain",), "1.1"),
    "lecun_uniform": _Maker(),
    "glorot_normal": _Maker(),
    "glorot_uniform": _Maker(),
    "he_normal": _Maker(),
    "he_uniform": _Maker(),
    "zero": _Maker(),
    "one": _Maker(),
}


class Makers:
    """The calls of initialization functions in one file.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._getters: dict[cst.CSTNode, tuple[cst.Call, ...]] = {}

    def name(self, node: cst.Call) -> str | None:
        """Return the name of the initialization function that is called."""
        found = callee(self.context.names, node)
        if found is None:
            return self._got(node)
        if found.skip or found.partial:
            return None
        module, _, leaf = found.path.rpartition(".")
        known = inventory.load(KERAS_1)
        if leaf not in _MAKERS or not known.same_object(module, "keras.initializations"):
            return None
        return leaf if self.context.imports.locate(found.path).path is not None else None

    def getters(self, node: cst.Call) -> tuple[cst.Call, ...]:
        """Return the calls of ``get`` that made what is called; none where others may have."""
        if node not in self._getters:
            func = node.func
            found: list[cst.BaseExpression | None] = []
            if isinstance(func, cst.Call):
                found = [func]
            elif isinstance(func, cst.Name):
                found = [each.value for each in self.context.names.bindings(func)]
            elif (dotted(func) or ("",))[0] == "self":
                found = [*self.context.values.attribute(func)]
            calls = [e for e in found if isinstance(e, cst.Call) and self._is_getter(e)]
            self._getters[node] = tuple(calls) if len(calls) == len(found) else ()
        return self._getters[node]

    def spelt(self, node: cst.Call) -> str | None:
        """Spell the class for a call of what ``get`` returned; None for other calls."""
        made = self.getters(node)
        symbol = self.context.symbol(made[0].func) if made else None
        name = self._got(node)
        if symbol is None or name is None:
            return None
        place = self.context.imports.locate(f"keras.initializations.{name}").path
        reference = self.context.names.reference(node.func)
        scope = reference.scope if reference is not None else None
        return self.context.imports.spell(place, symbol, scope) if place is not None else None

    def fits(self, node: cst.Call) -> bool:
        """Tell whether a call can be written anew without losing anything."""
        try:
            self.arguments(node, node)
            shape = self.shape(node, node)
        except UnbindableError:
            return False
        return shape is not None and "#" not in self.context.module.code_for_node(node)

    def passed_on(self, arg: cst.Arg) -> cst.Call | None:
        """Return the call of an initializer that only passes its shape on."""
        value = arg.value
        if (
            arg.keyword is None
            or not arg.keyword.value.endswith("init")
            or not isinstance(value, cst.Lambda)
            or not isinstance(value.body, cst.Call)
            or not value.params.params
            or self.name(value.body) is None
            or not self.fits(value.body)
        ):
            return None
        shape = self.shape(value.body, value.body)
        first = value.params.params[0].name.value
        return value.body if isinstance(shape, cst.Name) and shape.value == first else None

    def shape(self, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
        """Return the shape that a call passes."""
        item = self._bound(original, updated).get("shape")
        return item.value if item is not None else None

    def arguments(self, original: cst.Call, updated: cst.Call) -> list[cst.Arg]:
        """Return the arguments of the class.

        Raises:
            UnbindableError: Something hides what the function is given.
        """
        name = self.name(original)
        assert name is not None
        args = self._bound(original, updated)
        if args.starred:
            raise UnbindableError("starred arguments hide what it is given")
        maker = _MAKERS[name]
        item: Argument | None = args.get("scale")
        if not maker.scale or (item is None and not maker.default):
            return []
        value = item.value if item is not None else cst.parse_expression(maker.default)
        made = []
        for parameter in maker.scale:
            text = cst.Module([]).code_for_node(value)
            simple = isinstance(value, cst.Name | cst.Attribute | cst.Integer | cst.Float)
            if parameter.startswith("-"):
                text = f"-{text}" if simple else f"-({text})"
            made.append(f"{parameter.lstrip('-')}={text}")
        call = cst.parse_expression(f"f({', '.join(made)})")
        assert isinstance(call, cst.Call)
        return list(call.args)

    def _bound(self, original: cst.Call, updated: cst.Call) -> Arguments:
        signature = inventory.load(KERAS_1).signature(
            f"keras.initializations.{self.name(original)}"
        )
        return Arguments(original, updated, signature)

    def _got(self, node: cst.Call) -> str | None:
        """Return the function that ``get`` was asked for, where a call speaks Keras 1 to it."""
        if not old_keywords(node):
            return None
        made = self.getters(node)
        asked = {literals.string(each.args[0].value) for each in made if len(each.args) == 1}
        name = asked.pop() if len(asked) == 1 and len(made) == 1 else None
        return name if name in _MAKERS else None

    def _is_getter(self, call: cst.Call) -> bool:
        symbol = self.context.symbol(call.func)
        return symbol is not None and symbol.certain and symbol.path in GETTERS


def old_keywords(node: cst.Call) -> list[str]:
    """Return the arguments that initializers took in Keras 1 alone."""
    given = [arg.keyword.value for arg in node.args if arg.keyword is not None]
    return [each for each in given if each in ("scale", "name", "dim_ordering")]


class CalledAsInitializers:
    """The functions of one file that Keras calls for the first values of a weight.

    Attributes:
        found: Each with the names of the arguments that are filled in beforehand.
        passed_on: Lambdas that only pass their shape on to a function of Keras 1.
        elsewhere: Names that other files of the project define, each with its file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.found: dict[Function, frozenset[str]] = {}
        self.passed_on: list[cst.Lambda] = []
        self.elsewhere: dict[cst.Name, Path] = {}
        self._seen: set[cst.CSTNode] = set()
        if _USED.search(context.code):
            for call in walk(context.module):
                if isinstance(call, cst.Call):
                    self._look_at(call)

    def _look_at(self, node: cst.Call) -> None:
        for arg in node.args:
            if (
                arg.keyword is not None
                and arg.keyword.value.endswith(("initializer", "init"))
                and isinstance(arg.value, _FOLLOWED)
                and self._is_keras(node, arg)
            ):
                made = self.context.shared(Makers).passed_on(arg)
                if made is not None and isinstance(arg.value, cst.Lambda):
                    self.passed_on.append(arg.value)
                else:
                    self._follow(arg.value, frozenset())

    def _is_keras(self, node: cst.Call, arg: cst.Arg) -> bool:
        """Tell whether a call makes a layer of Keras, or a weight of one."""
        func = node.func
        if isinstance(func, cst.Attribute) and func.attr.value == "add_weight":
            return True
        found = self.context.shared(Heirs).callee(node)
        return found is not None and found.path.startswith("keras.layers.") and found.takes(arg)

    def _follow(self, node: cst.BaseExpression, given: frozenset[str]) -> None:
        """Note the functions that an expression may be, and what is given to each beforehand.

        A parameter with a default harms no other use of a function, so that all of them count.
        """
        if node in self._seen:
            return
        self._seen.add(node)
        if isinstance(node, cst.Lambda):
            self.found.setdefault(node, given)
        elif isinstance(node, cst.IfExp):
            self._follow(node.body, given)
            self._follow(node.orelse, given)
        elif isinstance(node, cst.BooleanOperation):
            self._follow(node.left, given)
            self._follow(node.right, given)
        elif isinstance(node, cst.Call):
            self._behind_call(node, given)
        elif isinstance(node, cst.Name):
            for binding in self.context.names.bindings(node):
                if isinstance(binding.node, cst.FunctionDef):
                    self.found.setdefault(binding.node, given)
                elif isinstance(binding.node, cst.Param) and binding.node.default is not None:
                    self._follow(binding.node.default, given)
                elif isinstance(binding.statement, cst.ImportFrom):
                    self._look_elsewhere(node, binding.statement)
                elif binding.value is not None and binding.kind in ("local", "alias"):
                    self._follow(binding.value, given)
        elif (dotted(node) or ())[:1] == ("self",):
            for value in self.context.values.attribute(node):
                self._follow(value, given)
            method = self._method(node)
            if method is not None:
                self.found.setdefault(method, given | {method.params.params[0].name.value})

    def _behind_call(self, node: cst.Call, given: frozenset[str]) -> None:
        """Follow a call into what it returns."""
        names = self.context.names
        symbol = self.context.symbol(node.func)
        first = node.args[0] if node.args else None
        if symbol is not None:
            if symbol.path == "keras.initializers.get" and first is not None and not first.star:
                self._follow(first.value, given)
        elif names.origins(node.func) == ("functools.partial",):
            if first is not None and len([a for a in node.args if a.keyword is None]) == 1:
                filled = {arg.keyword.value for arg in node.args if arg.keyword is not None}
                self._follow(first.value, given | filled)
        elif isinstance(node.func, cst.Name):
            bindings = names.bindings(node.func)
            if len(bindings) == 1 and isinstance(bindings[0].node, cst.FunctionDef):
                function = bindings[0].node
                if not function.decorators:
                    for value in self.context.values.returned(function):
                        self._follow(value, given)

    def _method(self, node: cst.BaseExpression) -> cst.FunctionDef | None:
        """Return the method behind ``self.x``, where it is one that gets the instance."""
        chain = dotted(node) or ()
        owner = self.context.values.owner(node)
        if owner is None or len(chain) != 2:
            return None
        method = self.context.shared(LayerClasses).method(owner, chain[1])
        if method is None or method.decorators or not method.params.params:
            return None
        return method

    def _look_elsewhere(self, node: cst.Name, statement: cst.ImportFrom) -> None:
        view = self.context.view
        module = ".".join(dotted(statement.module) or ()) if statement.module else ""
        path = view.project.locate(view.path, module, len(statement.relative))
        if path is not None and len(self.context.names.bindings(node)) == 1:
            self.elsewhere[node] = path
