"""What a file does with TensorFlow 1: which of its names a reference means, and how it shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from weakref import WeakKeyDictionary

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.errors import SourceError
from kerasmigrate.names import Names, Symbol
from kerasmigrate.project import Project
from kerasmigrate.source import read_bytes
from kerasmigrate.transform import Context
from kerasmigrate.walking import Reader, children, walk

_ROOT = "tensorflow."
_V1 = "compat.v1."

#: Weights are shared: a scope or a template finds them by their names.
REUSE = "reuse"
#: A scope gives the variables in it initializers, regularizers or getters of its own.
SCOPE = "scope"
#: Variables or tensors are looked up by their names.
BY_NAME = "by name"
#: The collection of the regularization losses is read.
LOSSES = "losses"
#: A graph is built and run: placeholders, sessions, optimizers of tf.train.
GRAPH = "graph"

#: Eager code is turned off.
KEPT = "kept"

#: The same as words of a text, for the files that import this one.
_WORDS: Mapping[str, re.Pattern[bytes]] = {
    REUSE: re.compile(
        rb"\breuse\s*=\s*(?!None\b|False\b)|AUTO_REUSE|reuse_variables|make_template"
    ),
    SCOPE: re.compile(
        rb"variable_scope\([^\n]*(?:initializer|regularizer|custom_getter|constraint)\s*="
        rb"|\barg_scope\("
    ),
    BY_NAME: re.compile(
        rb"get_collection\([^\n)]*,|(?:trainable|global|local|model)_variables\([^)\s]"
        rb"|_by_name\(|\.op\.name\b|\.name\.(?:startswith|find|split)|in \w+\.name\b"
    ),
    LOSSES: re.compile(rb"REGULARIZATION_LOSSES|get_regularization_loss|get_total_loss"),
    GRAPH: re.compile(
        rb"\bplaceholder\(|\bSession\(|get_collection\(|variables_initializer\("
        rb"|disable_eager_execution|disable_v2_behavior|\bEstimator|train\.\w+Optimizer"
    ),
}
_DISABLED = re.compile(rb"disable_v2_behavior|disable_eager_execution")
_IMPORTED = re.compile(rb"(?m)^\s*(?:from|import)\s+([^\n#]+)")
_importers: WeakKeyDictionary[Project, list[tuple[frozenset[bytes], frozenset[str]]]] = (
    WeakKeyDictionary()
)
_GRAPH_NAMES = frozenset(
    (
        "placeholder",
        "placeholder_with_default",
        "Session",
        "InteractiveSession",
        "get_collection",
        "global_variables_initializer",
        "initialize_all_variables",
        "variables_initializer",
        "disable_eager_execution",
        "disable_v2_behavior",
        "gradients",
        "trainable_variables",
        "get_default_graph",
        "get_variable",
    )
)
_LISTS = frozenset(
    ("trainable_variables", "global_variables", "local_variables", "model_variables")
)
_SCOPE_PLAIN = frozenset(("name_or_scope", "default_name", "values", "dtype", "reuse"))


def tensorflow_name(names: Names, node: cst.CSTNode) -> str | None:
    """Return what a reference means below ``tensorflow``, ``compat.v1`` left out, if it is clear.

    ``tf.layers.dense`` is ``layers.dense`` whichever import stands behind it.
    """
    reference = names.references.get(node)
    if reference is None or reference.stored:
        return None
    if any(names.origin(binding) is None for binding in names.bindings(node)):
        return None
    found = {_below(origin) for origin in names.origins(node)}
    return found.pop() if len(found) == 1 else None


def through_v1(names: Names, node: cst.CSTNode) -> bool:
    """Tell whether a reference reaches TensorFlow through ``compat.v1``."""
    return all(origin.startswith(_ROOT + _V1) for origin in names.origins(node))


def _below(origin: str) -> str | None:
    if not origin.startswith(_ROOT):
        return None
    return origin.removeprefix(_ROOT).removeprefix(_V1)


def place(names: Names, node: cst.CSTNode) -> Symbol:
    """Return a reference to TensorFlow as a symbol, to ask the import plan for spellings."""
    reference = names.references[node]
    return Symbol(
        "",
        "tensorflow",
        reference.name,
        reference.attributes,
        None,
        tuple(names.bindings(node)),
    )


def release(context: Context, node: cst.CSTNode) -> None:
    """Take over a reference to TensorFlow, so that an import that only it needed goes away."""
    context.imports.claim(node)
    reference = context.names.references[node]
    for binding in context.names.bindings(node):
        plan = context.imports.plans.get(binding)
        if plan is not None:
            plan.moved.append(reference)


def habits(context: Context) -> frozenset[str]:
    """Return which of `REUSE` and the others a file does, or the files that import it."""
    reader = _Habits(context.names)
    reader.visit(context.module)
    found = set(reader.found)
    path = context.view.path
    if path is not None:
        stem = (path.parent if path.stem == "__init__" else path).stem.encode()
        for imported, done in _texts(context.view.project):
            if stem in imported:
                found |= done
    return frozenset(found)


def keeps_graphs(context: Context) -> bool:
    """Tell whether a program turns eager code off, and so keeps its graphs on purpose."""
    if _DISABLED.search(context.code.encode()):
        return True
    return any(KEPT in done for _, done in _texts(context.view.project))


def _texts(project: Project) -> list[tuple[frozenset[bytes], frozenset[str]]]:
    """Return what each file of a project imports, as words, and what it does."""
    if project not in _importers:
        _importers[project] = [_text(path) for path in project.files]
    return _importers[project]


def _text(path: Path) -> tuple[frozenset[bytes], frozenset[str]]:
    try:
        data = read_bytes(path)
    except SourceError:
        return frozenset(), frozenset()  # reported when its turn comes
    lines = b" ".join(_IMPORTED.findall(data))
    imported = frozenset(re.findall(rb"\w+", lines))
    done = {each for each, words in _WORDS.items() if words.search(data)}
    return imported, frozenset(done | ({KEPT} if _DISABLED.search(data) else set()))


class _Habits(Reader):
    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names
        self.found: set[str] = set()

    def visit_Call(self, node: cst.Call) -> None:
        leaf = _leaf(node.func)
        given = {arg.keyword.value for arg in node.args if arg.keyword is not None}
        for arg in node.args:
            if (
                arg.keyword is not None
                and arg.keyword.value in ("reuse", "_reuse")
                and literals.plain(arg.value) not in (None, False)
            ):
                self.found.add(REUSE)
        if leaf in ("reuse_variables", "make_template"):
            self.found.add(REUSE)
        if leaf == "arg_scope" or (leaf == "variable_scope" and given - _SCOPE_PLAIN):
            self.found.add(SCOPE)
        if leaf == "variable_scope" and sum(arg.keyword is None for arg in node.args) > 3:
            self.found.add(SCOPE)
        name = tensorflow_name(self.names, node.func)
        if (
            (leaf == "get_collection" and len(node.args) > 1)
            or (name in _LISTS and node.args)
            or leaf.endswith("_by_name")
        ):
            self.found.add(BY_NAME)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        leaf = node.attr.value
        if leaf == "AUTO_REUSE":
            self.found.add(REUSE)
        if leaf in ("REGULARIZATION_LOSSES", "get_regularization_loss", "get_total_loss") or (
            leaf == "get_regularization_losses"
        ):
            self.found.add(LOSSES)
        if leaf == "name" and _leaf(node.value) == "op":
            self.found.add(BY_NAME)
        if leaf in ("startswith", "find", "split") and _leaf(node.value) == "name":
            self.found.add(BY_NAME)
        self._graph(node)

    def visit_Name(self, node: cst.Name) -> None:
        if node.value == "AUTO_REUSE":
            self.found.add(REUSE)
        self._graph(node)

    def visit_Comparison(self, node: cst.Comparison) -> None:
        for each in node.comparisons:
            if isinstance(each.operator, cst.In | cst.NotIn) and _leaf(each.comparator) == "name":
                self.found.add(BY_NAME)

    def _graph(self, node: cst.Attribute | cst.Name) -> None:
        name = tensorflow_name(self.names, node)
        if name is None:
            return
        module, _, leaf = name.rpartition(".")
        if name in _GRAPH_NAMES or (module == "train" and leaf.endswith("Optimizer")):
            self.found.add(GRAPH)
        if module in ("estimator", "contrib.learn"):
            self.found.add(GRAPH)


def _leaf(node: cst.CSTNode) -> str:
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def parents(module: cst.Module) -> dict[cst.CSTNode, cst.CSTNode]:
    """Return the node around each node, layout left out."""
    return {child: node for node in walk(module) for child in children(node)}
