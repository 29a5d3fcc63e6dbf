"""Signatures of Keras callables, kept as source text and read when somebody asks."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["positional", "keyword", "var_positional", "var_keyword", "positional_only"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a signature.

    Attributes:
        name: Its name, without stars.
        kind: ``positional`` can be given by position or by name, ``keyword`` by name alone.
        default: Source text of the default; None when the argument is required (and for stars);
            ``...`` when the parameter is optional but its default has no literal.
    """

    name: str
    kind: Kind
    default: str | None

    @property
    def required(self) -> bool:
        """Whether a call without this argument fails."""
        return self.default is None and self.kind in {"positional", "keyword", "positional_only"}


@dataclass(frozen=True)
class Signature:
    """What a callable accepts; ``self`` and ``cls`` are left out."""

    parameters: tuple[Parameter, ...]

    def names(self) -> tuple[str, ...]:
        """Return the names of the parameters that can be given by position, in order."""
        return tuple(
            each.name for each in self.parameters if each.kind in {"positional", "positional_only"}
        )

    def get(self, name: str) -> Parameter | None:
        """Return the real parameter that a keyword argument ``name`` goes to, if there is one."""
        for each in self.parameters:
            if each.name == name and each.kind in {"positional", "keyword"}:
                return each
        return None

    def named(self, keyword: str) -> bool:
        """Tell whether ``keyword`` is a real parameter, not one that ``**kwargs`` swallows."""
        return self.get(keyword) is not None

    def accepts(self, keyword: str) -> bool:
        """Tell whether a call may pass ``keyword``, be it through ``**kwargs``."""
        return self.named(keyword) or any(each.kind == "var_keyword" for each in self.parameters)

    def bind(self, positional: int, keywords: Sequence[str]) -> str | None:
        """Try a call with ``positional`` unnamed arguments and these keyword arguments.

        Returns:
            None when such a call binds, else the reason in one line.
        """
        slots = [each for each in self.parameters if each.kind in {"positional", "positional_only"}]
        if positional > len(slots) and not any(
            each.kind == "var_positional" for each in self.parameters
        ):
            return f"{positional} positional arguments, but it takes at most {len(slots)}"
        filled = {each.name for each in slots[:positional]}
        seen: set[str] = set()
        for keyword in keywords:
            if not self.accepts(keyword):
                return f"no argument {keyword!r}"
            if keyword in seen or (keyword in filled and self.named(keyword)):
                return f"argument {keyword!r} is given twice"
            seen.add(keyword)
        for each in self.parameters:
            if each.required and each.name not in filled | seen:
                return f"argument {each.name!r} is missing"
        return None

    def __str__(self) -> str:
        parts: list[str] = []
        previous = None
        for each in self.parameters:
            if previous == "positional_only" and each.kind != "positional_only":
                parts.append("/")
            if each.kind == "keyword" and previous not in {"keyword", "var_positional"}:
                parts.append("*")
            stars = {"var_positional": "*", "var_keyword": "**"}.get(each.kind, "")
            default = "" if each.default is None else f"={each.default}"
            parts.append(f"{stars}{each.name}{default}")
            previous = each.kind
        if previous == "positional_only":
            parts.append("/")
        return f"({', '.join(parts)})"


def from_arguments(node: ast.arguments, skip: int = 0) -> Signature:
    """Turn the parameter list of a function definition into a signature.

    Args:
        node: The ``args`` of a function definition.
        skip: How many leading parameters to leave out: 1 for ``self`` or ``cls``.
    """
    found: list[Parameter] = []
    slots = [*node.posonlyargs, *node.args]
    defaults: list[ast.expr | None] = [None] * (len(slots) - len(node.defaults))
    defaults += node.defaults
    for position, (slot, value) in enumerate(zip(slots, defaults, strict=True)):
        kind: Kind = "positional_only" if position < len(node.posonlyargs) else "positional"
        found.append(Parameter(slot.arg, kind, None if value is None else ast.unparse(value)))
    del found[:skip]
    if node.vararg is not None:
        found.append(Parameter(node.vararg.arg, "var_positional", None))
    for slot, value in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        found.append(Parameter(slot.arg, "keyword", None if value is None else ast.unparse(value)))
    if node.kwarg is not None:
        found.append(Parameter(node.kwarg.arg, "var_keyword", None))
    return Signature(tuple(found))


@lru_cache(maxsize=4096)
def parse(text: str) -> Signature:
    """Read a signature as `Signature.__str__` writes it, for example ``(units, activation=None)``.

    Raises:
        SyntaxError: The text is no parameter list.
    """
    statement = ast.parse(f"def f{text}: pass").body[0]
    assert isinstance(statement, ast.FunctionDef)
    return from_arguments(statement.args)
