"""Names that a target no longer has: private places, functions and layers that the file defines."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pytest
from migrating import check, untouched
from targets import ROOT, TARGETS, each_target

from kerasmigrate.inventory import load
from kerasmigrate.inventory.homes import home
from kerasmigrate.pipeline import Pipeline
from kerasmigrate.project import Project
from kerasmigrate.transforms._old_functions import OLD_FUNCTIONS
from kerasmigrate.transforms._old_layers import LAYERS_2, LAYERS_3

INVENTORY = {"keras": "keras-3", "tf.keras": "tf.keras-3", "tf_keras": "tf_keras-2"}

# -- private places --------------------------------------------------------------------------


def test_the_old_preprocessing_comes_from_where_keras_3_keeps_it() -> None:
    (_, finding) = check(
        "from keras.preprocessing.image import ImageDataGenerator, load_img\n\n"
        "flow = ImageDataGenerator(rescale=0.5).flow(x, y)\n",
        "from keras.src.legacy.preprocessing.image import ImageDataGenerator\n"
        "from keras.preprocessing.image import load_img\n\n"
        "flow = ImageDataGenerator(rescale=0.5).flow(x, y)\n",
        to="keras",
        codes=["KM101", "KM260"],
    )
    assert finding.message == (
        "keras.src.legacy.preprocessing.image.ImageDataGenerator is a private place:"
        " it may move with a release"
    )
    assert finding.advice == (
        "for new code: data = keras.utils.image_dataset_from_directory(folder),"
        " with layers such as keras.layers.RandomFlip and Rescaling in the model"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "import keras\n\nx = keras.preprocessing.text.Tokenizer(10)\n",
            "import keras\n\nx = keras.src.legacy.preprocessing.text.Tokenizer(10)\n",
        ),
        (
            "from keras.preprocessing import sequence\n\n"
            "x = sequence.skipgrams(sequence.pad_sequences(a)[0], 9)\n",
            "from keras.preprocessing import sequence\n"
            "from keras.src.legacy.preprocessing import sequence as keras_sequence\n\n"
            "x = keras_sequence.skipgrams(sequence.pad_sequences(a)[0], 9)\n",
        ),
        (
            "import keras.preprocessing.text as T\n\nx = T.one_hot('a b', 9)\n",
            "import keras.src.legacy.preprocessing.text as T\n\nx = T.one_hot('a b', 9)\n",
        ),
        (
            "from tensorflow.keras.preprocessing import text\n\nx = text.Tokenizer()\n",
            "from keras.src.legacy.preprocessing import text\n\nx = text.Tokenizer()\n",
        ),
        (
            "from keras._tf_keras.keras.preprocessing.text import Tokenizer\n\nTokenizer()\n",
            "from keras.src.legacy.preprocessing.text import Tokenizer\n\nTokenizer()\n",
        ),
        (
            "from keras_preprocessing import text\n"
            "from keras.preprocessing.text import Tokenizer as Words\n\nWords(text)\n",
            "from keras_preprocessing import text\n"
            "from keras.src.legacy.preprocessing.text import Tokenizer as Words\n\nWords(text)\n",
        ),
    ],
)
def test_ways_to_reach_a_private_place(before: str, after: str) -> None:
    assert Pipeline.to("keras").run(before).text == after
    assert Pipeline.to("keras").run(after).findings == ()


def test_helpers_of_keras_2_come_from_where_tf_keras_keeps_them() -> None:
    check(
        "from keras.utils import conv_utils, generic_utils\n"
        "from keras.utils.generic_utils import Progbar, has_arg\n\n"
        "x = conv_utils.normalize_tuple(3, 2, 'x'), has_arg(f, 'y'), Progbar(3)\n"
        "y = generic_utils.to_list(x)\n",
        "from tf_keras.src.utils import conv_utils, generic_utils\n"
        "from tf_keras.utils import Progbar\n"
        "from tf_keras.src.utils.generic_utils import has_arg\n\n"
        "x = conv_utils.normalize_tuple(3, 2, 'x'), has_arg(f, 'y'), Progbar(3)\n"
        "y = generic_utils.to_list(x)\n",
        to="tf_keras",
        codes=["KM101", "KM101", "KM260", "KM260", "KM260"],
    )


@pytest.mark.parametrize(
    ("code", "to"),
    [
        ("from tensorflow.keras.preprocessing.text import Tokenizer\n\nTokenizer()\n", "tf.keras"),
        ("from tf_keras.preprocessing.image import ImageDataGenerator as I\n\nI()\n", "tf_keras"),
        ("from tf_keras.src.utils.conv_utils import normalize_tuple as n\n\nn(3, 2)\n", "tf_keras"),
        ("import keras\n\nkeras.src.legacy.preprocessing.text.Tokenizer()\n", "keras"),
        ("from keras.preprocessing.image import load_img\n\nload_img('x')\n", "keras"),
        ("from keras.preprocessing import image\n\nimage.img_to_array(x)\n", "keras"),
        ("from mine.preprocessing.text import Tokenizer\n\nTokenizer()\n", "keras"),
        ("from transformers import Tokenizer\nimport keras\n\nTokenizer()\n", "keras"),
        (
            "from torch_utils import ImageDataGenerator\nimport keras\n\nImageDataGenerator()\n",
            "keras",
        ),
    ],
)
def test_no_word_where_it_is_right_already(code: str, to: str) -> None:
    untouched(code, to=to, codes=[])


def test_a_comment_keeps_the_import() -> None:
    untouched(
        "from keras.preprocessing.text import Tokenizer  # kerasmigrate: ignore\n\nTokenizer()\n",
        to="keras",
        codes=[],
    )


@pytest.mark.parametrize("name", ["keras-3", "tf_keras-2"])
def test_what_is_private_is_spelt_below_src_and_found_again(name: str) -> None:
    known = load(name)
    private = [path for path in known.paths() if known.is_private(path)]
    assert len(private) > 20
    for path in private:
        if known.kind(path) != "module":
            assert home(path, name).path == path
    assert not known.is_private("keras.layers.Dense")


# -- functions -------------------------------------------------------------------------------

CONV = '''

def conv_output_length(input_length, filter_size, padding, stride, dilation=1):
    """Return the length of a convolution's output."""
    if input_length is None:
        return None
    size = filter_size + (filter_size - 1) * (dilation - 1)
    change = {'same': 0, 'causal': 0, 'valid': 1 - size, 'full': size - 1}[padding]
    return (input_length + change + stride - 1) // stride


