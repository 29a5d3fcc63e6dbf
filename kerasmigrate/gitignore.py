r"""Patterns in the style of ``.gitignore``, with the meaning that git gives them.

A path is judged entry by entry on the way down, as git does it: a pattern speaks of the entry that
it matches, and what is below an ignored folder is never looked at. (Matching whole paths at once,
as general libraries do, gives other answers for dir-only negations such as ``*`` and ``!*/``.)
Source of the syntax: the manual page gitignore(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


@dataclass(frozen=True)
class Pattern:
    """One pattern.

    Attributes:
        negated: It started with ``!``: what it matches is not ignored.
        only_folders: It ended with ``/``.
        whole_path: It speaks of the path from the base; otherwise of a name at any depth.
        expression: Matches the path or the name in full.
    """

    negated: bool
    only_folders: bool
    whole_path: bool
    expression: str

    @cached_property
    def matcher(self) -> re.Pattern[str]:
        """The compiled expression."""
        return re.compile(self.expression, re.DOTALL)


@dataclass(frozen=True)
class Patterns:
    """The patterns of one ignore file or of one option, of which the last that matches decides."""

    patterns: tuple[Pattern, ...]

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Patterns:
        """Read lines; comments, blank lines and patterns that mean nothing are left out."""
        parsed = (parse(line) for line in lines)
        return cls(tuple(pattern for pattern in parsed if pattern is not None))

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Judge one entry by itself: ignored, not ignored (negated), or None: nothing said.

        Args:
            path: Relative to the base of the patterns, without a slash at either end.
            is_folder: Whether the entry is a folder.
        """
        name = path.rpartition("/")[2]
        for pattern in reversed(self.patterns):
            if pattern.only_folders and not is_folder:
                continue
            if pattern.matcher.fullmatch(path if pattern.whole_path else name):
                return not pattern.negated
        return None


def parse(line: str) -> Pattern | None:
    """Read one line; None when it holds no pattern, or one that can never match anything."""
    body = line.removesuffix("\n").removesuffix("\r")
    if body.startswith("#"):
        return None
    body = _without_spaces_at_the_end(body)
    negated = body.startswith("!")
    body = body[negated:]
    only_folders = body.endswith("/")
    body = body.removesuffix("/")
    whole_path = "/" in body
    expression = _translate(body.removeprefix("/"), whole_path) if body else None
    if expression is None:
        return None
    return Pattern(negated, only_folders, whole_path, expression)


def _without_spaces_at_the_end(body: str) -> str:
    stripped = body.rstrip(" ")
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    # A backslash keeps the space after it.
    return body[: len(stripped) + 1] if backslashes % 2 else stripped


def _translate(body: str, whole_path: bool) -> str | None:
    """Turn a pattern into a regular expression; None when it is malformed."""
    out: list[str] = []
    at = 0
    while at < len(body):
        char = body[at]
        if char == "*":
            stop = at
            while stop < len(body) and body[stop] == "*":
                stop += 1
            starts = at == 0 or body[at - 1] == "/"
            if whole_path and stop - at > 1 and starts and body[stop : stop + 1] in ("", "/"):
                out.append("(?:.*/)?" if body[stop : stop + 1] else ".*")
                at = stop + 1
                continue
            out.append("[^/]*")
            at = stop
        elif char == "?":
            out.append("[^/]")
            at += 1
        elif char == "[":
            bracket = _bracket(body, at + 1)
            if bracket is None:
                return None
            expression, at = bracket
            out.append(expression)
        else:
            if char == "\\":
                at += 1
                if at == len(body):
                    return None
            out.append(re.escape(body[at]))
            at += 1
    return "".join(out)


def _bracket(body: str, at: int) -> tuple[str, int] | None:
    """Translate a bracket expression from behind its ``[``; return it and where it ends."""
    negated = body[at : at + 1] in ("!", "^")
    at += negated
    parts: list[str] = []
    first = True
    while True:
        char = body[at : at + 1]
        if not char:
            return None
        if char == "]" and not first:
            break
        first = False
        if body.startswith("[:", at):
            end = body.find(":]", at)
            if end >= 0:
                known = _CLASSES.get(body[at + 2 : end])
                if known is None:
                    return None
                parts.append(known)
                at = end + 2
                continue
        low, at = _member(body, at)
        high = low
        if body[at : at + 1] == "-" and body[at + 1 : at + 2] not in ("", "]"):
            high, at = _member(body, at + 1)
        if not low or not high:
            return None
        if low <= high:
            parts.append(f"{re.escape(low)}-{re.escape(high)}")
    inside = "".join(parts)
    if negated:
        return f"[^/{inside}]", at + 1
    # A range that runs backwards has no members, and no bracket matches a slash.
    return (f"(?!/)[{inside}]" if inside else "(?!)"), at + 1


def _member(body: str, at: int) -> tuple[str, int]:
    at += body[at : at + 1] == "\\"
    return body[at : at + 1], at + 1
