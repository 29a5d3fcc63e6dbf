"""The page of evidence: what it says, that it is sound HTML, and that nothing gets out of it."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest
import reports
from reports import different, equal, model, proof, verdict
from strict_html import Element, Strict

import kerasmigrate
from kerasmigrate import api, cli
from kerasmigrate.errors import UsageError, WriteError
from kerasmigrate.evidence import before, diffs, gather, plot, render, to_html, write_html
from kerasmigrate.evidence.changes import Cause, FileChange, Hunk, Row
from kerasmigrate.evidence.diffs import _marked
from kerasmigrate.evidence.drawing import architectures
from kerasmigrate.evidence.markup import Markup, join, tag, text
from kerasmigrate.evidence.words import CLAIMS, VERDICTS
from kerasmigrate.findings import FileResult, Finding, Report, Severity, Status
from kerasmigrate.report import rule_name
from kerasmigrate.verify.results import (
    Comparison,
    Layer,
    LayerPair,
    Likeness,
    OriginalRun,
    Verdict,
    VerifyReport,
)

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    "</style></title></textarea>\"'`<!--]]>&amp;\u202egpj.exe\x00\x1b[31m\udcff"
)


FIXED = Finding("KM201", "units", 1, fixed=True)


def strict(page: str) -> Strict:
    found = Strict(page)
    assert found.problems == []
    return found


def words(page: str) -> str:
    """Return the text of a page's body on one line."""
    (body,) = Strict(page).find("body")
    return " ".join(body.text.split())


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


# -- the page -------------------------------------------------------------------------------------


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
    assert "No file was run." in words(_checked(to_html(proof(against=False))))


def _checked(page: str) -> str:
    strict(page)
    return page


def test_without_a_migration_there_is_no_diff() -> None:
    page = _checked(to_html(proof(verdict("a.py", models=(model(),)), against=False)))
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
    said = words(_checked(to_html(proof(verdict("a.py", Verdict.KERAS_ERROR, models=(broken,))))))
    assert "! not proved" in said
    assert "Failed: forward ValueError: no" in said.replace("forwardV", "forward V")


def test_nothing_left_open() -> None:
    page = _checked(to_html(proof(verdict("a.py", comparisons=(equal(),)))))
    assert "✓ Nothing is left open." in words(page)


def test_a_difference_is_no_proof_whatever_the_verdict() -> None:
    page = to_html(proof(verdict("a.py", comparisons=(different(),))))
    assert "✗ Not proved 1 of 1 file is proved to work" in words(page)


def test_an_interrupted_run_says_so() -> None:
    made = replace(proof(verdict("a.py", Verdict.NOT_RUN, cause="interrupted")), interrupted=True)
    assert "The verification was interrupted" in words(_checked(to_html(made)))


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
    page = _checked(to_html(proof(verdict("a.py", kind, cause="because"))))
    assert VERDICTS[kind] in words(page)


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_is_counted(claim: str) -> None:
    page = _checked(to_html(proof(verdict("a.py", comparisons=(equal(claims=(claim,)),)))))
    assert CLAIMS[claim] in words(page)


def test_a_model_without_a_partner() -> None:
    alone = Comparison(
        Likeness.NOT_COMPARED, "the original has no such model", name="new", where="a.py:3"
    )
    page = _checked(to_html(proof(verdict("a.py", comparisons=(alone,)))))
    assert "Model new ! not compared" in words(page)
    assert "the original has no such model" in words(page)


def test_too_many_layers_are_a_table() -> None:
    pairs = tuple(LayerPair(Layer(f"l{each}", "Dense"), None, None, True) for each in range(500))
    page = _checked(to_html(proof(verdict("a.py", comparisons=(equal(layers=pairs),)))))
    assert "Too many layers differ to be drawn: the table has them all." in words(page)
    assert "<svg" not in page


# -- matching files -------------------------------------------------------------------------------


def result(root: Path, display: str, before: str, after: str, *findings: Finding) -> FileResult:
    status = Status.UNCHANGED if before == after else Status.CHANGED
    return FileResult(root / display, display, status, before.encode(), after.encode(), findings)


