"""The page of evidence: one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.resources import files

from kerasmigrate import pages, rules
from kerasmigrate.evidence import diffs, models, summary
from kerasmigrate.evidence.gather import Evidence, FileEvidence
from kerasmigrate.evidence.markup import Markup, tag, visible
from kerasmigrate.evidence.words import (
    Level,
    badge,
    likeness_badge,
    plural,
    verdict_badge,
)
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.verify.results import Environment, FileVerdict, Likeness

_SAFETY = {
    Safety.SAFE: "Its edits mean the same on the target.",
    Safety.REVIEW: "Its edits are to be reviewed.",
    Safety.NONE: "It only reports.",
}

#: What the list of files can be narrowed to: value and words.
_STATES = {
    "": "all files",
    "unproved": "not proved",
    "different": "a model differs",
    "open": "with findings left",
    "changed": "changed",
}


def render(evidence: Evidence, made: datetime | None = None) -> str:
    """Return the page.

    Args:
        made: When; now by default.
    """
    from kerasmigrate import __version__

    style, script = _asset("style.css"), _asset("script.js")
    proof = evidence.proof
    made = made or datetime.now(timezone.utc)
    title = f"{proof.root.name or 'project'} on {proof.target}: evidence"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        tag("a", "Skip to the summary", href="#summary", class_="skip"),
        _header(evidence),
        tag(
            "main",
            summary.render(evidence),
            _files(evidence),
            _rules(evidence),
            _environment(evidence),
        ),
        tag(
            "footer",
            f"Made by kerasmigrate {__version__} on {made:%Y-%m-%d at %H:%M} {made.tzname() or ''}",
        ),
        tag("script", Markup(script)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").strip()


def _policy(style: str, script: str) -> str:
    """Allow our style and our script, by what they are, and nothing else."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _header(evidence: Evidence) -> Markup:
    proof = evidence.proof
    places = {"summary": "Summary", "open": "Not proved", "files": "Files"}
    places |= {"rules": "Rules", "environment": "Environment"} if _used(evidence) else {}
    places["environment"] = "Environment"
    links = (tag("li", tag("a", words, href=f"#{place}")) for place, words in places.items())
    choices = []
    for value, words in (("auto", "System"), ("light", "Light"), ("dark", "Dark")):
        button = tag(
            "input", type="radio", name="theme", id=f"theme-{value}", checked=value == "auto"
        )
        choices.append(tag("label", button, f" {words}"))
    return tag(
        "header",
        tag(
            "div",
            tag("p", "kerasmigrate · evidence", class_="kicker"),
            tag(
                "h1",
                visible(proof.root.name or "project"),
                f" on {proof.target} (Keras {proof.api})",
            ),
        ),
        tag("fieldset", tag("legend", "Colours"), choices, class_="theme"),
        tag("nav", tag("ul", links), aria_label="Sections"),
    )


def _files(evidence: Evidence) -> Markup:
    options = (tag("option", words, value=value) for value, words in _STATES.items())
    search = tag(
        "form",
        tag(
            "label",
            "Path contains ",
            tag("input", type="search", id="filter-path", autocomplete="off"),
        ),
        tag("label", "Show ", tag("select", options, id="filter-state")),
        tag("button", "Open all", type="button", id="open-all"),
        tag("button", "Close all", type="button", id="close-all"),
        tag("output", id="filter-count", for_="filter-path filter-state"),
        role="search",
        id="filter",
        hidden=True,
    )
    hint = None
    if evidence.migration is None:
        words = (
            "The text before is not known, so there is no diff: verify --against compares with it."
        )
        hint = tag("p", words, class_="hint")
    return tag(
        "section",
        tag("h2", f"Files ({len(evidence.files):,})", id="files-title"),
        hint,
        search,
        (_file(number, file) for number, file in enumerate(evidence.files, 1)),
        id="files",
        aria_labelledby="files-title",
    )


def _file(number: int, file: FileEvidence) -> Markup:
    states = [
        "unproved" if not file.proved else "",
        "different" if file.count(Likeness.DIFFERENT) else "",
        "open" if file.left or file.error or file.pending else "",
        "changed" if file.changed else "",
    ]
    return tag(
        "details",
        tag("summary", tag("h3", file.display), " ", tag("span", _badges(file), class_="badges")),
        # Where scripts run, a browser takes this for one text, which is made elements of when it is
        # wanted: five hundred files would else be hundreds of thousands of them.
        tag("noscript", tag("div", _contents(number, file), class_="contents")),
        class_="file",
        id=f"file-{number}",
        data_path=file.display.lower(),
        data_state=" ".join(filter(None, states)),
    )


def _badges(file: FileEvidence) -> Iterator[object]:
    """Yield what the line of a file shows while it is closed."""
    change, verdict = file.change, file.verdict
    if change is not None and file.changed:
        yield tag("span", f"+{change.added} \N{MINUS SIGN}{change.removed} ", class_="size")
    if verdict is not None:
        if verdict.models:
            yield tag("span", plural(len(verdict.models), "model"), " ", class_="size")
        yield verdict_badge(verdict.verdict)
    else:
        yield badge(Level.WARN, "not migrated") if file.error else badge(Level.PLAIN, "not run")
    for likeness in Likeness:
        if file.count(likeness):
            yield " "
            yield likeness_badge(likeness, file.count(likeness))
    if file.pending:
        yield " "
        yield badge(Level.WARN, "not migrated")
    if file.left and not file.error:
        yield " "
        yield badge(Level.WARN, f"{plural(len(file.left), 'finding')} left")


