"""The norm of the gradients: of all of them together, or of each."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.callees import callee
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform
from kerasmigrate.versions import plausible

from ._versions import EARLY

CLIPNORM = Rule(
    "KM239",
    "clipnorm",
    "Write global_clipnorm= for the clipnorm= of standalone Keras up to 2.3",
    "Up to Keras 2.3 clipnorm= bounded the norm of all gradients together; since TensorFlow took"
    " Keras in it bounds each gradient by itself, and global_clipnorm= does what it did. Measured"
    " with SGD(1.0, clipnorm=1.0) and gradients of (16, 32) and 16, the steps are (-0.41, -0.82)"
    " and -0.41 with Keras 1.2.2 to 2.3.1 and with global_clipnorm=1.0 today, and (-0.45, -0.89)"
    " and -1.0 with clipnorm=1.0 today.",
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.optimizers import SGD\n\n"
            "layer = Dense(output_dim=1)\nsgd = SGD(0.1, clipnorm=1.0)\n",
            "from keras.layers import Dense\nfrom keras.optimizers import SGD\n\n"
            "layer = Dense(units=1)\nsgd = SGD(0.1, global_clipnorm=1.0)\n",
        ),
    ),
    untouched=(
        "Code for tf.keras, tf_keras or Keras 3, where clipnorm= is what it is.",
        "Code that may be for Keras 2.4 or later: it is reported when it is for Keras 2.",
    ),
)


class Clipping(Transform):
    """Keeps what ``clipnorm`` bounds."""

    rules = (CLIPNORM,)
    order = 45

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._calls: set[cst.CSTNode] = set()

    def visit_Call(self, node: cst.Call) -> None:
        given = {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
        norm = given.get("clipnorm")
        if norm is None or literals.plain(norm) in (None, 0):
            return
        found = callee(self.context.names, node)
        if found is None or found.symbol.flavour != "keras":
            return
        home = self.context.imports.locate(found.path).path
        signature = self.context.inventory.signature(home) if home is not None else None
        if (
            home is None
            or not home.startswith("keras.optimizers.")
            or signature is None
            or not signature.named("global_clipnorm")
        ):
            return
        versions = plausible(self.context.names, "keras")
        if not versions & EARLY:
            return
        alone = given.keys().isdisjoint(("clipvalue", "global_clipnorm"))
        sure = versions <= EARLY and alone and all(arg.star != "**" for arg in node.args)
        if self.context.report(
            CLIPNORM,
            norm,
            "clipnorm= bounds each gradient by itself now"
            + ("" if sure else "; up to Keras 2.3 it bounded all of them together"),
            fix=sure,
            advice="" if sure else "write global_clipnorm= if the code is for Keras 2.3 or before",
            severity=None if sure else Severity.WARNING,
            confidence=Confidence.CERTAIN if sure else Confidence.UNSURE,
        ):
            self._calls.add(node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node not in self._calls:
            return updated_node
        return updated_node.with_changes(
            args=[
                arg.with_changes(keyword=cst.Name("global_clipnorm"))
                if arg.keyword is not None and arg.keyword.value == "clipnorm"
                else arg
                for arg in updated_node.args
            ]
        )
