"""Attributes of models that Keras 3 gives in another way."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule
from kerasmigrate.scopes import Reference, dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a

from ._layer_classes import InClasses

SEQUENTIAL_TENSOR = Rule(
    "KM401",
    "sequential-input-output",
    "Take the input and output of a Sequential model from .inputs[0] and .outputs[0]",
    "In Keras 3 .input and .output of a Sequential model belong to its being called as a layer,"
    ' and a model that was only built has not been called: "The layer sequential has never been'
    ' called and thus has no defined output." Unifying the imports of two files that extend each'
    " other's Sequential models is therefore not enough. Functional models keep both attributes.",
    examples=(
        Example(
            "from keras.layers import Dense\nfrom keras.models import Model, Sequential\n\n\n"
            "def create():\n    return Sequential([Dense(4, input_shape=(3,))])\n\n\n"
            "model = create()\n"
            "longer = Model(model.input, Dense(1)(model.output))\n",
            "from keras.layers import Dense\nfrom keras.models import Model, Sequential\n\n\n"
            "def create():\n    return Sequential([Dense(4, input_shape=(3,))])\n\n\n"
            "model = create()\n"
            "longer = Model(model.inputs[0], Dense(1)(model.outputs[0]))\n",
        ),
        Example(
            "import keras\n\nbase = keras.applications.VGG16()\nfeatures = base.output\n",
            "import keras\n\nbase = keras.applications.VGG16()\nfeatures = base.output\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Functional models, layers, and values that are not known to be Sequential models.",
        "A name that stands for a Sequential and for another model; it is reported.",
    ),
)

READ_ONLY_NAME = Rule(
    "KM402",
    "read-only-name",
    "Give a model or layer a new name through ._name where .name is read-only",
    "Since TensorFlow took Keras in, name is a property without a setter in the Keras 2 API:"
    " model.name = x raises AttributeError there (\"Can't set the attribute 'name', likely because"
    ' it conflicts with an existing read-only @property of the object"). Keras 3 takes the'
    " assignment, and so did standalone Keras 2.2.",
    examples=(
        Example(
            "from keras.models import Model\n\nmodel = Model(a, b)\nmodel.name = 'encoder'\n",
            "from tf_keras.models import Model\n\nmodel = Model(a, b)\nmodel._name = 'encoder'\n",
            "tf_keras",
        ),
        Example(
            "from keras.models import Model\n\nmodel = Model(a, b)\nmodel.name = 'encoder'\n",
            "from keras.models import Model\n\nmodel = Model(a, b)\nmodel.name = 'encoder'\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 3 API.",
        "Values that are not known to be Keras models or layers.",
        "Classes that define name themselves.",
    ),
)

_PLURAL = {"input": "inputs", "output": "outputs"}


class ModelAttributes(InClasses):
    """Brings the attributes of models up to date."""

    rules = (SEQUENTIAL_TENSOR, READ_ONLY_NAME)
    order = 47

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Attributes inside a chain of names, with the reference that the chain is.
        self._inner: dict[cst.CSTNode, tuple[Reference, int]] = {}
        self._assigned: set[cst.CSTNode] = set()
        #: Variables of loops over the layers of a model.
        self._layers: set[cst.CSTNode] = set()

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._assigned.add(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._assigned.add(node.target)

    def visit_For(self, node: cst.For) -> None:
        source = node.iter
        if (
            isinstance(source, cst.Attribute)
            and source.attr.value == "layers"
            and self.context.values.is_model(source.value)
        ):
            self._layers.add(node.target)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        reference = self.context.names.references.get(node)
        if reference is None or reference.stored:
            return
        inner: cst.BaseExpression = node
        for depth in range(len(reference.attributes), 0, -1):
            assert isinstance(inner, cst.Attribute)
            self._inner[inner] = (reference, depth)
            inner = inner.value

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        if original_node in self._assigned:
            return self._name(original_node, updated_node)
        name = original_node.attr.value
        if name not in _PLURAL or self.context.target.api < 3:
            return updated_node
        kinds = self._kinds(original_node)
        sequential = [kind is not None and is_a(kind, SEQUENTIAL) for kind in kinds]
        if not any(sequential):
            return updated_node
        code = self.context.module.code_for_node(original_node)
        if not all(sequential):
            if None not in kinds:
                self.context.report(
                    SEQUENTIAL_TENSOR,
                    original_node,
                    f"{code} may be that of a Sequential model, which has none in Keras 3",
                    advice=f"if it is, write .{_PLURAL[name]}[0]",
                    severity=Severity.WARNING,
                    confidence=Confidence.UNSURE,
                )
            return updated_node
        if not self.context.report(
            SEQUENTIAL_TENSOR,
            original_node,
            f"{code}: a Sequential model that was not called has no {name}",
            fix=True,
        ):
            return updated_node
        return cst.Subscript(
            updated_node.with_changes(attr=cst.Name(_PLURAL[name]), lpar=(), rpar=()),
            [cst.SubscriptElement(cst.Index(cst.Integer("0")))],
            lpar=updated_node.lpar,
            rpar=updated_node.rpar,
        )

    def _name(self, original: cst.Attribute, updated: cst.Attribute) -> cst.Attribute:
        if (
            original.attr.value != "name"
            or self.context.target.api > 2
            or not self._is_keras(original.value)
        ):
            return updated
        code = self.context.module.code_for_node(original)
        if not self.context.report(
            READ_ONLY_NAME, original, f"{code} cannot be assigned to", fix=True
        ):
            return updated
        return updated.with_changes(attr=cst.Name("_name"))

    def _is_keras(self, node: cst.BaseExpression) -> bool:
        """Tell whether a value is a model or layer whose name is Keras' own."""
        values = self.context.values
        if isinstance(node, cst.Name) and node.value == "self" and self._owners:
            owner = self._owners[-1]
            kind = self._classes.kind(owner)
            return kind in ("layer", "model") and "name" not in self._classes.methods(owner)
        known = values.instance(node)
        if known is not None:
            return is_a(known, LAYER) or is_a(known, MODEL)
        bindings = self.context.names.bindings(node) if isinstance(node, cst.Name) else ()
        if bindings and all(binding.node in self._layers for binding in bindings):
            return True
        return values.is_model(node)

    def _kinds(self, node: cst.Attribute) -> set[str | None]:
        """Return the Keras classes of what an attribute belongs to; None for what is unknown."""
        values = self.context.values
        if node not in self._inner:
            return {None} if dotted(node) is not None else {values.instance(node.value)}
        reference, depth = self._inner[node]
        given: list[cst.BaseExpression | None] = []
        if depth == 1:
            found = reference.scope.lookup(reference.name)
            given += [each.value for each in found[1]] if found is not None else []
        elif depth == 2 and reference.name == "self" and self._owners:
            given += self._classes.attribute(self._owners[-1], reference.attributes[0])
        given = [each for each in given if not _is_none(each)]
        return {values.instance(each) if each is not None else None for each in given}


def _is_none(node: cst.BaseExpression | None) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"
