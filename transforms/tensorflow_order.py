"""TensorFlow functions whose arguments stood in another order before TensorFlow 1.0."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Transform

TENSORFLOW_ORDER = Rule(
    "KM822",
    "tensorflow-argument-order",
    "Give tf.concat and tf.split their tensors first",
    "Before TensorFlow 1.0 the axis came first: tf.concat(1, [a, b]), tf.split(1, 2, x). Custom"
    " layers of that time still have it, some of them below try: ... except TypeError, which does"
    ' not help: today it is a ValueError, "Shape (2, None, 1) must have rank 0".',
    examples=(
        Example(
            "import tensorflow as tf\nfrom keras.layers import Lambda\n\n"
            "join = Lambda(lambda x: tf.concat(1, [x, x]))\n"
            "half = Lambda(lambda x: tf.split(1, 2, x)[0])\n",
            "import tensorflow as tf\nfrom keras.layers import Lambda\n\n"
            "join = Lambda(lambda x: tf.concat([x, x], 1))\n"
            "half = Lambda(lambda x: tf.split(x, 2, 1)[0])\n",
        ),
    ),
    untouched=(
        "Calls whose first argument is no number: the order of today has a tensor there.",
        "Calls with keywords or stars; their names say what is meant.",
        "Functions of that name of other modules.",
    ),
    references=("https://github.com/tensorflow/tensorflow/releases/tag/v1.0.0",),
)
#: Number of positional arguments of the old call -> their places today.
_ORDER = {"tensorflow.concat": (1, 0), "tensorflow.split": (2, 1, 0)}


class TensorflowOrder(Transform):
    """Puts the arguments of TensorFlow functions into the order of today."""

    rules = (TENSORFLOW_ORDER,)
    order = 49

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if not isinstance(updated_node, cst.Call) or not _begins_with_a_number(original_node):
            return updated_node
        origins = self.context.names.origins(original_node.func)
        places = _ORDER.get(origins[0]) if len(origins) == 1 else None
        args = updated_node.args
        if places is None or len(args) != len(places):
            return updated_node
        if any(arg.keyword is not None or arg.star for arg in args):
            return updated_node
        name = self.context.module.code_for_node(original_node.func)
        if not self.context.report(
            TENSORFLOW_ORDER, original_node, f"{name}() takes the axis last", fix=True
        ):
            return updated_node
        return updated_node.with_changes(
            args=[
                arg.with_changes(value=args[place].value)
                for arg, place in zip(args, places, strict=True)
            ]
        )


def _begins_with_a_number(node: cst.Call) -> bool:
    if not node.args or not isinstance(node.func, (cst.Name, cst.Attribute)):
        return False
    first = node.args[0].value
    if isinstance(first, cst.UnaryOperation) and isinstance(first.operator, cst.Minus):
        first = first.expression
    return isinstance(first, cst.Integer)
