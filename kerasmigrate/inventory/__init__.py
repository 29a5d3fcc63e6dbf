"""What exists in each version of Keras, with signatures, and where an old name lives today.

Every path is canonical: it starts with ``keras.``, whichever flavour it belongs to. The facts are
data files beside this module, made from the real packages by ``python -m kerasmigrate.inventory``.

Names without a version suffix to guess at: ``keras-1.2.2`` ... ``keras-2.3.1`` are old standalone
Keras (all modules), ``tf.keras-2`` and ``tf_keras-2`` the public Keras 2 API, ``keras-3`` and
``tf.keras-3`` the public Keras 3 API as each of the two spells it, and
``tensorflow.python.keras`` TensorFlow's private old copy.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

from kerasmigrate.errors import KerasMigrateError
from kerasmigrate.inventory.signature import Parameter, Signature, parse

__all__ = ["Inventory", "Parameter", "Signature", "SymbolKind", "load", "names"]

#: ``foreign`` is a name that a module got from another package, such as ``np``: importable from
#: there, and part of a star import, but no Keras symbol.
SymbolKind = Literal["module", "class", "function", "constant", "foreign"]

DATA = Path(__file__).parent / "data"

_NAMES = (
    "keras-1.2.2",
    "keras-2.0.9",
    "keras-2.2.4",
    "keras-2.3.1",
    "keras-3",
    "tensorflow.python.keras",
    "tf.keras-2",
    "tf.keras-3",
    "tf_keras-2",
)


class Inventory:
    """The symbols of one Keras.

    Attributes:
        name: Its name, as in `names`.
        version: Version of the package that it was made from.
        how: One sentence on how it was made.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.name: str = data["name"]
        self.version: str = data["version"]
        self.how: str = data["how"]
        self._modules: dict[str, list[str] | None] = data["modules"]
        self._classes: dict[str, dict[str, Any]] = data["classes"]
        self._functions: dict[str, str | None] = data["functions"]
        self._constants: dict[str, str | None] = data["constants"]
        self._private: dict[str, dict[str, Any]] = data["private_bases"]
        self._private_modules = frozenset[str](data.get("private_modules", ()))
        self._aliases: dict[str, str] = data["aliases"]
        self._orders: dict[str, tuple[str, ...]] = {}
        self._children: dict[str, list[str]] = {}

    def object_id(self, path: str) -> str | None:
        """Return the path of the object behind ``path``; aliases share it."""
        found = self._aliases.get(path)
        if found is not None:
            return found
        return path if self._own_kind(path) is not None else None

    def kind(self, path: str) -> SymbolKind | None:
        """Say what ``path`` is, or None when there is no such symbol."""
        found = self._aliases.get(path, path)
        return self._own_kind(found)

    def _own_kind(self, path: str) -> SymbolKind | None:
        if path in self._classes:
            return "class"
        if path in self._functions:
            return "function"
        if path in self._modules:
            return "module"
        if path in self._constants:
            return "constant" if self._constants[path] is None else "foreign"
        return None

    def is_private(self, path: str) -> bool:
        """Tell whether a symbol is reached only below the package's private ``src``."""
        if not self._private_modules:
            return False
        parts = path.split(".")
        return any(".".join(parts[:n]) in self._private_modules for n in range(2, len(parts) + 1))

    def __contains__(self, path: str) -> bool:
        return self.kind(path) is not None

    def paths(self) -> tuple[str, ...]:
        """Return every path of the inventory, sorted."""
        tables = (self._modules, self._classes, self._functions, self._constants, self._aliases)
        return tuple(sorted({path for table in tables for path in table}))

    def signature(self, path: str) -> Signature | None:
        """Return what calling the class or function ``path`` accepts.

        None means unknown, not "no parameters".
        """
        found = self._aliases.get(path, path)
        if found in self._functions:
            text = self._functions[found]
        elif found in self._classes:
            text = self._classes[found]["call"]
        else:
            return None
        return None if text is None else parse(text)

    def method(self, path: str, name: str) -> Signature | None:
        """Return the signature of a method of a class, its own or inherited, without ``self``."""
        for each in self._order(self._aliases.get(path, path)):
            methods = self._class(each)["methods"]
            if name in methods:
                text: str | None = methods[name]
                return None if text is None else parse(text)
        return None

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the names of the methods of a class, own and inherited, sorted."""
        order = self._order(self._aliases.get(path, path))
        return tuple(sorted({name for each in order for name in self._class(each)["methods"]}))

    def members(self, module: str) -> tuple[str, ...]:
        """Return the public names of a module, sorted: what a star import binds.

        Empty when there is no such module.
        """
        path = self._aliases.get(module, module)
        if path not in self._modules:
            return ()
        declared = self._modules[path]
        if declared is not None:
            return tuple(declared)
        if not self._children:
            for each in self.paths():
                parent, _, leaf = each.rpartition(".")
                if not leaf.startswith("_") and each not in self._private_modules:
                    self._children.setdefault(parent, []).append(leaf)
        return tuple(self._children.get(path, ()))

    def is_subclass(self, path: str, base: str) -> bool:
        """Tell whether the class ``path`` is, or inherits from, the class ``base``."""
        wanted = self._aliases.get(base, base)
        return wanted in self._classes and wanted in self._order(self._aliases.get(path, path))

    def same_object(self, a: str, b: str) -> bool:
        """Tell whether two paths name one object; False when either does not exist."""
        found = self.object_id(a)
        return found is not None and found == self.object_id(b)

    def _class(self, path: str) -> dict[str, Any]:
        return self._classes.get(path) or self._private[path]

    def _order(self, path: str) -> tuple[str, ...]:
        """Return the method resolution order; empty when ``path`` is no class."""
        if path not in self._classes and path not in self._private:
            return ()
        if path not in self._orders:
            bases = [each for each in self._class(path)["bases"] if self._order(each)]
            self._orders[path] = (path, *_merge([*map(list, map(self._order, bases)), bases]))
        return self._orders[path]


def _merge(rows: list[list[str]]) -> list[str]:
    """Merge base orders as Python does (C3); a base from outside Keras may be missing."""
    merged: list[str] = []
    rows = [list(row) for row in rows if row]
    while rows:
        for row in rows:
            head = row[0]
            if not any(head in other[1:] for other in rows):
                break
        else:
            head = rows[0][0]
        merged.append(head)
        rows = [kept for row in rows if (kept := [each for each in row if each != head])]
    return merged


def names() -> tuple[str, ...]:
    """Return the names of the inventories that ship with kerasmigrate."""
    return _NAMES


@cache
def load(name: str) -> Inventory:
    """Read an inventory; later calls return the same object.

    Raises:
        KerasMigrateError: There is no such inventory, or its file is missing or broken.
    """
    if name not in _NAMES:
        raise KerasMigrateError(f"no inventory {name!r}: choose one of {', '.join(_NAMES)}")
    path = DATA / f"{name}.json"
    try:
        return Inventory(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise KerasMigrateError(
            f"cannot read {path}: {type(error).__name__}: {error}; reinstall kerasmigrate"
        ) from error
