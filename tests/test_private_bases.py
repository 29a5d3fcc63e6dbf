"""KM325: private bases of layers, in questions of what a layer is."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original

from kerasmigrate.inventory import load
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.transforms.private_bases import _CLASSES

CONV = (
    "(Conv1D, Conv2D, Conv3D, Conv2DTranspose, Conv3DTranspose, DepthwiseConv2D,"
    " SeparableConv1D, SeparableConv2D)"
)


def test_a_convolution() -> None:
    names = CONV.strip("()").replace("Conv2D, ", "", 1)
    check(
        "from keras.layers import Conv2D\nfrom keras.layers.convolutional import _Conv\n\n\n"
        "def f(layer):\n    return isinstance(layer, _Conv), Conv2D\n",
        f"from keras.layers import Conv2D\nfrom keras.layers import {names}\n\n\n"
        f"def f(layer):\n    return isinstance(layer, {CONV}), Conv2D\n",
        to="keras",
        codes=["KM101", "KM325"],
    )


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_one_of_several(to: str) -> None:
    check(
        "from keras.layers import Dense\nfrom keras.layers.pooling import _Pooling1D\n\n"
        "if isinstance(x, (Dense, _Pooling1D)):\n    pass\n",
        f"from {to}.layers import Dense, MaxPooling1D, AveragePooling1D\n\n"
        "if isinstance(x, (Dense, (MaxPooling1D, AveragePooling1D))):\n    pass\n",
        to=to,
    )


def test_by_its_full_name() -> None:
    check(
        "import keras\n\nissubclass(x, keras.layers.convolutional._Cropping)\n",
        "import keras\n\nissubclass(x, (keras.layers.Cropping1D, keras.layers.Cropping2D,"
        " keras.layers.Cropping3D))\n",
        to="keras",
        codes=["KM325"],
    )


@pytest.mark.parametrize(
    "code",
    [
        "from keras.layers.convolutional import _Conv\n\nprint(_Conv)\n",
        "from keras.layers.convolutional import _Conv\n\nisinstance(_Conv, type)\n",
        "from keras.layers.convolutional import _Conv\n\n\n"
        "def isinstance(a, b):\n    pass\n\n\nisinstance(x, _Conv)\n",
    ],
)
def test_other_references_are_reported(code: str) -> None:
    found = untouched(code, to="keras")
    assert "KM103" in [each.code for each in found]
    assert "KM325" not in [each.code for each in found]


def test_a_class_of_ones_own_stays() -> None:
    code = "import keras\n\n\nclass _Conv:\n    pass\n\n\nisinstance(x, _Conv)\n"
    untouched(code, to="keras", codes=[])


@pytest.mark.parametrize("target", ["keras-3", "tf_keras-2", "tf.keras-3"])
def test_the_classes_are_there(target: str) -> None:
    known = load(target)
    assert all(f"keras.layers.{name}" in known for names in _CLASSES.values() for name in names)


OLD = """
import inspect
import keras.layers
from keras.layers import convolutional, pooling

for module in (convolutional, pooling):
    for name, base in vars(module).items():
        if inspect.isclass(base) and name.startswith("_"):
            results[name] = sorted(
                {
                    each.__name__
                    for each in vars(keras.layers).values()
                    if inspect.isclass(each) and issubclass(each, base)
                    and not each.__name__.startswith("_")
                }
            )
"""


@pytest.mark.pypi
@pytest.mark.tensorflow
def test_they_are_the_classes_of_keras_2() -> None:
    found = run_original("2.3.1", OLD)
    assert found == {name: sorted(names) for name, names in _CLASSES.items()}
    for name, classes in run_original("2.0.9", OLD).items():
        assert set(classes) <= set(_CLASSES[name])


MERGE = (
    "{}\n\n\nclass Mean({}):\n    def _merge_function(self, inputs):\n"
    "        return 0.5 * (inputs[0] + inputs[1])\n"
)


@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_a_layer_that_merges(to: str) -> None:
    found = check(
        MERGE.format("from keras.layers.merge import _Merge", "_Merge"),
        MERGE.format(f"from {to}.layers import Add", "Add"),
        to=to,
    )
    assert [each.code for each in found if not each.fixed] == []
    assert "KM325" in [each.code for each in found]


def test_a_layer_that_merges_by_its_full_name() -> None:
    check(
        MERGE.format("import keras", "keras.layers.merge._Merge"),
        MERGE.format("import keras", "keras.layers.Add"),
        to="keras",
        codes=["KM325"],
    )


@pytest.mark.parametrize(
    "code",
    [
        MERGE.replace("_merge_function", "call").format(
            "from keras.layers.merge import _Merge", "_Merge"
        ),
        MERGE.format("from keras.layers.merge import _Merge", "_Merge, Mine"),
        MERGE.format("from keras.layers.merge import _Merge", "_Merge, metaclass=Mine"),
        MERGE.format("from keras.layers.convolutional import _Conv", "_Conv"),
    ],
)
def test_other_heirs_of_a_private_base_are_reported(code: str) -> None:
    assert "KM325" not in [each.code for each in untouched(code, to="keras")]


@pytest.mark.parametrize(
    "code",
    [
        MERGE.format("from mine import _Merge", "_Merge"),
        MERGE.format("from keras.layers import Add", "Add"),
        MERGE.format("from keras.layers import Layer", "Layer"),
    ],
)
def test_other_layers_that_merge_stay(code: str) -> None:
    untouched(code, to="keras", codes=None)


MERGED = (
    MERGE.format("from keras.layers.merge import _Merge", "_Merge")
    + """
from keras.layers import Input
from keras.models import Model

inputs = [Input((3,)), Input((3,))]
model = Model(inputs, Mean()(inputs))
"""
)


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("to", ["keras", "tf_keras"])
def test_it_computes_the_same(to: str) -> None:
    first = np.arange(6, dtype="float32").reshape(2, 3)
    use = "results['out'] = model.predict([first, 3 * first])\n"
    old = run_original("2.2.4", MERGED + use, first=first)["out"]
    code = "import numpy as np\n" + Pipeline.to(to).run(MERGED).text
    code += "first = np.arange(6, dtype='float32').reshape(2, 3)\n"
    code += "print(model.predict([first, 3 * first], verbose=0).tolist())\n"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True)
    assert done.stdout.strip() == str(old.tolist()), done.stderr
