"""Lets a CPU compute what TensorFlow has kernels for on a GPU alone: pictures with channels first.

The same operation is run on channels last, between two transpositions. Code that was written for a
GPU is not wrong because the machine that verifies it has none.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

from .recorder import recorder

#: Operation -> its parameter, or parameters, that hold pictures.
OPERATIONS: dict[str, str] = {
    "avg_pool": "value",
    "avg_pool3d": "input",
    "conv2d": "input",
    "conv2d_backprop_input": "out_backprop",
    "conv3d": "input",
    "conv3d_backprop_input_v2": "out_backprop",
    "depthwise_conv2d_native": "input",
    "fused_batch_norm_v3": "x",
    "max_pool": "input",
    "max_pool3d": "input",
}
#: Parameters with a number for each dimension.
LISTS = ("dilations", "ksize", "strides")
NOTE = "channels_first is computed by transposing: this CPU has no kernels for it"


def install() -> None:
    """Wrap the operations, wherever TensorFlow's own functions call them."""
    operations: Any = importlib.import_module("tensorflow.python.ops.gen_nn_ops")
    for name, pictures in OPERATIONS.items():
        real = getattr(operations, name, None)
        if real is not None:
            setattr(operations, name, _either_way(real, pictures))


def _either_way(real: Any, pictures: str) -> Any:
    signature = inspect.signature(real)

    @functools.wraps(real)
    def operation(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        given = bound.arguments
        form = given.get("data_format")
        form = form.decode() if isinstance(form, bytes) else form
        if not (isinstance(form, str) and form.startswith("NC")):
            return real(*args, **kwargs)
        recorder.note(NOTE)
        flow = importlib.import_module("tensorflow")
        rank = len(form)
        last = [0, *range(2, rank), 1]
        given["data_format"] = "N" + form[2:] + "C"
        given[pictures] = flow.transpose(given[pictures], last)
        for name in LISTS:
            if given.get(name) is not None:
                given[name] = _moved(given[name], rank)
        if given.get("explicit_paddings"):
            pads = list(given["explicit_paddings"])
            pairs = [pads[2 * i : 2 * i + 2] for i in range(rank)]
            given["explicit_paddings"] = [each for i in last for each in pairs[i]]
        if "input_sizes" in given:
            given["input_sizes"] = flow.gather(given["input_sizes"], last)
        found = real(*bound.args, **bound.kwargs)
        first = [0, rank - 1, *range(1, rank - 1)]
        if hasattr(found, "_replace"):
            return found._replace(y=flow.transpose(found.y, first))
        return flow.transpose(found, first)

    return operation


def _moved(values: Any, rank: int) -> Any:
    """Put the number for the channels last; some are given for the spatial dimensions alone."""
    found = list(values) if isinstance(values, (list, tuple)) else [values]
    return [found[0], *found[2:], found[1]] if len(found) == rank else found
