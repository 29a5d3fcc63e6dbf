"""The reduction of a loss: the names that Keras 2 had for it, and ``auto``."""

from __future__ import annotations

import re

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import callee
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

REDUCTION = Rule(
    "KM830",
    "loss-reduction",
    "Write the reduction of a loss as Keras 3 knows it",
    'Keras 3 has no losses.Reduction, and tf.keras on Keras 3 has it but rejects its AUTO: "Invalid'
    ' value for argument `reduction`. ... Received: reduction=auto". Each member is a string, and'
    " AUTO meant SUM_OVER_BATCH_SIZE wherever a model is compiled.",
    examples=(
        Example(
            "import tensorflow as tf\n\n"
            "loss = tf.keras.losses.MeanSquaredError(reduction=tf.keras.losses.Reduction.NONE)\n",
            "import keras\n\nloss = keras.losses.MeanSquaredError(reduction='none')\n",
        ),
        Example(
            "from tensorflow import keras\n\n"
            "loss = keras.losses.Huber(reduction='auto')\n"
            "other = keras.losses.Huber(reduction=keras.losses.Reduction.SUM)\n",
            "from tensorflow import keras\n\n"
            "loss = keras.losses.Huber(reduction='sum_over_batch_size')\n"
            "other = keras.losses.Huber(reduction=keras.losses.Reduction.SUM)\n",
            "tf.keras",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Members of Reduction that the tf.keras of the target has, but for AUTO.",
        "Calls that are not those of a Keras loss, such as other libraries' reduction='auto'.",
    ),
    references=("https://keras.io/guides/migrating_to_keras_3/",),
)
_MEMBER = re.compile(r"keras\.(?:losses\.Reduction|utils\.losses_utils\.Reduction(?:V2)?)\.(\w+)")
_VALUES = {
    "AUTO": "sum_over_batch_size",
    "SUM_OVER_BATCH_SIZE": "sum_over_batch_size",
    "SUM": "sum",
    "NONE": "none",
}


class Reductions(Transform):
    """Writes the reduction of a loss as a string that Keras 3 takes."""

    rules = (REDUCTION,)
    order = 9

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._new: dict[cst.CSTNode, str] = {}

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if self.context.target.api < 3:
            return
        symbol = self.context.symbol(node)
        match = _MEMBER.fullmatch(symbol.path) if symbol is not None else None
        if symbol is None or match is None or match.group(1) not in _VALUES:
            return
        reference = self.context.names.references[node]
        if not symbol.certain or reference.stored or node in self.context.imports.claimed:
            return
        name = match.group(1)
        if name != "AUTO" and "keras.losses.Reduction" in self.context.inventory:
            return
        self._plan(node, f"the reduction {name} is", _VALUES[name])
        if node in self._new:
            self.context.imports.claim(node)

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.target.api < 3:
            return
        word = next((a for a in node.args if a.keyword and a.keyword.value == "reduction"), None)
        if word is None or literals.string(word.value) != "auto":
            return
        found = callee(self.context.names, node)
        if found is not None and found.path.startswith("keras.losses."):
            self._plan(word.value, "the reduction 'auto' is", "sum_over_batch_size")

    def _plan(self, node: cst.BaseExpression, what: str, value: str) -> None:
        if self.context.report(REDUCTION, node, f"{what} now {value!r}", fix=True):
            self._new[node] = value

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._replaced(original_node, updated_node)

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        return self._replaced(original_node, updated_node)

    def _replaced(
        self, original: cst.BaseExpression, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        value = self._new.get(original)
        return updated if value is None else literals.write(value, updated)
