"""Keras names in strings: dynamic imports, patch targets and attribute look-ups."""

from __future__ import annotations

import ast

import libcst as cst

from kerasmigrate.findings import Confidence, Severity
from kerasmigrate.flavours import canonical
from kerasmigrate.imports import is_module
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

STRING = Rule(
    "KM105",
    "name-in-string",
    "Rewrite a Keras path in a string that is imported or patched at run time",
    "importlib.import_module('keras.layers.core') raises ModuleNotFoundError like the statement"
    " would, and mock.patch of a path that nobody uses any more patches nothing.",
    Safety.REVIEW,
    examples=(
        Example(
            "import importlib\n\ncore = importlib.import_module('keras.layers.core')\n",
            "import importlib\n\ncore = importlib.import_module('tf_keras.layers')\n",
            "tf_keras",
        ),
        Example(
            "from unittest import mock\n\n"
            "patch = mock.patch('tensorflow.keras.models.Model.fit')\n",
            "from unittest import mock\n\npatch = mock.patch('keras.models.Model.fit')\n",
        ),
    ),
    untouched=("Strings in any other place, such as messages and docstrings.",),
)
DYNAMIC = Rule(
    "KM108",
    "dynamic-attribute",
    "Report a Keras attribute that is looked up by a computed name",
    "Which name it is cannot be seen from the source, so it may be one that the target lacks.",
    Safety.NONE,
    Severity.WARNING,
)

_IMPORTERS = frozenset(
    (
        "importlib.import_module",
        "importlib.util.find_spec",
        "__import__",
        "unittest.mock.patch",
        "mock.patch",
        "pytest.importorskip",
    )
)


class Strings(Transform):
    """Follows Keras names into string literals."""

    rules = (STRING, DYNAMIC)
    order = 20

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if not original_node.args:
            return updated_node
        name = _callee(original_node, self.context)
        if name in _IMPORTERS:
            return self._path(original_node, updated_node)
        if name in ("getattr", "hasattr") and len(original_node.args) >= 2:
            return self._attribute(original_node, updated_node, name)
        return updated_node

    def _path(self, original: cst.Call, updated: cst.Call) -> cst.Call:
        literal = original.args[0].value
        text = _literal(literal)
        split = canonical(text) if text else None
        if split is None or not isinstance(literal, cst.SimpleString):
            return updated
        target = self.context.target
        located = self.context.imports.locate(split[0])
        if located.path is None:
            self.context.report(
                STRING,
                literal,
                f"{located.known} does not exist in {target.name} (Keras {target.api})",
                advice="name the module that replaces it",
            )
            return updated
        new = target.spell(located.path)
        if new == text:
            return updated
        if not self.context.report(STRING, literal, f"{text} is now {new}", fix=True):
            return updated
        return _with_first(updated, _replaced(literal, new))

    def _attribute(self, original: cst.Call, updated: cst.Call, name: str) -> cst.Call:
        symbol = self.context.symbol(original.args[0].value)
        if symbol is None or not symbol.certain or not is_module(symbol.path):
            return updated
        literal = original.args[1].value
        text = _literal(literal)
        if text is None:
            self.context.report(
                DYNAMIC,
                original,
                f"{name} of {symbol.path} by a computed name",
                advice="check that every name it may be exists in the target",
                confidence=Confidence.UNSURE,
            )
            return updated
        located = self.context.imports.locate(f"{symbol.path}.{text}")
        module = self.context.imports.locate(symbol.path).path
        if located.path is not None and located.path.rpartition(".")[0] == module:
            new = located.path.rpartition(".")[2]
            if new == text or not isinstance(literal, cst.SimpleString):
                return updated
            if not self.context.report(STRING, literal, f"{text} is now {new}", fix=True):
                return updated
            args = list(updated.args)
            args[1] = args[1].with_changes(value=_replaced(literal, new))
            return updated.with_changes(args=args)
        if name == "getattr" and len(original.args) == 2:
            self.context.report(
                STRING,
                original,
                f"{symbol.path} has no {text} in {self.context.target.name}",
                advice="write a replacement by hand",
            )
        return updated


def _callee(call: cst.Call, context: Context) -> str | None:
    """Return the dotted name of what is called, imports resolved."""
    origins = context.names.origins(call.func)
    if len(origins) == 1:
        return origins[0]
    if isinstance(call.func, cst.Name) and not context.names.bindings(call.func):
        return call.func.value
    return None


def _literal(node: cst.BaseExpression) -> str | None:
    if not isinstance(node, cst.SimpleString):
        return None
    value = ast.literal_eval(node.value)
    return value if isinstance(value, str) else None


def _replaced(literal: cst.SimpleString, text: str) -> cst.SimpleString:
    return literal.with_changes(value=f"{literal.prefix}{literal.quote}{text}{literal.quote}")


def _with_first(call: cst.Call, value: cst.BaseExpression) -> cst.Call:
    return call.with_changes(args=[call.args[0].with_changes(value=value), *call.args[1:]])
