"""KM250, KM403-KM405: attributes of layers, models and tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.transforms import layer_attributes

START = "from keras.layers import Dense, Input, Layer\nfrom keras.models import Model\n\n"
BUILT = START + "x = Input((8,))\nlayer = Dense(2)\nmodel = Model(x, layer(x))\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print(layer.output_shape)\n", "print(layer.output.shape)\n"),
        ("n = layer.input_shape[-1]  # n\n", "n = layer.input.shape[-1]  # n\n"),
        ("n = model.layers[1].output_shape[1:]\n", "n = model.layers[1].output.shape[1:]\n"),
        ("n = model.get_layer('a').output_shape\n", "n = model.get_layer('a').output.shape\n"),
        (
            "for each in model.layers:\n    print(each.output_shape)\n",
            "for each in model.layers:\n    print(each.output.shape)\n",
        ),
        (
            "last = model.layers[-1]\nn = last.input_shape\n",
            "last = model.layers[-1]\nn = last.input.shape\n",
        ),
    ],
)
def test_the_shape_of_a_layer(before: str, after: str) -> None:
    check(BUILT + before, BUILT + after, to="keras", codes=["KM403"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("y = layer.get_output_at(0)\n", "y = layer.output\n"),
        ("y = (layer.get_input_at(0)) + 1\n", "y = (layer.input) + 1\n"),
        ("n = layer.get_output_shape_at(0)[1]\n", "n = layer.output.shape[1]\n"),
    ],
)
def test_the_first_node_of_a_layer(before: str, after: str) -> None:
    check(BUILT + before, BUILT + after, to="keras", codes=["KM404"])


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("y = layer.get_output_at(1)\n", "KM404"),
        ("y = layer.get_output_at(i)\n", "KM404"),
        ("y = model.get_output_at(0)\n", "KM404"),
        ("n = layer.input_shape[0]\n", "KM403"),
        ("class L(Dense):\n    def show(self):\n        return self.output_shape\n", "KM403"),
        ("n = model.input_names\n", "KM405"),
        ("n = layer.inbound_nodes\n", "KM405"),
        ("model._make_predict_function()\n", "KM405"),
        ("for each in model.layers:\n    print(each.updates)\n", "KM405"),
        ("y = x._uses_learning_phase\n", "KM405"),
    ],
)
def test_what_has_no_equal_is_reported(code: str, rule: str) -> None:
    untouched(BUILT + code, to="keras", codes=[rule])


@pytest.mark.parametrize(
    "code",
    [
        "n = model.output_shape, model.input_shape, model.output_names, model.layers\n",
        "n = thing.output_shape, thing.inbound_nodes, thing.input_names\n",
        "def f(layer):\n    return layer.output_shape\n",
        "layer = load()\nn = layer.output_shape\n",
        "class L(Layer):\n    def build(self, input_shape):\n"
        "        self.output_shape = 3\n    def show(self):\n        return self.output_shape\n",
        "class L(Layer):\n    def updates(self):\n        return 1\n"
        "    def show(self):\n        return self.updates()\n",
        "class Net:\n    def show(self):\n        return self.input_shape, self.updates\n",
        "for each in things.layers:\n    print(each.output_shape)\n",
        "y = thing.get_output_at(0)\n",
        "model.stateful\n".replace("model", "thing"),
        "y = layer.output, layer.input, layer.output.shape\n",
    ],
)
def test_other_attributes_stay(code: str) -> None:
    untouched(BUILT + code, to="keras", codes=[])


def test_keras_2_has_most_of_them() -> None:
    code = BUILT.replace("keras", "tf_keras") + (
        "y = layer.output_shape, layer.get_output_at(0), model.input_names, layer.inbound_nodes\n"
    )
    untouched(code, to="tf_keras", codes=[])
    untouched(code + "model._make_predict_function()\n", to="tf_keras", codes=["KM405"])


@pytest.mark.tensorflow
def test_under_tensorflow_they_are_as_the_rules_say() -> None:
    import keras
    import tf_keras

    from kerasmigrate.transforms.layer_attributes import _OF_LAYERS, _OF_MODELS, _OF_TENSORS

    for level, package in ((2, tf_keras), (3, keras)):
        tensor = package.Input((3,))
        layer = package.layers.Dense(2)
        model = package.Model(tensor, layer(tensor))
        for owner, table in ((layer, _OF_LAYERS), (model, _OF_MODELS), (tensor, _OF_TENSORS)):
            for name, gone in table.items():
                if owner is layer and name == "stateful":
                    continue
                try:
                    there = hasattr(owner, name)
                except TypeError:
                    there = False
                assert there == (level < gone.since), (package.__name__, name)
    assert layer.output is model.outputs[0]
    assert tuple(layer.input.shape) == (None, 3)


OWN = (
    "from keras.layers import Dense\n\n\n"
    "class Base(Dense):\n"
    "    output_shape = (4,)\n\n"
    "    def __init__(self, n):\n"
    "        super().__init__(n)\n"
    "        self.constraints = []\n\n"
    "    def get_output_at(self, n):\n"
    "        return n\n\n\n"
    "class Mine(Base):\n"
    "    pass\n\n\n"
)


@pytest.mark.parametrize(
    "use",
    [
        "Mine(4).get_output_at(0)\n",
        "layer = Mine(4)\nprint(layer.get_output_at(0), layer.output_shape, layer.constraints)\n",
        "def make():\n    return Mine(4)\n\n\nprint(make().get_output_at(0))\n",
        "class Holder:\n    def __init__(self):\n        self.layer = Mine(4)\n\n"
        "    def show(self):\n        return self.layer.get_output_at(0), self.layer.constraints\n",
    ],
)
def test_what_a_class_of_the_file_defines_is_its_own(use: str) -> None:
    untouched(OWN + use, to="keras", codes=[])


def test_what_a_class_of_the_file_does_not_define_is_that_of_keras() -> None:
    check(
        OWN + "layer = Mine(4)\nother = Dense(4)\n"
        "a = layer.get_input_at(0), layer.input_shape, layer.regularizers\n"
        "b = other.get_output_at(0), other.output_shape, other.constraints\n",
        OWN + "layer = Mine(4)\nother = Dense(4)\n"
        "a = layer.input, layer.input.shape, layer.regularizers\n"
        "b = other.output, other.output.shape, other.constraints\n",
        to="keras",
        codes=["KM404", "KM403", "KM405", "KM404", "KM403", "KM405"],
    )


def test_what_a_class_of_another_file_defines_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    view = Project(tmp_path).view(tmp_path / "use.py")
    code = "from own import Mine\n\nlayer = Mine(4)\n"
    check(
        code + "print(layer.get_output_at(0), layer.output_shape, layer.constraints)\n"
        "print(layer.get_input_at(0))\n",
        code + "print(layer.get_output_at(0), layer.output_shape, layer.constraints)\n"
        "print(layer.input)\n",
        to="keras",
        codes=["KM404"],
        view=view,
    )


def test_updates_that_a_graph_waits_for_have_one_finding() -> None:
    untouched(
        "import keras\nimport tensorflow as tf\n\nmodel = keras.Sequential()\n"
        "with tf.control_dependencies(model.updates):\n    step = tf.no_op()\n"
        "print(model.updates)\n",
        to="keras",
        codes=["KM813", "KM405"],
    )


def test_updates_in_another_call_are_reported_beside_it() -> None:
    untouched(
        "import keras\nimport tensorflow as tf\n\nmodel = keras.Sequential()\n"
        "with tf.control_dependencies([model.updates]), open(model.updates):\n"
        "    step = tf.no_op()\n",
        to="keras",
        codes=["KM813", "KM405"],
    )


# -- what layers of Keras 1 were made with -----------------------------------------------------

MINE = (
    "from keras.layers import {base}\n\n\nclass Mine({base}):\n"
    "    def call(self, x, training=None):\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
@pytest.mark.parametrize(
    ("base", "old", "new"),
    [
        ("Dropout", "x * self.p", "x * self.rate"),
        ("Dense", "x[: self.output_dim] @ (self.W) + self.b", None),
        ("Convolution2D", "(self.nb_row) ** 2 + self.nb_col, self.border_mode", None),
        ("Conv1D", "self.filter_length, self.subsample_length", None),
        ("LSTM", "self.dropout_U(self.inner_activation)", None),
    ],
)
def test_attributes_of_keras_1(base: str, old: str, new: str | None, to: str) -> None:
    wanted = {
        "Dense": "x[: self.units] @ (self.kernel) + self.bias",
        "Convolution2D": "(self.kernel_size[0]) ** 2 + self.kernel_size[1], self.padding",
        "Conv1D": "self.kernel_size[0], self.strides[0]",
        "LSTM": "self.recurrent_dropout(self.recurrent_activation)",
    }
    code = MINE.format(base=base) + f"        return {old}\n"
    result = Pipeline.to(to).run(code)
    assert result.text.endswith(f"        return {new or wanted[base]}\n")
    assert {each.code for each in result.findings} <= {"KM101", "KM102", "KM250", "KM302"}
    assert Pipeline.to(to).run(result.text).text == result.text


@pytest.mark.parametrize(
    ("base", "read"),
    [
        ("Conv2D", "self.dim_ordering"),
        ("MaxPooling2D", "self.dim_ordering"),
        ("Conv2D", "self.W"),
        ("Conv1D", "self.subsample"),
        ("Dense", "self.init(x, name='a')"),
        ("BatchNormalization", "self.running_std"),
    ],
)
def test_what_is_another_value_today_is_reported(base: str, read: str) -> None:
    code = MINE.format(base=base) + f"        return {read}\n"
    untouched(code, to="keras", codes=["KM405"])


@pytest.mark.parametrize(
    "code",
    [
        MINE.format(base="Dropout") + "        self.p = 2\n        return self.p\n",
        MINE.format(base="Dropout") + "        self.p = 2\n\n\nclass B(Mine):\n"
        "    def call(self, x, training=None):\n        return self.p\n",
        "from keras.layers import Dropout\nfrom own import Other\n\n\nclass Mine(Dropout, Other):\n"
        "    def call(self, x, training=None):\n        return self.p\n",
        MINE.format(base="Dropout") + "        return x.p, self.output_dim, self.W\n",
        MINE.format(base="Embedding") + "        return self.output_dim, self.input_dim\n",
        MINE.format(base="Layer") + "        return self.p, self.W\n",
        "from keras.layers import Dense\n\n\ndef f(layer):\n    return layer.p, Dense.W\n",
        "import keras\n\nprint(keras.Sequential().p)\n",
    ],
)
def test_attributes_that_are_not_those_of_keras_1(code: str) -> None:
    untouched(code, to="keras", codes=[])


def test_a_new_name_that_the_class_uses_for_something_else() -> None:
    code = MINE.format(base="Dropout") + "        self.rate = 3\n        return self.p\n"
    untouched(code, to="keras", codes=["KM405"])


#: Layers with what each had in Keras 1.2.2.
MADE = """
from {keras} import layers as L

