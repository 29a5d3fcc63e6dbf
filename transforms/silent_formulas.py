"""Layers and optimizers that are called as before and compute by another formula."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.transform import Transform
from kerasmigrate.versions import KERAS_2_2, KERAS_2_3

from ._versions import EARLY, versions_of

ROOT = Rule(
    "KM637",
    "epsilon-below-the-root",
    "Say that RMSprop and Adagrad add epsilon before they take the root",
    "Up to Keras 2.3 a step was rate * g / (sqrt(a) + epsilon), where a is the mean (RMSprop) or"
    " the sum (Adagrad) of the squared gradients; today it is rate * g / sqrt(a + epsilon), so that"
    " an epsilon of 1e-7 damps as one of 3e-4 did. Measured for the first step of RMSprop(0.001)"
    " with a gradient of 1e-4: 0.00315 in Keras 2.2.4, 0.000315 in tf_keras and Keras 3, and"
    " 0.00316 there with epsilon=1e-14. With larger gradients both are the same.",
    Safety.NONE,
    Severity.INFO,
    untouched=(
        "Files that may be for tf.keras 2 or Keras 3, and other optimizers.",
        "An epsilon that is no literal number.",
    ),
)
BILINEAR = Rule(
    "KM638",
    "bilinear-from-corners",
    "Say that UpSampling2D with bilinear interpolation counts from the centres of pixels now",
    "With TensorFlow 1 the first rows and columns of both pictures lay on each other; since"
    " TensorFlow 2.0 their centres do. Measured for UpSampling2D((1, 2)) of the row [0, 1, 2]: it"
    " was [0, 0.5, 1, 1.5, 2, 2], it is [0, 0.25, 0.75, 1.25, 1.75, 2]. Weights that were trained"
    " with the one see shifted pictures in the other.",
    Safety.NONE,
    Severity.INFO,
    untouched=("Files that may be for tf.keras 2 or Keras 3, and interpolation='nearest'.",),
)
SCHEDULE = Rule(
    "KM639",
    "nadam-of-tf-keras",
    "Say that Nadam of tf_keras makes other steps, and name the one that makes the old ones",
    "In a graph, which fit() makes, Nadam of tf_keras 2.21 multiplies its schedule once more for"
    " each weight of the model, so that its steps have another size. Measured on a network of two"
    " layers: a weight is 0.00294 after the first step, and was 0.00423 in Keras 1.2.2, which"
    " tf_keras.optimizers.legacy.Nadam gives, too.",
    Safety.NONE,
    Severity.INFO,
    untouched=("Other targets, other optimizers, and files that may be for tf.keras 2.",),
)
MASK = Rule(
    "KM640",
    "mask-of-a-wrapped-embedding",
    "Report TimeDistributed around an Embedding that makes a mask",
    "In Keras 2 the wrapper hands on the mask of the Embedding(mask_zero=True) in it. In Keras 3 it"
    " makes none, and the layers behind it read the padding as if it were data; nothing fails."
    " Keras 3 needs no wrapper: an Embedding takes indices of any shape, and its mask has that"
    " shape, which TimeDistributed around the next layer gives it step by step.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("Targets with the Keras 2 API, and an Embedding without mask_zero=True.",),
)
#: What these are called in compile().
_NAMES = {"adagrad": "Adagrad", "nadam": "Nadam", "rmsprop": "RMSprop"}
#: They had an epsilon of 1e-7 by default; those before them 1e-8.
_LATER = frozenset((KERAS_2_2, KERAS_2_3))


def _argument(node: cst.Call, name: str, place: int | None = None) -> cst.BaseExpression | None:
    """Return an argument by its name, or by its place."""
    for arg in node.args:
        if arg.keyword is not None and arg.keyword.value == name:
            return arg.value
    if place is not None and len(node.args) > place:
        arg = node.args[place]
        if arg.keyword is None and not any(each.star for each in node.args[: place + 1]):
            return arg.value
    return None


class SilentFormulas(Transform):
    """Looks at layers and optimizers whose formula is another one today."""

    rules = (ROOT, BILINEAR, SCHEDULE, MASK)
    order = 49

    @cached_property
    def _versions(self) -> frozenset[str]:
        return versions_of(self.context)

    @property
    def _is_early(self) -> bool:
        return bool(self._versions) and self._versions <= EARLY

    def visit_Call(self, node: cst.Call) -> None:
        symbol = self.context.symbol(node.func)
        if symbol is None:
            self._check_compiled(node)
            return
        if not symbol.certain:
            return
        home, _, name = symbol.path.rpartition(".")
        if home == "keras.optimizers":
            self._check_optimizer(node, name)
        elif name == "UpSampling2D" and home.startswith("keras.layers"):
            self._check_upsampling(node)
        elif name == "TimeDistributed" and home.startswith("keras.layers"):
            self._check_wrapped(node)

    # -- optimizers ---------------------------------------------------------------------------

    def _check_compiled(self, node: cst.Call) -> None:
        """Look at the name of an optimizer that a model is compiled with."""
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value != "compile":
            return
        value = _argument(node, "optimizer", 0)
        name = literals.string(value) if value is not None else None
        known = _NAMES.get(name or "")
        if known is not None and self.context.values.is_model(func.value):
            self._report(node, known, None)

    def _check_optimizer(self, node: cst.Call, name: str) -> None:
        if name in _NAMES.values() and not any(arg.star for arg in node.args):
            self._report(node, name, _argument(node, "epsilon"))

    def _report(self, node: cst.CSTNode, name: str, value: cst.BaseExpression | None) -> None:
        if not self._is_early:
            return
        if name == "Nadam":
            if self.context.target.name == "tf_keras":
                self.context.report(
                    SCHEDULE,
                    node,
                    "Nadam of tf_keras makes other steps than Nadam did",
                    advice="use keras.optimizers.legacy.Nadam, which makes the steps of old",
                    confidence=Confidence.LIKELY,
                )
            return
        epsilon = self._epsilon(value)
        if epsilon is None:
            return
        self.context.report(
            ROOT,
            node,
            f"{name} adds epsilon before it takes the root now: small gradients make smaller steps",
            advice=f"write epsilon={epsilon**2:.0e} for the {epsilon:.0e} that it was, to come next"
            " to the old steps",
            confidence=Confidence.LIKELY,
        )

    def _epsilon(self, value: cst.BaseExpression | None) -> float | None:
        """Return the epsilon of old; None when it cannot be told."""
        if value is None or (isinstance(value, cst.Name) and value.value == "None"):
            return 1e-7 if self._versions <= _LATER else 1e-8
        known = literals.plain(value)
        return float(known) if isinstance(known, int | float) and known > 0 else None

    # -- layers -------------------------------------------------------------------------------

    def _check_upsampling(self, node: cst.Call) -> None:
        value = _argument(node, "interpolation", 2)
        if value is None or literals.string(value) != "bilinear" or not self._is_early:
            return
        self.context.report(
            BILINEAR,
            node,
            "UpSampling2D: bilinear interpolation counts from the centres of pixels now",
            advice="train again, or resize in a layer of your own with"
            " tf.compat.v1.image.resize_bilinear, which counts as before",
            confidence=Confidence.LIKELY,
        )

    def _check_wrapped(self, node: cst.Call) -> None:
        inner = _argument(node, "layer", 0)
        if self.context.target.api < 3 or not isinstance(inner, cst.Call) or not self._versions:
            return
        symbol = self.context.symbol(inner.func)
        if symbol is None or not symbol.certain or not symbol.path.endswith(".Embedding"):
            return
        masks = _argument(inner, "mask_zero")
        if not (isinstance(masks, cst.Name) and masks.value == "True"):
            return
        self.context.report(
            MASK,
            node,
            "TimeDistributed hands on no mask of the Embedding in it in Keras 3",
            advice="leave TimeDistributed out: Embedding takes and masks indices of any shape",
            confidence=Confidence.LIKELY,
        )
