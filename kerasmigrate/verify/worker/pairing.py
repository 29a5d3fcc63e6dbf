"""Which model of the migrated code has taken the place of which one of the original.

Models are paired by where in the code they were built (the file, the qualified name of the
innermost function of the user's, their turn there): lines shift in a migration, these do not. What
that leaves is paired by name and class, then by structure.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

PLACE, NAME, STRUCTURE = "place", "name", "structure"


class Known(NamedTuple):
    """What a model is paired by.

    Attributes:
        place: File and qualified name of the function that built it.
        structure: Class and number of weights of each layer; empty when they cannot be told.
    """

    place: tuple[str, str]
    name: str
    class_name: str
    structure: tuple[tuple[str, int], ...]


def pair(originals: Sequence[Known], migrated: Sequence[Known]) -> list[tuple[int, int, str]]:
    """Return (original, migrated, what they are paired by), in the order of the originals."""
    found: list[tuple[int, int, str]] = []
    left = list(range(len(originals)))
    right = list(range(len(migrated)))

    def take(one: int, other: int, by: str) -> None:
        found.append((one, other, by))
        left.remove(one)
        right.remove(other)

    for place in dict.fromkeys(each.place for each in originals):
        ones = [i for i in left if originals[i].place == place]
        others = [i for i in right if migrated[i].place == place]
        if len(ones) == len(others):
            for one, other in zip(ones, others):
                take(one, other, PLACE)
    ways: tuple[tuple[str, Callable[[Known], Hashable]], ...] = (
        # Some were built on one side only: their turns do not say which.
        (PLACE, lambda each: each.structure and (each.place, each.structure)),
        (NAME, lambda each: each.name and (each.name, each.class_name)),
        (STRUCTURE, lambda each: each.structure),
    )
    for by, key in ways:
        for one in list(left):
            wanted = key(originals[one])
            same = [i for i in right if wanted and key(migrated[i]) == wanted]
            if same:
                take(one, same[0], by)
    for one in list(left):  # the same function, and nothing else to go by: in their order
        same = [i for i in right if migrated[i].place == originals[one].place]
        if same:
            take(one, same[0], PLACE)
    return sorted(found)
