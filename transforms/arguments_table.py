"""The table of legacy arguments, and which row a callable belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kerasmigrate import inventory
from kerasmigrate.eras import KERAS_1, KERAS_2
from kerasmigrate.literals import Plain
from kerasmigrate.values import LAYER, is_a

#: Sources that a row's path may be known in, and that say which other paths mean the same object.
_SOURCES = (KERAS_1, *KERAS_2, "keras-3")
_LAYER_ARGUMENTS = {"input_dtype": "dtype"}


@dataclass(frozen=True)
class Row:
    """What became of the arguments of one callable.

    Attributes:
        path: The path under which it stands in the table.
        rename: Old name to new name; applies where the target has the new one.
        kernel: Names that together are ``kernel_size`` now.
        split: Old name to the names that take its value now.
        drop: Names that never had an effect on the result.
        defaults: Values, as source, of arguments that the target requires and old Keras did not.
        steps: Names of functions in `arguments_steps` for what a table cannot say.
    """

    path: str
    rename: Mapping[str, str] = field(default_factory=dict)
    kernel: tuple[str, ...] = ()
    split: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[str, ...] = ()


@cache
def _data() -> dict[str, Any]:
    path = Path(__file__).with_name("legacy_arguments.json")
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@cache
def rows() -> dict[str, Row]:
    """Return every row by the path under which it stands in the table."""
    data = _data()
    found = {}
    for path, row in data["callables"].items():
        rename: dict[str, str] = {}
        for shared in row.get("uses", ()):
            rename |= data["shared"][shared]
        found[path] = Row(
            path,
            rename | row.get("rename", {}),
            tuple(row.get("kernel", ())),
            {old: tuple(new) for old, new in row.get("split", {}).items()},
            tuple(row.get("drop", ())),
            row.get("defaults", {}),
            tuple(row.get("steps", ())),
        )
    return found


@cache
def _by_object() -> dict[tuple[str, str], str]:
    """Map an inventory and an object in it to the row that is about it."""
    found: dict[tuple[str, str], str] = {}
    for name in _SOURCES:
        known = inventory.load(name)
        for path in rows():
            identity = known.object_id(path)
            if identity is not None:
                found.setdefault((name, identity), path)
    return found


@cache
def row_of(path: str) -> Row | None:
    """Return the row for a canonical path of any version; layers without one get an empty row."""
    found: Row | None = rows().get(path)
    if found is None:
        for name in _SOURCES:
            identity = inventory.load(name).object_id(path)
            if identity is not None and (name, identity) in _by_object():
                found = rows()[_by_object()[name, identity]]
                break
    if is_a(path, LAYER):
        found = found or Row(path)
        return Row(
            found.path,
            {**_LAYER_ARGUMENTS, **found.rename},
            found.kernel,
            found.split,
            found.drop,
            found.defaults,
            found.steps,
        )
    return found


def values() -> dict[str, dict[str, Plain]]:
    """Return, by old argument name, what its old values are called now."""
    found: dict[str, dict[str, Plain]] = _data()["values"]
    return found


def constraints() -> dict[str, Plain]:
    """Return what constraints given as strings are called now."""
    found: dict[str, Plain] = _data()["constraints"]
    return found


def advice(name: str, path: str = "") -> str:
    """Say what to do about an argument that has no successor.

    Args:
        name: The argument.
        path: Canonical path of what takes it; some advice is for that callable alone.
    """
    found: dict[str, str] = _data()["advice"]
    return (
        found.get(f"{path}.{name}") or found.get(name) or "remove it, or write what it did by hand"
    )