def _contents(number: int, file: FileEvidence) -> Iterator[Markup]:
    if file.error:
        yield tag("p", file.error, class_="cause")
    if file.verdict is not None:
        yield from _verdict(file.verdict)
    if file.across:
        yield tag("ul", (tag("li", diffs.note(each)) for each in file.across), class_="notes")
    if file.change is not None:
        yield diffs.render(file.change, file.display)
        if file.pending:
            yield tag("p", "kerasmigrate would change this file; it is as it was.", class_="cause")
        elif not file.change.hunks and not file.error:
            yield tag("p", "Nothing had to change.", class_="hint")
    if file.verdict is not None:
        yield models.render(file.verdict, f"file-{number}")


def _verdict(file: FileVerdict) -> Iterator[Markup]:
    if file.cause:
        where = f"{file.where}: " if file.where else ""
        yield tag("p", f"{where}{file.cause}", class_="cause")
    for need in file.needs:
        yield tag("p", "Give arguments: ", tag("code", f"--build '{need}'"), class_="hint")
    for each in file.notes:
        yield tag("p", f"Note: {each}", class_="hint")
    if file.original is not None and file.original.cause:
        where = f"{file.original.where}: " if file.original.where else ""
        yield tag("p", f"The original: {where}{file.original.cause}", class_="cause")
    if file.output:
        printed = tag("pre", file.output, tabindex="0")
        yield tag("details", tag("summary", "The end of what it printed"), printed)


def _used(evidence: Evidence) -> Counter[str]:
    """Count the findings that the page shows, by the code of their rule."""
    used: Counter[str] = Counter()
    for file in evidence.files:
        used.update(finding.code for finding in file.notes)
        if file.change is not None:
            used.update(each.code for each in file.change.elsewhere)
            for cause in (each for hunk in file.change.hunks for each in hunk.causes.values()):
                used.update(finding.code for finding in cause.made_by)
                used.update(dict.fromkeys(cause.needed_by, 0))
        for comparison in file.verdict.comparisons if file.verdict is not None else ():
            used.update(dict.fromkeys(comparison.explained_by, 0))
    return used


def _rules(evidence: Evidence) -> Markup | None:
    used = _used(evidence)
    if not used:
        return None
    known = rules.rules()
    return tag(
        "section",
        tag("h2", f"Rules ({len(used)})", id="rules-title"),
        (_rule(code, known.get(code), count) for code, count in sorted(used.items())),
        id="rules",
        aria_labelledby="rules-title",
    )


def _rule(code: str, rule: Rule | None, count: int) -> Markup:
    if rule is None:
        return tag("article", tag("h3", code), class_="rule", id=f"rule-{code}")
    links = (tag("li", tag("a", each, href=each)) for each in rule.references)
    page = f"docs/rules/{pages.file_name(rule)}" if code.startswith("KM") else ""
    return tag(
        "article",
        tag("h3", f"{code} {rule.name}", " ", tag("span", plural(count, "time"), class_="size")),
        tag("p", tag("b", f"{rule.summary}."), f" {_SAFETY[rule.safety]}"),
        tag("p", rule.why),
        tag("ul", links) if rule.references else None,
        tag(
            "p",
            "With examples: ",
            tag("code", f"kerasmigrate explain {code}"),
            [", ", tag("code", page)] if page else None,
            class_="hint",
        ),
        class_="rule",
        id=f"rule-{code}",
    )


def _environment(evidence: Evidence) -> Markup:
    proof = evidence.proof
    original = proof.original
    columns = [("Migrated", f"{proof.target} (Keras {proof.api})", proof.environment)]
    rows = []
    if original is not None:
        columns.insert(
            0, ("Original", f"{original.package} {original.version}", original.environment)
        )
        rows = [
            _detail("Compared with", original.against),
            _detail("Keras of the original, because", original.chosen_because),
        ]
    rows.append(_detail("Time", f"{proof.seconds:.1f} s"))
    kept = sum(file.cached for file in proof.files)
    if kept:
        rows.append(_detail("Kept from earlier runs of the same code", plural(kept, "file")))
    head = (tag("th", name, scope="col") for name, _, _ in columns)
    facts: dict[str, list[str]] = {"Flavour": [flavour for _, flavour, _ in columns]}
    for _, _, environment in columns:
        for name, value in _facts(environment):
            facts.setdefault(name, []).append(value)
    body = (
        tag("tr", tag("th", name, scope="row"), (tag("td", value or "unknown") for value in values))
        for name, values in facts.items()
    )
    return tag(
        "section",
        tag("h2", "Environment", id="environment-title"),
        tag(
            "table",
            tag("caption", "What the code ran on"),
            tag("thead", tag("tr", tag("td"), head)),
            tag("tbody", body),
        ),
        tag("dl", rows, class_="facts"),
        id="environment",
        aria_labelledby="environment-title",
    )


def _detail(name: str, value: str) -> Markup:
    return tag("div", tag("dt", name), tag("dd", value))


def _facts(environment: Environment) -> Iterator[tuple[str, str]]:
    yield "Python", environment.python_version
    yield "TensorFlow", environment.tensorflow
    yield "keras", environment.keras or "not installed"
    yield "tf_keras", environment.tf_keras or "not installed"
    yield "Network closed by", environment.network
    yield "Tree protected", environment.files
    yield "Run as", environment.user