'''


@each_target
def test_a_function_is_defined_once_behind_the_imports(to: str) -> None:
    statement, _ = ROOT[to]
    check(
        "import keras\n\n"
        "x = keras.utils.np_utils.conv_output_length(8, 3, 'same', 2)\n"
        "y = keras.utils.np_utils.conv_output_length(8, 3, border_mode='same', stride=2)\n"
        "z = map(keras.utils.np_utils.conv_output_length, [keras.layers.Add()])\n",
        f"{statement}\n{CONV}"
        "x = conv_output_length(8, 3, 'same', 2)\n"
        "y = conv_output_length(8, 3, padding='same', stride=2)\n"
        "z = map(conv_output_length, [keras.layers.Add()])\n",
        to=to,
    )


@pytest.mark.parametrize("to", ["keras", "tf.keras"])
def test_keras_3_lacks_what_tf_keras_keeps(to: str) -> None:
    result = Pipeline.to(to).run(
        "from keras.utils.conv_utils import normalize_tuple\n\nx = normalize_tuple(3, 2, 'x')\n"
    )
    assert [finding.code for finding in result.findings] == ["KM261"]
    assert "def keras_normalize_tuple(value, n, name):" in result.text
    assert result.text.endswith("\n\n\nx = keras_normalize_tuple(3, 2, 'x')\n")


@each_target
def test_a_private_function_with_the_names_of_keras_1(to: str) -> None:
    result = Pipeline.to(to).run(
        "import keras\nfrom keras.applications.imagenet_utils import _obtain_input_shape\n\n"
        "x = _obtain_input_shape(None, default_size=9, min_size=3, dim_ordering='tf',\n"
        "                        include_top=True)\n"
    )
    assert result.text.endswith(
        "x = obtain_input_shape(None, default_size=9, min_size=3, data_format='tf',\n"
        "                        require_flatten=True)\n"
    )


@each_target
def test_a_decorator(to: str) -> None:
    result = Pipeline.to(to).run(
        "import keras\nfrom keras.utils.test_utils import keras_test\n\n\n"
        "@keras_test\ndef test_it():\n    pass\n"
    )
    assert "def clearing_state(test):" in result.text
    assert "        keras.backend.clear_session()\n" in result.text
    assert result.text.endswith("@clearing_state\ndef test_it():\n    pass\n")


@each_target
def test_a_test_of_layers(to: str) -> None:
    result = Pipeline.to(to).run(
        "import keras\nfrom keras.utils.test_utils import layer_test\n\n"
        "layer_test(keras.layers.Dense, kwargs={'units': 3}, input_shape=(2, 4))\n"
    )
    assert {finding.code for finding in result.findings} <= {"KM101", "KM261"}
    assert "def check_layer(\n" in result.text
    assert result.text.endswith(
        "check_layer(keras.layers.Dense, kwargs={'units': 3}, input_shape=(2, 4))\n"
    )


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    from keras.utils.np_utils import probas_to_classes\n"
        "    return probas_to_classes(x)\n",
        "try:\n    from keras.utils.np_utils import probas_to_classes\nexcept ImportError:\n"
        "    probas_to_classes = None\n\nprobas_to_classes(x)\n",
        "if fast:\n    from keras.utils.test_utils import layer_test\n\nlayer_test(x)\n",
    ],
)
def test_what_cannot_be_defined_is_reported(code: str) -> None:
    result = Pipeline.to("keras").run(code)
    assert result.text == code
    assert {finding.code for finding in result.findings} <= {"KM103", "KM107"}


def test_names_that_others_import_stay_with_a_finding() -> None:
    view = Project(Path("/nowhere")).view(Path("/nowhere/package/__init__.py"))
    untouched(
        "from keras.utils.np_utils import probas_to_classes\n",
        to="keras",
        codes=["KM103"],
        view=view,
    )


@pytest.mark.parametrize(
    "code",
    [
        "from mine import conv_output_length\nimport keras\n\nconv_output_length(1, 2, 'same')\n",
        "import keras\n\n\ndef conv_output_length():\n    pass\n\n\nconv_output_length()\n",
        "import keras\n\n\ndef f(conv_utils):\n    conv_utils.normalize_tuple(3, 2, 'x')\n",
        "import keras\n\n\nclass Highway:\n    pass\n\n\nHighway()\n",
        "from mine import Highway, MaxoutDense\nimport keras\n\nHighway(), MaxoutDense(3)\n",
    ],
)
@each_target
def test_functions_and_layers_of_ones_own(code: str, to: str) -> None:
    untouched(code.replace("import keras", ROOT[to][0]), to=to, codes=[])


def _made(path: str) -> Any:
    definition = OLD_FUNCTIONS[path].definition
    world: dict[str, Any] = {
        "default": lambda: "channels_last",
        "custom_objects": lambda: {"mine": 1},
        "clear_session": lambda: None,
    }
    uses = {each: each for each in definition.uses}
    exec(Template(definition.source).substitute(uses, name="made"), world)
    return world["made"]


@pytest.mark.parametrize(
    ("path", "arguments", "expected"),
    [
        ("conv_utils.conv_output_length", (10, 3, "valid", 2), 4),
        ("conv_utils.conv_output_length", (10, 3, "same", 3), 4),
        ("conv_utils.conv_output_length", (10, 3, "full", 1, 2), 14),
        ("conv_utils.conv_output_length", (None, 3, "full", 1), None),
        ("conv_utils.conv_input_length", (4, 3, "valid", 2), 9),
        ("conv_utils.deconv_length", (4, 2, 3, "valid"), 9),
        ("conv_utils.deconv_length", (4, 2, 3, "full"), 5),
        ("conv_utils.deconv_length", (4, 2, 3, "same", 1), 8),
        ("conv_utils.normalize_tuple", (3, 2, "x"), (3, 3)),
        ("conv_utils.normalize_tuple", ([3, 4], 2, "x"), (3, 4)),
        ("conv_utils.normalize_padding", ("SAME",), "same"),
        ("conv_utils.normalize_data_format", (None,), "channels_last"),
        ("np_utils.categorical_probas_to_classes", (np.array([[0.1, 0.9]]),), [1]),
        ("np_utils.probas_to_classes", (np.array([[0.6], [0.4]]),), [1, 0]),
        ("generic_utils.has_arg", (lambda x, **k: 0, "y"), False),
        ("generic_utils.has_arg", (lambda x, **k: 0, "y", True), True),
        ("generic_utils.to_list", ((1, 2), True), [1, 2]),
        ("generic_utils.slice_arrays", ([np.arange(5), None], 1, 3), [[1, 2], None]),
        ("generic_utils.get_from_module", ("mine", {}, "x"), 1),
        ("generic_utils.get_from_module", ({"name": "f", "x": 3}, {"f": dict}, "x"), {"x": 3}),
        ("conv_utils.convert_kernel", (np.arange(4).reshape(2, 2, 1, 1),), [3, 2, 1, 0]),
    ],
)
def test_a_function_gives_what_the_old_one_gave(
    path: str, arguments: tuple[Any, ...], expected: Any
) -> None:
    found = _made(f"keras.utils.{path}")(*arguments)
    if isinstance(found, np.ndarray):
        found = found.ravel().tolist()
    if isinstance(found, list):
        found = [each.tolist() if isinstance(each, np.ndarray) else each for each in found]
    assert found == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((None, 224, 48, "channels_last", True), (224, 224, 3)),
        ((None, 224, 48, "channels_first", True), (3, 224, 224)),
        ((None, 224, 48, "th", False), (3, None, None)),
        (((64, 64, 1), 224, 48, "channels_last", True), (64, 64, 1)),
        (((64, 64, 1), 224, 48, "channels_last", True, "imagenet"), None),
        (((64, 64, 1), 224, 48, "channels_last", False, "imagenet"), None),
        (((20, 64, 3), 224, 48, "channels_last", False), None),
        (((None, 64, 3), 224, 48, "channels_last", True), None),
        (((64, 64), 224, 48, "channels_last", False), None),
    ],
)
def test_input_shapes(arguments: tuple[Any, ...], expected: Any) -> None:
    made = _made("keras.applications.imagenet_utils._obtain_input_shape")
    if expected is None:
        with pytest.raises(ValueError):
            made(*arguments)
    else:
        assert made(*arguments) == expected


def test_dense_weights_are_reordered() -> None:
    class Dense:
        def __init__(self) -> None:
            self.weights = [np.arange(8).reshape(8, 1), np.zeros(1)]

        def get_weights(self) -> list[Any]:
            return self.weights

        def set_weights(self, weights: list[Any]) -> None:
            self.weights = weights

    dense = Dense()
    made = _made("keras.utils.layer_utils.convert_dense_weights_data_format")
    made(dense, (2, 1, 4), "channels_last")
    assert dense.weights[0].ravel().tolist() == [0, 2, 4, 6, 1, 3, 5, 7]
    made(dense, (4, 2, 1))
    assert dense.weights[0].ravel().tolist() == list(range(8))


def test_data_for_tests() -> None:
    made = _made("keras.utils.test_utils.get_test_data")
    (x, y), (more, _) = made(5, 2, (3,), num_classes=4)
    assert (x.shape, y.shape, more.shape, x.dtype) == ((5, 3), (5,), (2, 3), "float32")
    (x, y), _ = made(5, 2, (3,), (6,), classification=False)
    assert (x.shape, y.shape, y.dtype) == ((5, 3), (5, 6), "float32")


# -- layers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Highway()", "Keras1Highway()"),
        (
            "Highway(init='one', activation='relu', input_dim=9, transform_bias=-2)",
            "Keras1Highway(kernel_initializer='ones', activation='relu', input_shape=(9,))",
        ),
        (
            "Highway('glorot_normal', 'tanh')",
            "Keras1Highway(kernel_initializer='glorot_normal', activation='tanh')",
        ),
        ("MaxoutDense(64, 3, name='m')", "Keras1MaxoutDense(64, 3, name='m')"),
        (
            "MaxoutDense(64, nb_feature=3,\n    bias=False)",
            "Keras1MaxoutDense(64, pieces=3,\n    use_bias=False)",
        ),
        ("SReLU(t_left_init='zero')", "Keras1SReLU(t_left_initializer='zeros')"),
        ("ParametricSoftplus(0.3)", "Keras1ParametricSoftplus(0.3)"),
    ],
)
def test_calls_of_layers(to: str, before: str, after: str) -> None:
    name = before.partition("(")[0]
    code = f"import keras\nfrom keras.layers import {name}\n\nx = {before}\n"
    pipeline = Pipeline.to(to)
    result = pipeline.run(code)
    assert result.text.endswith(f"\n\n\nx = {after}\n")
    assert result.text.count(f"class Keras1{name}(keras.layers.Layer):") == 1
    assert "KM262" in [finding.code for finding in result.findings]
    again = pipeline.run(result.text)
    assert again.text == result.text
    assert again.findings == ()


@pytest.mark.parametrize(
    "code",
    [
        "x = Highway(weights=[w])\n",
        "x = Highway(init=mine)\n",
        "x = Highway(**options)\n",
        "x = Highway\n",
        "class Mine(Highway):\n    pass\n",
    ],
)
def test_layers_that_stay(code: str) -> None:
    (finding,) = untouched(
        f"from keras.layers import Highway\n\n{code}", to="keras", codes=["KM103"]
    )
    assert finding.message == "keras.layers.Highway does not exist in keras (Keras 3)"


def test_every_layer_is_defined_for_both_interfaces() -> None:
    assert LAYERS_2.keys() == LAYERS_3.keys()
    for layers, name in ((LAYERS_2, "tf_keras-2"), (LAYERS_3, "keras-3"), (LAYERS_3, "tf.keras-3")):
        for layer in layers.values():
            assert all(path in load(name) for path in layer.definition.uses.values())
    for old in OLD_FUNCTIONS.values():
        for name in INVENTORY.values():
            assert all(path in load(name) for path in old.definition.uses.values())
