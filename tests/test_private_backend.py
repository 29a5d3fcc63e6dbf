"""Private functions of the TensorFlow backend of old Kerases, which the file defines: KM261."""

from __future__ import annotations

from string import Template
from typing import Any

import numpy as np
import pytest
from migrating import check, untouched
from originals import run_original
from targets import TARGETS, each_target

from kerasmigrate.inventory import load
from kerasmigrate.transforms._old_functions import BACKEND, PAIRS, OldFunction

ROOTS = {"keras": "keras", "tf.keras": "tensorflow.keras", "tf_keras": "tf_keras"}
PADDING = '''def preprocess_padding(padding):
    """Return a padding as TensorFlow spells it."""
    if padding not in ('same', 'valid'):
        raise ValueError(f'padding must be same or valid, not {padding}')
    return padding.upper()
'''
FIRST = '''def preprocess_conv2d_input(x, data_format):
    """Return images with the channels last, and in float32 where it is in float64."""
    import tensorflow as tf

    x = tf.cast(x, 'float32') if x.dtype == 'float64' else x
    return tf.transpose(x, (0, 2, 3, 1)) if data_format in ('th', 'channels_first') else x
'''
PAIR = '''def preprocess_conv2d_input(x, data_format, force_transpose=False):
    """Return the input of a convolution with the channels last, and that order for TensorFlow."""
    import tensorflow as tf

    return tf.transpose(x, (0, 2, 3, 1)) if data_format == 'channels_first' else x, 'NHWC'
'''
TENSOR = '''def to_tensor(x, dtype):
    """Return a value as a tensor of a type."""
    import tensorflow as tf

    return tf.cast(x, dtype) if tf.is_tensor(x) else tf.convert_to_tensor(x, dtype=dtype)
'''


@each_target
def test_functions_of_keras_1(to: str) -> None:
    found = check(
        "from keras.layers import Dense\n"
        "from keras.backend.tensorflow_backend import _preprocess_border_mode\n"
        "from keras.backend.tensorflow_backend import _preprocess_conv2d_input\n\n"
        "layer = Dense(3)\nx = _preprocess_conv2d_input(x, dim_ordering='th')\n"
        "padding = _preprocess_border_mode(border_mode='same')\n",
        f"from {ROOTS[to]}.layers import Dense\n\n\n{PADDING}\n\n{FIRST}\n\n"
        "layer = Dense(3)\nx = preprocess_conv2d_input(x, data_format='th')\n"
        "padding = preprocess_padding(padding='same')\n",
        to=to,
    )
    assert [each.code for each in found if each.code != "KM101"] == ["KM261", "KM261"]


@each_target
def test_functions_of_keras_2(to: str) -> None:
    check(
        "from keras import backend as K\nfrom keras.layers import Dense\n"
        "from keras.backend import tensorflow_backend as KTF\n\n\n"
        "def forward(x, y):\n    x, layout = KTF._preprocess_conv2d_input(x, 'channels_first')\n"
        "    y = K.tensorflow_backend._to_tensor(y, dtype='float32')\n    return Dense(3)(x), y\n",
        f"from {ROOTS[to]}.layers import Dense\n\n\n{TENSOR}\n\n{PAIR}\n\n"
        "def forward(x, y):\n    x, layout = preprocess_conv2d_input(x, 'channels_first')\n"
        "    y = to_tensor(y, dtype='float32')\n    return Dense(3)(x), y\n",
        to=to,
    )


@pytest.mark.parametrize(
    "code",
    [
        "from keras.backend.tensorflow_backend import _preprocess_conv2d_input\n\n"
        "x = _preprocess_conv2d_input(x, f)\n",
        "from keras.backend.tensorflow_backend import _preprocess_conv2d_input\n\n"
        "x = y = _preprocess_conv2d_input(x, f)[0]\n",
        "from keras.backend.theano_backend import _preprocess_conv2d_input\n\n"
        "x = _preprocess_conv2d_input(x, f)\n",
        "from keras.backend.tensorflow_backend import _had_this_once\n\n_had_this_once()\n",
        "def f():\n    from keras.backend.tensorflow_backend import _to_tensor\n"
        "    return _to_tensor(x, f)\n",
    ],
)
@each_target
def test_what_is_not_known_well_enough_is_reported(code: str, to: str) -> None:
    untouched(code, to=to, codes=["KM103"])


