"""KM403-KM405: attributes of layers, models and tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.project import Project

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


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_one_name_tells_by_itself_what_has_it(to: str) -> None:
    head = (
        "from {0} import layers\n\nlayers.Dense\n\n\nclass A:\n    def ask(self):\n        return "
    )
    (found,) = untouched(head.format(to) + "self.actor.uses_learning_phase\n", to=to)
    assert (found.code, found.confidence.value) == ("KM405", "unsure")
    untouched(head.format(to) + "self.uses_learning_phase\n", to=to, codes=[])
    untouched(head.format(to) + "agent.uses_learning_phase\n", to=to, codes=[])
    other = head.replace("from {0} import", "from lasagne import")
    untouched(other + "self.actor.uses_learning_phase\n", to=to, codes=[])


def test_parts_of_compiled_metrics() -> None:
    code = "import keras\n\n\ndef f(model):\n    {}\n"
    (found,) = untouched(
        code.format("return model.compiled_metrics._metrics"), to="keras", codes=["KM405"]
    )
    assert found.advice.startswith("write model.get_compile_config()['metrics'] for")
    for line in ("model.compiled_metrics.update_state(y, p)", "return model._metrics"):
        untouched(code.format(line), to="keras", codes=[])
    tf = code.replace("keras", "tf_keras")
    untouched(tf.format("return model.compiled_metrics._metrics"), to="tf_keras", codes=[])
