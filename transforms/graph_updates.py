"""Updates of a graph: what an optimizer lists for K.function(), and who runs it."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.callees import callee
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.literals import elements
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.walking import walk

from ._learning_rates import is_optimizer
from ._tensorflow1 import keeps_graphs

FUNCTION = Rule(
    "KM512",
    "function-with-updates",
    "Report a function of the backend that is to run updates",
    "Updates are assignments in a graph, and eager code has none. K.function() of tf_keras raises"
    ' "`updates` argument is not supported during eager execution", and what would be in the list'
    " was computed once, when the list was made: (target, 0.1 * source + 0.9 * target) holds the"
    " sum of that moment.",
    Safety.NONE,
    untouched=(
        "A program for tf_keras that keeps its graphs on purpose.",
        "Keras 3 targets, where KM503 says it.",
        "updates=None and an empty list.",
    ),
)
MAYBE_UPDATES = Rule(
    "KM265",
    "maybe-get-updates",
    "Report get_updates() of what may be an optimizer",
    "The source does not show whether this is an optimizer of Keras. If it is one, it has no"
    " get_updates(): \"'SGD' object has no attribute 'get_updates'\". There are no updates to hand"
    " on, either: apply_gradients() assigns at once.",
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "What is known to be an optimizer: KM231.",
        "Calls inside a class with a get_updates() of its own: KM232.",
        "A program for tf_keras that keeps its graphs on purpose.",
    ),
)
#: Keywords of get_updates() in Keras 1 (constraints) and 2.
_KEYWORDS = frozenset(("params", "loss", "constraints"))
_WEIGHTS = frozenset(("trainable_weights", "trainable_variables"))
_STEP = (
    "with tf.GradientTape() as tape: loss = ...; then"
    " optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))"
)


class GraphUpdates(Transform):
    """Reports lists of updates that nothing runs any more."""

    rules = (FUNCTION, MAYBE_UPDATES)
    order = 46

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Classes around this place that have a get_updates() themselves.
        self._own: list[cst.ClassDef] = []

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.target.api < 3:
            self._function(node)
        self._updates(node)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        if any(_is_method(each) for each in node.body.body):
            self._own.append(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        if self._own and self._own[-1] is original_node:
            self._own.pop()
        return updated_node

    def _function(self, node: cst.Call) -> None:
        found = callee(self.context.names, node)
        if found is None or found.path != "keras.backend.function" or found.partial:
            return
        given = None
        for place, arg in enumerate(node.args):
            if arg.star:
                return
            if arg.keyword.value == "updates" if arg.keyword is not None else place == 2:
                given = arg.value
        if given is None or elements(given) == [] or _is_none(given):
            return
        if keeps_graphs(self.context):
            return
        self.context.report(
            FUNCTION,
            given,
            "K.function() runs no updates in eager code",
            advice=f"write a function that takes the step, {_STEP}, assigns what else is to change"
            " (target.assign(...)) and returns the outputs",
        )

    def _updates(self, node: cst.Call) -> None:
        func = node.func
        if not isinstance(func, cst.Attribute) or func.attr.value != "get_updates" or self._own:
            return
        receiver = dotted(func.value)
        if receiver is None or receiver[-1] in ("self", "cls"):
            return
        if is_optimizer(self.context, func.value) or not _takes_weights(node):
            return
        if self.context.values.instance(func.value) is not None:
            return
        if self.context.target.api < 3 and keeps_graphs(self.context):
            return
        self.context.report(
            MAYBE_UPDATES,
            node,
            f"{'.'.join(receiver)} may be an optimizer, and optimizers have no get_updates()",
            advice=f"take the step in a function, {_STEP}",
            confidence=Confidence.UNSURE,
        )


def _is_method(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.FunctionDef) and node.name.value == "get_updates"


def _takes_weights(node: cst.Call) -> bool:
    """Tell whether a call is given what get_updates() of an optimizer takes."""
    words = {arg.keyword.value for arg in node.args if arg.keyword is not None}
    if words:
        return words <= _KEYWORDS and "loss" in words
    return len(node.args) in (2, 3) and any(
        isinstance(each, cst.Attribute) and each.attr.value in _WEIGHTS
        for arg in node.args
        for each in walk(arg.value)
    )


def _is_none(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"
