"""Models as YAML, which no Keras of today writes."""

from __future__ import annotations

import libcst as cst

from kerasmigrate.rules import Example, Rule, Safety
from kerasmigrate.transform import Context, Transform

from . import _saved_paths as paths
from ._old_functions import TO_YAML
from .backend_forms import alone

YAML = Rule(
    "KM715",
    "model-as-yaml",
    "Write a model as YAML by a function of the file",
    "to_yaml is gone from Keras 3 (\"'Sequential' object has no attribute 'to_yaml'\") and raises"
    " RuntimeError in tf_keras. What to_json gives, written as YAML, is the same; model_from_yaml"
    " gets a definition too (KM261), which reads the files of old Keras as well as tf_keras or"
    " Keras 3 read such a model in JSON.",
    Safety.REVIEW,
    examples=(
        Example(
            "from keras.models import Sequential\n\nmodel = Sequential()\ntext = model.to_yaml()\n",
            "from keras.models import Sequential\n\n\n"
            + TO_YAML.source.strip().replace("$name", "model_to_yaml")
            + "\n\n\nmodel = Sequential()\ntext = model_to_yaml(model)\n",
        ),
    ),
    untouched=(
        "Objects that are not certainly models; what is called a model is reported.",
        "Files without an import of Keras that always runs.",
    ),
)


class YamlModels(Transform):
    """Replaces ``to_yaml()``."""

    rules = (YAML,)
    # Before the rule that reports methods as gone.
    order = 41

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._functions: dict[cst.CSTNode, str] = {}
        self._on = "to_yaml" in context.code

    def visit_Call(self, node: cst.Call) -> None:
        func = node.func
        if (
            not self._on
            or not isinstance(func, cst.Attribute)
            or func.attr.value != "to_yaml"
            or not paths.is_model(self.context, func.value)
            or self._defines(node, func.value)
        ):
            return
        self.context.report(
            YAML,
            node,
            "a model is not written as YAML any more",
            advice="write to_json() here and model_from_json() where it is read; a file that"
            " holds YAML has to be written again",
        )

    def _defines(self, call: cst.Call, model: cst.BaseExpression) -> bool:
        """Plan a function that does what to_yaml() did, if the model is certainly one."""
        near = self.context.imports.any_symbol()
        if near is None or not self.context.values.is_model(model):
            return False
        if any(arg.keyword is None and arg.star != "**" for arg in call.args):
            return False
        if not self.context.runs(YAML, call):
            return False
        local = self.context.definitions.need(TO_YAML, near)
        if local is None:
            return False
        text = f"to_yaml() is gone: the file defines {local} now"
        if self.context.report(YAML, call, text, fix=True):
            self._functions[call] = local
        return True

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        local = self._functions.get(original_node)
        if local is None:
            return updated_node
        model = cst.ensure_type(updated_node.func, cst.Attribute).value
        return updated_node.with_changes(
            func=cst.Name(local), args=[cst.Arg(alone(model)), *updated_node.args]
        )
