"""How a layer says what inputs it takes."""

from __future__ import annotations

import re

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import callee
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

LEAST = Rule(
    "KM327",
    "least-rank",
    "Write the least number of dimensions of an input as min_ndim",
    "In Keras 1 InputSpec(ndim='2+') asks for two dimensions or more. Keras 2 has min_ndim= for"
    ' it, and compares the text with a number: "Input 0 of layer \\"own\\" is incompatible with the'
    ' layer: expected ndim=2+, found ndim=2".',
    examples=(
        Example(
            "from keras.layers import InputSpec, Layer\n\n\nclass Own(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.input_spec = [InputSpec(ndim='2+')]\n",
            "from keras.layers import InputSpec, Layer\n\n\nclass Own(Layer):\n"
            "    def build(self, input_shape):\n"
            "        self.input_spec = [InputSpec(min_ndim=2)]\n",
        ),
    ),
    untouched=("Numbers of dimensions that the call does not show, and those given as numbers.",),
)
_SPEC = "keras.layers.InputSpec"
_LEAST = re.compile(r"\s*(\d+)\+\s*")


class InputSpecs(Transform):
    """Gives InputSpec a number."""

    rules = (LEAST,)
    order = 48

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._least: dict[cst.Call, tuple[int, str]] = {}

    def visit_Call(self, node: cst.Call) -> None:
        found = callee(self.context.names, node)
        if found is None or found.partial or found.skip:
            return
        if self.context.imports.locate(found.path).path != _SPEC:
            return
        for index, arg in enumerate(node.args):
            if arg.keyword is None or arg.keyword.value != "ndim":
                continue
            text = literals.string(arg.value)
            match = _LEAST.fullmatch(text) if text is not None else None
            if match and self.context.report(
                LEAST, arg, f"ndim='{text}' is min_ndim={match[1]}", fix=True
            ):
                self._least[node] = index, match[1]

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if original_node not in self._least:
            return updated_node
        index, least = self._least[original_node]
        args = list(updated_node.args)
        args[index] = args[index].with_changes(
            keyword=cst.Name("min_ndim"), value=cst.Integer(least)
        )
        return updated_node.with_changes(args=args)
