"""Calls: arguments by the names of their parameters, edited, and printed with little change.

A positional argument gets its name from the signature that the code was written for; what may stay
positional afterwards is decided by the signature of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import libcst as cst

from kerasmigrate.inventory import Signature


@dataclass(eq=False)
class Argument:
    """One argument of a call.

    Attributes:
        name: The parameter that it goes to; None when it is starred or nobody knows.
        original: Its value in the original tree, to ask questions about; None when it is new.
        value: Its value in the updated tree, to be printed.
        arg: The updated argument that it stands in; None when it is new.
        positional: Whether it is passed by position.
        star: ``*`` or ``**``, or nothing.
        dropped: Whether it goes away.
        touched: Whether anything about it changed.
        own: Whether a class in between keeps it, so that it never comes to the callee.
    """

    name: str | None
    original: cst.BaseExpression | None
    value: cst.BaseExpression
    arg: cst.Arg | None
    positional: bool = False
    star: str = ""
    dropped: bool = False
    touched: bool = False
    own: bool = False


class UnbindableError(Exception):
    """The edited call would not fit the target; says why in a few words."""


class Arguments:
    """The arguments of one call, for editing.

    Args:
        original: The call in the original tree.
        updated: The same call with its children already updated.
        source: The signature that positional arguments were written for; None when unknown.
        skip: Number of leading arguments that are none of the callee's (``self``, or the callee
            itself in ``functools.partial``).
        partial: Whether more arguments come later, so that none is missing.
        takes: Tells of an argument whether it comes to the callee; all do when left out.

    Raises:
        UnbindableError: Another transform changed the number of arguments in between.
    """

    def __init__(
        self,
        original: cst.Call,
        updated: cst.Call,
        source: Signature | None,
        *,
        skip: int = 0,
        partial: bool = False,
        takes: Callable[[cst.Arg], bool] | None = None,
    ) -> None:
        if len(original.args) != len(updated.args):
            raise UnbindableError("another rule changed its arguments")
        self.call = updated
        self.items: list[Argument] = []
        self._skipped = list(updated.args[:skip])
        self.partial = partial
        #: Positional arguments that `fit` had to give a name.
        self.named: list[str] = []
        slots = list(source.names()) if source is not None else []
        index = 0
        known = True
        for before, after in zip(original.args[skip:], updated.args[skip:], strict=True):
            item = Argument(None, before.value, after.value, after, star=before.star)
            if takes is not None and not takes(before):
                item.own = True
            elif before.keyword is not None:
                item.name = before.keyword.value
            elif not before.star:
                item.positional = True
                if known and index < len(slots):
                    item.name = slots[index]
                index += 1
            elif before.star == "*":
                item.positional = True
                known = False
            self.items.append(item)

    # -- questions ---------------------------------------------------------------------------

    @property
    def live(self) -> list[Argument]:
        """The arguments that are not dropped, in the order of the code."""
        return [item for item in self.items if not item.dropped]

    @property
    def keywords(self) -> set[str]:
        """The names that are passed by keyword."""
        return {item.name for item in self.live if item.name and not item.positional}

    @property
    def positional(self) -> list[Argument]:
        """The arguments that are passed by position, without stars."""
        return [item for item in self.live if item.positional and not item.star]

    @property
    def starred(self) -> bool:
        """Whether there is a ``*`` or ``**`` argument."""
        return any(item.star for item in self.live)

    @property
    def changed(self) -> bool:
        """Whether any argument was edited."""
        return any(item.touched or item.dropped for item in self.items)

    def get(self, name: str) -> Argument | None:
        """Return the argument for a parameter, if the call shows it."""
        for item in self.live:
            if item.name == name:
                return item
        return None

    # -- edits -------------------------------------------------------------------------------

    def rename(self, old: str, new: str) -> None:
        """Give an argument the name that its parameter has now.

        Raises:
            UnbindableError: The new name is already taken.
        """
        item = self.get(old)
        if item is None or old == new:
            return
        if self.get(new) is not None:
            raise UnbindableError(f"both {old}= and {new}= are given")
        item.name = new
        item.touched = item.touched or not item.positional

    def replace(self, item: Argument, value: cst.BaseExpression) -> None:
        """Give an argument another value."""
        item.value = value
        item.touched = True

    def drop(self, item: Argument) -> None:
        """Take an argument out of the call."""
        item.dropped = True
        item.touched = True

    def combine(self, items: Sequence[Argument], name: str, value: cst.BaseExpression) -> None:
        """Put one argument in the place of several.

        Raises:
            UnbindableError: The new name is already taken.
        """
        if self.get(name) not in (None, *items):
            raise UnbindableError(f"{name}= is already given")
        first = min(items, key=self.items.index)
        for item in items:
            if item is not first:
                self.drop(item)
        first.name = name
        self.replace(first, value)

    def insert(
        self, name: str, value: cst.BaseExpression, after: Argument | None = None
    ) -> Argument:
        """Add a keyword argument behind another one, or at the end.

        Raises:
            UnbindableError: The name is already taken.
        """
        if self.get(name) is not None:
            raise UnbindableError(f"{name}= is already given")
        item = Argument(name, None, value, None, touched=True)
        self.items.insert(self.items.index(after) + 1 if after else len(self.items), item)
        return item

    # -- the result --------------------------------------------------------------------------

    def fit(self, target: Signature) -> list[str]:
        """Decide what stays positional, and check the call against the target's signature.

        Returns:
            Names of arguments that were not touched and that the target does not have.

        Raises:
            UnbindableError: An edited argument does not fit.
        """
        slots = target.names()
        index = 0
        named = False
        for item in self.live:
            if item.own:
                continue
            if not item.positional:
                # It stood in the line of positions, so what is behind it needs names as well.
                by_place = item.arg is not None and item.arg.keyword is None
                named = named or (by_place and not item.star)
                continue
            if item.star:
                if named:
                    raise UnbindableError("a starred argument follows one that needs a name")
                index = len(slots)
            elif not named and (
                (index < len(slots) and item.name == slots[index])
                or (item.name is None and not item.touched)
            ):
                index += 1
            elif item.name is None:
                raise UnbindableError("a positional argument has no known name")
            else:
                named = True
                item.positional = False
                item.touched = True
                self.named.append(item.name)
        seen: set[str] = set(slots[: len(self.positional)])
        left: list[str] = []
        for item in self.live:
            if item.positional or item.star or item.own:
                continue
            assert item.name is not None
            if item.name in seen:
                raise UnbindableError(f"{item.name}= is given twice")
            seen.add(item.name)
            if not target.named(item.name):
                if item.touched:
                    raise UnbindableError(f"the target has no argument {item.name}=")
                if not target.accepts(item.name):
                    left.append(item.name)
        if not self.starred and not self.partial:
            for each in target.parameters:
                if each.required and each.name not in seen:
                    raise UnbindableError(f"the required argument {each.name}= is missing")
        return left

    def render(self) -> cst.Call:
        """Print the call with the edits; layout, comments and commas stay where they can."""
        args: list[cst.Arg] = list(self._skipped)
        call = self.call
        for item in self.items:
            if item.dropped:
                if item.arg is None:
                    continue
                last = item is self.items[-1]
                if args:
                    args[-1] = _take_over(args[-1], item.arg, last=last)
                elif not last and not isinstance(_gap(item.arg), cst.SimpleWhitespace):
                    call = call.with_changes(
                        whitespace_before_args=_join(call.whitespace_before_args, _gap(item.arg))
                    )
                continue
            args.append(_printed(item, alone=len(self.live) == 1))
            if item.arg is None and len(args) > 1:
                args[-2], args[-1] = _append(args[-2], args[-1])
        return call.with_changes(args=args)


def _printed(item: Argument, *, alone: bool) -> cst.Arg:
    value = item.value
    arg = item.arg if item.arg is not None else cst.Arg(value)
    if isinstance(value, cst.GeneratorExp) and not value.lpar and (item.touched or not alone):
        value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    elif item.arg is not None and not item.touched:
        return item.arg
    if item.positional or item.star:
        return arg.with_changes(value=value)
    assert item.name is not None
    keyword = cst.Name(item.name)
    if arg.keyword is not None:
        return arg.with_changes(keyword=keyword, value=value)
    return arg.with_changes(
        keyword=keyword,
        value=value,
        equal=cst.AssignEqual(
            whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace("")
        ),
    )


def _gap(arg: cst.Arg) -> cst.BaseParenthesizableWhitespace:
    """Return the white space between an argument's comma and the next argument."""
    if isinstance(arg.comma, cst.Comma):
        return arg.comma.whitespace_after
    return cst.SimpleWhitespace("")


