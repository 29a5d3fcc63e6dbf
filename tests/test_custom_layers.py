from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.transform import Settings

#: The rules about training have tests of their own.
ALONE = Settings(ignore=frozenset(("KM30",)))
#: Calls of super().__init__ are also looked at by the rules about arguments.
OWN = Settings(select=frozenset(("KM31",)))


def layer(body: str, base: str = "Layer", root: str = "keras") -> str:
    lines = "".join(f"    {line}\n" if line else "\n" for line in body.strip("\n").split("\n"))
    return f"from {root}.layers import {base}\n\n\nclass Mine({base}):\n{lines}"


# -- get_output_shape_for --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "def {0}(self, s):\n    return s",
        "def {0}(self, s):\n    return super(Mine, self).{0}(s)",
        "def build(self, s):\n    self.shape = self.{0}(s)",
        "def build(self, s):\n    self.shape = self.inner.{0}(s)",
        "def build(self, s):\n    for each in self.inner:\n        s = each.{0}(s)",
    ],
)
@pytest.mark.parametrize("root", ["keras", "tf_keras"])
def test_output_shape_is_renamed(body: str, root: str) -> None:
    before = layer(body.format("get_output_shape_for"), root=root)
    after = layer(body.format("compute_output_shape"), root=root)
    codes = ["KM310"] * body.count("{0}")
    check(before, after, to=root, codes=codes, settings=ALONE)


def test_output_shape_of_a_known_layer_is_renamed_anywhere() -> None:
    text = "import keras\n\ndense = keras.layers.Dense(4)\nshape = dense.{}((1, 2))\n"
    check(
        text.format("get_output_shape_for"),
        text.format("compute_output_shape"),
        to="keras",
        codes=["KM310"],
    )


DUAL = """\
from keras.layers import Layer


class Mine(Layer):
    def compute_output_shape(self, s):
        return s

    def get_output_shape_for(self, s):
        return self.compute_output_shape(s)

    def build(self, s):
        self.shape = self.get_output_shape_for(s)


class Yours(Mine):
    def build(self, s):
        self.shape = super().get_output_shape_for(s)
"""


@pytest.mark.parametrize(
    "code",
    [
        DUAL,
        "import keras\n\n\nclass Lasagne:\n    def get_output_shape_for(self, s):\n"
        "        return keras.ops.shape(s)\n\n\nLasagne().get_output_shape_for(1)\n",
        layer("def get_output_shape(self, s):\n    return s"),
        layer("def build(self, s):\n    def get_output_shape_for(s):\n        return s"),
    ],
)
def test_output_shape_stays(code: str) -> None:
    untouched(code, to="keras", codes=(), settings=ALONE)


def test_output_shape_of_something_unknown_is_reported() -> None:
    code = "import keras\n\n\ndef shape(x):\n    return keras.ops.abs(x.get_output_shape_for(1))\n"
    (found,) = untouched(code, to="keras", codes=["KM310"])
    assert found.confidence is Confidence.UNSURE


# -- constructors ----------------------------------------------------------------------------

CONFIG = "\n\ndef get_config(self):\n    return dict(super().get_config(), a=self.a)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("self, a", "self, a, **kwargs"),
        ("self", "self, **kwargs"),
        ("self, *args", "self, *args, **kwargs"),
        ("self, *, a=1", "self, *, a=1, **kwargs"),
        ("self, a,", "self, a, **kwargs"),
        ("self, a, /", "self, a, /, **kwargs"),
        (
            "\n        self,\n        a=1,\n    ",
            "\n        self,\n        a=1,\n        **kwargs\n    ",
        ),
        (
            "self,\n             a=1  # one\n             ",
            "self,\n             a=1,  # one\n             **kwargs\n             ",
        ),
    ],
)
@pytest.mark.parametrize("call", ["super().__init__({})", "super(Mine, self).__init__({})"])
def test_constructor_takes_options(before: str, after: str, call: str) -> None:
    text = "def __init__({}):\n    {}\n    self.a = 1"
    check(
        layer(text.format(before, call.format(""))),
        layer(text.format(after, call.format("**kwargs"))),
        to="keras",
        codes=["KM311"],
    )


def test_constructor_for_keras_2_only_with_a_config() -> None:
    text = "def __init__(self, a{}):\n    super().__init__({})"
    untouched(layer(text.format("", ""), root="tf_keras"), to="tf_keras", codes=())
    check(
        layer(text.format("", "") + CONFIG, root="tf_keras"),
        layer(text.format(", **kwargs", "**kwargs") + CONFIG, root="tf_keras"),
        to="tf_keras",
        codes=["KM311"],
    )


