"""Where the layers of two models are drawn: layer by layer at the same place on both sides.

The nodes are pairs of layers, the edges those of both models, so that one layout serves both and
what is missing on a side leaves a gap there. It is the layered layout of Sugiyama: ranks by the
longest path, long edges through empty places of the ranks between, an order within each rank that
follows the neighbours, and at last positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kerasmigrate.verify.results import Layer, LayerPair

WIDTH, HEIGHT = 180, 56
GAP, RANK = 18, 84
_LANE = 10
_SWEEPS = 6

#: Pairs above which layers in a row that are the same become one node.
COLLAPSED_ABOVE = 40
_LEAST_RUN = 4
#: Nodes above which nothing is drawn any more.
MOST_NODES = 400
#: Ranks above which an edge runs straight, through whatever lies between.
_LONGEST = 60


@dataclass(frozen=True)
class Node:
    """A pair of layers, or several in a row that are the same; ``x`` and ``y`` of its centre."""

    pairs: tuple[LayerPair, ...]
    x: float
    y: float

    @property
    def differs(self) -> bool:
        """The sides differ here, or one of them has nothing here."""
        return any(parts(pair) for pair in self.pairs)


@dataclass(frozen=True)
class Edge:
    """A way from one node to another.

    Attributes:
        points: From the lower side of the first to the upper side of the second.
        original: The original has it.
        migrated: The migrated model has it.
    """

    points: tuple[tuple[float, float], ...]
    original: bool
    migrated: bool


@dataclass(frozen=True)
class Layout:
    """One drawing, for both sides."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float


def parts(pair: LayerPair) -> bool:
    """Tell whether the models part at this pair."""
    return pair.differs or pair.original is None or pair.migrated is None


def layout(pairs: Sequence[LayerPair]) -> Layout | None:
    """Place the layers of two models; None when they are too many to be read."""
    sides = [_edges(pairs, lambda pair: pair.original), _edges(pairs, lambda pair: pair.migrated)]
    groups = _groups(pairs, sides)
    if not groups or len(groups) > MOST_NODES:
        return None
    group_of = {pair: number for number, group in enumerate(groups) for pair in group}
    original, migrated = (
        {(group_of[a], group_of[b]) for a, b in side if group_of[a] != group_of[b]}
        for side in sides
    )
    ranks = _ranks(len(groups), original | migrated)
    places = _Places(ranks, sorted(original | migrated))
    nodes = tuple(
        Node(tuple(pairs[pair] for pair in group), *places.centre(number))
        for number, group in enumerate(groups)
    )
    edges = tuple(
        Edge(places.way(edge), edge in original, edge in migrated)
        for edge in sorted(original | migrated)
    )
    return Layout(nodes, edges, places.width, (max(ranks) + 1) * RANK - (RANK - HEIGHT))


def _edges(
    pairs: Sequence[LayerPair], side: Callable[[LayerPair], Layer | None]
) -> set[tuple[int, int]]:
    layers = [(number, side(pair)) for number, pair in enumerate(pairs)]
    number_of = {layer.name: number for number, layer in layers if layer is not None}
    return {
        (number_of[name], number)
        for number, layer in layers
        if layer is not None
        for name in layer.inputs
        if name in number_of and number_of[name] != number
    }


def _groups(
    pairs: Sequence[LayerPair], sides: Sequence[set[tuple[int, int]]]
) -> list[tuple[int, ...]]:
    """Return the numbers of the pairs of each node."""
    single: list[tuple[int, ...]] = [(number,) for number in range(len(pairs))]
    if len(pairs) <= COLLAPSED_ABOVE:
        return single
    after: dict[int, set[int]] = {}
    before: dict[int, set[int]] = {}
    for a, b in sides[0] | sides[1]:
        after.setdefault(a, set()).add(b)
        before.setdefault(b, set()).add(a)

    def follows(a: int, b: int) -> bool:
        same = not parts(pairs[a]) and not parts(pairs[b])
        return same and after.get(a) == {b} and before.get(b) == {a}

    runs: list[list[int]] = []
    run_of: dict[int, list[int]] = {}
    for number in range(len(pairs)):
        earlier = [a for a in before.get(number, ()) if a in run_of and follows(a, number)]
        if earlier:
            run_of[number] = run_of[earlier[0]]
            run_of[number].append(number)
        else:
            run_of[number] = [number]
            runs.append(run_of[number])
    return [
        part
        for run in runs
        for part in ([tuple(run)] if len(run) >= _LEAST_RUN else [(each,) for each in run])
    ]


