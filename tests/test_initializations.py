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


GOT = "from keras import initializations\n\nfirst = initializations.get({})\nw = {}\n"


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("first(shape, scale=0.1)", "RandomUniform(minval=-0.1, maxval=0.1)(shape)"),
        ("first(shape, 0.1, name='w')", "RandomUniform(minval=-0.1, maxval=0.1)(shape)"),
        ("first((2, 3), name='w')", "RandomUniform()((2, 3))"),
        (
            "initializations.get('uniform')(shape, scale=s)",
            "RandomUniform(minval=-s, maxval=s)(shape)",
        ),
    ],
)
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_what_get_returned(call: str, after: str, to: str) -> None:
    code = GOT.format("'uniform'", call)
    head = f"from {to} import initializers\n\nfirst = initializers.get('uniform')\n"
    check(code, f"{head}w = initializers.{after}\n", to=to)


@pytest.mark.parametrize(
    ("value", "call"),
    [
        ("kind", "first((2, 3), name='w')"),
        ("kind", "first((2, 3), scale=0.1)"),
        ("'mine'", "first((2, 3), scale=0.1)"),
    ],
)
def test_what_get_returned_of_an_unknown_name_is_reported(value: str, call: str) -> None:
    code = GOT.format(value, call)
    after = code.replace("initializations", "initializers")
    findings = check(code, after, to="keras", codes=["KM101", "KM102", "KM207"])
    assert findings[-1].line == 4
    assert findings[-1].message.endswith("any more, and makes no variable")


@pytest.mark.parametrize(
    "code",
    [
        GOT.format("'uniform'", "first((2, 3))"),
        GOT.format("'uniform'", "first((2, 3), dtype='float32')"),
        GOT.format("'uniform'", "first((2, 3), 'float32')"),
        GOT.format("kind", "first((2, 3))"),
        GOT.format("kind", "other((2, 3), name='w')"),
        "def get(kind):\n    return make(kind)\n\n\nfirst = get('uniform')\n"
        "w = first((2, 3), name='w')\nimport keras\n",
        "import keras\n\nfirst = keras.initializers.get(kind) if kind else make\n"
        "w = first((2, 3), name='w')\n",
    ],
)
def test_other_calls_of_initializers_stay(code: str) -> None:
    untouched(code.replace("initializations", "initializers"), to="keras", codes=[])


LAYER = """from keras import initializations
from keras.layers import Layer


class Scale(Layer):
    def build(self, input_shape):
        self.init = initializations.get({})
        {}
"""


@pytest.mark.parametrize("value", ["kind", "'uniform'"])
def test_a_name_inside_of_an_initializer_goes(value: str) -> None:
    inner = "self.w = self.add_weight(shape=(2,), initializer=lambda shape, name: {}, name='w')"
    made = "self.init(shape)" if value == "kind" else "initializers.RandomUniform()(shape)"
    check(
        LAYER.format(value, inner.format("self.init(shape, name=name)")),
        LAYER.format(value, inner.format(made))
        .replace("initializations", "initializers")
        .replace("shape, name:", "shape, name=None, dtype=None:"),
        to="keras",
    )


@pytest.mark.parametrize("value", ["kind", "'uniform'"])
def test_a_weight_that_is_not_listed_is_reported(value: str) -> None:
    code = LAYER.format(value, "self.w = self.init((2, 3), name='w')")
    findings = check(code, code.replace("initializations", "initializers"), to="keras")
    assert findings[-1].code == "KM207"
    assert findings[-1].line == 8


def test_a_listed_weight_is_left_to_the_list() -> None:
    made = "self.w = self.init((2, 3), name='w')\n        self.trainable_weights = [self.w]"
    check(
        LAYER.format("kind", made),
        LAYER.format("kind", "@")
        .replace("initializations", "initializers")
        .replace("@", "self.w = self.add_weight(shape=(2, 3), initializer=self.init, name='w')"),
        to="keras",
        codes=["KM101", "KM102", "KM321"],
    )