@pytest.mark.parametrize(
    "code",
    [
        layer("def __init__(self, a, **kwargs):\n    super().__init__(**kwargs)"),
        layer("def __init__(self, a, **options):\n    super().__init__()"),
        layer("def __init__(self, a):\n    super().__init__(name='a')"),
        layer("def __init__(self, a):\n    super().__init__(trainable=False)"),
        layer("def __init__(self, kwargs):\n    super().__init__()"),
        layer("def __init__(self, a):\n    kwargs = a\n    super().__init__()"),
        layer(
            "def __init__(self, a):\n    if a:\n        super().__init__()\n"
            "    else:\n        super().__init__()"
        ),
        layer("def __init__(self, a):\n    Layer.__init__(self)"),
        layer(
            "def get_config(self):\n    return {}\n\ndef __init__(self):\n    super().__init__()"
        ),
        "import keras\n\n\nclass Net(keras.Model):\n    def __init__(self, a):\n"
        "        super().__init__()\n",
        "import keras\n\n\nclass Log(keras.callbacks.Callback):\n    def __init__(self, a):\n"
        "        super().__init__()\n",
        "import keras\n\n\nclass Mean(keras.metrics.Metric):\n    def __init__(self, a):\n"
        "        super().__init__()\n",
        "import keras\n\n\nclass Mine(keras.layers.Layer, Mixin):\n    def __init__(self, a):\n"
        "        super().__init__()\n",
        "import keras\n\n\nclass Base(keras.layers.Layer):\n    def __init__(self, *a):\n"
        "        super().__init__(*a)\n\n\nclass Mine(Base):\n    def __init__(self, a):\n"
        "        super().__init__()\n",
        "import keras\n\n\nclass Mine(keras.layers.Layer):\n"
        "    def __init__(self, a):  # kerasmigrate: ignore[KM311]\n        super().__init__()\n",
    ],
)
def test_constructors_that_stay(code: str) -> None:
    untouched(code, to="keras", codes=())


def test_constructors_of_a_family_change_together() -> None:
    text = (
        "import keras\n\n\nclass Base(keras.layers.Layer):\n    def __init__(self{0}):\n"
        "        super().__init__({1})\n\n\nclass Mine(Base):\n    def __init__(self, a{0}):\n"
        "        super().__init__({1})\n"
    )
    check(
        text.format("", ""),
        text.format(", **kwargs", "**kwargs"),
        to="keras",
        codes=["KM311", "KM311"],
    )


def test_constructor_behind_one_of_another_file_stays(tmp_path: Path) -> None:
    base = "import keras\n\n\nclass Base(keras.layers.Layer):\n"
    init = "    def __init__(self, **kwargs):\n        super().__init__(**kwargs)\n"
    mine = tmp_path / "mine.py"
    text = "from base import Base\n\n\nclass Mine(Base):\n    def __init__(self{}):\n        {}\n"
    mine.write_text("", encoding="utf-8")
    (tmp_path / "base.py").write_text(base + init, encoding="utf-8")
    view = Project(tmp_path, [mine, tmp_path / "base.py"]).view(mine)
    untouched(text.format("", "super().__init__()"), to="keras", codes=(), view=view)
    (tmp_path / "base.py").write_text(base + "    pass\n", encoding="utf-8")
    view = Project(tmp_path, [mine, tmp_path / "base.py"]).view(mine)
    check(
        text.format("", "super().__init__()"),
        text.format(", **kwargs", "super().__init__(**kwargs)"),
        to="keras",
        codes=["KM311"],
        view=view,
    )


@pytest.mark.parametrize(
    ("root", "base"),
    [
        ("keras", "keras.Model"),
        ("keras", "keras.layers.Layer"),
        ("tf_keras", "keras.layers.Layer"),
    ],
)
@pytest.mark.parametrize("value", ["name", "'encoder'", "f'{name}_1'"])
def test_name_becomes_a_keyword(root: str, base: str, value: str) -> None:
    imported = "import keras" if root == "keras" else "import tf_keras as keras"
    text = imported + "\n\n\nclass Mine({}):\n    def __init__(self, name, **kwargs):\n"
    text += "        super().__init__({}{}, **kwargs)\n"
    check(text.format(base, "", value), text.format(base, "name=", value), to=root, codes=["KM312"])


def test_name_that_keras_2_models_swallow_stays() -> None:
    code = "import tf_keras as keras\n\n\nclass Mine(keras.Model):\n"
    code += "    def __init__(self, name):\n        super().__init__(name)\n"
    untouched(code, to="tf_keras", codes=())


