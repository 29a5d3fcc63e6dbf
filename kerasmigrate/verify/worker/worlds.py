"""The Kerases that are installed, each with its base classes: the target's and the others.

The others matter because code that builds a model with one of them has not been migrated, however
well it runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

from . import aliases, oldkeras


class World:
    """One Keras.

    Attributes:
        package: ``keras``, ``tf_keras`` or ``tensorflow.python.keras``.
        api: The public module: ``keras``, ``tf_keras``; for the last the private one.
        major: 1, 2 or 3.
        old: It is one of the standalone versions up to 2.3.1, in graph mode.
    """

    def __init__(self, package: str, api: Any, old: bool = False) -> None:
        self.package = package
        self.api = api
        self.old = old
        self.version = str(getattr(api, "__version__", "2"))
        self.major = int(self.version.split(".")[0])
        self.model: Any = api.Model
        self.layer: Any = api.layers.Layer

    def owns(self, module: str) -> bool:
        """Tell whether a module of that name belongs to it."""
        return module == self.package or module.startswith(self.package + ".")


_worlds: dict[str, World] = {}
_target: list[World] = []


def load(root_package: str, old: str = "", legacy: bool = False) -> None:
    """Import TensorFlow and every Keras there is.

    Args:
        root_package: What the target is imported as: ``keras``, ``tensorflow.keras``, ``tf_keras``.
        old: The folder of an old ``keras``, which is then the only one.
        legacy: ``keras`` is another name of ``tf_keras``, as it was from 2.4 to 2.15.

    Raises:
        ImportError: TensorFlow or the target is not installed.
    """
    if old:
        oldkeras.load(old)
        _add(root_package, old=True)
        _target.append(_worlds[root_package])
        return
    if legacy:
        aliases.install("keras", "tf_keras")
    flow = importlib.import_module("tensorflow")
    for package in ("keras", "tf_keras", "tensorflow.python.keras"):
        try:
            if not (legacy and package == "keras"):
                _add(package)
        except ImportError as error:
            # Only the target is a must; it says so below.
            print("not loaded:", package, error, file=sys.stderr)
    if root_package == "tensorflow.keras":
        package = str(flow.keras.Model.__module__).split(".", 1)[0]
        if package == "tensorflow":
            package = "tensorflow.python.keras"
    else:
        package = root_package
    if package not in _worlds:
        _add(package)
    _target.append(_worlds[package])


def _add(package: str, old: bool = False) -> None:
    api: Any = importlib.import_module(package)
    for part in ("layers", "models", "applications", "datasets", "utils", "callbacks", "backend"):
        name = package + "." + part
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    if not hasattr(api, "Model"):
        api.Model = importlib.import_module(package + ".models").Model
    _worlds[package] = World(package, api, old)


def every() -> list[World]:
    """All Kerases that could be imported."""
    return list(_worlds.values())


def target() -> World:
    """The Keras that the code is meant to use."""
    return _target[0]


def of(thing: object) -> World | None:
    """The Keras that an object's class comes from, or None."""
    for kind in type(thing).__mro__:
        for world in _worlds.values():
            if world.owns(kind.__module__):
                return world
    return None


def is_ours(module: str) -> bool:
    """Tell whether a module belongs to a Keras or to TensorFlow."""
    return module.split(".")[0] in ("keras", "tf_keras", "tensorflow")


def is_library_file(filename: str) -> bool:
    """Tell whether a source file belongs to a Keras or to TensorFlow."""
    return filename.startswith(_folders())


def _folders() -> tuple[str, ...]:
    if not _FOLDERS:
        for name in ("keras", "keras_applications", "tf_keras", "tensorflow.python"):
            module = sys.modules.get(name)
            if module is not None and module.__file__:
                folder = module.__file__.rpartition("/")[0]
                # ``tensorflow`` itself may stand for its version-1 interface, deep inside.
                _FOLDERS.append(folder[: -len("python")] if "." in name else folder + "/")
    return tuple(_FOLDERS)


_FOLDERS: list[str] = []
