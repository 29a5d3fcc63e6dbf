"""Arguments: bound by name, edited, and printed with as little change as possible."""

from __future__ import annotations

import libcst as cst
import pytest

from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.inventory.signature import parse

OLD = parse("(a, b=1, c=2, *, d=None)")
NEW = parse("(x, y=1, c=2, *, d=None, e=None)")


def bound(code: str, **options: int) -> Arguments:
    call = cst.parse_expression(code)
    assert isinstance(call, cst.Call)
    return Arguments(call, call, OLD, **options)


def printed(args: Arguments) -> str:
    args.rename("a", "x")
    args.rename("b", "y")
    args.fit(NEW)
    return cst.Module([]).code_for_node(args.render())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(1)", "f(1)"),
        ("f(1, 2)", "f(1, 2)"),
        ("f(a=1)", "f(x=1)"),
        ("f(1, b = 2)", "f(1, y = 2)"),
        ("f( 1,b=2 )", "f( 1,y=2 )"),
        ("f(\n    1,  # one\n    b=2,  # two\n)", "f(\n    1,  # one\n    y=2,  # two\n)"),
        ("f(b=(2), a=(1))", "f(y=(2), x=(1))"),
        ("f(1, *rest, d=3)", "f(1, *rest, d=3)"),
        ("f(**all, a=1)", "f(**all, x=1)"),
        ("f(b='x' 'y', a=g(b=1))", "f(y='x' 'y', x=g(b=1))"),
        ("f(a=1, b=lambda a, b: a)", "f(x=1, y=lambda a, b: a)"),
    ],
)
def test_renaming_keeps_layout(before: str, after: str) -> None:
    assert printed(bound(before)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(1)", "f()"),
        ("f(1, 2)", "f(y=2)"),
        ("f(1, 2, 3)", "f(y=2, c=3)"),
        ("f(1, d=3)", "f(d=3)"),
        ("f(d=3, a=1)", "f(d=3)"),
        ("f(d=3, a=1,)", "f(d=3,)"),
        ("f(d=3,\n  a=1,\n  c=2)", "f(d=3,\n  c=2)"),
        ("f(d=3, a=1,\n  c=2)", "f(d=3,\n  c=2)"),
        ("f(d=3,\n  a=1, c=2)", "f(d=3,\n  c=2)"),
        ("f(\n    d=3,\n    a=1,\n)", "f(\n    d=3,\n)"),
        ("f(\n    d=3,\n    a=1\n)", "f(\n    d=3\n)"),
        ("f(\n    a=1,\n    d=3\n)", "f(\n    d=3\n)"),
        ("f(d=3,  # three\n  a=1)", "f(d=3,  # three\n  )"),
        ("f(d=3, a=1,  # one\n  c=2)", "f(d=3,  # one\n  c=2)"),
        ("f(d=3,  # three\n  a=1,  # one\n  c=2)", "f(d=3,  # three\n  # one\n  c=2)"),
        ("f(a=1,  # one\n  c=2)", "f(  # one\n  c=2)"),
    ],
)
def test_dropping_keeps_comments_and_commas(before: str, after: str) -> None:
    args = bound(before)
    args.rename("b", "y")
    item = args.get("a")
    assert item is not None
    args.drop(item)
    signature = parse("(x=0, y=1, c=2, *, d=None)")
    args.fit(signature)
    code = cst.Module([]).code_for_node(args.render())
    cst.parse_expression(code)
    assert code == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(1, 2)", "f(1, 2, e=9)"),
        ("f(1, 2,)", "f(1, 2, e=9,)"),
        ("f(\n    1,\n    2\n)", "f(\n    1,\n    2, e=9\n)"),
        ("f(\n    1,\n    2,\n)", "f(\n    1,\n    2, e=9,\n)"),
        ("f(\n    1,\n    2,  # two\n)", "f(\n    1,\n    2, e=9,  # two\n)"),
        ("f(1, **rest)", "f(1, **rest, e=9)"),
        ("f(i for i in j)", "f((i for i in j), e=9)"),
    ],
)
def test_inserting_at_the_end(before: str, after: str) -> None:
    args = bound(before)
    args.insert("e", cst.Integer("9"))
    code = printed(args)
    cst.parse_expression(code)
    assert code == after


