"""Private bases of layers, in questions of what a layer is."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.names import Symbol
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

BASE = Rule(
    "KM325",
    "private-base",
    "Ask for the layers that derived from a private base",
    'isinstance(layer, _Conv) asked for any convolution. The base is gone: "No module named'
    " 'keras.layers.convolutional'\", and with it the whole file. The classes that derived from it"
    " are written instead, all of those in Keras 2.3.1: a transposed or depthwise convolution was"
    " one, too, and is none of the others in Keras 3.",
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.layers.pooling import _Pooling2D\n\n"
            "layer = Dense(3)\nfine = isinstance(layer, _Pooling2D)\n",
            "from keras.layers import Dense, MaxPooling2D, AveragePooling2D\n\n"
            "layer = Dense(3)\nfine = isinstance(layer, (MaxPooling2D, AveragePooling2D))\n",
        ),
    ),
    untouched=(
        "Classes that derive from a private base: KM315.",
        "References that are not in isinstance() or issubclass(), which get KM103.",
    ),
)


def _of(kinds: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{name}{kind}" for name in names for kind in kinds.split())


#: From asking Keras 2.3.1 for the public classes of each; 2.0.9 had fewer of them, and no others.
_CLASSES = {
    "_Conv": (
        *_of("1D 2D 3D", "Conv"),
        *("Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv2D"),
        *_of("1D 2D", "SeparableConv"),
    ),
    "_SeparableConv": _of("1D 2D", "SeparableConv"),
    "_Cropping": _of("1D 2D 3D", "Cropping"),
    "_UpSampling": _of("1D 2D 3D", "UpSampling"),
    "_ZeroPadding": _of("1D 2D 3D", "ZeroPadding"),
    **{f"_Pooling{n}D": _of(f"{n}D", "MaxPooling", "AveragePooling") for n in (1, 2, 3)},
    **{
        f"_GlobalPooling{n}D": _of(f"{n}D", "GlobalMaxPooling", "GlobalAveragePooling")
        for n in (1, 2, 3)
    },
}
_QUESTIONS = frozenset(("isinstance", "issubclass"))


class PrivateBases(Transform):
    """Puts public classes in the place of a private base."""

    rules = (BASE,)
    order = 14

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._edits: dict[cst.CSTNode, cst.Tuple] = {}

    def visit_Call(self, node: cst.Call) -> None:
        if (
            isinstance(node.func, cst.Name)
            and node.func.value in _QUESTIONS
            and node.func.value not in self.context.names.bound
            and len(node.args) == 2
        ):
            asked = node.args[1].value
            parts = [each.value for each in asked.elements] if isinstance(asked, cst.Tuple) else []
            for each in parts or [asked]:
                self._look_at(each)

    def _look_at(self, node: cst.BaseExpression) -> None:
        symbol = self.context.symbol(node)
        if symbol is None or not symbol.certain or node not in self.context.imports.homeless:
            return
        parent, _, name = symbol.path.rpartition(".")
        if name not in _CLASSES or not parent.startswith("keras.layers"):
            return
        if self.context.report(
            BASE, node, f"{name} is private, and gone: its layers are named instead", fix=True
        ):
            self._edits[node] = self._classes(node, symbol, _CLASSES[name])
            self.context.imports.claim(node)

    def _classes(self, node: cst.CSTNode, symbol: Symbol, names: tuple[str, ...]) -> cst.Tuple:
        imports, scope = self.context.imports, self.context.names.references[node].scope
        spelt = [imports.spell(f"keras.layers.{name}", symbol, scope) for name in names]
        return cst.Tuple([cst.Element(cst.parse_expression(each)) for each in spelt])

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._edits.get(original_node, updated_node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._edits.get(original_node, updated_node)
