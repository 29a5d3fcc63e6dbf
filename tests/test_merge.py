"""merge() and Merge(): the layers that they meant."""

from __future__ import annotations

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence, Severity

HOMES = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}

MODES = [
    ("merge([a, b])", "add([a, b])"),
    ("merge([a, b], mode='sum')", "add([a, b])"),
    ("merge([a, b], 'mul')", "multiply([a, b])"),
    ("merge([a, b], mode=\"ave\", name='x')", "average([a, b], name='x')"),
    ("merge([a, b], mode='max')", "maximum([a, b])"),
    ("merge([a, b], mode='concat')", "concatenate([a, b])"),
    ("merge([a, b], mode='concat', concat_axis=1)", "concatenate([a, b], axis=1)"),
    ("merge([a, b], 'concat', axis)", "concatenate([a, b], axis=axis)"),
    (
        "merge([a, b], concat_axis=1, mode='concat', name='x')",
        "concatenate([a, b], axis=1, name='x')",
    ),
    ("merge(mode='sum', inputs=[a, b])", "add(inputs=[a, b])"),
    ("merge([a, b], mode='sum', concat_axis=1)", "add([a, b])"),
    ("merge([a, b], mode='dot')", "dot([a, b], axes=-1)"),
    ("merge([a, b], mode='dot', dot_axes=(1, 2))", "dot([a, b], axes=(1, 2))"),
    ("merge([a, b], mode='sum', output_shape=(3,))", "add([a, b])"),
    (
        "merge(\n    [a, b],  # both\n    mode='concat',  # side by side\n    concat_axis=-1,\n)",
        "concatenate(\n    [a, b],  # both\n    # side by side\n    axis=-1,\n)",
    ),
    (
        "merge([a, b], mode=lambda x: x[0] - x[1], output_shape=(4,))",
        "Lambda(lambda x: x[0] - x[1], output_shape=(4,))([a, b])",
    ),
    (
        "merge([a, b], output_shape=lambda s: s[0], mode=lambda x: x[0])",
        "Lambda(lambda x: x[0], output_shape=lambda s: s[0])([a, b])",
    ),
    (
        "merge([a, b], mode=lambda x, n: x[n], arguments={'n': 1}, name='pick')",
        "Lambda(lambda x, n: x[n], arguments={'n': 1}, name='pick')([a, b])",
    ),
    ("Merge()([a, b])", "Add()([a, b])"),
    ("Merge(mode='mul')([a, b])", "Multiply()([a, b])"),
    ("Merge(mode='concat', concat_axis=1, name='x')", "Concatenate(axis=1, name='x')"),
    ("Merge(mode='dot', dot_axes=1)([a, b])", "Dot(axes=1)([a, b])"),
    ("Merge(mode=lambda x: x[0])([a, b])", "Lambda(lambda x: x[0])([a, b])"),
]


@pytest.mark.parametrize("to", HOMES)
@pytest.mark.parametrize(("before", "after"), MODES)
def test_modes(before: str, after: str, to: str) -> None:
    old, new = before.partition("(")[0], after.partition("(")[0]
    findings = check(
        f"from keras.layers import {old}\n\nx = {before}\n",
        f"from {HOMES[to]}.layers import {new}\n\nx = {after}\n",
        to=to,
        codes=["KM101", "KM210"],
    )
    assert findings[1].fixed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("merge([a, b], mode='cos')", "dot([a, b], axes=-1, normalize=True)"),
        ("merge([a, b], mode='cos', dot_axes=1)", "dot([a, b], axes=1, normalize=True)"),
        ("Merge(mode='cos', dot_axes=1)", "Dot(axes=1, normalize=True)"),
    ],
)
def test_cosine_changes_the_shape(before: str, after: str) -> None:
    old, new = before.partition("(")[0], after.partition("(")[0]
    findings = check(
        f"from keras.layers import {old}\n\nx = {before}\n",
        f"from keras.layers import {new}\n\nx = {after}\n",
        to="keras",
    )
    assert findings[1].advice == "the result has shape (n, 1) now; it was (n, 1, 1)"
    assert findings[1].confidence is Confidence.LIKELY


def test_a_function_as_mode() -> None:
    check(
        "from keras.layers import merge\n\n\ndef gap(x):\n    return x[0] - x[1]\n\n\n"
        "y = merge([a, b], mode=gap, output_shape=(3,))\n",
        "from keras.layers import Lambda\n\n\ndef gap(x):\n    return x[0] - x[1]\n\n\n"
        "y = Lambda(gap, output_shape=(3,))([a, b])\n",
        to="keras",
    )


