"""The two architectures of a model, side by side, as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from kerasmigrate.evidence import graph
from kerasmigrate.evidence.graph import HEIGHT, WIDTH, Edge, Layout, Node
from kerasmigrate.evidence.markup import Markup, join, tag
from kerasmigrate.verify.results import Comparison, Layer

_MARGIN, _HEAD, _BETWEEN = 8, 26, 36
#: Width up to which a picture may shrink to fit a phone.
_NARROW = 2 * WIDTH + _BETWEEN + 2 * _MARGIN
#: Characters that fit into a node.
_KIND, _NAME, _SHAPE = 20, 24, 27


def architectures(comparison: Comparison, ident: str) -> Markup | None:
    """Return both architectures as one picture; None where there is nothing, or too much, to draw.

    Args:
        ident: Begins the ids within the picture.
    """
    placed = graph.layout(comparison.layers)
    if placed is None:
        return None
    width = 2 * placed.width + _BETWEEN + 2 * _MARGIN
    height = placed.height + _HEAD + 2 * _MARGIN
    right = _MARGIN + placed.width + _BETWEEN
    name = comparison.name or comparison.original_name
    return tag(
        "svg",
        tag(
            "title",
            f"Layers of {name}: the original left, the migrated model right",
            id=f"{ident}-t",
        ),
        tag("desc", _description(comparison), id=f"{ident}-d"),
        _side(placed, _MARGIN, "Original", original=True),
        _side(placed, right, "Migrated", original=False),
        class_="layers narrow" if width <= _NARROW else "layers",
        role="img",
        aria_labelledby=f"{ident}-t",
        aria_describedby=f"{ident}-d",
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
    )


def _description(comparison: Comparison) -> str:
    pairs = comparison.layers
    original = sum(pair.original is not None for pair in pairs)
    migrated = sum(pair.migrated is not None for pair in pairs)
    apart = [
        layer.name
        for pair in pairs
        if graph.parts(pair)
        for layer in (pair.migrated or pair.original,)
        if layer is not None
    ]
    where = f"They part at {', '.join(apart[:10])}" if apart else "They part nowhere"
    more = f" and {len(apart) - 10} more" if len(apart) > 10 else ""
    return (
        f"{original} layers left, {migrated} right. {where}{more}. The table below says the same."
    )


def _side(placed: Layout, x: float, title: str, *, original: bool) -> Markup:
    return tag(
        "g",
        tag("text", title, class_="side", x=f"{placed.width / 2:g}", y="14", text_anchor="middle"),
        tag(
            "g",
            (_edge(edge, original) for edge in placed.edges),
            (_node(node, original) for node in placed.nodes),
            transform=f"translate(0 {_HEAD})",
        ),
        transform=f"translate({x:g} {_MARGIN})",
    )


def _edge(edge: Edge, original: bool) -> Markup | None:
    if not (edge.original if original else edge.migrated):
        return None
    alone = not (edge.original and edge.migrated)
    return tag("path", class_="edge differs" if alone else "edge", d="".join(_curve(edge)))


def _curve(edge: Edge) -> Iterator[str]:
    x, y = edge.points[0]
    yield f"M{x:.0f} {y:.0f}"
    for (x1, y1), (x2, y2) in pairwise(edge.points):
        if x1 == x2:
            yield f"V{y2:.0f}"
        else:
            middle = (y1 + y2) / 2
            yield f"C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"


def _node(node: Node, original: bool) -> Markup:
    pair = node.pairs[0]
    layer = pair.original if original else pair.migrated
    state = "" if not node.differs else " differs" if layer is not None else " missing"
    x, y = node.x - WIDTH / 2, node.y - HEIGHT / 2
    if len(node.pairs) > 1:
        words = _run([each.original if original else each.migrated for each in node.pairs])
    else:
        words = _words(layer) if layer is not None else tag("text", "no partner", x="12", y="33")
    if pair.original is None or pair.migrated is None:
        state += " alone"
    mark = tag("text", "≠", class_="mark", x=str(WIDTH - 20), y="20") if node.differs else None
    return tag(
        "g",
        tag("rect", width=str(WIDTH), height=str(HEIGHT), rx="6"),
        words,
        mark if layer is not None else None,
        class_=f"node{state}",
        transform=f"translate({x:.0f} {y:.0f})",
    )


def _words(layer: Layer) -> Markup:
    shape = f"{shown_shape(layer.shape)} · {layer.parameters:,}" if layer.shape else ""
    full = f"{layer.kind} {layer.name} {shape}".rstrip()
    return join(
        tag("title", full),
        tag("text", _cut(layer.kind, _KIND), class_="kind", x="12", y="19"),
        tag("text", _cut(layer.name, _NAME), class_="name", x="12", y="33"),
        tag("text", _cut(shape, _SHAPE), class_="name", x="12", y="47"),
    )


def _run(layers: list[Layer | None]) -> Markup:
    present = [layer for layer in layers if layer is not None]
    names = f"{present[0].name} … {present[-1].name}"
    return join(
        tag("title", f"{len(present)} layers, the same on both sides: {names}"),
        tag("text", f"{len(present)} layers", class_="kind", x="12", y="19"),
        tag("text", "the same on both sides", class_="name", x="12", y="33"),
        tag("text", _cut(names, _NAME), class_="name", x="12", y="47"),
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def shown_shape(shape: tuple[int | None, ...]) -> str:
    """Return a shape as Keras shows it."""
    return f"({', '.join('None' if each is None else str(each) for each in shape)})"
