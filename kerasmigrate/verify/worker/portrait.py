"""Takes down what a model is and what it computes, in any Keras from 1.2.2 to 3, as plain values.

A portrait of the original, taken in the process of an old Keras, can be sent to the process that
has the migrated model, and is compared there (``comparing``). It keeps to what all versions have.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

from . import layouts

#: Names of settings in Keras 1 -> names since. Others have kept theirs, or mean no number.
SETTINGS: dict[str, str] = {
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "border_mode": "padding",
    "filter_length": "kernel_size",
    "length": "size",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
    "subsample_length": "strides",
}
#: What is compared of a layer besides its class: what a migration can get wrong.
COMPARED = frozenset(
    {"alpha", "depth_multiplier", "dilation_rate", "epsilon", "filters", "go_backwards"}
    | {"kernel_size", "mask_zero", "merge_mode", "momentum", "padding", "pool_size", "rate"}
    | {"return_sequences", "size", "stateful", "stddev", "strides", "units", "use_bias"}
)
#: Functions are compared by their name.
FUNCTIONS = ("activation", "recurrent_activation")
#: They draw random numbers while training, so that one step says nothing.
RANDOM = re.compile(r"Dropout|GaussianNoise|AlphaDropout")
#: A free dimension: of a picture, and of a sequence.
PICTURE, SEQUENCE, SAMPLES = 16, 6, 4
#: Outputs of single layers are kept up to so many numbers.
LARGEST = 2_000_000


class Part:
    """A layer that has no layers of its own below it, at any depth of a model."""

    def __init__(self, layer: Any, major: int) -> None:
        self.layer = layer
        self.major = major
        self.name = str(layer.name)
        self.kind = layouts.kind_of(layer)

    @property
    def weights(self) -> list[Any]:
        """Its arrays, in the layout of Keras 2 and 3."""
        return layouts.modern(self.layer, self.layer.get_weights(), self.major)

    def settings(self) -> dict[str, Any]:
        """What it was configured with, in names and values that all versions share."""
        layer = self.layer
        found: dict[str, Any] = {}
        if self.kind in ("Bidirectional", "TimeDistributed"):
            inner = getattr(layer, "forward_layer", None) or layer.layer
            found = {
                "layer." + name: value for name, value in Part(inner, self.major).settings().items()
            }
            found["layer"] = layouts.kind_of(inner)
        try:
            config = dict(layer.get_config())
        except (AttributeError, NotImplementedError, TypeError):  # a class of the user's
            config = {}
        if {"nb_row", "nb_col"} <= set(config):
            depth = [config["kernel_dim1"]] if "kernel_dim1" in config else []
            config["kernel_size"] = [*depth, config["nb_row"], config["nb_col"]]
        for name, value in config.items():
            name = SETTINGS.get(name, name)
            if self.kind == "Embedding" and name == "units":
                continue  # output_dim is its name to this day
            if name in COMPARED:
                found[name] = _plain(value)
        inner = getattr(layer, "cell", layer)
        for name in FUNCTIONS:
            old = "inner_activation" if name == "recurrent_activation" else name
            function = getattr(inner, name, None) or getattr(inner, old, None)
            if function is not None:
                found[name] = _name(function)
        return found


def _plain(value: Any) -> Any:
    """Return a value as every version would have written it: one number for equal ones."""
    if isinstance(value, (list, tuple)):
        found = [_plain(each) for each in value]
        return found[0] if found and all(each == found[0] for each in found) else found
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    return float(f"{float(value):.6g}")  # some versions keep it in 32 bits


def _name(function: Any) -> str:
    name = str(getattr(function, "__name__", None) or type(function).__name__)
    # The old one is written out where the target's is steeper; the outputs tell which one it is.
    return "hard_sigmoid" if "hard_sigmoid" in name else name.strip("_").replace("_v2", "")


def parts(model: Any, major: int) -> list[Part]:
    """Return the layers of a model, those of models inside it in their place."""
    found: list[Part] = []
    seen: set[int] = set()

    def walk(owner: Any) -> None:
        for layer in owner.layers:
            if id(layer) in seen or type(layer).__name__ == "InputLayer":
                continue
            seen.add(id(layer))
            if getattr(layer, "layers", None):
                walk(layer)
                if type(layer).__name__ != "Merge":  # of Keras 1: it holds what it merges
                    continue
            found.append(Part(layer, major))

    walk(model)
    return found


# -- inputs ---------------------------------------------------------------------------------------


def _shapes(model: Any, which: str) -> list[tuple[Any, ...]]:
    """Return the shapes of a model's inputs or outputs."""
    shape = getattr(model, which + "_shape", None)
    if shape is None:
        tensors = getattr(model, which + "s")
        return [tuple(tensor.shape) for tensor in tensors]
    several = isinstance(shape, list) or (shape and isinstance(shape[0], (list, tuple)))
    return [tuple(each) for each in shape] if several else [tuple(shape)]


