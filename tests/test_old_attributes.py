"""KM340, KM341: attributes in which layers of Keras keep their settings and weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from layer_recipes import RECIPES, of_original, of_target
from migrating import check, untouched

from kerasmigrate.transforms import old_attributes
from kerasmigrate.transforms.old_attributes import names_gone, names_now

DROP = (
    "from keras.layers import Dropout\n\n\nclass Drop(Dropout):\n"
    "    def call(self, x, mask=None, training=None):\n        return x * {}\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_setting_of_the_base(to: str) -> None:
    after = DROP.format("(1 - self.rate)")
    if to == "tf_keras":
        after = after.replace("from keras", "from tf_keras")
    check(DROP.format("(1 - self.p)"), after, to=to)


def layer(base: str, *body: str) -> str:
    lines = "".join(f"        {each}\n" for each in body)
    return (
        f"from keras.layers import {base}\n\n\nclass Own({base}):\n    def use(self, x):\n{lines}"
    )


def test_settings_and_weights_of_dense() -> None:
    check(
        layer("Dense", "if self.bias:", "    x = x @ self.W + self.b", "return x, self.output_dim"),
        layer(
            "Dense",
            "if self.use_bias:",
            "    x = x @ self.kernel + self.bias",
            "return x, self.units",
        ),
        to="keras",
        codes=["KM340"] * 4,
    )


def test_parts_of_a_tuple() -> None:
    check(
        layer("Conv2D", "return self.nb_row, (self.nb_col), self.subsample"),
        layer("Conv2D", "return self.kernel_size[0], (self.kernel_size[1]), self.strides"),
        to="keras",
        codes=["KM340"] * 3,
    )
    check(
        layer("ZeroPadding2D", "return self.top_pad + self.right_pad"),
        layer("ZeroPadding2D", "return self.padding[0][0] + self.padding[1][1]"),
        to="keras",
        codes=["KM340"] * 2,
    )


def test_words_that_a_layout_is_compared_to() -> None:
    check(
        layer(
            "Conv2D",
            "if self.dim_ordering == 'th':",
            "    x = x.T",
            "return self.dim_ordering in ('th', 'tf')",
        ),
        layer(
            "Conv2D",
            "if self.data_format == 'channels_first':",
            "    x = x.T",
            "return self.data_format in ('channels_first', 'channels_last')",
        ),
        to="keras",
        codes=["KM340"] * 2,
    )


def test_a_layout_that_goes_who_knows_where() -> None:
    (found,) = untouched(layer("Conv2D", "return self.dim_ordering"), to="keras", codes=["KM341"])
    assert found.message == (
        "self.dim_ordering: a Conv2D keeps it as data_format: it has other words for the layouts,"
        " and where they go is not clear here"
    )


def test_a_layout_in_the_message_of_an_error() -> None:
    check(
        layer("Conv2D", "raise ValueError('no ' + self.dim_ordering)"),
        layer("Conv2D", "raise ValueError('no ' + self.data_format)"),
        to="keras",
        codes=["KM340"],
    )


def test_kernels_with_the_axes_of_theano() -> None:
    check(
        layer("Conv2D", "return self.W"),
        layer("Conv2D", "return self.kernel"),
        to="keras",
        codes=["KM340"],
    )
    code = layer("Conv2D", "return self.W") + "\n\nlayout = 'th'\n"
    (found,) = untouched(code, to="keras", codes=["KM341"])
    assert found.message == (
        "self.W: a Conv2D keeps it as kernel: its axes are those of 'tf', also where they were"
        " those of 'th'"
    )


def test_a_class_that_means_something_else() -> None:
    code = layer("Dense", "self.units = 3", "return self.output_dim")
    (found,) = untouched(code, to="keras", codes=["KM341"])
    assert found.message == (
        "self.output_dim: a Dense keeps it as units: the class means something else by that"
    )


def test_a_local_name_is_none_of_the_class() -> None:
    check(
        layer("Dense", "W_constraint = 1", "return self.W_constraint, W_constraint"),
        layer("Dense", "W_constraint = 1", "return self.kernel_constraint, W_constraint"),
        to="keras",
        codes=["KM340"],
    )


def test_a_function_that_has_become_an_object() -> None:
    check(
        layer("Dense", "return self.add_weight(shape=(3,), initializer=self.init)"),
        layer("Dense", "return self.add_weight(shape=(3,), initializer=self.kernel_initializer)"),
        to="keras",
        codes=["KM340"],
    )
    untouched(layer("Dense", "return self.init((3, 4))"), to="keras", codes=["KM341"])


def test_an_object_at_hand() -> None:
    head = "from keras.layers import Dense, Embedding\n\nlayer, words = Dense(3), 1\n"
    untouched(head + "print(layer.W)\n", to="keras", codes=[])
    head = "from keras.layers import Dense\n\nlayer = Dense(3)\n"
    check(
        head + "print(layer.output_dim, layer.W)\n",
        head + "print(layer.units, layer.kernel)\n",
        to="keras",
        codes=["KM340"] * 2,
    )


@pytest.mark.parametrize(
    ("base", "code", "to", "advice"),
    [
        ("Dense", "self.input_dim", "keras", old_attributes._ADVICE["input_dim"]),
        ("LSTM", "self.W_i", "keras", old_attributes.RECURRENT),
        ("Dense", "self.initial_weights", "keras", old_attributes._ADVICE["initial_weights"]),
        ("GRU", "self.U", "tf_keras", old_attributes.RECURRENT),
        (
            "Dropout",
            "self._get_noise_shape(x)",
            "keras",
            "read noise_shape, which is None or a tuple",
        ),
        ("MaxPooling1D", "self.st", "keras", old_attributes._ADVICE[""]),
    ],
)
def test_what_is_gone(base: str, code: str, to: str, advice: str) -> None:
    text = layer(base, f"return {code}")
    if to == "tf_keras":
        text = text.replace("from keras", "from tf_keras")
    (found,) = untouched(text, to=to, codes=["KM341"])
    assert found.advice == advice


@pytest.mark.parametrize(
    "code",
    [
        # Its own.
        layer("Dense", "self.W = x", "return self.W"),
        layer("Dense", "self.W, self.p = x", "return self.W"),
        layer("Dense", "return self.W") + "\n    W = 3\n",
        layer("Dense", "return self.W") + "\n    def W(self):\n        return 1\n",
        layer("Dense", "return self.W") + "\n\nclass Heir(Own):\n    W = 3\n",
        # The weight, and what every Keras calls like that.
        layer("Dense", "return x + self.bias, self.activation, self.name"),
        layer("Dense", "if self.bias is not None:", "    return self.bias"),
        layer("Dense", "if self.bias:", "    return 1"),
        layer("Embedding", "return self.output_dim, self.input_dim"),
        # Other objects.
        layer("Layer", "return self.W, self.p, self.output_dim"),
        "from keras.models import Model\n\n\nclass Own(Model):\n    def f(self):\n"
        "        return self.p\n",
        "class Own:\n    def f(self):\n        return self.W\n",
        "from keras.layers import Dense\n\n\ndef f(layer):\n    return layer.W\n",
        "from mine import Dense\n\n\nclass Own(Dense):\n    def f(self):\n        return self.W\n",
        layer("Dense", "other.W = self.other.W"),
    ],
)
def test_what_stays(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_the_keras_2_api_keeps_what_it_has() -> None:
    text = layer("Dropout", "return self._get_noise_shape(x)").replace(
        "from keras", "from tf_keras"
    )
    untouched(text, to="tf_keras", codes=[])
    text = layer("LeakyReLU", "return self.alpha").replace("from keras", "from tf_keras")
    untouched(text, to="tf_keras", codes=[])
    check(
        layer("LeakyReLU", "return self.alpha"),
        layer("LeakyReLU", "return self.negative_slope"),
        to="keras",
        codes=["KM340"],
    )


# -- the table and the real packages --------------------------------------------------------------

TABLE = json.loads(
    Path(old_attributes.__file__).with_name("old_attributes.json").read_text(encoding="utf-8")
)


def test_every_row_is_of_a_layer_that_is_looked_at() -> None:
    assert set(TABLE) <= {f"keras.layers.{name}" for name, *_ in RECIPES}


@pytest.mark.tensorflow
@pytest.mark.pypi
@pytest.mark.parametrize(("package", "api"), [("keras", 3), ("tf_keras", 2)])
def test_the_values_are_those_of_keras_1(package: str, api: int) -> None:
    before = of_original("1.2.2")
    now = {name: names_now(f"keras.layers.{name}", api) for name, *_ in RECIPES}
    today = of_target(package, {name: sorted(set(row.values())) for name, row in now.items()})
    seen = 0
    for name, row in now.items():
        for old, new in row.items():
            there, here = before[name][old], today[name][new]
            if old in ("init", "inner_init", "beta_init", "gamma_init"):
                assert (there, here[:2]) == ("a function", "a "), (name, old)
            elif old == "dim_ordering":
                assert (there, here) == ("tf", "channels_last"), (name, old)
            else:
                assert there == here, (name, old)
            assert old == "bias" or old not in today[name], (name, old)
            seen += 1
    assert seen > 150


@pytest.mark.tensorflow
@pytest.mark.pypi
@pytest.mark.parametrize(("package", "api"), [("keras", 3), ("tf_keras", 2)])
def test_what_is_gone_was_there_and_is_not(package: str, api: int) -> None:
    before = [of_original("1.2.2"), of_original("2.2.4")]
    today = of_target(package, {})
    for name, *_ in RECIPES:
        for old in names_gone(f"keras.layers.{name}", api):
            assert any(old in each[name] for each in before), (name, old)
            assert old not in today[name], (name, old)


@pytest.mark.parametrize(
    ("to", "package", "call"),
    [
        ("keras", "keras", "ops.conv(x, w, data_format=self.data_format)"),
        ("tf_keras", "tf_keras", "K.conv2d(x, w, data_format=self.data_format)"),
    ],
)
def test_the_layout_of_a_layer_goes_to_the_backend(to: str, package: str, call: str) -> None:
    code = (
        "from keras import {}\nfrom keras.layers import Conv2D\n\n\nclass Own(Conv2D):\n"
        "    def look(self, x, w):\n        return {}\n"
    )
    found = check(
        code.format("backend as K", "K.conv2d(x, w, dim_ordering=self.dim_ordering)"),
        code.format("ops" if to == "keras" else "backend as K", call).replace(
            "from keras", f"from {package}"
        ),
        to=to,
    )
    assert all(each.fixed for each in found)


def test_a_layout_of_ones_own_does_not() -> None:
    code = (
        "from keras import backend as K\nfrom keras.layers import Conv2D\n\n\nclass Own(Conv2D):\n"
        "    def look(self, x, w):\n        self.dim_ordering = guess(x)\n"
        "        return K.conv2d(x, w, dim_ordering=self.dim_ordering)\n"
    )
    untouched(code, to="keras", codes=["KM502"])


SETS = """\
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)
            del self.initial_weights
