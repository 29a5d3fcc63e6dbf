"""Functions of ``keras.initializations``: initializer objects now."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.callees import callee
from kerasmigrate.calls import Argument, Arguments, UnbindableError
from kerasmigrate.eras import KERAS_1
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

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
    ),
    untouched=("initializations.get(...), which is only renamed.",),
)


@dataclass(frozen=True)
class _Maker:
    """How an initialization function is made from a class.

    Attributes:
        scale: Arguments of the class that take the scale; ``-`` marks its negative.
        default: The scale that Keras 1 used, where the class's own default differs.
    """

    scale: tuple[str, ...] = ()
    default: str = ""


_MAKERS = {
    "uniform": _Maker(("-minval", "maxval")),
    "normal": _Maker(("stddev",)),
    "identity": _Maker(("gain",)),
    "orthogonal": _Maker(("gain",), "1.1"),
    "lecun_uniform": _Maker(),
    "glorot_normal": _Maker(),
    "glorot_uniform": _Maker(),
    "he_normal": _Maker(),
    "he_uniform": _Maker(),
    "zero": _Maker(),
    "one": _Maker(),
}


class Initializations(Transform):
    """Converts calls of ``keras.initializations``."""

    rules = (INITIALIZATION,)
    order = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._calls: set[cst.CSTNode] = set()
        self._lambdas: set[cst.CSTNode] = set()

    def visit_Call(self, node: cst.Call) -> None:
        for arg in node.args:
            self._look_at(arg)
        if node in self._calls or self._name(node) is None:
            return
        fits = self._fits(node)
        if self.context.report(
            INITIALIZATION,
            node,
            f"{self._name(node)}() is an object now" + ("" if fits else ", not converted"),
            fix=fits,
            advice="" if fits else "make the object first, then call it with the shape",
        ):
            self._calls.add(node)

    def _fits(self, node: cst.Call) -> bool:
        """Tell whether a call can be written anew without losing anything."""
        try:
            self._arguments(node, node)
            shape = self._shape(node, node)
        except UnbindableError:
            return False
        return shape is not None and "#" not in self.context.module.code_for_node(node)

    def _look_at(self, arg: cst.Arg) -> None:
        """Find an initializer that only passes its shape on."""
        value = arg.value
        if (
            arg.keyword is None
            or not arg.keyword.value.endswith("init")
            or not isinstance(value, cst.Lambda)
            or not isinstance(value.body, cst.Call)
            or not value.params.params
            or self._name(value.body) is None
            or not self._fits(value.body)
        ):
            return
        shape = self._shape(value.body, value.body)
        if (
            isinstance(shape, cst.Name)
            and shape.value == value.params.params[0].name.value
            and self.context.report(
                INITIALIZATION, value, f"{self._name(value.body)}() is an object now", fix=True
            )
        ):
            self._calls.add(value.body)
            self._lambdas.add(value)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if original_node not in self._calls:
            return updated_node
        made = updated_node.with_changes(
            args=self._arguments(original_node, updated_node), lpar=(), rpar=()
        )
        shape = self._shape(original_node, updated_node)
        assert shape is not None
        return cst.Call(
            func=made, args=[cst.Arg(shape)], lpar=updated_node.lpar, rpar=updated_node.rpar
        )

    def leave_Lambda(
        self, original_node: cst.Lambda, updated_node: cst.Lambda
    ) -> cst.BaseExpression:
        if original_node not in self._lambdas:
            return updated_node
        call = updated_node.body
        assert isinstance(call, cst.Call) and isinstance(call.func, cst.Call)
        return call.func

    # -- questions ---------------------------------------------------------------------------

    def _name(self, node: cst.Call) -> str | None:
        """Return the name of the initialization function that is called."""
        found = callee(self.context.names, node)
        if found is None or found.skip or found.partial:
            return None
        module, _, leaf = found.path.rpartition(".")
        known = inventory.load(KERAS_1)
        if leaf not in _MAKERS or not known.same_object(module, "keras.initializations"):
            return None
        return leaf if self.context.imports.locate(found.path).path is not None else None

    def _bound(self, original: cst.Call, updated: cst.Call) -> Arguments:
        signature = inventory.load(KERAS_1).signature(
            f"keras.initializations.{self._name(original)}"
        )
        return Arguments(original, updated, signature)

    def _shape(self, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
        item = self._bound(original, updated).get("shape")
        return item.value if item is not None else None

    def _arguments(self, original: cst.Call, updated: cst.Call) -> list[cst.Arg]:
        """Return the arguments of the class.

        Raises:
            UnbindableError: Something hides what the function is given.
        """
        name = self._name(original)
        assert name is not None
        args = self._bound(original, updated)
        if args.starred:
            raise UnbindableError("starred arguments hide what it is given")
        maker = _MAKERS[name]
        item: Argument | None = args.get("scale")
        if not maker.scale or (item is None and not maker.default):
            return []
        value = item.value if item is not None else cst.parse_expression(maker.default)
        made = []
        for parameter in maker.scale:
            text = cst.Module([]).code_for_node(value)
            simple = isinstance(value, cst.Name | cst.Attribute | cst.Integer | cst.Float)
            if parameter.startswith("-"):
                text = f"-{text}" if simple else f"-({text})"
            made.append(f"{parameter.lstrip('-')}={text}")
        call = cst.parse_expression(f"f({', '.join(made)})")
        assert isinstance(call, cst.Call)
        return list(call.args)
