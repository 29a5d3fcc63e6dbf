"""Changing a tree quickly, and printing it.

libcst's own walk makes every node anew, whitespace included. Here a node stays what it is unless
something below it was changed, and a tree in which nothing was is itself the result. Its printer
keeps the place of every node, at a fraction of what the position provider costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cached_property
from itertools import accumulate
from typing import Any

import libcst as cst
from libcst._nodes.internal import CodegenState
from libcst.metadata import CodePosition, CodeRange

_Left = cst.CSTNode | cst.RemovalSentinel | cst.FlattenSentinel[Any]

_fields: dict[type[cst.CSTNode], tuple[str, ...]] = {}
_is_node: dict[type, bool] = {}


def _ordered_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """Return the fields of a class that hold nodes, in the order in which libcst visits them.

    That order is the order in which ``_visit_and_replace_children`` names them, which for some
    classes is not that of the fields.
    """
    names = {field.name for field in fields(kind)}
    constants = kind._visit_and_replace_children.__code__.co_consts
    _fields[kind] = found = tuple(
        dict.fromkeys(each for each in constants if isinstance(each, str) and each in names)
    )
    return found


def _children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the direct children of a node, layout included, in the order of libcst's visits."""
    kind = type(node)
    found: list[cst.CSTNode] = []
    for name in _fields.get(kind) or _ordered_fields(kind):
        value = getattr(node, name)
        held = type(value)
        if held is tuple or held is list:
            found += value
        elif held is not str and value is not None:
            known = _is_node.get(held)
            if known is None:
                known = _is_node[held] = issubclass(held, cst.CSTNode)
            if known:
                found.append(value)
    return found


class _Replacing(cst.CSTTransformer):
    """Puts what became of the children of one node in their places.

    Args:
        results: What became of each child that is not itself any more, by its identity.
    """

    def __init__(self, results: Mapping[int, _Left]) -> None:
        super().__init__()
        self.results = results

    def on_visit(self, node: cst.CSTNode) -> bool:
        return False

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return self.results.get(id(original_node), updated_node)

    def on_visit_attribute(self, node: cst.CSTNode, attribute: str) -> None:
        return None

    def on_leave_attribute(self, original_node: cst.CSTNode, attribute: str) -> None:
        return None


class Rebuilder(cst.CSTTransformer):
    """Base of transformers whose ``on_visit`` and ``on_leave`` are called by `rebuild`."""

    def passes_by(self, kind: type[cst.CSTNode]) -> bool:
        """Tell whether nodes of a class need not be shown, as nothing is done with them."""
        return False

    def rebuild(self, module: cst.Module) -> cst.Module:
        """Do what ``module.visit(self)`` does, and keep every node that nothing happened to."""
        passed: dict[type[cst.CSTNode], bool] = {}

        def visit(node: cst.CSTNode) -> Any:
            updated: Any = node
            if self.on_visit(node):
                results: dict[int, _Left] = {}
                for child in _children(node):
                    kind = type(child)
                    skip = passed.get(kind)
                    if skip is None:
                        skip = passed[kind] = self.passes_by(kind)
                    if skip:
                        continue
                    result = visit(child)
                    if result is not child:
                        results[id(child)] = result
                if results:
                    updated = node._visit_and_replace_children(_Replacing(results))
            return self.on_leave(node, updated)

        result = visit(module)
        if isinstance(result, cst.Module):
            return result
        return module.with_changes(body=(), header=(), footer=())


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


_NOTHING = _Nothing()


class _Plain(CodegenState):
    """Prints, and does nothing else."""

    def record_syntactic_position(self, node: cst.CSTNode, **_: Any) -> Any:
        return _NOTHING


class _Span:
    """Notes which tokens a node consists of, without the whitespace that belongs to it."""

    __slots__ = ("end_node", "node", "start", "start_node", "state")

    def __init__(
        self,
        state: _Placing,
        node: cst.CSTNode,
        start_node: cst.CSTNode | None,
        end_node: cst.CSTNode | None,
    ) -> None:
        self.state = state
        self.node = node
        self.start_node = start_node
        self.end_node = end_node

    def __enter__(self) -> None:
        self.start = len(self.state.tokens)

    def __exit__(self, *_: object) -> None:
        spans = self.state.spans
        start, end = self.start, len(self.state.tokens)
        if self.start_node is not None:
            start = spans[id(self.start_node)][0]
        if self.end_node is not None:
            end = spans[id(self.end_node)][1]
        spans[id(self.node)] = start, end


class _Placing(CodegenState):
    """Prints, and notes of each node the number of its first token, and of the one behind it."""

    def __init__(self, module: cst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.spans: dict[int, tuple[int, int]] = {}
        self.started: list[int] = []
        self.shortened = False

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.started.append(len(self.tokens))

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self.started.pop()
        if id(node) not in self.spans:
            self.spans[id(node)] = start, len(self.tokens)

    def pop_trailing_newline(self) -> None:
        self.shortened = bool(self.tokens)

    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Any:
        return _Span(self, node, start_node, end_node)


def code(module: cst.Module) -> str:
    """Return what ``module.code`` does."""
    state = _Plain(module.default_indent, module.default_newline)
    module._codegen(state)
    return "".join(state.tokens)


_NEWLINE = re.compile(r"\r\n?|\n")


class Printed(Mapping[cst.CSTNode, CodeRange]):
    """A module as text, and where each of its nodes stands in it.

    The places are those of libcst's ``PositionProvider``.
    """

    def __init__(self, module: cst.Module) -> None:
        self.module = module
        self._state = _Placing(module)
        module._codegen(self._state)

    @cached_property
    def code(self) -> str:
        """The text, as ``module.code`` has it."""
        tokens = self._state.tokens
        return "".join(tokens[:-1] if self._state.shortened else tokens)

    @cached_property
    def _places(self) -> list[CodePosition]:
        """The place before each token, and behind the last one."""

        def behind(place: tuple[int, int], token: str) -> tuple[int, int]:
            line, column = place
            if "\n" not in token and "\r" not in token:
                return line, column + len(token)
            parts = _NEWLINE.split(token)
            return line + len(parts) - 1, len(parts[-1])

        found = accumulate(self._state.tokens, behind, initial=(1, 0))
        return [CodePosition(*place) for place in found]

    def __getitem__(self, node: cst.CSTNode) -> CodeRange:
        start, end = self._state.spans[id(node)]
        return CodeRange(self._places[start], self._places[end])

    def __iter__(self) -> Iterator[cst.CSTNode]:
        raise TypeError("nodes are asked for one by one")

    def __len__(self) -> int:
        return len(self._state.spans)
