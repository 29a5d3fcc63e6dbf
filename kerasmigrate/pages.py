"""The pages of the rules, in Markdown: for the terminal, and for ``docs/rules``.

``python -m kerasmigrate.pages`` writes them, ``--check`` tells whether they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from kerasmigrate import rules
from kerasmigrate.rules import Example, Rule, Safety

FOLDER = Path(__file__).parents[1] / "docs" / "rules"
INDEX = "README.md"

_SAFETY = {
    Safety.SAFE: "safe: the edited code means the same on the target",
    Safety.REVIEW: "to be reviewed: right where the names say what they seem to say",
    Safety.NONE: "none: the rule only reports",
}


def file_name(rule: Rule) -> str:
    """Return the name of a rule's page."""
    return f"{rule.code}-{rule.name}.md"


def page(rule: Rule) -> str:
    """Return the page of a rule."""
    parts = [
        f"# {rule.code} {rule.name}",
        f"{rule.summary}.",
        f"Severity: {rule.severity.value}. Fix: {_SAFETY[rule.safety]}.",
        f"## Why\n\n{rule.why}",
    ]
    if rule.examples:
        parts.append("## Examples")
        parts += [_example(example) for example in rule.examples]
    if rule.untouched:
        listed = "\n".join(f"- {each}" for each in rule.untouched)
        parts.append(f"## What it leaves alone\n\n{listed}")
    parts.append(
        "## How to switch it off\n\n"
        f'`--ignore {rule.code}`, `ignore = ["{rule.code}"]` in `[tool.kerasmigrate]`, or'
        f" `# kerasmigrate: ignore[{rule.code}]` at the end of a line."
    )
    if rule.references:
        listed = "\n".join(f"- <{each}>" for each in rule.references)
        parts.append(f"## References\n\n{listed}")
    return "\n\n".join(parts) + "\n"


def _example(example: Example) -> str:
    before = f"```python\n{example.before.rstrip()}\n```"
    if example.before == example.after:
        return f"Stays as it is with `--to {example.to}`:\n\n{before}"
    after = f"```python\n{example.after.rstrip()}\n```"
    return f"With `--to {example.to}`\n\n{before}\n\nbecomes\n\n{after}"


def listing() -> str:
    """Return all rules for the terminal, one in a line."""
    known = rules.rules().values()
    width = max(len(rule.name) for rule in known)
    return "".join(f"{rule.code}  {rule.name:<{width}}  {rule.summary}\n" for rule in known)


def index(known: Sequence[Rule]) -> str:
    """Return the page that lists the rules, by family."""
    parts = [
        "# Rules",
        "Each rule has a code, which suppresses or selects it, and a page. `kerasmigrate explain"
        " CODE` shows the same page in the terminal.",
    ]
    for family, members in groupby(known, key=lambda rule: rule.code[:-2]):
        rows = [
            f"| [{rule.code}]({file_name(rule)}) | {rule.name} | {rule.summary} |"
            f" {rule.safety.value} |"
            for rule in members
        ]
        parts.append(
            "\n".join(
                [
                    f"## {family}xx\n",
                    "| Code | Name | What it does | Fix |",
                    "| --- | --- | --- | --- |",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def pages() -> dict[str, str]:
    """Return the text of every page that belongs to this package, by file name."""
    own = [rule for rule in rules.rules().values() if rule.code.startswith("KM")]
    return {INDEX: index(own), **{file_name(rule): page(rule) for rule in own}}


def stale(folder: Path) -> list[str]:
    """Return the names of pages that are missing, out of date, or too many."""
    wanted = pages()
    present = {path.name for path in folder.glob("*.md")}
    old = [
        name
        for name, text in wanted.items()
        if name not in present or (folder / name).read_text(encoding="utf-8") != text
    ]
    return sorted({*old, *(present - set(wanted))})


def write(folder: Path) -> None:
    """Write every page, and remove pages of rules that are gone."""
    wanted = pages()
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write the pages, or with ``--check`` name those that are stale; return the exit code."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m kerasmigrate.pages [--check]", file=sys.stderr)
        return 2
    if not arguments:
        write(folder)
        return 0
    old = stale(folder)
    for name in old:
        print(f"{folder / name}: stale; run python -m kerasmigrate.pages", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
