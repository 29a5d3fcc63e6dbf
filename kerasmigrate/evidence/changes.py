"""What changed in one file, each change tied to the rules that made it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from keyword import iskeyword

from kerasmigrate.diff import CONTEXT, blocks
from kerasmigrate.errors import SourceError
from kerasmigrate.findings import Finding
from kerasmigrate.source import Source

_NEWLINE = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[^\W\d]\w*")

#: Product of the numbers of lines of both sides up to which the most alike are put side by side.
_ALIGNED = 900


@dataclass(frozen=True)
class Row:
    """A line of the old text beside one of the new; either may be missing.

    Attributes:
        old: Number of the old line, from 1; None where there is only a new one.
        new: Number of the new line.
    """

    old: int | None
    new: int | None
    before: str = ""
    after: str = ""

    @property
    def equal(self) -> bool:
        """The line did not change."""
        return self.old is not None and self.new is not None and self.before == self.after


@dataclass(frozen=True)
class Cause:
    """Why some lines changed.

    Attributes:
        made_by: The findings that were fixed there.
        needed_by: Codes of the rules whose edits elsewhere in the file made this one necessary,
            such as an import.
        by_hand: It is not what kerasmigrate wrote.
    """

    made_by: tuple[Finding, ...] = ()
    needed_by: tuple[str, ...] = ()
    by_hand: bool = False


@dataclass(frozen=True)
class Hunk:
    """Lines that are shown together.

    Attributes:
        causes: Of each change, by the place of its first row.
        notes: Findings that are left for a person, by the old line that they point at.
    """

    rows: tuple[Row, ...]
    causes: Mapping[int, Cause] = field(default_factory=dict)
    notes: Mapping[int, tuple[Finding, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class FileChange:
    """What became of the text of one file.

    Attributes:
        added: Number of lines.
        removed: Number of lines.
        whole: Findings that are left and point at no line.
        elsewhere: Findings that were fixed by no change that shows where.
    """

    hunks: tuple[Hunk, ...] = ()
    added: int = 0
    removed: int = 0
    whole: tuple[Finding, ...] = ()
    elsewhere: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class _Edit:
    """Lines ``start:stop`` of the old text, counted from 0, and what stands there now."""

    start: int
    stop: int
    at: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    def touches(self, finding: Finding) -> bool:
        first, last = finding.line - 1, max(finding.end_line, finding.line)
        if self.start == self.stop:
            return first < self.start < last
        return first < self.stop and last > self.start

    def borders(self, finding: Finding) -> bool:
        return self.start == self.stop and self.start in (finding.line - 1, finding.end_line)

    @property
    def brought(self) -> frozenset[str]:
        """Names that are new here."""
        return _names(self.after) - _names(self.before)

    @property
    def moved(self) -> frozenset[str]:
        """Names that are new here, or gone."""
        return _names(self.after) ^ _names(self.before)


def decoded(data: bytes) -> list[str]:
    """Return the lines of a file without their ends; bytes that are no text as escapes."""
    try:
        text = Source.decode(data, "", limited=False).text
    except SourceError:
        text = data.decode("utf-8", "backslashreplace")
    lines = _NEWLINE.split(text)
    return lines[:-1] if not lines[-1] else lines


def compare(
    before: bytes, after: bytes, findings: Sequence[Finding] = (), proposed: bytes | None = None
) -> FileChange:
    """Return the changes of a file, and the places of the findings that are left.

    Args:
        before: The file as it was when the findings were made.
        after: The file as it is.
        findings: What the migration found in it.
        proposed: What the migration made of it; ``after`` when left out. Where the two differ,
            somebody has edited the file by hand.
    """
    old, new = decoded(before), decoded(after)
    edits = list(_edits(old, new))
    ours = None
    if proposed is not None and proposed != after:
        ours = {(each.start, each.stop, each.after) for each in _edits(old, decoded(proposed))}
    fixed = [each for each in findings if each.fixed]
    causes = _causes(edits, [each for each in fixed if each.line], ours)
    shown = {each for cause in causes for each in cause.made_by}
    left = [each for each in findings if not each.fixed]
    notes: dict[int, tuple[Finding, ...]] = {}
    for finding in left:
        if 0 < finding.line <= len(old):
            notes[finding.line] = (*notes.get(finding.line, ()), finding)
    return FileChange(
        tuple(_hunks(old, new, edits, causes, notes)),
        added=sum(len(each.after) for each in edits),
        removed=sum(len(each.before) for each in edits),
        whole=tuple(each for each in left if not 0 < each.line <= len(old)),
        elsewhere=tuple(each for each in fixed if each not in shown),
    )


def _edits(old: Sequence[str], new: Sequence[str]) -> Iterator[_Edit]:
    equal = blocks(
        *([line.encode("utf-8", "surrogatepass") for line in each] for each in (old, new))
    )
    i = j = 0
    for start, at, size in [*equal, (len(old), len(new), 0)]:
        if (i, j) != (start, at):
            yield _Edit(i, start, j, tuple(old[i:start]), tuple(new[j:at]))
        i, j = start + size, at + size


def _encoded(lines: Sequence[str]) -> list[bytes]:
    return [line.encode("utf-8", "surrogatepass") for line in lines]


def _causes(
    edits: Sequence[_Edit],
    fixed: Sequence[Finding],
    ours: set[tuple[int, int, tuple[str, ...]]] | None,
) -> list[Cause]:
    """Return the cause of each edit."""
    direct = [tuple(each for each in fixed if edit.touches(each)) for edit in edits]

    def codes(alike: Callable[[_Edit], frozenset[str]], names: frozenset[str]) -> tuple[str, ...]:
        others = zip(edits, direct, strict=True)
        found = {each.code for other, made in others if alike(other) & names for each in made}
        return tuple(sorted(found))

    causes = []
    for edit, made_by in zip(edits, direct, strict=True):
        by_hand = ours is not None and (edit.start, edit.stop, edit.after) not in ours
        needed_by: tuple[str, ...] = ()
        if not made_by and not by_hand:
            needed_by = codes(lambda other: other.brought, edit.brought)
            if not needed_by:
                made_by = tuple(each for each in fixed if edit.borders(each))
            if not needed_by and not made_by:
                # An import that nothing needs any more, or a function that stands for a lost one.
                needed_by = codes(lambda other: other.moved, edit.moved)
        causes.append(Cause(made_by, needed_by, by_hand))
    return causes


def _names(lines: Iterable[str]) -> frozenset[str]:
    found = {name for line in lines for name in _NAME.findall(line)}
    return frozenset(name for name in found if not iskeyword(name))


def _hunks(
    old: Sequence[str],
    new: Sequence[str],
    edits: Sequence[_Edit],
    causes: Sequence[Cause],
    notes: Mapping[int, tuple[Finding, ...]],
) -> Iterator[Hunk]:
    rows: list[Row] = []
    cause_of: dict[int, Cause] = {}
    i = j = 0
    for edit, cause in zip(edits, causes, strict=True):
        rows += [Row(i + k + 1, j + k + 1, old[i + k], new[j + k]) for k in range(edit.start - i)]
        i, j = edit.stop, edit.at + len(edit.after)
        cause_of[len(rows)] = cause
        rows += _beside(edit)
    rows += [Row(i + k + 1, j + k + 1, old[i + k], new[j + k]) for k in range(len(old) - i)]
    shown = {
        near
        for index, row in enumerate(rows)
        if not row.equal or row.old in notes
        for near in range(max(0, index - CONTEXT), min(len(rows), index + CONTEXT + 1))
    }
    for _, group in groupby(enumerate(sorted(shown)), key=lambda each: each[1] - each[0]):
        members = [index for _, index in group]
        lines = tuple(rows[index] for index in members)
        yield Hunk(
            lines,
            {at: cause_of[index] for at, index in enumerate(members) if index in cause_of},
            {line: notes[line] for line in (row.old or 0 for row in lines) if line in notes},
        )


def _beside(edit: _Edit) -> Iterator[Row]:
    """Put old and new lines side by side: by their order, or where there are few by likeness."""
    old, new = edit.before, edit.after
    pairs: Iterable[tuple[int, int]] = zip(range(len(old)), range(len(new)), strict=False)
    if len(old) != len(new) and len(old) * len(new) <= _ALIGNED:
        pairs = _alike(old, new)
    i = j = 0
    for at_old, at_new in [*pairs, (len(old), len(new))]:
        for k in range(i, at_old):
            yield Row(edit.start + k + 1, None, old[k])
        for k in range(j, at_new):
            yield Row(None, edit.at + k + 1, "", new[k])
        if at_old < len(old) and at_new < len(new):
            yield Row(edit.start + at_old + 1, edit.at + at_new + 1, old[at_old], new[at_new])
        i, j = at_old + 1, at_new + 1


def _alike(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return pairs of lines, rising on both sides, that have most words in common."""
    words = [[frozenset(_NAME.findall(line)) for line in side] for side in (old, new)]
    best: dict[tuple[int, int], tuple[float, tuple[tuple[int, int], ...]]] = {}

    def found(i: int, j: int) -> tuple[float, tuple[tuple[int, int], ...]]:
        return best.get((i, j), (0.0, ()))

    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            mine, theirs = words[0][i], words[1][j]
            common = len(mine & theirs) / max(1, len(mine | theirs))
            score, pairs = found(i + 1, j + 1)
            taken = (score + common, ((i, j), *pairs)) if common else (0.0, ())
            best[i, j] = max(taken, found(i + 1, j), found(i, j + 1), key=lambda each: each[0])
    return list(found(0, 0)[1])
