"""Small batches: cut from what the code passes to fit and predict, or made up from shapes."""

from __future__ import annotations

import importlib
from typing import Any

#: Samples in a batch, unless the model fixes the number.
SAMPLES = 2


def numpy() -> Any:
    """Return NumPy, which the user's environment has because TensorFlow needs it."""
    return importlib.import_module("numpy")


def map_structure(function: Any, data: Any) -> Any:
    """Apply a function to every leaf of nested tuples, lists and dicts."""
    if isinstance(data, dict):
        return {key: map_structure(function, value) for key, value in data.items()}
    if isinstance(data, tuple):
        return tuple(map_structure(function, value) for value in data)
    if isinstance(data, list) and data and not isinstance(data[0], (int, float, str, list)):
        return [map_structure(function, value) for value in data]
    return function(data)


def leaves(data: Any) -> list[Any]:
    """Return the leaves of nested tuples, lists and dicts."""
    found: list[Any] = []
    map_structure(found.append, data)
    return found


def head(data: Any, count: int = SAMPLES) -> Any:
    """Return the first samples of every array in a structure."""

    def cut(leaf: Any) -> Any:
        if leaf is None:
            return None
        if hasattr(leaf, "iloc"):
            leaf = leaf.iloc[:count].to_numpy()
        elif hasattr(leaf, "shape") or isinstance(leaf, list):
            leaf = leaf[:count]
        array = numpy().asarray(leaf)
        if 0 < len(array) < count:
            array = numpy().resize(array, (count, *array.shape[1:]))
        return array

    return map_structure(cut, data)


def length(data: Any) -> int:
    """Return how many samples a structure of arrays holds; 0 when that cannot be told."""
    for leaf in leaves(data):
        shape = getattr(leaf, "shape", None)
        if shape is not None and len(shape) > 0:
            return int(shape[0] or 0)
        if isinstance(leaf, list):
            return len(leaf)
    return 0


def is_stream(data: Any) -> bool:
    """Tell whether data come batch by batch: a generator, a Sequence, a tf.data.Dataset."""
    if data is None or hasattr(data, "shape") or isinstance(data, (list, tuple, dict)):
        return False
    return hasattr(data, "__getitem__") or hasattr(data, "__iter__") or hasattr(data, "__next__")


def first(data: Any) -> Any:
    """Take the first batch of a stream; what that raises is the stream's own failure."""
    if hasattr(data, "take") and hasattr(data, "element_spec"):
        return next(iter(data.take(1)))
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return data[0]
    return next(iter(data))


def count_batches(data: Any, steps: Any) -> int:
    """Return how many batches a call would draw from a stream; 1 when that cannot be told."""
    if isinstance(steps, (int, float)) and steps:
        return max(1, int(steps))
    if hasattr(data, "cardinality"):
        return max(1, int(data.cardinality()))
    return max(1, len(data)) if hasattr(data, "__len__") else 1


def split(batch: Any) -> tuple[Any, Any]:
    """Split a batch of a stream into x and y."""
    if isinstance(batch, tuple) and len(batch) > 1:
        return batch[0], batch[1]
    if isinstance(batch, list) and len(batch) in (2, 3) and hasattr(batch[1], "shape"):
        return batch[0], batch[1]
    return (batch[0] if isinstance(batch, tuple) else batch), None


def made_up(shape: tuple[int, ...], dtype: str, whole: bool) -> Any:
    """Make an input of a shape: the same numbers in every run.

    Args:
        whole: Only 0 and 1, which every embedding has a row for.
    """
    random = numpy().random.RandomState(0)
    if dtype == "string":
        return numpy().full(shape, "text", dtype=object)
    if whole or "int" in dtype or dtype == "bool":
        return random.randint(0, 2, size=shape).astype(dtype)
    return random.uniform(0.0, 1.0, size=shape).astype("float32" if dtype == "bfloat16" else dtype)
