"""Private bases of layers: in questions of what a layer is, and of the layers that merge."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.names import Symbol
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

from ._layer_classes import LayerClasses

BASE = Rule(
    "KM325",
    "private-base",
    "Name public layers where a private base stood",
    'isinstance(layer, _Conv) asked for any convolution. The base is gone: "No module named'
    " 'keras.layers.convolutional'\", and with it the whole file. The classes that derived from it"
    " are written instead, all of those in Keras 2.3.1: a transposed or depthwise convolution was"
    " one, too, and is none of the others in Keras 3. A class that derives from _Merge to give it a"
    " _merge_function() derives from Add, which has the same base and nothing else of its own.",
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.layers.pooling import _Pooling2D\n\n"
            "layer = Dense(3)\nfine = isinstance(layer, _Pooling2D)\n",
            "from keras.layers import Dense, MaxPooling2D, AveragePooling2D\n\n"
            "layer = Dense(3)\nfine = isinstance(layer, (MaxPooling2D, AveragePooling2D))\n",
        ),
        Example(
            "from keras.layers.merge import _Merge\n\n\nclass Mean(_Merge):\n"
            "    def _merge_function(self, inputs):\n"
            "        return 0.5 * (inputs[0] + inputs[1])\n",
            "from keras.layers import Add\n\n\nclass Mean(Add):\n"
            "    def _merge_function(self, inputs):\n"
            "        return 0.5 * (inputs[0] + inputs[1])\n",
        ),
    ),
    untouched=(
        "Classes that derive from another private base, or have no _merge_function: KM315.",
        "Other references, which get KM103.",
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
_MERGING = "_merge_function"
_QUESTIONS = frozenset(("isinstance", "issubclass"))


class PrivateBases(Transform):
    """Puts public classes in the place of a private base."""

    rules = (BASE,)
    order = 14

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._edits: dict[cst.CSTNode, cst.BaseExpression] = {}

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        if len(node.bases) != 1 or node.keywords:
            return
        base = node.bases[0].value
        symbol = self._private(base)
        if (
            symbol is not None
            and symbol.path.endswith("._Merge")
            and self.context.shared(LayerClasses).method(node, _MERGING) is not None
            and self.context.report(
                BASE, base, "_Merge is private, and gone: Add has the same base", fix=True
            )
        ):
            scope = self.context.names.references[base].scope
            spelt = self.context.imports.spell("keras.layers.Add", symbol, scope)
            self._edits[base] = cst.parse_expression(spelt)
            self.context.imports.claim(base)

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
        symbol = self._private(node)
        name = symbol.path.rpartition(".")[2] if symbol is not None else ""
        if symbol is None or name not in _CLASSES:
            return
        if self.context.report(
            BASE, node, f"{name} is private, and gone: its layers are named instead", fix=True
        ):
            self._edits[node] = self._classes(node, symbol, _CLASSES[name])
            self.context.imports.claim(node)

    def _private(self, node: cst.BaseExpression) -> Symbol | None:
        """Return the symbol of a name below ``keras.layers`` that the target does not have."""
        symbol = self.context.symbol(node)
        if symbol is None or not symbol.certain or node not in self.context.imports.homeless:
            return None
        return symbol if symbol.path.startswith("keras.layers.") else None

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
