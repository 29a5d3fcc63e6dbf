"""Objects that a saved model or a string names: functions by name, and lambdas."""

from __future__ import annotations

import libcst as cst

from kerasmigrate import eras
from kerasmigrate.callees import callee
from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.literals import pairs, string
from kerasmigrate.rules import Rule, Safety
from kerasmigrate.transform import Context, Transform
from kerasmigrate.values import LAYER, is_a
from kerasmigrate.walking import Reader

from ._history_reads import argument

BY_NAME = Rule(
    "KM716",
    "custom-object-by-name",
    "Report an activation, loss or metric that is found through custom objects",
    "Keras 3 does not look for the names of activations, losses, metrics and regularizers among the"
    ' custom objects: after get_custom_objects().update({"mine": f}), activation="mine" raises'
    ' "Could not interpret activation function identifier: mine". Initializers it still finds.',
    Safety.NONE,
)
LAMBDA = Rule(
    "KM717",
    "lambda-in-saved-model",
    "Report a load of a model that may have a lambda in it",
    "Keras 3 refuses to read a Lambda layer with a Python lambda, from .keras, .h5 and JSON alike,"
    ' and clone_model refuses as well: "Requested the deserialization of a `Lambda` layer whose'
    ' `function` is a Python lambda".',
    Safety.NONE,
    Severity.WARNING,
    untouched=("Loads in another function than the one that makes the layer.",),
)

#: Arguments that take a name, and the module that has the names which Keras itself knows.
_ARGUMENTS = {
    "activation": "activations",
    "recurrent_activation": "activations",
    "inner_activation": "activations",
    "loss": "losses",
    "kernel_regularizer": "regularizers",
    "bias_regularizer": "regularizers",
    "activity_regularizer": "regularizers",
}
_LOADERS = frozenset(("load_model", "model_from_json", "clone_model", "model_from_config"))


class SavedObjects(Transform):
    """Reports names and lambdas that Keras 3 does not bring back."""

    rules = (BY_NAME, LAMBDA)
    order = 48

    def visit_Module(self, node: cst.Module) -> None:
        if self.context.target.api < 3:
            return
        finder = _Finder(self.context)
        if "ustom_object" in self.context.code or "CustomObjectScope" in self.context.code:
            finder.visit(node)
            self._by_name(finder)
        elif "Lambda" in self.context.code:
            finder.visit(node)
        native = eras.is_keras_3(self.context.names)
        if (
            finder.lambdas
            and not native
            and "enable_unsafe_deserialization" not in self.context.code
        ):
            self._loads(finder)

    def _by_name(self, finder: _Finder) -> None:
        for node, kind in finder.named:
            name = string(node) or ""
            if name not in finder.registered or self._is_known(name, kind):
                continue
            value = finder.registered[name]
            code = self.context.module.code_for_node(value) if value is not None else "it"
            self.context.report(
                BY_NAME,
                node,
                f"Keras 3 does not look for {name!r} among the custom objects",
                advice=f"pass the function itself instead of its name: {code}",
            )

    def _is_known(self, name: str, kind: str) -> bool:
        return f"keras.{kind}.{name}" in self.context.inventory

    def _loads(self, finder: _Finder) -> None:
        for call, leaf, place in finder.loads:
            if place not in finder.lambdas:
                continue
            if argument(call.args, len(call.args), "safe_mode") is not None:
                continue
            allow = "safe_mode=False" if leaf == "load_model" else ""
            allow = allow or "a call of keras.config.enable_unsafe_deserialization() before it"
            self.context.report(
                LAMBDA,
                call,
                f"{leaf}() refuses a Lambda layer with a Python lambda, and there is one here",
                advice=f"if the model is such a one and can be trusted, write {allow}",
                confidence=Confidence.UNSURE,
            )


class _Finder(Reader):
    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.registered: dict[str, cst.BaseExpression | None] = {}
        self.named: list[tuple[cst.BaseExpression, str]] = []
        #: Where lambdas become layers, and where models are loaded: the functions around.
        self.lambdas: set[tuple[str, ...]] = set()
        self.loads: list[tuple[cst.Call, str, tuple[str, ...]]] = []
        self._place: list[str] = []

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._place.append(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._place.pop()

    def _is_registry(self, node: cst.BaseExpression) -> bool:
        """Tell whether an expression is ``get_custom_objects()``."""
        if not isinstance(node, cst.Call):
            return False
        symbol = self.context.symbol(node.func)
        return symbol is not None and symbol.path.endswith(".get_custom_objects")

    def _register(self, node: cst.BaseExpression | None) -> None:
        self.registered.update(pairs(node) or {})

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            each = target.target
            if isinstance(each, cst.Subscript) and self._is_registry(each.value):
                for element in each.slice:
                    if isinstance(element.slice, cst.Index):
                        name = string(element.slice.value)
                        if name is not None:
                            self.registered[name] = node.value

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if isinstance(func, cst.Attribute) and func.attr.value == "update" and node.args:
            if self._is_registry(func.value):
                self._register(node.args[0].value)
            return
        found = callee(self.context.names, node)
        if found is None:
            if isinstance(func, cst.Attribute) and func.attr.value == "compile":
                self._name(node, {"loss": "losses"})
            return
        leaf = found.path.rpartition(".")[2]
        if leaf in ("CustomObjectScope", "custom_object_scope"):
            for arg in node.args:
                self._register(arg.value)
        elif leaf in _LOADERS:
            self.loads.append((node, leaf, tuple(self._place)))
        elif is_a(found.path, LAYER):
            self._name(node, _ARGUMENTS)
            first = argument(node.args, 0, "activation")
            if leaf == "Activation" and first is not None:
                self.named.append((first, "activations"))
            if leaf == "Lambda" and isinstance(argument(node.args, 0, "function"), cst.Lambda):
                self.lambdas.add(tuple(self._place))

    def _name(self, node: cst.Call, kinds: dict[str, str]) -> None:
        for arg in node.args:
            kind = kinds.get(arg.keyword.value) if arg.keyword is not None else None
            if kind is not None and string(arg.value) is not None:
                self.named.append((arg.value, kind))
