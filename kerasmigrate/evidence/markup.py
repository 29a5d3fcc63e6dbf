"""HTML in which everything is escaped that was not made here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

#: Characters that HTML does not have, that cannot be seen, or that turn the order of text around.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff"
    "\ufffe\uffff\ud800-\udfff]"
)
#: Elements that have no end tag; those of SVG are closed with a slash.
_VOID = {"br": ">", "input": ">", "meta": ">", "circle": "/>", "line": "/>", "path": "/>"}
_VOID |= {"rect": "/>"}


class Markup(str):
    """HTML that may go into a page as it is."""

    __slots__ = ()


def visible(text: str) -> str:
    r"""Return a text in which characters that nobody would see are written out: ``\x00``."""
    return _UNSEEN.sub(lambda match: ascii(match[0])[1:-1], text)


def text(value: str) -> Markup:
    """Return a text as markup; what is markup already stays as it is."""
    return value if isinstance(value, Markup) else Markup(escape(visible(value), quote=False))


def join(*contents: object) -> Markup:
    """Return contents one after the other.

    Args:
        contents: Texts, markup, numbers, None for nothing, and iterables of these.
    """
    parts: list[str] = []
    _collect(contents, parts)
    return Markup("".join(parts))


def _collect(content: object, parts: list[str]) -> None:
    if isinstance(content, str):
        parts.append(text(content))
    elif content is None:
        return
    elif isinstance(content, Iterable):
        for each in content:
            _collect(each, parts)
    else:
        parts.append(text(str(content)))


def tag(name: str, /, *contents: object, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: Of the element.
        contents: As for `join`.
        attributes: By their names, with ``_`` for a hyphen, and with ``_`` at the end where Python
            keeps the name for itself (``class_``). None and False leave one out; True gives one
            without a value.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        parts.append(f" {key}" if value is True else f' {key}="{escape(visible(str(value)))}"')
    if name in _VOID:
        return Markup("".join(parts) + _VOID[name])
    parts.append(">")
    _collect(contents, parts)
    parts.append(f"</{name}>")
    return Markup("".join(parts))
