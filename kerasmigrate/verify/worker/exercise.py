"""Puts one model through its paces: built, forward, saved and loaded."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from typing import Any

from . import batches, standins, worlds
from .classify import KERAS, Failure, explain
from .recorder import Record, recorder

#: Sizes to try for a free dimension of an image: deep networks need large ones.
SPATIAL = (32, 64, 128, 256)
#: Sizes to try for any other free dimension.
TIME = (8, 16, 64)
#: Inputs to try for a model that does not say what it takes.
UNKNOWN: tuple[tuple[tuple[int, ...], str], ...] = (
    ((2, 32, 32, 3), "float32"),
    ((2, 28, 28, 1), "float32"),
    ((2, 16), "float32"),
    ((2, 8, 16), "float32"),
    ((2, 8), "int32"),
)
#: Largest difference between the outputs of a model and of its saved copy, relative to their size.
TOLERANCE = 1e-5


class Shown:
    """The evidence on one model, as it is sent, and the failures behind it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.model = record.model
        self.failures: list[Failure] = []
        self.inputs: Any = None
        self.outputs: Any = None
        self.data: dict[str, Any] = {
            "name": "",
            "where": record.where,
            "flavour": record.world.package if record.world else "",
            "class_name": type(record.model).__name__,
            "layers": [],
            "parameters": None,
            "input_shapes": [],
            "output_shapes": [],
            "built": False,
            "forward": False,
            "trained": record.trained,
            "saved": False,
            "saved_as": "",
            "errors": [],
            "notes": list(record.notes),
        }

    def failed(self, step: str, failure: Failure) -> None:
        """Note that a step failed."""
        self.data["errors"].append([step, failure.cause])
        if failure not in self.failures:
            self.failures.append(failure)

    @property
    def complete(self) -> bool:
        """Every claim on the model holds."""
        return bool(self.data["built"] and self.data["forward"] and self.data["saved"])


def exercise(record: Record, objects: dict[str, Any]) -> Shown:
    """Exercise one model.

    Args:
        record: The model.
        objects: The user's classes and functions, by name, for loading it.
    """
    shown = Shown(record)
    world = worlds.target()
    if record.world is None or record.world.package != world.package:
        other = record.world.package if record.world else "unknown"
        cause = f"model built with {other}, not {world.package}"
        _describe(shown)
        shown.failed("build", Failure(KERAS, cause, record.where, True))
        return shown
    _forward(shown)
    _describe(shown)
    if shown.data["forward"]:
        _save(shown, world, objects)
    return shown


# -- forward --------------------------------------------------------------------------------------


def _forward(shown: Shown) -> None:
    model = shown.model
    shown.data["built"] = bool(getattr(model, "built", False))
    candidates, sure = _candidates(shown)
    guessed: Failure | None = None
    for inputs in candidates:
        try:
            outputs = model(inputs, training=False) if _takes_training(model) else model(inputs)
        except Exception as error:
            failure = explain(error, recorder.source)
            if sure or failure.api:
                shown.failed("forward", failure)
                return
            guessed = guessed or failure
            continue
        shown.inputs, shown.outputs = inputs, outputs
        shown.data["forward"] = True
        shown.data["built"] = True
        _check_finite(shown)
        return
    reason = "no input was found that fits it"
    if guessed is not None:
        reason += ": " + guessed.cause
    shown.failed("forward", Failure("partial", reason, shown.record.where, False))


def _takes_training(model: Any) -> bool:
    parameters = inspect.signature(type(model).call).parameters
    kinds = [parameter.kind for parameter in parameters.values()]
    return "training" in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def _candidates(shown: Shown) -> tuple[list[Any], bool]:
    """Return inputs to try, and whether the first must fit (nothing about it is a guess)."""
    model, record = shown.model, shown.record
    try:
        declared = list(model.inputs or [])
    except (AttributeError, ValueError):  # a Sequential that was not built yet, or a subclass
        declared = []
    if declared:
        free = any(None in tuple(tensor.shape)[1:] for tensor in declared)
        attempts = max(len(SPATIAL), len(TIME)) if free else 1
        return [_declared(model, declared, attempt) for attempt in range(attempts)], not free
    if record.batch is not None and record.batch[0] is not None:
        return [record.batch[0]], True
    shape = _built_shape(model)
    if shape is not None:
        whole = _has_embedding(model)
        return [
            batches.made_up(_filled(shape, attempt), "float32", whole)
            for attempt in range(len(SPATIAL))
        ], None not in shape[1:]
    whole = _has_embedding(model)
    made = [batches.made_up(shape, dtype, whole) for shape, dtype in UNKNOWN]
    return made, False


