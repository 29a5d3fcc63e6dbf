"""Adding a parameter or an argument in the layout of its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import libcst as cst

_Item = TypeVar("_Item", cst.Param, cst.Arg)
_NO_SPACE = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """Return the argument ``name=value``."""
    return cst.Arg(value, keyword=cst.Name(name), equal=_NO_SPACE)


def optional(name: str) -> cst.Param:
    """Return the parameter ``name=None``."""
    return cst.Param(cst.Name(name), default=cst.Name("None"), equal=_NO_SPACE)


def add_keyword(call: cst.Call, arg: cst.Arg) -> cst.Call:
    """Add a keyword argument to a call, behind the others and before ``**options``."""
    args = list(call.args)
    place = len(args)
    while place and args[place - 1].star == "**":
        place -= 1
    if not args:
        return call.with_changes(args=[arg])
    if place == len(args):
        return call.with_changes(args=_appended(args, arg, call.whitespace_before_args))
    comma = args[place - 1].comma if place else _comma()
    args.insert(place, arg.with_changes(comma=_plain(comma)))
    return call.with_changes(args=args)


def add_parameter(params: cst.Parameters, param: cst.Param) -> cst.Parameters:
    """Add an optional parameter: behind the positional ones, or behind ``*args``."""
    if isinstance(params.star_arg, cst.Param):
        known = list(params.kwonly_params)
        if params.star_kwarg is None and known:
            return params.with_changes(kwonly_params=_appended(known, param))
        if params.star_kwarg is None:
            star = params.star_arg
            first, last = _linked(star, param, params.params or params.posonly_params)
            return params.with_changes(star_arg=first, kwonly_params=[last])
        before = known[-1] if known else params.star_arg
        param = param.with_changes(comma=_plain(before.comma))
        return params.with_changes(kwonly_params=[*known, param])
    known = list(params.params)
    behind = params.star_kwarg is not None or isinstance(params.star_arg, cst.ParamStar)
    if behind:
        comma = known[-1].comma if known else _comma()
        return params.with_changes(params=[*known, param.with_changes(comma=_plain(comma))])
    if not known:
        return params.with_changes(params=[param])
    return params.with_changes(params=_appended(known, param))


def add_options(params: cst.Parameters, name: str) -> cst.Parameters:
    """Add ``**name`` behind every other parameter; there is none yet."""
    new = cst.Param(cst.Name(name), star="**")
    if isinstance(params.star_arg, cst.Param) and not params.kwonly_params:
        first, last = _linked(params.star_arg, new, params.params or params.posonly_params)
        return params.with_changes(star_arg=first, star_kwarg=last)
    for field, known in (("kwonly_params", params.kwonly_params), ("params", params.params)):
        if known:
            *rest, last_known = known
            first, last = _linked(last_known, new, rest)
            # A comma behind ``**name`` is no syntax that every Python 3 reads.
            last = last.with_changes(
                comma=cst.MaybeSentinel.DEFAULT,
                whitespace_after_param=_without_comment(_after(last_known)),
            )
            return params.with_changes(**{field: [*rest, first], "star_kwarg": last})
    return params.with_changes(star_kwarg=new)


def _after(param: cst.Param) -> cst.BaseParenthesizableWhitespace:
    """Return what stands between a last parameter and the closing parenthesis."""
    if isinstance(param.comma, cst.Comma):
        return param.comma.whitespace_after
    return param.whitespace_after_param


def _appended(
    items: Sequence[_Item],
    new: _Item,
    opening: cst.BaseParenthesizableWhitespace | None = None,
) -> list[_Item]:
    result: list[_Item] = list(items[:-1])
    result += _linked(items[-1], new, items[:-1], opening)
    return result


def _linked(
    last: _Item,
    new: _Item,
    rest: Sequence[_Item],
    opening: cst.BaseParenthesizableWhitespace | None = None,
) -> tuple[_Item, _Item]:
    """Put ``new`` behind ``last``, on a line of its own where its neighbours have one.

    Args:
        opening: What stands behind the opening parenthesis; tells the layout when there is
            nothing before ``last``.
    """
    between = _plain(rest[-1].comma if rest else None)
    if not rest and isinstance(opening, cst.ParenthesizedWhitespace):
        between = between.with_changes(whitespace_after=_without_comment(opening))
    if isinstance(last.comma, cst.Comma):
        new = new.with_changes(comma=last.comma)
        after = last.comma.whitespace_after
        if isinstance(after, cst.ParenthesizedWhitespace) and after.first_line.comment:
            # The comment describes the item before it.
            new = new.with_changes(
                comma=last.comma.with_changes(whitespace_after=_without_comment(after))
            )
            between = between.with_changes(whitespace_after=_carrying(between, after))
        return last.with_changes(comma=between), new
    name = "whitespace_after_param" if isinstance(last, cst.Param) else "whitespace_after_arg"
    trailing = getattr(last, name)
    if isinstance(trailing, cst.ParenthesizedWhitespace):
        new = new.with_changes(**{name: _without_comment(trailing)})
        if trailing.first_line.comment:
            between = between.with_changes(whitespace_after=_carrying(between, trailing))
        last = last.with_changes(**{name: cst.SimpleWhitespace("")})
    return last.with_changes(comma=between), new


def _carrying(
    comma: cst.Comma, trailing: cst.ParenthesizedWhitespace
) -> cst.ParenthesizedWhitespace:
    """Return the space behind ``comma`` with the comment of ``trailing``."""
    after = comma.whitespace_after
    if isinstance(after, cst.ParenthesizedWhitespace):
        return after.with_changes(first_line=trailing.first_line)
    return trailing


def _comma() -> cst.Comma:
    return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _plain(comma: cst.Comma | cst.MaybeSentinel | None) -> cst.Comma:
    """Return a comma as the neighbours have it, without their comments."""
    if not isinstance(comma, cst.Comma):
        return _comma()
    return comma.with_changes(whitespace_after=_without_comment(comma.whitespace_after))


def _without_comment(
    space: cst.BaseParenthesizableWhitespace,
) -> cst.BaseParenthesizableWhitespace:
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return space
    first = space.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
    return space.with_changes(first_line=first, empty_lines=[])


def remove_argument(call: cst.Call, name: str) -> cst.Call:
    """Remove a keyword argument of a call; the others keep their layout."""
    kept = [arg for arg in call.args if arg.keyword is None or arg.keyword.value != name]
    if kept and kept[-1] is not call.args[-1]:
        last = call.args[-1]
        kept[-1] = kept[-1].with_changes(
            comma=last.comma, whitespace_after_arg=last.whitespace_after_arg
        )
    return call.with_changes(args=kept)
