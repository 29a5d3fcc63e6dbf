"""CuDNNLSTM and CuDNNGRU: what they computed, said of the layers that took their place."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.literals import write
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

from ._edits import add_keyword, keyword

CUDNN = Rule(
    "KM263",
    "cudnn-layer",
    "Write what a CuDNN layer computed when it becomes LSTM or GRU",
    "CuDNNLSTM and CuDNNGRU are gone: \"cannot import name 'CuDNNLSTM' from 'keras.layers'\". Since"
    " TensorFlow 2 LSTM and GRU choose the cuDNN kernel themselves on a GPU. They computed with a"
    " recurrent_activation of sigmoid, CuDNNGRU applied the reset gate after the matrix product;"
    " LSTM and GRU of Keras 2 did otherwise by default (hard_sigmoid, reset_after=False), so it is"
    " written out. Weights from get_weights() of a CuDNN layer have two biases: those of an LSTM"
    " are added up, those of a GRU are stacked, bias.reshape(2, -1).",
    examples=(
        Example(
            "from keras.layers import CuDNNGRU, CuDNNLSTM\n\n"
            "a = CuDNNLSTM(32, return_sequences=True)\nb = CuDNNGRU(32)\n",
            "from keras.layers import GRU, LSTM\n\n"
            "a = LSTM(32, return_sequences=True, recurrent_activation='sigmoid')\n"
            "b = GRU(32, recurrent_activation='sigmoid', reset_after=True)\n",
        ),
    ),
    untouched=("Subclasses of the layers, and references that are not called.",),
)
_OPTIONS: dict[str, dict[str, str | bool]] = {
    "keras.layers.CuDNNLSTM": {"recurrent_activation": "sigmoid"},
    "keras.layers.CuDNNGRU": {"recurrent_activation": "sigmoid", "reset_after": True},
}


class CudnnLayers(Transform):
    """Completes the calls of ``CuDNNLSTM`` and ``CuDNNGRU``."""

    rules = (CUDNN,)
    order = 60  # the arguments have their new names

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._options: dict[cst.Call, dict[str, str | bool]] = {}

    def visit_Call(self, node: cst.Call) -> None:
        found = callee(self.context.names, node)
        if found is None or found.skip or found.partial:
            return
        leaf = found.path.rpartition(".")[2]
        options = _OPTIONS.get(f"keras.layers.{leaf}")
        if options is None or not found.path.startswith("keras.layers."):
            return
        home = self.context.imports.locate(found.path).path
        if home is None or home == found.path:
            return
        given = {arg.keyword.value for arg in node.args if arg.keyword is not None}
        missing = {name: value for name, value in options.items() if name not in given}
        new = home.rpartition(".")[2]
        if missing and self.context.report(CUDNN, node, f"{leaf} is now {new}", fix=True):
            self._options[node] = missing

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        for name, value in self._options.get(original_node, {}).items():
            updated_node = add_keyword(updated_node, keyword(name, write(value)))
        return updated_node
