"""The hard sigmoid: a function with another slope in Keras 3."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.definitions import Definition
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.names import Symbol
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER, is_a
from kerasmigrate.versions import plausible

from ._heirs import Heirs
from ._string_sources import StringSources

NAME = "hard_sigmoid"
PATH = "keras.activations.hard_sigmoid"
GET = "keras.activations.get"
DEFINITION = Definition(
    "old_hard_sigmoid",
    '''
@$register(package="keras2")
def $name(x):
    """Hard sigmoid with the slope that it had before Keras 3."""
    return $ops.clip(0.2 * x + 0.5, 0.0, 1.0)
''',
    {"register": "keras.saving.register_keras_serializable", "ops": "keras.ops"},
)
_DEFINED = (
    '@keras.saving.register_keras_serializable(package="keras2")\n'
    "def old_hard_sigmoid(x):\n"
    '    """Hard sigmoid with the slope that it had before Keras 3."""\n'
    "    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)\n"
)
ADVICE = (
    "define a function that returns keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0), decorate it with"
    " @keras.saving.register_keras_serializable(), and give it in the place of the name"
)

HARD_SIGMOID = Rule(
    "KM610",
    "hard-sigmoid",
    "Keep the slope of hard_sigmoid",
    "Until Keras 2 hard_sigmoid(x) was clip(0.2 * x + 0.5, 0, 1). Keras 3 gives the name to"
    " relu6(x + 3) / 6, whose slope is 1/6: hard_sigmoid(1.0) is 0.6667 and was 0.7, and nothing"
    " says so. A small function with the old slope stands in for it. It is registered, so that"
    " models with it can be saved and loaded.",
    examples=(
        Example(
            "import keras\nfrom keras.layers.core import Activation\n\n"
            "layer = Activation('hard_sigmoid')\n",
            f"import keras\nfrom keras.layers import Activation\n\n\n{_DEFINED}\n\n"
            "layer = Activation(old_hard_sigmoid)\n",
        ),
    ),
    untouched=(
        "Code that may have been written for Keras 3.",
        "Targets with the Keras 2 API, which have the old slope.",
        "keras.backend.hard_sigmoid, which KM501 converts.",
        "The name where it only gets to a layer by variables, loops, arguments of functions or"
        " dictionaries: it is reported where it stands.",
    ),
    severity=Severity.WARNING,
)


class HardSigmoid(Transform):
    """Replaces ``hard_sigmoid``, a string or a function, for Keras 3."""

    rules = (HARD_SIGMOID,)
    order = 55

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._new: dict[cst.CSTNode, str] = {}

    # -- strings -----------------------------------------------------------------------------

    def visit_Call(self, node: cst.Call) -> None:
        if self.context.target.api != 3:
            return
        found = self.context.shared(Heirs).callee(node)
        if found is None or not (is_a(found.path, LAYER) or found.path == GET):
            return
        if not plausible(self.context.names, found.symbol.flavour):
            return
        for arg in node.args[found.skip :]:
            if arg.star or not found.takes(arg) or not _takes_activation(arg):
                continue
            for value in _branches(arg.value):
                self._look_at(value, found.symbol)

    def _look_at(self, value: cst.BaseExpression, symbol: Symbol) -> None:
        if literals.string(value) == NAME:
            self._replace(value, symbol)
        elif isinstance(value, cst.Name):
            found = self.context.names.bindings(value)
            if len(found) == 1 and literals.string(found[0].value) == NAME:
                self._say(value)
                return
        if NAME in self.context.code:
            for each in self.context.shared(StringSources).behind(value):
                if literals.string(each) == NAME:
                    self._say(each)

    def _replace(self, node: cst.BaseExpression, symbol: Symbol) -> None:
        if not self.context.runs(HARD_SIGMOID, node):
            return
        local = self.context.definitions.need(DEFINITION, near=symbol)
        if local is None:
            self._say(node)
        elif self.context.report(
            HARD_SIGMOID, node, f"hard_sigmoid has another slope in Keras 3: {local}", fix=True
        ):
            self._new[node] = local

    def _say(self, node: cst.BaseExpression) -> None:
        self.context.report(
            HARD_SIGMOID,
            node,
            "hard_sigmoid has another slope in Keras 3",
            advice=ADVICE,
            confidence=Confidence.LIKELY,
        )

    def _text(
        self, original: cst.BaseExpression, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        local = self._new.get(original)
        if local is None:
            return updated
        return cst.Name(local, lpar=getattr(updated, "lpar", ()), rpar=getattr(updated, "rpar", ()))

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.BaseExpression:
        return self._text(original_node, updated_node)

    def leave_ConcatenatedString(
        self, original_node: cst.ConcatenatedString, updated_node: cst.ConcatenatedString
    ) -> cst.BaseExpression:
        return self._text(original_node, updated_node)

    # -- the function ------------------------------------------------------------------------

    def visit_Name(self, node: cst.Name) -> None:
        self._function(node)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._function(node)

    def _function(self, node: cst.Name | cst.Attribute) -> None:
        if self.context.target.api != 3:
            return
        reference = self.context.names.references.get(node)
        symbol = self.context.symbol(node)
        if reference is None or symbol is None or symbol.path != PATH or not symbol.certain:
            return
        if (
            reference.stored
            or node in self.context.imports.claimed
            or not plausible(self.context.names, symbol.flavour)
        ):
            return
        self._replace(node, symbol)
        if node in self._new:
            self.context.imports.claim(node)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._text(original_node, updated_node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._text(original_node, updated_node)


def _takes_activation(arg: cst.Arg) -> bool:
    """Tell whether an argument of a layer may be an activation."""
    return arg.keyword is None or arg.keyword.value.endswith(("activation", "identifier"))


def _branches(value: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(value, cst.IfExp):
        return [*_branches(value.body), *_branches(value.orelse)]
    return [value]
