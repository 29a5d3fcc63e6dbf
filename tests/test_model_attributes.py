from __future__ import annotations

from pathlib import Path

import pytest
from migrating import check, untouched

from kerasmigrate.findings import Confidence
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project

HEAD = "from keras.layers import Dense\nfrom keras.models import Model, Sequential\n\n"


@pytest.mark.parametrize(
    "code",
    [
        "model = Sequential([Dense(4)])\nx = model.{output}\n",
        "model = Sequential()\nmodel.add(Dense(4))\nx = Model(model.{input}, model.{output})\n",
        "x = Sequential([Dense(4)]).{output}\n",
        "model = Sequential()\nx = model.{output}.shape\n",
        "model = Sequential()\nx = (model.{output})\n",
        "def f():\n    model = None\n    model = Sequential()\n    return [model.{input}]\n",
        "def make():\n    net = Sequential()\n    return net\n\n\nx = make().{output}\n",
        "def make():\n    return Sequential()\n\n\nnet = make()\nx = net.{input}\n",
        "class A:\n    def __init__(self):\n        self.net = Sequential()\n\n"
        "    def f(self):\n        return self.net.{output}\n",
        "class A:\n    def make(self):\n        return Sequential()\n\n"
        "    def f(self):\n        net = self.make()\n        return net.{output}\n",
        "class Net(Sequential):\n    pass\n\n\nnet = Net()\nx = net.{output}\n",
    ],
)
def test_tensors_of_a_sequential_model(code: str) -> None:
    before = code.format(input="input", output="output")
    after = code.format(input="inputs[0]", output="outputs[0]")
    head = HEAD if "Dense" in code else HEAD.replace("from keras.layers import Dense\n", "")
    if "Model(" not in code:
        head = head.replace("Model, ", "")
    codes = ["KM401"] * (code.count("{input}") + code.count("{output}"))
    check(head + before, head + after, to="keras", codes=codes)
    check(
        (head + before).replace("from keras", "from tensorflow.keras"),
        (head + after).replace("from keras", "from tensorflow.keras"),
        to="tf.keras",
        codes=codes,
    )
    untouched((head + before).replace("from keras", "from tf_keras"), to="tf_keras", codes=())


@pytest.mark.parametrize(
    "code",
    [
        "import keras\n\nmodel = keras.Model([], [])\nx = model.output\n",
        "import keras\n\nbase = keras.applications.VGG16()\nx = base.output\n",
        "import keras\n\nlayer = keras.layers.Dense(4)\nx = layer.output\n",
        "import keras\n\n\ndef f(model):\n    return keras.ops.abs(model.output)\n",
        "import keras\n\nmodel = keras.Sequential()\nx = model.layers[-1].output\n",
        "import keras\n\nmodel = keras.Sequential()\nx = model.get_layer('a').output\n",
        "import keras\n\nmodel = keras.Sequential()\nx = model.outputs[0]\n",
        "import keras\n\nmodel = keras.Sequential()\nx = model.output_shape\n",
        "import keras\n\nmodel = keras.Sequential()\nmodel.output = 1\n",
        "import keras\n\nmodel = keras.models.load_model('a.h5')\nx = model.output\n",
        "import keras\n\nmodel = keras.Sequential()\nmodel = change(model)\nx = model.output\n",
        "import keras\n\nmodel = keras.Sequential()\n\n\ndef f(model):\n    return model.output\n",
        "import keras\nfrom other import Sequential\n\nkeras.ops.abs(Sequential().output)\n",
        "import keras\n\nmodel = keras.Sequential()\nx = model.output  # kerasmigrate: ignore\n",
        "import subprocess\n\nimport keras\n\nmodel = keras.Sequential()\n"
        "x = subprocess.run([]).output\n",
    ],
)
def test_what_is_no_tensor_of_a_sequential_model(code: str) -> None:
    untouched(code, to="keras", codes=())


def test_name_of_two_kinds_of_models_is_reported() -> None:
    code = (
        "import keras\n\nif deep:\n    model = keras.Sequential()\nelse:\n"
        "    model = keras.Model([], [])\nx = model.output\n"
    )
    (found,) = untouched(code, to="keras", codes=["KM401"])
    assert (found.fixed, found.confidence) == (False, Confidence.UNSURE)