@pytest.mark.parametrize(
    "call",
    [
        "super().__init__(inputs, outputs)",
        "super().__init__(inputs)",
        "super().__init__(*args)",
        "super().__init__(name=name)",
        "super().__init__('a', 'b')",
        "keras.Model.__init__(self, name)",
    ],
)
def test_other_arguments_of_the_base_stay(call: str) -> None:
    code = "import keras\n\n\nclass Mine(keras.Model):\n"
    code += f"    def __init__(self, inputs, outputs, name, *args):\n        {call}\n"
    untouched(code, to="keras", codes=())


def test_positional_units_are_no_name() -> None:
    untouched(
        layer("def __init__(self, name):\n    super().__init__(name)", "Dense"),
        to="keras",
        codes=(),
    )


def test_missing_super_init() -> None:
    code = layer("def __init__(self, a):\n    self.a = a")
    (found,) = untouched(code, to="keras", codes=["KM313"])
    assert (found.fixed, found.advice) == (False, "call it before anything else")
    for fine in (
        "def __init__(self):\n    Layer.__init__(self)",
        "def __init__(self):\n    base = super()\n    base.__init__()",
        "def build(self, s):\n    self.a = 1",
    ):
        untouched(layer(fine), to="keras", codes=())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dynamic=True", ""),
        ("dynamic=True, **kwargs", "**kwargs"),
        ("name='a', dynamic=False", "name='a'"),
        ("name='a', dynamic=True, **kwargs", "name='a', **kwargs"),
        (
            "\n            name='a',\n            dynamic=True,\n        ",
            "\n            name='a',\n        ",
        ),
    ],
)
def test_dynamic_is_dropped_for_keras_3(before: str, after: str) -> None:
    text = "def __init__(self, **kwargs):\n    super().__init__({})"
    check(
        layer(text.format(before)),
        layer(text.format(after)),
        to="keras",
        codes=["KM314"],
        settings=OWN,
    )
    untouched(layer(text.format(before), root="tf_keras"), to="tf_keras", codes=())


def test_dynamic_that_is_no_literal_is_reported() -> None:
    code = layer("def __init__(self, dynamic):\n    super().__init__(dynamic=dynamic)")
    (found,) = untouched(code, to="keras", codes=["KM314"], settings=OWN)
    assert not found.fixed


@pytest.mark.parametrize(
    ("statement", "base", "hint"),
    [
        ("from keras.layers import Recurrent", "Recurrent", "keras.layers.RNN"),
        ("from keras.layers.recurrent import Recurrent as R", "R", "keras.layers.RNN"),
        ("from keras.layers.merge import _Merge", "_Merge", "_merge_function()"),
        ("import keras", "keras.layers.ConvRecurrent2D", "keras.layers.RNN"),
    ],
)
def test_base_that_is_gone(statement: str, base: str, hint: str) -> None:
    code = f"{statement}\n\n\nclass Mine({base}):\n    def step(self, x):\n        return x\n"
    found = untouched(code, to="keras")
    mine = [each for each in found if each.code == "KM315"]
    assert [each.fixed for each in mine] == [False]
    assert hint in mine[0].advice


def test_base_that_only_shares_its_name_with_one_that_is_gone() -> None:
    code = "import keras\n\n\nclass Recurrent(keras.layers.Layer):\n    pass\n"
    code += "\n\nclass Mine(Recurrent):\n    pass\n"
    untouched(code, to="keras", codes=())


# -- on the real packages --------------------------------------------------------------------

SAVED = """\
import sys

import {root} as keras


class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0):
        super(Scale, self).__init__()
        self.factor = factor

    def call(self, x):
        return self.factor * x
{config}

def loads(path):
    net = keras.Sequential([keras.layers.Input((3,)), Scale(3.0)])
    net.save(path)
    again = keras.models.load_model(path, custom_objects=dict(Scale=Scale))
    return again.layers[-1].factor
"""
WITH_CONFIG = """
    def get_config(self):
        return dict(super().get_config(), factor=self.factor)

"""


@pytest.mark.tensorflow
@pytest.mark.parametrize(("root", "config"), [("keras", ""), ("tf_keras", WITH_CONFIG)])
def test_converted_layer_is_loaded(root: str, config: str, tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")

    def run(code: str) -> object:
        names: dict[str, object] = {"__name__": "saved"}
        exec(compile(code, "<layer>", "exec"), names)
        loads = names["loads"]
        assert callable(loads)
        return loads(str(tmp_path / "net.keras"))

    original = SAVED.format(root=root, config=config)
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        run(original)
    assert run(Pipeline.to(root).run(original).text) == 3.0
