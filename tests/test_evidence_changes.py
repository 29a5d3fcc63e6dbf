"""What changed in a file, and which rule made it."""

from __future__ import annotations

from pathlib import Path

import pytest

import kerasmigrate
from kerasmigrate.evidence.changes import Cause, FileChange, Row, compare, decoded
from kerasmigrate.findings import Finding, Severity


def fixed(code: str, line: int, end: int = 0, message: str = "") -> Finding:
    return Finding(code, message or code, line, 1, end or line, 9, fixed=True)


def left(code: str, line: int) -> Finding:
    return Finding(code, "left", line, 1, line, 9, Severity.WARNING, advice="do it")


def numbered(count: int, **changes: str) -> bytes:
    """Return numbered lines; ``l5="x"`` gives another text for line 5."""
    lines = [changes.get(f"l{number}", f"line {number}") for number in range(1, count + 1)]
    return "".join(f"{line}\n" for line in lines).encode()


def causes(change: FileChange) -> list[Cause]:
    return [cause for hunk in change.hunks for cause in hunk.causes.values()]


def test_nothing_changed() -> None:
    assert compare(b"a = 1\n", b"a = 1\n") == FileChange()


def test_a_changed_line_stands_beside_the_new_one_with_its_surroundings() -> None:
    rule = fixed("KM201", 6)
    change = compare(numbered(10), numbered(10, l6="six"), [rule])
    (hunk,) = change.hunks
    assert hunk.rows == (
        Row(3, 3, "line 3", "line 3"),
        Row(4, 4, "line 4", "line 4"),
        Row(5, 5, "line 5", "line 5"),
        Row(6, 6, "line 6", "six"),
        Row(7, 7, "line 7", "line 7"),
        Row(8, 8, "line 8", "line 8"),
        Row(9, 9, "line 9", "line 9"),
    )
    assert hunk.causes == {3: Cause((rule,))}
    assert (change.added, change.removed, change.elsewhere) == (1, 1, ())


def test_each_change_has_the_rules_of_its_own_lines() -> None:
    first, second, third = fixed("KM101", 2), fixed("KM201", 20), fixed("KM202", 19, 21)
    change = compare(numbered(30), numbered(30, l2="two", l20="twenty"), [first, second, third])
    assert len(change.hunks) == 2
    assert causes(change) == [Cause((first,)), Cause((second, third))]


def test_changes_near_each_other_share_a_hunk_and_keep_their_causes() -> None:
    first, second = fixed("KM101", 4), fixed("KM201", 7)
    change = compare(numbered(10), numbered(10, l4="four", l7="seven"), [first, second])
    (hunk,) = change.hunks
    assert hunk.causes == {3: Cause((first,)), 6: Cause((second,))}


def test_an_import_comes_from_the_edit_that_needs_it() -> None:
    before = b"import keras\n\nx = 1\ny = 2\nz = keras.backend.abs(x)\n"
    after = b"import keras\nfrom keras import ops\n\nx = 1\ny = 2\nz = ops.abs(x)\n"
    rule = fixed("KM501", 5)
    assert causes(compare(before, after, [rule])) == [Cause((), ("KM501",)), Cause((rule,))]


def test_an_import_that_nothing_needs_any_more_follows_as_well() -> None:
    before = b"import keras\nfrom keras import backend as K\n\nx = 1\ny = 2\nz = K.abs(x)\n"
    after = b"import keras\n\nx = 1\ny = 2\nz = keras.ops.abs(x)\n"
    rule = fixed("KM501", 6)
    assert causes(compare(before, after, [rule])) == [Cause((), ("KM501",)), Cause((rule,))]


def test_a_line_that_comes_in_belongs_to_the_finding_beside_it() -> None:
    rule = fixed("KM620", 2)
    change = compare(b"a()\nb.fit()\nc()\n", b"a()\nq.r = True\nb.fit()\nc()\n", [rule])
    assert causes(change) == [Cause((rule,))]
    assert [row.old for row in change.hunks[0].rows] == [1, None, 2, 3]


