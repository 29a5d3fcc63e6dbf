"""Arguments that are spelt as ever and do something else."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.eras import KERAS_1, Era
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.scopes import Binding
from kerasmigrate.transform import Transform
from kerasmigrate.versions import KERAS_2_0, KERAS_2_2, KERAS_2_3

from ._model_ends import ModelEnd
from ._versions import EARLY, versions_of

ACTIVITY = Rule(
    "KM629",
    "activity-regularizer",
    "Report an activity regularizer, whose penalty is divided by the batch size now",
    "Standalone Keras up to 2.3 added the penalty of the whole batch to the loss; since TensorFlow"
    " took Keras in it is the mean over the batch. Measured with l2(1.0), outputs of 1 and batches"
    " of 4: 4.0 with Keras 1.2.2 to 2.3.1, 1.0 with tf_keras and Keras 3.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("Files for tf.keras 2 or Keras 3.",),
)
INITIALIZER = Rule(
    "KM630",
    "shared-initializer",
    "Report an initializer object that several layers share",
    "Since Keras 2.10 an initializer object without a seed draws one when it is made, and gives the"
    " same numbers each time it is called. Measured with tf_keras 2.21 and Keras 3.15: two layers"
    " of one shape that are given the same RandomNormal object start with equal weights. Up to"
    " Keras 2.3 they differ.",
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Initializers given by name, with a seed, or without random numbers.",
        "Objects that one layer uses.",
        "Files that may be for Keras 3.",
    ),
)
CROSSENTROPY = Rule(
    "KM631",
    "crossentropy-order",
    "Report a crossentropy of the backend that seems to be called in the order of Keras 1",
    "K.binary_crossentropy and its kind took (output, target) in Keras 1 and take (target, output)"
    " since Keras 2.0. A swapped call runs and gives other numbers. Where the file tells that it is"
    " for Keras 1 the call is converted; here only the names of the arguments speak for it.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("Arguments by keyword, or with other names than y_pred and y_true.",),
)
OLD_NUMBER = Rule(
    "KM634",
    "number-of-keras-1",
    "Report what gives other numbers than it did in Keras 1, though it is spelt the same",
    "The 'orthogonal' initializer of Keras 1 multiplied by 1.1; later ones have a gain of 1.0. The"
    " loss 'cosine_proximity' was the mean over the last axis and is the sum since Keras 2.0:"
    " measured for [0, 1, 1] and [1, 2, 2], -0.314 was, -0.943 is. 'hinge' and 'squared_hinge' take"
    " labels of 0 and 1 for -1 and 1 since Keras 2.3: measured 0.83 was, 1.0 is. 'glorot_normal'"
    " and 'he_normal' drew from a whole normal distribution; since Keras 2 it is cut off at two"
    " standard deviations, with the same variance today: the largest of 90000 weights was beyond"
    " four standard deviations, and is at 2.3. Loaded weights do not depend on it, so it is said"
    " once for a file.",
    Safety.NONE,
    Severity.INFO,
    untouched=(
        "Files whose words do not say that they are for Keras 1; of those for Keras 2.0 to 2.2,"
        " hinge losses alone are reported.",
        "Hinge losses of models that end in no sigmoid or softmax: their labels are -1 and 1.",
    ),
)
ZERO_WEIGHTS = Rule(
    "KM636",
    "weights-of-samples",
    "Say that samples of weight zero count in the mean of a loss now",
    "Up to Keras 2.2 a weighted loss was divided by the number of samples whose weight is not zero;"
    " since then by that of all samples. With weights of 1, 1, 0, 0 and errors of 4, 4, 1, 1 the"
    " loss was 4.0 and is 2.0, and steps are half as long. Weights without a zero among them give"
    " what they gave.",
    Safety.NONE,
    Severity.INFO,
    untouched=(
        "Files that are for Keras 2.3 or later, or may be for Keras 3.",
        "Methods of anything that is not certainly a model of Keras.",
    ),
)
AVERAGES = Rule(
    "KM642",
    "moving-averages",
    "Say that BatchNormalization makes its moving averages in another way than before Keras 2.4",
    "From Keras 2.1.3 to 2.2 the first batch alone made the moving averages, and later ones moved"
    " them; today they start at 0 and 1, as in Keras 2.0 and 2.3, and it takes some hundred batches"
    " until they are near what they stand for. Measured after one batch with the means 3 and 4: the"
    " moving means are 3 and 4 in 2.2.4, and 0.03 and 0.04 in tf_keras and Keras 3. In 2.2 and 2.3"
    " the moving variance was an estimate, n / (n - 1) times the variance of the batch; in Keras 3"
    " it is the variance itself, as up to Keras 2.0. tf_keras estimates it for images, and for"
    " nothing else. Said once for a file.",
    Safety.NONE,
    Severity.INFO,
    untouched=("Files that may be for versions which do this in different ways.",),
)

_RANDOM = frozenset(
    f"keras.initializers.{name}"
    for name in (
        "GlorotNormal",
        "GlorotUniform",
        "HeNormal",
        "HeUniform",
        "LecunNormal",
        "LecunUniform",
        "RandomNormal",
        "RandomUniform",
        "TruncatedNormal",
        "VarianceScaling",
        "glorot_normal",
        "glorot_uniform",
        "he_normal",
        "he_uniform",
        "lecun_normal",
        "lecun_uniform",
        "random_normal",
        "random_uniform",
        "truncated_normal",
        "normal",
        "uniform",
    )
)
_CROSSENTROPIES = frozenset(
    f"keras.backend.{name}_crossentropy" for name in ("binary", "categorical", "sparse_categorical")
)
_OUTPUTS = frozenset(("output", "outputs", "pred", "y_pred", "ypred"))
_TARGETS = frozenset(("target", "targets", "true", "y_true", "ytrue", "y"))
_NUMBERS = {
    "loss": {
        "cosine_proximity": "it is the sum over the last axis now, and was the mean",
        "cosine": "it is the sum over the last axis now, and was the mean",
        "hinge": "labels of 0 and 1 become -1 and 1 now; they stayed as they were",
        "squared_hinge": "labels of 0 and 1 become -1 and 1 now; they stayed as they were",
    },
    "init": {
        "orthogonal": "its gain is 1.0 now, and was 1.1",
        "glorot_normal": "the normal distribution is cut off at two standard deviations",
        "he_normal": "the normal distribution is cut off at two standard deviations",
    },
    "inner_init": {"orthogonal": "its gain is 1.0 now, and was 1.1"},
}
#: Said once for a file.
_ONCE = frozenset(("glorot_normal", "he_normal"))
_WEIGHTED = frozenset(("fit", "evaluate", "train_on_batch", "test_on_batch"))
#: Up to here, weights of zero did not count.
_DIVIDED = frozenset((KERAS_1, KERAS_2_0, KERAS_2_2))
#: Their moving variance was an estimate.
_ESTIMATED = frozenset((KERAS_2_2, KERAS_2_3))
#: Their moving variance was that of the batch.
_MEASURED = frozenset(("keras-1.0.0", "keras-1.1.2", KERAS_1, KERAS_2_0))
_ONES = frozenset(("keras-1.0.0", "keras-1.1.2", KERAS_1))
_HINGES = frozenset(("hinge", "squared_hinge"))
_INSTEAD = {
    "orthogonal": "write Orthogonal(gain=1.1) to start as before",
    "glorot_normal": "write keras.initializers.VarianceScaling(1.0, 'fan_avg',"
    " 'untruncated_normal') to draw as before",
    "he_normal": "write keras.initializers.VarianceScaling(2.0, 'fan_in', 'untruncated_normal') to"
    " draw as before",
    "cosine_proximity": "divide by the number of outputs to get the loss that it was",
    "cosine": "divide by the number of outputs to get the loss that it was",
    "hinge": "give it labels of -1 and 1, for which nothing has changed",
    "squared_hinge": "give it labels of -1 and 1, for which nothing has changed",
}


class SilentArguments(Transform):
    """Looks at arguments that run on and mean something else."""

    rules = (ACTIVITY, INITIALIZER, CROSSENTROPY, OLD_NUMBER, ZERO_WEIGHTS, AVERAGES)
    order = 49

    @cached_property
    def _versions(self) -> frozenset[str]:
        return versions_of(self.context)

    @cached_property
    def _first(self) -> bool:
        """Whether the file is for Keras 1, by its own words or by what its project pins."""
        own = eras.own_era(self.context.names) is Era.KERAS_1
        return own or (bool(self._versions) and self._versions <= _ONES)

    @cached_property
    def _said(self) -> set[str]:
        return set()

    @cached_property
    def _shared(self) -> dict[Binding, list[cst.Arg]]:
        return defaultdict(list)

    def visit_Call(self, node: cst.Call) -> None:
        symbol = self.context.symbol(node.func)
        if symbol is None or not symbol.certain:
            if isinstance(node.func, cst.Attribute) and node.func.attr.value == "compile":
                self._check_numbers(node)
            self._check_weights(node)
            return
        if symbol.path in _CROSSENTROPIES:
            self._check_crossentropy(node)
        elif symbol.path.startswith("keras.layers."):
            self._check_layer(node, symbol.path.rpartition(".")[2])

    def _check_layer(self, node: cst.Call, name: str) -> None:
        self._check_numbers(node)
        if name == "ActivityRegularization":
            self._report_activity(node, f"{name}: its penalty")
        if name == "BatchNormalization":
            self._check_averages(node)
        for arg in node.args:
            if arg.keyword is None:
                continue
            keyword = arg.keyword.value
            if keyword == "activity_regularizer":
                self._check_activity(arg, name)
            elif keyword.endswith("_initializer") or keyword == "init":
                self._note_initializer(arg)

    def _check_averages(self, node: cst.Call) -> None:
        measured = self.context.target.name == "tf_keras" and self._versions <= _MEASURED
        known = bool(self._versions) and (measured or self._versions <= _ESTIMATED)
        if not known or AVERAGES.code in self._said:
            return
        self._said.add(AVERAGES.code)
        start = "start at 0 and 1 now, and those of Keras 2.2 at the first batch"
        scale = "the moving variance is no estimate for more than the batch any more"
        message, advice = scale, "use large batches, for which it is the same"
        if measured:
            message = "the moving variance of images is an estimate for more than the batch now"
        if KERAS_2_2 in self._versions:
            message = f"the moving averages {start}"
            advice = "train for some hundred batches, or with a lower momentum, before you trust"
            advice += " predict() and evaluate()"
        self.context.report(
            AVERAGES,
            node,
            f"BatchNormalization: {message}",
            advice=advice,
            confidence=Confidence.LIKELY if len(self._versions) == 1 else Confidence.UNSURE,
        )

    def _check_activity(self, arg: cst.Arg, name: str) -> None:
        value = arg.value
        if isinstance(value, cst.Name) and value.value == "None":
            return
        if isinstance(value, cst.Name) and not isinstance(
            self._only_value(value), cst.Call | cst.BaseString
        ):
            return  # handed through
        self._report_activity(arg, f"{name}: the penalty of activity_regularizer")

    def _report_activity(self, node: cst.CSTNode, what: str) -> None:
        if not self._versions & EARLY:
            return
        self.context.report(
            ACTIVITY,
            node,
            f"{what} is divided by the batch size now",
            advice="multiply its factor by the batch size to weigh it as before",
            confidence=Confidence.LIKELY if self._versions <= EARLY else Confidence.UNSURE,
        )

    def _only_value(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        bindings = self.context.names.bindings(node)
        return bindings[0].value if len(bindings) == 1 else None

    def _check_weights(self, node: cst.Call) -> None:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value not in _WEIGHTED:
            return
        given = [arg for arg in node.args if arg.keyword and arg.keyword.value == "sample_weight"]
        if not given or literals.plain(given[0].value) is None or not self._versions & _DIVIDED:
            return
        if not self.context.values.is_model(func.value):
            return
        self.context.report(
            ZERO_WEIGHTS,
            given[0],
            "samples of weight 0 count in the mean of the loss now",
            advice="if some weights are 0, multiply all of them by their number over the number of"
            " those that are not",
            confidence=Confidence.LIKELY if self._versions <= _DIVIDED else Confidence.UNSURE,
        )

    # -- initializers ------------------------------------------------------------------------

    def _note_initializer(self, arg: cst.Arg) -> None:
        if not self._versions or not isinstance(arg.value, cst.Name):
            return
        bindings = self.context.names.bindings(arg.value)
        made = self._only_value(arg.value)
        symbol = self.context.symbol(made.func) if isinstance(made, cst.Call) else None
        if symbol is None or symbol.path not in _RANDOM:
            return
        assert isinstance(made, cst.Call)
        if any(each.keyword is not None and each.keyword.value == "seed" for each in made.args):
            return
        self._shared[bindings[0]].append(arg)

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        for binding, users in self._shared.items():
            if len(users) > 1:
                assert isinstance(users[1].value, cst.Name) and binding.value is not None
                made = self.context.module.code_for_node(binding.value)
                self.context.report(
                    INITIALIZER,
                    users[1],
                    f"{users[1].value.value} gives the same weights to all layers of one shape"
                    f" ({len(users)} uses)",
                    advice=f"make a new one for each layer: {made}",
                    confidence=Confidence.LIKELY,
                )
        return updated_node

    # -- Keras 1 -----------------------------------------------------------------------------

    def _check_crossentropy(self, node: cst.Call) -> None:
        if self._first or (self._versions and KERAS_1 not in self._versions):
            return  # converted, or for a later Keras
        names = [
            arg.value.value.lower()
            if arg.keyword is None and isinstance(arg.value, cst.Name)
            else ""
            for arg in node.args[:2]
        ]
        if len(names) == 2 and names[0] in _OUTPUTS and names[1] in _TARGETS:
            code = self.context.module.code_for_node(node.func)
            first = self.context.module.code_for_node(node.args[0].value)
            self.context.report(
                CROSSENTROPY,
                node,
                f"{code}() takes the target first; {first} looks like the output",
                advice="if it was written for Keras 1, swap the two arguments",
                confidence=Confidence.UNSURE,
            )

    def _check_numbers(self, node: cst.Call) -> None:
        before = "in Keras 1"
        if not self._first:
            before = "up to Keras 2.2"
            if not self._versions or not self._versions <= _DIVIDED:
                return
        for arg in node.args:
            known = _NUMBERS.get(arg.keyword.value) if arg.keyword is not None else None
            value = literals.string(arg.value)
            if known is not None and value in known:
                assert value is not None
                if value in self._said or not (self._first or value in _HINGES):
                    continue
                self._said |= {value} & _ONCE
                if value in _HINGES and not self._ends_in_probabilities(node):
                    continue
                self.context.report(
                    OLD_NUMBER,
                    arg,
                    f"{value!r} gives other numbers than {before}: {known[value]}",
                    advice=_INSTEAD[value],
                )

    def _ends_in_probabilities(self, node: cst.Call) -> bool:
        """Tell whether the labels of a model are likely to be 0 and 1."""
        assert isinstance(node.func, cst.Attribute)
        last = ModelEnd(self.context).of(node.func.value)
        return last is not None and last[1] in ("sigmoid", "softmax")