def _built_shape(model: Any) -> tuple[Any, ...] | None:
    """Return the one input shape that ``model.build`` was called with, or None."""
    shape = getattr(model, "_build_input_shape", None)  # Keras 2
    shapes = getattr(model, "_build_shapes_dict", None)  # Keras 3
    if shape is None and shapes and len(shapes) == 1:
        shape = next(iter(shapes.values()))
    if isinstance(shape, (tuple, list)) and all(n is None or isinstance(n, int) for n in shape):
        return tuple(shape)
    return None


def _declared(model: Any, declared: list[Any], attempt: int) -> Any:
    whole = _has_embedding(model)
    made = {}
    for tensor in declared:
        dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
        made[id(tensor)] = batches.made_up(_filled(tuple(tensor.shape), attempt), dtype, whole)
    structure = getattr(model, "input", None)
    if isinstance(structure, (dict, list, tuple)):
        return _like(structure, made)
    return next(iter(made.values()))


def _like(structure: Any, made: dict[int, Any]) -> Any:
    """Put what was made in the places of the tensors; lists may lie in lists."""
    if isinstance(structure, dict):
        return {name: _like(each, made) for name, each in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(_like(each, made) for each in structure)
    return made.get(id(structure), structure)


def _filled(shape: tuple[Any, ...], attempt: int) -> tuple[int, ...]:
    spatial = SPATIAL[min(attempt, len(SPATIAL) - 1)]
    other = TIME[min(attempt, len(TIME) - 1)]
    filled = [int(shape[0] or batches.SAMPLES)] if shape else []
    for position, size in enumerate(shape[1:], 1):
        if size is not None:
            filled.append(int(size))
        elif len(shape) >= 4:
            filled.append(3 if position == len(shape) - 1 else spatial)
        else:
            filled.append(other)
    return tuple(filled)


def _has_embedding(model: Any) -> bool:
    """Tell whether some layer, at any depth, looks its input up in a table."""
    pending, seen = [model], set()
    while pending:
        layer = pending.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if "Embedding" in type(layer).__name__:
            return True
        pending += list(getattr(layer, "layers", None) or [])
        inner = getattr(layer, "layer", None)
        if inner is not None:
            pending.append(inner)
    return False


def _check_finite(shown: Shown) -> None:
    np = batches.numpy()
    for leaf in batches.leaves(shown.outputs):
        array = np.asarray(leaf)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            shown.data["notes"].append("the outputs are not all finite")
            return


# -- description ----------------------------------------------------------------------------------


def _describe(shown: Shown) -> None:
    model, data = shown.model, shown.data
    data["name"] = str(getattr(model, "name", ""))
    data["layers"] = [[str(each.name), type(each).__name__] for each in _layers(model)]
    if data["built"]:
        try:
            data["parameters"] = int(model.count_params())
        except ValueError:  # some layer has no weights yet
            data["parameters"] = None
    data["input_shapes"] = _shapes(getattr(model, "inputs", None), shown.inputs)
    data["output_shapes"] = _shapes(getattr(model, "outputs", None), shown.outputs)


def _layers(model: Any) -> list[Any]:
    try:
        return list(model.layers)
    except (AttributeError, ValueError):  # its constructor did not get so far
        return []


def _shapes(symbolic: Any, concrete: Any) -> list[list[int | None]]:
    if symbolic:
        return [[None if size is None else int(size) for size in t.shape] for t in symbolic]
    if concrete is None:
        return []
    found: list[list[int | None]] = []
    for leaf in batches.leaves(concrete):
        found.append([None, *(int(size) for size in leaf.shape[1:])])
    return found


# -- save and load --------------------------------------------------------------------------------


def _save(shown: Shown, world: worlds.World, objects: dict[str, Any]) -> None:
    first: Failure | None = None
    for suffix in (".keras",) if world.major >= 3 else (".keras", ".h5"):
        try:
            difference = _round_trip(shown, world, suffix, objects)
        except Exception as error:
            first = first or explain(error, recorder.source)
            continue
        if difference > TOLERANCE:
            cause = f"the loaded copy gives other outputs: they differ by {difference:.3g}"
            first = first or Failure("partial", cause, shown.record.where, False)
            continue
        shown.data["saved"], shown.data["saved_as"] = True, suffix
        return
    if first is None:
        return
    if not first.api and _own_class(shown.model) and _weights_round_trip(shown, world):
        shown.data["saved"], shown.data["saved_as"] = True, "weights"
        shown.data["notes"].append("saved as weights only: " + first.cause)
        return
    verdict = KERAS if first.api else "partial"
    shown.failed(
        "save", Failure(verdict, first.cause, first.where or shown.record.where, first.api)
    )


def _own_class(model: Any) -> bool:
    """Tell whether the model's class is the user's, without a ``get_config`` of its own.

    No Keras can save such a model whole: it is meant to be saved as weights.
    """
    for kind in type(model).__mro__:
        if worlds.is_ours(kind.__module__):
            return kind is not type(model)
        if "get_config" in vars(kind):
            return False
    return False


def _round_trip(shown: Shown, world: worlds.World, suffix: str, objects: dict[str, Any]) -> float:
    path = os.path.join(tempfile.mkdtemp(), "model" + suffix)
    standins.original(world, "save")(shown.model, path)
    options = {"custom_objects": objects, "compile": False}
    if suffix == ".keras":
        options["safe_mode"] = False
    copy = standins.original(world, "load_model")(path, **options)
    os.remove(path)
    return _difference(shown, copy)


def _weights_round_trip(shown: Shown, world: worlds.World) -> bool:
    model = shown.model
    path = os.path.join(tempfile.mkdtemp(), "model.weights.h5")
    before = [batches.numpy().array(each) for each in model.get_weights()]
    standins.original(world, "save_weights")(model, path)
    model.set_weights([batches.numpy().zeros_like(each) for each in before])
    standins.original(world, "load_weights")(model, path)
    after = model.get_weights()
    os.remove(path)
    return len(before) == len(after) and all(
        batches.numpy().array_equal(one, other, equal_nan=one.dtype.kind == "f")
        for one, other in zip(before, after)
    )


def _difference(shown: Shown, copy: Any) -> float:
    np = batches.numpy()
    outputs = copy(shown.inputs, training=False) if _takes_training(copy) else copy(shown.inputs)
    largest = 0.0
    for one, other in zip(batches.leaves(shown.outputs), batches.leaves(outputs)):
        a, b = np.asarray(one), np.asarray(other)
        if a.shape != b.shape:
            return float("inf")
        if a.dtype.kind != "f":
            largest = max(largest, 0.0 if np.array_equal(a, b) else float("inf"))
        elif a.size:
            size = max(1.0, float(np.nanmax(np.abs(a))) if np.isfinite(a).any() else 1.0)
            gap = np.where(np.isnan(a) & np.isnan(b), 0.0, np.abs(a - b))
            largest = max(largest, float(np.max(gap)) / size)
    return largest


def user_objects(source: Any) -> dict[str, Any]:
    """Return the classes and functions that the user's modules define, by name."""
    found: dict[str, Any] = {}
    for module in list(sys.modules.values()):
        filename = str(getattr(module, "__file__", None) or "")
        if not source.holds(filename):
            continue
        for name, value in list(vars(module).items()):
            if inspect.isclass(value) or inspect.isfunction(value):
                found[name] = value
    return found
