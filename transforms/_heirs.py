"""Calls of the code's own classes that hand their arguments on to a Keras class."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst

from kerasmigrate.callees import Callee, callee, is_super_init
from kerasmigrate.flavours import canonical
from kerasmigrate.names import Symbol
from kerasmigrate.transform import Context

from ._layer_classes import Foreign, LayerClasses, Parent


@dataclass(frozen=True)
class _Way:
    """What a constructor keeps, and to whom it hands on the rest.

    Attributes:
        own: Names of the arguments that it takes itself.
        positions: Whether arguments by position are its own.
        base: The class whose constructor it calls, as written; empty for ``super()``.
    """

    own: frozenset[str]
    positions: bool
    base: str


class Heirs:
    """Finds the Keras class behind calls of classes that derive from one.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._classes = context.shared(LayerClasses)
        self._known: dict[tuple[Parent, str], Callee | None] = {}
        self._calls: dict[cst.Call, Callee | None] = {}

    def callee(self, call: cst.Call) -> Callee | None:
        """Return what a call reaches: a Keras class itself, or one that a class hands on to.

        A class counts when it has no constructor, or one that takes ``**kwargs`` and does nothing
        with them but to hand them on; then ``own`` says what stays with the class.
        """
        return callee(self._context.names, call) or self.heir(call)

    def heir(self, call: cst.Call) -> Callee | None:
        """Return the Keras class behind a call of a class of the code, and what reaches it."""
        if call not in self._calls:
            self._calls[call] = self._heir(call)
        return self._calls[call]

    def base(self, owner: cst.ClassDef, call: cst.Call) -> Callee | None:
        """Return the Keras class behind ``super().__init__()`` of a class of the code.

        For a class whose only base is another class of the code.
        """
        parents = self._classes.parents(owner)
        if len(parents) != 1 or not is_super_init(call):
            return None
        parent, name = parents[0], owner.name.value
        return None if parent is None or isinstance(parent, str) else self._follow(parent, name)

    def _heir(self, call: cst.Call) -> Callee | None:
        if not isinstance(call.func, cst.Name | cst.Attribute):
            return None
        if self._context.symbol(call.func) is not None:
            return None
        start = self._classes.resolve(call.func)
        if start is None or isinstance(start, str):
            return None
        name = self._context.module.code_for_node(call.func).rpartition(".")[2]
        if (start, name) not in self._known:
            self._known[start, name] = self._follow(start, name)
        return self._known[start, name]

    def _follow(self, start: cst.ClassDef | Foreign, name: str) -> Callee | None:
        own: frozenset[str] = frozenset()
        positions = False
        current: cst.ClassDef | Foreign = start
        seen: list[Parent] = []
        while current not in seen:
            seen.append(current)
            tree = self._tree(current)
            if tree is None or tree.keywords or _defines(tree, "__new__"):
                return None
            bases = [ast.unparse(each) for each in tree.bases]
            parents = list(self._parents(current))
            if not bases or len(bases) != len(parents):
                return None
            at = 0
            if _defines(tree, "__init__"):
                way = _way(tree)
                if way is None or (way.base and way.base not in bases):
                    return None
                own |= way.own
                positions = positions or way.positions
                at = bases.index(way.base) if way.base else 0
            parent, flavour = parents[at]
            if parent is None or (at == 0 and len(bases) > 1 and not isinstance(parent, str)):
                return None  # the next class may be that of another base
            if isinstance(parent, str):
                symbol = self._symbol(current, at, parent, flavour)
                if symbol is None:
                    return None
                return Callee(
                    parent,
                    symbol,
                    partial=bool(own) or positions,
                    own=own,
                    own_positions=positions,
                    called=name,
                )
            current = parent
        return None

    def _tree(self, owner: cst.ClassDef | Foreign) -> ast.ClassDef | None:
        if isinstance(owner, Foreign):
            return owner.node
        code = textwrap.dedent(self._context.module.code_for_node(owner))
        try:
            return next(each for each in ast.parse(code).body if isinstance(each, ast.ClassDef))
        except (SyntaxError, StopIteration):
            return None

    def _parents(self, owner: cst.ClassDef | Foreign) -> Iterator[tuple[Parent | None, str]]:
        """Yield the bases of a class, and the flavour through which the code reached each."""
        if isinstance(owner, Foreign):
            project = self._context.view.project
            for base, parent in zip(
                owner.node.bases, self._classes.foreign_parents(owner), strict=True
            ):
                chain = ast.unparse(base)
                head, _, rest = chain.partition(".")
                origin = project.origin(owner.path, head)
                split = canonical(f"{origin}.{rest}" if rest else origin) if origin else None
                yield parent, split[1] if split else "keras"
            return
        for each, parent in zip(owner.bases, self._classes.parents(owner), strict=False):
            symbol = self._context.symbol(each.value)
            yield parent, symbol.flavour if symbol is not None else "keras"

    def _symbol(
        self, owner: cst.ClassDef | Foreign, at: int, path: str, flavour: str
    ) -> Symbol | None:
        """Return a symbol for the Keras class, that says where names of Keras come from here."""
        if isinstance(owner, cst.ClassDef):
            return self._context.symbol(owner.bases[at].value)
        near = self._context.imports.any_symbol()
        return replace(near, path=path, flavour=flavour) if near is not None else None


