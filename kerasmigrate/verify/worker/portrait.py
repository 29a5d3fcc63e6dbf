"""Takes down what a model is and what it computes, in any Keras from 1.2.2 to 3, as plain values.

A portrait of the original, taken in the process of an old Keras, can be sent to the process that
has the migrated model, and is compared there (``comparing``). It keeps to what all versions have,
and to values that any format keeps: texts, numbers, lists, dicts with texts as keys, and arrays.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable

from . import graphs, layouts, nested, settings, training

#: What to try for a free dimension, of a picture and of a sequence: deep networks leave nothing of
#: small ones.
SIZES = ((16, 6), (32, 12), (64, 48), (128, 128), (256, 256))
SAMPLES = 4


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
        return settings.of_layer(self.layer)


def parts(model: Any, major: int) -> list[Part]:
    """Return the layers of a model, those of models inside it in their place."""
    return [Part(layer, major) for layer in graphs.leaves(model)]


# -- inputs ---------------------------------------------------------------------------------------


def shapes(model: Any, which: str) -> list[list[int | None]]:
    """Return the shapes of a model's inputs or outputs; none where they are not known yet.

    Args:
        which: ``inputs`` or ``outputs``.
    """
    try:
        tensors = graphs.flat(getattr(model, which, None))
        if tensors:
            return [graphs.shape_of(tensor) for tensor in tensors]
        shape = getattr(model, which[:-1] + "_shape", None)
    except Exception:  # Keras 3 raises where nothing was built
        return []
    if not shape:
        return []
    several = isinstance(shape, list) or isinstance(shape[0], (list, tuple))
    return [list(each) for each in shape] if several else [list(shape)]


def _filled(shape: list[int | None], sizes: tuple[int, int]) -> list[int]:
    picture, sequence = sizes
    free = picture if len(shape) > 3 else sequence
    rest = [free if size is None else int(size) for size in shape[1:]]
    return [SAMPLES if not shape or shape[0] is None else int(shape[0]), *rest]


def made_up_inputs(model: Any, major: int, sizes: tuple[int, int] = SIZES[0]) -> list[Any]:
    """Make inputs that fit: numbers between -1 and 1, or whole ones where a table is read.

    Args:
        sizes: How long a free dimension is: of a picture, and of a sequence.

    Raises:
        UnknownError: The model does not say what it takes.
    """
    np = importlib.import_module("numpy")
    random = np.random.RandomState(7)
    known = shapes(model, "inputs")
    if not known:
        raise training.UnknownError("the model does not say what it takes")
    rows = _rows(model, len(known), major)
    made = []
    for shape, row, tensor in zip(known, rows, graphs.flat(model.inputs) or [None] * len(known)):
        size = _filled(shape, sizes)
        if row:
            made.append(random.randint(0, row, size=size).astype("float32"))
        elif "int" in str(getattr(tensor, "dtype", "")):
            made.append(random.randint(0, 2, size=size).astype("float32"))
        else:
            made.append(random.uniform(-1.0, 1.0, size=size).astype("float32"))
    return made


def _fitting(model: Any, major: int) -> list[Any]:
    """Make inputs of which something is left in the outputs; the smallest ones if there are none.

    Raises:
        UnknownError: The model does not say what it takes.
    """
    smallest = made_up_inputs(model, major)
    if not any(None in shape[1:] for shape in shapes(model, "inputs")):
        return smallest
    for sizes in SIZES:
        inputs = made_up_inputs(model, major, sizes)
        try:
            if all(each.size for each in outputs(model, inputs)):
                return inputs
        except Exception:  # too small, or not to be run at all: the smallest ones tell of it
            continue
    return smallest


def _rows(model: Any, count: int, major: int) -> list[int]:
    """Return for each input of how many rows the smallest table is that it is looked up in, or 0.

    The way from an input to a table leads through layers without weights.
    """
    tables: dict[str, int] = {}
    passing: set[str] = set()
    for part in parts(model, major):
        table = getattr(part.layer, "layer", None) or part.layer
        if layouts.kind_of(table) == "Embedding":
            tables[part.name] = int(table.input_dim)
        elif not part.weights:
            passing.add(part.name)
    if not tables:
        return [0] * count
    try:
        wiring = graphs.Wiring(model)
    except Exception:  # made of something else than symbols
        wiring = None
    if wiring is None or len(wiring.sources) != count or not all(wiring.sources):
        return [min(tables.values())] * count
    found = []
    for source in wiring.sources:
        reached, open_ends = {source}, [source]
        while open_ends:
            name = open_ends.pop()
            after = {each for each, taken in wiring.inputs.items() if name in taken} - reached
            reached |= after
            open_ends += [each for each in after if each in passing]
        found.append(min((tables[name] for name in reached if name in tables), default=0))
    return found


# -- weights --------------------------------------------------------------------------------------


def stir(own: list[Part]) -> None:
    """Make numbers of the weights that are all the same, as biases are at first.

    Two of those that change places, or an axis, would give the same outputs. They become a little
    larger, each by an amount of its own: variances and what may not be negative bear that.
    """
    np = importlib.import_module("numpy")
    random = np.random.RandomState(5)
    for part in own:
        arrays = part.layer.get_weights()
        stirred = [_stirred(np, random, array) for array in arrays]
        if any(one is not other for one, other in zip(arrays, stirred)):
            part.layer.set_weights(stirred)


def _stirred(np: Any, random: Any, array: Any) -> Any:
    if array.dtype.kind != "f" or array.size < 2 or array.max() != array.min():
        return array
    most = 0.1 if array.ndim == 1 else 0.01
    return (array + random.uniform(0.1 * most, most, size=array.shape)).astype(array.dtype)


# -- what it computes -----------------------------------------------------------------------------


def outputs(model: Any, inputs: list[Any]) -> list[Any]:
    """Run a model without training."""
    np = importlib.import_module("numpy")
    training.rest(model)
    given = inputs if len(inputs) > 1 else inputs[0]
    return [np.asarray(each) for each in graphs.flat(model.predict_on_batch(given))]


def _repeated(action: Callable[[], Any], own: str) -> Any:
    """Do something twice where layers of the user's may draw random numbers in it.

    Raises:
        UnknownError: It was not the same both times.
    """
    np = importlib.import_module("numpy")
    found = action()
    if own:
        again = action()
        pairs = zip(graphs.flat(found), graphs.flat(again))
        if not all(np.array_equal(one, other, equal_nan=True) for one, other in pairs):
            raise training.UnknownError(f"it draws random numbers (it may be {own})")
    return found


def take(keras: Any, model: Any, seen: Any = None, data: Any = None) -> dict[str, Any]:
    """Take the portrait of a model; it takes one training step if it was compiled.

    An original's weights are stirred before. Nothing that the model does raises here: it is in
    ``lacks``.

    Args:
        keras: The package whose model it is.
        model: Any model; one that knows its inputs only from data is given some.
        seen: The portrait of the original, whose inputs and labels are used again.
        data: Inputs and labels to use, as (list of arrays, list of arrays or None).

    Returns:
        ``name``, ``kind``; ``sources`` and ``parts``, as ``architecture`` gives them;
        ``parameters``; ``input_shapes`` and ``output_shapes``, of symbols; ``inputs``,
        ``outputs``, ``inner`` (see ``graphs.inner_outputs``), ``targets``: arrays; ``optimizer``:
        what it was configured with, None when not compiled; ``training``: the gradients are those
        of a training step, without random numbers; ``loss``, ``gradient_norm``, and ``gradients``,
        the same for each part; ``after``, the weights of the parts after one training step. What
        was not taken is None, and ``lacks`` has [claim, reason] for it.
    """
    major = int(keras.__version__.split(".")[0])
    found: dict[str, Any] = {
        "name": str(model.name),
        "kind": type(model).__name__,
        "lacks": [],
        **dict.fromkeys(("inputs", "outputs", "inner", "targets", "loss", "gradient_norm")),
        **dict.fromkeys(("optimizer", "after", "training", "gradients")),
    }

    def attempt(claim: str, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except training.UnknownError as error:
            found["lacks"].append([claim, str(error)])
        except Exception as error:
            found["lacks"].append([claim, training.message(error)])
        return None

    def run() -> Any:
        return _repeated(lambda: outputs(model, inputs), training.own_layer(model))

    if seen is not None:
        inputs = seen["inputs"]
    elif data is not None:
        inputs = data[0]
    else:
        inputs = attempt("outputs", lambda: _fitting(model, major))
    found["inputs"] = inputs
    found["input_shapes"], found["output_shapes"] = (
        shapes(model, "inputs"),
        shapes(model, "outputs"),
    )
    if inputs is not None:  # what waits for data is built by it
        found["outputs"] = attempt("outputs", run)
    own = parts(model, major)
    if seen is None and found["outputs"] is not None:
        attempt("weights", lambda: stir(own))
        found["outputs"] = attempt("outputs", lambda: outputs(model, inputs))
    found.update(architecture(model, own))
    found["parameters"] = count(model, own)
    if found["outputs"] is None:
        return found
    found["inner"] = attempt("layers", lambda: graphs.inner_outputs(keras, model, inputs, major))
    if not training.is_compiled(model):
        return found
    found["optimizer"] = settings.of_optimizer(model.optimizer, graphs.is_old(keras, major))
    given = seen.get("targets") if seen is not None else data[1] if data is not None else None
    if given is None:
        given = attempt("loss", lambda: training.made_up_targets(model, found["outputs"]))
    found["targets"] = targets = given
    if targets is None:
        return found
    found["loss"] = attempt("loss", lambda: training.loss(model, inputs, targets))
    drawing = training.random_layer(model)
    mine = training.own_layer(model)
    mode = None if seen is None else seen.get("training")

    def norms(mode: bool) -> dict[int, float]:
        return training.gradients(keras, model, inputs, targets, mode)

    if mode is None and not drawing and mine:
        try:
            _repeated(lambda: list(norms(True).values()), mine)
        except training.UnknownError:
            drawing = mine
        except Exception:  # it is asked again, and told of, below
            drawing = ""
    found["training"] = mode = not drawing if mode is None else bool(mode)
    by_weight = attempt("gradients", lambda: norms(mode))
    if by_weight is not None:
        found["gradient_norm"] = sum(each**2 for each in by_weight.values()) ** 0.5
        found["gradients"] = [part_norm(part, by_weight) for part in own]
    if drawing:
        found["lacks"].append(["step", f"training draws random numbers ({drawing})"])
    elif found["loss"] is not None:

        def step() -> list[Any]:
            training.step(model, inputs, targets)
            return [part.weights for part in own]

        found["after"] = attempt("step", step)
    return found


def part_norm(part: Part, by_weight: dict[int, float]) -> float:
    """Return the norm of the gradients of a layer's weights."""
    weights = {id(weight) for weight in part.layer.weights}
    return float(sum(by_weight.get(weight, 0.0) ** 2 for weight in weights) ** 0.5)