def test_a_change_that_no_finding_explains_has_no_cause() -> None:
    assert causes(compare(b"a = 1\n", b"b = 2\n", [fixed("KM101", 0)])) == [Cause()]


def test_what_the_migration_did_not_write_is_by_hand() -> None:
    rule = fixed("KM201", 2)
    proposed = numbered(20, l2="two")
    change = compare(numbered(20), numbered(20, l2="two", l18="mine"), [rule], proposed)
    assert causes(change) == [Cause((rule,)), Cause(by_hand=True)]


def test_a_fix_that_was_edited_again_is_both() -> None:
    rule = fixed("KM201", 2)
    change = compare(numbered(5), numbered(5, l2="2"), [rule], numbered(5, l2="two"))
    assert causes(change) == [Cause((rule,), by_hand=True)]


def test_findings_that_are_left_show_their_lines() -> None:
    finding = left("KM103", 15)
    change = compare(numbered(30), numbered(30), [finding])
    (hunk,) = change.hunks
    assert [row.old for row in hunk.rows] == [12, 13, 14, 15, 16, 17, 18]
    assert hunk.notes == {15: (finding,)}
    assert hunk.causes == {}


@pytest.mark.parametrize("line", [0, 99])
def test_findings_without_a_line_are_of_the_whole_file(line: int) -> None:
    finding = left("KM001", line)
    assert compare(b"a\n", b"a\n", [finding]) == FileChange(whole=(finding,))


def test_a_fix_that_shows_nowhere_is_not_lost() -> None:
    rule = fixed("KM201", 1)
    change = compare(numbered(30), numbered(30, l20="x"), [rule])
    assert change.elsewhere == (rule,)


def test_uneven_blocks_put_alike_lines_side_by_side() -> None:
    before = b"model.add(Dense(output_dim=3))\nmodel.add(Dropout(p=0.5))\n"
    after = b"import this\nmodel.add(Dense(units=3))\n\nmodel.add(Dropout(rate=0.5))\n"
    (hunk,) = compare(before, after).hunks
    assert [(row.old, row.new) for row in hunk.rows] == [(None, 1), (1, 2), (None, 3), (2, 4)]


def test_every_line_of_both_sides_is_shown_once() -> None:
    before = "".join(f"a{number} = {number}\n" for number in range(40)).encode()
    after = "".join(f"b{number} = {number}\n" for number in range(55)).encode()
    (hunk,) = compare(before, after).hunks
    assert [row.old for row in hunk.rows if row.old] == list(range(1, 41))
    assert [row.new for row in hunk.rows if row.new] == list(range(1, 56))


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\r\nb\rc\n", ["a", "b", "c"]),
        (b"a\x0cb\n", ["a\x0cb"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        (b"# coding: latin-1\n\xe4\n", ["# coding: latin-1", "ä"]),
        (b"\xff\xfe\n", ["\\xff\\xfe"]),
        (b"a\0b\n", ["a\0b"]),
    ],
)
def test_lines_of_bytes(data: bytes, lines: list[str]) -> None:
    assert decoded(data) == lines


def test_line_endings_are_no_difference() -> None:
    assert compare(b"a\r\nb\r\n", b"a\nb\n") == FileChange()


def test_a_real_migration_is_explained_line_by_line(tmp_path: Path) -> None:
    text = (
        "from keras.layers.core import Dense\nfrom keras import backend as K\n\n\n"
        "def head(x):\n    return K.sum(Dense(output_dim=3)(x))\n"
    )
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    (file,) = kerasmigrate.migrate([tmp_path], to="keras").files
    found = causes(compare(file.before, file.after, file.findings))
    assert found
    assert all(cause.made_by or cause.needed_by for cause in found)
    assert {each.code for cause in found for each in cause.made_by} >= {"KM101", "KM201"}
