"""The beginning of the page: what was proved, what was not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kerasmigrate.evidence.diffs import note
from kerasmigrate.evidence.gather import Evidence, FileEvidence
from kerasmigrate.evidence.markup import Markup, join, tag
from kerasmigrate.evidence.words import (
    CLAIMS,
    VERDICTS,
    Level,
    badge,
    likeness_badge,
    plural,
    verdict_badge,
)
from kerasmigrate.verify.results import PROOF, Comparison, Likeness, Verdict

#: Rows of a list that are shown at once; a longer one is folded.
_SHOWN = 25


def render(evidence: Evidence) -> Markup:
    """Return the summary, and the list of what was not proved."""
    return join(
        tag(
            "section",
            tag("h2", "Summary", id="summary-title"),
            _headline(evidence),
            tag("ul", _tiles(evidence), class_="tiles"),
            _verdicts(evidence),
            _claims(evidence),
            id="summary",
            aria_labelledby="summary-title",
        ),
        tag(
            "section",
            tag("h2", "What was not proved, and why", id="open-title"),
            _open(evidence),
            tag("h3", "What none of this shows"),
            tag("ul", (tag("li", each) for each in _limits(evidence))),
            id="open",
            aria_labelledby="open-title",
        ),
    )


def comparisons(evidence: Evidence) -> list[Comparison]:
    """Return all comparisons, file by file."""
    return [each for file in evidence.proof.files for each in file.comparisons]


def _headline(evidence: Evidence) -> Markup:
    proof = evidence.proof
    good = sum(file.verdict in PROOF for file in proof.files)
    files = plural(len(proof.files), "file")
    different = sum(each.likeness is Likeness.DIFFERENT for each in comparisons(evidence))
    whole = proof.proved and not different
    how = badge(Level.GOOD if whole else Level.BAD, "Proved" if whole else "Not proved")
    verb = "is" if len(proof.files) == 1 else "are"
    words = f" {good:,} of {files} {verb} proved to work on {proof.target} (Keras {proof.api})."
    compared = len(comparisons(evidence))
    if compared:
        same = sum(each.likeness is Likeness.EQUAL for each in comparisons(evidence))
        verb = (
            "computes what the original computes"
            if compared == 1
            else "compute what the originals compute"
        )
        words += f" {same:,} of {plural(compared, 'model')} {verb}."
    if proof.interrupted:
        words += " The verification was interrupted: the rest was not run."
    return tag("p", how, words, class_="headline")


def _tiles(evidence: Evidence) -> Iterator[Markup]:
    proof = evidence.proof
    good = sum(file.verdict in PROOF for file in proof.files)
    yield _tile(f"{good:,} / {len(proof.files):,}", "files proved")
    models = proof.models
    works = sum(model.proved for model in models)
    yield _tile(f"{works:,} / {len(models):,}", "models built, run and saved")
    compared = comparisons(evidence)
    if compared:
        same = sum(each.likeness is Likeness.EQUAL for each in compared)
        yield _tile(f"{same:,} / {len(compared):,}", "models compute the same")
    if evidence.migration is not None:
        yield _tile(f"{sum(file.changed for file in evidence.files):,}", "files changed")
        left = sum(len(file.left) for file in evidence.files if not file.error)
        yield _tile(f"{left:,}", "findings left")


def _tile(number: str, words: str) -> Markup:
    return tag("li", tag("b", number), " ", words)


def _verdicts(evidence: Evidence) -> Markup | None:
    counts = Counter(file.verdict for file in evidence.proof.files)
    if not counts:
        return tag("p", "No file was run.")
    rows = [
        tag(
            "tr",
            tag("th", verdict_badge(verdict), scope="row"),
            tag("td", f"{counts[verdict]:,}"),
            tag("td", VERDICTS[verdict]),
        )
        for verdict in Verdict
        if counts[verdict]
    ]
    head = (tag("th", name, scope="col") for name in ("Verdict", "Files", "Meaning"))
    return tag(
        "table",
        tag("caption", "Files by verdict"),
        tag("thead", tag("tr", head)),
        tag("tbody", rows),
    )


def _claims(evidence: Evidence) -> Markup | None:
    compared = [each for each in comparisons(evidence) if each.claims]
    if not compared:
        return None
    rows = []
    for claim, meaning in CLAIMS.items():
        made = [each for each in compared if claim in each.claims]
        broken = sum(any(each.claim == claim for each in one.differences) for one in made)
        rows.append(
            tag(
                "tr",
                tag("th", tag("b", claim), " ", tag("span", meaning, class_="hint"), scope="row"),
                tag("td", f"{len(made) - broken:,}"),
                tag("td", f"{broken:,}"),
                tag("td", f"{len(comparisons(evidence)) - len(made):,}"),
            )
        )
    names = ("Claim", "The same", "Differ", "Not compared")
    head = (tag("th", name, scope="col") for name in names)
    return tag(
        "table",
        tag("caption", "Models by claim"),
        tag("thead", tag("tr", head)),
        tag("tbody", rows),
    )


def _open(evidence: Evidence) -> Markup:
    groups = [
        ("Models that differ", _unlike(evidence, Likeness.DIFFERENT)),
        ("Files that are not proved", _unproved(evidence)),
        ("Models that were not compared", _unlike(evidence, Likeness.NOT_COMPARED)),
        ("Parts that were not compared", _parts(evidence)),
        ("Originals that do not run", _originals(evidence)),
        ("Files that were not migrated", _failed(evidence)),
        ("Findings that are left", _left(evidence)),
    ]
    shown = [_group(title, items) for title, items in groups if items]
    return join(shown) if shown else tag("p", badge(Level.GOOD, "Nothing"), " is left open.")


def _group(title: str, items: Sequence[Markup]) -> Markup:
    listed = tag("ul", items, class_="open")
    return tag(
        "details",
        tag("summary", tag("h3", f"{title} ({len(items):,})")),
        listed,
        open=len(items) <= _SHOWN,
    )


def _item(number: int, file: FileEvidence, *words: object) -> Markup:
    return tag("li", tag("a", file.display, href=f"#file-{number}", class_="path"), " ", *words)


def _unlike(evidence: Evidence, likeness: Likeness) -> list[Markup]:
    found = []
    for number, file in enumerate(evidence.files, 1):
        for each in file.verdict.comparisons if file.verdict is not None else ():
            if each.likeness is likeness:
                name = tag("code", each.name or each.original_name)
                first = next((f"{one.layer}: {one.message}" for one in each.differences), "")
                found.append(
                    _item(
                        number, file, name, " ", likeness_badge(likeness), f" {each.cause or first}"
                    )
                )
    return found


def _unproved(evidence: Evidence) -> list[Markup]:
    return [
        _item(number, file, verdict_badge(file.verdict.verdict), f" {file.verdict.cause}")
        for number, file in enumerate(evidence.files, 1)
        if file.verdict is not None and not file.proved
    ]


def _parts(evidence: Evidence) -> list[Markup]:
    return [
        _item(number, file, tag("code", each.name or each.original_name), f" {reason}")
        for number, file in enumerate(evidence.files, 1)
        for each in (file.verdict.comparisons if file.verdict is not None else ())
        for reason in each.not_compared
    ]


def _originals(evidence: Evidence) -> list[Markup]:
    found = []
    for number, file in enumerate(evidence.files, 1):
        original = file.verdict.original if file.verdict is not None else None
        if original is not None and original.verdict not in PROOF and original.cause:
            found.append(_item(number, file, verdict_badge(original.verdict), f" {original.cause}"))
    return found


def _failed(evidence: Evidence) -> list[Markup]:
    return [
        _item(number, file, file.error or "kerasmigrate would change it; it is as it was")
        for number, file in enumerate(evidence.files, 1)
        if file.error or file.pending
    ]


def _left(evidence: Evidence) -> list[Markup]:
    return [
        _item(number, file, f"line {finding.line} " if finding.line else "", note(finding))
        for number, file in enumerate(evidence.files, 1)
        if not file.error
        for finding in file.left
    ]


def _limits(evidence: Evidence) -> Iterator[str]:
    if evidence.proof.original is None:
        yield (
            "That the models compute what the originals computed: nothing was compared with an"
            " original. verify --against does that."
        )
    yield "That training converges to the same accuracy: at most one step on made-up data is taken."
    yield "Branches that neither importing a file nor building its models reaches."
    yield "What needs your data: a model whose shape comes from a file that is not there."
