"""Keras tensors that a loss, a metric, a Lambda or a method of a layer takes from around it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kerasmigrate.findings import Confidence
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.scopes import Scope
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import Reader

from ._history_reads import argument
from ._layer_classes import LayerClasses
from ._tensorflow1 import keeps_graphs
from ._tensors import Tensors

OUTSIDE = Rule(
    "KM347",
    "tensor-from-outside",
    "Report a Keras tensor that a loss or a layer takes from the code around it",
    "In a graph of TensorFlow 1 a loss could compute with the tensors of the model, as the loss of"
    " a variational autoencoder does with its mean and variance. Today those are symbols: training"
    ' raises "Could not convert to a TensorFlow tensor" or, in tf_keras, "Cannot convert a symbolic'
    ' TF-Keras input/output to a numpy array". A layer that does so is made without an error and'
    " fails when the model runs.",
    Safety.NONE,
    untouched=(
        "Functions that build a model: they may use any tensor around them.",
        "What only asks for the shape, the type or the name of the tensor.",
        "Code that keeps the graph of TensorFlow 1 with disable_v2_behavior().",
    ),
)
#: Arguments of compile() that are functions of labels and predictions, with their places.
_COMPILED = {"loss": 1, "metrics": 2, "weighted_metrics": 9}
#: What may be asked of a symbol at any time.
_ASKED = frozenset(("dtype", "get_shape", "name", "ndim", "shape", "_keras_shape", "_shape_val"))
_ASKING = frozenset(("dtype", "int_shape", "is_keras_tensor", "ndim"))
#: Methods that run when the layer is made, not when it computes.
_MAKING = frozenset(("__init__", "build", "compute_output_shape", "get_config", "from_config"))
_Function = cst.FunctionDef | cst.Lambda


class ClosedTensors(Transform):
    """Looks at the functions that run on data, and at the names they take from outside."""

    rules = (OUTSIDE,)
    order = 48

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._seen: set[cst.CSTNode] = set()
        self._active = not keeps_graphs(context)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        classes = self.context.shared(LayerClasses)
        if self._active and classes.kind(node) in ("layer", "model"):
            for name, method in classes.methods(node).items():
                if name not in _MAKING:
                    self._look_at(method, f"{node.name.value}.{name}()", _LAYER)

    def visit_Call(self, node: cst.Call) -> None:
        if not self._active:
            return
        func = node.func
        symbol = self.context.symbol(func)
        if symbol is not None and symbol.certain and symbol.path.endswith(".Lambda"):
            self._given(argument(node.args, 0, "function"), _LAMBDA)
        elif (
            isinstance(func, cst.Attribute)
            and func.attr.value == "compile"
            and self.context.values.is_model(func.value)
        ):
            for name, place in _COMPILED.items():
                self._given(argument(node.args, place, name), _LOSS)

    def _given(self, value: cst.BaseExpression | None, advice: str) -> None:
        """Look at the functions that an argument gives, alone, in a list or in a dictionary."""
        if isinstance(value, cst.List | cst.Tuple):
            for element in value.elements:
                self._given(element.value, advice)
        elif isinstance(value, cst.Dict):
            for entry in value.elements:
                self._given(entry.value, advice)
        elif isinstance(value, cst.Lambda):
            self._look_at(value, "this function", advice)
        elif value is not None:
            for function in self._functions(value):
                name = "it" if isinstance(function, cst.Lambda) else f"{function.name.value}()"
                self._look_at(function, name, advice)

    def _functions(self, node: cst.BaseExpression) -> Iterator[_Function]:
        """Yield the functions of this file that a name means."""
        if isinstance(node, cst.Name):
            for binding in self.context.names.bindings(node):
                if isinstance(binding.node, cst.FunctionDef):
                    yield binding.node
                elif isinstance(binding.value, cst.Lambda):
                    yield binding.value

    def _look_at(self, function: _Function, name: str, advice: str) -> None:
        if function in self._seen:
            return
        self._seen.add(function)
        uses = _Names()
        uses.visit(function.body)
        told = set()
        for node in uses.found:
            if node.value not in told and node not in uses.asked and self._is_outside(node):
                told.add(node.value)
                self.context.report(
                    OUTSIDE,
                    node,
                    f"{node.value} is a Keras tensor from outside of {name}, where it has no"
                    " numbers",
                    advice=advice.format(node.value),
                    confidence=Confidence.LIKELY,
                )
        for called in uses.called:
            for inner in self._functions(called):
                self._look_at(inner, f"{called.value}()", advice)

    def _is_outside(self, node: cst.Name) -> bool:
        """Tell whether a name is a Keras tensor that is bound around the function."""
        reference = self.context.names.reference(node)
        if reference is None:
            return False
        found = reference.scope.lookup(node.value)
        if found is None or not self.context.shared(Tensors).is_keras(node):
            return False
        scope: Scope | None = found[0]
        while scope is not None:
            if scope.node in self._seen:
                return False
            scope = scope.parent
        return True


_LOSS = (
    "compute this part in a layer that is called on {0} and hands it to self.add_loss(), or make"
    " {0} an output of the model"
)
_LAYER = "give {0} to the layer as one of its inputs"
_LAMBDA = "call the Lambda on a list with {0} in it"


class _Names(Reader):
    """Collects the names that a function reads, and those it calls."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.Name] = []
        self.called: list[cst.Name] = []
        #: Names of which only the shape or the like is asked.
        self.asked: set[cst.CSTNode] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.found.append(node)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        if node.attr.value in _ASKED and isinstance(node.value, cst.Name):
            self.asked.add(node.value)
        self.visit(node.value)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        self.visit(node.value)
        return False

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Name):
            self.called.append(node.func)
        func = node.func
        leaf = func.attr.value if isinstance(func, cst.Attribute) else getattr(func, "value", "")
        if leaf in _ASKING:
            self.asked.update(each.value for each in node.args)
