"""What has to be known about a backend call before it can be written in Keras 3."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cached_property
from typing import Any

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.calls import Arguments
from kerasmigrate.scopes import Scope, dotted
from kerasmigrate.transform import Context
from kerasmigrate.versions import TF1, candidates
from kerasmigrate.walking import children, walk

from . import backend_table
from ._versions import BEFORE_2_3

#: Methods in which Keras 1 and 2 made their variables.
_SETUP = frozenset(("__init__", "build", "get_updates", "reset_states", "setUp"))
#: Functions whose first argument is a variable.
_ASSIGN = frozenset(("moving_average_update", "set_value", "update", "update_add", "update_sub"))
#: Functions that take a shape, with the place and the name of it.
_SHAPED = {
    "ones": (0, "shape"),
    "random_bernoulli": (0, "shape"),
    "random_binomial": (0, "shape"),
    "random_normal": (0, "shape"),
    "random_uniform": (0, "shape"),
    "reshape": (1, "shape"),
    "tile": (1, "n"),
    "truncated_normal": (0, "shape"),
    "zeros": (0, "shape"),
}
#: Functions that never return a negative number, and those that do so for such an argument.
_NEVER_NEGATIVE = frozenset(
    ("abs", "epsilon", "exp", "relu", "sigmoid", "softmax", "softplus", "square", "std", "var")
)
_KEEP_SIGN = frozenset(
    (
        "cast",
        "concatenate",
        "cumsum",
        "expand_dims",
        "max",
        "mean",
        "min",
        "permute_dimensions",
        "prod",
        "reshape",
        "sqrt",
        "squeeze",
        "stop_gradient",
        "sum",
        "transpose",
    )
)
_UNKNOWN = object()


def value(node: cst.BaseExpression | None) -> Any:
    """Return the value of a literal, lists for tuples; a unique object for anything else."""
    if node is None:
        return _UNKNOWN
    try:
        found = ast.literal_eval(cst.Module([]).code_for_node(node).strip())
    except (ValueError, SyntaxError):
        return _UNKNOWN
    return list(found) if isinstance(found, tuple) else found


class Conditions:
    """Answers the conditions of the table for the calls of one file."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def holds(self, name: str, call: cst.Call, args: Arguments) -> bool:
        """Tell whether a call of the original tree meets a condition of the table."""
        check: Callable[[cst.Call, Arguments], bool] = getattr(self, f"_{name}")
        return check(call, args)

    def _before_keras_2_3(self, call: cst.Call, args: Arguments) -> bool:
        """The code is for keras, and may have been written before 2.3."""
        symbol = self.context.symbol(call.func)
        return (
            symbol is not None
            and symbol.flavour == "keras"
            and bool(candidates(self.context.names, "keras") & BEFORE_2_3)
        )

    def _only_before_keras_2_3(self, call: cst.Call, args: Arguments) -> bool:
        found = self._versions(call)
        return bool(found) and found <= BEFORE_2_3

    def _only_since_keras_2_3(self, call: cst.Call, args: Arguments) -> bool:
        found = self._versions(call)
        return bool(found) and not found & (BEFORE_2_3 | {TF1})

    def _versions(self, call: cst.Call) -> frozenset[str]:
        """Return the versions that a call may have been written for."""
        symbol = self.context.symbol(call.func)
        return candidates(self.context.names, symbol.flavour) if symbol is not None else frozenset()

    @cached_property
    def parents(self) -> dict[cst.CSTNode, cst.CSTNode]:
        """The parent of each node of the original tree."""
        found: dict[cst.CSTNode, cst.CSTNode] = {}
        todo: list[cst.CSTNode] = [self.context.module]
        while todo:
            node = todo.pop()
            for child in children(node):
                found[child] = node
                todo.append(child)
        return found

    def function(self, node: cst.BaseExpression) -> str | None:
        """Return the name of the backend function that an expression means."""
        symbol = self.context.symbol(node)
        if symbol is None or not symbol.certain:
            return None
        module, _, leaf = symbol.path.rpartition(".")
        return backend_table.function(symbol.path) or (leaf if module == "keras.backend" else None)

    def is_function(self, node: cst.BaseExpression | None) -> bool:
        """Tell whether an expression is a function of this file."""
        if isinstance(node, cst.Lambda):
            return True
        if node is None:
            return False
        chain = dotted(node)
        if chain is not None and len(chain) == 2 and chain[0] == "self":
            return any(
                isinstance(each, cst.FunctionDef) and each.name.value == chain[1]
                for owner in self._around(node, cst.ClassDef)
                for each in owner.body.body
            )
        bindings = self.context.names.bindings(node) if isinstance(node, cst.Name) else ()
        return any(
            isinstance(binding.node, cst.FunctionDef) or isinstance(binding.value, cst.Lambda)
            for binding in bindings
        )

    def _around(self, node: cst.CSTNode, kind: type[cst.ClassDef]) -> list[cst.ClassDef]:
        found = []
        while node in self.parents:
            node = self.parents[node]
            if isinstance(node, kind):
                found.append(node)
        return found

    # -- conditions on arguments -------------------------------------------------------------

    def _float_value(self, call: cst.Call, args: Arguments) -> bool:
        item = args.get("value")
        return (
            item is not None
            and args.get("dtype") is None
            and isinstance(literals.plain(item.original), float)
        )

    def _scalar_size(self, call: cst.Call, args: Arguments) -> bool:
        item = args.get("size")
        return item is not None and not isinstance(item.original, cst.Tuple | cst.List)

    def _no_list(self, call: cst.Call, args: Arguments) -> bool:
        item = args.get("variables")
        return item is not None and not isinstance(item.original, cst.Tuple | cst.List)

    def _integer_padding(self, call: cst.Call, args: Arguments) -> bool:
        item = args.get("padding")
        return item is not None and literals.integer(item.original) is not None

    def _nested_padding(self, call: cst.Call, args: Arguments) -> bool:
        item = args.get("padding")
        if item is None:
            return True
        parts = literals.elements(item.original)
        return parts is not None and all(literals.elements(part) is not None for part in parts)

    def _values(self, call: cst.Call, args: Arguments) -> bool:
        items = (args.get("then_expression"), args.get("else_expression"))
        return not any(item is None or self.is_function(item.original) for item in items)

    def _nonnegative(self, call: cst.Call, args: Arguments) -> bool:
        item = args.get("x")
        return item is not None and self._is_nonnegative(item.original)

    def _is_nonnegative(self, node: cst.BaseExpression | None) -> bool:
        """Tell whether an expression is never negative, by what it is made of."""
        number = literals.plain(node)
        if isinstance(number, int | float):
            return number >= 0
        if isinstance(node, cst.BinaryOperation):
            if isinstance(node.operator, cst.Power):
                exponent = literals.integer(node.right)
                return exponent is not None and exponent % 2 == 0
            if isinstance(node.operator, cst.Multiply) and node.left.deep_equals(node.right):
                return isinstance(node.left, cst.Name | cst.Attribute)
            return isinstance(node.operator, cst.Add | cst.Multiply | cst.Divide) and all(
                map(self._is_nonnegative, (node.left, node.right))
            )
        if not isinstance(node, cst.Call):
            return False
        name = self.function(node.func)
        first = node.args[0].value if node.args and node.args[0].keyword is None else None
        second = node.args[1].value if len(node.args) > 1 else None
        if name in _NEVER_NEGATIVE:
            return name != "relu" or len(node.args) == 1
        if name in _KEEP_SIGN:
            return self._is_nonnegative(first)
        if name == "maximum":
            return self._is_nonnegative(first) or self._is_nonnegative(second)
        return name == "clip" and self._is_nonnegative(second)

    # -- conditions on how the result is used ------------------------------------------------

    def _one_item(self, call: cst.Call, args: Arguments) -> bool:
        """The result is only indexed, unpacked or measured, for which any shape will do."""
        parent = self.parents[call]
        if isinstance(parent, cst.Arg):
            outer = self.parents[parent]
            return isinstance(outer, cst.Call) and dotted(outer.func) == ("len",)
        return self._is_indexed(call) or self._is_unpacked(call)

    def _items(self, call: cst.Call, args: Arguments) -> bool:
        """The result is used in ways in which a tuple means the same as a tensor."""
        if self._takes_items(call):
            return True
        parent = self.parents[call]
        if not isinstance(parent, cst.Assign) or len(parent.targets) != 1:
            return False
        target = parent.targets[0].target
        scope = self._scope(call)
        if not isinstance(target, cst.Name) or scope is None or scope.kind != "function":
            return False
        bindings = scope.bindings.get(target.value, [])
        uses = [
            node
            for node, reference in self.context.names.references.items()
            if reference.name == target.value
            and (found := reference.scope.lookup(reference.name)) is not None
            and found[0] is scope
        ]
        return (
            len(bindings) == 1
            and bindings[0].value is call
            and all(isinstance(node, cst.Name) and self._takes_items(node) for node in uses)
        )

    def _takes_items(self, node: cst.BaseExpression) -> bool:
        return self._is_indexed(node) or self._is_unpacked(node) or self._is_shape(node)

    def _is_indexed(self, node: cst.BaseExpression) -> bool:
        parent = self.parents[node]
        return (
            isinstance(parent, cst.Subscript)
            and parent.value is node
            and len(parent.slice) == 1
            and isinstance(parent.slice[0].slice, cst.Index)
            and not isinstance(parent.slice[0].slice.value, cst.Ellipsis)
        )

    def _is_unpacked(self, node: cst.BaseExpression) -> bool:
        parent = self.parents[node]
        return (
            isinstance(parent, cst.Assign)
            and parent.value is node
            and all(isinstance(each.target, cst.Tuple | cst.List) for each in parent.targets)
        )

    def _is_shape(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is, as a whole, the shape that a backend function is given."""
        arg = self.parents[node]
        call = self.parents.get(arg)
        if not isinstance(arg, cst.Arg) or not isinstance(call, cst.Call) or arg.star:
            return False
        place = _SHAPED.get(self.function(call.func) or "")
        if place is None:
            return False
        if arg.keyword is not None:
            return arg.keyword.value == place[1]
        return len(call.args) > place[0] and call.args[place[0]] is arg

    def _stored(self, call: cst.Call, args: Arguments) -> bool:
        """The result is kept as a variable: by an object, a module, or for an assignment."""
        node: cst.CSTNode = call
        while isinstance(
            parent := self.parents[node], cst.List | cst.Tuple | cst.Element | cst.ListComp
        ):
            node = parent
        if isinstance(parent, cst.Assign):
            targets = [each.target for each in parent.targets]
        elif isinstance(parent, cst.AnnAssign):
            targets = [parent.target]
        else:
            return False
        if any(isinstance(target, cst.Attribute) for target in targets):
            return True
        scope = self._scope(call)
        while scope is not None and scope.kind == "comprehension":
            scope = scope.parent
        owner = scope.node if scope is not None else None
        if (
            scope is None
            or scope.kind != "function"
            or (isinstance(owner, cst.FunctionDef) and owner.name.value in _SETUP)
        ):
            return True
        names = {target.value for target in targets if isinstance(target, cst.Name)}
        return bool(names & self._assigned)

    @cached_property
    def _assigned(self) -> set[str]:
        """Names that the file hands to a backend function that assigns to them."""
        found = set()
        for node in walk(self.context.module):
            if isinstance(node, cst.Call) and node.args and self.function(node.func) in _ASSIGN:
                first = node.args[0].value
                if isinstance(first, cst.Name):
                    found.add(first.value)
        return found

    def _scope(self, call: cst.Call) -> Scope | None:
        reference = self.context.names.references.get(call.func)
        return reference.scope if reference is not None else None
