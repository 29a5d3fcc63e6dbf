"""Questions whether a model has several inputs or outputs, asked of a tensor's length."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

TENSOR_LENGTH = Rule(
    "KM406",
    "length-of-a-tensor",
    "Ask whether .input or .output is a list, not whether it has a length",
    "hasattr(model.output, '__len__') told a list of outputs from a single tensor. Since TensorFlow"
    ' 2.4 a Keras tensor of the Keras 2 API has that method, and it only raises: "Keras symbolic'
    ' inputs/outputs do not implement `__len__`". In Keras 3 it has none again.',
    examples=(
        Example(
            "from keras.models import Model\n\nmodel = Model(a, b)\n"
            "if hasattr(model.output, '__len__') and len(model.output) > 1:\n"
            "    print('several outputs')\n",
            "from tf_keras.models import Model\n\nmodel = Model(a, b)\n"
            "if isinstance(model.output, (list, tuple)) and len(model.output) > 1:\n"
            "    print('several outputs')\n",
            "tf_keras",
        ),
        Example(
            "from keras.models import Model\n\nmodel = Model(a, b)\n"
            "several = hasattr(model.output, '__len__') and len(model.output) > 1\n",
            "from keras.models import Model\n\nmodel = Model(a, b)\n"
            "several = hasattr(model.output, '__len__') and len(model.output) > 1\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 3 API.",
        "The question whether anything but .input or .output has a length.",
        "Files that have another hasattr, isinstance, list or tuple.",
        "Questions that are not followed by len() of the same in the same condition.",
    ),
)
_BUILTINS = frozenset(("hasattr", "isinstance", "len", "list", "tuple"))


class TensorLengths(Transform):
    """Asks for a list where a length was asked for."""

    rules = (TENSOR_LENGTH,)
    order = 47

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Questions whose condition goes on to measure the same.
        self._measured: set[cst.CSTNode] = set()

    def visit_BooleanOperation(self, node: cst.BooleanOperation) -> None:
        asked = _first(node.left)
        if asked is None or self.context.target.api >= 3 or _BUILTINS & self.context.names.bound:
            return
        subject = asked.args[0].value
        if _measures(node.right, subject):
            self._measured.add(asked)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node not in self._measured or not isinstance(updated_node, cst.Call):
            return updated_node
        subject = self.context.module.code_for_node(original_node.args[0].value)
        if not self.context.report(
            TENSOR_LENGTH,
            original_node,
            f"{subject} has __len__() when it is a tensor, too, and calling it raises",
            fix=True,
        ):
            return updated_node
        first, second = updated_node.args
        kinds = cst.parse_expression("(list, tuple)")
        return updated_node.with_changes(
            func=cst.Name("isinstance"), args=(first, second.with_changes(value=kinds))
        )


def _first(node: cst.BaseExpression) -> cst.Call | None:
    """Return ``hasattr(x.output, '__len__')``, or what ``not`` stands before it."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
        node = node.expression
    if not (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Name)
        and node.func.value == "hasattr"
        and len(node.args) == 2
        and not any(arg.keyword or arg.star for arg in node.args)
    ):
        return None
    subject, name = (arg.value for arg in node.args)
    if not (isinstance(name, cst.SimpleString) and name.evaluated_value == "__len__"):
        return None
    is_tensor = isinstance(subject, cst.Attribute) and subject.attr.value in ("input", "output")
    return node if is_tensor else None


def _measures(node: cst.BaseExpression, subject: cst.BaseExpression) -> bool:
    """Tell whether a condition compares the length of something."""
    return (
        isinstance(node, cst.Comparison)
        and isinstance(node.left, cst.Call)
        and isinstance(node.left.func, cst.Name)
        and node.left.func.value == "len"
        and len(node.left.args) == 1
        and node.left.args[0].value.deep_equals(subject)
    )
