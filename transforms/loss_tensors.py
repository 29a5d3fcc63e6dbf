"""What losses and metrics ask of the tensors that they are given."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.rules import Rule, Safety
from kerasmigrate.transform import Context, Transform

HISTORY = Rule(
    "KM408",
    "history-of-a-prediction",
    "Report a loss or metric that asks which layer a prediction comes from",
    "Up to Keras 2.3 a loss was called with the output of the model, and its _keras_history is the"
    " layer that made it; the losses of CRF layers went on from there. Since TensorFlow 2 it is"
    " called with the numbers of a batch: \"'SymbolicTensor' object has no attribute"
    " '_keras_history'\" in Keras 3, and so in tf_keras.",
    Safety.NONE,
    untouched=("Functions with other parameters than y_true and y_pred.",),
)
_NAME = "_keras_history"
_PARAMETERS = frozenset(("y_true", "y_pred"))


class LossTensors(Transform):
    """Looks for the history of a prediction."""

    rules = (HISTORY,)
    order = 60

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Parameters of the functions around, the outermost first.
        self._around: list[frozenset[str]] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._around.append(frozenset(each.name.value for each in node.params.params))

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._around.pop()
        return updated_node

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if (
            node.attr.value == _NAME
            and isinstance(node.value, cst.Name)
            and node.value.value in _PARAMETERS
            and self._around
            and self._around[-1] >= _PARAMETERS
        ):
            name = node.value.value
            self.context.report(
                HISTORY,
                node,
                f"{name} is a plain tensor here, and has no {_NAME}",
                advice="give the function the layer: write a class with the layer as an attribute,"
                " or add_loss() in the layer's own call()",
            )
