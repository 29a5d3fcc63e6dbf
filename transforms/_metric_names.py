"""Which names a project gives to the metrics of its models, file by file.

Since Keras 2.3 the logs and the history hold a metric under the name that compile() was given;
before, a metric had one name, whatever it was called there (training.py of 2.2.4, ``fit`` of
every installed package).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kerasmigrate.neighbours import FileFacts

#: Stands for a metric that the source does not show.
UNKNOWN = "?"
#: Name given to compile(), and the key that it had in the logs before Keras 2.3
#: (engine/training_utils.py, metrics.py of 2.2.4).
OLD_KEYS = {
    "accuracy": "acc",
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "MSLE": "mean_squared_logarithmic_error",
}
_SCHEDULES = frozenset(("ReduceLROnPlateau", "LearningRateScheduler"))
_CONCERNS = re.compile(rb"\.compile\(|_step\b|logs|ReduceLROnPlateau|LearningRateScheduler")
_STEPS = frozenset(("train_step", "test_step"))
_HOOK = re.compile(r"on_\w+_(?:begin|end)")


@dataclass(frozen=True)
class Compiled:
    """The metrics of one call of compile().

    Attributes:
        place: Names of the functions and classes around the call.
        receiver: The source of what is compiled.
        names: The names of its metrics.
    """

    place: tuple[str, ...]
    receiver: str
    names: frozenset[str]


@dataclass(frozen=True)
class Metrics:
    """What one file says about metrics.

    Attributes:
        compiled: Its calls of compile() that ask for metrics.
        produced: Keys that its own training steps and callbacks put into the logs.
        outputs: Names that its layers are given.
        schedules: Whether it uses a callback that logs the learning rate.
    """

    compiled: tuple[Compiled, ...] = ()
    produced: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    schedules: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The names of all metrics of the file."""
        return self.produced.union(*(each.names for each in self.compiled))


def find(tree: ast.Module) -> Metrics:
    """Collect what a parsed file says about metrics."""
    finder = _Finder(tree)
    finder.visit(tree)
    return Metrics(
        tuple(finder.compiled),
        frozenset(finder.produced),
        frozenset(finder.outputs),
        finder.schedules,
    )


METRICS = FileFacts(find, lambda data: _CONCERNS.search(data) is not None, Metrics())


class _Finder(ast.NodeVisitor):
    def __init__(self, tree: ast.Module) -> None:
        self.place: list[str] = []
        self.compiled: list[Compiled] = []
        self.produced: set[str] = set()
        self.outputs: set[str] = {"weighted"}
        self.schedules = False
        self._values: dict[str, list[ast.expr | None]] = {}
        self._defined: set[str] = set()
        for node in ast.walk(tree):
            self._collect(node)

    def _collect(self, node: ast.AST) -> None:
        """Note what binds a name."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._values.setdefault(ast.unparse(target), []).append(node.value)
        elif isinstance(node, ast.AugAssign):
            self._values.setdefault(ast.unparse(node.target), []).append(None)
        elif isinstance(node, ast.arg):
            self._values.setdefault(node.arg, []).append(None)
        elif isinstance(node, ast.For | ast.comprehension):
            self._values.setdefault(ast.unparse(node.target), []).append(None)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            self._defined.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._defined |= {alias.asname or alias.name for alias in node.names}

    # -- the walk ----------------------------------------------------------------------------

    def _inside(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.place.append(node.name)
        self.generic_visit(node)
        self.place.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node)

    def visit_Name(self, node: ast.Name) -> None:
        self.schedules = self.schedules or node.id in _SCHEDULES

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.schedules = self.schedules or node.attr in _SCHEDULES
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if (
                isinstance(target, ast.Subscript)
                and isinstance(target.value, ast.Name)
                and target.value.id == "logs"
            ):
                self._produce(target.slice)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        if not _STEPS.isdisjoint(self.place):
            for key in node.keys:
                self._produce(key)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        func = node.func
        for keyword in node.keywords:
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                self.outputs.add(str(keyword.value.value))
        if isinstance(func, ast.Attribute) and func.attr == "compile":
            found = frozenset(self._compiled(node))
            if found:
                self.compiled.append(Compiled(tuple(self.place), ast.unparse(func.value), found))
        elif isinstance(func, ast.Attribute) and (
            _HOOK.fullmatch(func.attr) or ast.unparse(func) == "logs.update"
        ):
            self._told(node)
        self.generic_visit(node)

    def _told(self, node: ast.Call) -> None:
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            for key in each.keys if isinstance(each, ast.Dict) else ():
                self._produce(key)

    def _produce(self, key: ast.expr | None) -> None:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            self.produced.add(key.value.removeprefix("val_"))

    # -- metrics -----------------------------------------------------------------------------

    def _compiled(self, node: ast.Call) -> Iterator[str]:
        for keyword in node.keywords:
            if keyword.arg is None:
                yield UNKNOWN
            elif keyword.arg in ("metrics", "weighted_metrics"):
                yield from self._metrics(keyword.value, 0)
        if any(isinstance(arg, ast.Starred) for arg in node.args):
            yield UNKNOWN
        elif len(node.args) > 2:
            yield from self._metrics(node.args[2], 0)

    def _metrics(self, node: ast.expr, depth: int) -> Iterator[str]:
        """Yield the names of what stands for one metric or several."""
        if depth > 8:
            yield UNKNOWN
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                yield node.value
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            for each in node.elts:
                yield from self._metrics(each, depth + 1)
        elif isinstance(node, ast.Dict):
            for each in node.values:
                yield from self._metrics(each, depth + 1)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from self._metrics(node.left, depth + 1)
            yield from self._metrics(node.right, depth + 1)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            yield from self._metrics(node.left, depth + 1)
        elif isinstance(node, ast.IfExp):
            yield from self._metrics(node.body, depth + 1)
            yield from self._metrics(node.orelse, depth + 1)
        elif isinstance(node, ast.Call):
            yield _made(node)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from self._named(node, depth)
        else:
            yield UNKNOWN

    def _named(self, node: ast.Name | ast.Attribute, depth: int) -> Iterator[str]:
        """Yield the names behind a variable, or of a function that is passed on."""
        values = self._values.get(ast.unparse(node))
        leaf = node.id if isinstance(node, ast.Name) else node.attr
        if values is not None:
            value = values[0] if len(values) == 1 else None
            if value is None:
                yield UNKNOWN
            else:
                yield from self._metrics(value, depth + 1)
        elif leaf not in self._defined if isinstance(node, ast.Name) else _is_own(node):
            yield UNKNOWN
        else:
            yield leaf
            # A function answers to its own name, not to the name that it was imported under.
            yield OLD_KEYS.get(leaf, leaf) if leaf != "accuracy" else leaf


def _is_own(node: ast.Attribute) -> bool:
    return ast.unparse(node).startswith("self.")


def _made(node: ast.Call) -> str:
    """Return the name of a metric object."""
    for keyword in node.keywords:
        if keyword.arg == "name":
            if isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
            return UNKNOWN
        if keyword.arg is None:
            return UNKNOWN
    leaf = ast.unparse(node.func).rpartition(".")[2]
    if not leaf[:1].isupper():
        return UNKNOWN
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", leaf).lower()
