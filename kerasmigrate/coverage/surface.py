"""The public names of a Keras, their parameters and their methods, read from its inventory.

An inventory of an exported API (``tf.keras``, ``tf_keras``, Keras 3) lists what is public. One of a
whole package lists every module. Public there is what

* stands in a documented namespace (`NAMESPACES`),
* begins with no underscore, and is neither a plain constant nor a name from another package,
* is defined by the package of that namespace or by one that it exists to show (`SHOWN`): so
  ``keras.layers.Layer`` of ``keras.engine.topology`` is public, and ``keras.layers.K``, an import
  of that module for its own use, is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kerasmigrate.inventory import Inventory, Signature

#: Namespaces of the documentation of Keras 1 and 2; a star stands for one level of modules below.
NAMESPACES = (
    "keras",
    "keras.activations",
    "keras.applications",
    "keras.applications.*",
    "keras.backend",
    "keras.callbacks",
    "keras.constraints",
    "keras.datasets",
    "keras.datasets.*",
    "keras.engine",
    "keras.engine.base_layer",
    "keras.engine.topology",
    "keras.engine.training",
    "keras.estimator",
    "keras.experimental",
    "keras.initializations",
    "keras.initializers",
    "keras.layers",
    "keras.layers.*",
    "keras.losses",
    "keras.metrics",
    "keras.models",
    "keras.objectives",
    "keras.optimizers",
    "keras.preprocessing",
    "keras.preprocessing.image",
    "keras.preprocessing.sequence",
    "keras.preprocessing.text",
    "keras.regularizers",
    "keras.utils",
    "keras.utils.data_utils",
    "keras.utils.generic_utils",
    "keras.utils.io_utils",
    "keras.utils.layer_utils",
    "keras.utils.np_utils",
    "keras.utils.vis_utils",
    "keras.utils.visualize_util",
    "keras.wrappers",
    "keras.wrappers.scikit_learn",
)
#: Packages whose symbols a package shows as its own, besides those that it defines.
SHOWN: dict[str, tuple[str, ...]] = {
    "": ("engine", "layers", "models", "feature_column"),
    "backend": ("backend_config",),
    "callbacks": ("callbacks_v1",),
    "engine": ("layers", "models", "utils"),
    "estimator": (),
    "experimental": ("optimizer_v2", "premade", "feature_column", "layers"),
    "layers": ("engine", "legacy", "feature_column"),
    "losses": ("utils",),
    "metrics": ("losses", "objectives", "utils"),
    "models": ("engine", "legacy", "saving"),
    "objectives": ("losses",),
    "optimizers": ("optimizer_v1", "optimizer_v2"),
    "utils": ("legacy", "saving"),
    "wrappers": (),
}
#: Inventories that list every module of a package, private ones too.
WHOLE = ("keras-1.2.2", "keras-2.0.9", "keras-2.2.4", "keras-2.3.1", "tensorflow.python.keras")


@dataclass(frozen=True)
class Method:
    """A public method under the class that brings it.

    Attributes:
        owner: Canonical path of the class.
        name: Name of the method.
        signature: What it accepts; None when that is unknown.
    """

    owner: str
    name: str
    signature: Signature | None


def public_names(known: Inventory) -> tuple[str, ...]:
    """Return the canonical paths of the public names of an inventory, sorted."""
    return tuple(path for path in known.paths() if _is_public(path, known))


def callables(known: Inventory) -> Iterator[tuple[str, Signature | None]]:
    """Yield each public class and function once, under its shortest public path, and its signature.

    Aliases of one object have the same parameters, so these are counted once.
    """
    chosen: dict[str, str] = {}
    for path in public_names(known):
        if known.kind(path) in ("class", "function"):
            identity = known.object_id(path) or path
            held = chosen.get(identity)
            if held is None or (path.count("."), path) < (held.count("."), held):
                chosen[identity] = path
    for path in sorted(chosen.values()):
        yield path, known.signature(path)


def methods(known: Inventory) -> Iterator[Method]:
    """Yield the public methods of public classes.

    A method is counted for the class that brings it. That a subclass overrides it counts only
    where the override has parameters that the method of the base class has not.
    """
    classes = [path for path, _ in callables(known) if known.kind(path) == "class"]
    identities = {path: known.object_id(path) or path for path in classes}
    for path in classes:
        bases = [
            other
            for other in classes
            if identities[other] != identities[path] and known.is_subclass(path, other)
        ]
        for name in known.methods(path):
            if name.startswith("_"):
                continue
            own = known.method(path, name)
            if not any(_covers(known, base, name, own) for base in bases):
                yield Method(path, name, own)


def _covers(known: Inventory, base: str, name: str, own: Signature | None) -> bool:
    if name not in known.methods(base):
        return False
    theirs = known.method(base, name)
    if own is None or theirs is None:
        return True
    held = {each.name for each in theirs.parameters}
    return all(each.name in held or each.kind.startswith("var_") for each in own.parameters)


def _is_public(path: str, known: Inventory) -> bool:
    parts = path.split(".")
    if any(part.startswith("_") for part in parts) or path == "keras":
        return False
    kind = known.kind(path)
    if kind == "foreign":
        return False
    if known.name not in WHOLE:
        return True
    if kind == "constant":
        return False  # such as WEIGHTS_PATH: nobody exported them
    module = ".".join(parts[:-1])
    if kind == "module":
        return _is_namespace(path) and known.object_id(path) == path
    if not _is_namespace(module):
        return False
    defined = (known.object_id(path) or path).split(".")
    family = parts[1] if len(parts) > 2 else ""
    if len(defined) < 3 or len(parts) < 3:
        return True
    return defined[1] in (family, *SHOWN.get(family, ()))


def _is_namespace(module: str) -> bool:
    return module in NAMESPACES or f"{module.rpartition('.')[0]}.*" in NAMESPACES