def _ranks(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the rank of each node: the length of the longest path that ends there.

    Two models that are paired in different orders may make a circle; the edges that close it do
    not count.
    """
    before: dict[int, set[int]] = {number: set() for number in range(count)}
    for a, b in edges:
        before[b].add(a)
    ranks: dict[int, int] = {}
    waiting = list(range(count))
    while waiting:
        ready = next((each for each in waiting if before[each] <= ranks.keys()), waiting[0])
        waiting.remove(ready)
        ranks[ready] = 1 + max((ranks[a] for a in before[ready] if a in ranks), default=-1)
    return [ranks[number] for number in range(count)]


class _Places:
    """Positions of nodes, and of the lanes through which long edges pass the ranks between.

    A place is a number: a node's own, or a larger one for a lane.
    """

    def __init__(self, ranks: Sequence[int], edges: Sequence[tuple[int, int]]) -> None:
        self.nodes = len(ranks)
        self.rank = list(ranks)
        self.rows: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
        for number, rank in enumerate(ranks):
            self.rows[rank].append(number)
        self.lanes: dict[tuple[int, int], list[int]] = {}
        self.above: dict[int, list[int]] = {}
        self.below: dict[int, list[int]] = {}
        for edge in edges:
            self._thread(edge)
        for sweep in range(_SWEEPS):
            self._order(downwards=sweep % 2 == 0)
        self.x = self._positions()
        self.width = max(self.x[each] + self._half(each) for row in self.rows for each in row)

    def _thread(self, edge: tuple[int, int]) -> None:
        start, end = edge
        between = range(self.rank[start] + 1, self.rank[end])
        lanes = []
        for rank in between if len(between) <= _LONGEST else ():
            lanes.append(len(self.rank))
            self.rows[rank].append(len(self.rank))
            self.rank.append(rank)
        self.lanes[edge] = lanes
        for a, b in pairwise([start, *lanes, end]):
            self.below.setdefault(a, []).append(b)
            self.above.setdefault(b, []).append(a)

    def _half(self, place: int) -> float:
        return (WIDTH if place < self.nodes else _LANE) / 2

    def _order(self, *, downwards: bool) -> None:
        """Order each rank by the mean place of the neighbours in the rank before."""
        neighbours = self.above if downwards else self.below
        at: dict[int, float] = {}
        for row in self.rows if downwards else reversed(self.rows):
            means = {}
            for number, place in enumerate(row):
                known = [at[each] for each in neighbours.get(place, ()) if each in at]
                means[place] = sum(known) / len(known) if known else number / max(1, len(row) - 1)
            row.sort(key=lambda each: means[each])
            for number, place in enumerate(row):
                at[place] = (number + 0.5) / len(row)

    def _positions(self) -> dict[int, float]:
        x: dict[int, float] = {}
        for row in self.rows:
            self._spread(row, dict.fromkeys(row, 0.0), x)
        for sweep in range(_SWEEPS):
            neighbours = self.above if sweep % 2 == 0 else self.below
            for row in self.rows if sweep % 2 == 0 else reversed(self.rows):
                wanted = {}
                for place in row:
                    near = [x[each] for each in neighbours.get(place, ())]
                    wanted[place] = sum(near) / len(near) if near else x[place]
                self._spread(row, wanted, x)
        left = min(x[place] - self._half(place) for row in self.rows for place in row)
        return {place: at - left for place, at in x.items()}

    def _spread(self, row: Sequence[int], wanted: dict[int, float], x: dict[int, float]) -> None:
        """Put a row where it wants to be, as far as its members leave each other room.

        Neighbours that would overlap are joined to a block that stands at the mean of their wishes.
        """
        blocks: list[tuple[list[int], float]] = []  # members, and where the first one wants to be
        for place in row:
            block = ([place], wanted[place])
            while blocks and blocks[-1][1] + self._length(blocks[-1][0], block[0][0]) > block[1]:
                before, at = blocks.pop()
                shift = self._length(before, block[0][0])
                count = len(before) + len(block[0])
                start = (at * len(before) + (block[1] - shift) * len(block[0])) / count
                block = (before + block[0], start)
            blocks.append(block)
        for members, start in blocks:
            at = start
            for number, place in enumerate(members):
                if number:
                    at += self._step(members[number - 1], place)
                x[place] = at

    def _step(self, a: int, b: int) -> float:
        return self._half(a) + GAP + self._half(b)

    def _length(self, members: Sequence[int], then: int) -> float:
        return sum(self._step(a, b) for a, b in pairwise([*members, then]))

    def _y(self, place: int) -> float:
        return self.rank[place] * RANK + HEIGHT / 2

    def centre(self, node: int) -> tuple[float, float]:
        """Return where a node is."""
        return self.x[node], self._y(node)

    def way(self, edge: tuple[int, int]) -> tuple[tuple[float, float], ...]:
        """Return the points of an edge."""
        return tuple(self._points(edge))

    def _points(self, edge: tuple[int, int]) -> Iterator[tuple[float, float]]:
        start, end = edge
        yield self.x[start], self._y(start) + HEIGHT / 2
        for lane in self.lanes[edge]:
            yield self.x[lane], self._y(lane) - HEIGHT / 2
            yield self.x[lane], self._y(lane) + HEIGHT / 2
        yield self.x[end], self._y(end) - HEIGHT / 2