made = [
    L.Dense(3), L.{conv2d}, L.{conv1d}, L.Dropout(0.3), L.{noise}(0.2), L.{lstm}, L.GRU(2),
    L.MaxPooling2D(), L.BatchNormalization(),
]
shapes = [(4, 5), (4, 8, 8, 1), (4, 8, 2), (4,), (4,), (4, 6, 2), (4, 6, 2), (4, 4, 4, 1), (4, 3)]
for layer, shape in zip(made, shapes):
    layer.build((None, *shape[1:]) if shape[1:] else (None, 3))
"""
READ = """
for layer in made:
    for name in NAMES.get(type(layer).__name__, ()):
        value = layer
        for part in name.replace("]", "").replace("[", ".").split("."):
            value = value[int(part)] if part.isdigit() else getattr(value, part)
        plain = isinstance(value, (int, float, str, tuple, type(None)))
        shape = tuple(getattr(value, "shape", ()))
        results[type(layer).__name__ + "." + name] = value if plain else str(shape)
"""


@pytest.mark.tensorflow
@pytest.mark.pypi
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_new_names_hold_the_same(package: str) -> None:
    kinds = {"Conv2D": "Convolution2D", "Conv1D": "Convolution1D"}
    seen = ("Dense", "Conv2D", "Conv1D", "Dropout", "GaussianNoise", "LSTM", "GRU", "MaxPooling2D")
    pairs: dict[str, list[tuple[str, str]]] = {}
    for name, old in layer_attributes._OF_KERAS_1.items():
        for kind in old.same:
            if kind in (*seen, "BatchNormalization"):
                pairs.setdefault(kind, []).append((name, old.today))
    before = {kinds.get(kind, kind): [n for n, _ in each] for kind, each in pairs.items()}
    after = {kind: [today for _, today in each] for kind, each in pairs.items()}
    code = MADE.format(
        keras="keras",
        conv2d="Convolution2D(2, 3, 4, subsample=(2, 1), border_mode='same')",
        conv1d="Convolution1D(2, 3, subsample_length=2)",
        noise="GaussianNoise",
        lstm="LSTM(2, dropout_W=0.1, dropout_U=0.2)",
    ).replace("(None, *shape[1:])", "tuple([None] + list(shape[1:]))")
    old_values = run_original("1.2.2", code + f"NAMES = {before}\n" + READ)
    new_code = MADE.format(
        keras=package,
        conv2d="Conv2D(2, (3, 4), strides=(2, 1), padding='same')",
        conv1d="Conv1D(2, 3, strides=2)",
        noise="GaussianNoise",
        lstm="LSTM(2, dropout=0.1, recurrent_dropout=0.2)",
    )
    names: dict[str, object] = {"results": {}}
    exec(new_code + f"NAMES = {after}\n" + READ, names)
    new_values = names["results"]
    assert isinstance(new_values, dict)
    for kind, each in pairs.items():
        for name, today in each:
            was = old_values[f"{kinds.get(kind, kind)}.{name}"]
            now = new_values[f"{kind}.{today}"]
            if name in ("W", "b", "running_mean", "inner_activation"):
                continue  # tensors of a graph and functions: that the new name exists is enough
            assert was == now, (kind, name, was, now)
