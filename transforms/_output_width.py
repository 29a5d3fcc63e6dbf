"""How many numbers the last layer of a Sequential model gives, as far as the source shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.names import is_empty
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import SEQUENTIAL, is_a
from kerasmigrate.walking import Reader

#: Layers that keep the shape of what they get.
_KEEPING = frozenset(
    f"keras.layers.{name}"
    for name in ("Activation", "ActivityRegularization", "BatchNormalization", "Dropout")
)
_DEPTH = 8


class Width(Enum):
    """How many numbers a model gives for a sample."""

    ONE = "one"
    MANY = "many"
    UNKNOWN = "unknown"


class OutputWidths:
    """The widths of what the Sequential models of one file give.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._added = _Added(context)
        self._added.visit(context.module)

    def width(self, model: cst.BaseExpression) -> Width:
        """Say how many numbers the last dimension of a model's output has."""
        layers = self._layers(model)
        return self._of(layers) if layers is not None else Width.UNKNOWN

    def is_plain(self, model: cst.BaseExpression) -> bool:
        """Tell whether a model is visibly made by a class or function of Keras itself."""
        return self._maker(model, _DEPTH) is not None

    # -- the layers of a model ---------------------------------------------------------------

    def _values(self, node: cst.BaseExpression) -> list[cst.BaseExpression] | None:
        """Return what a name or an attribute of ``self`` stands for; None when out of sight."""
        chain = dotted(node) or ()
        if len(chain) == 2 and chain[0] == "self":
            found = self.context.values.attribute(node)
            return found or None
        if len(chain) != 1:
            return None
        bindings = [b for b in self.context.names.bindings(node) if not is_empty(b)]
        known = [b.value for b in bindings if b.kind in ("local", "alias") and b.value is not None]
        return known if len(known) == len(bindings) and known else None

    def _maker(self, node: cst.BaseExpression, depth: int) -> cst.Call | None:
        """Return the one call of Keras that makes a value."""
        if not depth:
            return None
        if isinstance(node, cst.Call):
            return node if self.context.symbol(node.func) is not None else None
        values = self._values(node)
        if values is None or len(values) != 1:
            return None
        return self._maker(values[0], depth - 1)

    def _layers(
        self, node: cst.BaseExpression, depth: int = _DEPTH
    ) -> list[cst.BaseExpression | None] | None:
        """Return the layers in order; None among them is a layer that only some runs add."""
        if not depth:
            return None
        if isinstance(node, cst.Call):
            return self._made(node, depth)
        values = self._values(node)
        if values is None or len(values) != 1:
            return None
        first = self._layers(values[0], depth - 1)
        if first is None:
            return None
        place = self.context.values.place(node), dotted(node) or ()
        always = self._added.around.get(values[0], frozenset())
        added = self._added.found.get(place, [])
        return [*first, *(each.layer if each.around <= always else None for each in added)]

    def _made(self, call: cst.Call, depth: int) -> list[cst.BaseExpression | None] | None:
        symbol = self.context.symbol(call.func)
        if symbol is not None:
            if not is_a(symbol.path, SEQUENTIAL):
                return None
            given = [arg.value for arg in call.args if arg.keyword is None and not arg.star][:1]
            given += [
                arg.value for arg in call.args if arg.keyword and arg.keyword.value == "layers"
            ]
            if not given:
                return [] if not any(arg.star for arg in call.args) else None
            elements = literals.elements(given[0])
            return list(elements) if elements is not None else None
        for binding in self.context.names.bindings(call.func):
            if isinstance(binding.node, cst.FunctionDef) and dotted(call.func) == (binding.name,):
                returned = self.context.values.returned(binding.node)
                return self._layers(returned[0], depth - 1) if len(returned) == 1 else None
        return None

    # -- the width of a layer ----------------------------------------------------------------

    def _of(self, layers: Sequence[cst.BaseExpression | None]) -> Width:
        for layer in reversed(layers):
            if not isinstance(layer, cst.Call):
                return Width.UNKNOWN
            symbol = self.context.symbol(layer.func)
            path = symbol.path if symbol is not None else ""
            if path == "keras.layers.TimeDistributed" and layer.args:
                return self._of([layer.args[0].value])
            if path.endswith(".Dense") and path.startswith("keras."):
                return self._dense(layer)
            if path.endswith(".Activation") and self._is_softmax(layer, 0):
                return Width.MANY
            if not any(path == each or path.endswith(each[12:]) for each in _KEEPING):
                return Width.UNKNOWN
        return Width.UNKNOWN

    def _dense(self, layer: cst.Call) -> Width:
        units = _argument(layer, ("units", "output_dim"), 0)
        number = literals.integer(units)
        if number is None and isinstance(units, cst.Name):
            values = self._values(units) or []
            number = literals.integer(values[0]) if len(values) == 1 else None
        if number is not None:
            return Width.ONE if number == 1 else Width.MANY
        return Width.MANY if self._is_softmax(layer, 1) else Width.UNKNOWN

    def _is_softmax(self, layer: cst.Call, position: int) -> bool:
        value = _argument(layer, ("activation",), position)
        if literals.string(value) == "softmax":
            return True
        symbol = self.context.symbol(value)
        return symbol is not None and symbol.path == "keras.activations.softmax"


def _argument(call: cst.Call, names: tuple[str, ...], position: int) -> cst.BaseExpression | None:
    for index, arg in enumerate(call.args):
        if arg.star:
            return None
        if arg.keyword is None and index == position:
            return arg.value
        if arg.keyword is not None and arg.keyword.value in names:
            return arg.value
    return None


_CONDITIONS = (cst.If, cst.Else, cst.Try, cst.ExceptHandler, cst.While, cst.For)


@dataclass(frozen=True)
class _Addition:
    layer: cst.BaseExpression | None
    #: What has to happen for it to be added.
    around: frozenset[cst.CSTNode]


class _Added(Reader):
    """Collects what ``add`` and ``pop`` of a name or attribute do, in the order of the code."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.found: dict[tuple[int, tuple[str, ...]], list[_Addition]] = {}
        #: Assigned values, with the conditions around them.
        self.around: dict[cst.CSTNode, frozenset[cst.CSTNode]] = {}
        self._conditions: list[cst.CSTNode] = []
        self._bodies: set[cst.CSTNode] = set()

    def visit(self, node: cst.CSTNode) -> None:
        """Walk a node, and remember on which condition its body runs."""
        if isinstance(node, _CONDITIONS):
            self._bodies.add(node.body)
        inside = node in self._bodies
        if inside:
            self._conditions.append(node)
        super().visit(node)
        if inside:
            self._conditions.pop()

    def visit_Assign(self, node: cst.Assign) -> None:
        self.around[node.value] = frozenset(self._conditions)

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value not in ("add", "pop"):
            return
        chain = dotted(func.value)
        if chain is None:
            return
        known = self.found.setdefault((self.context.values.place(func.value), chain), [])
        plain = func.attr.value == "add" and len(node.args) == 1
        layer = node.args[0].value if plain else None
        known.append(_Addition(layer, frozenset(self._conditions)))
