"""KM346: weights that are properties of the layers of Keras 3."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline
from transforms.kernel_properties import PROPERTIES

HEAD = {
    "keras": "from keras import layers\n\n\n",
    "tf.keras": "from tensorflow.keras import layers\n\n\n",
    "tf_keras": "from tf_keras import layers\n\n\n",
}
CLASS = (
    "class Own(layers.{base}):\n"
    "    def build(self, input_shape):\n"
    "        self.{name} = self.add_weight(shape=(3, 4), initializer='ones')\n"
    "        self.bias = None\n"
    "        self.factor = self.{name}\n"
    "        self.built = True\n\n"
    "    def call(self, inputs, training=None):\n"
    "        return inputs @ self.{name}\n"
)


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
@pytest.mark.parametrize(
    ("name", "base"), [(name, base) for name, bases in PROPERTIES.items() for base in bases]
)
def test_weights_that_a_method_sets(name: str, base: str, to: str) -> None:
    before = HEAD[to] + CLASS.format(base=base, name=name)
    after = before.replace(f"self.{name} = self", f"self._{name} = self")
    after = after.replace(f"factor = self.{name}", f"factor = self._{name}")
    check(before, after, to=to, codes=["KM346"])


@pytest.mark.parametrize(
    "line", ["self.kernel += 1", "self.kernel, self.other = weights", "self.kernel: object = 1"]
)
def test_other_assignments(line: str) -> None:
    code = f"class Own(layers.Dense):\n    def change(self, weights):\n        {line}\n"
    check(
        HEAD["keras"] + code,
        HEAD["keras"] + code.replace("kernel", "_kernel"),
        to="keras",
        codes=["KM346"],
    )


def test_an_old_home() -> None:
    code = (
        "from {} import {}\n\n\nclass Own(Convolution2D):\n"
        "    def build(self, input_shape):\n        self.{} = 1\n"
    )
    before = code.format("keras.layers.convolutional", "Convolution2D", "kernel")
    check(
        before,
        code.format("keras.layers", "Conv2D", "_kernel").replace("(Convolution2D", "(Conv2D"),
        to="keras",
    )


def test_a_class_between() -> None:
    code = (
        "class Mine(layers.Conv2D):\n    pass\n\n\n"
        "class Own(Mine):\n    def build(self, shape):\n        self.kernel = make(shape)\n"
    )
    after = code.replace("self.kernel", "self._kernel")
    check(HEAD["keras"] + code, HEAD["keras"] + after, to="keras")


@pytest.mark.parametrize(
    "code",
    [
        # It only reads.
        "class Own(layers.Dense):\n    def call(self, x, training=None):\n"
        "        return x @ self.kernel\n",
        "class Own(layers.Layer):\n    def build(self, shape):\n        self.kernel = make()\n",
        "class Own(layers.Embedding):\n    def build(self, shape):\n        self.kernel = 1\n",
        "class Own(layers.DepthwiseConv2D):\n    def build(self, x):\n        self.kernel = 1\n",
        "class Own(layers.Dense):\n    @property\n    def kernel(self):\n        return 1\n\n"
        "    @kernel.setter\n    def kernel(self, value):\n        pass\n\n"
        "    def change(self):\n        self.kernel = 2\n",
        "class Own(layers.Dense):\n    def change(self, other):\n        other.kernel = 1\n",
        "class Own:\n    def build(self, shape):\n        self.kernel = make(shape)\n",
    ],
)
def test_what_stays(code: str) -> None:
    found = Pipeline.to("keras").run(HEAD["keras"] + code)
    assert "KM346" not in [each.code for each in found.findings]
    assert "._kernel" not in found.text


def test_keras_2_has_attributes() -> None:
    code = HEAD["tf_keras"] + CLASS.format(base="Dense", name="kernel")
    untouched(code, to="tf_keras", codes=[])


RUN = """
import json, sys, os, inspect
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
before, after = json.load(sys.stdin)

def outcome(code):
    names = {}
    exec(code, names)
    try:
        return keras.ops.convert_to_numpy(names["Own"](4)(np.ones((2, 3), "float32"))).tolist()
    except AttributeError as error:
        return str(error)

layers = [each for each in vars(keras.layers).items() if isinstance(each[1], type)]
found = {}
for name in ("kernel", "bias", "embeddings", "gamma", "beta", "depthwise_kernel",
             "pointwise_kernel", "recurrent_kernel"):
    for layer, kind in layers:
        kept = inspect.getattr_static(kind, name, None)
        if isinstance(kept, property) and kept.fset is None:
            found.setdefault(name, []).append(layer)
print(json.dumps([outcome(before), outcome(after), found]))
"""


@pytest.mark.tensorflow
def test_in_keras_3() -> None:
    before = HEAD["keras"] + CLASS.format(base="Dense", name="kernel")
    after = Pipeline.to("keras").run(before).text
    done = subprocess.run(
        (sys.executable, "-c", RUN),
        input=json.dumps([before, after]),
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    old, new, properties = json.loads(done.stdout.splitlines()[-1])
    assert old == "property 'kernel' of 'Own' object has no setter"
    assert new == [[3.0] * 4] * 2
    aliases = {"Convolution1D", "Convolution2D", "Convolution3D", "ReversibleEmbedding"}
    assert {name: set(found) - aliases for name, found in properties.items()} == {
        name: set(found) for name, found in PROPERTIES.items()
    }
