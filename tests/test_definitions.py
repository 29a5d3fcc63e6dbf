"""What a transform defines in the user's file."""

from __future__ import annotations

import libcst as cst
import pytest

from kerasmigrate.definitions import Definition
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.rules import Rule
from kerasmigrate.transform import Context, Transform

SIGMOID = Definition(
    "hard_sigmoid",
    """
@$register(package="old")
def $name(x):
    return $ops.clip(0.2 * x + 0.5, 0.0, 1.0)
""",
    {"register": "keras.saving.register_keras_serializable", "ops": "keras.ops"},
)
RULE = Rule("KM699", "test", "A rule of the tests", "It is for the tests.")


class Defining(Transform):
    """Replaces keras.activations.hard_sigmoid by a function of the file."""

    rules = (RULE,)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.names: dict[cst.CSTNode, str] = {}

    def visit_Attribute(self, node: cst.Attribute) -> None:
        symbol = self.context.symbol(node)
        if symbol is not None and symbol.path == "keras.activations.hard_sigmoid":
            local = self.context.definitions.need(SIGMOID, near=symbol)
            if self.context.report(RULE, node, "the slope changed", fix=local is not None):
                assert local is not None
                self.context.imports.claim(node)
                self.names[node] = local

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        local = self.names.get(original_node)
        return updated_node if local is None else cst.Name(local)


def migrated(text: str) -> str:
    pipeline = Pipeline.to("keras")
    pipeline = Pipeline(pipeline.target, (*pipeline.transforms, Defining))
    after = pipeline.run(text).text
    assert pipeline.run(after).text == after
    return after


def test_it_stands_behind_the_imports_with_two_blank_lines() -> None:
    assert (
        migrated(
            '''"""Doc."""
import os
from keras import activations
import sys
# The function.
f = activations.hard_sigmoid
g = activations.hard_sigmoid
'''
        )
        == '''"""Doc."""
import os
from keras import saving
import keras
import sys


@saving.register_keras_serializable(package="old")
def hard_sigmoid(x):
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


# The function.
f = hard_sigmoid
g = hard_sigmoid
'''
    )


def test_indentation_and_newlines_are_those_of_the_file() -> None:
    assert migrated(
        "import keras\r\n\r\n\r\ndef f():\r\n\treturn keras.activations.hard_sigmoid\r\n"
    ) == (
        "import keras\r\n\r\n\r\n"
        '@keras.saving.register_keras_serializable(package="old")\r\n'
        "def hard_sigmoid(x):\r\n"
        "\treturn keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)\r\n\r\n\r\n"
        "def f():\r\n\treturn hard_sigmoid\r\n"
    )


def test_a_name_in_use_is_not_taken() -> None:
    after = migrated("import keras\nhard_sigmoid = 1\nf = keras.activations.hard_sigmoid\n")
    assert "def keras_hard_sigmoid(x):" in after
    assert after.endswith("\n\n\nhard_sigmoid = 1\nf = keras_hard_sigmoid\n")


def test_an_equal_definition_is_used_again() -> None:
    first = migrated("import keras\nf = keras.activations.hard_sigmoid\n")
    assert migrated(first + "g = keras.activations.hard_sigmoid\n") == first + "g = hard_sigmoid\n"


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import keras\nexcept ImportError:\n    keras = None\n\n\ndef f():\n"
        "    return keras.activations.hard_sigmoid\n",
        "def f():\n    import keras\n    return keras.activations.hard_sigmoid\n",
    ],
)
def test_behind_an_import_that_may_not_run_nothing_is_defined(code: str) -> None:
    assert migrated(code) == code


def test_another_import_that_always_runs_will_do() -> None:
    assert (
        migrated(
            "from keras import layers\n\n\ndef f():\n    import keras\n"
            "    return keras.activations.hard_sigmoid, layers\n"
        )
        == """from keras import layers, ops
from keras.saving import register_keras_serializable


@register_keras_serializable(package="old")
def hard_sigmoid(x):
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def f():
    return hard_sigmoid, layers
"""
    )
