"""Where a symbol of an older Keras lives in each target.

The answers that are not "in the same place" stand in data/homes.json, which
``python -m kerasmigrate.inventory homes`` makes from the inventories and data/renames.toml.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.inventory import DATA, Inventory, load

Status = Literal["same", "moved", "renamed", "gone", "unknown"]

#: The inventories that a migration can aim at, in the order of the columns of homes.json.
TARGETS = ("keras-3", "tf.keras-3", "tf.keras-2", "tf_keras-2")

#: Where the public names of a package of Keras are looked for; only there, so that a leaf name
#: is never taken for something of another family.
FAMILIES: dict[str, tuple[str, ...]] = {
    "activations": ("keras.activations",),
    "applications": ("keras.applications",),
    "backend": ("keras.backend",),
    "callbacks": ("keras.callbacks",),
    "callbacks_v1": ("keras.callbacks",),
    "config": ("keras.config",),
    "constraints": ("keras.constraints",),
    "distribution": ("keras.distribution",),
    "dtype_policies": ("keras.dtype_policies",),
    "engine": ("keras.layers", "keras.models", "keras.utils"),
    "experimental": ("keras.optimizers.schedules", "keras.experimental"),
    "export": ("keras.export",),
    "initializations": ("keras.initializers",),
    "initializers": ("keras.initializers",),
    "layers": ("keras.layers",),
    "legacy": ("keras.layers",),
    "losses": ("keras.losses",),
    "metrics": ("keras.metrics",),
    "mixed_precision": ("keras.mixed_precision",),
    "models": ("keras.models",),
    "objectives": ("keras.losses",),
    "ops": ("keras.ops", "keras.ops.image", "keras.ops.linalg", "keras.ops.nn", "keras.ops.numpy"),
    "optimizer_experimental": ("keras.optimizers",),
    "optimizer_v1": ("keras.optimizers",),
    "optimizer_v2": ("keras.optimizers", "keras.optimizers.schedules"),
    "optimizers": ("keras.optimizers", "keras.optimizers.schedules"),
    "preprocessing": ("keras.utils",),
    "quantizers": ("keras.quantizers",),
    "random": ("keras.random",),
    "regularizers": ("keras.regularizers",),
    "saving": ("keras.saving", "keras.models"),
    "tree": ("keras.tree",),
    "utils": ("keras.utils", "keras.preprocessing.image"),
    "visualization": ("keras.visualization",),
}


@dataclass(frozen=True)
class Home:
    """The place of a symbol in one target.

    Attributes:
        path: Canonical path there; None when there is no place for it.
        status: ``same`` (that path exists and is the preferred spelling), ``moved`` (same last
            name, other module), ``renamed`` (other last name), ``gone`` (known from some Keras,
            nothing equal in this one) or ``unknown`` (known from no Keras).
    """

    path: str | None
    status: Status


@lru_cache(maxsize=16384)
def home(path: str, inventory_name: str) -> Home:
    """Say where the canonical path of some Keras lives in a target.

    Raises:
        KerasMigrateError: The inventory does not exist or is not one of a target.
    """
    if inventory_name not in TARGETS:
        raise KerasMigrateError(
            f"{inventory_name!r} is no target inventory: choose one of {', '.join(TARGETS)}"
        )
    module, _, leaf = path.rpartition(".")
    row = _table().get(module, {}).get(leaf)
    target = load(inventory_name)
    if row is not None:
        place = row if isinstance(row, str) else row[TARGETS.index(inventory_name)]
        return described(path, place or None, target)
    if path in target:
        return Home(path, "same")
    parent = home(module, inventory_name) if module else None
    if parent is not None and parent.path is not None and parent.path != module:
        moved = home(f"{parent.path}.{leaf}", inventory_name)
        if moved.path is not None:
            return described(path, moved.path, target)
    found = look(path, target)
    return Home(None, "unknown") if found is None else described(path, found, target)


def described(path: str, place: str | None, target: Inventory) -> Home:
    """Return the home for a known old path and its place in a target."""
    if place is None:
        return Home(None, "gone")
    if place == path:
        return Home(place, "same")
    same_leaf = place.rpartition(".")[2] == path.rpartition(".")[2]
    return Home(place, "moved" if same_leaf or target.kind(place) == "module" else "renamed")


def look(path: str, target: Inventory) -> str | None:
    """Look for the last name of a deep path among the public names of its family.

    Returns:
        The path in the target when exactly one class, function or constant has that name.
    """
    parts = path.split(".")
    if len(parts) < 3:
        return None
    leaf = parts[-1]
    places = [f"{module}.{leaf}" for module in FAMILIES.get(parts[1], ())]
    places = [each for each in places if target.kind(each) in {"class", "function", "constant"}]
    if len({target.object_id(each) for each in places}) != 1:
        return None
    return places[0]


@cache
def _table() -> dict[str, dict[str, str | list[str]]]:
    """Read homes.json: module -> last name -> place, or one place for each target; "" is gone."""
    path = DATA / "homes.json"
    try:
        table: dict[str, dict[str, str | list[str]]] = json.loads(path.read_text("utf-8"))["homes"]
    except (OSError, ValueError, KeyError) as error:
        raise KerasMigrateError(
            f"cannot read {path}: {type(error).__name__}: {error}; reinstall kerasmigrate"
        ) from error
    return table