"""


def own(body: str, base: str = "Dense") -> str:
    return (
        f"from keras.layers import {base}\n\n\nclass Own({base}):\n"
        f"    def build(self, input_shape):\n        super().build(input_shape)\n{body}"
        "        self.ready = True\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        SETS,
        SETS.replace(" is not None", ""),
        SETS.replace(" is not None", " != None"),
        SETS.replace("            del self.initial_weights\n", ""),
    ],
)
@pytest.mark.parametrize("base", ["Dense", "Conv2D", "Embedding"])
def test_weights_that_were_given(body: str, base: str) -> None:
    (found,) = check(own(body, base), own("", base), to="keras", codes=["KM326"])
    assert found.message == "a layer has no initial_weights: it sets those it is given"


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (SETS.replace("self.set", "self.ready = 1\n            self.set"), ["KM341"] * 2),
        (SETS + "        else:\n            self.other = 3\n", ["KM341"] * 2),
        (SETS.replace("is not None", "is None"), ["KM341"] * 2),
        ("        self.initial_weights = [1]\n" + SETS, []),
        (SETS.replace("initial_weights", "first_weights"), []),
    ],
)
def test_weights_that_the_class_looks_at_itself(body: str, codes: list[str]) -> None:
    untouched(own(body), to="keras", codes=codes)
    untouched(own(body, "Layer"), to="keras", codes=[])
