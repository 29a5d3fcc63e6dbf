"""Which values of a file are tensors of Keras layers, placeholders, sessions or graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import libcst as cst

from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a
from kerasmigrate.walking import children, walk

from . import tf_layers_table
from ._tensorflow1 import tensorflow_name

Chain = tuple[str, ...]
#: Methods of a model that run it, read it or write it.
MODEL_RUNS = frozenset(
    (
        "predict",
        "predict_on_batch",
        "predict_classes",
        "predict_proba",
        "predict_generator",
        "evaluate",
        "fit",
        "fit_generator",
        "train_on_batch",
        "test_on_batch",
        "get_weights",
        "set_weights",
        "load_weights",
        "save_weights",
        "save",
    )
)
_TENSORS = frozenset(("input", "inputs", "output", "outputs"))
_TARGETS = cst.Assign | cst.AnnAssign | cst.AugAssign


class GraphUses:
    """What the assignments of a file make of names, by chain and without regard to scopes.

    That is enough to tell which TensorFlow 1 code concerns Keras; nothing is edited for it.

    Args:
        context: Of the file.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.nodes = tuple(walk(context.module))
        self.calls = tuple(each for each in self.nodes if isinstance(each, cst.Call))
        self._assigned = tuple(self._assignments())
        self.tensors = self._spread(self._is_tensor_source, through=True)
        self.placeholders = self._spread(
            lambda node: self.tensorflow(node) in ("placeholder", "placeholder_with_default")
        )
        self.graphs = self._spread(lambda node: self.tensorflow(node) == "get_default_graph")

    # -- nodes -------------------------------------------------------------------------------

    def tensorflow(self, node: cst.CSTNode) -> str | None:
        """Return the TensorFlow name that a call calls."""
        if not isinstance(node, cst.Call):
            return None
        return tensorflow_name(self.context.names, node.func)

    def is_optimizer(self, node: cst.CSTNode) -> bool:
        """Tell whether a node makes an optimizer of ``tf.train``."""
        name = self.tensorflow(node) or ""
        return name.startswith("train.") and name.endswith("Optimizer")

    def is_model(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is a Keras model."""
        return self.context.values.is_model(node)

    def runs_model(self, node: cst.CSTNode) -> bool:
        """Tell whether code calls a method of a model that runs or reads it."""
        return any(
            isinstance(each, cst.Call)
            and isinstance(each.func, cst.Attribute)
            and each.func.attr.value in MODEL_RUNS
            and (self._is_keras(each.func.value) or self.is_part(each.func.value))
            for each in walk(node)
        )

    def is_part(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is ``model.get_layer(...)`` or ``model.layers[...]``."""
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            return node.func.attr.value == "get_layer"
        if isinstance(node, cst.Subscript) and isinstance(node.value, cst.Attribute):
            return node.value.attr.value == "layers"
        return False

    def holds(self, node: cst.CSTNode, chains: set[Chain]) -> bool:
        """Tell whether code mentions one of some names."""
        return any(_chain(each) in chains for each in walk(node))

    def mentions_tensor(self, node: cst.CSTNode) -> bool:
        """Tell whether code mentions the tensor of a Keras layer or model."""
        return self._mentions(node, self._is_tensor_source, self.tensors)

    def _is_keras(self, node: cst.BaseExpression) -> bool:
        known = self.context.values.instance(node)
        if known is not None:
            return is_a(known, MODEL) or is_a(known, SEQUENTIAL) or is_a(known, LAYER)
        return self.is_model(node)

    def _is_tensor_source(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Attribute):
            return node.attr.value in _TENSORS and self.is_model(node.value)
        if not isinstance(node, cst.Call):
            return False
        entry = tf_layers_table.entry(self.tensorflow(node))
        if entry is not None:
            return entry.is_function
        if tf_layers_table.entry(self.tensorflow(node.func)) is not None:
            return True
        symbol = self.context.symbol(node.func)
        if symbol is not None:
            return symbol.path in ("keras.layers.Input", "keras.Input")
        return self._is_keras(node.func)

    # -- names -------------------------------------------------------------------------------

    def _assignments(self) -> Iterator[tuple[list[Chain], cst.BaseExpression]]:
        for node in self.nodes:
            if isinstance(node, _TARGETS) and node.value is not None:
                targets = (
                    [each.target for each in node.targets]
                    if isinstance(node, cst.Assign)
                    else [node.target]
                )
                chains = [chain for target in targets for chain in _chains(target)]
                yield chains, node.value
            elif isinstance(node, cst.FunctionDef):
                name = node.name.value
                for each in walk(node.body):
                    if isinstance(each, cst.Return) and each.value is not None:
                        yield [(name,), ("self", name)], each.value

    def _spread(
        self, starts: Callable[[cst.CSTNode], bool], *, through: bool = False
    ) -> set[Chain]:
        """Return the names that are given what ``starts`` knows.

        Args:
            through: What is computed from it counts as well.
        """
        found: set[Chain] = set()
        while True:
            before = len(found)
            for chains, value in self._assigned:
                if through and self._is_object(value):
                    continue
                mentions = self._mentions(value, starts, found) if through else starts(value)
                if mentions:
                    found.update(chains)
            if len(found) == before:
                return found

    def _is_object(self, value: cst.BaseExpression) -> bool:
        """Tell whether a value is a layer or a model, and no tensor."""
        return (
            isinstance(value, cst.Call)
            and self.context.values.instance(value) is not None
            and (self.context.symbol(value.func) is not None)
        )

    def _mentions(
        self, node: cst.CSTNode, starts: Callable[[cst.CSTNode], bool], known: set[Chain]
    ) -> bool:
        if starts(node) or _chain(node) in known:
            return True
        if (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value in MODEL_RUNS
        ):
            return False  # numbers
        return any(self._mentions(each, starts, known) for each in children(node))


def _chain(node: cst.CSTNode) -> Chain | None:
    return dotted(node) if isinstance(node, cst.Name | cst.Attribute) else None


def _chains(target: cst.BaseExpression) -> list[Chain]:
    if isinstance(target, cst.Tuple | cst.List):
        return [chain for each in target.elements for chain in _chains(each.value)]
    chain = _chain(target)
    return [chain] if chain is not None else []