@each_target
def test_functions_of_ones_own(to: str) -> None:
    untouched(
        "from mine.tensorflow_backend import _to_tensor, _preprocess_padding\n"
        f"import {ROOTS[to]}\n\n_to_tensor(1, 'int32'), _preprocess_padding('same')\n",
        to=to,
        codes=[],
    )


def test_what_the_functions_use_is_in_each_target() -> None:
    for old in (*BACKEND.values(), *PAIRS.values()):
        for name in TARGETS:
            known = load({"keras": "keras-3", "tf.keras": "tf.keras-3"}.get(name, "tf_keras-2"))
            assert all(path in known for path in old.definition.uses.values())


def _made(old: OldFunction, floatx: str) -> Any:
    world: dict[str, Any] = {"floatx": lambda: floatx}
    uses = {each: each for each in old.definition.uses}
    exec(Template(old.definition.source).substitute(uses, name="made"), world)
    return world["made"]


SHAPES = {"conv2d": (2, 3, 4, 5), "conv3d": (2, 3, 4, 5, 6), "_to_tensor": (2,)}
ORIGINAL = """
from keras import backend as K
from keras.backend import tensorflow_backend as KTF

K.set_floatx(floatx)
found = getattr(KTF, name)(tf_value(K, x), format)
results["value"] = K.eval(found[0] if isinstance(found, tuple) else found)
results["layout"] = found[1] if isinstance(found, tuple) else None
"""
VALUE = "\n\ndef tf_value(K, x):\n    return K.variable(x, dtype=str(x.dtype))\n\n"


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("floatx", ["float32", "float64"])
@pytest.mark.parametrize("name", [each.rpartition(".")[2] for each in BACKEND])
def test_they_do_what_those_of_keras_1_did(name: str, floatx: str) -> None:
    made = _made(BACKEND[f"keras.backend.{name}"], floatx)
    if name in ("_preprocess_border_mode", "_preprocess_padding"):
        version = "1.2.2" if name == "_preprocess_border_mode" else "2.0.9"
        code = f"from keras.backend import tensorflow_backend as K\nresults['x'] = [K.{name}(each)"
        code += " for each in ('same', 'valid')]\n"
        assert run_original(version, code)["x"] == [made("same"), made("valid")]
        with pytest.raises(ValueError, match="padding must be same or valid, not full"):
            made("full")
        return
    shape = next(SHAPES[each] for each in SHAPES if each in name)
    x = np.random.default_rng(0).random(shape).astype(floatx)
    for given in ("int32",) if name == "_to_tensor" else ("tf", "th"):
        old = run_original("1.2.2", VALUE + ORIGINAL, x=x, name=name, format=given, floatx=floatx)[
            "value"
        ]
        import tensorflow as tf

        new = made(tf.constant(x), given).numpy()
        assert (new.dtype, new.tolist()) == (old.dtype, old.tolist())


@pytest.mark.pypi
@pytest.mark.tensorflow
@pytest.mark.parametrize("version", ["2.0.9", "2.2.4", "2.3.1"])
@pytest.mark.parametrize("path", PAIRS)
def test_they_give_the_layout_that_those_of_keras_2_gave(path: str, version: str) -> None:
    import tensorflow as tf

    name = path.rpartition(".")[2]
    shape = next(SHAPES[each] for each in SHAPES if each in name)
    x = np.random.default_rng(0).random(shape).astype("float32")
    for given in ("channels_last", "channels_first"):
        old = run_original(
            version, VALUE + ORIGINAL, x=x, name=name, format=given, floatx="float32"
        )
        new, layout = _made(PAIRS[path], "float32")(tf.constant(x), given)
        assert (new.numpy().tolist(), layout) == (old["value"].tolist(), old["layout"])
