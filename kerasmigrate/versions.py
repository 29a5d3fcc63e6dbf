"""Which versions of Keras a piece of code may have been written for.

:mod:`kerasmigrate.eras` tells the words of Keras 1 from later ones. Between the later versions the
spelling hardly changed, but some defaults did. Here versions are ruled out, one by one: by names
and arguments that they do not have (the inventories), by what the requirements of the project pin,
and by names that only TensorFlow 1 has. What is left is plausible. Code that Keras 3 would run as
well is taken for Keras 3: about it nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from weakref import WeakKeyDictionary

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.eras import KERAS_1, Era, own_era, project_era
from kerasmigrate.inventory.homes import home
from kerasmigrate.names import Names, Symbol
from kerasmigrate.requirements import pinned
from kerasmigrate.walking import Reader

KERAS_2_0 = "keras-2.0.9"
KERAS_2_2 = "keras-2.2.4"
KERAS_2_3 = "keras-2.3.1"
#: Keras from 2.4 to 2.15, which was tf.keras under another name.
LATE = "tf.keras-2"
#: tf.keras as TensorFlow 1 had it; there is no inventory of it.
TF1 = "tf.keras-1"
KERAS_3 = "keras-3"
PRIVATE = "tensorflow.python.keras"

#: Versions of standalone Keras that stand for the others: 2.2.4 for 2.2, and so on.
STANDALONE = (KERAS_1, KERAS_2_0, KERAS_2_2, KERAS_2_3, LATE, KERAS_3)
#: They convert the arguments of Keras 1 on their own.
_WITH_SHIMS = (KERAS_2_0, KERAS_2_2, KERAS_2_3)
#: The only version that code of these flavours can have been written for.
_FIXED = {"tf_keras": LATE, PRIVATE: PRIVATE, "tf.compat.v1.keras": TF1}
#: Methods of models that Keras 3 no longer has.
_OLD_METHODS = frozenset(
    (
        "fit_generator",
        "evaluate_generator",
        "predict_generator",
        "predict_classes",
        "predict_proba",
    )
)
#: What went away between Keras 2.4 and 2.15.
_GONE_LATER = frozenset(("keras.utils.multi_gpu_model", "keras.wrappers"))
#: What TensorFlow 2 has only below ``compat.v1``.
_TENSORFLOW_1 = frozenset(
    f"tensorflow.{name}"
    for name in (
        "ConfigProto",
        "GPUOptions",
        "InteractiveSession",
        "Session",
        "app",
        "contrib",
        "flags",
        "get_default_graph",
        "get_default_session",
        "get_variable",
        "global_variables_initializer",
        "initialize_all_variables",
        "layers",
        "logging",
        "placeholder",
        "reset_default_graph",
        "set_random_seed",
        "summary.FileWriter",
        "to_float",
        "to_int32",
        "train.AdamOptimizer",
        "train.Saver",
        "variable_scope",
    )
)
_found: WeakKeyDictionary[Names, dict[str, frozenset[str]]] = WeakKeyDictionary()


def plausible(names: Names, flavour: str) -> frozenset[str]:
    """Return the versions that what a file gets from one flavour may have been written for.

    Args:
        names: The resolved names of the file.
        flavour: As in `Symbol.flavour`.

    Returns:
        Names as in this module; empty when the code may be for Keras 3, or when nothing fits.
    """
    found = candidates(names, flavour)
    return frozenset() if KERAS_3 in found else found


def candidates(names: Names, flavour: str) -> frozenset[str]:
    """Return the same with Keras 3 among them, where it would run the code as well."""
    if flavour in _FIXED:
        return frozenset((_FIXED[flavour],))
    known = _found.setdefault(names, {})
    if flavour not in known:
        found: frozenset[str] = frozenset()
        if flavour == "keras":
            found = _standalone(names)
        elif flavour == "tf.keras":
            found = _tensorflow(names)
        known[flavour] = found
    return known[flavour]


def _standalone(names: Names) -> frozenset[str]:
    found = set(STANDALONE)
    pins = pinned(names.view, "keras")
    if pins:
        found = set(pins)
    era = own_era(names)
    if era is Era.UNKNOWN and project_era(names.view.project) is Era.KERAS_1:
        era = Era.KERAS_1
    if era is Era.KERAS_1:
        first = {each for each in found if each.startswith("keras-1.")}
        found = first or found & set(_WITH_SHIMS)
    elif era is Era.MIXED:
        found &= set(_WITH_SHIMS)
    elif era is Era.KERAS_2:
        found = {each for each in found if not each.startswith("keras-1.")}
    if _speaks_of_tensorflow_1(names) or pinned(names.view, "tensorflow") == {TF1}:
        found -= {LATE, KERAS_3}
    return frozenset(_surviving(names, "keras", found))


def _tensorflow(names: Names) -> frozenset[str]:
    pins = pinned(names.view, "tensorflow")
    if pins == {TF1} or _speaks_of_tensorflow_1(names):
        return frozenset((TF1,))
    return frozenset(_surviving(names, "tf.keras", (set(pins) or {LATE, KERAS_3}) - {TF1}))


def _speaks_of_tensorflow_1(names: Names) -> bool:
    for reference in names.references.values():
        if not reference.attributes:
            continue
        for origin in names.origins(reference.node):
            parts = origin.split(".")
            if parts[0] == "tensorflow" and (
                ".".join(parts[:2]) in _TENSORFLOW_1 or ".".join(parts[:3]) in _TENSORFLOW_1
            ):
                return True
    return False


# -- ruling out -----------------------------------------------------------------------------------


def _surviving(names: Names, flavour: str, found: set[str]) -> set[str]:
    """Return the versions that have every name and argument that the file uses."""
    for path in {symbol.path for symbol in _reliable(names, flavour)}:
        found -= _without(path, flavour)
    calls = _Calls(names, flavour)
    calls.visit(names.module)
    for path, keyword in calls.keywords:
        found -= _rejecting(path, keyword, flavour)
    if calls.old_method:
        found.discard(KERAS_3)
    return found


def _reliable(names: Names, flavour: str) -> Iterator[Symbol]:
    """Yield the symbols that the file cannot do without."""
    for _, symbol in names.symbols():
        if (
            symbol.flavour == flavour
            and symbol.certain
            and not any(binding.guards for binding in symbol.bindings)
        ):
            yield symbol


def _versions(flavour: str) -> tuple[str, ...]:
    return STANDALONE if flavour == "keras" else (LATE, KERAS_3)


def _inventory(version: str, flavour: str) -> inventory.Inventory:
    if version == KERAS_3 and flavour == "tf.keras":
        return inventory.load("tf.keras-3")
    return inventory.load(version)


@cache
def _without(path: str, flavour: str) -> frozenset[str]:
    """Return the versions that do not have a name which some other version has."""
    versions = _versions(flavour)
    parts = path.split(".")
    for end in range(len(parts), 1, -1):
        known = ".".join(parts[:end])
        have = {each for each in versions if known in _inventory(each, flavour)}
        if not have:
            continue
        if LATE not in have and parts[0] == "keras" and flavour == "keras":
            # Only its public names are known, and Keras 2.6 to 2.12 had old modules as well.
            parent = ".".join(parts[: end - 1])
            if inventory.load(LATE).kind(parent) != "module" or known in _GONE_LATER:
                have.add(LATE)
        return _and_earlier(frozenset(versions) - have)
    return frozenset()


def _and_earlier(versions: frozenset[str]) -> frozenset[str]:
    """Let what is known of Keras 1.2.2 hold for what came before it."""
    if KERAS_1 in versions:
        return versions | {"keras-1.0.0", "keras-1.1.2"}
    return versions


@cache
def _rejecting(path: str, keyword: str, flavour: str) -> frozenset[str]:
    """Return the versions in which a callable has no such argument, though it has in others."""
    versions = _versions(flavour)
    named: set[str] = set()
    rejecting: set[str] = set()
    for version in versions:
        known = _inventory(version, flavour)
        signature = known.signature(path)
        if signature is None and version == KERAS_3:
            place = home(path, known.name).path
            signature = known.signature(place) if place is not None else None
        if signature is None:
            continue
        if signature.named(keyword):
            named.add(version)
        elif not signature.accepts(keyword):
            rejecting.add(version)
    if not named:
        return frozenset()
    if KERAS_1 in named:
        rejecting -= set(_WITH_SHIMS)
    if KERAS_2_3 in named:
        rejecting.discard(LATE)  # 2.15 is what is known of it; 2.4 had more
    return _and_earlier(frozenset(rejecting))


class _Calls(Reader):
    def __init__(self, names: Names, flavour: str) -> None:
        super().__init__()
        self.names = names
        self.flavour = flavour
        self.keywords: set[tuple[str, str]] = set()
        self.old_method = False

    def visit_Call(self, node: cst.Call) -> None:
        symbol = self.names.symbol(node.func)
        if symbol is None:
            if isinstance(node.func, cst.Attribute) and node.func.attr.value in _OLD_METHODS:
                self.old_method = True
            return
        if symbol.flavour == self.flavour and symbol.certain:
            self.keywords |= {
                (symbol.path, arg.keyword.value) for arg in node.args if arg.keyword is not None
            }
