"""Numbers around training that are others now, and the order in which they come."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate import eras, literals
from kerasmigrate.eras import Era
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Transform
from kerasmigrate.walking import walk

from ._model_ends import ModelEnd, argument
from ._versions import EARLY, versions_of

ACCURACY = Rule(
    "KM626",
    "accuracy-of-what",
    "Report an 'accuracy' that means another metric than it did up to Keras 2.3",
    "Up to Keras 2.3 'accuracy' meant binary_accuracy with the loss binary_crossentropy, however"
    " many outputs there are. Since TensorFlow took Keras in it means categorical_accuracy for more"
    " than one output: is the largest output the right one? Measured for three sigmoid outputs and"
    " random labels: 0.49 was, 0.24 is. For the outputs of a regression it compared rounded numbers"
    " and compares numbers with 0.5 now; it has no meaning in either.",
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Models whose last layer or loss the source does not show.",
        "Files written for tf.keras 2 or for Keras 3, where it has always meant this.",
        "One output with binary_crossentropy, and softmax outputs.",
    ),
)
HISTORY = Rule(
    "KM627",
    "order-of-history",
    "Report the use of a history by position",
    "The order of the keys has changed twice: validation first up to Keras 2.3, then loss,"
    " accuracy, val_loss, val_accuracy in tf_keras, and alphabetical in Keras 3: accuracy, loss,"
    " val_accuracy, val_loss (Keras 3.15).",
    Safety.NONE,
    Severity.WARNING,
    untouched=("Loops over all keys, and keys that are asked for by name.",),
)
SEED = Rule(
    "KM628",
    "seed",
    "Say where the seed of NumPy or TensorFlow no longer makes the weights reproducible",
    "Up to Keras 2.3 np.random.seed() was enough to get the same weights again. Measured with Keras"
    " 3.15 and tf_keras 2.21: neither np.random.seed() nor tf.random.set_seed() is;"
    " keras.utils.set_random_seed(), which seeds Python, NumPy and TensorFlow at once, is.",
    Safety.NONE,
    Severity.INFO,
    untouched=(
        "Files that train no model, and files that call set_random_seed already.",
        "More than the first such call of a file.",
        "np.random.seed() beside tf.keras, which never listened to it.",
    ),
)
METRICS_NAMES = Rule(
    "KM632",
    "metrics-names",
    "Report metrics_names of a model, which no longer names the metrics",
    "Keras 3.15 has ['loss', 'compile_metrics'] there, whatever the metrics are; tf_keras has"
    " ['loss', 'mae']. The numbers that evaluate() returns are still one for each metric, so that"
    " zip() pairs them wrongly and an index may be out of range.",
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Targets with the Keras 2 API.",
        "Attributes of what is not known to be a model.",
        "Models that are compiled without metrics: the names of their losses are right.",
    ),
)
OLD_METRICS = Rule(
    "KM633",
    "metric-of-keras-1",
    "Report a metric of Keras 1 that is gone or is another one now",
    "Keras 1 computed precision, recall, fmeasure and their kind for each batch and averaged over"
    " the batches; Keras 2.0 removed them for that reason. In Keras 3 'precision' and 'recall' are"
    " found again and count over the whole epoch, and 'fmeasure' is a ValueError: \"Could not"
    ' interpret metric identifier: fmeasure". tf_keras calls the class with the labels and fails'
    " with a TypeError.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("The names precision and recall in files that are not for Keras 1.",),
)

FROZEN_NORM = Rule(
    "KM635",
    "frozen-batch-normalization",
    "Say that a frozen BatchNormalization uses its moving averages now",
    "Up to Keras 2.3 trainable = False kept the weights of a BatchNormalization from being trained,"
    " but in fit() it went on to normalise by the batch (and up to 2.0 to move its averages). Since"
    " TensorFlow 2.0 it runs in inference mode: measured with a moving mean of 0 and batches of"
    " fives, training sees 0.0 up to Keras 2.3, and 5.0 in tf_keras and Keras 3. For transfer"
    " learning that is what one wants. In a GAN it changes what the generator is trained against.",
    Safety.NONE,
    Severity.INFO,
    untouched=(
        "Files that may be for tf.keras 2 or Keras 3.",
        "Files without a BatchNormalization of their own; more than the first assignment.",
    ),
)

FROZEN_PENALTY = Rule(
    "KM653",
    "frozen-penalty",
    "Say that the penalties of frozen weights no longer count in the loss",
    "A regularizer of a layer that is not trainable is a part of the loss in every Keras before"
    " Keras 3, which leaves it out. Training does the same with and without: the penalty depends on"
    " nothing that is trained. But the loss that fit() and evaluate() show is smaller, and so is"
    " what a callback compares. Measured for a kernel of two ones, the penalty 'l2' and no other"
    " loss: 0.02 in Keras 1.2.2 and tf_keras, and 0.0 in Keras 3.",
    Safety.NONE,
    Severity.INFO,
    untouched=(
        "Targets with the Keras 2 API, and files that may be for Keras 3.",
        "Files that freeze nothing, or give no layer a regularizer; more than the first place.",
    ),
)

_GONE = {
    "fmeasure": "keras.metrics.F1Score()",
    "fbeta_score": "keras.metrics.FBetaScore()",
    "matthews_correlation": "a metric of your own",
}
_BACK = {"precision": "keras.metrics.Precision()", "recall": "keras.metrics.Recall()"}
_ACCURACY = frozenset(("accuracy", "acc"))
_REGRESSION = frozenset(
    (
        "mse",
        "mae",
        "mape",
        "msle",
        "mean_squared_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
        "MeanSquaredError",
        "MeanAbsoluteError",
    )
)
_TF_SEEDS = frozenset(
    f"tensorflow.{name}"
    for name in (
        "random.set_seed",
        "random.set_random_seed",
        "set_random_seed",
        "compat.v1.set_random_seed",
    )
)
_NORM = ".BatchNormalization"
_TRAINS = frozenset(("fit", "fit_generator", "train_on_batch"))
_FLAT = frozenset(("keys", "values", "items"))


class SilentTraining(Transform):
    """Looks at what training calls are given and what is done with their results."""

    rules = (ACCURACY, HISTORY, SEED, METRICS_NAMES, OLD_METRICS, FROZEN_NORM, FROZEN_PENALTY)
    order = 48

    @cached_property
    def _native(self) -> bool:
        return eras.is_keras_3(self.context.names)

    @cached_property
    def _versions(self) -> frozenset[str]:
        """The versions that the file may be for; none when Keras 3 is among them."""
        return versions_of(self.context)

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if not isinstance(func, cst.Attribute):
            return
        if func.attr.value == "compile" and self.context.values.is_model(func.value):
            self._check_metrics(node, func.value)

    # -- metrics -----------------------------------------------------------------------------

    def _check_metrics(self, node: cst.Call, model: cst.BaseExpression) -> None:
        given = argument(node, "metrics", 2)
        if given is None:
            return
        parts = literals.elements(given) or [given]
        first = any(literals.string(each) in _GONE for each in parts) or (
            eras.own_era(self.context.names) is Era.KERAS_1
        )
        for each in parts:
            name = literals.string(each)
            if name in _GONE or (name in _BACK and first):
                assert name is not None
                self.context.report(
                    OLD_METRICS,
                    each,
                    f"{name!r} was computed batch by batch in Keras 1",
                    advice=f"use {(_GONE | _BACK)[name]}, which counts over the epoch",
                )
            elif name in _ACCURACY and self._versions & EARLY:
                self._check_accuracy(node, model, each)

    def _check_accuracy(
        self, node: cst.Call, model: cst.BaseExpression, metric: cst.BaseExpression
    ) -> None:
        loss = self._loss(argument(node, "loss", 1))
        last = ModelEnd(self.context).of(model)
        if loss is None or last is None:
            return
        units, activation = last
        if loss in ("binary_crossentropy", "BinaryCrossentropy"):
            if activation == "sigmoid" and units is not None and units > 1:
                self.context.report(
                    ACCURACY,
                    metric,
                    f"'accuracy' of {units} sigmoid outputs was binary_accuracy up to Keras 2.3,"
                    " and is categorical_accuracy now",
                    advice="write keras.metrics.BinaryAccuracy(name='accuracy')",
                    confidence=self._confidence,
                )
        elif loss in _REGRESSION and units == 1 and activation in ("", "linear", "relu"):
            self.context.report(
                ACCURACY,
                metric,
                f"'accuracy' of a regression ({loss}) means nothing, and is another number now",
                advice="use 'mae', or leave it out",
                severity=Severity.INFO,
                confidence=self._confidence,
            )

    @property
    def _confidence(self) -> Confidence:
        return Confidence.LIKELY if self._versions <= EARLY else Confidence.UNSURE

    def _loss(self, node: cst.BaseExpression | None) -> str | None:
        text = literals.string(node)
        if text is not None:
            return text
        target = node.func if isinstance(node, cst.Call) else node
        symbol = self.context.symbol(target)
        return symbol.path.rpartition(".")[2] if symbol is not None else None

    # -- histories ---------------------------------------------------------------------------

    def visit_Subscript(self, node: cst.Subscript) -> None:
        index = node.slice[0].slice if len(node.slice) == 1 else None
        if not isinstance(index, cst.Index) or literals.integer(index.value) is None:
            return
        value = node.value
        if (
            isinstance(value, cst.Call)
            and isinstance(value.func, cst.Name)
            and value.func.value == "list"
            and len(value.args) == 1
        ):
            value = value.args[0].value
        elif _flattened(value) is None:
            return
        self._check_history(node, value)

    def visit_Assign(self, node: cst.Assign) -> None:
        if any(isinstance(each.target, cst.Tuple | cst.List) for each in node.targets):
            self._check_history(node.value, node.value)

    def _check_history(self, node: cst.CSTNode, value: cst.BaseExpression) -> None:
        history = _flattened(value) or value
        if (
            not isinstance(history, cst.Attribute)
            or history.attr.value != "history"
            or not self._is_history(history.value)
            or not self._versions
            or (self.context.target.api < 3 and not self._versions & EARLY)
        ):
            return
        self.context.report(
            HISTORY,
            node,
            "what a history holds comes in another order than it did",
            advice="ask for it by name: history.history['loss']",
            confidence=Confidence.LIKELY,
        )

    def _is_history(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.Call):
            values: list[cst.BaseExpression | None] = [node]
        else:
            values = [each.value for each in self.context.names.bindings(node)]
        return bool(values) and all(
            isinstance(each, cst.Call)
            and isinstance(each.func, cst.Attribute)
            and each.func.attr.value in ("fit", "fit_generator")
            and self.context.values.is_model(each.func.value)
            for each in values
        )

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if (
            node.attr.value != "metrics_names"
            or self.context.target.api < 3
            or self._native
            or not self.context.values.is_model(node.value)
            or self._has_no_metrics(node.value)
        ):
            return
        model = self.context.module.code_for_node(node.value)
        self.context.report(
            METRICS_NAMES,
            node,
            f"{model}.metrics_names has 'compile_metrics' for all metrics together in Keras 3",
            advice=f"{model}.evaluate(..., return_dict=True) returns the numbers by name",
            confidence=Confidence.LIKELY,
        )

    def _has_no_metrics(self, model: cst.BaseExpression) -> bool:
        """Tell whether a model is visibly compiled, and without metrics each time."""
        chain = dotted(model)
        compiled = [
            each
            for each in walk(self.context.module)
            if isinstance(each, cst.Call)
            and isinstance(each.func, cst.Attribute)
            and each.func.attr.value == "compile"
            and dotted(each.func.value) == chain
        ]
        return bool(compiled) and not any(
            arg.star or argument(each, "metrics", 2) is not None
            for each in compiled
            for arg in each.args
        )

    # -- seeds -------------------------------------------------------------------------------

    def visit_Module(self, node: cst.Module) -> None:
        self._check_seed(node)
        self._check_frozen(node)
        self._check_penalties(node)

    def _check_penalties(self, node: cst.Module) -> None:
        code = self.context.code
        if self.context.target.api < 3 or "trainable" not in code or "_regularizer=" not in code:
            return
        if not self._versions:
            return
        nodes = list(walk(node))
        if not any(self._is_penalized(each) for each in nodes):
            return
        for each in nodes:
            if (
                isinstance(each, cst.Assign)
                and isinstance(target := each.targets[0].target, cst.Attribute)
                and target.attr.value == "trainable"
                and literals.plain(each.value) is False
            ) or (self._is_penalized(each) and self._is_frozen(each)):
                self.context.report(
                    FROZEN_PENALTY,
                    each,
                    "the penalties of weights that are not trainable are no part of the loss that"
                    " Keras 3 shows",
                    advice="compare losses with those of runs under Keras 3; training is the same",
                    confidence=Confidence.LIKELY,
                )
                return

    def _is_penalized(self, node: cst.CSTNode) -> bool:
        """Tell whether a call makes a layer with a regularizer of its weights."""
        return isinstance(node, cst.Call) and any(
            arg.keyword is not None
            and arg.keyword.value.endswith("_regularizer")
            and arg.keyword.value != "activity_regularizer"
            and not (isinstance(arg.value, cst.Name) and arg.value.value == "None")
            and (symbol := self.context.symbol(node.func)) is not None
            and symbol.path.startswith("keras.layers.")
            for arg in node.args
        )

    @staticmethod
    def _is_frozen(node: cst.CSTNode) -> bool:
        return isinstance(node, cst.Call) and any(
            arg.keyword is not None
            and arg.keyword.value == "trainable"
            and literals.plain(arg.value) is False
            for arg in node.args
        )

    def _check_frozen(self, node: cst.Module) -> None:
        code = self.context.code
        if (
            "trainable" not in code
            or "BatchNormalization" not in code
            or not self._versions
            or not self._versions <= EARLY
        ):
            return
        if not any(symbol.path.endswith(_NORM) for _, symbol in self.context.names.symbols()):
            return
        for each in walk(node):
            if isinstance(each, cst.Assign) and self._freezes_model(each):
                target = self.context.module.code_for_node(each.targets[0].target)
                self.context.report(
                    FROZEN_NORM,
                    each,
                    f"{target} = False: BatchNormalization layers inside use their moving averages"
                    " in training now, and used the batch",
                    advice="to keep the old behaviour, leave these layers trainable, and compare"
                    " the numbers",
                    confidence=Confidence.LIKELY,
                )
                return

    def _freezes_model(self, node: cst.Assign) -> bool:
        target = node.targets[0].target
        return (
            isinstance(target, cst.Attribute)
            and target.attr.value == "trainable"
            and literals.plain(node.value) is False
            and self.context.values.is_model(target.value)
        )

    def _check_seed(self, node: cst.Module) -> None:
        code = self.context.code
        if "seed(" not in code or "utils.set_random_seed" in code:
            return
        if not any(f".{each}(" in code for each in _TRAINS):
            return
        seeds = [each for each in walk(node) if isinstance(each, cst.Call) and self._is_seed(each)]
        if seeds and self._versions and self._trains(node):
            called = self.context.module.code_for_node(seeds[0].func)
            value = self.context.module.code_for_node(seeds[0].args[0].value)
            self.context.report(
                SEED,
                seeds[0],
                f"{called}() no longer makes the weights of a model the same in every run",
                advice=f"keras.utils.set_random_seed({value}) does, and seeds NumPy too",
            )

    def _is_seed(self, node: cst.Call) -> bool:
        if not node.args or literals.integer(node.args[0].value) is None:
            return False
        origins = set(self.context.names.origins(node.func))
        if origins == {"numpy.random.seed"}:
            return bool(self._versions & EARLY)
        return bool(origins) and origins <= _TF_SEEDS

    def _trains(self, module: cst.Module) -> bool:
        return any(
            isinstance(each, cst.Call)
            and isinstance(each.func, cst.Attribute)
            and each.func.attr.value in _TRAINS
            and self.context.values.is_model(each.func.value)
            for each in walk(module)
        )


def _flattened(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return ``x`` of ``x.keys()``, ``x.values()``, ``x.items()``, or of a list of these."""
    if not isinstance(node, cst.Call):
        return None
    if isinstance(node.func, cst.Name) and node.func.value == "list" and len(node.args) == 1:
        inner = node.args[0].value
        return _flattened(inner) or inner
    if isinstance(node.func, cst.Attribute) and node.func.attr.value in _FLAT and not node.args:
        return node.func.value
    return None
