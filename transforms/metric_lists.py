"""Metrics and losses in compile(): names that are gone or new, and several outputs."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import eras
from kerasmigrate.eras import Era
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.literals import elements, pairs, string, write
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import MODEL, is_a

from ._history_reads import argument, constant
from ._versions import versions_of

GONE_METRIC = Rule(
    "KM703",
    "metric-name-gone",
    "Report a metric whose name the target does not know",
    'Keras 3 raises "Could not interpret metric identifier: kld" when the model is compiled.'
    " tf_keras notices in fit(): \"TypeError: 'str' object is not callable\".",
    Safety.NONE,
    untouched=("The metrics that went with Keras 1, such as 'fmeasure'; they get KM633.",),
)
OUTPUTS = Rule(
    "KM705",
    "metrics-of-outputs",
    "Give every output of a model its own list of metrics",
    "A flat list of metrics was for every output of a model. Keras 3 takes it for one metric of"
    ' each output and raises "tuple arity mismatch; expected: 2, got: 1" when there are more'
    " outputs or fewer. As many metrics as outputs are silent: measured for outputs a and b and"
    " metrics=['accuracy', 'mae'], evaluate() and history had a_accuracy, a_mae, b_accuracy and"
    " b_mae in Keras 2.3.1 and tf_keras (a_acc, a_mean_absolute_error and so on in 1.2.2 and"
    " 2.2.4), and have a_accuracy and b_mae in Keras 3. How many outputs there are is told by the"
    " list that the model is made of, or by a list or dictionary of losses.",
    examples=(
        Example(
            "from keras.models import Model\n\nmodel = Model(x, [a, b])\n"
            "model.compile('sgd', 'mse', metrics=['mae'])\n",
            "from keras.models import Model\n\nmodel = Model(x, [a, b])\n"
            "model.compile('sgd', 'mse', metrics=[['mae']] * 2)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Models of which the source does not show the outputs.",
        "As many metrics as outputs, in a file that may be for Keras 3; or all the same.",
        "Lists of lists, and dictionaries.",
        "Metrics that are objects, or lists that do not stand in the call: they are reported.",
    ),
)

ALONE = Rule(
    "KM726",
    "metric-without-a-list",
    "Put a metric that is named alone into a list",
    'Keras 3 raises "Expected `metrics` argument to be a list, tuple, or dict. Received instead:'
    " metrics=mae of type <class 'str'>\"."
    " In Keras 2 a name alone was for every output of the model.",
    examples=(
        Example(
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.compile('sgd', 'mse', metrics='mae')\n",
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.compile('sgd', 'mse', metrics=['mae'])\n",
        ),
    ),
    untouched=("Targets with the Keras 2 API.", "Metrics that are no string in the call."),
)
LOSS = Rule(
    "KM706",
    "loss-name",
    "Call a loss by the name that the target knows",
    'Keras 3 raises "Could not interpret loss identifier: logcosh", and tf_keras "Unknown loss'
    " function: 'cosine_proximity'\", which is the negative sum that 'cosine_similarity' is. The"
    " functions are the same.",
    examples=(
        Example(
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.compile('sgd', loss='logcosh')\n",
            "from keras.models import Sequential\n\nmodel = Sequential()\n"
            "model.compile('sgd', loss='log_cosh')\n",
        ),
    ),
    untouched=(
        "Files that speak of custom objects: the name may be one of theirs.",
        "Names that do not stand in the call.",
    ),
)

#: Names of losses of old Keras that a target does not know, and what it calls them: from asking
#: each target for every loss of old Keras.
_LOSSES_2 = {"cosine": "cosine_similarity", "cosine_proximity": "cosine_similarity"}
_LOSSES_3 = {
    **_LOSSES_2,
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}
#: Metric names of old Keras that nothing of today answers to, and what to write: from compiling
#: and fitting with every metric of old Keras in each target.
_GONE_3 = {
    "f1score": "metrics.F1Score()",
    "fscore": "metrics.F1Score()",
    "KLD": "'kl_divergence'",
    "kld": "'kl_divergence'",
    "kullback_leibler_divergence": "'kl_divergence'",
    "cosine": "'cosine_similarity', which is the proximity with the opposite sign",
    "cosine_proximity": "'cosine_similarity', which is the proximity with the opposite sign",
    "logcosh": "metrics.LogCoshError()",
    "log_cosh": "metrics.LogCoshError()",
    "crossentropy": "'categorical_crossentropy', or whichever fits the loss",
    "ce": "'categorical_crossentropy', or whichever fits the loss",
}
_GONE_2 = {
    "f1score": "metrics.F1Score()",
    "fscore": "metrics.F1Score()",
    "KLD": "'kullback_leibler_divergence'",
    "kld": "'kullback_leibler_divergence'",
    "kl_divergence": "'kullback_leibler_divergence'",
    "cosine": "'cosine_similarity'",
    "precision": "metrics.Precision()",
    "recall": "metrics.Recall()",
}


class MetricLists(Transform):
    """Looks at the metrics and losses that models are compiled with."""

    rules = (GONE_METRIC, OUTPUTS, ALONE, LOSS)
    order = 35

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._repeated: dict[cst.CSTNode, int] = {}
        self._losses: dict[cst.CSTNode, str] = {}
        self._alone: dict[cst.CSTNode, int] = {}

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if (
            not isinstance(func, cst.Attribute)
            or func.attr.value != "compile"
            or not self.context.values.is_model(func.value)
        ):
            return
        for name in ("metrics", "weighted_metrics"):
            value = argument(node.args, 2 if name == "metrics" else len(node.args), name)
            if value is not None:
                self._names(value)
                if self.context.target.api >= 3:
                    count = self._count(func.value) or self._losses_of(node)
                    self._outputs(value, count)
                    self._name_alone(value, count or 1)
        loss = argument(node.args, 1, "loss")
        if loss is not None and "custom_object" not in self.context.code:
            self._loss(loss)

    def _loss(self, value: cst.BaseExpression) -> None:
        """Plan the new names of losses."""
        known = _LOSSES_3 if self.context.target.api >= 3 else _LOSSES_2
        for each in self._strings(value):
            name = string(each) or ""
            new = known.get(name)
            if new is not None and self.context.report(
                LOSS, each, f"the loss {name!r} is called {new!r} now", fix=True
            ):
                self._losses[each] = new

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        count = self._alone.get(original_node)
        if count is not None:
            listed = cst.List([cst.Element(updated_node)])
            return listed if count == 1 else _copies(listed, count)
        new = self._losses.get(original_node)
        return updated_node if new is None else write(new, original_node)

    def _name_alone(self, value: cst.BaseExpression, count: int) -> None:
        if isinstance(value, cst.SimpleString) and self.context.report(
            ALONE, value, "metrics= is a list now", fix=True
        ):
            self._alone[value] = count

    def _names(self, value: cst.BaseExpression) -> None:
        """Report the names in a list of metrics that the target does not know."""
        gone = _GONE_3 if self.context.target.api >= 3 else _GONE_2
        if eras.own_era(self.context.names) is Era.KERAS_1:
            gone = {name: new for name, new in gone.items() if name not in ("precision", "recall")}
        for each in self._strings(value):
            name = string(each) or ""
            known = self.context.target.name
            if name in gone:
                self.context.report(
                    GONE_METRIC,
                    each,
                    f"{known} does not know the metric {name!r}",
                    advice=f"write {gone[name]}",
                )

    def _strings(self, value: cst.BaseExpression) -> list[cst.BaseExpression]:
        parts = elements(value)
        if isinstance(value, cst.Dict):
            parts = [each.value for each in value.elements]
        if parts is None:
            return [value] if isinstance(value, cst.SimpleString) else []
        return [inner for part in parts for inner in self._strings(part)]

    # -- outputs -----------------------------------------------------------------------------

    def _outputs(self, value: cst.BaseExpression, count: int | None) -> None:
        stands_here = value
        if isinstance(value, cst.Name):
            stands_here = constant(self.context, value) or value
        metrics = elements(stands_here)
        if not metrics or count is None or count < 2 or value in self._repeated:
            return
        if any(isinstance(each, cst.List | cst.Tuple | cst.Dict) for each in metrics):
            return
        each_one = len(metrics) == count
        names = [string(each) for each in metrics]
        if each_one and (not versions_of(self.context) or (names[0] and len(set(names)) == 1)):
            return
        message = f"each of the {count} outputs has a list of metrics now"
        if each_one:
            message = f"{count} metrics for {count} outputs are one each in Keras 3, and were"
            message += " for every output"
        simple = all(
            name or self._is_function(each) for name, each in zip(names, metrics, strict=True)
        )
        if stands_here is not value or not simple:
            if (
                not simple
                and not each_one
                and not all(
                    name or isinstance(each, cst.Call)
                    for name, each in zip(names, metrics, strict=True)
                )
            ):
                return  # one of them may be a list
            self.context.report(
                OUTPUTS,
                value,
                message,
                advice="give a list with a list of metrics for each output"
                + ("" if simple else ", and each of them objects of its own"),
                severity=Severity.WARNING if each_one else None,
                confidence=Confidence.LIKELY,
            )
        elif self.context.report(OUTPUTS, value, message, fix=True):
            self._repeated[value] = count

    def _is_function(self, node: cst.BaseExpression) -> bool:
        """Tell whether a metric is a function; an object would be shared by the outputs."""
        return bool(self.context.names.bindings(node)) and all(
            isinstance(each.node, cst.FunctionDef) for each in self.context.names.bindings(node)
        )

    def _count(self, model: cst.BaseExpression) -> int | None:
        """Return the number of outputs of a model that is made of a list of them."""
        made: list[cst.BaseExpression | None] = [model]
        if isinstance(model, cst.Name):
            made = [each.value for each in self.context.names.bindings(model)]
        elif isinstance(model, cst.Attribute):
            made = [*self.context.values.attribute(model)]
        counts = {self._count_of(each) for each in made}
        return counts.pop() if len(counts) == 1 else None

    def _count_of(self, made: cst.BaseExpression | None) -> int | None:
        if not isinstance(made, cst.Call):
            return None
        symbol = self.context.symbol(made.func)
        if symbol is None or not symbol.certain or not is_a(symbol.path, MODEL):
            return None
        for name in ("outputs", "output"):
            outputs = argument(made.args, 1, name)
            if isinstance(outputs, cst.Name):
                outputs = constant(self.context, outputs)
            found = elements(outputs)
            if found is not None:
                return len(found)
        return None

    def _losses_of(self, node: cst.Call) -> int | None:
        """Return the number of outputs that a model is compiled with losses for."""
        loss = argument(node.args, 1, "loss")
        if isinstance(loss, cst.Name):
            loss = constant(self.context, loss)
        if isinstance(loss, cst.Dict):
            return len(loss.elements) if pairs(loss) is not None else None
        found = elements(loss)
        return len(found) if found is not None else None

    def leave_List(self, original_node: cst.List, updated_node: cst.List) -> cst.BaseExpression:
        return self._with_copies(original_node, updated_node)

    def leave_Tuple(self, original_node: cst.Tuple, updated_node: cst.Tuple) -> cst.BaseExpression:
        return self._with_copies(original_node, updated_node)

    def _with_copies(
        self, original: cst.List | cst.Tuple, updated: cst.List | cst.Tuple
    ) -> cst.BaseExpression:
        count = self._repeated.get(original)
        return updated if count is None else _copies(updated, count)


def _copies(metrics: cst.List | cst.Tuple, count: int) -> cst.BaseExpression:
    """Write a list with a list of metrics for each output."""
    return cst.BinaryOperation(
        cst.List([cst.Element(metrics)]), cst.Multiply(), cst.Integer(str(count))
    )
