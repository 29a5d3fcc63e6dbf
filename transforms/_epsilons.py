"""Where RMSprop and Adagrad of old added epsilon: behind the root, and not below it."""

from __future__ import annotations

from kerasmigrate.transform import Context
from kerasmigrate.versions import KERAS_2_2, KERAS_2_3

from ._versions import EARLY, versions_of
from .defaults_table import SQUARE

#: Optimizers whose epsilon moved below the root.
ROOTED = frozenset(("keras.optimizers.Adagrad", "keras.optimizers.RMSprop"))
#: Below this an epsilon was written for the formula of today; its square would not be normal.
LEAST = 1e-12
#: They had an epsilon of 1e-7 by default; those before them 1e-8.
_LATER = frozenset((KERAS_2_2, KERAS_2_3))


def is_behind(context: Context) -> bool:
    """Tell whether a file is for Kerases that added epsilon behind the root."""
    versions = versions_of(context)
    return bool(versions) and versions <= EARLY


def default(context: Context) -> str | None:
    """Return what epsilon was by default; None where the plausible versions disagree."""
    versions = versions_of(context)
    if versions <= _LATER:
        return "1e-7"
    return None if versions & _LATER else "1e-8"


def is_narrow(context: Context) -> bool:
    """Tell whether weights may be of float16, where the square of an epsilon is 0."""
    return "float16" in context.code


def squared(value: str) -> str:
    """Write the epsilon that damps below the root as one did behind it."""
    return value + SQUARE
