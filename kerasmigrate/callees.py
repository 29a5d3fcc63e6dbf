"""Which Keras callable a call reaches, also through ``super().__init__`` and ``partial``."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from kerasmigrate.names import Names, Symbol
from kerasmigrate.scopes import dotted


@dataclass(frozen=True)
class Callee:
    """The Keras callable behind a call.

    Attributes:
        path: Canonical path of the class or function.
        symbol: The reference that names it in the code.
        skip: Number of leading arguments that do not go to it.
        partial: Whether more arguments come, or came, from elsewhere.
        own: Names of arguments that a class of the code takes itself before it hands the rest on.
        own_positions: Whether that is so of all arguments by position.
        called: The class of the code that is called; empty when it is the Keras one itself.
    """

    path: str
    symbol: Symbol
    skip: int = 0
    partial: bool = False
    own: frozenset[str] = frozenset()
    own_positions: bool = False
    called: str = ""

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.called or self.path.rpartition(".")[2]

    def takes(self, arg: cst.Arg) -> bool:
        """Tell whether an argument of the call, behind the skipped ones, reaches the callable."""
        if arg.keyword is not None:
            return arg.keyword.value not in self.own
        return bool(arg.star) or not self.own_positions


def callee(names: Names, call: cst.Call) -> Callee | None:
    """Return the Keras callable that a call of the original tree reaches, if it is certain."""
    symbol = names.symbol(call.func)
    if symbol is not None:
        if not symbol.certain:
            return None
        if symbol.path.endswith(".__init__"):
            return Callee(symbol.path.removesuffix(".__init__"), symbol, skip=1)
        return Callee(symbol.path, symbol)
    if is_super_init(call):
        return _base(names, call)
    return _partial(names, call)


def is_super_init(call: cst.Call) -> bool:
    """Tell whether a call is ``super(...).__init__(...)``."""
    func = call.func
    return (
        isinstance(func, cst.Attribute)
        and func.attr.value == "__init__"
        and isinstance(func.value, cst.Call)
        and isinstance(func.value.func, cst.Name)
        and func.value.func.value == "super"
    )


def _base(names: Names, call: cst.Call) -> Callee | None:
    assert isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call)
    reference = names.references.get(call.func.value.func)
    scope = reference.scope if reference is not None else None
    while scope is not None and not isinstance(scope.node, cst.ClassDef):
        scope = scope.parent
    if scope is None or not isinstance(scope.node, cst.ClassDef) or not scope.node.bases:
        return None
    # Another base class in front may take the arguments first.
    symbol = names.symbol(scope.node.bases[0].value)
    return Callee(symbol.path, symbol) if symbol is not None and symbol.certain else None


def _partial(names: Names, call: cst.Call) -> Callee | None:
    if names.origins(call.func) == ("functools.partial",) and call.args:
        symbol = names.symbol(call.args[0].value)
        if symbol is None or not symbol.certain or call.args[0].keyword is not None:
            return None
        return Callee(symbol.path, symbol, skip=1, partial=True)
    if dotted(call.func) is None or not isinstance(call.func, cst.Name):
        return None
    found = [binding.value for binding in names.bindings(call.func)]
    if len(found) != 1 or not isinstance(found[0], cst.Call):
        return None
    made = found[0]
    if names.origins(made.func) != ("functools.partial",):
        return None
    if any(arg.keyword is None for arg in made.args[1:]):
        return None
    inner = _partial(names, made)
    return Callee(inner.path, inner.symbol, partial=True) if inner is not None else None