def test_inserting_in_the_middle() -> None:
    args = bound("f(1,\n  d=2)")
    args.insert("e", cst.Integer("9"), args.get("a"))
    assert printed(args) == "f(1, e=9,\n  d=2)"


def test_inserting_into_an_empty_call() -> None:
    args = bound("f()")
    args.insert("x", cst.Integer("9"))
    assert printed(args) == "f(x=9)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(0, 1, 2)", "f(0, (1, 2))"),
        ("f(0, 1, c=2)", "f(0, (1, 2))"),
        ("f(c=2, b=1, a=0)", "f(y=(1, 2), a=0)"),
        ("f(0, 1,  # one\n  2)", "f(0, (1, 2),  # one\n  )"),
        ("f(0,\n  1,\n  2,\n  d=3)", "f(0,\n  (1, 2),\n  d=3)"),
    ],
)
def test_combining(before: str, after: str) -> None:
    args = bound(before)
    b, c = args.get("b"), args.get("c")
    assert b is not None and c is not None
    args.combine([b, c], "y", cst.parse_expression("(1, 2)"))
    args.fit(parse("(a, y=None, *, d=None)"))
    assert cst.Module([]).code_for_node(args.render()) == after


def test_a_position_with_another_meaning_gets_a_name_and_so_do_those_behind_it() -> None:
    args = bound("f(1, 2, 3)")
    args.fit(parse("(a, c=None, b=None)"))
    assert cst.Module([]).code_for_node(args.render()) == "f(1, b=2, c=3)"
    assert args.named == ["b", "c"]


def test_only_what_is_edited_has_to_exist_in_the_target() -> None:
    args = bound("f(1, d=2, q=3)")
    assert args.fit(parse("(a, *, d=None)")) == ["q"]


def test_what_keywords_swallow_is_not_left() -> None:
    assert bound("f(1, q=3)").fit(parse("(a, **kwargs)")) == []


def refusal(code: str, target: str, old: str = "a", new: str = "x") -> str:
    args = bound(code)
    with pytest.raises(UnbindableError) as caught:
        args.rename(old, new)
        args.fit(parse(target))
    return str(caught.value)


def test_refusals() -> None:
    assert refusal("f(a=1, x=2)", "(x)") == "both a= and x= are given"
    assert refusal("f(a=1)", "(z)") == "the target has no argument x="
    assert refusal("f(1, 2)", "(x, z, b)") == "the required argument z= is missing"
    assert (
        refusal("f(1, 2, *rest)", "(x, c, b)") == "a starred argument follows one that needs a name"
    )
    assert (
        refusal("f(1, 2, 3, 4)", "(b, x, y, z)", "b", "b")
        == "a positional argument has no known name"
    )


def test_an_argument_that_already_stands_there_is_not_inserted() -> None:
    with pytest.raises(UnbindableError, match="d= is already given"):
        bound("f(1, d=2)").insert("d", cst.Integer("1"))
    args = bound("f(1, b=2, d=3)")
    b = args.get("b")
    assert b is not None
    with pytest.raises(UnbindableError, match="d= is already given"):
        args.combine([b], "d", cst.Integer("1"))


def test_arguments_changed_by_somebody_else() -> None:
    one, two = cst.parse_expression("f(1)"), cst.parse_expression("f(1, 2)")
    assert isinstance(one, cst.Call) and isinstance(two, cst.Call)
    with pytest.raises(UnbindableError, match="another rule changed its arguments"):
        Arguments(one, two, OLD)


def test_leading_arguments_of_somebody_else_are_kept() -> None:
    args = bound("f(self, 1, b=2)", skip=1)
    assert printed(args) == "f(self, 1, y=2)"


def test_nothing_is_missing_from_a_partial_call() -> None:
    call = cst.parse_expression("partial(f, b=2)")
    assert isinstance(call, cst.Call)
    args = Arguments(call, call, OLD, skip=1, partial=True)
    assert printed(args) == "partial(f, y=2)"


def test_positions_behind_a_star_are_unknown() -> None:
    args = bound("f(1, *rest, 2)")
    assert [item.name for item in args.items] == ["a", None, None]
    assert printed(args) == "f(1, *rest, 2)"
