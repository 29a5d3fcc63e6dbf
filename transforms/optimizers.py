"""Attributes and methods of optimizers: the learning rate, weights, and how to derive one."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context, Transform

from ._learning_rates import OPTIMIZER, is_optimizer

LEARNING_RATE = Rule(
    "KM229",
    "optimizer-lr",
    "Call the learning rate of an optimizer learning_rate",
    "Keras 3 knows no lr. Reading it raises \"'SGD' object has no attribute 'lr'\". Setting it is"
    " worse: model.optimizer.lr = 0.01 makes a new attribute that nobody reads, and training goes"
    " on with the old rate without a word. tf_keras still has both names.",
    examples=(
        Example(
            "from keras import backend as K\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.optimizer.lr = 0.01\n"
            "K.set_value(model.optimizer.lr, 0.02)\nprint(K.get_value(model.optimizer.lr))\n",
            "from keras import ops\nfrom keras.models import Sequential\n\n"
            "model = Sequential()\nmodel.optimizer.learning_rate = 0.01\n"
            "model.optimizer.learning_rate.assign(0.02)\n"
            "print(ops.convert_to_numpy(model.optimizer.learning_rate))\n",
        ),
        Example(
            "from keras.callbacks import Callback\n\n\nclass Halve(Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n"
            "        self.model.optimizer.lr *= 0.5\n",
            "from keras.callbacks import Callback\n\n\nclass Halve(Callback):\n"
            "    def on_epoch_end(self, epoch, logs=None):\n"
            "        self.model.optimizer.learning_rate *= 0.5\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "An lr of anything that is not known to be an optimizer of Keras: KM230.",
        "Optimizers of your own, which may have an lr of their own.",
    ),
)
MAYBE_RATE = Rule(
    "KM230",
    "maybe-optimizer-lr",
    "Report the lr of what may be an optimizer",
    "The source does not show whether this optimizer is one of Keras. If it is, Keras 3 ignores"
    " what is set here, and raises an AttributeError where it is read.",
    Safety.NONE,
    Severity.WARNING,
)
GONE = Rule(
    "KM231",
    "optimizer-method-is-gone",
    "Report methods of optimizers that the target does not have",
    "Since TensorFlow 2.11 optimizers have no get_weights, weights, get_updates and get_gradients:"
    " \"'SGD' object has no attribute 'get_weights'\". Keras 3 has no minimize either, and"
    " variables became a list: \"'list' object is not callable\".",
    Safety.NONE,
)
CUSTOM = Rule(
    "KM232",
    "custom-optimizer",
    "Report an optimizer of your own that takes its steps in an old way",
    "Nothing calls get_updates(loss, params) or _resource_apply_dense() any more, and the"
    " constructor of the base class needs"
    ' a learning rate or a name: "BaseOptimizer.__init__() missing 1 required positional argument:'
    " 'learning_rate'\". Keras 3 calls update_step(gradient, variable, learning_rate) for each"
    " variable, after build(variables) has made the slots.",
    Safety.NONE,
)

_RATE = "learning_rate"
#: Methods with which optimizers of standalone Keras and of TensorFlow before 2.11 took their steps.
_OLD_STEPS = ("get_updates", "_resource_apply_dense", "_resource_apply_sparse")
_VALUES = frozenset(f"keras.backend.{name}" for name in ("get_value", "set_value", "eval"))
_QUESTIONS = frozenset(("hasattr", "getattr", "setattr"))
_FROM = "[keras.ops.convert_to_numpy(v) for v in optimizer.variables]"
#: What to write instead of a method, for Keras 3 and for tf_keras.
_INSTEAD = {
    "get_weights": (
        f"write {_FROM}; the iteration and the learning rate come first",
        "write [v.numpy() for v in optimizer.variables]; the iteration comes first",
    ),
    "weights": ("use .variables, with iteration and learning rate first", "use .variables"),
    "get_updates": ("use apply_gradients()", "use apply_gradients()"),
    "get_gradients": ("use a gradient tape", "use a gradient tape"),
    "minimize": ("compute the gradients with a tape, and pass them to apply_gradients()", ""),
    "variables": ("it is an attribute now: leave the parentheses out", ""),
}
#: How an optimizer is derived today, which tests/test_optimizers_real.py does.
_NEW_STEPS = (
    "derive from keras.optimizers.Optimizer, make the slots in build(self, variables) with"
    " self.add_variable_from_reference(variable, name), and write update_step(self, gradient,"
    " variable, learning_rate)"
)
_NEW_STEPS_2 = (
    "derive from keras.optimizers.Optimizer, give its constructor name=, set self._learning_rate ="
    " self._build_learning_rate(learning_rate), make the slots in build(self, var_list), which is"
    " called more than once, with self.add_variable_from_reference(variable, name), and write"
    " update_step(self, gradient, variable)"
)
_KEPT_STEPS = "derive from keras.optimizers.legacy.Optimizer, which still calls it; or "


class Optimizers(Transform):
    """Brings uses of optimizers up to date."""

    rules = (LEARNING_RATE, MAYBE_RATE, GONE, CUSTOM)
    order = 30

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Attributes that a function of the backend reads or sets, so that they are variables.
        self._variables: set[cst.CSTNode] = set()
        self._called: set[cst.CSTNode] = set()

    # -- the learning rate -------------------------------------------------------------------

    def visit_Call(self, node: cst.Call) -> None:
        self._called.add(node.func)
        symbol = self.context.symbol(node.func)
        if symbol is not None and symbol.path in _VALUES and node.args:
            self._variables.add(node.args[0].value)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        name = original_node.attr.value
        if name in _INSTEAD:
            self._method(original_node, name)
        if name != "lr" or self.context.target.api < 3:
            return updated_node
        owner = original_node.value
        if not self._is_optimizer(owner, original_node):
            self._maybe(original_node)
            return updated_node
        code = self.context.module.code_for_node(original_node)
        if not self.context.report(
            LEARNING_RATE, original_node, f"{code} is learning_rate now", fix=True
        ):
            return updated_node
        return updated_node.with_changes(attr=updated_node.attr.with_changes(value=_RATE))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Ask for ``learning_rate`` where an attribute is asked for by a string."""
        func = original_node.func
        if (
            self.context.target.api < 3
            or not isinstance(func, cst.Name)
            or func.value not in _QUESTIONS
            or self.context.names.bindings(func)
            or len(original_node.args) < 2
            or len(updated_node.args) != len(original_node.args)
            or literals.string(original_node.args[1].value) != "lr"
            or not self._is_optimizer(original_node.args[0].value)
            or not self.context.report(
                LEARNING_RATE, original_node, "the attribute lr is learning_rate now", fix=True
            )
        ):
            return updated_node
        first, second, *rest = updated_node.args
        second = second.with_changes(value=literals.write(_RATE, second.value))
        return updated_node.with_changes(args=[first, second, *rest])

    def _is_optimizer(self, owner: cst.BaseExpression, rate: cst.Attribute | None = None) -> bool:
        """Tell whether an expression is an optimizer that has no attributes but those of Keras."""
        if isinstance(owner, cst.Attribute) and owner.attr.value == "optimizer":
            if is_optimizer(self.context, owner) or rate in self._variables:
                return not self._own
            return False
        return is_optimizer(self.context, owner) and self._is_made_by_keras(owner)

    def _is_made_by_keras(self, node: cst.BaseExpression) -> bool:
        """Tell whether a value visibly comes from a class or function of Keras itself."""
        if isinstance(node, cst.Call):
            return self.context.symbol(node.func) is not None
        made = [each.value for each in self.context.names.bindings(node)]
        if len(dotted(node) or ()) > 1:
            made = [*self.context.values.attribute(node)]
        return bool(made) and not any(
            isinstance(each, cst.Call) and self.context.symbol(each.func) is None for each in made
        )

    @property
    def _own(self) -> list[cst.ClassDef]:
        """Optimizers that this file defines."""
        return [
            node
            for node in self.context.names.scope_of
            if isinstance(node, cst.ClassDef) and self.context.values.derives(node, OPTIMIZER)
        ]

    def _maybe(self, node: cst.Attribute) -> None:
        owner = node.value
        chain = dotted(owner)
        if chain is None or (
            not (chain[-1] == "optimizer" and len(chain) > 1)
            and not (node in self._variables and chain[0] not in ("self", "cls"))
        ):
            return
        if self.context.values.instance(owner) is not None or self._is_imported(owner):
            return
        code = self.context.module.code_for_node(node)
        self.context.report(
            MAYBE_RATE,
            node,
            f"{code} is the learning rate of what may be an optimizer of Keras",
            advice=f"if it is one, write {'.'.join(chain)}.learning_rate",
            confidence=Confidence.UNSURE,
        )

    def _is_imported(self, node: cst.BaseExpression) -> bool:
        return any(each.kind == "import" for each in self.context.names.bindings(node))

    # -- methods -----------------------------------------------------------------------------

    def _method(self, node: cst.Attribute, name: str) -> None:
        api = self.context.target.api
        advice = _INSTEAD[name][0 if api >= 3 else 1]
        if not advice or (name in ("variables", "minimize") and node not in self._called):
            return
        if not is_optimizer(self.context, node.value) or self._is_legacy(node.value):
            return
        self.context.report(
            GONE,
            node,
            f"an optimizer has no {name}() in {self.context.target.name} (Keras {api})"
            if name not in ("variables", "weights")
            else f"an optimizer has no {'method' if name == 'variables' else 'attribute'} {name}"
            f" in {self.context.target.name} (Keras {api})",
            advice=advice,
        )

    def _is_legacy(self, node: cst.BaseExpression) -> bool:
        """Tell whether an optimizer is one of those that tf_keras keeps as they were."""
        known = self.context.values.instance(node) or ""
        return "legacy" in known and self.context.imports.locate(known).path == known

    # -- classes -----------------------------------------------------------------------------

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        bases = self.context.values.bases(node)
        if not any(path.startswith("keras.optimizers.") for path in bases):
            return
        own = {each.name.value for each in node.body.body if isinstance(each, cst.FunctionDef)}
        given = next((each for each in _OLD_STEPS if each in own), "")
        if not given:
            return
        if any(".legacy." in path and self.context.target.api < 3 for path in bases):
            return
        self.context.report(
            CUSTOM,
            node.name,
            f"{node.name.value} computes its updates in {given}(), which nothing calls",
            advice=_NEW_STEPS
            if self.context.target.api >= 3
            else (_NEW_STEPS_2 if given == "get_updates" else _KEPT_STEPS + _NEW_STEPS_2),
        )
