"""Reading a tree quickly.

libcst's own visitors rebuild every node that they pass, whitespace included, even when they only
look. Analysis passes far outnumber edits here, so they walk the children directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import libcst as cst

#: Fields that hold layout, in which no name, call or statement can stand.
_LAYOUT = frozenset(
    (
        "asynchronous",
        "colon",
        "comma",
        "comment",
        "default_indent",
        "default_newline",
        "dot",
        "empty_lines",
        "encoding",
        "end",
        "equal",
        "first_colon",
        "first_line",
        "footer",
        "has_trailing_newline",
        "header",
        "indent",
        "last_line",
        "lbrace",
        "lbracket",
        "leading_lines",
        "lines_after_decorators",
        "lpar",
        "newline",
        "operator",
        "posonly_ind",
        "rbrace",
        "rbracket",
        "relative",
        "rpar",
        "second_colon",
        "semicolon",
        "separator",
        "trailing_comma",
        "trailing_whitespace",
    )
)
_fields: dict[type[cst.CSTNode], tuple[str, ...]] = {}


def _names(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    found = tuple(
        field.name
        for field in fields(kind)
        if field.name not in _LAYOUT and not field.name.startswith("whitespace")
    )
    _fields[kind] = found
    return found


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the direct children of a node without layout, in the order of the node's fields."""
    kind = type(node)
    for name in _fields.get(kind) or _names(kind):
        value = getattr(node, name)
        if isinstance(value, cst.CSTNode):
            yield value
        elif isinstance(value, tuple | list):
            for each in value:
                if isinstance(each, cst.CSTNode):
                    yield each


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and everything below it, outer ones first."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(list(children(current))))


class Reader:
    """Base of visitors that only read; the counterpart of ``libcst.CSTVisitor``.

    A ``visit_<Node>`` method that returns False keeps the walk out of the node's children;
    ``leave_<Node>`` is called after them.
    """

    def __init__(self) -> None:
        self._methods: dict[
            type[cst.CSTNode], tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]
        ] = {}

    def visit(self, node: cst.CSTNode) -> None:
        """Walk a node."""
        kind = type(node)
        methods = self._methods.get(kind)
        if methods is None:
            methods = self._methods[kind] = (
                getattr(self, f"visit_{kind.__name__}", None),
                getattr(self, f"leave_{kind.__name__}", None),
            )
        enter, leave = methods
        if enter is None or enter(node) is not False:
            for child in children(node):
                self.visit(child)
        if leave is not None:
            leave(node)
