"""Rebuilding and printing beside libcst's own: the same nodes, the same order, the same places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libcst as cst
import pytest
from libcst.metadata import MetadataWrapper, PositionProvider

from kerasmigrate.rebuilding import Printed, Rebuilder, code

#: Every kind of node that Python 3.10 can write, in odd layouts.
EVERYTHING = """\
# head
import a.b as c, d
from . import (e, f as g,)  # comment
from ..h import *
@decorated(1) # after

# before
class A(B, *d, metaclass=C, **e):
    'text'
    x: int = 3; y: str
    async def f(self, a, /, b=1, *c, d: int, e=2, **f) -> None:
        async with a as b, c: pass
        async for x in y:
            await z
        else: return
        yield; yield from x; w = yield 1
    def g(): ...
def h(*, a): global b; other = lambda x, *y, z=1, **w: (x, y)
if a < b <= c is not d not in e: pass
elif not a and b or -c: x = [*a, 1][1:2, ::3, ...]
else:
    del a, b[0], c.d
    other = {1, 2} | {**a, 'b': c} | {x: y for x, y in z if w} | {x for x in y}
try: raise A from b
except (C, D) as e: raise
except: x += 1; x @= 2; x //= 3
else: pass
finally: assert a, 'b'
for x, in y: break
while x: continue
with (a as b, c as d,): pass
x = (named := 1) if a else (i for i in j for k in l)
y = f'{a!r:>{b}} {c=}' 'd' 'e'
z = 1.5, 2j, \\
    'g'
match a:
    case [1, *b, _] | (2, ) if c: pass
    case {'a': 1, **d}: pass
    case A(1, x=None) as e: pass
    case -1 + 2j | 'f' | h.i: pass
print(*a, b=c, **d)(e)[f].g ** 2 << 3 >> 4 & 5 | 6 ^ 7 % 8 / 9 @ 10 // 11 == 12 != 13
"""

TEXTS = {
    "everything": EVERYTHING,
    "windows": EVERYTHING.replace("\n", "\r\n"),
    "without an end": EVERYTHING[:-1],
    "empty": "",
    "a newline": "\n",
    "a comment": "# only",
    "tabs": "if a:\n\tif b:\n\t\tc = (1,\n  2)\n",
    **{
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(Path(__file__).parents[1].glob("transforms/*.py"))[::12]
    },
}


def parsed(text: str) -> cst.Module:
    return cst.parse_module(text)


class Log(Rebuilder):
    """Writes down what it is shown; enters what it is told to."""

    def __init__(self, closed: tuple[type[cst.CSTNode], ...] = ()) -> None:
        super().__init__()
        self.closed = closed
        self.seen: list[tuple[str, int]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        self.seen.append(("down", id(node)))
        return not isinstance(node, self.closed)

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        self.seen.append(("up", id(original_node)))
        return updated_node


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("closed", [(), (cst.FunctionDef, cst.Comma)])
def test_nodes_are_shown_in_the_order_of_libcst(
    name: str, closed: tuple[type[cst.CSTNode], ...]
) -> None:
    module = parsed(TEXTS[name])
    ours, theirs = Log(closed), Log(closed)
    module.visit(theirs)
    assert ours.rebuild(module) is module
    assert ours.seen == theirs.seen


@pytest.mark.parametrize("name", TEXTS)
def test_texts_and_places_are_those_of_libcst(name: str) -> None:
    module = parsed(TEXTS[name])
    printed = Printed(module)
    assert code(module) == printed.code == module.code == TEXTS[name]
    places = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    assert len(printed) == len(places)
    for node, place in places.items():
        assert printed[node] == place, node


class Edits(Rebuilder):
    """Changes, removes and multiplies nodes."""

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        if isinstance(updated_node, cst.Name) and updated_node.value != "None":
            return updated_node.with_changes(value=updated_node.value + "_")
        if isinstance(updated_node, cst.Pass):
            return cst.RemoveFromParent()
        if isinstance(updated_node, (cst.Assert, cst.Del)):
            return cst.FlattenSentinel([updated_node, cst.Expr(cst.Name("more"))])
        if isinstance(updated_node, cst.Arg) and updated_node.star:
            return cst.RemoveFromParent()
        return updated_node


@pytest.mark.parametrize("name", TEXTS)
def test_edits_come_out_as_from_libcst(name: str) -> None:
    module = parsed(TEXTS[name])
    edited = Edits().rebuild(module)
    assert edited.code == code(edited) == module.visit(Edits()).code
    assert module.code == TEXTS[name]


class Quiet(Log):
    def passes_by(self, kind: type[cst.CSTNode]) -> bool:
        return issubclass(kind, cst.BaseParenthesizableWhitespace)


def test_what_is_passed_by_is_not_shown() -> None:
    module = parsed(EVERYTHING)
    some, everything = Quiet(), Log()
    some.rebuild(module)
    everything.rebuild(module)
    left = {place for _, place in everything.seen} - {place for _, place in some.seen}
    assert 0 < len(left) < len(everything.seen) / 2
    assert [each for each in everything.seen if each[1] not in left] == some.seen


def test_what_is_not_changed_stays_the_same_node() -> None:
    module = parsed("a = 1\nb = 2\n")

    class One(Rebuilder):
        def on_leave(self, original_node: Any, updated_node: Any) -> Any:
            if isinstance(updated_node, cst.Name) and updated_node.value == "a":
                return updated_node.with_changes(value="c")
            return updated_node

    edited = One().rebuild(module)
    assert edited.code == "c = 1\nb = 2\n"
    assert edited.body[1] is module.body[1]
    assert edited.body[0] is not module.body[0]


def test_a_module_that_is_removed_is_empty() -> None:
    class Away(Rebuilder):
        def on_leave(self, original_node: Any, updated_node: Any) -> Any:
            gone = isinstance(updated_node, cst.Module)
            return cst.RemoveFromParent() if gone else updated_node

    assert Away().rebuild(parsed("# a\nb\n")).code == parsed("# a\nb\n").visit(Away()).code