def _defines(tree: ast.ClassDef, name: str) -> bool:
    return any(isinstance(each, ast.FunctionDef) and each.name == name for each in tree.body)


def _way(tree: ast.ClassDef) -> _Way | None:
    """Read the constructor of a class; None where it does more than handing its options on."""
    made = [e for e in tree.body if isinstance(e, ast.FunctionDef) and e.name == "__init__"]
    params = made[-1].args
    named = [each.arg for each in (*params.posonlyargs, *params.args)]
    if len(made) != 1 or not named or params.kwarg is None:
        return None
    keywords, places = params.kwarg.arg, params.vararg.arg if params.vararg else ""
    if places and len(named) > 1:
        return None
    inner = [each for each in ast.walk(made[0]) if isinstance(each, ast.Call)]
    handed = [
        call
        for call in inner
        if any(
            k.arg is None and isinstance(k.value, ast.Name) and k.value.id == keywords
            for k in call.keywords
        )
    ]
    if len(handed) != 1:
        return None
    call = handed[0]
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr != "__init__":
        return None
    base = ""
    given = list(call.args)
    if not (
        isinstance(func.value, ast.Call)
        and isinstance(func.value.func, ast.Name)
        and func.value.func.id == "super"
    ):
        base = ast.unparse(func.value)
        given = given[1:]
    if places and not (
        len(given) == 1
        and isinstance(given[0], ast.Starred)
        and isinstance(given[0].value, ast.Name)
        and given[0].value.id == places
        and _uses(made[0], places) == 1
    ):
        return None
    kept = list(_literal_keys(made[0], keywords))
    if _uses(made[0], keywords) != 1 + len(kept):
        return None
    taken = {key for key, is_taken in kept if is_taken}
    own = {*named[1:], *(each.arg for each in params.kwonlyargs), *taken}
    return _Way(frozenset(own), not places, base)


def _uses(function: ast.FunctionDef, name: str) -> int:
    return sum(isinstance(each, ast.Name) and each.id == name for each in ast.walk(function))


def _literal_keys(function: ast.FunctionDef, name: str) -> Iterator[tuple[str, bool]]:
    """Yield each key, written out, that a constructor uses, and whether it takes it out."""

    def is_options(node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id == name

    for each in ast.walk(function):
        key: ast.expr | None = None
        taken = False
        if isinstance(each, ast.Subscript) and is_options(each.value):
            key, taken = each.slice, isinstance(each.ctx, ast.Del)
        elif (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Attribute)
            and is_options(each.func.value)
            and each.func.attr in ("pop", "get", "setdefault")
            and each.args
        ):
            key, taken = each.args[0], each.func.attr == "pop"
        elif (
            isinstance(each, ast.Compare)
            and len(each.ops) == 1
            and isinstance(each.ops[0], ast.In | ast.NotIn)
            and is_options(each.comparators[0])
        ):
            key = each.left
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value, taken
