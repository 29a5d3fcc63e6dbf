"""Which layer of a migrated model has taken the place of which one of the original.

Layers are paired by the order in which the code made them: names that Keras gives carry a counter,
and names that the user gives are the same on both sides.
"""

from __future__ import annotations

import re
from typing import Any

from . import layouts

#: A name that Keras made up: the class, and a counter after the first or from the first on.
COUNTED = re.compile(r"(?P<stem>.+?)(?:_(?P<count>\d+))?$")


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


def pair(
    theirs: list[dict[str, Any]], own: list[Any]
) -> tuple[list[tuple[int, int]], list[str], tuple[list[int], list[int]]]:
    """Pair the layers of both sides.

    Returns:
        The places of each pair, in the original's order; a line for each layer that should have a
        partner and has none; and the places of those, there and here.
    """
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
    there = [i for i in rest_there if theirs[i]["weights"] or not is_passive(theirs[i]["kind"])]
    here = [i for i in rest_here if own[i].weights or not is_passive(own[i].kind)]
    lines = [
        f"{theirs[i]['name']} ({theirs[i]['kind']}) of the original has no counterpart"
        for i in there
    ]
    lines += [f"{own[i].name} ({own[i].kind}) is not in the original" for i in here]
    return sorted(pairs), lines, (there, here)


def is_passive(kind: str) -> bool:
    """Tell whether a layer only computes: what takes its place is judged by the outputs."""
    return kind in ("Activation", "Lambda", "Permute", "Reshape", "Flatten", "Merge", "Masking")


def _fits(there: list[Any], here: list[Any]) -> bool:
    return [each.shape for each in there] == [each.shape for each in here]
