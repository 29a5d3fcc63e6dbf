"""The targets of a migration, for tests that hold for all of them."""

from __future__ import annotations

import pytest
from migrating import check

TARGETS = ("keras", "tf.keras", "tf_keras")
#: How each target is imported, and as which package.
ROOT = {
    "keras": ("import keras", "keras"),
    "tf.keras": ("from tensorflow import keras", "tensorflow.keras"),
    "tf_keras": ("import tf_keras as keras", "tf_keras"),
}
each_target = pytest.mark.parametrize("to", TARGETS)


def everywhere(before: str, after: str) -> None:
    """Check a conversion for all targets; ``IMPORT`` and ``ROOT`` stand for the target's."""
    for to, (statement, package) in ROOT.items():
        check(before, after.replace("IMPORT", statement).replace("ROOT", package), to=to)
