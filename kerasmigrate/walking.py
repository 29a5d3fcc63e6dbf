"""Reading a tree quickly.

libcst's own visitors rebuild every node that they pass, whitespace included, even when they only
look. Analysis passes far outnumber edits here, so they walk the children directly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import attrgetter
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
_Getter = Callable[[cst.CSTNode], tuple[Any, ...]]
_getters: dict[type[cst.CSTNode], _Getter] = {}


class _Nodes(dict[type, bool]):
    """Tells whether a class is one of nodes; asking `isinstance` each time takes much longer."""

    def __missing__(self, kind: type) -> bool:
        self[kind] = found = issubclass(kind, cst.CSTNode)
        return found


_is_node = _Nodes()


def _getter(kind: type[cst.CSTNode]) -> _Getter:
    """Return a function that reads the fields of a class of nodes, without layout."""
    names = [
        field.name
        for field in fields(kind)
        if field.name not in _LAYOUT and not field.name.startswith("whitespace")
    ]
    found: _Getter
    if len(names) > 1:
        found = attrgetter(*names)
    elif names:
        one = attrgetter(names[0])

        def found(node: cst.CSTNode) -> tuple[Any, ...]:
            return (one(node),)
    else:

        def found(node: cst.CSTNode) -> tuple[Any, ...]:
            return ()

    _getters[kind] = found
    return found


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the direct children of a node without layout, in the order of the node's fields."""
    kind = type(node)
    found: list[cst.CSTNode] = []
    for value in (_getters.get(kind) or _getter(kind))(node):
        held = type(value)
        if held is tuple or held is list:
            found += [each for each in value if _is_node[type(each)]]
        elif _is_node[held]:
            found.append(value)
    return found


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and everything below it, outer ones first."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


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
