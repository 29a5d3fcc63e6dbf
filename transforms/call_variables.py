"""Variables that call() of a layer, or the function of a Lambda, makes while it computes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.names import Symbol
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.walking import Reader, walk

from ._layer_classes import InClasses, is_super

CALL_VARIABLE = Rule(
    "KM338",
    "variable-in-call",
    "Compute with constants in call() where a variable was made only to be read",
    "Each run of call() would make the variable once more. Since TensorFlow 2 that is an error:"
    ' "tf.function only supports singleton tf.Variables created on the first call"; Keras 3 says'
    ' "You are attempting to create a variable while in a stateless scope". Up to Keras 2.3'
    " variable(), zeros(), ones() and eye() of the backend made a variable, and those of the"
    " Keras 2 API still do.",
    examples=(
        Example(
            "import numpy as np\nfrom keras import backend as K\nfrom keras.layers import Layer\n\n"
            "\nclass Masked(Layer):\n    def call(self, inputs, training=None):\n"
            "        return inputs * K.variable(np.eye(3)) + K.ones((3,))\n",
            "import numpy as np\nfrom tf_keras import backend as K\n"
            "from tf_keras.layers import Layer\n\n\n"
            "class Masked(Layer):\n    def call(self, inputs, training=None):\n"
            "        return inputs * K.constant(np.eye(3)) + K.constant(1.0, shape=(3,))\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Variables that are kept in an attribute or a collection, handed to a method of the layer,"
        " or assigned to later: they are reported.",
        "zeros() and ones() of a shape that the data may decide: they make a tensor then.",
        "Other methods than call() of layers and models, and functions that no Lambda is made of.",
    ),
)
NOISE_VARIABLE = Rule(
    "KM513",
    "random-variable-in-call",
    "Report random and TensorFlow variables that call() or the function of a Lambda makes",
    "The code of a layer ran once, and what random_normal_variable() drew was the same noise for"
    " every batch from then on: seen with Keras 1.2.2, 2.2.4 and 2.3.1. Today it runs again and"
    ' again. tf_keras: "Argument `initial_value` (...) could not be lifted out of a `tf.function`";'
    ' Keras 3, in predict() and fit(): "tf.function only supports singleton tf.Variables created on'
    ' the first call", and so for a tf.Variable. There is no equal: noise that is drawn for'
    " every batch is something else, though it is what a variational autoencoder wants.",
    Safety.NONE,
    untouched=(
        "Variables that are made outside of call(), or with K.random_normal() and its like.",
        "A tf.Variable that is kept in an attribute of the layer.",
    ),
)
#: Functions that make a variable of a shape, and what it is filled with.
_FILLED = {"keras.backend.zeros": "0.0", "keras.backend.ones": "1.0"}
VARIABLE = "keras.backend.variable"
_MADE = frozenset(("keras.backend.eye", VARIABLE, *_FILLED))
#: Functions that make a variable of random numbers, and those that draw them anew.
_RANDOM = {"keras.backend.random_normal_variable": "normal"}
_RANDOM["keras.backend.random_uniform_variable"] = "uniform"
_TF_VARIABLES = frozenset(("tensorflow.Variable", "tensorflow.compat.v1.Variable"))
#: Functions that assign to an argument, and methods and functions that keep one.
_KEEPING = frozenset(
    ("update", "update_add", "update_sub", "moving_average_update", "set_value", "setattr")
) | frozenset(("add", "append", "extend", "insert", "setdefault"))
_EQUAL = cst.AssignEqual(
    whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace("")
)


class CallVariables(InClasses):
    """Makes constants of the variables in call()."""

    rules = (CALL_VARIABLE, NOISE_VARIABLE)
    order = 29

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: Classes and functions around, the outermost first.
        self._around: list[cst.ClassDef | cst.FunctionDef | cst.Lambda] = []
        #: What statements assign to a plain name, or elsewhere.
        self._stored: dict[cst.CSTNode, str | None] = {}
        self._wanted: dict[cst.CSTNode, Symbol] = {}

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        super().visit_ClassDef(node)
        self._around.append(node)

    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef:
        self._around.pop()
        return super().leave_ClassDef(original_node, updated_node)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._around.append(node)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        self._around.pop()
        return updated_node

    def visit_Lambda(self, node: cst.Lambda) -> None:
        self._around.append(node)

    def leave_Lambda(
        self, original_node: cst.Lambda, updated_node: cst.Lambda
    ) -> cst.BaseExpression:
        self._around.pop()
        return updated_node

    @cached_property
    def _lambdas(self) -> frozenset[cst.CSTNode]:
        """Functions that a Lambda layer is made of."""
        found: set[cst.CSTNode] = set()
        for each in walk(self.context.module):
            if not isinstance(each, cst.Call) or not each.args:
                continue
            symbol = self.context.symbol(each.func)
            if symbol is None or not symbol.certain or symbol.path.rpartition(".")[2] != "Lambda":
                continue
            given = each.args[0]
            if given.keyword is not None and given.keyword.value != "function":
                continue
            found.add(given.value)
            bindings = self.context.names.bindings(given.value)
            if isinstance(given.value, cst.Name) and len(bindings) == 1:
                found.add(bindings[0].value or bindings[0].node)
        return frozenset(found)

    def visit_Assign(self, node: cst.Assign) -> None:
        (first, *others) = node.targets
        self._keep(node.value, first.target if not others else None)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self._keep(node.value, node.target)

    def _keep(self, value: cst.BaseExpression, target: cst.BaseExpression | None) -> None:
        """Note where a value goes, and what a display holds: a plain name, or elsewhere."""
        name = target.value if isinstance(target, cst.Name) else None
        self._stored.update(dict.fromkeys(_held(value), name))

    def visit_Call(self, node: cst.Call) -> None:
        if _may_keep(node):
            for arg in node.args:
                self._keep(arg.value, None)
        symbol = self.context.symbol(node.func)
        if symbol is None or not symbol.certain or symbol.path not in _MADE:
            self._check_noise(node, symbol)
            return
        call = self._call()
        modern = self.context.target.api > 2
        if call is None or (modern and symbol.path != VARIABLE):
            return
        if symbol.path in _FILLED and not (node.args and _is_fixed(node.args[0].value)):
            return
        name = self._stored.get(node, "")
        read = name is not None and not (name and _is_assigned_to(call, name))
        if read and not modern and _constant(node, node, symbol.path) is not None:
            self._wanted[node] = symbol
            return
        advice = (
            "make it once, in build(): self.add_weight(shape=..., initializer='zeros',"
            " trainable=False)"
        )
        if read and modern:
            advice = "write keras.ops.convert_to_tensor(x, dtype=keras.config.floatx())"
        self.context.report(
            CALL_VARIABLE,
            node,
            f"{symbol.path.rpartition('.')[2]}() makes a variable each time {_place(call)} runs,"
            " which is an error",
            advice=advice,
        )

    def _check_noise(self, node: cst.Call, symbol: Symbol | None) -> None:
        """Look at what makes a variable that no constant can stand for."""
        path = symbol.path if symbol is not None and symbol.certain else ""
        flow = symbol is None and set(self.context.names.origins(node.func)) & _TF_VARIABLES
        if path not in _RANDOM and not flow:
            return
        call = self._call()
        if call is None or (flow and self._stored.get(node, "") is None):
            return
        modern = self.context.target.api > 2
        if flow:
            name, advice = "tf.Variable", "make it in build(), self.v = self.add_weight(...)"
            if call in self._lambdas:
                advice = "write a layer that makes it in build(): self.v = self.add_weight(...)"
            advice += "; or, if nothing is assigned to it, use tf.constant()"
        else:
            name, kind = path.rpartition(".")[2], _RANDOM[path]
            draws = f"keras.random.{kind}()" if modern else f"K.random_{kind}()"
            keeps = "keras.ops.convert_to_tensor(...)" if modern else "K.constant(...)"
            advice = (
                "to draw anew for every batch, as a variational autoencoder wants it, call"
                f" {draws}; to keep the same noise, draw it once outside: noise ="
                f" np.random.{kind}(...), and"
                f" use {keeps} of it here"
            )
        self.context.report(
            NOISE_VARIABLE,
            node,
            f"{name}() makes a variable each time {_place(call)} runs, which is an error",
            advice=advice,
        )

    def _call(self) -> cst.FunctionDef | cst.Lambda | None:
        """Return the ``call`` of a layer or model, or the function of a Lambda, around the code."""
        for function in self._around:
            if isinstance(function, cst.FunctionDef | cst.Lambda) and function in self._lambdas:
                return function
        for owner, method in zip(self._around, self._around[1:], strict=False):
            if (
                isinstance(owner, cst.ClassDef)
                and isinstance(method, cst.FunctionDef)
                and method.name.value == "call"
                and self._classes.kind(owner) in ("layer", "model")
            ):
                return method
        return None

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        symbol = self._wanted.get(original_node)
        if symbol is None or not isinstance(updated_node, cst.Call):
            return updated_node
        edited = _constant(original_node, updated_node, symbol.path)
        name = symbol.path.rpartition(".")[2]
        if edited is None or not self.context.report(
            CALL_VARIABLE,
            original_node,
            f"{name}() makes a variable each time {_place(self._call())} runs; constant() makes"
            " none",
            fix=True,
        ):
            return updated_node
        spelt = self.context.imports.spell("keras.backend.constant", near=symbol)
        return edited.with_changes(func=cst.parse_expression(spelt))


def _constant(original: cst.Call, updated: cst.Call, path: str) -> cst.Call | None:
    """Return the arguments of constant() for the values of a variable; None when they do not fit.

    The callee is still the old one.
    """
    source = inventory.load("tf.keras-2").signature(path)
    try:
        arguments = Arguments(original, updated, source)
    except UnbindableError:
        return None
    taken = {item.name for item in arguments.live}
    if path in _FILLED and "shape" in taken and taken <= {"shape", "dtype", "name"}:
        keywords = [
            arg
            if arg.keyword is not None
            else arg.with_changes(keyword=cst.Name(str(item.name)), equal=_EQUAL)
            for item, arg in zip(arguments.live, updated.args, strict=True)
        ]
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        first = cst.Arg(cst.Float(_FILLED[path]), comma=comma)
        return updated.with_changes(args=[first, *keywords])
    if path == VARIABLE and "value" in taken and taken <= {"value", "dtype", "name"}:
        return updated
    return None


def _is_fixed(shape: cst.BaseExpression) -> bool:
    """Tell whether a shape is made of numbers and attributes of ``self``."""
    chain = dotted(shape)
    if chain is not None:
        return len(chain) == 2 and chain[0] == "self"
    if isinstance(shape, (cst.Tuple, cst.List)):
        return all(
            isinstance(each, cst.Element) and _is_fixed(each.value) for each in shape.elements
        )
    if isinstance(shape, cst.BinaryOperation):
        return _is_fixed(shape.left) and _is_fixed(shape.right)
    return isinstance(shape, cst.Integer)


def _held(value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """Yield an expression, and what it holds as it is: elements of displays, and alternatives."""
    yield value
    if isinstance(value, (cst.List, cst.Tuple, cst.Set)):
        for element in value.elements:
            yield from _held(element.value)
    elif isinstance(value, cst.Dict):
        for item in value.elements:
            yield from _held(item.value)
    elif isinstance(value, cst.IfExp):
        yield from _held(value.body)
        yield from _held(value.orelse)


def _may_keep(call: cst.Call) -> bool:
    """Tell whether a call may keep its arguments, or assign to them."""
    if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call):
        return is_super(call.func.value)
    chain = dotted(call.func) or ()
    return bool(chain) and (chain[0] == "self" or chain[-1] in _KEEPING)


class _Uses(Reader):
    """Looks for a place where a variable is kept or assigned to."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.found = False

    def _ask(self, value: cst.BaseExpression) -> None:
        self.found = self.found or any(dotted(each) == (self.name,) for each in _held(value))

    def visit_Assign(self, node: cst.Assign) -> None:
        self._ask(node.value)

    def visit_Call(self, node: cst.Call) -> None:
        chain = dotted(node.func) or ()
        if len(chain) == 2 and chain[0] == self.name and chain[1].startswith("assign"):
            self.found = True
        if _may_keep(node):
            for arg in node.args:
                self._ask(arg.value)


def _place(function: cst.FunctionDef | cst.Lambda | None) -> str:
    """Say which function is meant, in a message."""
    if isinstance(function, cst.FunctionDef):
        return f"{function.name.value}()"
    return "the function of a Lambda"


def _is_assigned_to(function: cst.FunctionDef | cst.Lambda, name: str) -> bool:
    uses = _Uses(name)
    uses.visit(function.body)
    return uses.found
