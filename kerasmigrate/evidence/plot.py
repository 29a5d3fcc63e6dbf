"""The difference of the outputs, layer by layer, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, isfinite, log10

from kerasmigrate.evidence.markup import Markup, join, tag
from kerasmigrate.verify.results import LayerPair

_LEFT, _TOP, _HEIGHT, _BOTTOM, _RIGHT = 56, 14, 180, 40, 14
_STEP, _LEAST_WIDTH = 16, 260
#: Below every power of ten is the line of those that do not differ at all.
_ZERO = 16
_TICKS = 7


def differences(pairs: Sequence[LayerPair], tolerance: float | None, ident: str) -> Markup | None:
    """Return a plot with a logarithmic scale; None when no layer was measured.

    Args:
        pairs: Layers, with the largest absolute difference of their outputs.
        tolerance: Drawn as a line.
        ident: Begins the ids within the picture.
    """
    measured = [
        (number, pair, pair.difference)
        for number, pair in enumerate(pairs, 1)
        if pair.difference is not None
    ]
    if not measured:
        return None
    values = [value for _, _, value in measured]
    scale = _Scale(values, tolerance)
    wide = max(_LEAST_WIDTH, _STEP * len(measured))
    width, height = _LEFT + wide + _RIGHT, _TOP + _HEIGHT + _BOTTOM
    step = wide / len(measured)
    worst = max(measured, key=lambda each: each[2] if isfinite(each[2]) else float("inf"))
    return tag(
        "svg",
        tag("title", "Largest difference of the outputs of each layer", id=f"{ident}-t"),
        tag("desc", _description(len(measured), worst, tolerance), id=f"{ident}-d"),
        scale.axis(wide),
        (
            _point(_LEFT + (at + 0.5) * step, scale, number, pair, value, tolerance)
            for at, (number, pair, value) in enumerate(measured)
        ),
        _limit(scale, tolerance, wide),
        _numbers([number for number, _, _ in measured], step),
        class_="plot",
        role="img",
        aria_labelledby=f"{ident}-t",
        aria_describedby=f"{ident}-d",
        viewBox=f"0 0 {width} {height}",
        width=str(width),
        height=str(height),
    )


def number_text(value: float | None) -> str:
    """Return a difference in few characters."""
    if value is None:
        return "not measured"
    if not isfinite(value):
        return "not a number" if value != value else "infinite"
    return "0" if value == 0 else f"{value:.1e}"


def _description(count: int, worst: tuple[int, LayerPair, float], tolerance: float | None) -> str:
    number, pair, value = worst
    limit = "" if tolerance is None else f" The tolerance is {number_text(tolerance)}."
    return f"{count} layers; the largest is {number_text(value)} at {number}, {_name(pair)}.{limit}"


def _name(pair: LayerPair) -> str:
    layer = pair.migrated or pair.original
    return layer.name if layer is not None else ""


class _Scale:
    """Powers of ten, from top to bottom, and a line for zero."""

    def __init__(self, values: Sequence[float], tolerance: float | None) -> None:
        limit = log10(tolerance) if tolerance else -5.0
        powers = [limit, *(log10(value) for value in values if value > 0 and isfinite(value))]
        self.low = min(floor(min(powers)), floor(limit) - 2)
        self.high = ceil(max(powers))

    def y(self, value: float) -> float:
        if not isfinite(value):
            return _TOP
        if value <= 0:
            return _TOP + _HEIGHT
        share = (self.high - log10(value)) / (self.high - self.low)
        return _TOP + share * (_HEIGHT - _ZERO)

    def axis(self, wide: float) -> Markup:
        every = ceil((self.high - self.low + 1) / _TICKS)
        ticks = [(10.0**power, f"1e{power}") for power in range(self.low, self.high + 1, every)]
        return join(self._tick(value, label, wide) for value, label in [(0.0, "0"), *ticks])

    def _tick(self, value: float, label: str, wide: float) -> Markup:
        y = f"{self.y(value):.1f}"
        return join(
            tag("line", class_="grid", x1=str(_LEFT), x2=f"{_LEFT + wide:g}", y1=y, y2=y),
            tag("text", label, x=str(_LEFT - 8), y=y, text_anchor="end", dy="4"),
        )


def _limit(scale: _Scale, tolerance: float | None, wide: float) -> Markup | None:
    if not tolerance:
        return None
    y = scale.y(tolerance)
    return join(
        tag(
            "line",
            class_="limit",
            x1=str(_LEFT),
            x2=f"{_LEFT + wide:g}",
            y1=f"{y:.1f}",
            y2=f"{y:.1f}",
        ),
        tag("text", "tolerance", class_="limit", x=f"{_LEFT + 4}", y=f"{y - 4:.1f}"),
    )


def _point(
    x: float, scale: _Scale, number: int, pair: LayerPair, value: float, tolerance: float | None
) -> Markup:
    y = scale.y(value)
    over = not isfinite(value) or (tolerance is not None and value > tolerance)
    shape = f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z" if over else None
    return tag(
        "g",
        tag("title", f"{number} {_name(pair)}: {number_text(value)}"),
        tag("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=f"{_TOP + _HEIGHT}", y2=f"{y:.1f}"),
        tag("path", d=shape) if shape else tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="4"),
        class_="point over" if over else "point",
    )


def _numbers(numbers: Sequence[int], step: float) -> Iterator[Markup]:
    every = ceil(32 / step)
    y = str(_TOP + _HEIGHT + 18)
    for at in range(0, len(numbers), every):
        x = f"{_LEFT + (at + 0.5) * step:.1f}"
        yield tag("text", str(numbers[at]), x=x, y=y, text_anchor="middle")
    middle = f"{_LEFT + step * len(numbers) / 2:g}"
    yield tag("text", "layer", x=middle, y=str(_TOP + _HEIGHT + 34), text_anchor="middle")
