"""Flavours of Keras: how each is spelt in an import, and what a migration can aim at.

Inside kerasmigrate every Keras symbol has one *canonical* dotted path that starts with ``keras.``,
whichever flavour the code reached it through: ``tf.keras.layers.Dense`` and
``tf_keras.layers.Dense`` are both ``keras.layers.Dense``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kerasmigrate.errors import UsageError
from kerasmigrate.inventory import load

#: Import roots and the flavour that each of them stands for, longest first, so that the first
#: match is the right one. The part of a path after the root is canonical.
ROOTS: tuple[tuple[str, str], ...] = (
    ("tensorflow.contrib.keras.python.keras", "tf.contrib.keras"),
    ("tensorflow.contrib.keras.api.keras", "tf.contrib.keras"),
    ("tensorflow.contrib.keras", "tf.contrib.keras"),
    ("tensorflow.python.keras.api._v1.keras", "tensorflow.python.keras"),
    ("tensorflow.python.keras.api._v2.keras", "tensorflow.python.keras"),
    ("tensorflow.python.keras.api.keras", "tensorflow.python.keras"),
    ("tensorflow.python.keras", "tensorflow.python.keras"),
    ("tensorflow.compat.v1.keras", "tf.compat.v1.keras"),
    ("tensorflow.compat.v2.keras", "tf.keras"),
    ("tensorflow._api.v1.keras", "tf.keras"),
    ("tensorflow._api.v2.keras", "tf.keras"),
    ("tensorflow.keras", "tf.keras"),
    ("tf_keras.api._v1.keras", "tf_keras"),
    ("tf_keras.api._v2.keras", "tf_keras"),
    ("tf_keras.api", "tf_keras"),
    ("tf_keras.src", "tf_keras"),
    ("tf_keras", "tf_keras"),
    ("keras_core.src", "keras_core"),
    ("keras_core", "keras_core"),
    ("keras._tf_keras.keras", "keras"),
    ("keras.api._v1.keras", "keras"),
    ("keras.api._v2.keras", "keras"),
    ("keras.api", "keras"),
    ("keras.src", "keras"),
    ("keras", "keras"),
)

#: Modules of Keras that TensorFlow 2 also has at its top, under the same name. In TensorFlow 1
#: ``losses``, ``metrics`` and ``initializers`` held functions of its own, in lower case, and
#: ``losses.Reduction``; it had no ``optimizers``.
SHORT = re.compile(
    r"tensorflow\.(?:compat\.v2\.)?"
    r"(?P<path>optimizers(?:\.\w+)*|(?:losses|metrics|initializers)\.(?!Reduction\b)[A-Z]\w*(?:\.\w+)*)"
)


def canonical(dotted: str) -> tuple[str, str] | None:
    """Split an absolute dotted path into its canonical Keras path and its flavour.

    Returns:
        ``("keras.layers.Dense", "tf.keras")`` for ``tensorflow.keras.layers.Dense``; None when the
        path is not below a Keras root.
    """
    for root, flavour in ROOTS:
        if dotted == root:
            return "keras", flavour
        if dotted.startswith(root) and dotted[len(root)] == ".":
            return "keras" + dotted[len(root) :], flavour
    short = SHORT.fullmatch(dotted)
    return None if short is None else (f"keras.{short['path']}", "tf.keras")


@dataclass(frozen=True)
class Target:
    """What a migration aims at.

    Attributes:
        name: The flavour as the user writes it: ``keras``, ``tf.keras`` or ``tf_keras``.
        api: Major version of the Keras API behind it, 2 or 3.
        root: Package that an import statement names.
        inventory: Name of the inventory that says what exists there.
    """

    name: str
    api: int
    root: str
    inventory: str

    def spell(self, path: str) -> str:
        """Return the absolute dotted path, in this flavour, of a canonical one."""
        private = ".src" if load(self.inventory).is_private(path) else ""
        return self.root + private + path[len("keras") :]

    def below(self, base: str, path: str) -> str | None:
        """Return what to write behind an expression for ``base`` to reach ``path``.

        Args:
            base: Canonical path of a module or an object.
            path: Canonical path.

        Returns:
            Attributes with their leading dots; None when ``path`` is not below ``base``.
        """
        start, whole = self.spell(base), self.spell(path)
        return whole[len(start) :] if whole == start or whole.startswith(f"{start}.") else None

    def accepts(self, flavour: str) -> bool:
        """Tell whether code reached through ``flavour`` is already in this one."""
        return flavour == self.name


TARGETS: tuple[Target, ...] = (
    Target("keras", 3, "keras", "keras-3"),
    Target("tf.keras", 3, "tensorflow.keras", "tf.keras-3"),
    Target("tf.keras", 2, "tensorflow.keras", "tf.keras-2"),
    Target("tf_keras", 2, "tf_keras", "tf_keras-2"),
)


def target(name: str, api: int | None = None) -> Target:
    """Look up a target by the name that the user gave.

    Args:
        name: ``keras``, ``tf.keras`` or ``tf_keras``.
        api: 2 or 3; only ``tf.keras`` has both, and there 3 is the default.

    Raises:
        UsageError: There is no such target.
    """
    named = [each for each in TARGETS if each.name == name]
    if not named:
        known = ", ".join(dict.fromkeys(each.name for each in TARGETS))
        raise UsageError(f"unknown target {name!r}: choose one of {known}")
    for each in named:
        if api is None or each.api == api:
            return each
    raise UsageError(f"{name} has no Keras {api} API: leave --api out or choose another target")
