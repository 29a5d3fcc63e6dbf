"""The layers of a model, how they are wired, and what each of them gives, in any Keras.

Versions differ in where they keep the graph, and in what stands in its nodes: here alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

#: Outputs of a layer are kept up to so many numbers, and those of a model up to so many in all.
LARGEST, ALL = 2_000_000, 40_000_000


def flat(value: Any) -> list[Any]:
    """Return the leaves of nested lists, tuples and dicts; a single value as a list of one."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in flat(each)]
    return [] if value is None else [value]


def is_input(layer: Any) -> bool:
    """Tell whether it is a place where data come in, which computes nothing."""
    return type(layer).__name__ == "InputLayer"


def is_model(layer: Any) -> bool:
    """Tell whether a layer has layers of its own that are looked at one by one."""
    return bool(getattr(layer, "layers", None))


def graph(model: Any) -> list[Any]:
    """Return the nodes of a model's graph, inputs first; none where it is not made of symbols."""
    holder = getattr(model, "_functional", None) or model
    if type(model).__name__ == "Sequential" and hasattr(model, "model"):  # before Keras 2.2
        if not model.built:
            model.build()
        holder = model.model
    by_depth = getattr(holder, "_nodes_by_depth", None) or getattr(holder, "nodes_by_depth", {})
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def layer_of(node: Any) -> Any:
    """Return the layer that a node is a call of."""
    found = getattr(node, "operation", None)
    return found if found is not None else node.outbound_layer


def inputs_of(node: Any) -> list[Any]:
    """Return the tensors that go into a call."""
    tensors = getattr(node, "keras_inputs", None)
    return flat(node.input_tensors if tensors is None else tensors)


def outputs_of(node: Any) -> list[Any]:
    """Return the tensors that a call gives."""
    found = getattr(node, "output_tensors", None)
    return flat(node.outputs if found is None else found)


def shape_of(tensor: Any) -> list[int | None]:
    """Return the shape of a symbol, with None for a free dimension."""
    shape = getattr(tensor, "_keras_shape", None)
    if shape is None:
        shape = tensor.shape
        shape = shape.as_list() if hasattr(shape, "as_list") else shape
    return [None if size is None else int(size) for size in shape]


def leaves(model: Any) -> Iterator[Any]:
    """Yield the layers of a model, those of models inside it in their place, each once."""
    seen: set[int] = set()

    def walk(owner: Any) -> Iterator[Any]:
        for layer in owner.layers:
            if id(layer) in seen or is_input(layer):
                continue
            seen.add(id(layer))
            if is_model(layer):
                yield from walk(layer)
                if type(layer).__name__ != "Merge":  # of Keras 1: it holds what it merges
                    continue
            yield layer

    return walk(model)


class Wiring:
    """Where each layer takes its input from, through the borders of models inside the model.

    Attributes:
        inputs: Name of a layer -> the names of those whose outputs it takes, in their order.
        shapes: Name of a layer -> the shape of what it gives, the last time that it is called.
        sources: Names of the places where data come in, in their order.
    """

    def __init__(self, model: Any) -> None:
        self.inputs: dict[str, list[str]] = {}
        self.shapes: dict[str, list[int | None]] = {}
        self.sources: list[str] = []
        self._walk(model, None)

    def _walk(self, model: Any, given: list[str] | None) -> list[str]:
        """Follow one call of a model; returns the names of the layers that give its outputs."""
        names: dict[int, str] = {}
        entries = {id(tensor): i for i, tensor in enumerate(flat(model.inputs))}
        if given is None:
            self.sources = [""] * len(entries)
        for node in graph(model):
            layer, results = layer_of(node), outputs_of(node)
            taken = [names[id(tensor)] for tensor in inputs_of(node) if id(tensor) in names]
            if is_input(layer):
                self._enter(layer, results, entries, given, names)
            elif is_model(layer) and type(layer).__name__ != "Merge":
                names.update(zip((id(each) for each in results), self._walk(layer, taken)))
            else:
                name = str(layer.name)
                known = self.inputs.setdefault(name, [])
                known += [each for each in taken if each not in known]
                if results:
                    self.shapes[name] = shape_of(results[0])
                names.update((id(each), name) for each in results)
        return [names.get(id(tensor), "") for tensor in flat(model.outputs)]

    def _enter(
        self,
        layer: Any,
        results: list[Any],
        entries: dict[int, int],
        given: list[str] | None,
        names: dict[int, str],
    ) -> None:
        for tensor in results:
            place = entries.get(id(tensor))
            if given is not None:
                if place is not None and place < len(given):
                    names[id(tensor)] = given[place]
                continue
            name = str(layer.name)
            names[id(tensor)] = name
            self.shapes[name] = shape_of(tensor)
            if place is not None:
                self.sources[place] = name


