"""What people changed in Keras references when they migrated, and whether kerasmigrate does too.

    python benchmarks/human_migrations.py FOLDER... [--show N]

Each folder holds ``before/`` and ``after/``: a project at the parent of a commit in which its
authors migrated by hand, and at that commit. ``before/`` is migrated in memory to their flavour.

Counted is each Keras reference, keyword or method of ``before/`` that the chosen flavour does not
have and that the authors removed or replaced. It is *converted* when kerasmigrate replaced it too,
*reported* when it is left with a finding on its line, and *missed* otherwise. The files that the
authors deleted or moved are left out. The last line gives the recall: converted by all.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from kerasmigrate import api, inventory
from kerasmigrate.errors import SourceError
from kerasmigrate.files import discover
from kerasmigrate.findings import Status
from kerasmigrate.flavours import Target, target
from kerasmigrate.names import Names
from kerasmigrate.parsing import parse
from kerasmigrate.project import Project
from kerasmigrate.source import Source
from kerasmigrate.static import missing
from kerasmigrate.walking import Reader

#: Methods of models whose calls are looked at, whatever they are called on.
METHODS = (
    "fit", "fit_generator", "evaluate", "evaluate_generator", "predict", "predict_generator",
    "predict_classes", "predict_proba", "compile", "train_on_batch", "test_on_batch",
)  # fmt: skip
HOOKS = ("get_output_shape_for", "get_config_for")


@dataclass(frozen=True, order=True)
class Item:
    """One use of something of Keras: its kind and its canonical name."""

    kind: str
    name: str


Items = dict[Item, list[int]]


class _Calls(Reader):
    """Collects what calls and classes say that no reference shows."""

    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names
        self.found: list[tuple[Item, cst.CSTNode]] = []

    def visit_Call(self, node: cst.Call) -> None:
        symbol = self.names.symbol(node.func)
        keywords = [arg.keyword.value for arg in node.args if arg.keyword is not None]
        if symbol is not None:
            place = symbol.path
            positional = sum(arg.keyword is None and not arg.star for arg in node.args)
            if positional > 2:
                self.found.append((Item("positional", f"{place}/{positional}"), node))
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value in METHODS:
            place = f".{node.func.attr.value}"
            self.found.append((Item("method", place), node))
        else:
            return
        self.found += [(Item("keyword", f"{place}({each}=)"), node) for each in keywords]

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        if node.name.value in HOOKS:
            self.found.append((Item("method", f"def {node.name.value}"), node))


def items(text: str, path: Path, project: Project) -> Items:
    """Return every Keras item of a text with the lines it stands on."""
    module = parse(text)
    names = Names(module, project.view(path))
    calls = _Calls(names)
    calls.visit(module)
    placed = [(Item("name", symbol.path), ref.node) for ref, symbol in names.symbols()]
    placed += [(Item("flavour", symbol.flavour), ref.node) for ref, symbol in names.symbols()]
    positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    found: Items = defaultdict(list)
    for item, node in [*placed, *calls.found]:
        found[item].append(positions[node].start.line)
    return found


def is_old(item: Item, chosen: Target) -> bool:
    """Tell whether the chosen flavour does not have an item."""
    known = inventory.load(chosen.inventory)
    if item.kind == "flavour":
        return not chosen.accepts(item.name)
    if item.kind == "name":
        return missing(item.name, known) is not None
    if item.kind == "method":
        return item.name.startswith("def ") or _signature(item.name, known) is None
    if item.kind == "keyword":
        place, _, keyword = item.name.removesuffix("=)").rpartition("(")
        signature = _signature(place, known)
        return signature is None or not signature.accepts(keyword)
    place, _, number = item.name.rpartition("/")
    signature = known.signature(place)
    return signature is not None and signature.bind(int(number), ()) is not None


def _signature(place: str, known: inventory.Inventory) -> inventory.Signature | None:
    """Return the signature of a callable, or of a method of models that is named ``.fit``."""
    if place.startswith("."):
        return known.method("keras.Model", place[1:])
    return known.signature(place)


def texts(folder: Path) -> dict[str, str]:
    """Return the readable Python files of a folder by their relative paths."""
    found = {}
    for candidate in discover([folder]).files:
        try:
            name = candidate.path.relative_to(folder).as_posix()
            found[name] = Source.decode(candidate.path.read_bytes(), name).text
        except (SourceError, OSError):
            continue
    return found


def chosen_flavour(after: dict[str, str], folder: Path) -> Target:
    """Return the flavour that the authors' version speaks most; Keras 2 of its time."""
    project = Project(folder)
    seen: Counter[str] = Counter()
    for name, text in after.items():
        try:
            names = Names(parse(text), project.view(folder / name))
        except SourceError:
            continue
        seen.update(symbol.flavour for _, symbol in names.symbols())
    keras = seen["keras"]
    return target("tf.keras", 2) if seen.total() - keras > keras else target("tf_keras")


