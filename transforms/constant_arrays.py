"""Arrays that Constant makes weights of."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.literals import elements
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.transform import Context, Transform

from ._history_reads import argument

ARRAY = Rule(
    "KM652",
    "constant-of-another-shape",
    "Report Constant with an array that is not of the shape of the weight",
    "Up to Keras 2 the numbers of the array filled the weight one after the other. Keras 3"
    " multiplies the array with ones of that shape, which broadcasts. Measured for"
    " Constant([-1., 1.]) and the kernel of a Dense(1) with two inputs: tf_keras makes"
    " [[-1], [1]], Keras 3 makes [[-1, 1], [-1, 1]], of the shape (2, 2), and no error. Four"
    ' numbers for a kernel of (2, 2) fail with "Incompatible shapes".',
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Targets with the Keras 2 API.",
        "Numbers, arrays in a variable, and lists with a level for each dimension of the weight.",
    ),
)
#: Dimensions of a kernel, by the end of the name of the layer.
_KERNELS = {
    "Dense": 2,
    "Embedding": 2,
    "LSTM": 2,
    "GRU": 2,
    "SimpleRNN": 2,
    "Conv1D": 3,
    "Convolution1D": 3,
    "Conv2D": 4,
    "Convolution2D": 4,
    "Conv2DTranspose": 4,
    "Conv3D": 5,
    "Convolution3D": 5,
}
_VECTORS = ("bias", "beta", "gamma", "moving_mean", "moving_variance")
_KERNEL_NAMES = ("kernel", "recurrent", "embeddings", "init", "inner_init")


class ConstantArrays(Transform):
    """Compares the levels of a list with the dimensions of the weight that it is for."""

    rules = (ARRAY,)
    order = 47

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Dimensions of the weight that a call of Constant is written for.
        self._dimensions: dict[cst.CSTNode, int] = {}

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.target.api < 3:
            return
        symbol = self.context.symbol(node.func)
        if symbol is None or not symbol.certain:
            return
        home, _, leaf = symbol.path.rpartition(".")
        if home.startswith("keras.layers"):
            self._expect(node, leaf)
        elif home.startswith("keras.init") and leaf in ("Constant", "constant"):
            self._check(node)

    def _expect(self, node: cst.Call, layer: str) -> None:
        for arg in node.args:
            name = arg.keyword.value.removesuffix("_initializer") if arg.keyword else ""
            if name in _VECTORS:
                self._dimensions[arg.value] = 1
            elif name in _KERNEL_NAMES and layer in _KERNELS:
                self._dimensions[arg.value] = _KERNELS[layer]

    def _check(self, node: cst.Call) -> None:
        value = argument(node.args, 0, "value")
        if isinstance(value, cst.Call) and self.context.names.origins(value.func) in (
            ("numpy.array",),
            ("numpy.asarray",),
        ):
            value = argument(value.args, 0, "object")
        levels = 0
        while value is not None and (inside := elements(value)):
            levels += 1
            value = inside[0]
        if not levels or levels == self._dimensions.get(node):
            return
        known = node in self._dimensions
        self.context.report(
            ARRAY,
            node,
            f"Constant broadcasts its array of {levels} dimension{'s' * (levels > 1)} in Keras 3:"
            " it no longer fills the weight number by number",
            advice="give the array the shape of the weight, with numpy.reshape()",
            severity=None if known else Severity.INFO,
            confidence=Confidence.LIKELY if known else Confidence.UNSURE,
        )