def _filled(shape: tuple[Any, ...]) -> tuple[int, ...]:
    free = PICTURE if len(shape) > 3 else SEQUENCE
    rest = [free if size is None else int(size) for size in shape[1:]]
    return (SAMPLES if shape[0] is None else int(shape[0]), *rest)


def made_up_inputs(model: Any, major: int) -> list[Any]:
    """Make inputs that fit: numbers between -1 and 1, or whole ones where a table is read."""
    np = importlib.import_module("numpy")
    random = np.random.RandomState(7)
    tables = [part.layer for part in parts(model, major) if part.kind == "Embedding"]
    rows = min((int(table.input_dim) for table in tables), default=0)
    made = []
    for shape in _shapes(model, "input"):
        size = _filled(shape)
        if rows and len(size) == 2:
            made.append(random.randint(0, rows, size=size).astype("float32"))
        else:
            made.append(random.uniform(-1.0, 1.0, size=size).astype("float32"))
    return made


def made_up_targets(model: Any, outputs: list[Any]) -> list[Any]:
    """Make labels that fit the losses that a model was compiled with."""
    np = importlib.import_module("numpy")
    random = np.random.RandomState(11)
    losses = model.loss
    if isinstance(losses, dict):
        losses = list(losses.values())
    if not isinstance(losses, (list, tuple)):
        losses = [losses] * len(outputs)
    made = []
    for loss, output in zip(losses, outputs):
        name = loss if isinstance(loss, str) else _name(loss)
        classes = output.shape[-1]
        chosen = random.randint(0, classes, size=output.shape[:-1])
        if "sparse" in name.lower():
            made.append(chosen[..., None].astype("float32"))
        elif "categorical" in name.lower():
            made.append(np.eye(classes, dtype="float32")[chosen])
        elif "binary" in name.lower():
            made.append(random.randint(0, 2, size=output.shape).astype("float32"))
        elif "hinge" in name.lower():
            made.append((random.randint(0, 2, size=output.shape) * 2 - 1).astype("float32"))
        else:
            made.append(random.uniform(0.1, 0.9, size=output.shape).astype("float32"))
    return made


# -- what it computes -----------------------------------------------------------------------------


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def outputs(model: Any, inputs: list[Any]) -> list[Any]:
    """Run a model without training."""
    np = importlib.import_module("numpy")
    given = inputs if len(inputs) > 1 else inputs[0]
    return [np.asarray(each) for each in _list(model.predict_on_batch(given))]


def _output(layer: Any) -> Any:
    """Return the tensor that a layer gives where the model calls it; None when that is not clear.

    A model inside the model has a call of its own to begin with in some versions: its last counts.
    """
    nodes = getattr(layer, "_inbound_nodes", None) or getattr(layer, "inbound_nodes", None) or []
    nested = bool(getattr(layer, "layers", None))
    if not nodes or (len(nodes) > 1 and not nested):
        return None
    if hasattr(layer, "get_output_at"):
        tensor = layer.get_output_at(len(nodes) - 1)
    else:
        tensor = nodes[-1].outputs
    if isinstance(tensor, (list, tuple)):
        return tensor[0] if len(tensor) == 1 else None
    return tensor


