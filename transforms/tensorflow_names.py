"""Names of TensorFlow 1 in files that use Keras."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import libcst as cst
import libcst.matchers as m

from kerasmigrate.findings import Severity
from kerasmigrate.flavours import canonical
from kerasmigrate.import_editor import Outcome
from kerasmigrate.inventory.tensorflow_names import ARGUMENTS
from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

from ._tensorflow1 import tensorflow_name, through_v1

MOVED = Rule(
    "KM840",
    "tensorflow-name",
    "Call functions of TensorFlow 1 by the names that they and their arguments have today",
    "\"module 'tensorflow' has no attribute 'log'\": many functions have left the top of TensorFlow"
    " for tf.math, tf.random, tf.linalg, tf.io and others. What is renamed here is the very same"
    " object: tensorflow.compat.v1, which is TensorFlow 1, and tensorflow were asked for it. In"
    " reductions keep_dims= is keepdims= now, and reduction_indices= is axis=.",
    examples=(
        Example(
            "import tensorflow as tf\nfrom keras.layers import Lambda\n\n"
            "layer = Lambda(lambda x: tf.log(x) + tf.random_normal((3,)))\n",
            "import tensorflow as tf\nfrom tf_keras.layers import Lambda\n\n"
            "layer = Lambda(lambda x: tf.math.log(x) + tf.random.normal((3,)))\n",
            "tf_keras",
        ),
    ),
    untouched=(
        "Names that are imported themselves, as by `from tensorflow import log`: KM841.",
        "tensorflow.compat.v1, and code that asks for the version or tries.",
    ),
)
GONE = Rule(
    "KM841",
    "tensorflow-name-is-gone",
    "Report what TensorFlow 1 had, and TensorFlow 2 has not",
    "It is an AttributeError or ImportError, or, with a function that is only in"
    " tensorflow.compat.v1, something that may need a graph. tf_upgrade_v2, which comes with"
    " TensorFlow, converts most of it. Said once for each name in a file, and not where a rule that"
    " knows more speaks of it, nor in programs of graphs, to which KM819 gives its advice.",
    Safety.NONE,
    Severity.ERROR,
    untouched=(
        "Files without Keras.",
        "tensorflow.compat.v1, and code that asks for the version or tries.",
    ),
)
#: What other rules speak of.
_APART = frozenset(
    (
        "placeholder",
        "Session",
        "InteractiveSession",
        "ConfigProto",
        "GPUOptions",
        "get_default_graph",
        "get_default_session",
        "reset_default_graph",
        "set_random_seed",
        "random.set_random_seed",
        "global_variables_initializer",
        "initialize_all_variables",
        "local_variables_initializer",
        "variables_initializer",
        "tables_initializer",
        "get_collection",
        "GraphKeys",
        "disable_eager_execution",
        "disable_v2_behavior",
    )
)
#: Rules that speak of graphs, and of all that TensorFlow 1 had.
_GRAPH = "KM819"
#: It makes functions of keras.ops of those of TensorFlow.
_CONVERTED = "KM336"
_OF_TENSORFLOW = ("KM80", "KM81", "KM82")
_ASKS = m.Name("hasattr") | m.Attribute(attr=m.Name("__version__") | m.Name("VERSION"))


@cache
def _data() -> dict[str, Any]:
    path = Path(__file__).with_name("tensorflow_names.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def table() -> Mapping[str, str | None]:
    """Return names below ``tensorflow``, with those of the same object today."""
    found: Mapping[str, str | None] = _data()["names"]
    return found


class TensorFlowNames(Transform):
    """Renames what has moved in TensorFlow, and reports what is gone."""

    rules = (MOVED, GONE)
    order = 70

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        #: What is gone, by name, at its first place.
        self._gone: dict[str, cst.CSTNode] = {}
        self._arguments: set[cst.Arg] = set()
        #: Blocks around that try something, or ask for a version, the outermost first.
        self._guards: list[cst.CSTNode] = []

    @cached_property
    def _speaks(self) -> bool:
        """Whether the file can reach TensorFlow by a name."""
        names = self.context.names
        return any((names.origin(each) or "").startswith("tensorflow") for each in names.imports)

    @cached_property
    def _has_keras(self) -> bool:
        names = self.context.names
        return any(canonical(names.origin(each) or "") for each in names.imports)

    def visit_Try(self, node: cst.Try) -> None:
        self._guards.append(node)

    def leave_Try(self, original_node: cst.Try, updated_node: cst.Try) -> cst.Try:
        self._guards.pop()
        return updated_node

    def visit_If(self, node: cst.If) -> None:
        self._enter(node)

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> cst.If:
        self._leave(original_node)
        return updated_node

    def visit_IfExp(self, node: cst.IfExp) -> None:
        self._enter(node)

    def leave_IfExp(self, original_node: cst.IfExp, updated_node: cst.IfExp) -> cst.IfExp:
        self._leave(original_node)
        return updated_node

    def _enter(self, node: cst.If | cst.IfExp) -> None:
        if not self._speaks:
            return
        if m.findall(node.test, _ASKS) or "version" in self.context.module.code_for_node(node.test):
            self._guards.append(node)

    def _leave(self, node: cst.If | cst.IfExp) -> None:
        if self._guards and self._guards[-1] is node:
            self._guards.pop()

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        if original_node not in self._arguments:
            return updated_node
        assert updated_node.keyword is not None
        return updated_node.with_changes(
            keyword=cst.Name(ARGUMENTS[updated_node.keyword.value]), equal=updated_node.equal
        )

    def visit_Call(self, node: cst.Call) -> None:
        given = {arg.keyword.value: arg for arg in node.args if arg.keyword is not None}
        old = [each for each in ARGUMENTS if each in given]
        if not old or self._guards:
            return
        name = tensorflow_name(self.context.names, node.func)
        if name is None or through_v1(self.context.names, node.func):
            return
        for each in old:
            now = ARGUMENTS[each]
            if (
                name in _data()["arguments"][each]
                and now not in given
                and self.context.report(
                    MOVED, given[each], f"tf.{name}: {each}= is now {now}=", fix=True
                )
            ):
                self._arguments.add(given[each])

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self._reference(original_node, updated_node)

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return self._reference(original_node, updated_node)

    def _reference(
        self, original: cst.Name | cst.Attribute, updated: cst.Name | cst.Attribute
    ) -> cst.BaseExpression:
        names = self.context.names
        reference = names.references.get(original)
        if not self._speaks or reference is None or self._guards or updated is not original:
            return updated
        name = tensorflow_name(names, original)
        if name is None or original in self.context.imports.claimed:
            return updated
        if through_v1(names, original):
            return updated
        parts = name.split(".")
        old = next((each for each in (parts[0], ".".join(parts[:2])) if each in table()), None)
        if old is None or old in _APART:
            return updated
        if any(guard for binding in names.bindings(original) for guard in binding.guards):
            return updated
        now = table()[old]
        whole = name == old and len(reference.attributes) == len(parts)
        code = self.context.module.code_for_node(original.with_changes(lpar=(), rpar=()))
        if now is not None and whole:
            if not self.context.report(
                MOVED, original, f"{code} is {reference.name}.{now} now", fix=True
            ):
                return updated
            made = cst.parse_expression(f"{reference.name}.{now}")
            assert isinstance(made, cst.Attribute)
            return made.with_changes(lpar=updated.lpar, rpar=updated.rpar)
        self._gone.setdefault(old, original)
        return updated

    def decided(self, outcome: Outcome) -> Outcome:
        reports = self.context.reports
        converted = {
            part
            for each in reports
            if each.rule.code == _CONVERTED and isinstance(each.node, cst.Call)
            for part in (each.node.func, *each.node.args)
        }
        reports[:] = [each for each in reports if each.rule != MOVED or each.node not in converted]
        told = {each.rule.code for each in self.context.reports}
        if _GRAPH in told or not self._gone or not self._has_keras:
            return super().decided(outcome)  # with compat.v1, as that advises, all is there
        lines = {
            self.context.positions[each.node].start.line
            for each in self.context.reports
            if each.rule.code.startswith(_OF_TENSORFLOW)
        }
        for old, node in self._gone.items():
            if self.context.positions[node].start.line in lines:
                continue  # a rule that knows more of it
            now = table()[old]
            advice = f"write tf.{now}, which is the same" if now is not None else _ADVICE.get(old)
            self.context.report(
                GONE,
                node,
                f"tf.{old} does not exist in TensorFlow 2",
                advice=advice or f"write tf.compat.v1.{old} if it needs no graph, or its successor",
            )
        return super().decided(outcome)


_ADVICE = {"contrib": "write what it did by hand, or look for the package that has it today"}
