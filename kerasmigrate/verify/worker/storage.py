"""Portraits as files: arrays in an archive of NumPy's, all the rest as JSON.

They go from the process of one Keras to that of another. Neither format can run code when it is
read.
"""

from __future__ import annotations

import json
import os
from typing import Any

from .batches import numpy

#: What stands in the JSON for an array: its name in the archive.
ARRAY = "array in the archive"


def save(data: dict[str, Any], stem: str) -> None:
    """Write nested dicts and lists of arrays, numbers and texts: ``stem.json``, ``stem.npz``."""
    arrays: dict[str, Any] = {}
    plain = _flat(data, arrays)
    numpy().savez(stem + ".npz", **arrays)
    with open(stem + ".json", "w", encoding="utf-8") as stream:
        json.dump(plain, stream)


def load(stem: str) -> Any:
    """Read what ``save`` has written; tuples come back as lists.

    Raises:
        OSError: There is no such portrait.
        ValueError: It is damaged.
    """
    with open(stem + ".json", encoding="utf-8") as stream:
        plain = json.load(stream)
    with numpy().load(stem + ".npz", allow_pickle=False) as archive:
        return _full(plain, archive)


def size(data: Any) -> int:
    """Return how many bytes the arrays of a portrait have."""
    arrays: dict[str, Any] = {}
    _flat(data, arrays)
    return sum(int(each.nbytes) for each in arrays.values())


def remove(stem: str) -> None:
    """Take a portrait away."""
    for suffix in (".json", ".npz"):
        if os.path.exists(stem + suffix):
            os.remove(stem + suffix)


def _flat(value: Any, arrays: dict[str, Any]) -> Any:
    np = numpy()
    if isinstance(value, dict):
        return {str(key): _flat(each, arrays) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_flat(each, arrays) for each in value]
    if isinstance(value, np.generic):
        value = np.asarray(value) if value.dtype.kind == "V" else value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {ARRAY: name}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _full(value: Any, archive: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {ARRAY}:
            return archive[value[ARRAY]]
        return {key: _full(each, archive) for key, each in value.items()}
    if isinstance(value, list):
        return [_full(each, archive) for each in value]
    return value
