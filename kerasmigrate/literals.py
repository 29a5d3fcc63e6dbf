"""Small questions about expressions: which literal one is, and how to write another like it."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import libcst as cst

Plain = str | int | float | bool | None


class Unknown:
    """Stands for a value that the source does not show."""


UNKNOWN = Unknown()


def string(node: cst.BaseExpression | None) -> str | None:
    """Return the value of a plain string literal, implicit concatenation included."""
    if not isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        return None
    value = node.evaluated_value
    return value if isinstance(value, str) else None


def plain(node: cst.BaseExpression | None) -> Plain | Unknown:
    """Return the value of a string, number, boolean or None literal, else `UNKNOWN`."""
    text = string(node)
    if text is not None:
        return text
    if isinstance(node, cst.Name):
        return {"True": True, "False": False, "None": None}.get(node.value, UNKNOWN)
    if isinstance(node, cst.Integer | cst.Float):
        value: int | float = ast.literal_eval(node.value)
        return value
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        inner = plain(node.expression)
        if isinstance(inner, int | float) and not isinstance(inner, bool):
            return -inner
    return UNKNOWN


def integer(node: cst.BaseExpression | None) -> int | None:
    """Return the value of an integer literal; booleans are none."""
    value = plain(node)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def write(value: Plain, like: cst.BaseExpression | None = None) -> cst.BaseExpression:
    """Write a literal, a string in the quotes of the one that it replaces."""
    if not isinstance(value, str):
        return cst.parse_expression(repr(value))
    quote = "'"
    if isinstance(like, cst.SimpleString):
        quote = like.quote
    elif isinstance(like, cst.ConcatenatedString) and isinstance(like.left, cst.SimpleString):
        quote = like.left.quote
    lpar = getattr(like, "lpar", ())
    return cst.SimpleString(f"{quote}{value}{quote}").with_changes(
        lpar=lpar, rpar=getattr(like, "rpar", ())
    )


def elements(node: cst.BaseExpression | None) -> list[cst.BaseExpression] | None:
    """Return the elements of a tuple or list display without stars."""
    if not isinstance(node, cst.Tuple | cst.List):
        return None
    if any(isinstance(each, cst.StarredElement) for each in node.elements):
        return None
    return [each.value for each in node.elements]


def pairs(node: cst.BaseExpression | None) -> dict[str, cst.BaseExpression] | None:
    """Return a dictionary display, or ``dict(a=1)``, whose keys are all plain strings."""
    if isinstance(node, cst.Dict):
        found: dict[str, cst.BaseExpression] = {}
        for element in node.elements:
            if not isinstance(element, cst.DictElement):
                return None
            key = string(element.key)
            if key is None or key in found:
                return None
            found[key] = element.value
        return found
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
        if any(arg.keyword is None for arg in node.args):
            return None
        return {arg.keyword.value: arg.value for arg in node.args if arg.keyword is not None}
    return None


def mapped(
    original: cst.BaseExpression, updated: cst.BaseExpression, values: Mapping[str, Plain]
) -> cst.BaseExpression | None:
    """Map a literal, or both branches of a conditional expression, through a table.

    Args:
        values: Old string to new value. A value that is already new stays as it is.

    Returns:
        None when the source does not show the value.
    """
    text = string(original)
    if text is not None:
        if text in values:
            return write(values[text], original)
        return updated if text in values.values() else None
    if isinstance(original, cst.Name) and original.value == "None":
        return updated
    if isinstance(original, cst.IfExp) and isinstance(updated, cst.IfExp):
        body = mapped(original.body, updated.body, values)
        orelse = mapped(original.orelse, updated.orelse, values)
        if body is not None and orelse is not None:
            return updated.with_changes(body=body, orelse=orelse)
    return None


def sequence(*values: cst.BaseExpression) -> cst.Tuple:
    """Write a tuple of two or more elements, in parentheses."""
    return cst.Tuple([cst.Element(value) for value in values])