def _take_over(kept: cst.Arg, dropped: cst.Arg, *, last: bool) -> cst.Arg:
    """Give an argument the separator of the dropped one behind it."""
    if last:
        gap = _gap(kept)
        if _has_comment(gap):
            return kept  # its comma stays, as a trailing one
        return kept.with_changes(
            comma=dropped.comma, whitespace_after_arg=dropped.whitespace_after_arg
        )
    if not isinstance(kept.comma, cst.Comma):
        return kept.with_changes(comma=dropped.comma)
    return kept.with_changes(
        comma=kept.comma.with_changes(whitespace_after=_join(_gap(kept), _gap(dropped)))
    )


def _has_comment(gap: cst.BaseParenthesizableWhitespace) -> bool:
    return isinstance(gap, cst.ParenthesizedWhitespace) and (
        gap.first_line.comment is not None or any(line.comment for line in gap.empty_lines)
    )


def _join(
    before: cst.BaseParenthesizableWhitespace, after: cst.BaseParenthesizableWhitespace
) -> cst.BaseParenthesizableWhitespace:
    """Join the gaps around a dropped argument without losing a comment."""
    if not isinstance(before, cst.ParenthesizedWhitespace):
        return after
    if not isinstance(after, cst.ParenthesizedWhitespace) or not _has_comment(after):
        return before
    if not _has_comment(before):
        return after
    comments = [after.first_line.comment] if after.first_line.comment is not None else []
    lines = [
        cst.EmptyLine(indent=before.indent, whitespace=before.last_line, comment=comment)
        for comment in comments
    ]
    return after.with_changes(
        first_line=before.first_line, empty_lines=[*before.empty_lines, *lines, *after.empty_lines]
    )


def _append(before: cst.Arg, new: cst.Arg) -> tuple[cst.Arg, cst.Arg]:
    """Separate a new argument from the one before it, whose place it takes before what follows."""
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return (
        before.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace("")),
        new.with_changes(comma=before.comma, whitespace_after_arg=before.whitespace_after_arg),
    )
