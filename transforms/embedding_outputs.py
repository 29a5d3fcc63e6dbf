"""Classes that derive from Embedding and return more than its vectors."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.definitions import indented
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context
from kerasmigrate.values import Values

from ._layer_classes import InClasses

_CLASS = (
    "from keras.layers import Embedding, Layer\n\n\nclass Both(Embedding):\n"
    "    def call(self, inputs):\n"
    "        return [super().call(inputs), self.embeddings]\n\n"
    "    def compute_output_shape(self, input_shape):\n"
    "        return [input_shape + (self.output_dim,), (self.input_dim, self.output_dim)]\n"
)
OUTPUTS = Rule(
    "KM348",
    "outputs-of-an-embedding",
    "Let a class that derives from Embedding say that it returns several tensors",
    "Embedding of Keras 3 takes what compute_output_shape() returns for the shape of one tensor:"
    " \"Cannot convert '[(None, 4, 3), (10, 3)]' to a shape\"; where the class has no such method,"
    ' its one output cannot be taken apart: "Iterating over a symbolic KerasTensor is not'
    ' supported". Layer.compute_output_spec() of Keras 3 asks the class.',
    Safety.SAFE,
    examples=(
        Example(
            _CLASS,
            _CLASS.replace("inputs):", "inputs, training=None):")
            + "\n    def compute_output_spec(self, *args, **kwargs):\n"
            "        return Layer.compute_output_spec(self, *args, **kwargs)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Classes that return one tensor, or define compute_output_spec() themselves.",
        "Classes that derive from another layer, or from a class that derives from Embedding.",
        "Classes without a compute_output_shape() of their own; they are reported.",
    ),
)
_METHOD = (
    "def compute_output_spec(self, *args, **kwargs):\n"
    "    return {}.compute_output_spec(self, *args, **kwargs)\n"
)


class EmbeddingOutputs(InClasses):
    """Adds the method that tells Keras 3 of all outputs."""

    rules = (OUTPUTS,)
    order = 46

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._planned: dict[cst.ClassDef, str] = {}

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        super().visit_ClassDef(node)
        if self.context.target.api < 3 or not node.bases:
            return
        base = node.bases[0].value
        symbol = self.context.symbol(base)
        if symbol is None or not symbol.certain or not symbol.path.endswith(".Embedding"):
            return
        call = self._classes.method(node, "call")
        if call is None or self._classes.method(node, "compute_output_spec") is not None:
            return
        returned = Values.returned(call)
        if not returned or not all(_are_several(each) for each in returned):
            return
        message = f"{node.name.value} returns several tensors, which Embedding does not tell of"
        if self._classes.method(node, "compute_output_shape") is None:
            self.context.report(
                OUTPUTS,
                node.name,
                message,
                advice="write a compute_output_shape() that returns the shape of each, then run"
                " kerasmigrate again",
            )
        elif self.context.report(OUTPUTS, node.name, message, fix=True):
            self._planned[node] = self.context.imports.spell("keras.layers.Layer", symbol)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        updated_node = super().leave_ClassDef(original_node, updated_node)
        layer = self._planned.get(original_node)
        if layer is None or not isinstance(updated_node.body, cst.IndentedBlock):
            return updated_node
        text = indented(_METHOD.format(layer), self.context.module)
        made = cst.parse_statement(text, config=self.context.module.config_for_parsing)
        assert isinstance(made, cst.FunctionDef)
        made = made.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
        body = updated_node.body.with_changes(body=[*updated_node.body.body, made])
        return updated_node.with_changes(body=body)


def _are_several(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.List | cst.Tuple) and len(node.elements) > 1
