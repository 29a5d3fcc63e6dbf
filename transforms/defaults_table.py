"""The table of defaults that changed, and what a call leaves to them."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kerasmigrate import inventory
from kerasmigrate.eras import KERAS_1, KERAS_2

#: Versions without an inventory of their own, and the one that holds for the names they have.
_STANDS_FOR = {"keras-1.0.0": KERAS_1, "keras-1.1.2": KERAS_1, "tf.keras-1": KERAS_2[-1]}
HARD_SIGMOID = "'hard_sigmoid'"
#: Ends a value that stood behind the root, and stands below it today.
SQUARE = "**2"


@dataclass(frozen=True, eq=False)
class Default:
    """What one parameter was when a call left it out.

    Attributes:
        objects: Canonical paths of the classes and functions that have the parameter.
        parameter: Its name today.
        old: By version, the source text of the value; a version that is missing is not known.
        also: Names that it had before.
        minor: Whether to say nothing where the plausible versions disagree.
        implicit: Whether the old versions had the value but no such parameter.
    """

    objects: tuple[str, ...]
    parameter: str
    old: Mapping[str, str]
    also: tuple[str, ...] = ()
    minor: bool = False
    implicit: bool = False

    @property
    def names(self) -> frozenset[str]:
        """All names of the parameter."""
        return frozenset((self.parameter, *self.also))

    def value(self, version: str) -> str | None:
        """Return the value in one version; None when it is not known."""
        if version not in self.old and version.startswith("keras-1."):
            version = KERAS_1
        return self.old.get(version)


@cache
def rows() -> tuple[Default, ...]:
    """Return every row of the table."""
    path = Path(__file__).with_name("defaults.json")
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Default(
            tuple(row["objects"]),
            row["parameter"],
            row["old"],
            tuple(row.get("also", ())),
            row.get("minor", False),
            row.get("implicit", False),
        )
        for row in data["rows"]
    )


def source(version: str) -> inventory.Inventory:
    """Return the inventory that tells the names and arguments of a version."""
    return inventory.load(_STANDS_FOR.get(version, version))


@cache
def rows_of(path: str, version: str) -> tuple[Default, ...]:
    """Return the rows about the object behind a path of one version."""
    known = source(version)
    return tuple(
        row
        for row in rows()
        if any(path == each or known.same_object(path, each) for each in row.objects)
    )


def differ(old: str, new: str | None, *, api: int) -> bool:
    """Tell whether two defaults, given as source text, are not the same value.

    Args:
        new: The target's default; None when it has none.
        api: Major version of the target's API: ``'hard_sigmoid'`` is another function in 3.
    """
    if (old == HARD_SIGMOID and api == 3) or old.endswith(SQUARE) or new is None:
        return True
    try:
        return bool(ast.literal_eval(old) != ast.literal_eval(new))
    except ValueError:
        return False  # no literal: nothing is known
