"""Compares a migrated model with the portrait of the original: weights carried over, same inputs.

Layers are paired by the order in which the code made them: names that Keras gives carry a counter,
and names that the user gives are the same on both sides. What is compared, in this order: the
layers and their settings, the shapes of their weights, the outputs, the loss, and the weights after
one training step. The first difference of a kind is told, with both values.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, NamedTuple

from . import layouts, portrait

#: Largest difference of two outputs, relative to the largest of them where that is above 1.
#: Measured: float32 arithmetic in another order differs by up to some 1e-6.
TOLERANCE = {"float16": 1e-2, "float32": 1e-5, "float64": 1e-8}
#: The same for weights after a training step, which divides by small numbers.
STEP_TOLERANCE = 1e-4
#: A name that Keras made up: the class, and a counter after the first or from the first on.
COUNTED = re.compile(r"(?P<stem>.+?)(?:_(?P<count>\d+))?$")


class Difference(NamedTuple):
    """One difference.

    Attributes:
        claim: ``layers``, ``settings``, ``weights``, ``outputs``, ``loss`` or ``step``.
        layer: Name of the first layer that differs, in the migrated model; the model's own name
            where it is no single layer.
        message: One line, with both values.
    """

    claim: str
    layer: str
    message: str


class Compared(NamedTuple):
    """What came of a comparison.

    Attributes:
        differences: Empty when the two models are the same.
        largest: The largest difference of their outputs; None when they could not be compared.
        claims: What was compared at all.
    """

    differences: list[Difference]
    largest: float | None
    claims: list[str]


def compare(keras: Any, original: dict[str, Any], model: Any) -> Compared:
    """Compare a model with the original's portrait, whose weights it is given.

    Args:
        keras: The package whose model it is.
        original: What ``portrait.take`` returned in the original's process.
        model: The migrated model; its weights are replaced.
    """
    major = int(keras.__version__.split(".")[0])
    if not model.built:  # Keras 3 waits for data where no layer says what it takes
        portrait.outputs(model, original["inputs"])
    own = portrait.parts(model, major)
    theirs = original["parts"]
    pairs, unpaired = _pair(theirs, own)
    differences = [Difference("layers", str(model.name), each) for each in unpaired]
    claims = ["layers", "settings", "weights"]
    for there, here in pairs:
        differences += _settings(there, here)
    misfits = [each for there, here in pairs for each in _carry(there, here)]
    differences += misfits
    total = int(model.count_params())
    if total != original["parameters"] and not misfits:
        text = f"{original['parameters']} parameters in the original, {total} here"
        differences.append(Difference("weights", str(model.name), text))
    if misfits or unpaired:
        return Compared(differences, None, claims)
    taken = portrait.take(keras, model, original)
    claims.append("outputs")
    found, largest = _outputs(original, taken, pairs, str(model.name))
    differences += found
    if original["loss"] is not None:
        claims.append("loss")
        differences += _loss(original, taken, str(model.name))
    if original["after"] is not None and not found:
        claims.append("step")
        differences += _step(original, taken, theirs, own, pairs, str(model.name))
    return Compared(differences, largest, claims)


# -- pairs ----------------------------------------------------------------------------------------


def _snake(kind: str) -> str:
    """Return what Keras calls a layer of that class."""
    text = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", text).lower()


def _made_order(names: list[tuple[str, str]]) -> list[tuple[str, str, int]]:
    """Return for each (name, class) by what it is paired: how it is called, and its turn."""
    keys = []
    for name, kind in names:
        match = COUNTED.match(name)
        assert match is not None
        stem = match["stem"].replace("_", "")
        made = stem in (_snake(kind).replace("_", ""), *_old_stems(kind))
        made = made or (
            kind in ("Bidirectional", "TimeDistributed") and stem.startswith(kind.lower())
        )
        keys.append((kind if made else name, "made" if made else "given", int(match["count"] or 0)))
    return keys


def _old_stems(kind: str) -> tuple[str, ...]:
    olds = [old for old, new in layouts.KINDS.items() if new == kind]
    merged = kind in layouts.MERGES.values()
    return (*(old.lower() for old in olds), *(("merge",) if merged else ()))


def _pair(theirs: list[dict[str, Any]], own: list[Any]) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Pair the layers of both sides; returns the pairs in the original's order, and the rest."""
    pairs = []
    rest_there = list(range(len(theirs)))
    rest_here = list(range(len(own)))
    there_keys = _made_order([(each["name"], each["kind"]) for each in theirs])
    here_keys = _made_order([(each.name, each.kind) for each in own])
    for group in dict.fromkeys(key[:2] for key in there_keys):
        there = [i for i in rest_there if there_keys[i][:2] == group]
        here = [i for i in rest_here if here_keys[i][:2] == group]
        there.sort(key=lambda i: there_keys[i][2])
        here.sort(key=lambda i: here_keys[i][2])
        for one, other in zip(there, here):
            pairs.append((one, other))
            rest_there.remove(one)
            rest_here.remove(other)
    # Classes that have no counterpart of the same name: in their order, where the weights fit.
    for one in list(rest_there):
        for other in list(rest_here):
            if _fits(theirs[one]["weights"], own[other].weights):
                pairs.append((one, other))
                rest_there.remove(one)
                rest_here.remove(other)
                break
    unpaired = [
        f"{theirs[i]['name']} ({theirs[i]['kind']}) of the original has no counterpart"
        for i in rest_there
        if theirs[i]["weights"] or not _is_passive(theirs[i]["kind"])
    ]
    unpaired += [
        f"{own[i].name} ({own[i].kind}) is not in the original"
        for i in rest_here
        if own[i].weights or not _is_passive(own[i].kind)
    ]
    pairs.sort()
    return [(theirs[one], own[other]) for one, other in pairs], unpaired


