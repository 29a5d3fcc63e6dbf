"""Where layers are drawn."""

from __future__ import annotations

from itertools import combinations

import pytest

from kerasmigrate.evidence import graph
from kerasmigrate.evidence.graph import HEIGHT, RANK, WIDTH, Layout, layout
from kerasmigrate.verify.results import Layer, LayerPair


def pair(name: str, *inputs: str, differs: bool = False) -> LayerPair:
    layer = Layer(name, "Dense", (None, 4), 20, inputs)
    return LayerPair(layer, layer, 0.0, differs)


def only(side: str, name: str, *inputs: str) -> LayerPair:
    layer = Layer(name, "Dense", (None, 4), 20, inputs)
    return LayerPair(layer, None) if side == "original" else LayerPair(None, layer)


def placed(*pairs: LayerPair) -> Layout:
    found = layout(pairs)
    assert found is not None
    return found


def chain(count: int) -> list[LayerPair]:
    return [pair(f"l{each}", *([f"l{each - 1}"] if each else [])) for each in range(count)]


def check(found: Layout) -> None:
    """No two nodes overlap, all lie inside, and every edge leads down."""
    for one, other in combinations(found.nodes, 2):
        apart = abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
        assert apart, (one, other)
    for node in found.nodes:
        assert node.x - WIDTH / 2 >= -0.01
        assert node.x + WIDTH / 2 <= found.width + 0.01
        assert HEIGHT / 2 <= node.y <= found.height - HEIGHT / 2
    for edge in found.edges:
        heights = [y for _, y in edge.points]
        assert heights == sorted(heights)
        assert edge.original or edge.migrated


def test_nothing_is_not_drawn() -> None:
    assert layout(()) is None


def test_a_chain_is_a_column() -> None:
    found = placed(*chain(4))
    check(found)
    assert {node.x for node in found.nodes} == {WIDTH / 2}
    assert [node.y for node in found.nodes] == [HEIGHT / 2 + RANK * rank for rank in range(4)]
    assert (found.width, found.height) == (WIDTH, 3 * RANK + HEIGHT)
    assert [edge.points for edge in found.edges] == [
        ((WIDTH / 2, HEIGHT + RANK * rank), (WIDTH / 2, RANK * (rank + 1))) for rank in range(3)
    ]


def test_branches_stand_side_by_side_and_a_long_edge_goes_around() -> None:
    found = placed(
        pair("image"),
        pair("a", "image"),
        pair("b", "image"),
        pair("c", "a"),
        pair("sum", "c", "b", "image"),
    )
    check(found)
    assert [round(node.y - HEIGHT / 2) // RANK for node in found.nodes] == [0, 1, 1, 2, 3]
    (skip,) = [edge for edge in found.edges if len(edge.points) == 6]
    for x, y in skip.points[1:-1]:
        for node in found.nodes:
            assert abs(x - node.x) >= WIDTH / 2 or abs(y - node.y) > HEIGHT / 2


def test_both_sides_have_one_place_and_edges_of_their_own() -> None:
    found = placed(
        pair("image"),
        only("original", "norm", "image"),
        only("migrated", "rescaling", "image"),
        pair("head", "norm"),
    )
    check(found)
    sides = {(len(edge.points), edge.original, edge.migrated) for edge in found.edges}
    assert sides == {(2, True, False), (2, False, True)}
    assert [node.differs for node in found.nodes] == [False, True, True, False]


def test_shared_layers_and_unknown_inputs_do_no_harm() -> None:
    check(placed(pair("x", "elsewhere"), pair("twice", "x", "x"), pair("self", "self", "twice")))


def test_models_in_another_order_may_make_a_circle() -> None:
    first = LayerPair(Layer("a", "Dense"), Layer("a", "Dense", inputs=("b",)))
    second = LayerPair(Layer("b", "Dense", inputs=("a",)), Layer("b", "Dense"))
    found = layout([first, second])
    assert found is not None
    assert len(found.edges) == 2
    assert len({node.y for node in found.nodes}) == 2


def test_an_inception_block_is_drawn_without_overlaps() -> None:
    pairs = [pair("in")]
    last = "in"
    for block in range(4):
        ends = []
        for branch in range(4):
            before = last
            for depth in range(branch):
                name = f"b{block}_{branch}_{depth}"
                pairs.append(pair(name, before))
                before = name
            ends.append(before)
        last = f"mixed{block}"
        pairs.append(pair(last, *ends))
    check(placed(*pairs))


def test_long_models_fold_what_is_the_same() -> None:
    pairs = chain(100)
    pairs[50] = pair("l50", "l49", differs=True)
    found = placed(*pairs)
    check(found)
    assert [len(node.pairs) for node in found.nodes] == [50, 1, 49]
    assert [node.differs for node in found.nodes] == [False, True, False]


def test_short_models_fold_nothing() -> None:
    assert len(placed(*chain(graph.COLLAPSED_ABOVE)).nodes) == graph.COLLAPSED_ABOVE


def test_too_many_layers_are_not_drawn() -> None:
    pairs = [pair(f"l{each}", differs=True) for each in range(graph.MOST_NODES + 1)]
    assert layout(pairs) is None


@pytest.mark.parametrize("count", [60, 200])
def test_dense_connections_stay_readable(count: int) -> None:
    names = [f"l{each}" for each in range(count)]
    pairs = [pair(name, *names[max(0, each - 3) : each]) for each, name in enumerate(names)]
    check(placed(*pairs))
