"""Functions of keras.initializations: initializer objects now."""

from __future__ import annotations

import pytest
from migrating import check, untouched

CALLS = [
    ("normal(shape)", "RandomNormal()(shape)"),
    ("normal(shape, 0.02)", "RandomNormal(stddev=0.02)(shape)"),
    ("normal((3, 4), scale=s, name='W')", "RandomNormal(stddev=s)((3, 4))"),
    ("uniform(shape=shape, scale=0.1)", "RandomUniform(minval=-0.1, maxval=0.1)(shape)"),
    ("uniform(shape, scale=a + b)", "RandomUniform(minval=-(a + b), maxval=a + b)(shape)"),
    ("orthogonal(shape)", "Orthogonal(gain=1.1)(shape)"),
    ("orthogonal(shape, scale=1.)", "Orthogonal(gain=1.)(shape)"),
    ("identity(shape, scale=2)", "Identity(gain=2)(shape)"),
    ("glorot_uniform(shape, name=name)", "GlorotUniform()(shape)"),
    ("zero(shape)", "Zeros()(shape)"),
    ("one(shape)", "Ones()(shape)"),
    ("he_normal(f(shape))", "HeNormal()(f(shape))"),
]


@pytest.mark.parametrize(("before", "after"), CALLS)
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_calls(before: str, after: str, to: str) -> None:
    check(
        f"from keras import initializations\n\nW = initializations.{before}\n",
        f"from {to} import initializers\n\nW = initializers.{after}\n",
        to=to,
        codes=["KM101", "KM102", "KM207"],
    )


def test_a_function_imported_by_name() -> None:
    check(
        "from keras.initializations import normal\n\n\n"
        "def mine(shape, name=None):\n    return normal(shape, scale=0.02, name=name)\n",
        "from keras.initializers import RandomNormal\n\n\n"
        "def mine(shape, name=None):\n    return RandomNormal(stddev=0.02)(shape)\n",
        to="keras",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("lambda shape, name: normal(shape, scale=0.02, name=name)", "RandomNormal(stddev=0.02)"),
        ("lambda shape, name=None: normal(shape)", "RandomNormal()"),
        ("lambda s, n: normal((s[0], 1))", "lambda s, n: RandomNormal()((s[0], 1))"),
    ],
)
def test_an_initializer_that_only_passes_its_shape_on(before: str, after: str) -> None:
    check(
        "from keras.initializations import normal\nfrom keras.layers import Dense\n\n"
        f"layer = Dense(4, init={before})\n",
        "from keras.initializers import RandomNormal\nfrom keras.layers import Dense\n\n"
        f"layer = Dense(4, kernel_initializer={after})\n",
        to="keras",
    )


def test_looking_one_up_is_only_renamed() -> None:
    check(
        "from keras import initializations\n\ninit = initializations.get('he_normal')\n",
        "from keras import initializers\n\ninit = initializers.get('he_normal')\n",
        to="keras",
        codes=["KM101", "KM102"],
    )


@pytest.mark.parametrize(
    "call", ["normal(*args)", "normal(scale=0.1)", "normal(\n    shape,  # of W\n    0.1)"]
)
def test_not_converted(call: str) -> None:
    findings = check(
        f"from keras.initializations import normal\n\nW = {call}\n",
        "from keras.initializers import RandomNormal\n\n"
        f"W = {call.replace('normal', 'RandomNormal')}\n",
        to="keras",
        codes=["KM101", "KM102", "KM207"],
    )
    assert not findings[2].fixed
    assert findings[2].advice == "make the object first, then call it with the shape"


@pytest.mark.parametrize(
    "code",
    [
        "from keras.initializers import RandomNormal\n\nW = RandomNormal(stddev=0.1)(shape)\n",
        "import keras\nimport numpy as np\n\nW = np.random.normal(shape, scale=0.1)\n",
        "import keras\n\n\ndef normal(s, scale):\n    return s\n\n\nW = normal(s, scale=1)\n",
    ],
)
def test_left_alone(code: str) -> None:
    untouched(code, to="keras", codes=[])
