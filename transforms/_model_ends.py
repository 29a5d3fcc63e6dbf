"""The layer that a model ends in, as far as the source shows it."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import literals
from kerasmigrate.transform import Context
from kerasmigrate.walking import walk


class ModelEnd:
    """Finds the units and the activation of the layer that a model ends in."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def of(self, model: cst.BaseExpression) -> tuple[int | None, str] | None:
        """Return the units, if the source shows them, and the activation of the last Dense."""
        made = [each.value for each in self.context.names.bindings(model)]
        if len(made) != 1 or not isinstance(made[0], cst.Call):
            return None
        symbol = self.context.symbol(made[0].func)
        leaf = symbol.path.rpartition(".")[2] if symbol is not None else ""
        if leaf == "Sequential":
            return self._sequential(model, made[0])
        if leaf == "Model":
            output = argument(made[0], "outputs", 1) or argument(made[0], "output", 1)
            return self._output(output)
        return None

    def _sequential(
        self, model: cst.BaseExpression, made: cst.Call
    ) -> tuple[int | None, str] | None:
        layers = list(literals.elements(made.args[0].value) or []) if made.args else []
        bindings = self.context.names.bindings(model)
        for each in walk(self.context.module):
            if (
                isinstance(each, cst.Call)
                and isinstance(each.func, cst.Attribute)
                and each.func.attr.value == "add"
                and len(each.args) == 1
                and isinstance(each.func.value, cst.Name)
                and self.context.names.bindings(each.func.value) == bindings
            ):
                layers.append(each.args[0].value)
        return self._layers(layers)

    def _layers(self, layers: list[cst.BaseExpression]) -> tuple[int | None, str] | None:
        """Read the end of a list of layers, where an Activation may follow the Dense."""
        kinds = [self._kind(each) for each in layers[-2:]]
        if kinds and kinds[-1] == "Activation" and len(kinds) == 2 and kinds[0] == "Dense":
            dense, activation = layers[-2:]
            assert isinstance(dense, cst.Call) and isinstance(activation, cst.Call)
            name = literals.string(argument(activation, "activation", 0))
            return (_units(dense), name) if name is not None else None
        return self._dense(layers[-1]) if layers else None

    def _output(self, output: cst.BaseExpression | None) -> tuple[int | None, str] | None:
        for _ in range(4):
            if isinstance(output, cst.Name):
                values = [each.value for each in self.context.names.bindings(output)]
                output = values[-1] if len(values) == 1 else None
        if isinstance(output, cst.Call):
            return self._dense(output.func)
        return None

    def _kind(self, node: cst.BaseExpression) -> str:
        symbol = self.context.symbol(node.func) if isinstance(node, cst.Call) else None
        return symbol.path.rpartition(".")[2] if symbol is not None else ""

    def _dense(self, node: cst.BaseExpression) -> tuple[int | None, str] | None:
        if not isinstance(node, cst.Call) or self._kind(node) != "Dense":
            return None
        if any(arg.star for arg in node.args):
            return None
        activation = argument(node, "activation", 9)
        if activation is None:
            return _units(node), ""
        name = literals.string(activation)
        return (_units(node), name) if name is not None else None


def _units(dense: cst.Call) -> int | None:
    given = argument(dense, "units", 0) or argument(dense, "output_dim", 0)
    return literals.integer(given)


def argument(call: cst.Call, name: str, position: int) -> cst.BaseExpression | None:
    """Return an argument of a call by its name, or by its position."""
    for index, arg in enumerate(call.args):
        if arg.star:
            return None
        if arg.keyword is None and index == position:
            return arg.value
        if arg.keyword is not None and arg.keyword.value == name:
            return arg.value
    return None