CREATE = """\
from keras.layers import Dense
from keras.models import Sequential


def create_model():
    model = Sequential()
    model.add(Dense(4, input_shape=(3,)))
    return model
"""
EXTEND = """\
from {0}.layers import Dense
from {0}.models import Model
from create import create_model

base = create_model()
longer = Model(inputs=base.{1}, outputs=Dense(1)(base.{2}))
"""


def project(folder: Path) -> Project:
    (folder / "create.py").write_text(CREATE, encoding="utf-8")
    return Project(folder, [folder / "create.py", folder / "extend.py"])


def test_builder_in_another_file(tmp_path: Path) -> None:
    view = project(tmp_path).view(tmp_path / "extend.py")
    check(
        EXTEND.format("tensorflow.keras", "input", "output"),
        EXTEND.format("keras", "inputs[0]", "outputs[0]"),
        to="keras",
        view=view,
    )


@pytest.mark.tensorflow
def test_sequential_model_is_extended_under_keras_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow")
    monkeypatch.syspath_prepend(str(tmp_path))
    view = project(tmp_path).view(tmp_path / "extend.py")
    original = EXTEND.format("keras", "input", "output")
    with pytest.raises((AttributeError, ValueError), match="has never been called"):
        exec(compile(original, "<extend>", "exec"), {})
    names: dict[str, object] = {}
    exec(compile(Pipeline.to("keras").run(original, view).text, "<extend>", "exec"), names)
    assert getattr(names["longer"], "output_shape", None) == (None, 1)


# -- names ----------------------------------------------------------------------------------------

ROOT = "from tf_keras.layers import Dense, Layer\nfrom tf_keras.models import Model, Sequential\n\n"


@pytest.mark.parametrize(
    "code",
    [
        "m = Model(a, b)\nm.{name} = 'x'\n",
        "m = Sequential()\nm.{name} += 'x'\n",
        "m = Sequential()\nm.{name} = f(m.name)\n",
        "Dense(3).{name} = 'x'\n",
        "def make():\n    return Model(a, b)\n\n\nm = make()\nm.{name} = 'x'\n",
        "class A:\n    def __init__(self, name):\n        self.name = name\n"
        "        self.net = Model(a, b)\n        self.net.{name} = name\n",
        "class A(Layer):\n    def __init__(self, name):\n        super().__init__()\n"
        "        self.{name} = name\n",
        "m = Model(a, b)\nfor layer in m.layers:\n    layer.{name} = layer.name + 'x'\n",
        "def f(m):\n    m.compile('sgd', loss='mse')\n    m.{name} = 'x'\n",
    ],
)
def test_names_that_are_read_only(code: str) -> None:
    code = ROOT + code
    check(code.format(name="name"), code.format(name="_name"), to="tf_keras", codes=["KM402"])
    check(
        code.format(name="name").replace("tf_keras", "tensorflow.keras"),
        code.format(name="_name").replace("tf_keras", "tensorflow.keras"),
        to="tf.keras",
        api=2,
        codes=["KM402"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "m = other()\nm.name = 'x'\n",
        "def f(m):\n    m.name = 'x'\n",
        "m = Model(a, b)\nx = m.name\nm.named = 'x'\nm.x.name = 'y'\n",
        "m = Model(a, b)\nm = other\nm.name = 'x'\n",
        "for layer in other.layers:\n    layer.name = 'x'\n",
        "class A(Layer):\n    def __init__(self):\n        super().__init__()\n"
        "        self.name = 'x'\n\n    @property\n    def name(self):\n        return 'y'\n",
        "class A:\n    def __init__(self):\n        self.name = 'x'\n",
    ],
)
def test_names_that_are_left(code: str) -> None:
    untouched(ROOT + code, to="tf_keras", codes=[])


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_names_can_be_assigned_in_keras_3(to: str) -> None:
    package = {"keras": "keras", "tf.keras": "tensorflow.keras"}[to]
    untouched(
        f"from {package}.models import Model\n\nm = Model(a, b)\nm.name = 'x'\n", to=to, codes=[]
    )