def count(model: Any, own: list[Part]) -> int:
    """Return the number of scalar weights of a model."""
    try:
        return int(model.count_params())
    except Exception:  # not built
        return sum(int(each.size) for part in own for each in part.weights)


def architecture(model: Any, own: list[Part]) -> dict[str, Any]:
    """Return the layers of a model as plain values.

    Returns:
        ``sources``: ``name`` and ``shape`` of each place where data come in; ``parts``: ``name``,
        ``kind``, ``shape``, ``parameters``, ``inputs``, ``settings``, ``weights``, and ``keys``
        (see ``nested``) of each layer.
    """
    try:
        wiring = graphs.Wiring(model)
        inputs, known, sources = wiring.inputs, wiring.shapes, wiring.sources
    except Exception:  # a subclass, or a graph that is kept in another way
        inputs, known, sources = {}, {}, []
    found = []
    for part in own:
        weights = part.weights
        found.append(
            {
                "name": part.name,
                "kind": part.kind,
                "shape": known.get(part.name, []),
                "parameters": sum(int(each.size) for each in weights),
                "inputs": inputs.get(part.name, []),
                "settings": part.settings(),
                "weights": weights,
                "keys": nested.keys(part.layer),
            }
        )
    entries = [{"name": name, "shape": known.get(name, [])} for name in sources if name]
    return {"sources": entries, "parts": found}
