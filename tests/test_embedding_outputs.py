"""KM348: classes that derive from Embedding and return several tensors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from migrating import check, untouched

from kerasmigrate.pipeline import Pipeline

CLASS = (
    "import {root} as keras\n\n\nclass Both(keras.layers.Embedding):\n"
    "    def call(self, inputs, training=None):\n"
    "        return [super().call(inputs), self.embeddings + 0]\n"
)
SHAPE = (
    "\n    def compute_output_shape(self, input_shape):\n"
    "        one = super().compute_output_shape(input_shape)\n"
    "        return [one, (self.input_dim, self.output_dim)]\n"
    "\n    def compute_mask(self, inputs, mask=None):\n"
    "        return [super().compute_mask(inputs, mask), None]\n"
)
ADDED = (
    "\n    def compute_output_spec(self, *args, **kwargs):\n"
    "        return keras.layers.Layer.compute_output_spec(self, *args, **kwargs)\n"
)


def test_without_shapes() -> None:
    (found,) = untouched("import keras\n" + CLASS.partition("\n")[2], to="keras", codes=["KM348"])
    assert not found.fixed


def test_several_tensors() -> None:
    code = "import keras\n" + CLASS.partition("\n")[2] + SHAPE
    check(code, code + ADDED, to="keras", codes=["KM348"])
    check(code + "\n\nx = 1\n", code + ADDED + "\n\nx = 1\n", to="keras", codes=["KM348"])


def test_tabs_stay() -> None:
    code = (
        "from keras.layers import Embedding\n\n\nclass Both(Embedding):\n"
        "\tdef call(self, inputs, training=None):\n\t\treturn inputs, self.embeddings\n\n"
        "\tdef compute_output_shape(self, shape):\n\t\treturn shape, shape\n"
    )
    after = code.replace("import Embedding", "import Embedding, Layer") + (
        "\n\tdef compute_output_spec(self, *args, **kwargs):\n"
        "\t\treturn Layer.compute_output_spec(self, *args, **kwargs)\n"
    )
    check(code, after, to="keras", codes=["KM101", "KM348"])


@pytest.mark.parametrize(
    "code",
    [
        CLASS.replace("[super().call(inputs), self.embeddings + 0]", "super().call(inputs)"),
        CLASS.replace("[super().call(inputs), self.embeddings + 0]", "[super().call(inputs)]"),
        CLASS.replace("layers.Embedding", "layers.Dense").replace("self.embeddings", "self.bias"),
        CLASS.replace("return [", "if inputs:\n            return inputs\n        return ["),
        CLASS + ADDED,
        CLASS.replace("def call", "def other"),
    ],
)
def test_what_stays(code: str) -> None:
    untouched(code.format(root="keras").replace("keras as keras", "keras"), to="keras", codes=[])


def test_keras_2_asks_the_class() -> None:
    untouched(CLASS.format(root="tf_keras") + SHAPE, to="tf_keras", codes=[])


RUN = """
import json, os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
found = []
for code in json.load(sys.stdin):
    names = {}
    exec(code, names)
    try:
        x = keras.Input((4,))
        y, w = names["Both"](10, 3, mask_zero=True)(x)
        found.append([list(each.shape) for each in keras.Model(x, [y, w])(np.ones((2, 4)))])
    except (ValueError, NotImplementedError) as error:
        found.append(type(error).__name__)
print(json.dumps(found))
"""


@pytest.mark.tensorflow
def test_in_keras_3() -> None:
    bare = CLASS.format(root="keras")
    codes = [bare, bare + SHAPE]
    codes.append(Pipeline.to("keras").run(codes[1]).text)
    done = subprocess.run(
        (sys.executable, "-c", RUN), input=json.dumps(codes), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    wanted = ["NotImplementedError", "ValueError", [[2, 4, 3], [10, 3]]]
    assert json.loads(done.stdout.splitlines()[-1]) == wanted
