r"""Unified diffs in bytes, as ``git apply`` and ``patch -p1`` read them.

Lines end at ``\n`` and nowhere else, so that a carriage return, a form feed or U+2028 stays inside
its line; no byte is decoded on the way.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

#: Unchanged lines shown around each change.
CONTEXT = 3

_NO_NEWLINE = b"\n\\ No newline at end of file\n"

#: Product of the numbers of lines up to which two stretches are compared exhaustively.
_EXHAUSTIVE = 40_000

_ESCAPES = {
    0x07: b"\\a",
    0x08: b"\\b",
    0x09: b"\\t",
    0x0A: b"\\n",
    0x0B: b"\\v",
    0x0C: b"\\f",
    0x0D: b"\\r",
    0x22: b'\\"',
    0x5C: b"\\\\",
}

#: Number of changed lines up to which the shortest diff is sought in long stretches.
_EDITS = 600

#: ``(first line in before, first line in after, number of lines)`` that are equal.
_Block = tuple[int, int, int]


def unified(before: bytes, after: bytes, display: str) -> bytes:
    """Return the unified diff that turns ``before`` into ``after``; empty when they are equal.

    Args:
        before: The old content.
        after: The new content.
        display: Path relative to the folder in which the diff is to be applied, with forward
            slashes; quoted as git quotes it when it has unusual characters.
    """
    if before == after:
        return b""
    old, new = _lines(before), _lines(after)
    out = [b"--- ", _quoted("a/" + display), b"\n+++ ", _quoted("b/" + display), b"\n"]
    for hunk in _hunks(old, new):
        (_, old_start, _, new_start, _), (_, _, old_stop, _, new_stop) = hunk[0], hunk[-1]
        old_range, new_range = _range(old_start, old_stop), _range(new_start, new_stop)
        out.append(b"@@ -%s +%s @@\n" % (old_range, new_range))
        for equal, i1, i2, j1, j2 in hunk:
            if equal:
                out.extend(_marked(b" ", old[i1:i2]))
            else:
                out.extend(_marked(b"-", old[i1:i2]))
                out.extend(_marked(b"+", new[j1:j2]))
    return b"".join(out)


def colour(diff: bytes) -> str:
    """Return a diff as text for a terminal, coloured as git colours it.

    For eyes only: bytes that are not UTF-8 and control characters, which could steer the
    terminal, are shown as escapes (a carriage return as ``^M``). Pipes get the bytes instead.
    """
    text = diff.decode("utf-8", "backslashreplace")
    shown: list[str] = []
    old = new = 0  # lines that the hunk still has
    for line in text.split("\n"):
        hunk = _HUNK.match(line) if old <= 0 and new <= 0 else None
        if hunk is not None:
            old, new = int(hunk[1] or 1), int(hunk[2] or 1)
            style = "36"
        elif line.startswith("\\"):
            style = ""
        elif old <= 0 and new <= 0:
            style = "1"
        else:
            style = {"+": "32", "-": "31"}.get(line[:1], "")
            old -= not line.startswith("+")
            new -= not line.startswith("-")
        clean = _CONTROL.sub(_caret, line)
        shown.append(f"\x1b[{style}m{clean}\x1b[0m" if style and clean else clean)
    return "\n".join(shown)


_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _caret(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"^{chr(code ^ 0x40)}" if code < 0x80 else f"\\u{code:04x}"


def _lines(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _marked(mark: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark
        if line.endswith(b"\n"):
            yield line
        else:
            yield line + _NO_NEWLINE


def _range(start: int, stop: int) -> bytes:
    length = stop - start
    if length == 1:
        return b"%d" % (start + 1)
    # An empty range names the line before it.
    return b"%d,%d" % (start + 1 if length else start, length)


def _quoted(path: str) -> bytes:
    raw = os.fsencode(path)
    plain = all(0x20 <= byte < 0x7F and byte not in _ESCAPES for byte in raw)
    # git would leave a space at the end bare, but patch then loses it.
    if plain and not raw.endswith(b" "):
        # A tab ends a name with spaces; otherwise patch takes the rest for a date.
        return raw + b"\t" if b" " in raw else raw
    quoted = b"".join(
        _ESCAPES.get(byte) or (b"%c" % byte if 0x20 <= byte < 0x7F else b"\\%03o" % byte)
        for byte in raw
    )
    return b'"' + quoted + b'"'


def _hunks(
    old: Sequence[bytes], new: Sequence[bytes]
) -> Iterator[list[tuple[bool, int, int, int, int]]]:
    """Yield the hunks, each a list of ``(equal, old start, old stop, new start, new stop)``."""
    hunk: list[tuple[bool, int, int, int, int]] = []
    i = j = 0
    for at_old, at_new, size in [*blocks(old, new), (len(old), len(new), 0)]:
        if (i, j) != (at_old, at_new):
            hunk.append((False, i, at_old, j, at_new))
        i, j = at_old + size, at_new + size
        if not size:
            continue
        last = i == len(old) and j == len(new)
        if hunk and (last or size > 2 * CONTEXT):
            shown = min(size, CONTEXT)
            yield [*hunk, (True, at_old, at_old + shown, at_new, at_new + shown)]
            hunk = []
            if last:
                return
        if hunk:
            hunk.append((True, at_old, i, at_new, j))
        else:
            shown = min(size, CONTEXT)
            hunk = [(True, i - shown, i, j - shown, j)]
    yield hunk  # it ends in a change; had it ended in equal lines, we would be gone


def blocks(old: Sequence[bytes], new: Sequence[bytes]) -> list[_Block]:
    """Return stretches of equal lines in order, adjacent ones joined.

    Each is ``(first line in old, first line in new, number of lines)``, counted from 0.

    ``difflib`` alone is quadratic where lines repeat. So equal ends are cut off first, then lines
    that occur once on both sides serve as anchors, and only what is left between them is compared
    line by line.
    """
    found: list[_Block] = []
    waiting = [(0, len(old), 0, len(new))]
    while waiting:
        i1, i2, j1, j2 = waiting.pop()
        head = i1
        while i1 < i2 and j1 < j2 and old[i1] == new[j1]:
            i1, j1 = i1 + 1, j1 + 1
        if i1 > head:
            found.append((head, j1 - (i1 - head), i1 - head))
        tail = i2
        while i1 < i2 and j1 < j2 and old[i2 - 1] == new[j2 - 1]:
            i2, j2 = i2 - 1, j2 - 1
        if tail > i2:
            found.append((i2, j2, tail - i2))
        if i1 == i2 or j1 == j2:
            continue
        small = (i2 - i1) * (j2 - j1) <= _EXHAUSTIVE
        anchors = [] if small else _anchors(old, new, (i1, i2, j1, j2))
        if anchors:
            edges = [(i1, j1), *anchors, (i2, j2)]
            waiting.extend((a, b, c, d) for (a, c), (b, d) in pairwise(edges))
            continue
        found.extend((i1 + i, j1 + j, n) for i, j, n in _compared(old[i1:i2], new[j1:j2], small))
    joined: list[_Block] = []
    for i, j, n in sorted(found):
        if joined and joined[-1][0] + joined[-1][2] == i and joined[-1][1] + joined[-1][2] == j:
            joined[-1] = (joined[-1][0], joined[-1][1], joined[-1][2] + n)
        else:
            joined.append((i, j, n))
    return joined


def _compared(old: Sequence[bytes], new: Sequence[bytes], small: bool) -> Iterable[_Block]:
    few = None if small else _few_edits(old, new)
    if few is not None:
        return few
    # For large stretches that have little in common, speed matters more than the shortest diff:
    # autojunk leaves frequent lines out of account.
    matcher = SequenceMatcher(None, old, new, autojunk=not small)
    return [(i, j, n) for i, j, n in matcher.get_matching_blocks() if n]


def _few_edits(old: Sequence[bytes], new: Sequence[bytes]) -> list[_Block] | None:
    """Find the shortest script of single-line edits, or None when it has more than ``_EDITS``.

    The greedy algorithm of Myers (1986): for each number of edits and each diagonal
    ``k = i - j`` the farthest point that can be reached.
    """
    farthest = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(_EDITS + 1):
        reached: dict[int, int] = {}
        trace.append(reached)
        for k in range(-edits, edits + 1, 2):
            i = farthest[k + 1] if _inserts(farthest, k, edits) else farthest[k - 1] + 1
            j = i - k
            while i < len(old) and j < len(new) and old[i] == new[j]:
                i, j = i + 1, j + 1
            reached[k] = i
            if i >= len(old) and j >= len(new):
                return _walk_back(trace, len(old), len(new))
        farthest = reached
    return None


def _inserts(farthest: dict[int, int], k: int, edits: int) -> bool:
    """Tell whether diagonal ``k`` is best entered by an inserted line (else by a deleted one)."""
    return k == -edits or (k != edits and farthest[k - 1] < farthest[k + 1])


def _walk_back(trace: list[dict[int, int]], i: int, j: int) -> list[_Block]:
    found: list[_Block] = []
    for edits in range(len(trace) - 1, 0, -1):
        k, farthest = i - j, trace[edits - 1]
        inserts = _inserts(farthest, k, edits)
        start = farthest[k + 1] if inserts else farthest[k - 1] + 1
        if i > start:
            found.append((start, start - k, i - start))
        i, j = (start, start - k - 1) if inserts else (start - 1, start - k)
    return [*found, (0, 0, i)] if i else found


def _anchors(
    old: Sequence[bytes], new: Sequence[bytes], bounds: tuple[int, int, int, int]
) -> list[tuple[int, int]]:
    """Return the longest rising chain of lines that occur exactly once on both sides."""
    i1, i2, j1, j2 = bounds
    old_count, new_count = Counter(old[i1:i2]), Counter(new[j1:j2])
    places = {new[j]: j for j in range(j1, j2) if new_count[new[j]] == 1}
    pairs = [
        (i, places[old[i]]) for i in range(i1, i2) if old_count[old[i]] == 1 and old[i] in places
    ]
    ends: list[int] = []  # ends[k]: smallest last place of a rising chain of k + 1 lines
    tops: list[int] = []  # the pair that has that place
    previous: list[int] = []
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(ends, j)
        previous.append(tops[at - 1] if at else -1)
        ends[at : at + 1] = [j]
        tops[at : at + 1] = [index]
    chain: list[tuple[int, int]] = []
    index = tops[-1] if tops else -1
    while index >= 0:
        chain.append(pairs[index])
        index = previous[index]
    return chain[::-1]
