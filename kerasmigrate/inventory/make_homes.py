"""Making homes.json from the inventories and renames.toml."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasmigrate.inventory import DATA, Inventory, load, names
from kerasmigrate.inventory.homes import TARGETS, look
from kerasmigrate.inventory.table import dump

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: Families under which rows of renames.toml may be reached, besides the one they are named after.
_FAMILY = {
    "objectives": "losses",
    "legacy": "layers",
    "callbacks_v1": "callbacks",
}

#: Symbols of the engine, by the family whose rows apply to them.
_ENGINE = ("layers", "models")


@dataclass
class Maker:
    """Finds the home of every known path in one target."""

    target: Inventory
    sources: tuple[Inventory, ...]
    rules: dict[str, Any]

    def place(self, path: str) -> str | None:
        """Return the home of a path of some source inventory, or None when it is gone."""
        leaf = path.rpartition(".")[2]
        if self._is_gone(path):
            return self._instead(path, leaf)
        twins = list(self._twins(path))
        same_name = [each for each in twins if each.rpartition(".")[2] == leaf]
        for each in same_name:
            found = self._renamed(each, "always")
            if found is not None:
                return found
        empty = self.target.is_private(path) and not self.target.members(path)
        if self._ok(path) and not (empty and path in self.rules["paths"]):
            return self._settled(path)
        if path in self.rules["paths"]:
            chosen: str = self.rules["paths"][path]
            return chosen if chosen in self.target else None
        known = [each for each in same_name if self._ok(each)]
        if known:
            return self._settled(min(known, key=lambda each: _preference(path, each)))
        for each in same_name:
            found = look(each, self.target)
            if found is not None and self._ok(found):
                return found
        for table in ("missing", "always"):
            for each in twins:
                found = self._renamed(each, table)
                if found is not None:
                    return found
        known = [each for each in twins if self._ok(each)]
        if known:
            return min(known, key=lambda each: _preference(path, each))
        return self._beside(path)

    def _instead(self, path: str, leaf: str) -> str | None:
        """Return what took the place of a path below a module that is gone."""
        for row in self.rules["gone"]["paths"]:
            found = f"{row.get('instead')}.{leaf}"
            if (
                path.startswith(row["path"].removesuffix("*"))
                and leaf not in row.get("except", ())
                and self._ok(found)
            ):
                return found
        return None

    def _beside(self, path: str) -> str | None:
        """Return the place of a symbol that another target keeps in a private module."""
        published: dict[str, str] = self.rules["published"]
        module, _, leaf = path.rpartition(".")
        found = published.get(path) or f"{published.get(module)}.{leaf}"
        return found if self._ok(found) else None

    def _settled(self, path: str) -> str:
        """Return the path of the same object that is no longer called experimental."""
        if ".experimental" not in path or self.target.kind(path) == "module":
            return path
        others = [
            each
            for each in self._group(self.target)[self.target.object_id(path) or ""]
            if ".experimental" not in each and not each.startswith("keras.__internal__")
        ]
        return min(others, key=lambda each: _preference(path, each)) if others else path

    def _ok(self, path: str) -> bool:
        return path in self.target and not self._is_gone(path)

    def _twins(self, path: str) -> Iterator[str]:
        """Yield a path and then the other paths of the same object in the source inventories."""
        yield path
        seen = {path}
        for source in self.sources:
            if source.kind(path) in {"class", "function", "module"}:
                for each in self._group(source).get(source.object_id(path) or "", ()):
                    if each not in seen:
                        seen.add(each)
                        yield each

    def _group(self, source: Inventory) -> dict[str, list[str]]:
        groups: dict[str, list[str]] | None = _GROUPS.get(source.name)
        if groups is None:
            groups = _GROUPS[source.name] = {}
            for each in source.paths():
                identity = source.object_id(each)
                if identity is not None:
                    groups.setdefault(identity, []).append(each)
        return groups

    def _is_gone(self, path: str) -> bool:
        """Tell whether the object behind a path is one that code has to change for."""
        defined = {
            identity
            for source in self.sources
            if source.kind(path) in {"class", "function"}
            and (identity := source.object_id(path)) is not None
        }
        level = int(self.target.name[-1])
        for each in defined or {path}:
            for row in self.rules["gone"]["paths"]:
                pattern = row["path"]
                if level >= row["since"] and (
                    each == pattern.removesuffix(".*")
                    or (pattern.endswith(".*") and each.startswith(pattern[:-1]))
                ):
                    return True
        return any(
            each.rpartition(".")[2] in self.rules["gone"].get(family, ())
            for each in defined
            for family in families(each)
        )

    def _renamed(self, path: str, table: str) -> str | None:
        leaf = path.rpartition(".")[2]
        for family in families(path):
            for value in self.rules[table].get(family, {}).get(leaf, ()):
                found = value if "." in value else f"keras.{family}.{value}"
                if found in self.target:
                    return str(found)
        return None


_GROUPS: dict[str, dict[str, list[str]]] = {}


def families(path: str) -> tuple[str, ...]:
    """Return the tables of renames.toml that apply to a path."""
    parts = path.split(".")
    if len(parts) < 3:
        return ()
    if parts[1] == "engine":
        return _ENGINE
    return (_FAMILY.get(parts[1], parts[1]),)


def _preference(old: str, new: str) -> tuple[bool, bool, bool, int, str]:
    """Order the places of one object: same name, same style, same package, not at the top."""
    old_leaf, new_leaf = old.rpartition(".")[2], new.rpartition(".")[2]
    return (
        new_leaf != old_leaf,
        new_leaf.islower() != old_leaf.islower(),
        new.count(".") == 1,
        abs(new.count(".") - 2),
        new,
    )


def rules() -> dict[str, Any]:
    """Read renames.toml."""
    with (DATA / "renames.toml").open("rb") as file:
        return tomllib.load(file)


def make() -> dict[str, object]:
    """Return the content of homes.json."""
    sources = tuple(load(name) for name in names())
    makers = [Maker(load(name), sources, rules()) for name in TARGETS]
    known = {path for source in sources for path in source.paths()}
    places = {path: [maker.place(path) for maker in makers] for path in sorted(known)}
    for path, place in rules()["history"].items():
        places[path] = [place if place in maker.target else None for maker in makers]
    _place_modules(sources, makers, places)
    homes: dict[str, dict[str, object]] = {}
    for path, row in sorted(places.items()):
        module, _, leaf = path.rpartition(".")
        if any(place != path for place in row):
            short = [place or "" for place in row]
            homes.setdefault(module, {})[leaf] = short[0] if len(set(short)) == 1 else short
    return {"targets": list(TARGETS), "homes": homes}


def _place_modules(
    sources: tuple[Inventory, ...], makers: list[Maker], places: dict[str, list[str | None]]
) -> None:
    """Give a module a home when all that it defined and that still exists went to one module."""
    for column, maker in enumerate(makers):
        for path, row in places.items():
            kinds = {source.kind(path) for source in sources if path in source}
            if kinds != {"module"} or row[column] is not None:
                continue
            found = {
                place.rpartition(".")[0]
                for source in sources
                for member in source.members(path)
                if source.object_id(f"{path}.{member}") == f"{path}.{member}"
                and source.kind(f"{path}.{member}") in {"class", "function"}
                and (place := places[f"{path}.{member}"][column]) is not None
            }
            if len(found) != 1 or maker._is_gone(path):
                continue
            place = found.pop()
            same_name = place.rpartition(".")[2] == path.rpartition(".")[2]
            if same_name or not maker.target.is_private(place):
                row[column] = place


def write(path: Path) -> None:
    """Write homes.json."""
    path.write_text(dump(make()), encoding="utf-8", newline="\n")
