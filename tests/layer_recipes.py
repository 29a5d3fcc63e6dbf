"""One layer of each kind, as each Keras spells it, and the attributes that such a layer has."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

from originals import run_original

#: Name in Keras 1, a call of Keras 1, the same for Keras 2 and 3 (None: as in Keras 1; empty: there
#: is no such layer), and the shape of one sample.
RECIPES: tuple[tuple[str, str, str | None, tuple[int, ...]], ...] = (
    ("Dense", "Dense(4)", None, (3,)),
    ("Dropout", "Dropout(0.5)", None, (3,)),
    ("SpatialDropout1D", "SpatialDropout1D(0.5)", None, (4, 3)),
    ("SpatialDropout2D", "SpatialDropout2D(0.5)", None, (4, 4, 3)),
    ("SpatialDropout3D", "SpatialDropout3D(0.5)", None, (4, 4, 4, 3)),
    ("GaussianDropout", "GaussianDropout(0.5)", None, (3,)),
    ("GaussianNoise", "GaussianNoise(0.5)", None, (3,)),
    ("Embedding", "Embedding(5, 4)", None, (3,)),
    ("PReLU", "PReLU()", None, (3,)),
    ("LeakyReLU", "LeakyReLU(0.25)", None, (3,)),
    ("BatchNormalization", "BatchNormalization()", None, (3,)),
    ("Convolution1D", "Convolution1D(2, 3)", "Conv1D(2, 3)", (5, 3)),
    ("Convolution2D", "Convolution2D(2, 3, 3)", "Conv2D(2, (3, 3))", (5, 5, 3)),
    ("Convolution3D", "Convolution3D(2, 3, 3, 3)", "Conv3D(2, (3, 3, 3))", (5, 5, 5, 3)),
    ("AtrousConvolution2D", "AtrousConvolution2D(2, 3, 3)", "Conv2D(2, (3, 3))", (5, 5, 3)),
    (
        "SeparableConvolution2D",
        "SeparableConvolution2D(2, 3, 3)",
        "SeparableConv2D(2, (3, 3))",
        (5, 5, 3),
    ),
    (
        "Deconvolution2D",
        "Deconvolution2D(2, 3, 3, (None, 7, 7, 2))",
        "Conv2DTranspose(2, (3, 3))",
        (5, 5, 3),
    ),
    ("MaxPooling1D", "MaxPooling1D(2)", None, (4, 3)),
    ("AveragePooling1D", "AveragePooling1D(2)", None, (4, 3)),
    ("MaxPooling2D", "MaxPooling2D((2, 2))", None, (4, 4, 3)),
    ("AveragePooling2D", "AveragePooling2D((2, 2))", None, (4, 4, 3)),
    ("MaxPooling3D", "MaxPooling3D((2, 2, 2))", None, (4, 4, 4, 3)),
    ("AveragePooling3D", "AveragePooling3D((2, 2, 2))", None, (4, 4, 4, 3)),
    ("GlobalMaxPooling2D", "GlobalMaxPooling2D()", None, (4, 4, 3)),
    ("GlobalAveragePooling2D", "GlobalAveragePooling2D()", None, (4, 4, 3)),
    ("UpSampling1D", "UpSampling1D(2)", None, (4, 3)),
    ("UpSampling2D", "UpSampling2D((2, 2))", None, (4, 4, 3)),
    ("UpSampling3D", "UpSampling3D((2, 2, 2))", None, (4, 4, 4, 3)),
    ("ZeroPadding1D", "ZeroPadding1D(1)", None, (4, 3)),
    ("ZeroPadding2D", "ZeroPadding2D((1, 2))", None, (4, 4, 3)),
    ("ZeroPadding3D", "ZeroPadding3D((1, 1, 1))", None, (4, 4, 4, 3)),
    ("Cropping2D", "Cropping2D(((1, 1), (1, 1)))", None, (4, 4, 3)),
    ("Cropping3D", "Cropping3D(((1, 1), (1, 1), (1, 1)))", None, (4, 4, 4, 3)),
    ("SimpleRNN", "SimpleRNN(4)", None, (5, 3)),
    ("LSTM", "LSTM(4)", None, (5, 3)),
    ("GRU", "GRU(4)", None, (5, 3)),
    ("ConvLSTM2D", "ConvLSTM2D(2, 3, 3)", "ConvLSTM2D(2, (3, 3))", (5, 4, 4, 3)),
)

#: Builds each, and tells its attributes: plain values as they are, the others by what they are.
_LOOK = """
def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    shape = getattr(value, 'shape', None)
    if shape is not None:
        return 'tensor of shape ' + str(tuple(getattr(n, 'value', n) for n in shape))
    return 'a ' + type(value).__name__

def look(layer, known):
    found = {}
    for name in dir(layer):
        if name.startswith('__') or name in known:
            continue
        try:
            found[name] = plain(getattr(layer, name))
        except Exception:
            pass
    return found

def every(recipes, keras_1, layers, expressions):
    space = vars(layers)
    known = set(dir(space['Layer']))
    found = {}
    for name, old, new, shape in recipes:
        code = old if keras_1 or new is None else new
        try:
            layer = eval(code, dict(space))
            layer(space['Input'](shape))
        except NameError:
            continue  # there is none
        found[name] = look(layer, known)
        for text in expressions.get(name, ()):
            try:
                found[name][text] = plain(eval('layer.' + text))
            except AttributeError:
                pass
    return found
"""


@cache
def of_original(version: str) -> dict[str, dict[str, Any]]:
    """Return the attributes of every layer on an old Keras, those of any layer left out."""
    code = (
        f"{_LOOK}\nfrom keras import layers\n"
        f"results['found'] = every({RECIPES!r}, {version.startswith('1.')}, layers, {{}})\n"
    )
    found: dict[str, dict[str, Any]] = run_original(version, code)["found"]
    return found


def of_target(package: str, expressions: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Return the attributes of every layer of ``keras`` or ``tf_keras``, and some expressions."""
    code = (
        f"{_LOOK}\nimport json\nfrom {package} import layers\n"
        f"print(json.dumps(every({RECIPES!r}, False, layers, {expressions!r})))\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", code), stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found
