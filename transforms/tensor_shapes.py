"""Shapes of tensors: plain tuples in Keras 3, without the methods that TensorFlow 1 gave them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import libcst as cst
import libcst.matchers as m

from kerasmigrate.literals import string
from kerasmigrate.rules import Example, Rule
from kerasmigrate.transform import Context, Transform

from ._layer_classes import LayerClasses
from ._tensors import Tensors

KERAS_SHAPE = Rule(
    "KM330",
    "keras-shape",
    "Read the static shape of a tensor where it is kept today",
    "Keras 1 and 2 hung a tuple _keras_shape on their tensors. It is gone since TensorFlow took"
    " Keras in: \"'KerasTensor' object has no attribute '_keras_shape'\". Keras 3 keeps the tuple"
    " in .shape, Keras 2 on TensorFlow gives it through K.int_shape(x). The same goes for"
    " getattr(x, '_keras_shape'); _shape_val was a private name of TensorFlow 2.0 to 2.3 for"
    " .shape.",
    examples=(
        Example(
            "from keras.layers import Input\n\nx = Input((8,))\nprint(x._keras_shape[-1])\n",
            "from keras.layers import Input\n\nx = Input((8,))\nprint(x.shape[-1])\n",
        ),
        Example(
            "from keras import backend as K\nfrom keras.layers import Input\n\nx = Input((8,))\n"
            "print(K.ndim(x), x._keras_shape)\n",
            "from tf_keras import backend as K\nfrom tf_keras.layers import Input\n\n"
            "x = Input((8,))\nprint(K.ndim(x), K.int_shape(x))\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "An assignment to _keras_shape: it is reported, because nobody reads it any more.",
        "The string in hasattr(x, '_keras_shape'), which is simply false.",
    ),
)
DIMENSION_VALUE = Rule(
    "KM331",
    "dimension-value",
    "Take a dimension of a shape for the integer or None that it is",
    "In TensorFlow 1 a shape was made of Dimension objects with a .value. Since TensorFlow 2 it is"
    " made of integers and None, whichever Keras is used: \"'int' object has no attribute"
    " 'value'\", or \"'NoneType' object has no attribute 'value'\".",
    examples=(
        Example(
            "from keras.layers import Input\n\nx = Input((8,))\nwidth = x.shape[1].value\n",
            "from keras.layers import Input\n\nx = Input((8,))\nwidth = x.shape[1]\n",
        ),
    ),
    untouched=(
        "A .value of what is not an item of .shape, .get_shape() or a layer's input_shape.",
    ),
)
SHAPE_METHOD = Rule(
    "KM332",
    "shape-method",
    "Ask a plain tuple, not a TensorShape, for the shape of a Keras tensor",
    "A Keras 3 tensor has a tuple for its shape and no get_shape(): \"'KerasTensor' object has no"
    " attribute 'get_shape'\", \"'tuple' object has no attribute 'as_list'\". The tensors that a"
    " layer sees in call() are TensorFlow's own and keep both.",
    examples=(
        Example(
            "from keras.layers import Input\n\nx = Input((8,))\nn = x.get_shape().as_list()[-1]\n",
            "from keras.layers import Input\n\nx = Input((8,))\nn = list(x.shape)[-1]\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Tensors inside the methods of a layer.",
        "Values that are not certainly tensors.",
    ),
)

#: Methods of layers that are given a shape, by the position of that parameter.
_SHAPED = {"build": 1, "compute_output_shape": 1, "get_output_shape_for": 1}
_GET_SHAPE = m.Call(func=m.Attribute(attr=m.Name("get_shape")), args=[])
_SHAPE = m.Attribute(attr=m.Name("shape")) | _GET_SHAPE
#: What ``.shape`` of TensorFlow 2.0 to 2.3 read.
_PRIVATE = "_shape_val"
#: Expressions that an attribute can be read of without parentheses.
_ATOMS = (cst.Name, cst.Attribute, cst.Call, cst.Subscript)
#: Makes the new expression of the node as the walk leaves it.
_Edit = Callable[[Any], cst.BaseExpression]


class TensorShapes(Transform):
    """Brings the ways to ask for a shape up to date."""

    rules = (KERAS_SHAPE, DIMENSION_VALUE, SHAPE_METHOD)
    order = 48

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: What replaces a node; the key is the original.
        self._edits: dict[cst.CSTNode, _Edit] = {}
        self._stored: set[cst.CSTNode] = set()
        #: Shapes of which one item is taken.
        self._items: set[cst.CSTNode] = set()
        self._classes_open: list[cst.ClassDef] = []
        self._methods: list[cst.FunctionDef] = []

    @cached_property
    def _tensors(self) -> Tensors:
        return self.context.shared(Tensors)

    @cached_property
    def _layers(self) -> LayerClasses:
        return self.context.shared(LayerClasses)

    # -- where we are ------------------------------------------------------------------------

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._classes_open.append(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._classes_open.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._methods.append(node)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._methods.pop()
        return updated_node

    def _is_shape(self, node: cst.BaseExpression) -> bool:
        """Tell whether a name is the shape that a layer's method is given, unchanged."""
        if not isinstance(node, cst.Name) or not self._classes_open or not self._methods:
            return False
        owner, method = self._classes_open[-1], self._methods[-1]
        place = _SHAPED.get(method.name.value)
        if place is None or self._layers.kind(owner) not in ("layer", "model"):
            return False
        params = method.params.params
        bindings = self.context.names.bindings(node)
        return len(params) > place and len(bindings) == 1 and bindings[0].node is params[place]

    # -- edits -------------------------------------------------------------------------------

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._stored.add(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._stored.add(node.target)

    def visit_Subscript(self, node: cst.Subscript) -> None:
        if len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
            self._items.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        name = node.attr.value
        if name == "_keras_shape":
            self._keras_shape(node, node.value)
        elif name == _PRIVATE and node not in self._stored:
            self._private(node)
        elif name == "value":
            self._value(node)
        elif self.context.target.api > 2 and name in ("ndims", "rank"):
            tensor = self._tensor(node.value)
            if tensor is not None and node not in self._stored:
                self._plan(node, _length, f".{name} is an attribute of TensorShape", node.value)

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        name = self._asked(node)
        if name == "_keras_shape":
            self._keras_shape(node, node.args[0].value)
        elif name == _PRIVATE:
            self._private(node)
        if self.context.target.api < 3 or node.args or not isinstance(func, cst.Attribute):
            return
        if func.attr.value == "as_list":
            if self._tensor(func.value) is not None or self._is_shape(func.value):
                self._plan(node, _listed, "as_list() is a method of TensorShape", func.value)
        elif node not in self._edits and self._tensor(node) is not None:
            tensor = self._code(func.value)
            self._plan(node, _shape, f"{tensor}.get_shape() is {tensor}.shape in Keras 3")

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        edit = self._edits.get(original_node)
        return updated_node if edit is None else _parenthesized(edit(updated_node), updated_node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        edit = self._edits.get(original_node)
        return updated_node if edit is None else _parenthesized(edit(updated_node), updated_node)

    def _tensor(self, shape: cst.BaseExpression) -> cst.BaseExpression | None:
        """Return the Keras tensor that ``x.shape`` or ``x.get_shape()`` belongs to."""
        tensor = None
        if m.matches(shape, _GET_SHAPE):
            assert isinstance(shape, cst.Call) and isinstance(shape.func, cst.Attribute)
            tensor = shape.func.value
        elif isinstance(shape, cst.Attribute) and shape.attr.value == "shape":
            tensor = shape.value
        return tensor if tensor is not None and self._tensors.may_be_keras(tensor) else None

    def _plan(
        self, node: cst.BaseExpression, edit: _Edit, message: str, shape: cst.CSTNode | None = None
    ) -> None:
        """Report and plan an edit; a ``get_shape()`` inside goes along with it."""
        if not self.context.report(SHAPE_METHOD, node, message, fix=True):
            return
        self._edits[node] = edit
        if isinstance(shape, cst.Call):
            self._edits[shape] = _shape

    def _value(self, node: cst.Attribute) -> None:
        item = node.value
        if node in self._stored or not isinstance(item, cst.Subscript):
            return
        known = m.matches(item.value, _SHAPE) or self._is_shape(item.value)
        one = all(isinstance(each.slice, cst.Index) for each in item.slice)
        message = f"{self._code(node)}: a dimension is an integer or None"
        if known and one and self.context.report(DIMENSION_VALUE, node, message, fix=True):
            self._edits[node] = _item

    def _asked(self, node: cst.Call) -> str | None:
        """Return the name of an attribute that ``getattr(x, 'name')`` reads."""
        if (
            not isinstance(node.func, cst.Name)
            or node.func.value != "getattr"
            or len(node.args) != 2
            or any(arg.star or arg.keyword for arg in node.args)
            or not isinstance(node.args[0].value, _ATOMS)
            or "getattr" in self.context.names.bound
        ):
            return None
        return string(node.args[1].value)

    def _private(self, node: cst.Attribute | cst.Call) -> None:
        code = self._code(node)
        if self.context.report(KERAS_SHAPE, node, f"{code} is gone: it is .shape", fix=True):
            self._edits[node] = _plain

    def _keras_shape(self, node: cst.Attribute | cst.Call, owner: cst.BaseExpression) -> None:
        code, tensor = self._code(node), self._code(owner)
        if node in self._stored:
            self.context.report(
                KERAS_SHAPE,
                node,
                f"{code} is set for a Keras that reads it; nothing reads it any more",
                advice="remove the statement: the target infers shapes itself, and a layer says"
                " what cannot be inferred in compute_output_shape()",
            )
        elif self.context.target.api > 2:
            if self.context.report(KERAS_SHAPE, node, f"{code} is gone: it is .shape", fix=True):
                self._edits[node] = _plain if node in self._items else _tuple
        elif (near := self.context.imports.any_symbol("keras.backend")) is None:
            self.context.report(
                KERAS_SHAPE,
                node,
                f"{code} is gone",
                advice=f"write keras.backend.int_shape({tensor})",
            )
        elif self.context.report(
            KERAS_SHAPE, node, f"{code} is gone: it is K.int_shape({tensor})", fix=True
        ):
            spelt = self.context.imports.spell("keras.backend", near=near)
            self._edits[node] = lambda updated: _call(f"{spelt}.int_shape", _owner(updated))

    def _code(self, node: cst.CSTNode) -> str:
        return self.context.module.code_for_node(node)


def _call(name: str, argument: cst.BaseExpression) -> cst.Call:
    return cst.Call(cst.parse_expression(name), [cst.Arg(argument)])


def _item(updated: cst.Attribute) -> cst.BaseExpression:
    return updated.value


def _shape(updated: cst.Call) -> cst.BaseExpression:
    assert isinstance(updated.func, cst.Attribute)
    return updated.func.with_changes(attr=cst.Name("shape"))


def _listed(updated: cst.Call) -> cst.BaseExpression:
    assert isinstance(updated.func, cst.Attribute)
    return _call("list", updated.func.value)


def _length(updated: cst.Attribute) -> cst.BaseExpression:
    return _call("len", updated.value)


def _owner(updated: cst.Attribute | cst.Call) -> cst.BaseExpression:
    """Return what an attribute is read of, also by ``getattr``."""
    return updated.value if isinstance(updated, cst.Attribute) else updated.args[0].value


def _plain(updated: cst.Attribute | cst.Call) -> cst.BaseExpression:
    if isinstance(updated, cst.Attribute):
        return updated.with_changes(attr=cst.Name("shape"), lpar=(), rpar=())
    return cst.Attribute(_owner(updated), cst.Name("shape"))


def _tuple(updated: cst.Attribute | cst.Call) -> cst.BaseExpression:
    return _call("tuple", _plain(updated))


def _parenthesized(made: cst.BaseExpression, before: cst.BaseExpression) -> cst.BaseExpression:
    """Give an expression the parentheses of the one whose place it takes."""
    if made is before or not before.lpar:
        return made
    return made.with_changes(lpar=[*before.lpar, *made.lpar], rpar=[*made.rpar, *before.rpar])
