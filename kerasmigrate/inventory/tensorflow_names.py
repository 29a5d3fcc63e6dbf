"""Names that TensorFlow 1 had and TensorFlow 2 has not, and arguments that have another name.

    python -m kerasmigrate.inventory.tensorflow_names > transforms/tensorflow_names.json

It asks the installed package, whose ``tensorflow.compat.v1`` is TensorFlow 1. What is in that, and
not in ``tensorflow``, is listed with the path below ``tensorflow`` at which the very same object
lies today, or with None. So is ``contrib``, which not even that has. What Keras brings, and what
lies deeper than one module, is left out.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from types import ModuleType
from typing import Any

#: Modules of TensorFlow that are no part of it, or speak of something else today.
_APART = frozenset(
    ("compat", "keras", "experimental", "python", "core", "tools", "lite", "estimator")
)
#: Modules of TensorFlow 1 that other rules convert or report.
_LEFT = frozenset(
    ("layers", "keras", "estimator", "initializers", "losses", "metrics", "optimizers")
)


def collect(tensorflow: Any) -> dict[str, str | None]:
    """Return the names, with the paths of today.

    Args:
        tensorflow: The package, at version 2.
    """
    now = _modules(tensorflow, _APART)
    today: dict[int, str] = {}
    for name, module in sorted(now.items()):
        for leaf, value in _members(module):
            path = f"{name}.{leaf}".lstrip(".")
            known = today.get(id(value))
            if known is None or len(path) < len(known):
                today[id(value)] = path
    found: dict[str, str | None] = {}
    for name, module in _modules(tensorflow.compat.v1, _APART | _LEFT).items():
        if name and name not in now:
            found[name] = None
            continue
        for leaf, value in _members(module):
            if not hasattr(now[name], leaf):
                found[f"{name}.{leaf}".lstrip(".")] = today.get(id(value))
    if not hasattr(tensorflow.compat.v1, "contrib"):
        found["contrib"] = None
    return dict(sorted(found.items()))


#: Arguments of TensorFlow 1, and what they are called today.
ARGUMENTS = {"keep_dims": "keepdims", "reduction_indices": "axis"}


def renamed(tensorflow: Any) -> dict[str, list[str]]:
    """Return arguments of TensorFlow 1, and the functions in which they have another name."""
    found: dict[str, list[str]] = {each: [] for each in ARGUMENTS}
    old = _modules(tensorflow.compat.v1, _APART | _LEFT)
    for name, module in _modules(tensorflow, _APART).items():
        for leaf, value in _members(module):
            before = getattr(old.get(name), leaf, None)
            then, now = _parameters(before), _parameters(value)
            for argument, today in ARGUMENTS.items():
                if {argument, today} <= then and argument not in now and today in now:
                    found[argument].append(f"{name}.{leaf}".lstrip("."))
    return {each: sorted(names) for each, names in found.items()}


def _parameters(function: Any) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()


def table(tensorflow: Any) -> dict[str, Any]:
    """Return all that transforms/tensorflow_names.json holds."""
    return {"names": collect(tensorflow), "arguments": renamed(tensorflow)}


def _modules(package: Any, without: frozenset[str]) -> dict[str, Any]:
    """Return a package under the empty name, and the public modules in it."""
    found = {"": package}
    for name in dir(package):
        value = getattr(package, name, None)
        if not name.startswith("_") and name not in without and isinstance(value, ModuleType):
            found[name] = value
    return found


def _members(module: Any) -> list[tuple[str, Any]]:
    """Return the public functions and classes of a module."""
    members = ((name, getattr(module, name, None)) for name in dir(module))
    return [(name, value) for name, value in members if name[:1] != "_" and callable(value)]


def main() -> None:
    """Print the table."""
    tensorflow: Any = importlib.import_module("tensorflow")
    json.dump(table(tensorflow), sys.stdout, indent=0)
    print()


if __name__ == "__main__":
    main()
