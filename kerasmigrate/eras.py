"""Which Keras a piece of code was written for, told by the words that it uses.

Keras 1 names most arguments differently and orders some of them differently, and official shims
let both spellings run on Keras 2.0 to 2.3. Keywords give an era away call by call; for positional
arguments, what the rest of the file uses has to tell.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from weakref import WeakKeyDictionary

import libcst as cst

from kerasmigrate import inventory, literals
from kerasmigrate.names import Names
from kerasmigrate.project import SOURCES, Project
from kerasmigrate.source import speaks_of_keras
from kerasmigrate.walking import Reader, walk

KERAS_1 = "keras-1.2.2"
KERAS_2 = ("keras-2.0.9", "keras-2.2.4", "keras-2.3.1", "tf.keras-2")
KERAS_3 = frozenset(("keras-3", "tf.keras-3"))

#: Arguments of model methods that only one of the two has: Keras 1.2.2 and 2.0 training.py.
_METHODS_1 = frozenset(
    ("nb_epoch", "samples_per_epoch", "nb_val_samples", "val_samples", "max_q_size", "nb_worker")
)
_METHODS_2 = frozenset(
    ("epochs", "steps_per_epoch", "validation_steps", "max_queue_size", "use_multiprocessing")
)
#: Old names that signatures of Keras 2 still list, only to convert them or to reject them.
_LISTED = frozenset(("input_dtype", "nb_epoch", "nb_words"))
#: Arguments of every layer, which say nothing.
_NEUTRAL = frozenset(
    ("activity_regularizer", "batch_size", "dtype", "name", "trainable", "weights")
)
#: The same as words in calls of a text, for files that are not worth parsing.
_WORDS_1 = re.compile(
    rb"[(,]\s*(?:border_mode|nb_filter|nb_epoch|nb_row|dim_ordering|samples_per_epoch|W_regularizer)\s*=[^=]"
)
_WORDS_2 = re.compile(
    rb"[(,]\s*(?:kernel_size|kernel_initializer|kernel_regularizer|data_format|epochs|steps_per_epoch)\s*=[^=]"
)
_files: WeakKeyDictionary[Names, Era] = WeakKeyDictionary()
_projects: WeakKeyDictionary[Project, Era] = WeakKeyDictionary()


class Era(Enum):
    """What a file was written for."""

    KERAS_1 = "Keras 1"
    KERAS_2 = "Keras 2 or later"
    MIXED = "both"
    UNKNOWN = "unknown"


@cache
def vocabulary(path: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the argument names of a callable that only Keras 1, and only later ones, have.

    Args:
        path: Canonical path in any version.
    """
    first = inventory.load(KERAS_1).signature(path)
    if first is None:
        return frozenset(), frozenset()
    old = {each.name for each in first.parameters}
    new: set[str] = set()
    for name in KERAS_2:
        signature = inventory.load(name).signature(path)
        if signature is not None:
            new |= {each.name for each in signature.parameters} - _LISTED
    if not new:
        return frozenset(), frozenset()
    return frozenset(old - new), frozenset(new - old - _NEUTRAL)


@cache
def is_keras_1_only(path: str) -> bool:
    """Tell whether a symbol is of one kind in Keras 1, and gone or of another kind later.

    ``Merge`` counts, although Keras 2.0 still had it for old code.
    """
    known = inventory.load(KERAS_1)
    kind = known.kind(path)
    if kind is None:
        return False
    if known.same_object(path, "keras.engine.topology.Merge"):
        return True
    later = {inventory.load(name).kind(path) for name in KERAS_2}
    return kind not in later and not (kind == "function" and "class" in later)


def era(names: Names) -> Era:
    """Tell what a file was written for; one that does not say goes with its project."""
    found = own_era(names)
    if found is not Era.UNKNOWN:
        return found
    flavours = {symbol.flavour for _, symbol in names.symbols()}
    if flavours and "keras" not in flavours:
        return Era.KERAS_2  # no other flavour ever had the interface of Keras 1
    return project_era(names.view.project)


