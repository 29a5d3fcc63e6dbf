"""Who sets or reads the learning rate of an optimizer while it trains.

An optimizer that was made with a schedule has no rate to set: Keras 3 raises a TypeError, tf_keras
goes on and ignores what was set. So a schedule may only come in where nobody sets the rate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from weakref import WeakKeyDictionary

import libcst as cst

from kerasmigrate.project import Project
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import is_a
from kerasmigrate.walking import Reader

OPTIMIZER = "keras.optimizers.Optimizer"
#: Attributes that hold the rate, or what is computed with it.
_RATES = frozenset(("lr", "learning_rate", "decay", "initial_decay"))
_CALLBACKS = ("ReduceLROnPlateau", "LearningRateScheduler")
_SETTERS = re.compile(
    rb"\b(ReduceLROnPlateau|LearningRateScheduler)\s*\(|\b(optimizer\.(?:lr|learning_rate))\b"
)
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*\(?([^#\n)]*)|import[ \t]+([^#\n]+))", re.M
)
_graphs: WeakKeyDictionary[Project, _Graph] = WeakKeyDictionary()


def is_optimizer(context: Context, node: cst.BaseExpression) -> bool:
    """Tell whether an expression is known to be an optimizer of Keras."""
    known = context.values.instance(node)
    if known is not None:
        return is_a(known, OPTIMIZER) or known.startswith("keras.optimizers.")
    return (
        isinstance(node, cst.Attribute)
        and node.attr.value == "optimizer"
        and context.values.is_model(node.value)
    )


class RateSetters:
    """What sets or reads learning rates in one file, and in the files that it works with."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @cached_property
    def found(self) -> str:
        """What sets or reads the rate, in a few words; empty when nothing does."""
        for _, symbol in self.context.names.symbols():
            leaf = symbol.path.rpartition(".")[2]
            if leaf in _CALLBACKS:
                return f"{leaf} in this file sets the rate"
        reader = _Rates(self.context)
        reader.visit(self.context.module)
        if reader.found:
            return f"this file uses {reader.found}"
        path = self.context.view.path
        if path is None:
            return ""
        project = self.context.view.project
        if project not in _graphs:
            _graphs[project] = _Graph(project)
        for other, what in _graphs[project].setters_near(path):
            return f"{what} in {other.name} may set the rate"
        return ""


class _Rates(Reader):
    """Looks for ``optimizer.lr`` and its like."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.found = ""

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if node.attr.value not in _RATES or self.found:
            return
        chain = dotted(node) or ()
        if chain[-2:-1] == ("optimizer",) or is_optimizer(self.context, node.value):
            self.found = self.context.module.code_for_node(node)


class _Graph:
    """Which file of a project imports which, and which of them set learning rates."""

    def __init__(self, project: Project) -> None:
        self._imports: dict[Path, frozenset[Path]] = {}
        self._importers: dict[Path, set[Path]] = {}
        self._setters: dict[Path, str] = {}
        data = {}
        for path in project.files:
            try:
                data[path] = path.read_bytes()
            except OSError:
                continue  # reported when its turn comes
            match = _SETTERS.search(data[path])
            if match is not None:
                self._setters[path] = (match.group(1) or match.group(2)).decode()
        if not self._setters:
            return
        for path, text in data.items():
            found = frozenset(_imported(project, path, text)) - {path}
            self._imports[path] = found
            for other in found:
                self._importers.setdefault(other, set()).add(path)

    def setters_near(self, path: Path) -> Iterator[tuple[Path, str]]:
        """Yield the files that may get an optimizer of ``path``, with what they set rates with.

        A file may when one program imports both, or when one of the two imports the other.
        """
        programs = _reached({path}, self._importers)
        together = _reached(programs, self._imports)
        for other, what in self._setters.items():
            if other in together and other != path:
                yield other, what


def _reached(
    start: set[Path], edges: dict[Path, set[Path]] | dict[Path, frozenset[Path]]
) -> set[Path]:
    found = set(start)
    waiting = list(start)
    while waiting:
        for each in edges.get(waiting.pop(), ()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def _imported(project: Project, path: Path, text: bytes) -> Iterator[Path]:
    for match in _IMPORT.finditer(text):
        module, names, plain = (
            part.decode("ascii", "ignore") if part else "" for part in match.groups()
        )
        wanted = []
        if plain:
            wanted += [(part.split()[0], 0) for part in plain.split(",") if part.split()]
        else:
            bare = module.lstrip(".")
            level = len(module) - len(bare)
            wanted.append((bare, level))
            for part in names.replace("\\", " ").split(","):
                name = part.split()[0] if part.split() else ""
                wanted.append((f"{bare}.{name}" if bare else name, level))
        for name, level in wanted:
            if name or level:
                found = project.locate(path, name, level)
                if found is not None:
                    yield found
