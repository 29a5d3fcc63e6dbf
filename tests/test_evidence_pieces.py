"""The pieces of the page of evidence: markup, lines of a diff, pictures."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from reports import equal
from strict_html import Strict, strict

from kerasmigrate.evidence import diffs, plot
from kerasmigrate.evidence.changes import Cause, FileChange, Hunk, Row
from kerasmigrate.evidence.diffs import _marked
from kerasmigrate.evidence.drawing import architectures
from kerasmigrate.evidence.markup import Markup, join, tag, text
from kerasmigrate.findings import Finding
from kerasmigrate.report import rule_name
from kerasmigrate.verify.results import (
    Layer,
    LayerPair,
)

FIXED = Finding("KM201", "units", 1, fixed=True)


# -- markup ---------------------------------------------------------------------------------------


def test_elements() -> None:
    assert tag("p", "a < b", class_="x") == '<p class="x">a &lt; b</p>'
    assert tag("ul", (tag("li", each) for each in "ab")) == "<ul><li>a</li><li>b</li></ul>"
    assert tag("details", None, open=True, hidden=False, id=None) == "<details open></details>"
    assert tag("td", 3, aria_label='"') == '<td aria-label="&quot;">3</td>'
    assert tag("br") == "<br>"
    assert tag("line", x1="0") == '<line x1="0"/>'


def test_markup_stays_and_text_is_escaped() -> None:
    assert join("<", Markup("<b>"), ["&", [None, 0]]) == "&lt;<b>&amp;0"
    assert text(text("<")) == "&lt;"


def test_what_nobody_sees_is_written_out() -> None:
    assert text("a\x00b\u202ec\ud800\u200b\ufeff\tä\n") == (
        "a\\x00b\\u202ec\\ud800\\u200b\\ufeff\tä\n"
    )


# -- lines of a diff ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (Cause(), "Follows from the other edits of this file"),
        (
            Cause((), ("KM101", "KM501")),
            "Follows from KM101 import, KM501 {} elsewhere in this file",
        ),
        (Cause((FIXED,)), "KM201 legacy-argument: units"),
        (Cause((FIXED,), by_hand=True), "Not all of this is what kerasmigrate wrote."),
        (Cause(by_hand=True), "• edited by hand This is not what kerasmigrate wrote."),
        (
            Cause((FIXED, replace(FIXED, line=2))),
            "Line 1: KM201 legacy-argument: unitsLine 2: KM201 legacy-argument: units",
        ),
    ],
)
def test_why_lines_changed(cause: Cause, said: str) -> None:
    change = FileChange((Hunk((Row(1, 1, "a", "b"),), {0: cause}),), 1, 1)
    rows = Strict(f"<html>{diffs.render(change, 'a.py')}</html>").classed("why")
    assert said.format(rule_name("KM501")) in " ".join(rows[0].text.split())


def test_marks_within_a_line() -> None:
    assert _marked("f(nb_epoch=3)", "f(epochs=3)") == (
        "f(<del>nb_epoch</del>=3)",
        "f(<ins>epochs</ins>=3)",
    )
    assert _marked("abc", "x = 1") == ("<del>abc</del>", "<ins>x = 1</ins>")
    assert _marked("f()", "f(x)") == ("f()", "f(<ins>x</ins>)")


# -- pictures -------------------------------------------------------------------------------------


def test_a_picture_of_two_layers() -> None:
    first = Layer("x", "InputLayer", (None, 2))
    second = Layer("y", "Dense", (None, 1), 3, ("x",))
    picture = architectures(equal(layers=(LayerPair(first, first), LayerPair(second, second))), "m")
    assert picture is not None
    found = strict(f"<html>{picture}</html>")
    assert [each.text for each in found.find("text")] == [
        *("Original", "InputLayer", "x", "(None, 2) · 0", "Dense", "y", "(None, 1) · 3"),
        *("Migrated", "InputLayer", "x", "(None, 2) · 0", "Dense", "y", "(None, 1) · 3"),
    ]
    assert [each.attributes["d"] for each in found.classed("edge")] == ["M90 56V84"] * 2
    assert found.find("svg")[0].attributes["viewbox"] == "0 0 412 182"


def measured(*values: float | None) -> tuple[LayerPair, ...]:
    layers = [Layer(f"l{number}", "Dense") for number in range(len(values))]
    return tuple(
        LayerPair(layer, layer, value) for layer, value in zip(layers, values, strict=True)
    )


def test_a_plot() -> None:
    picture = plot.differences(measured(0.0, 1e-8, None, 1e-2), 1e-5, "p")
    assert picture is not None
    found = strict(f"<html>{picture}</html>")
    assert [each.text for each in found.classed("point")] == [
        "1 l0: 0",
        "2 l1: 1.0e-08",
        "4 l3: 1.0e-02",
    ]
    assert [each.attributes["class"] for each in found.classed("point")] == [
        "point",
        "point",
        "point over",
    ]
    heights = [float(each.attributes["cy"] or 0) for each in found.find("circle")]
    assert heights == [194.0, 178.0]  # the line of zero, and that of the smallest power
    (limit,) = [each for each in found.find("line") if each.attributes.get("class") == "limit"]
    assert limit.attributes["y1"] == "96.0"  # half way between 1e-8 and 1e-2
    (desc,) = found.find("desc")
    assert desc.text == "3 layers; the largest is 1.0e-02 at 4, l3. The tolerance is 1.0e-05."
    labels = [each.text for each in found.find("text")]
    assert labels[:4] == ["0", "1e-8", "1e-7", "1e-6"]


@pytest.mark.parametrize("values", [(), (None, None)])
def test_nothing_measured_is_no_plot(values: tuple[None, ...]) -> None:
    assert plot.differences(measured(*values), 1e-5, "p") is None


@pytest.mark.parametrize(
    ("value", "said"), [(float("nan"), "not a number"), (float("inf"), "infinite"), (0.0, "0")]
)
def test_unusual_differences(value: float, said: str) -> None:
    picture = plot.differences(measured(value), None, "p")
    assert picture is not None
    assert f"1 l0: {said}" in picture
    assert not re.search(r"=\"(nan|inf)", picture)


def test_all_equal_is_a_plot_at_zero() -> None:
    picture = plot.differences(measured(0.0, 0.0), 1e-5, "p")
    assert picture is not None
    assert "over" not in picture
    labels = [each.text for each in strict(f"<html>{picture}</html>").find("text")]
    assert labels == ["0", "1e-7", "1e-6", "1e-5", "tolerance", "1", "2", "layer"]
