"""The page of evidence: what it says, that it is sound HTML, and that nothing gets out of it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
import reports
from reports import different, equal, model, proof, result, verdict
from strict_html import Element, checked, strict, words

from kerasmigrate.evidence import gather, render, to_html
from kerasmigrate.evidence.words import CLAIMS, VERDICTS
from kerasmigrate.findings import Finding, Report
from kerasmigrate.verify.results import (
    Comparison,
    Layer,
    LayerPair,
    Likeness,
    OriginalRun,
    Verdict,
)

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    "</style></title></textarea>\"'`<!--]]>&amp;\u202egpj.exe\x00\x1b[31m\udcff"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("tree") / "digits"
    root.mkdir()
    return to_html(*reports.project(root))


def test_the_page_is_sound(page: str) -> None:
    found = strict(page)
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert [each.text for each in found.find("h1")] == ["digits on keras (Keras 3)"]
    for name in ("header", "nav", "main", "footer"):
        assert len(found.find(name)) == 1
    assert all("scope" in each.attributes for each in found.find("th"))
    assert all(each.children[0].name == "caption" for each in found.find("table"))
    for picture in found.find("svg"):
        assert picture.attributes["role"] == "img"
        assert [each.name for each in picture.children[:2]] == ["title", "desc"]


def test_controls_have_labels(page: str) -> None:
    found = strict(page)
    labelled = [each for label in found.find("label") for each in label.children]
    for control in found.find("input", "select"):
        assert control in labelled


def test_nothing_but_our_style_and_script_is_allowed(page: str) -> None:
    found = strict(page)
    (policy,) = [
        each.attributes["content"] for each in found.find("meta") if "http-equiv" in each.attributes
    ]
    assert policy is not None
    allowed = dict(each.split(" ", 1) for each in policy.split("; "))
    hashes = {
        name: base64.b64encode(hashlib.sha256(found.find(name)[0].text.encode()).digest()).decode()
        for name in ("style", "script")
    }
    assert allowed == {
        "default-src": "'none'",
        "style-src": f"'sha256-{hashes['style']}'",
        "script-src": f"'sha256-{hashes['script']}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert len(found.find("style")) == len(found.find("script")) == 1
    assert found.find("link", "img", "iframe", "object", "embed", "base") == []
    assert not re.search(r"@import|url\(|https?:", found.find("style")[0].text)
    assert not re.search(r"fetch|XMLHttp|import\(|https?:", found.find("script")[0].text)


def test_the_summary_counts(page: str) -> None:
    said = words(page)
    assert "✗ Not proved 3 of 6 files are proved to work on keras (Keras 3)." in said
    assert "1 of 3 models compute what the originals compute." in said
    found = strict(page)
    (tiles,) = found.classed("tiles")
    assert [each.text for each in tiles.children] == [
        "3 / 6 files proved",
        "2 / 2 models built, run and saved",
        "1 / 3 models compute the same",
        "2 files changed",
        "4 findings left",
    ]


def test_what_was_not_proved_is_listed_with_its_reason(page: str) -> None:
    found = strict(page)
    (section,) = [each for each in found.find("section") if each.attributes.get("id") == "open"]
    groups = {
        each.children[0].text: [item.text for item in each.children[1].children]
        for each in section.children
        if each.name == "details"
    }
    assert list(groups) == [
        "Models that differ (1)",
        "Files that are not proved (3)",
        "Models that were not compared (1)",
        "Parts that were not compared (1)",
        "Originals that do not run (1)",
        "Files that were not migrated (1)",
        "Findings that are left (4)",
    ]
    assert groups["Models that differ (1)"] == [
        "models/two_towers.py functional ✗ differs conv_b: activation was hard_sigmoid and is relu"
    ]
    assert groups["Files that are not proved (3)"][0] == (
        "old_style.py ✗ syntax-error line 3: Missing parentheses"
    )
    assert groups["Models that were not compared (1)"] == [
        "train.py m ! not compared the original needs a file"
    ]
    assert groups["Parts that were not compared (1)"] == [
        "models/two_towers.py functional step: training draws random numbers"
    ]


def test_changes_name_the_rules_that_made_them(page: str) -> None:
    found = strict(page)
    (file,) = [each for each in found.classed("file") if "build.py" in each.text[:30]]
    rows = [
        (each.attributes.get("class"), " ".join(each.text.split()))
        for each in _within(file, "tr")
        if each.attributes.get("class") in ("why", "note", "head")
    ]
    assert rows[0] == ("head", "Lines 1 to 17")
    assert rows[1][1].startswith("KM101 import: from keras.layers.core is now from keras.layers")
    changed = [row for kind, row in rows if kind == "why"]
    assert any("Line 9: KM201 legacy-argument: Dropout: p= is now rate=" in row for row in changed)
    assert [row for kind, row in rows if kind == "note"] == [
        "! warning KM227 maybe-a-model: model.fit() is called in the style of Keras 1, but model is"
        " not known to be a model if it is one: nb_epoch= is epochs= now"
    ]
    explained = {each.attributes["id"] for each in found.classed("rule")}
    assert {"rule-KM101", "rule-KM201", "rule-KM227"} <= explained
    assert "docs/rules/KM201-legacy-argument.md" in words(page)


def _within(element: Element, name: str) -> list[Element]:
    found = []
    for each in element.children:
        found += [each] if each.name == name else []
        found += _within(each, name)
    return found


def test_rows_of_a_diff(page: str) -> None:
    assert (
        '<tr class="c"><td>9</td><td>    model.add(Dropout(<del>p</del>=0.5))</td>'
        "<td>17</td><td>    model.add(Dropout(<ins>rate</ins>=0.5))</td></tr>"
    ) in page
    assert "<tr><td>11</td><td>    model.compile(loss=&#x27;mse&#x27;" not in page
    assert (
        "<tr><td>6</td><td>def build(classes):</td><td>14</td><td>def build(classes):</td></tr>"
        in page
    )


def test_models_side_by_side(page: str) -> None:
    found = strict(page)
    drawn = [each for each in found.classed("model") if "Architecture" in each.text]
    equal_model, different_model = drawn
    assert "✓ computes the same" in equal_model.text
    assert "Largest difference of the outputs1.2e-07, up to 1e-05 is the same (float32)" in (
        equal_model.text
    )
    assert "0.7310585" in equal_model.text and "≠ Loss" not in equal_model.text
    assert "≠ Parameters" in different_model.text
    assert "settings at conv_b: activation was hard_sigmoid and is relu" in different_model.text
    assert "activation: hard_sigmoid → relu" in different_model.text
    assert "Announced by KM101 import before anything was run." in different_model.text
    states = [each.attributes["class"] for each in found.classed("node")]
    assert states.count("node differs") == 4  # two on each side
    assert states.count("node differs alone") == 2  # one without a partner on each side
    assert states.count("node missing alone") == 2
    (desc,) = [each.text for each in found.find("desc") if "conv_b" in each.text]
    assert desc == (
        "5 layers left, 5 right. They part at conv_b, norm, rescaling, joined."
        " The table below says the same."
    )


def test_both_environments_are_shown(page: str) -> None:
    (section,) = [
        each for each in strict(page).find("section") if each.attributes.get("id") == "environment"
    ]
    assert "keras 1.2.2keras (Keras 3)" in section.text
    assert "requirements.txt:2 pins keras==1.2.2" in section.text
    assert "TensorFlow2.21.02.21.0" in section.text


def test_the_page_says_when_it_was_made() -> None:
    when = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
    assert "on 2026-01-02 at 03:04 UTC" in render(gather(proof()), when)


def test_pages_are_the_same_for_the_same_evidence(tmp_path: Path) -> None:
    evidence = gather(proof(verdict("a.py", comparisons=(different(),))))
    when = datetime(2026, 1, 2, tzinfo=timezone.utc)
    assert render(evidence, when) == render(evidence, when)


# -- parts that may be missing --------------------------------------------------------------------


def test_without_files() -> None:
    assert "No file was run." in words(checked(to_html(proof(against=False))))


def test_without_a_migration_there_is_no_diff() -> None:
    page = checked(to_html(proof(verdict("a.py", models=(model(),)), against=False)))
    said = words(page)
    assert "✓ Proved 1 of 1 file are proved" not in said
    assert "✓ Proved 1 of 1 file is proved to work on keras (Keras 3)." in said
    assert "The text before is not known, so there is no diff" in said
    assert "nothing was compared with an original. verify --against does that." in said
    assert "Model sequential ✓ built, run and saved" in said
    assert 'class="diff"' not in page
    assert 'href="#rules"' not in page


def test_a_model_that_failed_says_where() -> None:
    broken = model(
        built=True,
        forward=False,
        saved=False,
        trained=None,
        errors=(("forward", "ValueError: no"),),
    )
    said = words(checked(to_html(proof(verdict("a.py", Verdict.KERAS_ERROR, models=(broken,))))))
    assert "! not proved" in said
    assert "Failed: forward ValueError: no" in said.replace("forwardV", "forward V")


def test_nothing_left_open() -> None:
    page = checked(to_html(proof(verdict("a.py", comparisons=(equal(),)))))
    assert "✓ Nothing is left open." in words(page)


def test_a_difference_is_no_proof_whatever_the_verdict() -> None:
    page = to_html(proof(verdict("a.py", comparisons=(different(),))))
    assert "✗ Not proved 1 of 1 file is proved to work" in words(page)


def test_an_interrupted_run_says_so() -> None:
    made = replace(proof(verdict("a.py", Verdict.NOT_RUN, cause="interrupted")), interrupted=True)
    assert "The verification was interrupted" in words(checked(to_html(made)))


def test_what_was_kept_is_counted() -> None:
    files = (verdict("a.py", cached=True), verdict("b.py"))
    assert "Kept from earlier runs of the same code1 file" in words(to_html(proof(*files)))


def test_a_layer_is_named_once() -> None:
    found = replace(different().differences[0], layer="d", message="d: a gradient of norm 2")
    page = to_html(proof(verdict("a.py", comparisons=(equal(differences=(found,)),))))
    assert "settings at d: a gradient of norm 2" in words(page)


@pytest.mark.parametrize("kind", Verdict)
def test_every_verdict_has_its_words(kind: Verdict) -> None:
    assert kind in VERDICTS
    page = checked(to_html(proof(verdict("a.py", kind, cause="because"))))
    assert VERDICTS[kind] in words(page)


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_is_counted(claim: str) -> None:
    page = checked(to_html(proof(verdict("a.py", comparisons=(equal(claims=(claim,)),)))))
    assert CLAIMS[claim] in words(page)


def test_a_model_without_a_partner() -> None:
    alone = Comparison(
        Likeness.NOT_COMPARED, "the original has no such model", name="new", where="a.py:3"
    )
    page = checked(to_html(proof(verdict("a.py", comparisons=(alone,)))))
    assert "Model new ! not compared" in words(page)
    assert "the original has no such model" in words(page)


def test_too_many_layers_are_a_table() -> None:
    pairs = tuple(LayerPair(Layer(f"l{each}", "Dense"), None, None, True) for each in range(500))
    page = checked(to_html(proof(verdict("a.py", comparisons=(equal(layers=pairs),)))))
    assert "Too many layers differ to be drawn: the table has them all." in words(page)
    assert "<svg" not in page


# -- what strangers may have written --------------------------------------------------------------


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "|").replace("\0", "") + ".py"
    layer = Layer(HOSTILE, HOSTILE, (None, 3), 4, (), ((HOSTILE, HOSTILE),))
    comparison = equal(
        name=HOSTILE,
        where=HOSTILE,
        original_name=HOSTILE,
        cause=HOSTILE,
        dtype=HOSTILE,
        not_compared=(HOSTILE,),
        explained_by=("XY001",),
        differences=(replace(different().differences[0], layer=HOSTILE, message=HOSTILE),),
        layers=(LayerPair(layer, replace(layer, settings=()), 0.5, True),),
    )
    made = verdict(
        name,
        Verdict.CRASHED,
        cause=HOSTILE,
        output=HOSTILE,
        needs=(HOSTILE,),
        notes=(HOSTILE,),
        where=HOSTILE,
        models=(model(HOSTILE, HOSTILE, notes=(HOSTILE,)), model(errors=((HOSTILE, HOSTILE),))),
        comparisons=(comparison,),
        original=OriginalRun(name, Verdict.CRASHED, HOSTILE, HOSTILE),
    )
    finding = Finding("KM103", HOSTILE, 1, advice=HOSTILE)
    source = f"x = {HOSTILE!r}\n# {HOSTILE}\n".replace("\udcff", "").replace("\0", "")
    migration = Report(
        "keras", (result(tmp_path, name, source, source.replace("x", "y"), finding),)
    )
    page = to_html(proof(made, root=tmp_path), migration)
    found = strict(page)
    assert len(found.find("script")) == len(found.find("style")) == 1
    assert found.find("img") == []
    assert "owned" not in found.find("title")[0].text
    assert page.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", page)


def test_a_folder_may_be_called_anything(tmp_path: Path) -> None:
    root = tmp_path / "<b>&"
    found = strict(to_html(proof(root=root)))
    assert found.find("h1")[0].text == "<b>& on keras (Keras 3)"
    assert found.find("b") == [each for each in found.find("b") if each.text != ""]


def test_endless_lines_are_cut(tmp_path: Path) -> None:
    long = "x" * 300_000
    migration = Report("keras", (result(tmp_path, "a.py", f"a = '{long}'\n", f"b = '{long}'\n"),))
    page = checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert len(page) < 60_000
    assert "more characters" in page
