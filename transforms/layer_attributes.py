"""Attributes of layers, models and tensors that Keras 3 does not have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.scopes import dotted
from kerasmigrate.transform import Context
from kerasmigrate.values import LAYER, MODEL, SEQUENTIAL, is_a

from ._layer_classes import InClasses, own_names
from ._tensors import Tensors
from .tf_graphs_rules import UPDATES

LAYER_SHAPE = Rule(
    "KM403",
    "layer-shape",
    "Take the shape of a layer's output from the output tensor",
    "In Keras 3 only models have output_shape and input_shape: \"'Dense' object has no attribute"
    " 'output_shape'\". The tensors that a layer was called on and gave are still .input and"
    " .output, and their .shape is a tuple.",
    examples=(
        Example(
            "from keras.layers import Dense, Input\n\nlayer = Dense(2)\ny = layer(Input((3,)))\n"
            "print(layer.output_shape)\n",
            "from keras.layers import Dense, Input\n\nlayer = Dense(2)\ny = layer(Input((3,)))\n"
            "print(layer.output.shape)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Models, which keep the attributes, and values that are not certainly layers.",
        "Instances of classes that define the attribute themselves.",
        "Layers that the code gives several inputs, as in layer.input_shape[0]; it is reported.",
    ),
)
NODE_TENSOR = Rule(
    "KM404",
    "tensor-of-a-node",
    "Take the tensors of a layer's first call from .input and .output",
    "Keras 3 has no get_input_at(), get_output_at() and the like: \"'Dense' object has no attribute"
    " 'get_output_at'\". Its .input and .output are those of the first call, so index 0 has an"
    " equal; later calls can only be reached by keeping the tensor that the call returned.",
    examples=(
        Example(
            "from keras.layers import Dense, Input\n\nlayer = Dense(2)\ny = layer(Input((3,)))\n"
            "print(layer.get_output_at(0))\n",
            "from keras.layers import Dense, Input\n\nlayer = Dense(2)\ny = layer(Input((3,)))\n"
            "print(layer.output)\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Values that are not certainly layers or models.",
        "Instances of classes that define the method themselves.",
    ),
)
GONE_ATTRIBUTE = Rule(
    "KM405",
    "attribute-is-gone",
    "Report an attribute of a layer, a model or a tensor that the target does not have",
    "Keras 1 and 2 kept their bookkeeping in attributes that code came to rely on. The target keeps"
    " none, or others: reading one raises AttributeError, and setting one does nothing.",
    Safety.NONE,
    untouched=(
        "Values that are not certainly layers, models or Keras tensors; uses_learning_phase of one"
        " that may be a layer is reported as unsure.",
        "Instances of classes that define the attribute themselves.",
        "model.updates in tf.control_dependencies; it gets KM813.",
    ),
)

_SHAPES = {"output_shape": "output", "input_shape": "input"}
_NODES = {"get_output_at": "output", "get_input_at": "input"}
_NODE_SHAPES = {"get_output_shape_at": "output", "get_input_shape_at": "input"}
_NO_GRAPH = "keep what the calls of the layer return, or walk model.layers and their .output"
_COMPILED = "write a train_step(), or compute the loss from what the model returns"


@dataclass(frozen=True)
class _Gone:
    """An attribute that is gone: from which API level on, and what to do."""

    since: int
    advice: str


#: Seen missing on layers and models of tf_keras 2.21 (2) and Keras 3.15 (3).
_OF_LAYERS = {
    "inbound_nodes": _Gone(3, _NO_GRAPH),
    "outbound_nodes": _Gone(3, _NO_GRAPH),
    "output_mask": _Gone(3, "call layer.compute_mask(inputs, mask) with the tensors at hand"),
    "input_mask": _Gone(3, "call layer.compute_mask(inputs, mask) with the tensors at hand"),
    "uses_learning_phase": _Gone(2, "a layer whose call() takes training behaves differently"),
    "regularizers": _Gone(2, "give regularizers to the layer's arguments or to add_weight()"),
    "constraints": _Gone(2, "give constraints to the layer's arguments or to add_weight()"),
    "updates": _Gone(3, "remove it: Keras 3 assigns to its variables while it computes"),
    "stateful": _Gone(3, "ask the layer itself: only recurrent layers have it"),
    "batch_input_shape": _Gone(2, "read layer.input.shape once the layer is called"),
    "_trainable_weights": _Gone(3, "create weights by add_weight(), read trainable_weights"),
    "_non_trainable_weights": _Gone(3, "create weights by add_weight(trainable=False)"),
}
#: Parts of ``compiled_metrics``, and the arguments of ``compile`` that they came from.
_OF_COMPILED = {
    "_metrics": "metrics",
    "_user_metrics": "metrics",
    "_weighted_metrics": "weighted_metrics",
    "_user_weighted_metrics": "weighted_metrics",
}
#: Read from an object that nothing is known of, this still tells that it is one of Keras.
_UNMISTAKABLE = "uses_learning_phase"
_OF_MODELS = {
    "input_names": _Gone(3, "write [tensor.name for tensor in model.inputs]"),
    "targets": _Gone(2, _COMPILED),
    "total_loss": _Gone(2, _COMPILED),
    "sample_weights": _Gone(2, _COMPILED),
    "metrics_tensors": _Gone(2, "use model.metrics, or evaluate(return_dict=True)"),
    "state_updates": _Gone(3, "remove it: Keras 3 assigns to its variables while it computes"),
    "container_nodes": _Gone(2, _NO_GRAPH),
    "nodes_by_depth": _Gone(2, _NO_GRAPH),
    "input_layers": _Gone(2, "write model.layers and isinstance(layer, InputLayer)"),
    "output_layers": _Gone(2, "find the layers by model.output_names"),
    "_feed_inputs": _Gone(3, "use model.inputs"),
    "_feed_input_names": _Gone(3, "write [tensor.name for tensor in model.inputs]"),
    "_make_predict_function": _Gone(2, "remove it, or call make_predict_function()"),
    "_make_train_function": _Gone(2, "remove it, or call make_train_function()"),
    "_make_test_function": _Gone(2, "remove it, or call make_test_function()"),
}
_OF_TENSORS = {
    "_uses_learning_phase": _Gone(2, "remove it: a layer whose call() takes training is told"),
    "set_shape": _Gone(3, "give the layer a compute_output_shape(), or use keras.ops.reshape"),
    "op": _Gone(2, "Keras tensors have no TensorFlow operation outside tf.function"),
    "graph": _Gone(2, "Keras tensors belong to no TensorFlow graph"),
    "eval": _Gone(2, "build a Model up to the tensor and call it on data"),
}


class LayerAttributes(InClasses):
    """Brings the attributes of layers up to date."""

    rules = (LAYER_SHAPE, NODE_TENSOR, GONE_ATTRIBUTE)
    order = 48

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._edits: dict[cst.CSTNode, str] = {}
        self._indexed: set[cst.CSTNode] = set()
        #: Calls around that wait for the updates of a model, and that have a finding of their own.
        self._waiting: set[cst.CSTNode] = set()
        #: Variables of loops over the layers of a model.
        self._loops: set[cst.CSTNode] = set()

    @cached_property
    def _tensors(self) -> Tensors:
        return self.context.shared(Tensors)

    @cached_property
    def _said(self) -> frozenset[cst.CSTNode]:
        """The places that `UPDATES` speaks of; its transform looks at the whole file first."""
        reports = self.context.reports
        return frozenset(each.node for each in reports if each.rule is UPDATES)

    def _is_said(self, node: cst.Call) -> bool:
        return node in self._said or node in self.context.muted

    # -- what a value is ---------------------------------------------------------------------

    def _kind(self, node: cst.BaseExpression) -> str | None:
        """Say whether a value is a ``layer`` or a ``model``, when that is certain."""
        if isinstance(node, cst.Name) and node.value == "self":
            kind = self._classes.kind(self._owners[-1]) if self._owners else None
            return kind if kind in ("layer", "model") else None
        if isinstance(node, cst.Subscript) and self._is_layer_list(node.value):
            one = isinstance(node.slice[0].slice, cst.Index)
            return "layer" if one and len(node.slice) == 1 else None
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value == "get_layer" and self._kind(node.func.value) == "model":
                return "layer"
        elif isinstance(node, cst.Name):
            bindings = self.context.names.bindings(node)
            if bindings and all(each.node in self._loops for each in bindings):
                return "layer"
            if len(bindings) == 1 and bindings[0].value is not None:
                value = bindings[0].value
                if value is not node and isinstance(value, (cst.Subscript, cst.Call)):
                    kind = self._kind(value)
                    if kind is not None:
                        return kind
        values = self.context.values
        known = values.instance(node)
        if known is not None:
            if is_a(known, MODEL) or is_a(known, SEQUENTIAL):
                return "model"
            return "layer" if is_a(known, LAYER) and known != LAYER else None
        return "model" if values.is_model(node) else None

    def _defines(self, node: cst.BaseExpression, name: str) -> bool:
        """Tell whether the code gives such a value this attribute itself, or may do so."""
        if isinstance(node, cst.Name) and node.value == "self" and self._owners:
            return any(
                name in own_names(each) for each in self._classes.relatives(self._owners[-1])
            )
        makers = list(self._classes.makers(node))
        if makers and all(isinstance(each, str) for each in makers):
            return False  # classes of Keras
        if None in makers or not makers:
            return any(name in own_names(each) for each in self._classes.nodes)
        return any(self._classes.defines(each, name) for each in makers if each is not None)

    # -- attributes --------------------------------------------------------------------------

    def visit_Subscript(self, node: cst.Subscript) -> None:
        first = node.slice[0].slice if len(node.slice) == 1 else None
        if isinstance(first, cst.Index) and _is_zero(first.value):
            self._indexed.add(node.value)

    def visit_For(self, node: cst.For) -> None:
        if self._is_layer_list(node.iter):
            self._loops.add(node.target)

    def visit_CompFor(self, node: cst.CompFor) -> None:
        if self._is_layer_list(node.iter):
            self._loops.add(node.target)

    def _is_layer_list(self, node: cst.BaseExpression) -> bool:
        return (
            isinstance(node, cst.Attribute)
            and node.attr.value == "layers"
            and self._kind(node.value) == "model"
        )

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if self._is_said(node):
            self._waiting.add(node)
        if self.context.target.api < 3 or not isinstance(func, cst.Attribute):
            return
        name = func.attr.value
        tensor = _NODES.get(name) or _NODE_SHAPES.get(name)
        if tensor is None or self._kind(func.value) is None or len(node.args) != 1:
            return
        if self._defines(func.value, name):
            return
        index = node.args[0]
        first = index.keyword is None and not index.star and _is_zero(index.value)
        shape = ".shape" if name in _NODE_SHAPES else ""
        fine = first and self._kind(func.value) == "layer"
        if self.context.report(
            NODE_TENSOR,
            node,
            f"{name}() does not exist in Keras 3",
            fix=fine,
            advice=""
            if fine
            else f"keep the tensor that the call returned; .{tensor}{shape} is of the first call",
        ):
            self._edits[node] = tensor + shape

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        self._waiting.discard(original_node)
        edit = self._edits.get(original_node)
        if edit is None:
            return updated_node
        assert isinstance(updated_node.func, cst.Attribute)
        made: cst.BaseExpression = updated_node.func.value
        for name in edit.split("."):
            made = cst.Attribute(made, cst.Name(name))
        return made.with_changes(lpar=updated_node.lpar, rpar=updated_node.rpar)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        name = node.attr.value
        if name in _SHAPES:
            self._shape(node)
        elif name in _OF_COMPILED:
            self._compiled(node)
        elif name in _OF_LAYERS or name in _OF_MODELS or name in _OF_TENSORS:
            self._gone(node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        edit = self._edits.get(original_node)
        if edit is None:
            return updated_node
        tensor, shape = edit.split(".")
        inner = updated_node.with_changes(attr=cst.Name(tensor), lpar=(), rpar=())
        return cst.Attribute(inner, cst.Name(shape), lpar=updated_node.lpar, rpar=updated_node.rpar)

    def _shape(self, node: cst.Attribute) -> None:
        if self.context.target.api < 3 or self._is_stored(node):
            return
        if self._kind(node.value) != "layer" or self._defines(node.value, node.attr.value):
            return
        tensor = _SHAPES[node.attr.value]
        code = self.context.module.code_for_node(node)
        # A shape by itself has None first; shape[0] is the first shape of several.
        several = node in self._indexed
        # Inside the layer itself .output is not there yet.
        inside = isinstance(node.value, cst.Name) and node.value.value == "self"
        if self.context.report(
            LAYER_SHAPE,
            node,
            f"{code}: a layer has no {node.attr.value} in Keras 3",
            fix=not several and not inside,
            advice=""
            if not several and not inside
            else "remember input_shape in build(), or use the shape of the tensor in call()"
            if inside
            else f"write [t.shape for t in layer.{tensor}] where there are several tensors,"
            f" layer.{tensor}.shape where there is one",
        ):
            self._edits[node] = f"{tensor}.shape"

    def _is_stored(self, node: cst.CSTNode) -> bool:
        reference = self.context.names.references.get(node)
        return reference is not None and reference.stored

    def _gone(self, node: cst.Attribute) -> None:
        name = node.attr.value
        kind = self._kind(node.value)
        gone = None
        if kind is not None:
            gone = _OF_LAYERS.get(name) or (_OF_MODELS.get(name) if kind == "model" else None)
        elif name in _OF_TENSORS and self._tensors.is_keras(node.value):
            gone = _OF_TENSORS[name]
            kind = "tensor"
        if name == _UNMISTAKABLE and (kind is None or self._defines(node.value, name)):
            self._maybe_gone(node, _OF_LAYERS[name].advice)
        if gone is None or self.context.target.api < gone.since:
            return
        if self._is_stored(node) or self._defines(node.value, name):
            return
        if name == "updates" and self._waiting:
            return
        if name == "stateful" and kind == "layer":
            return
        self.context.report(
            GONE_ATTRIBUTE,
            node,
            f"a {'Keras tensor' if kind == 'tensor' else kind} has no {name}"
            f" in {self.context.target.name}",
            advice=gone.advice,
            severity=Severity.ERROR,
        )

    def _compiled(self, node: cst.Attribute) -> None:
        """Report a look into ``model.compiled_metrics``, which only passes calls on in Keras 3."""
        owner = node.value
        if (
            self.context.target.api < 3
            or not isinstance(owner, cst.Attribute)
            or owner.attr.value != "compiled_metrics"
        ):
            return
        model = self.context.module.code_for_node(owner.value)
        self.context.report(
            GONE_ATTRIBUTE,
            node,
            f"compiled_metrics has no {node.attr.value} in {self.context.target.name}",
            advice=f"write {model}.get_compile_config()['{_OF_COMPILED[node.attr.value]}'] for what"
            " compile() was given",
            severity=Severity.ERROR,
        )

    def _maybe_gone(self, node: cst.Attribute, advice: str) -> None:
        """Report what only layers and models of Keras ever had, of an object that is not known."""
        if self._is_stored(node) or len(dotted(node.value) or ()) < 2:
            return
        if any(True for _ in self.context.names.symbols()):
            self.context.report(
                GONE_ATTRIBUTE,
                node,
                f"{self.context.module.code_for_node(node.value)} may be a layer or model, which"
                f" has no {node.attr.value} in {self.context.target.name}",
                advice=advice,
                severity=Severity.WARNING,
                confidence=Confidence.UNSURE,
            )


def _is_zero(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Integer) and int(node.value, 0) == 0
