"""TensorFlow functions that functional code calls on Keras tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import libcst as cst

from kerasmigrate.calls import Arguments, UnbindableError
from kerasmigrate.inventory import Parameter, Signature
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Transform

from ._tensors import Tensors

ON_KERAS_TENSOR = Rule(
    "KM336",
    "tensorflow-on-keras-tensor",
    "Compute on Keras tensors with keras.ops",
    "Keras 2 wrapped a TensorFlow function that was called on a Keras tensor into a layer. Keras 3"
    ' does not: "A KerasTensor cannot be used as input to a TensorFlow function". The functions'
    " that keras.ops has an equal of are replaced; that they give the same numbers was tested.",
    examples=(
        Example(
            "import tensorflow as tf\nfrom keras.layers import Dense, Input\n\n"
            "x = Input((8, 3))\ny = Dense(2)(tf.reduce_mean(x, axis=1))\n",
            "import tensorflow as tf\nfrom keras.layers import Dense, Input\nfrom keras import ops"
            "\n\nx = Input((8, 3))\ny = Dense(2)(ops.mean(x, axis=1))\n",
        ),
    ),
    untouched=(
        "Targets with the Keras 2 API.",
        "Calls in the methods of layers and in Lambda: the tensors there are TensorFlow's own.",
        "Calls on what is not certainly a Keras tensor.",
    ),
)
NO_EQUAL = Rule(
    "KM337",
    "tensorflow-without-equal",
    "Report a TensorFlow function on a Keras tensor that keras.ops has no equal of",
    'Keras 3 says "A KerasTensor cannot be used as input to a TensorFlow function". Such a call'
    " works inside a layer: one of your own, or Lambda.",
    Safety.NONE,
    untouched=("Targets with the Keras 2 API.", "Calls on what is not certainly a Keras tensor."),
)
_ADVICE = {
    "shape": "write keras.ops.shape(x), which is a tuple",
    "identity": "leave the call out, or give the tensor a name by a layer",
    "split": "write keras.ops.split(x, sections, axis=...) with the axis spelt out",
    "pad": "write keras.ops.pad(x, widths), or a ZeroPadding layer",
    "nn.l2_normalize": "write keras.layers.UnitNormalization(axis=...)(x); the epsilon differs",
    "image.resize": "write keras.ops.image.resize(x, size), or a Resizing layer",
    "gradients": "Keras tensors have no values; use tf.GradientTape around a call of the model",
}


@dataclass(frozen=True)
class Function:
    """The equal of a TensorFlow function.

    Attributes:
        path: Canonical path of the function in ``keras.ops``.
        parameters: TensorFlow's parameters in order, with their names in Keras; None where Keras
            has no such parameter.
        required: Parameters of TensorFlow whose defaults differ, so that they must be given.
    """

    path: str
    parameters: dict[str, str | None]
    required: tuple[str, ...] = ()

    @property
    def signature(self) -> Signature:
        """TensorFlow's parameters."""
        return Signature(tuple(Parameter(name, "positional", "None") for name in self.parameters))


