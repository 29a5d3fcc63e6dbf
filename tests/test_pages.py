from __future__ import annotations

import re
from pathlib import Path

import pytest

from kerasmigrate import pages
from kerasmigrate.errors import UsageError
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.rules import ENGINE_RULES, Example, Rule, Safety, find, rules, transforms

RULES = [rule for rule in rules().values() if rule.code.startswith("KM")]
EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.code}-{number}-{example.to}")
    for rule in RULES
    for number, example in enumerate(rule.examples, 1)
]

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_examples_are_what_happens(rule: Rule, example: Example) -> None:
    pipeline = Pipeline.to(example.to)
    result = pipeline.run(example.before)
    assert result.text == example.after
    assert result.failures == ()
    codes = {finding.code for finding in result.findings}
    if example.before != example.after:
        assert rule.code in {f.code for f in result.findings if f.fixed or not rule_fixes(rule)}
    elif rule_fixes(rule):
        assert rule.code not in codes
    again = pipeline.run(example.after)
    assert again.text == example.after


def rule_fixes(rule: Rule) -> bool:
    return rule.safety is not Safety.NONE


def test_codes_and_names_are_unique() -> None:
    names = [rule.name for rule in RULES]
    assert sorted(set(names)) == sorted(names)
    declared = [rule for cls in transforms() for rule in cls.rules] + list(ENGINE_RULES)
    own = [rule for rule in declared if rule.code.startswith("KM")]
    assert {rule.code: rule.name for rule in own} == {rule.code: rule.name for rule in RULES}
    assert len({rule.code for rule in own}) == len(RULES)


@every_rule
def test_names_are_kebab_case(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.name)


@every_rule
def test_summaries_are_one_short_sentence(rule: Rule) -> None:
    assert rule.summary[0].isupper()
    assert not rule.summary.endswith(".")
    assert "\n" not in rule.summary
    assert len(rule.summary) <= 100


@every_rule
def test_reasons_are_sentences(rule: Rule) -> None:
    assert rule.why.endswith(".")
    assert "\n" not in rule.why
    assert [each for each in rule.untouched if not each.endswith(".")] == []


@every_rule
def test_rules_that_edit_show_how(rule: Rule) -> None:
    changing = [each for each in rule.examples if each.before != each.after]
    assert bool(changing) == (rule.safety is not Safety.NONE)


@every_rule
def test_references_are_links(rule: Rule) -> None:
    assert [each for each in rule.references if not each.startswith("https://")] == []


@pytest.mark.parametrize("cls", transforms(), ids=lambda cls: cls.__name__)
def test_transforms_are_documented(cls: type) -> None:
    assert cls.__doc__


RULE = Rule(
    "KM199",
    "made-up",
    "Do something",
    "Because.",
    Safety.REVIEW,
    examples=(Example("a\n", "b\n"), Example("c\n", "c\n", "tf_keras")),
    untouched=("The rest.",),
    references=("https://keras.io",),
)


def test_page() -> None:
    assert pages.file_name(RULE) == "KM199-made-up.md"
    assert pages.page(RULE) == (
        "# KM199 made-up\n\n"
        "Do something.\n\n"
        "Severity: error. Fix: to be reviewed: right where the names say what they seem to say."
        "\n\n"
        "## Why\n\nBecause.\n\n"
        "## Examples\n\n"
        "With `--to keras`\n\n```python\na\n```\n\nbecomes\n\n```python\nb\n```\n\n"
        "Stays as it is with `--to tf_keras`:\n\n```python\nc\n```\n\n"
        "## What it leaves alone\n\n- The rest.\n\n"
        "## How to switch it off\n\n"
        '`--ignore KM199`, `ignore = ["KM199"]` in `[tool.kerasmigrate]`, or'
        " `# kerasmigrate: ignore[KM199]` at the end of a line.\n\n"
        "## References\n\n- <https://keras.io>\n"
    )


def test_index() -> None:
    other = Rule("KM201", "other", "Say something", "So.", Safety.NONE)
    assert pages.index([RULE, other]).endswith(
        "## KM1xx\n\n"
        "| Code | Name | What it does | Fix |\n| --- | --- | --- | --- |\n"
        "| [KM199](KM199-made-up.md) | made-up | Do something | review |\n\n"
        "## KM2xx\n\n"
        "| Code | Name | What it does | Fix |\n| --- | --- | --- | --- |\n"
        "| [KM201](KM201-other.md) | other | Say something | none |\n"
    )


def test_every_rule_has_its_page() -> None:
    assert set(pages.pages()) == {"README.md", *(pages.file_name(rule) for rule in RULES)}


def test_the_pages_in_the_repository_are_up_to_date() -> None:
    assert pages.stale(pages.FOLDER) == []


def test_writing_and_checking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "rules"
    assert pages.main(["--check"], folder) == 1
    assert pages.main([], folder) == 0
    assert pages.main(["--check"], folder) == 0
    capsys.readouterr()
    (folder / "KM101-import.md").write_text("old", encoding="utf-8")
    (folder / "KM000-gone.md").write_text("gone", encoding="utf-8")
    assert pages.main(["--check"], folder) == 1
    assert capsys.readouterr() == (
        "",
        f"{folder}/KM000-gone.md: stale; run python -m kerasmigrate.pages\n"
        f"{folder}/KM101-import.md: stale; run python -m kerasmigrate.pages\n",
    )
    assert pages.main([], folder) == 0
    assert pages.stale(folder) == []
    assert not (folder / "KM000-gone.md").exists()
    assert pages.main(["--what"], folder) == 2


def test_rules_are_found_by_code_and_name() -> None:
    assert find("KM101") is find("km101") is find("import") is find("Import")


def test_an_unknown_rule_names_its_neighbours() -> None:
    with pytest.raises(UsageError) as caught:
        find("star-imports")
    assert str(caught.value) == (
        "unknown rule 'star-imports': did you mean star-import or import? 'kerasmigrate explain'"
        " lists them all"
    )
    with pytest.raises(UsageError) as caught:
        find("???")
    assert str(caught.value) == "unknown rule '???': 'kerasmigrate explain' lists them all"