def test_files_are_matched_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.py").write_text("y = 2  # mine\n", encoding="utf-8")
    old = tmp_path / "old"
    migration = Report(
        "keras",
        (
            result(old, "a.py", "x = 1\n", "y = 2\n"),
            result(old, "b.py", "x\n", "y\n"),
            result(old, "c.py", "x\n", "x\n"),
        ),
    )
    made = verdict("a.py", original=OriginalRun("a.py", Verdict.PROVED))
    evidence = gather(proof(made, root=tmp_path / "new"), migration, old)
    assert [(each.display, each.verdict is not None) for each in evidence.files] == [
        ("a.py", True),
        ("b.py", False),
    ]
    (hunk,) = evidence.files[0].change.hunks  # type: ignore[union-attr]
    assert hunk.rows[0].after == "y = 2  # mine"
    assert hunk.causes[0].by_hand
    assert not evidence.files[1].change.hunks[0].causes[0].by_hand  # type: ignore[union-attr]


def test_a_file_that_has_moved_is_found_by_its_original(tmp_path: Path) -> None:
    migration = Report("keras", (result(tmp_path, "old/a.py", "x = 1\n", "y = 2\n"),))
    made = verdict("new/a.py", original=OriginalRun("old/a.py", Verdict.PROVED))
    (file,) = gather(proof(made, root=tmp_path), migration, tmp_path).files
    assert file.changed


def test_a_file_that_was_not_migrated_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    fixed = Finding("KM201", "would go", 1, fixed=True)
    migration = Report("keras", (result(tmp_path, "a.py", "x = 1\n", "y = 2\n", fixed),))
    page = _checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert words(page).count("kerasmigrate would change") == 2
    assert "would go" not in page


def test_what_breaks_nothing_is_shown_and_not_counted(tmp_path: Path) -> None:
    info = Finding("KM260", "may move", 1, severity=Severity.INFO)
    migration = Report("keras", (result(tmp_path, "a.py", "x\n", "x\n", info),))
    (file,) = gather(proof(verdict("a.py"), root=tmp_path), migration).files
    assert (file.left, file.notes) == ((), (info,))
    page = _checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert "• info KM260 private-home: may move" in words(page)
    assert "finding left" not in page and "Findings that are left" not in page


def test_findings_across_files_are_shown_with_their_file(tmp_path: Path) -> None:
    across = Finding("KM003", "mixes flavours", 3, advice="choose one")
    migration = Report("keras", (result(tmp_path, "a.py", "x\n", "y\n"),), (), (("a.py", across),))
    page = _checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert words(page).count("KM003 mixed-flavours: mixes flavours choose one") == 2


# -- the code as it was ---------------------------------------------------------------------------

OLD = "from keras.layers.core import Dense\n\nlayer = Dense(output_dim=3)\n"