# -- numbers --------------------------------------------------------------------------------------


def inner_outputs(keras: Any, model: Any, inputs: list[Any], major: int) -> list[list[Any]]:
    """Run a model without training, and return what each call of each layer gives.

    Args:
        keras: The package whose model it is.
        inputs: An array for each input.

    Returns:
        ``[name of the layer, turn of the call, array]``, inputs first; those of a model inside the
        model in its place. Arrays that are too large are left out.
    """
    budget = [ALL]
    return list(_inner(keras, model, inputs, major, budget))


def _inner(
    keras: Any, model: Any, inputs: list[Any], major: int, budget: list[int]
) -> Iterator[list[Any]]:
    calls: list[tuple[Any, list[Any], bool]] = []  # layer, what is asked for, whether to go inside
    for node in graph(model):
        layer, results = layer_of(node), outputs_of(node)
        if is_input(layer) or not results:
            continue
        if is_model(layer) and type(layer).__name__ != "Merge" and graph(layer):
            if inputs_of(node):
                calls.append((layer, inputs_of(node), True))
        else:
            calls.append((layer, results[:1], False))
    wanted = {id(tensor): tensor for _, tensors, _ in calls for tensor in tensors}
    if not wanted:
        return
    arrays = dict(zip(wanted, _run(keras, model, inputs, list(wanted.values()), major)))
    turns: dict[str, int] = {}
    for layer, tensors, inside in calls:
        values = [arrays[id(tensor)] for tensor in tensors]
        found = (
            _inner(keras, layer, values, major, budget)
            if inside
            else iter([[str(layer.name), 0, values[0]]])
        )
        for name, _, array in found:
            turn = turns[name] = turns.get(name, -1) + 1
            if array.size <= LARGEST and array.size <= budget[0]:
                budget[0] -= array.size
                yield [name, turn, array]


def _run(keras: Any, model: Any, inputs: list[Any], tensors: list[Any], major: int) -> list[Any]:
    np = importlib.import_module("numpy")
    symbols = flat(model.inputs)
    known = {id(symbol): array for symbol, array in zip(symbols, inputs)}
    asked = [tensor for tensor in tensors if id(tensor) not in known]
    made: Iterator[Any] = iter(())
    if asked and is_old(keras, major):
        backend = importlib.import_module(keras.__name__ + ".backend")
        feeds, values = [*symbols], [*inputs]
        if not isinstance(backend.learning_phase(), int):
            feeds, values = [*feeds, backend.learning_phase()], [*values, 0]
        made = iter(backend.function(feeds, asked)(values))
    elif asked:
        given = inputs if len(inputs) > 1 else inputs[0]
        part = keras.Model(symbols if len(symbols) > 1 else symbols[0], asked)
        made = iter(flat(part(given, training=False)))
    found = [known[id(each)] if id(each) in known else next(made) for each in tensors]
    return [np.asarray(each) for each in found]


def is_old(keras: Any, major: int) -> bool:
    """Tell whether it is a standalone Keras before 3, whose models are graphs of TensorFlow 1."""
    return major < 3 and keras.__name__ == "keras"
