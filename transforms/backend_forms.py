"""Expressions with holes: how a call is written when more than names of arguments change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import libcst as cst
import libcst.matchers as m

from kerasmigrate.scopes import dotted

_SYMBOL = re.compile(r"@([A-Za-z_][\w.]*)")
_HOLE = re.compile(r"\{(\w+)\}")
_PREFIX = "_kerasmigrate_hole_"


def fill(
    form: str, holes: Mapping[str, cst.BaseExpression], spell: Callable[[str], str]
) -> cst.BaseExpression:
    """Write a form with its symbols spelt and its holes filled.

    Args:
        form: As in `backend_table.Row`.
        holes: What is given, by name.
        spell: Spells a path below ``keras``.
    """
    tree = cst.parse_expression(_HOLE.sub(rf"{_PREFIX}\1", spelt(form, spell)))
    if isinstance(tree, cst.Name) and tree.value.startswith(_PREFIX):
        return operand(holes[tree.value.removeprefix(_PREFIX)])
    made = tree.visit(_Filler(holes))
    assert isinstance(made, cst.BaseExpression)
    return made


def spelt(form: str, spell: Callable[[str], str]) -> str:
    """Return a form with its symbols spelt, and its holes as they are."""
    return _SYMBOL.sub(lambda match: spell(f"keras.{match.group(1)}"), form)


class _Filler(cst.CSTTransformer):
    def __init__(self, holes: Mapping[str, cst.BaseExpression]) -> None:
        super().__init__()
        self.holes = holes

    def _hole(self, node: cst.BaseExpression) -> cst.BaseExpression | None:
        if isinstance(node, cst.Name) and node.value.startswith(_PREFIX):
            return self.holes[node.value.removeprefix(_PREFIX)]
        return None

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        args = []
        for before, after in zip(original_node.args, updated_node.args, strict=True):
            name = before.value.value if isinstance(before.value, cst.Name) else ""
            missing = name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in self.holes
            if before.keyword is None or not missing:
                args.append(after)
        if args:
            args[-1] = args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated_node.with_changes(args=args)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        if isinstance(original_node.value, cst.Name):
            name = original_node.value.value.removeprefix(_PREFIX)
            if name != original_node.value.value and name in self.holes:
                return updated_node.with_changes(value=alone(self.holes[name]))
        return updated_node

    def leave_Element(self, original_node: cst.Element, updated_node: cst.Element) -> cst.Element:
        held = self._hole(updated_node.value)
        return updated_node if held is None else updated_node.with_changes(value=alone(held))

    def leave_StarredElement(
        self, original_node: cst.StarredElement, updated_node: cst.StarredElement
    ) -> cst.StarredElement:
        return updated_node.with_changes(value=self._in_place(updated_node.value))

    def leave_CompFor(self, original_node: cst.CompFor, updated_node: cst.CompFor) -> cst.CompFor:
        return updated_node.with_changes(iter=self._in_place(updated_node.iter))

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.Attribute:
        return updated_node.with_changes(value=self._in_place(updated_node.value))

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BinaryOperation:
        return updated_node.with_changes(
            left=self._in_place(updated_node.left), right=self._in_place(updated_node.right)
        )

    def _in_place(self, node: cst.BaseExpression) -> cst.BaseExpression:
        held = self._hole(node)
        return node if held is None else operand(held)


def alone(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return an expression as an argument of its own."""
    if isinstance(node, cst.GeneratorExp | cst.NamedExpr | cst.Yield) and not node.lpar:
        return _parenthesised(node)
    return node


def operand(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return an expression as it may stand beside any operator, or before a dot."""
    atoms = cst.Name | cst.Attribute | cst.Call | cst.Subscript | cst.List | cst.Dict | cst.Float
    if isinstance(node, atoms) or node.lpar:
        return node
    return _parenthesised(node)


def _parenthesised(node: cst.BaseExpression) -> cst.BaseExpression:
    return node.with_changes(
        lpar=[cst.LeftParen(), *node.lpar], rpar=[*node.rpar, cst.RightParen()]
    )


def is_simple(node: cst.BaseExpression | None) -> bool:
    """Tell whether an expression may be evaluated twice: a name, attributes, or a number."""
    return node is not None and (
        dotted(node) is not None or isinstance(node, cst.Integer | cst.Float)
    )


def loses_comments(call: cst.Call) -> bool:
    """Tell whether comments stand between the arguments of a call."""
    inside = sum(len(m.findall(arg.value, m.Comment())) for arg in call.args)
    return len(m.findall(call, m.Comment())) > inside + len(m.findall(call.func, m.Comment()))