def _is_passive(kind: str) -> bool:
    """Tell whether a layer only computes: what takes its place is judged by the outputs."""
    return kind in ("Activation", "Lambda", "Permute", "Reshape", "Flatten", "Merge", "Masking")


def _fits(there: list[Any], here: list[Any]) -> bool:
    return [each.shape for each in there] == [each.shape for each in here]


# -- claims ---------------------------------------------------------------------------------------


def _settings(there: dict[str, Any], here: Any) -> list[Difference]:
    found = []
    if there["kind"] != here.kind and not (_is_passive(there["kind"]) or _is_passive(here.kind)):
        text = f"{here.name} is {here.kind}; in the original {there['name']} is {there['kind']}"
        found.append(Difference("layers", here.name, text))
    if there["kind"] != here.kind:
        return found
    settings = here.settings()
    for name, value in there["settings"].items():
        if name in settings and settings[name] != value:
            text = f"{here.name}: {name} is {settings[name]!r}, in the original {value!r}"
            found.append(Difference("settings", here.name, text))
    return found


def _carry(there: dict[str, Any], here: Any) -> list[Difference]:
    """Give a layer the original's weights."""
    weights = there["weights"]
    shapes = [list(each.shape) for each in weights]
    wanted = [list(each.shape) for each in here.layer.get_weights()]
    if shapes != wanted:
        text = f"{here.name}: weights of shapes {wanted}, in the original {shapes}"
        return [Difference("weights", here.name, text)]
    if weights:
        here.layer.set_weights(weights)
    return []


def distance(one: Any, other: Any) -> float:
    """Return the largest difference, relative to the largest number where that is above 1."""
    np = importlib.import_module("numpy")
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    if one.shape != other.shape:
        return float("inf")
    if not one.size:
        return 0.0
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    gap = np.where(same, 0.0, np.abs(one - other))
    largest = float(np.max(np.abs(np.where(np.isfinite(one), one, 0.0))))
    worst = float(np.max(np.where(np.isnan(gap), np.inf, gap)))
    return worst / max(1.0, largest)


def _worst(one: Any, other: Any) -> str:
    """Spell the two values that differ most."""
    np = importlib.import_module("numpy")
    if one.shape != other.shape:
        return f"shape {list(other.shape)}, in the original {list(one.shape)}"
    gap = np.abs(np.asarray(one, "float64") - np.asarray(other, "float64"))
    index = int(np.argmax(np.where(np.isnan(gap), np.inf, gap)))
    return f"{float(other.flat[index]):.6g}, in the original {float(one.flat[index]):.6g}"


def _tolerance(array: Any) -> float:
    return TOLERANCE.get(str(array.dtype), TOLERANCE["float32"])


def _outputs(
    original: dict[str, Any], taken: dict[str, Any], pairs: list[tuple[Any, Any]], name: str
) -> tuple[list[Difference], float]:
    there, here = original["outputs"], taken["outputs"]
    if len(there) != len(here):
        text = f"{len(here)} outputs, in the original {len(there)}"
        return [Difference("outputs", name, text)], float("inf")
    largest = max((distance(a, b) for a, b in zip(there, here)), default=0.0)
    for a, b in zip(there, here):
        if distance(a, b) > _tolerance(a):
            layer, one, other = _first(original, taken, pairs) or (name, a, b)
            text = f"outputs differ by {largest:.3g}, from {layer} on: {_worst(one, other)}"
            return [Difference("outputs", layer, text)], largest
    return [], largest


def _first(
    original: dict[str, Any], taken: dict[str, Any], pairs: list[tuple[Any, Any]]
) -> tuple[str, Any, Any] | None:
    """Return the first layer whose output differs, with both outputs."""
    names = {there["name"]: here.name for there, here in pairs}
    inner = dict(taken["inner"])
    for name, array in original["inner"]:
        other = inner.get(names.get(name, name))
        if other is not None and distance(array, other) > _tolerance(array):
            return names.get(name, name), array, other
    return None


def _loss(original: dict[str, Any], taken: dict[str, Any], name: str) -> list[Difference]:
    there, here = original["loss"], taken["loss"]
    if here is None:
        return [Difference("loss", name, "not compiled; the original is")]
    if abs(there - here) <= 1e-5 * max(1.0, abs(there)):
        return []
    return [Difference("loss", name, f"a loss of {here:.6g}, in the original {there:.6g}")]


def _step(
    original: dict[str, Any],
    taken: dict[str, Any],
    theirs: list[dict[str, Any]],
    own: list[Any],
    pairs: list[tuple[Any, Any]],
    name: str,
) -> list[Difference]:
    """Compare the weights after one training step."""
    if taken["after"] is None:
        text = "training draws random numbers; in the original it does not"
        return [Difference("step", name, text)]
    positions = {id(part.layer): i for i, part in enumerate(own)}
    for there, here in pairs:
        before = original["after"][next(i for i, each in enumerate(theirs) if each is there)]
        after = taken["after"][positions[id(here.layer)]]
        for one, other in zip(before, after):
            if distance(one, other) > STEP_TOLERANCE:
                text = f"{here.name}: a weight is {_worst(one, other)} after one training step"
                return [Difference("step", here.name, text)]
    return []
