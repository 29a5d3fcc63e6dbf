"""Functions of ``keras.initializations``: initializer objects now."""

from __future__ import annotations

from functools import cached_property

import libcst as cst

from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

from ._edits import remove_argument
from ._initializers import CalledAsInitializers, Makers, old_keywords
from ._layer_classes import LayerClasses
from ._weight_lists import ListedWeights
from .layer_weights import WEIGHT_LIST

INITIALIZATION = Rule(
    "KM207",
    "initialization-function",
    "Make initializer objects where Keras 1 called functions",
    "normal(shape, scale=0.02) of keras.initializations made the values at once. Its successor is"
    " a class: RandomNormal(stddev=0.02) makes an object, and that is called with the shape. With"
    " only the name changed, RandomNormal(shape) takes the shape for the mean.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.initializations import normal\nfrom keras.layers import Dense\n\n"
            "layer = Dense(4, init=lambda shape, name: normal(shape, scale=0.02, name=name))\n",
            "from keras.initializers import RandomNormal\nfrom keras.layers import Dense\n\n"
            "layer = Dense(4, kernel_initializer=RandomNormal(stddev=0.02))\n",
        ),
        Example(
            "from keras import initializations\n\n"
            "def small(shape, name=None):\n"
            "    return initializations.uniform(shape, scale=0.01, name=name)\n",
            "from keras import initializers\n\n"
            "def small(shape, name=None):\n"
            "    return initializers.RandomUniform(minval=-0.01, maxval=0.01)(shape)\n",
        ),
        Example(
            "from keras import initializations\n\n"
            "uniform = initializations.get('uniform')\n"
            "values = uniform((3, 4), scale=0.01, name='W')\n",
            "from keras import initializers\n\n"
            "uniform = initializers.get('uniform')\n"
            "values = initializers.RandomUniform(minval=-0.01, maxval=0.01)((3, 4))\n",
        ),
    ),
    untouched=(
        "initializations.get(...), which is only renamed.",
        "A call of what get returned with the shape alone.",
        "A call that KM321 makes a weight of.",
    ),
)


class Initializations(Transform):
    """Converts calls of ``keras.initializations``."""

    rules = (INITIALIZATION,)
    order = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Calls to convert, each with the new name of the class where the call has none.
        self._calls: dict[cst.CSTNode, str | None] = {}
        self._lambdas: set[cst.CSTNode] = set()
        #: Calls of an unknown initializer that give it a name.
        self._named: set[cst.CSTNode] = set()
        self._inside: list[cst.CSTNode] = []

    @cached_property
    def _makers(self) -> Makers:
        return self.context.shared(Makers)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._inside.append(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._inside.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._inside.append(node)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._inside.pop()
        return updated_node

    def visit_Lambda(self, node: cst.Lambda) -> None:
        self._inside.append(node)

    def visit_Call(self, node: cst.Call) -> None:
        for arg in node.args:
            self._look_at(arg)
        if node in self._calls or self._becomes_weight(node):
            return
        name = self._makers.name(node)
        if name is None or (self._makers.getters(node) and self._makes_weight()):
            self._look_at_unknown(node)
            return
        fits = self._makers.fits(node)
        spelt = self._makers.spelt(node) if fits else None
        if self.context.report(
            INITIALIZATION,
            node,
            f"{name}() is an object now" + ("" if fits else ", not converted"),
            fix=fits,
            advice="" if fits else "make the object first, then call it with the shape",
        ):
            self._calls[node] = spelt

    def _look_at(self, arg: cst.Arg) -> None:
        """Find an initializer that only passes its shape on."""
        call = self._makers.passed_on(arg)
        if call is not None and self.context.report(
            INITIALIZATION, arg.value, f"{self._makers.name(call)}() is an object now", fix=True
        ):
            self._calls[call] = self._makers.spelt(call)
            self._lambdas.add(arg.value)

    def _look_at_unknown(self, node: cst.Call) -> None:
        """Find a call of what ``get`` made of a value that the source does not show."""
        given = old_keywords(node)
        if not given or not self._makers.getters(node):
            return
        func = self.context.module.code_for_node(node.func)
        first, *rest = node.args
        if (
            given == ["name"]
            and len(rest) == 1
            and not first.star
            and (first.keyword is None or first.keyword.value == "shape")
            and self._is_inner()
            and "#" not in self.context.module.code_for_node(node)
        ):
            if self.context.report(
                INITIALIZATION, node, f"{func}() takes no name= any more", fix=True
            ):
                self._named.add(node)
            return
        self.context.report(
            INITIALIZATION,
            node,
            f"{func}() takes no {'=, '.join(given)}= any more, and makes no variable",
            advice="make a weight by self.add_weight(shape=..., initializer=..., name=...), or"
            " call the initializer with the shape alone",
        )

    def _makes_weight(self) -> bool:
        """Tell whether a call may make a weight of the layer around it."""
        return self._layer() is not None and not self._is_inner()

    def _is_inner(self) -> bool:
        """Tell whether a call stands in a function that is an initializer."""
        called = self.context.shared(CalledAsInitializers)
        return any(each in called.found for each in self._inside)

    def _becomes_weight(self, node: cst.Call) -> bool:
        """Tell whether KM321 makes a call of ``add_weight`` of a call."""
        owner = self._layer() if old_keywords(node) else None
        if owner is None:
            return False
        found = self.context.shared(ListedWeights).of(owner)
        return node in found.conversions and any(
            self.context.runs(WEIGHT_LIST, each) for each in found.removable()
        )

    def _layer(self) -> cst.ClassDef | None:
        """Return the class around this place, if it is a layer or a model."""
        owner = next((e for e in reversed(self._inside) if isinstance(e, cst.ClassDef)), None)
        kind = self.context.shared(LayerClasses).kind(owner) if owner is not None else None
        return owner if kind in ("layer", "model") else None

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node in self._named:
            return remove_argument(updated_node, "name")
        if original_node not in self._calls:
            return updated_node
        spelt = self._calls[original_node]
        func = cst.parse_expression(spelt) if spelt is not None else updated_node.func
        made = updated_node.with_changes(
            func=func,
            args=self._makers.arguments(original_node, updated_node),
            lpar=(),
            rpar=(),
        )
        shape = self._makers.shape(original_node, updated_node)
        assert shape is not None
        return cst.Call(
            func=made, args=[cst.Arg(shape)], lpar=updated_node.lpar, rpar=updated_node.rpar
        )

    def leave_Lambda(
        self, original_node: cst.Lambda, updated_node: cst.Lambda
    ) -> cst.BaseExpression:
        self._inside.pop()
        if original_node not in self._lambdas:
            return updated_node
        call = updated_node.body
        assert isinstance(call, cst.Call) and isinstance(call.func, cst.Call)
        return call.func
