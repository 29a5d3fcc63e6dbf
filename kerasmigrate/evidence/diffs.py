"""The text of a file before and after, side by side, with the rules and findings in place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from kerasmigrate.evidence.changes import Cause, FileChange, Hunk, Row
from kerasmigrate.evidence.markup import Markup, join, tag, text
from kerasmigrate.evidence.words import Level, badge, plural, severity_badge
from kerasmigrate.findings import Finding
from kerasmigrate.report import rule_name

_TOKEN = re.compile(r"\w+|\s+|.")
#: Words of a line above which changes within it are not marked, and characters that are shown.
_MARKED, _SHOWN = 300, 2000
#: Share of a line that has to be the same before the rest is marked.
_SAME = 0.25


def rule_link(code: str) -> Markup:
    """Return a link to the explanation of a rule."""
    return tag("a", f"{code} {rule_name(code)}".rstrip(), href=f"#rule-{code}")


def note(finding: Finding) -> Markup:
    """Return a finding that is left for a person, with what to do about it."""
    advice = tag("span", finding.advice, class_="advice") if finding.advice else None
    return join(
        severity_badge(finding.severity),
        " ",
        rule_link(finding.code),
        f": {finding.message} ",
        advice,
    )


def render(change: FileChange, display: str) -> Markup:
    """Return the changes of a file, and its findings."""
    parts: list[Markup] = []
    if change.whole:
        parts.append(tag("ul", (tag("li", note(each)) for each in change.whole), class_="notes"))
    if change.hunks:
        parts.append(
            tag(
                "table",
                tag("caption", f"{display}: before and after"),
                tag(
                    "thead",
                    tag(
                        "tr",
                        tag("th", "Line", scope="col"),
                        tag("th", "Before", scope="col"),
                        tag("th", "Line", scope="col"),
                        tag("th", "After", scope="col"),
                    ),
                ),
                (_hunk(hunk) for hunk in change.hunks),
                class_="diff",
            )
        )
    if change.elsewhere:
        listed = (tag("li", _made(each)) for each in change.elsewhere)
        parts.append(tag("p", "Fixed as well, by changes that are shown above:"))
        parts.append(tag("ul", listed, class_="made"))
    return join(parts)


def _made(finding: Finding) -> Markup:
    return join(f"line {finding.line}: ", rule_link(finding.code), f": {finding.message}")


def _hunk(hunk: Hunk) -> Markup:
    heading = tag("th", _range(hunk.rows), colspan="4", scope="rowgroup")
    return tag("tbody", tag("tr", heading, class_="head"), _rows(hunk))


def _rows(hunk: Hunk) -> Iterator[Markup]:
    for at, row in enumerate(hunk.rows):
        if at in hunk.causes:
            yield tag("tr", tag("td", _why(hunk.causes[at]), colspan="4"), class_="why")
        yield _line(row)
        for finding in hunk.notes.get(row.old or 0, ()):
            yield tag("tr", tag("td", note(finding), colspan="4"), class_="note")


def _why(cause: Cause) -> Markup:
    """Return what made a change, one reason in a line."""
    several = len({each.line for each in cause.made_by}) > 1
    reasons = [
        join(f"Line {each.line}: " if several else "", rule_link(each.code), f": {each.message}")
        for each in cause.made_by
    ]
    if cause.needed_by:
        links = ([", " if at else "", rule_link(code)] for at, code in enumerate(cause.needed_by))
        reasons.append(join("Follows from ", links, " elsewhere in this file"))
    if cause.by_hand:
        edited = badge(Level.PLAIN, "edited by hand")
        words = "Not all of this is" if cause.made_by else "This is not"
        reasons.append(join(edited, f" {words} what kerasmigrate wrote."))
    if not reasons:
        reasons.append(text("Follows from the other edits of this file"))
    return join(tag("div", each) for each in reasons)


def _range(rows: Sequence[Row]) -> str:
    numbers = [row.old for row in rows if row.old is not None]
    if not numbers:
        return plural(len(rows), "new line")
    first, last = numbers[0], numbers[-1]
    return f"Line {first}" if first == last else f"Lines {first} to {last}"


def _line(row: Row) -> Markup:
    if row.equal:
        before = after = text(_cut(row.before))
        state = None
    elif row.old is None:
        before, after, state = text(""), tag("ins", _cut(row.after)), "a"
    elif row.new is None:
        before, after, state = tag("del", _cut(row.before)), text(""), "d"
    else:
        before, after = _marked(row.before, row.after)
        state = "c"
    return tag(
        "tr",
        tag("td", row.old),
        tag("td", before),
        tag("td", row.new),
        tag("td", after),
        class_=state,
    )


def _cut(line: str) -> str:
    if len(line) <= _SHOWN:
        return line
    return f"{line[:_SHOWN]} … {plural(len(line) - _SHOWN, 'more character')}"


def _marked(before: str, after: str) -> tuple[Markup, Markup]:
    """Mark what differs between two lines; all of it, where hardly anything is the same."""
    whole = tag("del", _cut(before)), tag("ins", _cut(after))
    if max(len(before), len(after)) > _SHOWN:
        return whole
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    if max(len(old), len(new)) > _MARKED:
        return whole
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _SAME:
        return whole
    left: list[Markup] = []
    right: list[Markup] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        gone, come = "".join(old[i1:i2]), "".join(new[j1:j2])
        if kind == "equal":
            left.append(text(gone))
            right.append(text(come))
            continue
        if gone:
            left.append(tag("del", gone))
        if come:
            right.append(tag("ins", come))
    return join(left), join(right)
