"""reset_states() of a model, whose recurrent layers keep it."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate.definitions import Definition
from kerasmigrate.findings import Confidence
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import MODEL, SEQUENTIAL

#: What training.py of tf_keras 2.21 does, for models inside of models as well.
RESET = Definition(
    "reset_model_states",
    '''
def $name(model):
    """Reset the recurrent layers of a model, as model.reset_states() of Keras 2 did."""
    reset = getattr(model, "reset_states", None)
    if reset is not None:
        return reset()
    for layer in getattr(model, "layers", ()):
        if hasattr(layer, "layers") or getattr(layer, "stateful", False):
            $name(layer)
''',
)
_METHOD = "reset_states"
_TEXT = RESET.source.strip().replace("$name", RESET.name)
STATES = Rule(
    "KM407",
    "states-of-a-model",
    "Reset the states of a model layer by layer",
    "Models have no reset_states() in Keras 3: \"'Sequential' object has no attribute"
    " 'reset_states'\". Their recurrent layers still do, and a function of a few lines calls it for"
    " each that is stateful. What brings a reset_states() of its own is left to that.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.models import load_model\n\n"
            "model = load_model('m.keras')\nmodel.reset_states()\n",
            f"from keras.models import load_model\n\n\n{_TEXT}\n\n\n"
            "model = load_model('m.keras')\nreset_model_states(model)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Layers, metrics and what else is not known to be a model.",
        "Models of a class of this file that defines reset_states().",
    ),
)


class ModelStates(Transform):
    """Resets the states of models by a function."""

    rules = (STATES,)
    order = 46

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._names: dict[cst.CSTNode, str] = {}

    @cached_property
    def _is_overridden(self) -> bool:
        """Whether a model class of the file has a reset_states() of its own."""
        values = self.context.values
        return any(
            isinstance(each, cst.FunctionDef) and each.name.value == _METHOD
            for scope in self.context.names.scope_of.values()
            if isinstance(scope.node, cst.ClassDef)
            and (values.derives(scope.node, MODEL) or values.derives(scope.node, SEQUENTIAL))
            for each in scope.node.body.body
        )

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if self.context.target.api < 3 or node.args or not isinstance(func, cst.Attribute):
            return
        if func.attr.value != _METHOD or self._is_overridden:
            return
        values = self.context.values
        if self.context.symbol(func) is not None or not values.is_model(func.value):
            return
        near = self.context.imports.any_symbol()
        fits = near is not None and self.context.definitions.fits(near)
        target, code = self.context.target, self.context.module.code_for_node(func.value)
        known = values.instance(func.value) is not None
        if self.context.report(
            STATES,
            node,
            f"{code} is a model, and has no reset_states() in {target.name} (Keras {target.api})",
            fix=fits,
            advice="" if fits else "call reset_states() of each stateful layer in its .layers",
            confidence=Confidence.CERTAIN if known else Confidence.LIKELY,
        ):
            assert near is not None
            local = self.context.definitions.need(RESET, near=near)
            assert local is not None
            self._names[node] = local

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        local = self._names.get(original_node)
        if local is None or not isinstance(updated_node.func, cst.Attribute):
            return updated_node
        return updated_node.with_changes(
            func=cst.Name(local),
            args=[cst.Arg(updated_node.func.value)],
            whitespace_before_args=cst.SimpleWhitespace(""),
        )