def own_era(names: Names) -> Era:
    """Tell what a file was written for by its own words alone."""
    found = _files.get(names)
    if found is None:
        found = _files[names] = _own_era(names)
    return found


def _own_era(names: Names) -> Era:
    old = False
    for reference, symbol in names.symbols():
        if symbol.flavour == "keras" and is_keras_1_only(symbol.path):
            old = True
        spelt = (reference.name, *reference.attributes)[-1]
        if "Convolution" in spelt and symbol.path.endswith(f".{spelt}"):
            old = True
    collector = _Calls(names)
    collector.visit(names.module)
    return _judge(old or collector.old, collector.new)


def is_keras_3(names: Names) -> bool:
    """Tell whether a file speaks Keras 3 already, by a name that no Keras before it has."""
    return any(symbol.certain and is_keras_3_only(symbol.path) for _, symbol in names.symbols())


@cache
def is_keras_3_only(path: str) -> bool:
    """Tell whether Keras 3 is the first to have a symbol, such as ``keras.ops.sum``."""
    if path.startswith("keras.src") or path not in inventory.load("keras-3"):
        return False
    return not any(path in inventory.load(name) for name in SOURCES if name not in KERAS_3)


def project_era(project: Project) -> Era:
    """Tell what the files of a project were written for, by the words in them."""
    if project not in _projects:
        old = new = False
        for path in project.files:
            try:
                data = path.read_bytes()
            except OSError:
                continue  # reported when its turn comes
            if speaks_of_keras(data):
                old = old or _WORDS_1.search(data) is not None
                new = new or _WORDS_2.search(data) is not None
        _projects[project] = _judge(old, new)
    return _projects[project]


def _judge(old: bool, new: bool) -> Era:
    if old and new:
        return Era.MIXED
    if old:
        return Era.KERAS_1
    return Era.KERAS_2 if new else Era.UNKNOWN


class _Calls(Reader):
    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names
        self.old = False
        self.new = False

    def visit_Call(self, node: cst.Call) -> None:
        given = {arg.keyword.value for arg in node.args if arg.keyword is not None}
        if not given:
            return
        symbol = self.names.symbol(node.func)
        if symbol is not None:
            old, new = vocabulary(symbol.path)
            self.old = self.old or bool(given & old)
            self.new = self.new or bool(given & new)
            return
        made = self._handed_on(node)
        if made is not None:
            path, kept = made
            old, new = vocabulary(path)
            self.old = self.old or bool((given - kept) & old)
            self.new = self.new or bool((given - kept) & new)
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value.startswith(
            ("fit", "evaluate", "predict")
        ):
            self.old = self.old or bool(given & _METHODS_1)
            self.new = self.new or bool(given & _METHODS_2)

    def _handed_on(self, node: cst.Call) -> tuple[str, frozenset[str]] | None:
        """Return the Keras class that a class of the file hands its options on to.

        Returns:
            Its path, and every name that the class itself may take; None for other calls.
        """
        bindings = self.names.bindings(node.func) if isinstance(node.func, cst.Name) else ()
        owner = bindings[0].node if len(bindings) == 1 else None
        if not isinstance(owner, cst.ClassDef) or len(owner.bases) != 1 or owner.keywords:
            return None
        symbol = self.names.symbol(owner.bases[0].value)
        if symbol is None or not symbol.certain:
            return None
        kept: set[str] = set()
        for each in owner.body.body:
            if isinstance(each, cst.FunctionDef) and each.name.value in ("__init__", "__new__"):
                if each.params.star_kwarg is None or each.name.value == "__new__":
                    return None
                kept.update(p.name.value for p in (*each.params.params, *each.params.kwonly_params))
                # What the constructor says in words it may take out of its options.
                texts = (w for w in walk(each) if isinstance(w, cst.SimpleString))
                kept.update(literals.string(text) or "" for text in texts)
        return symbol.path, frozenset(kept)