def lost(before: Items, after: Items) -> dict[Item, int]:
    """Return how many uses of each item are gone."""
    return {
        item: gone
        for item, lines in before.items()
        if (gone := len(lines) - len(after.get(item, ()))) > 0
    }


def compare(folder: Path) -> Iterator[tuple[Item, str, int, str, int]]:
    """Yield item, outcome, number, file and line of what the authors of one project changed."""
    old, new = texts(folder / "before"), texts(folder / "after")
    chosen = chosen_flavour(new, folder / "after")
    report = api.migrate([folder / "before"], to=chosen.name, api=chosen.api, python2=True)
    ours = {each.display: each for each in report.files}
    by_path = {each.path: each for each in ours.values()}
    projects = {side: Project(folder / side) for side in ("before", "after")}
    for name in sorted(set(old) & set(new)):
        result = by_path.get(folder.resolve() / "before" / name) or by_path.get(
            folder / "before" / name
        )
        if old[name] == new[name] or result is None:
            continue
        path = folder / "before" / name
        try:
            was = items(old[name], path, projects["before"])
            theirs = items(new[name], folder / "after" / name, projects["after"])
            text = Source.decode(result.after, name).text
            made = items(text, path, projects["before"])
        except SourceError:
            continue
        # A standalone Keras stays "keras" where its authors went from Keras 1 to Keras 2.
        if chosen.name == "tf_keras":
            was, theirs, made = (
                {item: lines for item, lines in each.items() if item.kind != "flavour"}
                for each in (was, theirs, made)
            )
        marked = {finding.line for finding in result.findings if not finding.fixed}
        by_us = lost(was, made)
        for item, number in lost(was, theirs).items():
            if not is_old(item, chosen):
                continue
            done = min(number, by_us.get(item, 0))
            rest = number - done
            told = min(rest, sum(line in marked for line in was[item]))
            if result.status is Status.FAILED:
                told = rest
            for outcome, count in (
                ("converted", done),
                ("reported", told),
                ("missed", rest - told),
            ):
                if count:
                    yield item, outcome, count, f"{folder.name}/{name}", was[item][0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--show", type=int, default=20, help="how many items to list")
    options = parser.parse_args(arguments)
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    left: Counter[tuple[str, Item]] = Counter()
    example: dict[tuple[str, Item], str] = {}
    for folder in options.folders:
        for item, outcome, number, name, line in compare(folder):
            by_kind[item.kind][outcome] += number
            if outcome != "converted":
                left[outcome, item] += number
                example.setdefault((outcome, item), f"{name}:{line}")
    print(f"{'kind':12}{'changed by people':>20}{'converted':>12}{'reported':>12}{'missed':>12}")
    total: Counter[str] = Counter()
    for kind, counts in sorted(by_kind.items()):
        total.update(counts)
        row = [counts.total(), counts["converted"], counts["reported"], counts["missed"]]
        print(f"{kind:12}{row[0]:20}" + "".join(f"{each:12}" for each in row[1:]))
    for (outcome, item), number in left.most_common(options.show):
        print(f"{number:6} {outcome:9} {item.kind:11} {item.name}  {example[outcome, item]}")
    if not total:
        print("nothing to compare")
        return 1
    print(
        f"recall {total['converted']} of {total.total()}: "
        f"{total['converted'] / total.total():.1%}; "
        f"{total['reported']} reported, {total['missed']} missed"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
