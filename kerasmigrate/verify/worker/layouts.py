"""Weights of old layers in the order and the shapes that Keras 2 and 3 have them in.

Each row of ``CONVERSIONS`` was read off the ``build`` methods of Keras 1.2.2 and 2.0.9; the tests
carry the weights over and compare what the layers compute. From Keras 2.0 on nothing has changed,
but for the bias of a GRU, which has two rows since it resets after the multiplication.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable

#: Names of Keras 1 for layers that go by another one since. ``Merge`` depends on its mode.
KINDS: dict[str, str] = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "ThresholdedReLU": "ReLU",
    "TimeDistributedDense": "TimeDistributed",
}
#: What the names of classes begin with that a migration has written into the file.
WRITTEN = ("Keras1", "Keras2")
MERGES: dict[str, str] = {
    "ave": "Average",
    "concat": "Concatenate",
    "cos": "Dot",
    "dot": "Dot",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}

Arrays = list[Any]


def kind_of(layer: Any) -> str:
    """Return the name of a layer's class, as Keras 2 and 3 call it."""
    name = type(layer).__name__
    if name == "Merge":
        mode = getattr(layer, "mode", "")
        return MERGES.get(mode, name) if isinstance(mode, str) else name
    if name.startswith(WRITTEN):
        return name[len(WRITTEN[0]) :]
    return KINDS.get(name, name)


def modern(layer: Any, arrays: Arrays, major: int) -> Arrays:
    """Return a layer's weights in the layout of Keras 2 and 3.

    Args:
        layer: A layer of any version.
        arrays: What its ``get_weights`` returned, or as many arrays for the same places.
        major: The major version of its Keras.
    """
    if type(layer).__name__ == "Highway" and len(arrays) == 4:
        kernel, gate_kernel, bias, gate_bias = arrays
        return [kernel, bias, gate_kernel, gate_bias]  # that of a Dense, and of another one
    if major >= 2 or not arrays:
        return list(arrays)
    kind = kind_of(layer)
    if kind == "Bidirectional":
        half = len(arrays) // 2
        return [
            *modern(layer.forward_layer, arrays[:half], major),
            *modern(layer.backward_layer, arrays[half:], major),
        ]
    if kind == "TimeDistributed" and hasattr(layer, "layer"):
        return modern(layer.layer, arrays, major)
    convert = CONVERSIONS.get(kind)
    return convert(layer, arrays) if convert is not None else list(arrays)


def _gates(order: str, stored: str) -> Callable[[Any, Arrays], Arrays]:
    """Join kernels, recurrent kernels and biases, which Keras 1 keeps gate by gate.

    Args:
        order: The gates as they are joined today, a letter for each.
        stored: The gates in the order of the old list.
    """

    def join(layer: Any, arrays: Arrays) -> Arrays:
        np = importlib.import_module("numpy")
        if len(arrays) != 3 * len(stored):  # consume_less="gpu" joins them, in the order of today
            return list(arrays)
        by_gate = {gate: arrays[3 * i : 3 * i + 3] for i, gate in enumerate(stored)}
        return [
            np.concatenate([by_gate[gate][part] for gate in order], axis=-1) for part in range(3)
        ]

    return join


def _conv1d(layer: Any, arrays: Arrays) -> Arrays:
    kernel, *bias = arrays
    return [kernel[:, 0], *bias]  # (length, 1, in, out), a convolution of pictures


def _theano_order(axes: tuple[int, ...]) -> Callable[[Any, Arrays], Arrays]:
    """Convert kernels of ``dim_ordering="th"``: (out, in, ...) there, (..., in, out) today."""

    def convert(layer: Any, arrays: Arrays) -> Arrays:
        kernel, *bias = arrays
        if layer.dim_ordering == "th":
            kernel = kernel.transpose(axes)
        return [kernel, *bias]

    return convert


def _transposed(layer: Any, arrays: Arrays) -> Arrays:
    kernel, *bias = arrays
    # (rows, columns, in, out), or (out, in, rows, columns) in the order of Theano.
    axes = (2, 3, 0, 1) if layer.dim_ordering == "th" else (0, 1, 3, 2)
    return [kernel.transpose(axes), *bias]


def _separable(layer: Any, arrays: Arrays) -> Arrays:
    depthwise, pointwise, *bias = arrays
    if layer.dim_ordering == "th":
        depthwise = depthwise.transpose((2, 3, 1, 0))
        pointwise = pointwise.transpose((2, 3, 1, 0))
    return [depthwise, pointwise, *bias]


CONVERSIONS: dict[str, Callable[[Any, Arrays], Arrays]] = {
    "Conv1D": _conv1d,
    "Conv2D": _theano_order((2, 3, 1, 0)),
    "Conv2DTranspose": _transposed,
    "Conv3D": _theano_order((2, 3, 4, 1, 0)),
    "ConvLSTM2D": _gates("ifco", "icfo"),
    "GRU": _gates("zrh", "zrh"),
    "LSTM": _gates("ifco", "icfo"),
    "SeparableConv2D": _separable,
}
