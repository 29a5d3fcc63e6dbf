"""Names of Keras that a file reads and nobody binds."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.findings import Confidence
from kerasmigrate.project import SOURCES
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.scopes import Reference
from kerasmigrate.transform import Transform

UNBOUND = Rule(
    "KM110",
    "unbound-name",
    "Report tf, keras or K where the file never binds it",
    'A cell of a notebook, or a piece of another file, whose import stayed behind: "NameError:'
    " name 'tf' is not defined\". What such a name means cannot be known, so nothing below it is"
    " migrated. Only names that are read the way Keras is read are reported: tf.keras.…, or a"
    " function that Keras has; beside one of those any tf.",
    Safety.NONE,
    untouched=(
        "Files with a star import, exec() or globals(), which may bind anything.",
        "Names with another use.",
    ),
)
#: What each name usually stands for.
_USUAL = {
    "tf": ("import tensorflow as tf", ""),
    "keras": ("import keras", "keras"),
    "K": ("from keras import backend as K", "keras.backend"),
}
_BINDERS = frozenset(("exec", "execfile", "globals", "run_line_magic"))


class UnboundNames(Transform):
    """Looks for names of Keras that are bound nowhere."""

    rules = (UNBOUND,)
    order = 60

    def visit_Module(self, node: cst.Module) -> None:
        names = self.context.names
        free = [each for each in names.references.values() if each.scope.lookup(each.name) is None]
        if names.stars or any(each.name in _BINDERS for each in free):
            return
        if any(binding.name == "*" for binding in names.imports):
            return
        seen: set[str] = set()
        for reference in free:
            if reference.name in _USUAL and reference.name not in seen and _is_keras(reference):
                seen.add(reference.name)
                self._report(reference)
        lost = [each for each in free if each.name == "tf" and each.attributes]
        if seen and lost and "tf" not in seen:
            self._report(lost[0])  # the same import lines stayed behind

    def _report(self, reference: Reference) -> None:
        self.context.report(
            UNBOUND,
            reference.node,
            f"{reference.name} is bound nowhere in this file, so nothing below it is migrated",
            advice=f"write {_USUAL[reference.name][0]} if that is meant, and run kerasmigrate"
            " again",
            confidence=Confidence.LIKELY,
        )


def _is_keras(reference: Reference) -> bool:
    """Tell whether a name is read as that of the module that it usually is."""
    attributes = reference.attributes
    if reference.stored or not attributes:
        return False
    if reference.name == "tf":
        return attributes[0] == "keras"
    path = f"{_USUAL[reference.name][1]}.{attributes[0]}"
    return any(path in inventory.load(source) for source in SOURCES)
