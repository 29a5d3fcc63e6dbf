"""What layers and models add to the computation: updates, losses, metrics."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.findings import Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.values import LAYER

from ._layer_classes import InClasses
from .added_losses import Settled

INPUTS = "inputs"
ADDED_INPUTS = Rule(
    "KM333",
    "inputs-of-an-update",
    "Take the inputs out of add_update() and add_loss()",
    "Updates and losses used to be kept by the inputs that they depend on. Nothing asks for that"
    ' any more, and the parameter is gone: "Layer.add_update() takes 2 positional arguments but 3'
    ' were given", "Layer.add_loss() got an unexpected keyword argument \'inputs\'".',
    examples=(
        Example(
            "from keras.layers import Layer\n\n\nclass Penalty(Layer):\n"
            "    def call(self, x, training=None):\n"
            "        self.add_loss(self.loss_of(x), x)\n        return x\n",
            "from keras.layers import Layer\n\n\nclass Penalty(Layer):\n"
            "    def call(self, x, training=None):\n"
            "        self.add_loss(self.loss_of(x))\n        return x\n",
        ),
    ),
    untouched=("Classes that define the method themselves.", "Other objects' add_loss()."),
)
ADDED_UPDATE = Rule(
    "KM334",
    "added-update",
    "Report updates that nothing carries out any more",
    "Keras 3 has no add_update(): \"'L' object has no attribute 'add_update'\". Its variables are"
    " assigned to in call(). Keras 2 on TensorFlow still has it, and leaves out every (variable,"
    " value) pair without a word. Keras carried updates out in training alone.",
    Safety.NONE,
    untouched=("In targets with the Keras 2 API, updates that are operations.",),
)
SYMBOLIC_LOSS = Rule(
    "KM335",
    "symbolic-loss",
    "Report a loss or metric that is added to a functional model from outside",
    "In Keras 3 model.add_loss() of a functional model raises NotImplementedError, and so does"
    " add_metric(). A loss of that kind is computed in a layer.",
    Safety.NONE,
    untouched=("Targets with the Keras 2 API.", "Calls on self.", "Values not known to be models."),
)


class LayerUpdates(InClasses):
    """Looks at what layers and models add."""

    rules = (ADDED_INPUTS, ADDED_UPDATE, SYMBOLIC_LOSS)
    order = 46

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        func = original_node.func
        if not isinstance(func, cst.Attribute) or not isinstance(updated_node, cst.Call):
            return updated_node
        name = func.attr.value
        if name not in ("add_update", "add_loss", "add_metric"):
            return updated_node
        if isinstance(func.value, cst.Name) and func.value.value == "self":
            return self._own(original_node, updated_node, name)
        modern = self.context.target.api > 2
        if original_node in self.context.shared(Settled).calls:
            return updated_node
        own = self._brings(func.value, name)
        if modern and name != "add_update" and not own and self.context.values.is_model(func.value):
            code = self.context.module.code_for_node(func)
            what = "loss" if name == "add_loss" else "metric"
            self.context.report(
                SYMBOLIC_LOSS,
                original_node,
                f"{code}() raises NotImplementedError in Keras 3",
                advice=f"compute the {what} in the call() of a layer that the tensors go through:"
                " self.add_loss(...) there"
                if what == "loss"
                else "give the metric to compile(), or update a metric of its own in a layer's"
                " call()",
            )
        return updated_node

    def _brings(self, receiver: cst.BaseExpression, name: str) -> bool:
        """Tell whether a receiver is of a class of this file that defines the method itself."""
        made = [each.value for each in self.context.names.bindings(receiver)]
        if not isinstance(receiver, cst.Name):
            made = [*self.context.values.attribute(receiver)]
        for each in made:
            found = self.context.names.bindings(each.func) if isinstance(each, cst.Call) else ()
            owners = [binding.node for binding in found]
            if not owners or not all(
                isinstance(owner, cst.ClassDef)
                and any(self._classes.method(a, name) for a in self._classes.ancestors(owner))
                for owner in owners
            ):
                return False
        return bool(made)

    def _own(self, original: cst.Call, updated: cst.Call, name: str) -> cst.Call:
        """Look at what a layer or model adds to itself."""
        if not self._owners or name == "add_metric":
            return updated
        owner = self._owners[-1]
        if self._classes.kind(owner) not in ("layer", "model"):
            return updated
        if any(self._classes.method(each, name) for each in self._classes.ancestors(owner)):
            return updated
        if name == "add_update":
            self._update(original)
            if self.context.target.api > 2:
                return updated
        return self._without_inputs(original, updated, name)

    def _update(self, call: cst.Call) -> None:
        pairs = bool(call.args) and _has_pair(call.args[0].value)
        if self.context.target.api < 3 and not pairs:
            return
        modern = self.context.target.api > 2
        self.context.report(
            ADDED_UPDATE,
            call,
            "Keras 3 has no add_update()"
            if modern
            else "add_update() leaves out (variable, value) pairs without a word",
            advice="assign in call() instead, in training alone:"
            " if training: variable.assign(value)",
            severity=Severity.ERROR if modern else Severity.WARNING,
        )

    def _without_inputs(self, original: cst.Call, updated: cst.Call, name: str) -> cst.Call:
        known = self.context.inventory.method(LAYER, name)
        positional = [arg for arg in original.args if arg.keyword is None]
        named = [arg for arg in original.args if arg.keyword and arg.keyword.value == INPUTS]
        if known is None or any(arg.star for arg in original.args):
            return updated
        if len(positional) < 2 and not (named and not known.accepts(INPUTS)):
            return updated
        old = inventory.load("keras-2.3.1").method(LAYER, name)
        try:
            arguments = Arguments(original, updated, old)
            item = arguments.get(INPUTS)
            if item is None:
                return updated
            arguments.drop(item)
            arguments.rename("losses", known.names()[0])
            if arguments.fit(known):
                return updated
        except UnbindableError:
            return updated
        message = f"{name}() takes no inputs any more"
        if not self.context.report(ADDED_INPUTS, original, message, fix=True):
            return updated
        return arguments.render()


def _has_pair(node: cst.BaseExpression) -> bool:
    """Tell whether an update is given as (variable, value)."""
    if isinstance(node, cst.List):
        return any(_has_pair(each.value) for each in node.elements)
    return isinstance(node, cst.Tuple) and len(node.elements) == 2
