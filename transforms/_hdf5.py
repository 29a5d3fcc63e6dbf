"""What the files of a project do with whole models in HDF5 files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kerasmigrate.neighbours import FileFacts, sharing
from kerasmigrate.transform import Context

_CONCERNS = re.compile(
    rb"\.save\(|save_model|load_model|ModelCheckpoint|mask_zero|Masking|Bidirectional|\bmask\b"
)
_HDF5 = re.compile(r"(?<!\.weights)\.(?:h5|hdf5)$")
#: Layers whose ``call`` takes a mask: the mask becomes an operation of a functional model.
_TAKE_MASK = frozenset(
    (
        "AdditiveAttention",
        "Attention",
        "Bidirectional",
        "ConvLSTM2D",
        "CuDNNGRU",
        "CuDNNLSTM",
        "GRU",
        "LSTM",
        "MultiHeadAttention",
        "RNN",
        "SimpleRNN",
        "TimeDistributed",
    )
)


@dataclass(frozen=True)
class Hdf5:
    """What one file says about whole models and masks.

    Attributes:
        saves: Whether it saves a model to a name that ends in .h5 or .hdf5.
        loads: Whether it loads a model from such a name, or from one that it does not show.
        hdf5: Whether any name of a model that it shows is one of HDF5.
        bare: Whether it loads a model with ``compile=False``.
        masked: Whether it makes a functional model in which a layer takes a mask.
    """

    saves: bool = False
    loads: bool = False
    hdf5: bool = False
    bare: bool = False
    masked: bool = False


def find(tree: ast.Module) -> Hdf5:
    """Collect what a parsed file says about models in HDF5 files."""
    finder = _Finder(tree)
    return Hdf5(
        finder.saves,
        finder.loads,
        finder.hdf5,
        finder.bare,
        finder.mask and finder.functional and finder.taken,
    )


FACTS = FileFacts(find, lambda data: _CONCERNS.search(data) is not None, Hdf5())


def facts(context: Context) -> tuple[Hdf5, ...]:
    """Return the facts of a file and of those that it may share a model with, its own first."""
    project, path = context.view.project, context.view.path
    others = sharing(project, path)
    return FACTS.of_text(context.code), *(FACTS.of(project, each) for each in sorted(others))


class _Finder:
    def __init__(self, tree: ast.Module) -> None:
        self.saves = self.loads = self.hdf5 = self.bare = False
        self.mask = self.functional = self.taken = False
        self._values: dict[str, list[ast.expr]] = {}
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._collect(node)
        for node in nodes:
            if isinstance(node, ast.Call):
                self._call(node)

    def _collect(self, node: ast.AST) -> None:
        """Note what names stand for, and what takes a mask."""
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._values.setdefault(ast.unparse(target), []).append(node.value)
        elif isinstance(node, ast.arguments):
            given = [*node.posonlyargs, *node.args]
            defaults = node.defaults
            for arg, value in zip(given[len(given) - len(defaults) :], defaults, strict=True):
                self._values.setdefault(arg.arg, []).append(value)
        elif isinstance(node, ast.FunctionDef):
            args = (*node.args.args, *node.args.kwonlyargs)
            self.taken |= node.name == "call" and any(each.arg == "mask" for each in args)
        elif isinstance(node, ast.Name | ast.Attribute):
            self.taken |= _leaf(node) in _TAKE_MASK

    def _call(self, node: ast.Call) -> None:
        leaf = _leaf(node.func)
        given = {each.arg: each.value for each in node.keywords}
        if leaf == "Masking" or _is(given.get("mask_zero"), True):
            self.mask = True
        elif leaf == "Model" and (node.args or node.keywords):
            self.functional = True
        elif leaf == "save" and isinstance(node.func, ast.Attribute):
            self._save(_given(node, 0, "filepath"))
        elif leaf == "save_model":
            self._save(_given(node, 1, "filepath"))
        elif leaf == "ModelCheckpoint":
            weights = _given(node, 4, "save_weights_only")
            if weights is None or _is(weights, False):
                self._save(_given(node, 0, "filepath"))
        elif leaf == "load_model":
            self._load(_given(node, 0, "filepath"), _given(node, 2, "compile"))

    def _save(self, path: ast.expr | None) -> None:
        if path is not None and any(map(_HDF5.search, self._texts(path, 0))):
            self.saves = self.hdf5 = True

    def _load(self, path: ast.expr | None, compiled: ast.expr | None) -> None:
        texts = list(self._texts(path, 0)) if path is not None else []
        hdf5 = any(map(_HDF5.search, texts))
        self.hdf5 |= hdf5
        if _is(compiled, False):
            self.bare = True
        elif hdf5 or not any(re.search(r"\.\w+$", text) for text in texts):
            self.loads = True

    def _texts(self, node: ast.expr, depth: int) -> Iterator[str]:
        """Yield the texts that a path may be put together of."""
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield each.value
            elif isinstance(each, ast.Name | ast.Attribute) and depth < 4:
                for value in self._values.get(ast.unparse(each), ()):
                    yield from self._texts(value, depth + 1)


def _leaf(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _given(node: ast.Call, index: int, name: str) -> ast.expr | None:
    for each in node.keywords:
        if each.arg == name:
            return each.value
    if any(isinstance(each, ast.Starred) for each in node.args[: index + 1]):
        return None
    return node.args[index] if index < len(node.args) else None
