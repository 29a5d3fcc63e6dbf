"""Variables that a layer keeps: nothing to a layer of old, weights of a layer of today."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import libcst as cst
import libcst.matchers as m

from kerasmigrate import literals
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context
from kerasmigrate.walking import walk

from ._edits import add_keyword, keyword
from ._layer_classes import InClasses
from ._versions import EARLY, versions_of

TRACKED = Rule(
    "KM654",
    "variable-becomes-weight",
    "Keep a variable of a layer from being trained that was no weight of it",
    "A layer of Keras up to 2.3 has the weights that add_weight() makes and no others. Since then"
    " it takes every variable that an attribute holds for one: it is trained, saved, and a part of"
    " get_weights(). Measured with a layer of one weight and K.variable(np.ones((3,))) in another"
    " attribute, after one step of training: 1 weight and 1.0 in 2.0.9, 2.2.4 and 2.3.1; 2 weights"
    " and 0.9933 in tf_keras and Keras 3. In Keras 3 it gets trainable=False, with which it is"
    " still listed and saved. K.variable() of tf_keras has no such argument: it is reported.",
    severity=Severity.WARNING,
    examples=(
        Example(
            "from keras import backend as K\nfrom keras.layers import Dense, Layer\n\n\n"
            "class Own(Layer):\n    def build(self, input_shape):\n"
            "        self.scale = K.variable(2.0)\n\n\nlayer = Dense(output_dim=3)\n",
            "import keras\nfrom keras.layers import Dense, Layer\n\n\n"
            "class Own(Layer):\n    def build(self, input_shape):\n"
            "        self.scale = keras.Variable(2.0, trainable=False)\n\n\n"
            "layer = Dense(units=3)\n",
        ),
    ),
    untouched=(
        "Files for Keras 2.4 or later; where a file may be for them, too, it is reported.",
        "Variables that the class puts into a list of weights.",
        "Classes that are no layers or models.",
    ),
)
_BACKEND = "keras.backend."
#: What makes a variable in tf_keras, and in Keras 3 as it is converted.
_MAKERS = frozenset(
    (
        "variable",
        "random_normal_variable",
        "random_uniform_variable",
        *("zeros", "ones", "eye"),
    )
)
_MAKERS_3 = frozenset(("variable",))
_LISTS = m.Attribute(attr=m.Name(m.MatchRegex(r".*weights")))


class TrackedVariables(InClasses):
    """Looks for variables that layers keep in attributes."""

    rules = (TRACKED,)
    order = 56

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._frozen: set[cst.Call] = set()

    @cached_property
    def _versions(self) -> frozenset[str]:
        return versions_of(self.context)

    def visit_Assign(self, node: cst.Assign) -> None:
        target = node.targets[0].target
        if (
            not self._owners
            or not self._versions & EARLY
            or not m.matches(target, m.Attribute(m.Name("self")))
            or self._classes.kind(self._owners[-1]) not in ("layer", "model")
        ):
            return
        assert isinstance(target, cst.Attribute)
        made = [
            each
            for each in _values(node.value)
            if isinstance(each, cst.Call) and self._is_variable(each)
        ]
        if made and not self._is_listed(self._owners[-1], target.attr.value):
            for each in made:
                self._report(each, target)

    def _report(self, node: cst.Call, target: cst.Attribute) -> None:
        name = self.context.module.code_for_node(target)
        sure, new = self._versions <= EARLY, self.context.target.api > 2
        fits = sure and new and not self._is_given(node)
        made = "keras.Variable(value" if new else "tf.Variable(value, dtype=K.floatx()"
        if self.context.report(
            TRACKED,
            node,
            f"{name} was no weight of the layer up to Keras 2.3, and is one that is trained now",
            fix=fits,
            advice="" if fits else f"write {made}, trainable=False) for what is not to be trained",
            confidence=Confidence.CERTAIN if sure else Confidence.UNSURE,
        ):
            self._frozen.add(node)

    def _is_variable(self, node: cst.Call) -> bool:
        symbol = self.context.symbol(node.func)
        makers = _MAKERS_3 if self.context.target.api > 2 else _MAKERS
        return (
            symbol is not None
            and symbol.certain
            and symbol.path.startswith(_BACKEND)
            and symbol.path.removeprefix(_BACKEND) in makers
        )

    @staticmethod
    def _is_given(node: cst.Call) -> bool:
        return any(arg.star == "**" for arg in node.args)

    def _is_listed(self, owner: cst.ClassDef, name: str) -> bool:
        """Tell whether the class puts an attribute into a list of weights."""
        own = m.Attribute(m.Name("self"), m.Name(name))
        for each in walk(owner):
            into: list[cst.CSTNode] = []
            values: list[cst.CSTNode] = []
            if isinstance(each, cst.Assign):
                into, values = [item.target for item in each.targets], [each.value]
            elif isinstance(each, cst.AugAssign):
                into, values = [each.target], [each.value]
            elif isinstance(each, cst.Call):
                into, values = [each.func], [arg.value for arg in each.args]
            listed = any(m.findall(item, _LISTS) for item in into)
            if listed and any(m.findall(item, own) for item in values):
                return True
        return False

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node not in self._frozen or not isinstance(updated_node, cst.Call):
            return updated_node
        return add_keyword(updated_node, keyword("trainable", cst.Name("False")))


def _values(node: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """Yield a value, or those of a list."""
    elements = literals.elements(node)
    if elements is None:
        yield node
    else:
        yield from elements
