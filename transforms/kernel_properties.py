"""Weights that a layer of Keras 3 keeps under a name of its own, and shows as a property."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.findings import Confidence
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.walking import Reader

from ._layer_classes import InClasses

KEPT = Rule(
    "KM346",
    "weight-is-a-property",
    "Set the weight behind a property of Dense, a convolution or Embedding",
    "A class that derives from one of these layers and makes its weights itself fails when it is"
    " built: \"property 'kernel' of 'Own' object has no setter\". In Keras 3 the layer keeps the"
    " weight as self._kernel, which is what self.kernel returns, and what saving and"
    " enable_lora() read; before the end of build(), self.kernel raises. For Embedding it is"
    " self._embeddings.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.layers import Dense\n\n\nclass Own(Dense):\n"
            "    def build(self, input_shape):\n"
            "        self.kernel = self.add_weight(shape=(input_shape[-1], self.units))\n"
            "        self.bias = None\n"
            "        self.built = True\n",
            "from keras.layers import Dense\n\n\nclass Own(Dense):\n"
            "    def build(self, input_shape):\n"
            "        self._kernel = self.add_weight(shape=(input_shape[-1], self.units))\n"
            "        self.bias = None\n"
            "        self.built = True\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Classes that derive from other layers, or define the property themselves.",
        "Methods that only read the weight: the property returns it once the layer is built.",
    ),
)
#: Layers of Keras 3.15 with a property that has no setter, from asking the package.
PROPERTIES = {
    "kernel": ("Conv1D", "Conv2D", "Conv3D", "Dense", "EinsumDense"),
    "embeddings": ("Embedding",),
}


class KernelProperties(InClasses):
    """Renames the attribute in the methods that set it."""

    rules = (KEPT,)
    order = 44

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._renamed: dict[cst.CSTNode, str] = {}

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        if self.context.target.api < 3 or not self._owners:
            return
        owner = self._owners[-1]
        for name, layers in PROPERTIES.items():
            if f".{name}" not in self.context.code or not self._derives(owner, layers):
                continue
            if self._classes.defines(owner, name) and name in self._classes.methods(owner):
                continue  # a property of its own
            uses = _Uses(name)
            uses.visit(node.body)
            stores = [each for each in uses.found if each in uses.stored]
            if not stores or any(each in self._renamed for each in stores):
                continue
            done = [
                self.context.report(
                    KEPT,
                    each,
                    f"self.{name} is a property without a setter in Keras 3: it is self._{name}",
                    fix=True,
                    confidence=Confidence.LIKELY,
                )
                for each in stores
            ]
            if all(done):
                self._renamed.update(dict.fromkeys(uses.found, f"_{name}"))

    def _derives(self, owner: cst.ClassDef, layers: tuple[str, ...]) -> bool:
        """Tell whether a class derives from one of the layers, by the classes of the target."""
        for base in self.context.values.bases(owner):
            path = self.context.imports.locate(base).path or ""
            if path.rpartition(".")[2].replace("Convolution", "Conv") in layers:
                return True
        return False

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        name = self._renamed.get(original_node)
        return updated_node if name is None else updated_node.with_changes(attr=cst.Name(name))


class _Uses(Reader):
    """Collects ``self.name``, and where it is assigned."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.found: list[cst.Attribute] = []
        self.stored: set[cst.CSTNode] = set()

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if dotted(node) == ("self", self.name):
            self.found.append(node)

    def _store(self, target: cst.BaseExpression) -> None:
        if isinstance(target, cst.Tuple | cst.List):
            for each in target.elements:
                self._store(each.value)
        else:
            self.stored.add(target)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._store(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._store(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._store(node.target)
