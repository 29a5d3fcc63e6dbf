"""The pages of ``docs/coverage``: counts for each pair of source and target, and its findings."""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from kerasmigrate import inventory, rules
from kerasmigrate.coverage.judge import (
    KINDS,
    SOURCES,
    TARGETS,
    WITH_NAME,
    Entry,
    Source,
    Verdict,
    account,
    laboratory,
)
from kerasmigrate.coverage.probes import VALUE
from kerasmigrate.flavours import Target

FOLDER = Path(__file__).parents[2] / "docs" / "coverage"
INDEX = "README.md"
#: A source, a target, and what becomes of the names of the one on the way to the other.
Pair = tuple[Source, Target, tuple[Entry, ...]]

_INTRODUCTION = """\
# Coverage

What becomes of every public name and parameter of an old Keras. These pages are written by
`python -m kerasmigrate.coverage`, which knows nothing of its own: it writes code in the spelling of
the source version, lets the installed rules migrate it, and reads what came out.

Each name and each parameter is exactly one of

- **unchanged**: the same path, or the same keyword, exists in the target, and the call binds there;
- **moved**: it is the same object under another path;
- **converted**: code that uses it was rewritten, and what was written exists and binds;
- **finding**: it is reported, with what to write instead. The page of the pair lists these.

Anything else fails `tests/test_coverage.py`.

Names are those of the [inventories](../how-facts-are-made.md): of an exported API every path
without an underscore; of old standalone Keras, whose inventories list all modules, what its
documented namespaces show (`kerasmigrate/coverage/surface.py` says which). Parameters are counted
once for an object, whatever its aliases, and tried by keyword and by position. A method is counted
for the class that brings it. Arguments are variables without a value, and every file shows by its
imports and requirements which version it is for. A value that the source shows, or a file that
shows nothing, may be treated otherwise."""


def title(source: Source) -> str:
    """Return what a source is called on the pages."""
    if source.inventory.startswith("keras-"):
        return f"Keras {inventory.load(source.inventory).version}"
    name = source.inventory.rpartition("-")[0]
    return f"{name} {inventory.load(source.inventory).version}"


def file_name(source: Source, aim: Target) -> str:
    """Return the name of the page of a pair."""
    return f"{source.inventory}--{aim.name}.md"


def index(pairs: Sequence[Pair]) -> str:
    """Return the page with the counts."""
    parts = [_INTRODUCTION]
    for kind in KINDS:
        rows = [f"## {kind[0].upper()}{kind[1:]}s\n"]
        rows.append("| from | to | unchanged | moved | converted | finding | all |")
        rows.append("| --- | --- | --: | --: | --: | --: | --: |")
        for source, aim, entries in pairs:
            counts = Counter(each.verdict for each in entries if each.kind == kind)
            shown = (Verdict.UNCHANGED, Verdict.MOVED, Verdict.CONVERTED, Verdict.FINDING)
            numbers = [counts[verdict] for verdict in shown]
            cells = " | ".join(map(str, (*numbers, sum(counts.values()))))
            page_of = f"[{aim.name}]({file_name(source, aim)})"
            rows.append(f"| {title(source)} | {page_of} | {cells} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def page(source: Source, aim: Target, entries: Iterable[Entry]) -> str:
    """Return the page of a pair: its findings, by rule and by what to do."""
    found: dict[str, dict[str, list[str]]] = {}
    for each in entries:
        if each.verdict is Verdict.FINDING and each.reason != WITH_NAME:
            advice = each.reason.replace(VALUE, "")
            found.setdefault(each.code, {}).setdefault(advice, []).append(_described(each))
    parts = [
        f"# {title(source)} to {aim.name}",
        "Names and parameters that are reported, by rule and by what is said. The parameters and"
        " methods of a name that is gone are not listed again. [Back to the counts](README.md).",
    ]
    known = rules.rules()
    for code in sorted(found):
        rows = [f"## {code} {known[code].name}\n"]
        for advice, names in sorted(found[code].items()):
            listed = ", ".join(f"`{name}`" for name in sorted(names))
            rows.append(f"- {_escaped(advice)}: {listed}")
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _described(entry: Entry) -> str:
    call = "()" if entry.kind.startswith("method") else ""
    path = entry.path.removeprefix("keras.")
    return f"{path}({entry.parameter}=)" if entry.parameter else f"{path}{call}"


def _escaped(text: str) -> str:
    """Keep Markdown from reading code in an advice as markup."""
    return "".join(f"\\{each}" if each in "*_<[" else each for each in text)


def accounts(jobs: int | None = None) -> list[Pair]:
    """Account for every pair of source and target.

    Args:
        jobs: Processes to use; by default as many as there are processors.
    """
    pairs = [(source, aim) for source in SOURCES for aim in TARGETS]
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        found = list(pool.map(_account, pairs))
    return [(source, aim, entries) for (source, aim), entries in zip(pairs, found, strict=True)]


def _account(pair: tuple[Source, Target]) -> tuple[Entry, ...]:
    gc.disable()  # the trees are many and short-lived: a quarter of the time
    try:
        return account(pair[0], laboratory(*pair))
    finally:
        gc.enable()


def pages(pairs: Sequence[Pair]) -> dict[str, str]:
    """Return the text of every page, by file name."""
    found = {INDEX: index(pairs)}
    for source, aim, entries in pairs:
        found[file_name(source, aim)] = page(source, aim, entries)
    return found


def stale(wanted: dict[str, str], folder: Path) -> list[str]:
    """Return the names of pages that are missing, out of date, or too many."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(name for name in {*wanted, *present} if present.get(name) != wanted.get(name))


def write(wanted: dict[str, str], folder: Path) -> None:
    """Write every page, and remove those of pairs that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