def project(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project that was migrated, in a git repository that has it as it was."""
    monkeypatch.setenv("XDG_STATE_HOME", str(root / "state"))
    tree = root / "project"
    files = {"pkg/a.py": OLD, "pkg/b.py": OLD, "other/c.py": OLD, "two.py": "print 'keras'\n"}
    for display, source in files.items():
        (tree / display).parent.mkdir(parents=True, exist_ok=True)
        (tree / display).write_text(source, encoding="utf-8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.invalid", "-C", str(tree)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "As it was"]):
        subprocess.run([*git, *command], check=True)
    shutil.copytree(tree, root / "before")
    kerasmigrate.migrate([tree / "pkg", tree / "other"], to="keras", write=True)
    (tree / "two.py").write_text("print('keras')\n", encoding="utf-8")
    return tree


@pytest.mark.parametrize("against", ["HEAD", "last", "../before"])
def test_the_diff_is_that_to_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, against: str
) -> None:
    tree = project(tmp_path, monkeypatch)
    monkeypatch.chdir(tree)
    ran = (verdict("pkg/a.py", original=OriginalRun("pkg/a.py", Verdict.PROVED)),)
    made = proof(*ran, root=tree)
    was = before(against, made, [tree])
    assert not was.tree.exists()
    evidence = gather(made, was.report, was.tree, was.base)
    displays = [each.display for each in evidence.files if each.changed]
    expected = ["pkg/a.py", "other/c.py", "pkg/b.py"]
    # The journal knows only what was applied.
    assert displays == (expected if against == "last" else [*expected, "two.py"])
    change = evidence.files[0].change
    assert change is not None
    causes = [cause for hunk in change.hunks for cause in hunk.causes.values()]
    assert [[each.code for each in cause.made_by] for cause in causes] == [["KM101"], ["KM201"]]
    assert not any(cause.by_hand for cause in causes)
    strict(to_html(made, was))


def test_only_what_was_verified_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = project(tmp_path, monkeypatch)
    made = proof(verdict("pkg/a.py"), root=tree)
    was = before("HEAD", made, [tree / "pkg"])
    evidence = gather(made, was.report, was.tree, was.base)
    assert [each.display for each in evidence.files] == ["pkg/a.py", "pkg/b.py"]


def test_python_2_is_shown_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = project(tmp_path, monkeypatch)
    made = proof(verdict("two.py"), root=tree)
    page = to_html(made, before("HEAD", made, [tree / "two.py"]))
    assert "<td>print<del> </del>'keras'</td>" in page
    assert "<td>print<ins>(</ins>'keras'<ins>)</ins></td>" in page


def test_an_original_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD, encoding="utf-8")
    with pytest.raises(UsageError, match="there is no such folder"):
        before("nowhere", proof(root=tmp_path), [tmp_path])


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
    page = _checked(to_html(proof(verdict("a.py"), root=tmp_path), migration))
    assert len(page) < 60_000
    assert "more characters" in page


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


# -- files and the command line -------------------------------------------------------------------


def test_a_page_is_written(tmp_path: Path) -> None:
    write_html(tmp_path / "out.html", proof(verdict("a.py")))
    assert strict((tmp_path / "out.html").read_text(encoding="utf-8"))


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"out.html: cannot be written: No such file or directory"):
        write_html(tmp_path / "nowhere" / "out.html", proof())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def verify(*arguments: object, **options: object) -> VerifyReport:
        return proof(verdict("a.py"), against=False, root=work)

    monkeypatch.setattr(api, "verify_paths", verify)
    (work / "a.py").write_text("from keras.layers.core import Dense\n", encoding="utf-8")
    return work


def test_verify_writes_the_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", "--html", "out.html", "a.py"]) == 0
    assert "evidence: out.html\n" in capsys.readouterr().err
    page = (here / "out.html").read_text(encoding="utf-8")
    assert "The text before is not known" in words(page)


def test_verify_against_an_original_shows_what_changed(here: Path) -> None:
    (here / "before").mkdir()
    (here / "before" / "a.py").write_text("import numpy as np\n" + OLD, encoding="utf-8")
    assert cli.main(["verify", "--html", "out.html", "--against", "before", "a.py"]) == 0
    page = (here / "out.html").read_text(encoding="utf-8")
    assert "<del>import numpy as np</del>" in page
    assert "edited by hand" in page
    assert "This is not what kerasmigrate wrote." in page


def test_apply_writes_it_with_the_diff(here: Path) -> None:
    assert cli.main(["apply", "--verify", "--html", "out.html", "-q", "a.py"]) == 0
    page = (here / "out.html").read_text(encoding="utf-8")
    strict(page)
    assert "from keras.layers<del>.core</del> import Dense" in page
    assert "edited by hand" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["apply", "--html", "out.html", "a.py"],
            "--html shows what a verification found: add --verify",
        ),
        (["verify", "--html", ".", "a.py"], "--html . is a folder: name a file in it"),
        (
            ["verify", "--html", "no/x.html", "a.py"],
            "--html no/x.html: there is no such folder: make it",
        ),
        (["apply", "--verify", "--html", ".", "a.py"], "--html . is a folder: name a file in it"),
    ],
)
def test_a_wrong_place_is_said_before_anything_is_done(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == f"kerasmigrate: error: {said}\n"
    assert (here / "a.py").read_text(encoding="utf-8") == "from keras.layers.core import Dense\n"
