"""Layers and optimizers that are called as before and compute by another formula."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.versions import candidates

from ._epsilons import LEAST, default, is_behind, is_narrow, squared
from ._string_sources import StringSources
from ._versions import BEFORE_2_3, versions_of

ROOT = Rule(
    "KM637",
    "epsilon-below-the-root",
    "Square the epsilon of RMSprop and Adagrad, which is added before the root is taken now",
    "Up to Keras 2.3 a step was rate * g / (sqrt(a) + epsilon), where a is the mean (RMSprop) or"
    " the sum (Adagrad) of the squared gradients; today it is rate * g / sqrt(a + epsilon), so that"
    " an epsilon of 1e-7 damps as one of 3e-4 did. The square of the old number damps as the old"
    " number did, and nearly makes the old steps: both formulas are the same where a is much"
    " larger, and much smaller. Measured for ten steps with a rate of 0.001 (0.01), in tf_keras and"
    " Keras 3 alike. With gradients of 1e-4 RMSprop moved a weight by 0.013 in Keras 2.2.4; with"
    " epsilon=1e-7 it is 0.010 short of that, with 1e-7**2 0.00002. Adagrad moved it by 0.038;"
    " with 1e-7 it is 0.015 short, with the square 0.00002. With gradients of 1e-6 the square is"
    " 0.0015 off, and 1e-7 moves the weight by less than a hundredth of what it should. With"
    " gradients of 0.1 all are the same. RMSprop of a small network with 512 samples, after 60"
    " epochs: weights are 0.077 off with 1e-7, 0.005 with the square. A default that is left out is"
    " written out by KM600 and KM604, as such a square.",
    Safety.SAFE,
    Severity.INFO,
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.optimizers import RMSprop\n\n"
            "layer = Dense(output_dim=3)\n"
            "optimizer = RMSprop(lr=0.001, rho=0.9, epsilon=1e-06)\n",
            "from keras.layers import Dense\nfrom keras.optimizers import RMSprop\n\n"
            "layer = Dense(units=3)\n"
            "optimizer = RMSprop(learning_rate=0.001, rho=0.9, epsilon=1e-06**2)\n",
        ),
    ),
    untouched=(
        "Files that may be for tf.keras 2 or Keras 3, and other optimizers.",
        "The optimizers below keras.optimizers.legacy of tf_keras, which have the formula of old.",
        "'rmsprop' as a name, a default that the plausible versions disagree about, and files that"
        " speak of float16, in which the square is 0: they are reported.",
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
BATCH_DOT = Rule(
    "KM651",
    "batch-dot-of-many-dimensions",
    "Report batch_dot() of code that is older than Keras 2.3, which multiplied in another way",
    "Up to Keras 2.2 the dimensions between the samples and the last two were matched one by one,"
    " as the samples are; since 2.3 only the samples are. Where no tensor has more than three"
    " dimensions both give the same. Measured for x of shape (2, 3, 4), y of (2, 3, 4, 5) and"
    " axes=[2, 2]: Keras 2.2.4 gives (2, 3, 5), tf_keras (2, 3, 3, 5). For Keras 3 the function"
    " that the file gets multiplies as the old one did (KM501).",
    Safety.NONE,
    Severity.INFO,
    untouched=("The target keras, tf.keras, and files that only Keras 2.3 or later can run.",),
)
RNN_MASK = Rule(
    "KM514",
    "masked-step-of-rnn",
    "Report K.rnn() with a mask in code that is older than Keras 2.3",
    "At a step that the mask leaves out, the loop of K.rnn gave the first state as the output up to"
    " Keras 2.2; since 2.3, and ever since with unroll=True, it repeats the output before it, or"
    " zeros where there is none. Both are the same for a step whose first state is its output, if"
    " that starts at zero. Measured for a step that returns ten times its state: in the first case"
    " the masked output is a tenth. For Keras 3 the function that the file gets does what the old"
    " one did (KM501).",
    Safety.NONE,
    Severity.INFO,
    untouched=(
        "The target keras, and files that only Keras 2.3 or later can run.",
        "Calls without a mask, and with unroll=True.",
    ),
)
#: What these are called in compile().
_NAMES = {"adagrad": "Adagrad", "nadam": "Nadam", "rmsprop": "RMSprop"}
#: Where epsilon stands when it is not named.
_PLACES = {"Adagrad": 1, "RMSprop": 2}


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

    rules = (ROOT, BILINEAR, SCHEDULE, MASK, BATCH_DOT, RNN_MASK)
    order = 49

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._squares: set[cst.CSTNode] = set()

    @cached_property
    def _versions(self) -> frozenset[str]:
        return versions_of(self.context)

    @cached_property
    def _is_early(self) -> bool:
        return is_behind(self.context)

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
        elif symbol.path == "keras.backend.batch_dot" and symbol.flavour == "keras":
            self._check_batch_dot(node)
        elif symbol.path == "keras.backend.rnn" and symbol.flavour == "keras":
            self._check_rnn(node)

    # -- optimizers ---------------------------------------------------------------------------

    def _check_compiled(self, node: cst.Call) -> None:
        """Look at the name of an optimizer that a model is compiled with."""
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value != "compile":
            return
        value = _argument(node, "optimizer", 0)
        if value is None or not self._is_early or not self.context.values.is_model(func.value):
            return
        named: tuple[cst.BaseExpression, ...] = (value,)
        if literals.string(value) is None:
            named = self.context.shared(StringSources).behind(value)
        for each in named:
            known = _NAMES.get((literals.string(each) or "").lower())
            where = node if each is value else each
            if known == "Nadam":
                self._say_schedule(where)
            elif known == "RMSprop" or (
                known and (default(self.context) is None or is_narrow(self.context))
            ):
                self._say_root(where, known, None)

    def _check_optimizer(self, node: cst.Call, name: str) -> None:
        if (
            name not in _NAMES.values()
            or any(arg.star for arg in node.args)
            or not self._is_early
            or node.func in self.context.imports.claimed  # it becomes one of tf_keras' old ones
        ):
            return
        if name == "Nadam":
            self._say_schedule(node)
            return
        value = _argument(node, "epsilon", _PLACES[name])
        if value is None or (isinstance(value, cst.Name) and value.value == "None"):
            written = value is not None or not self.context.settings.modern_defaults
            if written and (default(self.context) is None or is_narrow(self.context)):
                self._say_root(node, name, None)
            return  # it is written out where the arguments are converted
        known = literals.plain(value)
        if not isinstance(known, int | float) or known < LEAST:
            return
        if not isinstance(value, cst.Float) or is_narrow(self.context):
            self._say_root(node, name, value)
        elif self.context.report(
            ROOT, value, f"{name} adds epsilon before it takes the root now", fix=True
        ):
            self._squares.add(value)

    def _say_schedule(self, node: cst.CSTNode) -> None:
        if self.context.target.name == "tf_keras":
            self.context.report(
                SCHEDULE,
                node,
                "Nadam of tf_keras makes other steps than Nadam did",
                advice="use keras.optimizers.legacy.Nadam, which makes the steps of old",
                confidence=Confidence.LIKELY,
            )

    def _say_root(self, node: cst.CSTNode, name: str, value: cst.BaseExpression | None) -> None:
        old = default(self.context) or "1e-8 up to Keras 2.0, or 1e-7 since,"
        if value is not None:
            old = self.context.module.code_for_node(value)
        new = "the square of that" if "," in old else squared(old)
        advice = f"give {name} epsilon={new} for the {old} that it was, to come next to the old"
        advice += " steps"
        if is_narrow(self.context):
            advice += "; not for weights of float16, where the square is 0"
        self.context.report(
            ROOT,
            node,
            f"{name} adds epsilon before it takes the root now: small gradients make smaller steps",
            advice=advice,
            confidence=Confidence.LIKELY,
        )

    def leave_Float(self, original_node: cst.Float, updated_node: cst.Float) -> cst.BaseExpression:
        if original_node not in self._squares:
            return updated_node
        return cst.parse_expression(squared(self.context.module.code_for_node(updated_node)))

    def _check_batch_dot(self, node: cst.Call) -> None:
        if self.context.target.api >= 3:
            return
        if candidates(self.context.names, "keras") & BEFORE_2_3:
            self.context.report(
                BATCH_DOT,
                node,
                "batch_dot() of more than three dimensions gave another result before Keras 2.3",
                advice="nothing to do where x and y have up to three; else write the product with"
                " tf.matmul or tf.einsum, as it was",
                confidence=Confidence.UNSURE,
            )

    def _check_rnn(self, node: cst.Call) -> None:
        mask, unrolled = _argument(node, "mask", 4), _argument(node, "unroll", 6)
        if (
            "keras.backend.rnn" not in self.context.inventory
            or mask is None
            or literals.plain(mask) is None
            or literals.plain(unrolled) is True
            or not candidates(self.context.names, "keras") & BEFORE_2_3
        ):
            return
        self.context.report(
            RNN_MASK,
            node,
            "masked steps of rnn() gave the first state before Keras 2.3, now the last output",
            advice="nothing to do where the step returns its output as the first state, and that"
            " starts at zero; else leave out mask= and choose between old and new values in the"
            " step",
            confidence=Confidence.UNSURE,
        )

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
