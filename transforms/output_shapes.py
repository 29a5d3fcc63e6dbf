"""compute_output_shape of custom layers, which Keras 3 believes without running call()."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.transform import Transform
from kerasmigrate.values import LAYER, Values

from ._history_reads import argument, constant
from ._versions import EARLY, versions_of

BELIEVED = Rule(
    "KM643",
    "output-shape-believed",
    "Report a compute_output_shape() that says another shape than call() returns",
    "tf.keras ran call() to see what a layer gives, and did not ask compute_output_shape(). Keras 3"
    " asks it first, and believes it. Measured for a layer that returns concatenate([x, x]), says"
    " that the shape stays, and is given 50 numbers: with tf_keras model.output_shape is (None,"
    " 100) and a Dense behind it has 100 weights; with Keras 3 it is (None, 50), the Dense has 50,"
    " and predict() raises \"Input 0 with name 'None' of layer 'dense' is incompatible with the"
    ' layer". As the last layer nothing fails: the model gives 100 numbers and says 50.',
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Files for Keras up to 2.3, which believed it as well.",
        "Layers of which the source does not show that the shapes differ: here are seen"
        " concatenations with the input, reductions over an axis, an axis that is added, and an"
        " index in the place of a slice, where compute_output_shape() returns what it is given.",
    ),
)
_CONCATENATE = frozenset(("concat", "concatenate"))
_REDUCTIONS = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "reduce_")
    for name in ("max", "mean", "min", "prod", "sum")
)
#: Where those functions are.
_HOMES = ("keras.backend", "keras.layers", "keras.ops", "tensorflow", "tensorflow.math")


class OutputShapes(Transform):
    """Compares compute_output_shape() with call() where both are simple."""

    rules = (BELIEVED,)
    order = 48

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        if self.context.target.api < 3 or "compute_output_shape" not in self.context.code:
            return
        found = {
            each.name.value: each for each in node.body.body if isinstance(each, cst.FunctionDef)
        }
        shape, call = found.get("compute_output_shape"), found.get("call")
        if shape is None or call is None or not self.context.values.derives(node, LAYER):
            return
        versions = versions_of(self.context)
        if (versions and versions <= EARLY) or not self._returns_its_argument(shape):
            return
        given = _first(call)
        returned = Values.returned(call)
        if given is None or not returned:
            return
        kinds = [self._changes(each, given) for each in returned]
        if all(kinds):
            self.context.report(
                BELIEVED,
                shape.name,
                f"{node.name.value}.compute_output_shape() says that the shape stays, and call()"
                f" {kinds[0]}; Keras 3 believes it",
                advice="return the shape of what call() returns, or leave compute_output_shape()"
                " out: Keras 3 finds out by itself",
                confidence=Confidence.LIKELY,
            )

    def _returns_its_argument(self, shape: cst.FunctionDef) -> bool:
        """Tell whether a function does nothing but return the shape that it is given."""
        given = _first(shape)
        returned = Values.returned(shape)
        if given is None or not returned:
            return False
        for each in returned:
            if (
                isinstance(each, cst.Call)
                and isinstance(each.func, cst.Name)
                and each.func.value in ("list", "tuple")
                and len(each.args) == 1
            ):
                each = each.args[0].value
            if not self._is_given(each, given):
                return False
        return True

    def _is_given(self, node: cst.BaseExpression, given: cst.Param) -> bool:
        """Tell whether an expression is a parameter that is never bound again."""
        if not isinstance(node, cst.Name) or node.value != given.name.value:
            return False
        return [each.node for each in self.context.names.bindings(node)] == [given]

    def _changes(self, node: cst.BaseExpression, given: cst.Param) -> str:
        """Say in what a result certainly differs in shape from the input; else nothing."""
        if isinstance(node, cst.Name):
            value = constant(self.context, node)
            return self._changes(value, given) if value is not None else ""
        if isinstance(node, cst.Subscript):
            return self._index(node, given)
        if not isinstance(node, cst.Call) or not node.args:
            return ""
        name = self._function(node.func)
        first = node.args[0].value
        if name in _CONCATENATE:
            parts = literals.elements(first) or []
            if len(parts) > 1 and any(self._is_given(each, given) for each in parts):
                return "joins the input with something else"
        elif not self._is_given(first, given) or any(arg.star for arg in node.args):
            return ""
        elif name == "expand_dims":
            return "adds an axis"
        elif name in _REDUCTIONS:
            axis = argument(node.args, 1, "axis")
            names = {arg.keyword.value for arg in node.args if arg.keyword is not None}
            if axis is not None and literals.plain(axis) is not None and len(node.args) == 2:
                return "leaves out an axis" if names <= {"axis"} else ""
        return ""

    def _index(self, node: cst.Subscript, given: cst.Param) -> str:
        parts = [each.slice for each in node.slice]
        if (
            self._is_given(node.value, given)
            and len(parts) > 1
            and isinstance(parts[0], cst.Slice)
            and all(isinstance(p, cst.Slice) or _is_integer(p) for p in parts)
            and any(_is_integer(p) for p in parts)
        ):
            return "leaves out an axis"
        return ""

    def _function(self, func: cst.BaseExpression) -> str:
        """Return the name of a function of Keras or TensorFlow; empty for any other."""
        symbol = self.context.symbol(func)
        paths = (symbol.path,) if symbol is not None else self.context.names.origins(func)
        if len(paths) != 1:
            return ""
        home, _, name = paths[0].replace("tensorflow.compat.v1", "tensorflow").rpartition(".")
        return name if home in _HOMES else ""


def _is_integer(part: cst.BaseSlice) -> bool:
    return isinstance(part, cst.Index) and literals.integer(part.value) is not None


def _first(function: cst.FunctionDef) -> cst.Param | None:
    """Return the first parameter behind ``self``."""
    params = [*function.params.posonly_params, *function.params.params]
    return params[1] if len(params) > 1 else None