def inner_outputs(keras: Any, model: Any, inputs: list[Any], major: int) -> list[tuple[str, Any]]:
    """Run a model, and return what each layer gives that is called once, in the order of calls.

    Args:
        keras: The package whose model it is.
    """
    np = importlib.import_module("numpy")
    named = []
    for layer in model.layers:
        tensor = None if type(layer).__name__ == "InputLayer" else _output(layer)
        if tensor is not None:
            named.append((str(layer.name), tensor))
    if not named:
        return []
    tensors = [tensor for _, tensor in named]
    graph = importlib.import_module(keras.__name__ + ".backend")
    if major >= 3 or not hasattr(graph, "learning_phase") or keras.__name__ == "tf_keras":
        part = keras.Model(model.inputs, tensors)
        arrays = _list(part(inputs if len(inputs) > 1 else inputs[0], training=False))
    else:
        run = graph.function([*model.inputs, graph.learning_phase()], tensors)
        arrays = run([*inputs, 0])
    found = [(name, np.asarray(array)) for (name, _), array in zip(named, arrays)]
    return [(name, array) for name, array in found if array.size <= LARGEST]


def _total(scores: Any) -> float:
    """Return the first of what ``test_on_batch`` gives: the loss with all penalties."""
    first = _list(scores)[0]
    return float(first)


def take(keras: Any, model: Any, seen: dict[str, Any] | None = None) -> dict[str, Any]:
    """Take the portrait of a model; it takes one training step if it was compiled.

    Args:
        keras: The package whose model it is.
        model: A functional or sequential model, built.
        seen: The portrait of the original, whose inputs and labels are used again.

    Returns:
        ``parts``: name, kind, settings and weights of each layer; ``inputs``, ``outputs``, and the
        ``inner`` outputs by layer; ``parameters``; ``loss`` and the ``after`` weights of the parts,
        both None where nothing was compiled, the second also where training draws random numbers.
    """
    major = int(keras.__version__.split(".")[0])
    own = parts(model, major)
    inputs = made_up_inputs(model, major) if seen is None else seen["inputs"]
    found: dict[str, Any] = {
        "name": str(model.name),
        "parts": [
            {
                "name": part.name,
                "kind": part.kind,
                "settings": part.settings(),
                "weights": part.weights,
            }
            for part in own
        ],
        "parameters": int(model.count_params()),
        "inputs": inputs,
        "outputs": outputs(model, inputs),
        "inner": inner_outputs(keras, model, inputs, major),
        "targets": None,
        "loss": None,
        "after": None,
    }
    if getattr(model, "optimizer", None) is None:
        return found
    if seen is not None and seen["targets"] is not None:
        targets = seen["targets"]
    else:
        targets = made_up_targets(model, found["outputs"])
    x = inputs if len(inputs) > 1 else inputs[0]
    y = targets if len(targets) > 1 else targets[0]
    found["targets"] = targets
    _rest(model)
    found["loss"] = _total(model.test_on_batch(x, y))
    if not any(RANDOM.search(part.kind) or _drops(part.layer) for part in own):
        _rest(model)
        model.train_on_batch(x, y)
        found["after"] = [part.weights for part in own]
    return found


def _rest(model: Any) -> None:
    """Forget the states of recurrent layers."""
    for layer in model.layers:
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_states"):
            layer.reset_states()
        elif getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
            layer.reset_state()


def _drops(layer: Any) -> bool:
    """Tell whether a layer drops something by itself: a recurrent one with dropout."""
    names = ("dropout", "recurrent_dropout", "dropout_W", "dropout_U")
    inner = getattr(layer, "forward_layer", None) or getattr(layer, "layer", None)
    own = any(isinstance(getattr(layer, name, 0), float) and getattr(layer, name) for name in names)
    return own or (inner is not None and _drops(inner))
