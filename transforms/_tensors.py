"""Which expressions of functional code are Keras tensors.

A Keras tensor is what ``Input()`` gives and what a layer gives when it is called on one. Inside a
layer's methods and inside a function given to ``Lambda`` the tensors are those of the backend;
they are none here.
"""

from __future__ import annotations

import libcst as cst

from kerasmigrate.scopes import Binding, Scope
from kerasmigrate.transform import Context
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a
from kerasmigrate.walking import Reader

_INPUTS = ("keras.Input", "keras.layers.Input", "keras.engine.topology.Input")
#: Functions in keras.layers that call a layer.
_LAYER_FUNCTIONS = frozenset(
    ("add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot", "merge")
)


class Tensors:
    """The Keras tensors of one file.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._busy: set[cst.CSTNode] = set()
        self._known: dict[cst.CSTNode, bool] = {}
        fed = _Fed(self)
        fed.visit(context.module)
        #: Parameters of functions that a layer is called on.
        self._fed = fed.parameters

    def is_keras(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression of the original tree is certainly a Keras tensor."""
        if node not in self._known:
            if node in self._busy:
                # What a name was before cannot spoil what all else says of it.
                return True
            self._busy.add(node)
            try:
                self._known[node] = self._is_keras(node)
            finally:
                self._busy.discard(node)
        return self._known[node]

    def may_be_keras(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is a Keras tensor, or a parameter that a layer is called on.

        Such a parameter is a tensor of one kind or the other.
        """
        return self.is_keras(node) or self._comes_from_fed(node)

    def _comes_from_fed(self, node: cst.BaseExpression) -> bool:
        if not isinstance(node, cst.Name):
            return False
        bindings = self.context.names.bindings(node)
        return bool(bindings) and all(
            not self._is_in_layer(binding)
            and (
                binding.node in self._fed
                if binding.kind == "parameter"
                else binding.value is not None and self._is_result(binding.value)
            )
            for binding in bindings
        )

    def _is_in_layer(self, binding: Binding) -> bool:
        """Tell whether a name lives in a layer or a model, which sees the backend's tensors."""
        scope: Scope | None = binding.scope
        while scope is not None:
            if isinstance(scope.node, cst.ClassDef):
                return any(self.context.values.derives(scope.node, each) for each in (LAYER, MODEL))
            scope = scope.parent
        return False

    def is_layer(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is certainly a layer or a model."""
        values = self.context.values
        known = values.instance(node)
        if known is not None:
            return any(is_a(known, base) for base in (LAYER, MODEL, SEQUENTIAL))
        return values.is_model(node)

    def _is_result(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is what a layer gives, whatever it is called on."""
        if not isinstance(node, cst.Call):
            return False
        symbol = self.context.symbol(node.func)
        if symbol is not None:
            module, _, leaf = symbol.path.rpartition(".")
            return symbol.certain and module.startswith("keras.layers") and leaf in _LAYER_FUNCTIONS
        return self.is_layer(node.func)

    def _is_keras(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Call):
            return self._called(node)
        if isinstance(node, cst.Name):
            bindings = self.context.names.bindings(node)
            return bool(bindings) and all(self._bound(each) for each in bindings)
        if isinstance(node, cst.Subscript):
            return self.is_keras(node.value)
        if isinstance(node, cst.BinaryOperation):
            return self.is_keras(node.left) or self.is_keras(node.right)
        if isinstance(node, cst.UnaryOperation):
            return self.is_keras(node.expression)
        if isinstance(node, cst.Attribute) and node.attr.value in ("input", "output"):
            return self.is_layer(node.value)
        return False

    def _bound(self, binding: Binding) -> bool:
        return (
            binding.kind in ("local", "alias")
            and binding.value is not None
            and self.is_keras(binding.value)
        )

    def _called(self, node: cst.Call) -> bool:
        symbol = self.context.symbol(node.func)
        if symbol is not None and symbol.certain:
            path = symbol.path
            if path in _INPUTS or path.endswith(".Input"):
                return True
            module, _, leaf = path.rpartition(".")
            functional = leaf in _LAYER_FUNCTIONS and module.startswith("keras.layers")
            if functional or module in ("keras.backend", "keras.ops"):
                return self._any_argument(node)
            return False
        if symbol is None and self.is_layer(node.func):
            return self._any_argument(node)
        return False

    def _any_argument(self, node: cst.Call) -> bool:
        """Tell whether a call has a Keras tensor among its arguments, alone or in a list."""
        for arg in node.args:
            given = arg.value
            if isinstance(given, (cst.List, cst.Tuple)):
                if any(self.is_keras(each.value) for each in given.elements):
                    return True
            elif self.is_keras(given):
                return True
        return False


class _Fed(Reader):
    """Collects the parameters of functions outside classes that layers are called on."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        self.tensors = tensors
        self.parameters: set[cst.CSTNode] = set()

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return not self.tensors.context.values.derives(node, LAYER)

    def visit_Call(self, node: cst.Call) -> None:
        if len(node.args) != 1 or not self.tensors._is_result(node):
            return
        given = node.args[0].value
        fed = [given]
        if isinstance(given, (cst.List, cst.Tuple)):
            fed = [element.value for element in given.elements]
        for each in fed:
            if isinstance(each, cst.Name):
                for binding in self.tensors.context.names.bindings(each):
                    if binding.kind == "parameter":
                        self.parameters.add(binding.node)
