"""Which versions of Keras a piece of code may have been written for.

:mod:`kerasmigrate.eras` tells the words of Keras 1 from later ones. Between the later versions the
spelling hardly changed, but some defaults did. Here versions are ruled out, one by one: by names
and arguments that they do not have (the inventories), by what the requirements of the project pin,
and by names that only TensorFlow 1 has. What is left is plausible, and of that, what runs the
other files of the project as well. Code that may be for Keras 3 after that is taken for Keras 3:
about it nothing is said.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from weakref import WeakKeyDictionary

import libcst as cst

from kerasmigrate import inventory
from kerasmigrate.eras import KERAS_1, Era, is_keras_3, is_keras_3_only, own_era, project_era
from kerasmigrate.flavours import canonical
from kerasmigrate.inventory.homes import home
from kerasmigrate.names import Names, Symbol
from kerasmigrate.neighbours import FileFacts, sharing
from kerasmigrate.project import Project, chain_of
from kerasmigrate.requirements import pinned
from kerasmigrate.source import speaks_of_keras
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
_OLD_OF_KERAS = _OLD_METHODS - {"predict_proba"}
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
_projects: WeakKeyDictionary[Project, frozenset[tuple[str, str]]] = WeakKeyDictionary()


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
        known[flavour] = _beside_others(names, flavour, found)
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


# -- what runs together ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Speech:
    """What a file needs.

    Attributes:
        lacking: Flavours, with the versions that lack a name or an argument that it uses.
        new: Whether it uses what only Keras 3 has.
    """

    lacking: frozenset[tuple[str, str]] = frozenset()
    new: bool = False


def _beside_others(names: Names, flavour: str, found: frozenset[str]) -> frozenset[str]:
    """Leave of some versions those that other files of the project leave.

    Where one version runs all files, it is what they were written for. Where none does, what runs
    together with this file still tells whether it can be for Keras 3.
    """
    if len(found) < 2 or names.view.path is None or is_keras_3(names):
        return found
    project = names.view.project
    lacking = _lacking(project)
    if any((flavour, each) not in lacking for each in _versions(flavour)):
        left = {each for each in found if (flavour, each) not in lacking}
        return frozenset(left) or found
    told = [_SPEECH.of(project, each) for each in sharing(project, names.view.path)]
    old = any(version == KERAS_3 for each in told for _, version in each.lacking)
    return found - {KERAS_3} if old and not any(each.new for each in told) else found


def _lacking(project: Project) -> frozenset[tuple[str, str]]:
    """Return flavours with the versions that do not run every file of a project."""
    if project not in _projects:
        told = (_SPEECH.of(project, each) for each in project.files)
        _projects[project] = frozenset().union(*(each.lacking for each in told))
    return _projects[project]


def _speech(tree: ast.Module) -> _Speech:
    reader = _Speaking(tree)
    reader.visit(tree)
    return _Speech(frozenset(reader.lacking), reader.new)


class _Speaking(ast.NodeVisitor):
    """Looks for what versions lack, and what Keras 3 alone has; what a file tries does not count.

    Names are those that the file imports, and that it binds in no other way. predict_proba() tells
    nothing: other libraries have it.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.lacking: set[tuple[str, str]] = set()
        self.new = False
        self._imported: dict[str, str] = {}
        bound: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                bound.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                bound |= self._import(node)
        for name in bound:
            self._imported.pop(name, None)

    def _import(self, node: ast.Import | ast.ImportFrom) -> set[str]:
        """Note what an import binds, and return the names that another one bound differently."""
        found: dict[str, str] = {}
        for each in node.names:
            if isinstance(node, ast.Import):
                whole, _, _ = each.name.partition(".")
                found[each.asname or whole] = each.name if each.asname else whole
            elif node.level == 0 and each.name != "*":
                found[each.asname or each.name] = f"{node.module}.{each.name}"
        clashes = {
            local for local, path in found.items() if self._imported.get(local, path) != path
        }
        self._imported.update(found)
        return clashes

    def visit_Try(self, node: ast.Try) -> None:
        """Pass by what may fail."""

    def visit_Name(self, node: ast.Name) -> None:
        self._look_at(self._imported.get(node.id))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = self._path(node)
        if path is None:
            self.visit(node.value)
        self._look_at(path)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _OLD_OF_KERAS:
            self.lacking |= {("keras", KERAS_3), ("tf.keras", KERAS_3)}
        split = canonical(self._path(node.func) or "")
        if split is not None and split[1] in ("keras", "tf.keras"):
            for each in node.keywords:
                if each.arg is not None:
                    self._note(split[1], _rejecting(split[0], each.arg, split[1]))
        self.generic_visit(node)

    def _path(self, node: ast.expr) -> str | None:
        """Return the absolute path of a name or attribute that the file has imported."""
        name, dot, rest = (chain_of(node) or "").partition(".")
        root = self._imported.get(name)
        return None if root is None else f"{root}{dot}{rest}"

    def _look_at(self, path: str | None) -> None:
        split = canonical(path or "")
        if split is not None and split[1] in ("keras", "tf.keras"):
            without = _without(split[0], split[1])
            if is_keras_3_only(split[0]):
                self.new = True
                without = frozenset(_versions(split[1])) - {KERAS_3}
            self._note(split[1], without)

    def _note(self, flavour: str, versions: frozenset[str]) -> None:
        self.lacking.update((flavour, each) for each in versions)


_SPEECH = FileFacts(_speech, speaks_of_keras, _Speech())


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
