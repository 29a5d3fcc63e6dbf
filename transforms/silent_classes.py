"""Methods and attributes of classes that Keras 3 passes over without a word."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.literals import pairs
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import is_a
from kerasmigrate.walking import Reader

from ._layer_classes import METRIC, LayerClasses, is_super, receiver

RESET = Rule(
    "KM623",
    "metric-reset-state",
    "Rename reset_states of a metric to reset_state",
    "Keras 3 never calls the old name. Measured with a metric whose reset_states() sets it to 100:"
    " after two epochs of fit() tf_keras has called it and reports 101, Keras 3.15 has not and"
    " reports 1, because Metric.reset_state() of its own sets every variable to zero.",
    examples=(
        Example(
            "import keras\n\n\nclass Last(keras.metrics.Metric):\n"
            "    def reset_states(self):\n        self.value.assign(-1.0)\n\n\n"
            "last = Last()\nlast.reset_states()\n",
            "import keras\n\n\nclass Last(keras.metrics.Metric):\n"
            "    def reset_state(self):\n        self.value.assign(-1.0)\n\n\n"
            "last = Last()\nlast.reset_state()\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API, which call both.",
        "A class that has both methods.",
        "reset_states of models and recurrent layers.",
    ),
)
STEP_LOSS = Rule(
    "KM624",
    "step-returns-loss",
    "Report a train_step or test_step whose loss Keras 3 replaces by 0.0",
    "When the keys that the step returns are those of the model's own metrics, Keras 3 takes the"
    " values from the metrics (Trainer._get_metrics_result_or_logs), and nobody has updated its"
    " tracker of the loss: history, callbacks and evaluate() show 0.0. Measured with Keras 3.15:"
    " fit() of a train_step that returns {'loss': loss} reports 0.0, tf_keras 0.97. The training"
    " itself is right, but EarlyStopping and checkpoints that watch the loss are not.",
    Safety.NONE,
    Severity.WARNING,
    untouched=(
        "Targets with the Keras 2 API.",
        "The result() of a metric, other keys, and classes that keep metrics of their own.",
    ),
)
UNTRACKED = Rule(
    "KM625",
    "untracked-variable",
    "Report a tf.Variable in a layer or model, which Keras 3 does not train or save",
    "tf_keras finds the variables among the attributes of a layer by itself; Keras 3 finds only its"
    " own. Measured with Keras 3.15 for a layer with two of them in front of a Dense: 2 trainable"
    " weights instead of 4, and the variable is the same after fit() to the last digit. It is"
    " missing in get_weights() and in saved models too.",
    Safety.NONE,
    Severity.WARNING,
    untouched=("Targets with the Keras 2 API.", "Classes that are no Keras layers or models."),
)

_OLD, _NEW = "reset_states", "reset_state"
_VARIABLES = frozenset(
    f"tensorflow.{name}"
    for name in ("Variable", "compat.v1.Variable", "compat.v1.get_variable", "get_variable")
)


class SilentClasses(Transform):
    """Looks at what classes that derive from Keras define in vain."""

    rules = (RESET, STEP_LOSS, UNTRACKED)
    order = 46

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._owners: list[cst.ClassDef] = []
        self._renamed: set[cst.CSTNode] = set()

    @cached_property
    def _classes(self) -> LayerClasses:
        return LayerClasses(self.context)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._owners.append(node)
        if self.context.target.api < 3:
            return
        kind = self._classes.kind(node)
        if kind == "metric":
            self._check_reset(node)
        if kind == "model":
            for name in ("train_step", "test_step"):
                self._check_step(node, name)
        if kind in ("model", "layer"):
            self._check_variables(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._owners.pop()
        return updated_node

    # -- metrics -----------------------------------------------------------------------------

    def _check_reset(self, node: cst.ClassDef) -> None:
        method = self._classes.method(node, _OLD)
        if method is None or self._has_new(node):
            return
        if self.context.report(
            RESET, method.name, f"{node.name.value}.{_OLD}() is never called", fix=True
        ):
            self._renamed.add(method)

    def _has_new(self, node: cst.ClassDef) -> bool:
        return any(self._classes.method(each, _NEW) for each in self._classes.relatives(node))

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        if original_node in self._renamed:
            return updated_node.with_changes(name=cst.Name(_NEW))
        return updated_node

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.Attribute:
        if (
            original_node.attr.value != _OLD
            or self.context.target.api < 3
            or not self._is_metric(original_node.value)
            or not self.context.report(
                RESET, original_node, f"a metric has no {_OLD}() in Keras 3", fix=True
            )
        ):
            return updated_node
        return updated_node.with_changes(attr=cst.Name(_NEW))

    def _is_metric(self, node: cst.BaseExpression) -> bool:
        owner = self._owners[-1] if self._owners else None
        if owner is not None and (is_super(node) or dotted(node) == ("self",)):
            return self._classes.kind(owner) == "metric" and not self._has_new(owner)
        known = self.context.values.instance(node)
        if known is None or not is_a(known, METRIC):
            return False
        if isinstance(node, cst.Call):
            bindings = self.context.names.bindings(node.func)
        else:
            made = [each.value for each in self.context.names.bindings(node)]
            calls = [each.func for each in made if isinstance(each, cst.Call)]
            bindings = [b for func in calls for b in self.context.names.bindings(func)]
        classes = [each.node for each in bindings if isinstance(each.node, cst.ClassDef)]
        return not any(self._has_new(each) for each in classes)

    # -- steps -------------------------------------------------------------------------------

    def _check_step(self, node: cst.ClassDef, name: str) -> None:
        method = self._classes.method(node, name)
        if method is None or self._tracks(node):
            return
        found = _Returned()
        found.visit(method.body)
        for each in found.values:
            given = pairs(each)
            if given is None or set(given) != {"loss"} or _is_result(given["loss"]):
                continue
            self.context.report(
                STEP_LOSS,
                each,
                f"{name}() returns a loss that Keras 3 shows as 0.0",
                advice="keep a metric: self.loss_tracker = keras.metrics.Mean(name='loss') in"
                " __init__(), self.loss_tracker.update_state(loss) and return {'loss':"
                " self.loss_tracker.result()} here; or return the loss under another key",
                confidence=Confidence.LIKELY,
            )

    def _tracks(self, node: cst.ClassDef) -> bool:
        """Tell whether a class has metrics of its own, or updates the loss of Keras."""
        for each in self._classes.relatives(node):
            compiles = self._classes.method(each, "compile")
            if self._classes.method(each, "metrics") is not None or (
                compiles is not None and "compile" not in _words(compiles)
            ):
                return True
            if _words(each) & {"_loss_tracker", "compute_metrics", "compiled_loss", "update_state"}:
                return True
        return False

    # -- variables ---------------------------------------------------------------------------

    def _check_variables(self, node: cst.ClassDef) -> None:
        for method in self._classes.methods(node).values():
            found = _Assigned(receiver(method))
            found.visit(method.body)
            for name, value in found.values:
                origins = self.context.names.origins(value.func)
                if not origins or not set(origins) <= _VARIABLES:
                    continue
                fixed = _is_fixed(value)
                does = "does not save" if fixed else "neither trains nor saves"
                self.context.report(
                    UNTRACKED,
                    value,
                    f"{node.name.value}.{name} is a variable of TensorFlow, which Keras 3 {does}",
                    severity=Severity.INFO if fixed else None,
                    advice=f"write self.{name} = self.add_weight(shape=..., initializer=...,"
                    f" trainable=..., name={name!r})",
                )


def _is_result(node: cst.BaseExpression) -> bool:
    """Tell whether a value comes out of a metric, or out of something that nobody sees."""
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Attribute) and node.func.attr.value == "result"
    return isinstance(node, cst.Attribute | cst.Subscript)


def _is_fixed(variable: cst.Call) -> bool:
    """Tell whether a variable is made with ``trainable=False``."""
    return any(
        arg.keyword is not None
        and arg.keyword.value == "trainable"
        and isinstance(arg.value, cst.Name)
        and arg.value.value == "False"
        for arg in variable.args
    )


class _Returned(Reader):
    """Collects the dictionaries that a function returns."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[cst.BaseExpression] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False

    def visit_Return(self, node: cst.Return) -> None:
        if node.value is not None:
            self.values.append(node.value)


def _words(node: cst.ClassDef | cst.FunctionDef) -> set[str]:
    """Return the attributes that a class or function asks anything for."""
    found = _Words()
    found.visit(node.body)
    return found.words


class _Words(Reader):
    def __init__(self) -> None:
        super().__init__()
        self.words: set[str] = set()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self.words.add(node.attr.value)


class _Assigned(Reader):
    """Collects the calls whose results a method keeps in attributes of ``self``."""

    def __init__(self, name: str | None) -> None:
        super().__init__()
        self.values: list[tuple[str, cst.Call]] = []
        self._name = name

    def _assign(self, target: cst.BaseExpression, value: cst.BaseExpression | None) -> None:
        chain = dotted(target)
        if (
            chain is not None
            and len(chain) == 2
            and chain[0] == self._name
            and isinstance(value, cst.Call)
        ):
            self.values.append((chain[1], value))

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._assign(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._assign(node.target, node.value)