@cache
def _table() -> dict[str, dict[str, object]]:
    path = Path(__file__).with_name("tensorflow_functions.json")
    loaded: dict[str, dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@cache
def functions() -> dict[str, Function]:
    """Return the TensorFlow functions that have an equal, by their names below tensorflow."""
    found = {}
    shared = _table()["shared"]
    for name, row in _table()["functions"].items():
        assert isinstance(row, dict)
        group = shared.get(row.get("uses", ""), {})
        assert isinstance(group, dict)
        parameters = row.get("parameters") or group["parameters"]
        required = tuple(row.get("required", ()))
        found[name] = Function(f"keras.ops.{row['ops']}", parameters, required)
    return found


def plain_name(origin: str) -> str | None:
    """Return the name of a TensorFlow function without the modules that repeat it."""
    if not origin.startswith("tensorflow."):
        return None
    name = origin.removeprefix("tensorflow.")
    for prefix, other in _table()["modules"].items():
        if name.startswith(prefix):
            name = f"{other}{name.removeprefix(prefix)}"
    return name


class TensorflowFunctions(Transform):
    """Replaces TensorFlow functions on Keras tensors."""

    rules = (ON_KERAS_TENSOR, NO_EQUAL)
    order = 49

    @cached_property
    def _tensors(self) -> Tensors:
        return self.context.shared(Tensors)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        if self.context.target.api < 3 or not isinstance(updated_node, cst.Call):
            return updated_node
        name = self._function(original_node)
        if name is None:
            return updated_node
        if not any(self._holds(arg.value, certain=False) for arg in original_node.args):
            return updated_node
        try:
            edited = self._converted(original_node, updated_node, name)
        except UnbindableError as error:
            edited = str(error)
        if isinstance(edited, cst.Call):
            return edited
        if any(self._holds(arg.value, certain=True) for arg in original_node.args):
            call = self.context.module.code_for_node(original_node.func)
            self.context.report(
                NO_EQUAL,
                original_node,
                f"{call}() is called on a Keras tensor{': ' + edited if edited else ''}",
                advice=_ADVICE.get(name)
                or f"wrap it: keras.layers.Lambda(lambda t: {call}(t, ...))(x), or a layer of"
                " your own, which can be saved",
            )
        return updated_node

    def _function(self, node: cst.Call) -> str | None:
        """Return the TensorFlow function that is called."""
        if not isinstance(node.func, (cst.Name, cst.Attribute)) or not node.args:
            return None
        origins = self.context.names.origins(node.func)
        if len(origins) != 1 or self.context.symbol(node.func) is not None:
            return None
        leaf = origins[0].rpartition(".")[2]
        return plain_name(origins[0]) if not leaf[:1].isupper() else None

    def _holds(self, node: cst.BaseExpression, *, certain: bool) -> bool:
        """Tell whether an argument is a Keras tensor, or a list with one."""
        given = [node]
        if isinstance(node, (cst.List, cst.Tuple)):
            given = [each.value for each in node.elements]
        ask = self._tensors.is_keras if certain else self._tensors.may_be_keras
        return any(ask(each) for each in given)

    def _converted(self, original: cst.Call, updated: cst.Call, name: str) -> cst.Call | str:
        """Return the call of the equal; else why there is none, or nothing.

        Raises:
            UnbindableError: The arguments do not fit.
        """
        function = functions().get(name)
        near = self.context.imports.any_symbol("keras")
        if function is None or near is None:
            return ""
        arguments = Arguments(original, updated, function.signature)
        if arguments.starred:
            return "starred arguments"
        for old, new in _table()["renamed"].items():
            if old not in function.parameters:
                arguments.rename(old, str(new))
        for each in function.required:
            if arguments.get(each) is None:
                return f"{each}= is left out, and the defaults differ"
        for item in arguments.live:
            if item.name not in function.parameters:
                return f"{item.name}= has no equal"
            if function.parameters[item.name] is None:
                if item.name != "name":
                    return f"{item.name}= has no equal"
                arguments.drop(item)
        for item in list(arguments.live):
            assert item.name is not None
            new = function.parameters[item.name]
            assert new is not None
            item.touched = item.touched or (new != item.name and not item.positional)
            item.name = new
        target = self.context.inventory.signature(function.path)
        if target is None or arguments.fit(target):
            return "its arguments do not fit"
        leaf = function.path.rpartition(".")[2]
        if not self.context.report(
            ON_KERAS_TENSOR,
            original,
            f"{name}() of TensorFlow does not take Keras tensors; keras.ops.{leaf}() does",
            fix=True,
        ):
            return updated
        # Through the module: a bare sum or abs would hide Python's own.
        spelt = self.context.imports.spell("keras.ops", near=near)
        return arguments.render().with_changes(func=cst.parse_expression(f"{spelt}.{leaf}"))
