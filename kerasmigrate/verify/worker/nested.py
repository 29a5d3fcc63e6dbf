"""Which layer inside a layer of the user's code each of its weights belongs to.

In what order a layer lists the weights of those that it keeps has changed: Keras 2.3 finds what is
an attribute, and tf.keras, tf_keras and Keras 3 what lies in a list or a dict as well. The same
code therefore gives the same weights in another order.
"""

from __future__ import annotations

import re
from typing import Any

from . import training


def keys(layer: Any) -> list[str]:
    """Name each weight of a layer: the way to the layer that has it, and its place there.

    Returns:
        As many texts as the layer has weights, in their order, all different; none where it keeps
        no layers, is not of the user's code, or they cannot be told apart.
    """
    if not training.is_own(layer):
        return []
    places: dict[int, str] = {}
    _name(layer, "", places, {id(layer)})
    weights = list(layer.weights)
    inside = [places.get(id(each), "") for each in weights]
    if not any(inside):
        return []
    found, own = [], 0
    for place in inside:
        found.append(place or f"{own}")
        own += not place
    return found if len(set(found)) == len(found) else []


def _name(owner: Any, way: str, places: dict[int, str], seen: set[int]) -> None:
    """Note the weights of the layers that ``owner`` keeps, those furthest inside last."""
    children = [each for each in _kept(owner) if id(each) not in seen]
    children = list({id(each): each for each in children}.values())
    seen.update(map(id, children))
    names = _ranked([str(each.name) for each in children])
    for child, name in zip(children, names):
        for place, weight in enumerate(child.weights):
            places[id(weight)] = f"{way}{name}/{place}"
    for child, name in zip(children, names):
        if training.is_own(child):
            _name(child, f"{way}{name}/", places, seen)


def _ranked(names: list[str]) -> list[str]:
    """Number names of one stem in their order: a Keras may begin to count anywhere."""
    split = [re.fullmatch(r"(.*?)(?:_(\d+))?", name) for name in names]
    pairs = [(each.group(1).lower(), int(each.group(2) or 0)) for each in split if each is not None]
    ranks = {pair: rank for rank, pair in enumerate(sorted(set(pairs)))}
    return [f"{stem} {ranks[stem, number]}" for stem, number in pairs]


def _kept(owner: Any) -> list[Any]:
    found: list[Any] = []
    for value in list(vars(owner).values()):
        _collect(value, found, 3)
    return found


def _collect(value: Any, found: list[Any], depth: int) -> None:
    if hasattr(value, "get_weights") and hasattr(value, "name") and hasattr(value, "weights"):
        found.append(value)
    elif depth and isinstance(value, (list, tuple)):
        for each in value:
            _collect(each, found, depth - 1)
    elif depth and isinstance(value, dict):
        for each in list(value.values()):
            _collect(each, found, depth - 1)
