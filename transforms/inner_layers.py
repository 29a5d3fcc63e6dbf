"""Layers that a layer makes anew each time it is called."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.findings import Confidence
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import Reader

from ._layer_classes import LayerClasses

INNER = Rule(
    "KM316",
    "layer-made-in-call",
    "Report a layer with weights that is made in the call() of another",
    "Its weights belong to nothing: they are not counted, trained or saved. Measured with"
    " `Dense(4)(x)` in call(): the model has 0 weights in Keras 3 and in tf_keras, and predict()"
    ' raises "tf.function only supports singleton tf.Variables created on the first call" in both.',
    Safety.NONE,
    untouched=(
        "Layers without weights, such as Activation and Concatenate.",
        "Layers that become attributes, as where call() makes them the first time.",
        "Functions inside call(), and classes that are no layers or models.",
    ),
)
#: Layers that make weights when they are called; each exists in both Kerases of today.
WITH_WEIGHTS = frozenset(
    f"keras.layers.{name}"
    for name in (
        "BatchNormalization",
        "Bidirectional",
        "Conv1D",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Conv3DTranspose",
        "ConvLSTM2D",
        "Dense",
        "DepthwiseConv2D",
        "Embedding",
        "GRU",
        "LSTM",
        "LayerNormalization",
        "MultiHeadAttention",
        "PReLU",
        "SeparableConv1D",
        "SeparableConv2D",
        "SimpleRNN",
    )
)


class InnerLayers(Transform):
    """Looks for layers that are made in ``call``."""

    rules = (INNER,)
    order = 53

    @cached_property
    def _classes(self) -> LayerClasses:
        return LayerClasses(self.context)

    def visit_Module(self, node: cst.Module) -> None:
        if "def call" not in self.context.code:
            return
        for owner in self._classes.nodes:
            method = self._classes.method(owner, "call")
            if method is not None and self._classes.kind(owner) in ("layer", "model"):
                made = _Made(self.context)
                made.visit(method.body)
                for call, path in made.found:
                    self._report(call, path.rpartition(".")[2])

    def _report(self, call: cst.Call, leaf: str) -> None:
        code = self.context.module.code_for_node(call)
        inner = code if "\n" not in code else f"{leaf}(...)"
        self.context.report(
            INNER,
            call,
            f"{leaf} is made in call(), where its weights are neither trained nor saved",
            advice=f"write self.{leaf.lower()} = {inner} in __init__(), and call"
            f" self.{leaf.lower()} here",
            confidence=Confidence.LIKELY,
        )


class _Made(Reader):
    """Collects the layers with weights that a body makes and keeps for itself."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.found: list[tuple[cst.Call, str]] = []
        self._kept: set[cst.CSTNode] = set()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_Assign(self, node: cst.Assign) -> bool:
        """Leave what is kept: an attribute, or an element of something."""
        return all(len(dotted(each.target) or ()) == 1 for each in node.targets) or not isinstance(
            node.value, cst.Call
        )

    def visit_Call(self, node: cst.Call) -> None:
        made = node.func
        if not isinstance(made, cst.Call):
            return
        found = callee(self.context.names, made)
        home = None
        if found is not None and not found.partial and not found.skip:
            home = self.context.imports.locate(found.path).path
        if home in WITH_WEIGHTS:
            assert home is not None
            self.found.append((made, home))