def test_nested() -> None:
    check(
        "from keras.layers import merge, Dense\n\n"
        "x = merge([merge([a, b], mode='sum'), Dense(output_dim=3)(c)], mode='concat')\n",
        "from keras.layers import Dense, add, concatenate\n\n"
        "x = concatenate([add([a, b]), Dense(units=3)(c)])\n".replace(
            "Dense, add, concatenate", "Dense, concatenate, add"
        ),
        to="keras",
    )


@pytest.mark.parametrize(
    ("head", "before", "after", "new_head"),
    [
        ("import keras", "keras.layers.merge([a, b])", "keras.layers.add([a, b])", None),
        ("from keras import layers", "layers.merge([a, b])", "layers.add([a, b])", None),
        (
            "from keras.layers import merge as join",
            "join([a, b], mode='max')",
            "maximum([a, b])",
            "from keras.layers import maximum",
        ),
        (
            "from keras.engine import merge",
            "merge([a, b])",
            "add([a, b])",
            "from keras.layers import add",
        ),
        (
            "from keras.layers.core import Merge",
            "Merge(mode='sum')",
            "Add()",
            "from keras.layers import Add",
        ),
        (
            "from keras.engine.topology import Merge",
            "Merge(mode='sum')",
            "Add()",
            "from keras.layers import Add",
        ),
    ],
)
def test_spellings(head: str, before: str, after: str, new_head: str | None) -> None:
    check(f"{head}\n\nx = {before}\n", f"{new_head or head}\n\nx = {after}\n", to="keras")


def test_a_name_that_is_taken() -> None:
    check(
        "from keras.layers import merge\n\n\ndef add(x, y):\n    return merge([x, y])\n",
        "from keras.layers import add as keras_add\n\n\ndef add(x, y):\n"
        "    return keras_add([x, y])\n",
        to="keras",
    )


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("merge([a, b], mode=mode)", "the source does not show the mode"),
        ("merge([a, b], mode='sum' if x else 'mul')", "the source does not show the mode"),
        ("merge([a, b], mode='nothing')", "there is no mode 'nothing'"),
        ("merge([a, b], **options)", "starred arguments hide what it is given"),
        ("merge(*both)", "starred arguments hide what it is given"),
        ("merge(mode='sum')", "it has no inputs"),
        ("merge([a, b], mode='sum', output_mask=m)", "output_mask= has no successor"),
        (
            "merge([a, b], output_shape=s,  # shape\n      mode=lambda x: x)",
            "comments stand between arguments that change places",
        ),
        ("Merge([a, b], mode='sum')", "it takes models or layers as its inputs"),
        ("Merge(mode='sum', node_indices=[0, 1])", "it picks nodes of its input layers"),
    ],
)
def test_not_converted(call: str, reason: str) -> None:
    name = call.partition("(")[0]
    findings = untouched(
        f"from keras.layers import {name}\n\nx = {call}\n", to="keras", codes=["KM103", "KM211"]
    )
    assert findings[1].message == f"{name} has to be rewritten: {reason}"
    assert findings[1].severity is Severity.ERROR
    assert findings[1].advice


def test_what_to_write_for_a_merge_of_models() -> None:
    findings = untouched(
        "from keras.layers import Merge\n\n"
        "model.add(Merge([left, right], mode='dot', dot_axes=[2, 2]))\n",
        to="keras",
        codes=["KM103", "KM211"],
    )
    assert findings[1].advice == (
        "write x = dot([left.outputs[0], right.outputs[0]], axes=[2, 2]), call the layers that"
        " follow on x, and end with Model(inputs=[left.inputs[0], right.inputs[0]], outputs=x)"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import keras\n\n\ndef merge(a, mode):\n    return a\n\n\nx = merge([1], mode='concat')\n",
        "import keras\nimport pandas as pd\n\nx = pd.merge(a, b, mode='sum')\n",
        "from keras.layers import concatenate\n\nx = concatenate([a, b], axis=1)\n",
        "from keras.layers import Add\n\n\nclass Merge(Add):\n    pass\n\n\nx = Merge(mode=1)\n",
    ],
)
def test_left_alone(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_the_module_of_keras_2() -> None:
    check(
        "from keras.layers.merge import concatenate, Add\n\nx = concatenate([a, Add()([b, c])])\n",
        "from keras.layers import concatenate, Add\n\nx = concatenate([a, Add()([b, c])])\n",
        to="keras",
        codes=["KM101"],
    )
