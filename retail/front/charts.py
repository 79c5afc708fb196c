"""Charts as inline SVG geometry: pure arithmetic from numbers to coordinates. Colour comes from classes only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

LEFT, RIGHT, TOP, BOTTOM = 44, 476, 20, 200


@dataclass(frozen=True)
class Series:
    name: Any
    values: Sequence[float | None]  # None = not known yet; drawn as nothing, said as a dash


@dataclass(frozen=True)
class BarChart:
    """Bars of one series, another as a dashed line to compare. `finding` says in words what the picture shows."""

    finding: Any
    label_head: Any
    labels: Sequence[Any]
    bars: Series
    compare: Series | None = None


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    middle: float
    label: Any


@dataclass(frozen=True)
class Drawing:
    grid: list[tuple[float, float]]  # y and the number that stands there
    zero: float
    bars: list[Bar]
    line: str
    rows: list[tuple[Any, float | None, float | None]]


LETTER = 6.5  # width of a digit in the picture's own units
# Below it a figure is noise of floating point, and so would be its scale.
SMALLEST_SPAN = 1e-9


def nice_step(span: float, ticks: int = 4) -> float:
    """1, 2 or 5 times a power of ten, so that about `ticks` steps cover the span."""
    if span < SMALLEST_SPAN:
        return 1.0
    rough = span / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    return next((f * power for f in (1, 2, 5, 10) if f * power >= rough * 0.999999), 10 * power)


def draw(chart: BarChart) -> Drawing:
    """Coordinates of a 480 by 230 picture; the scale always holds zero, negative bars hang below it."""
    other = list(chart.compare.values) if chart.compare else []
    known = [v for v in [*chart.bars.values, *other] if v is not None] or [0.0]
    step = nice_step(max(0.0, max(known)) - min(0.0, min(known)))
    low = math.floor(min(0.0, min(known)) / step) * step
    high = max(math.ceil(max(0.0, max(known)) / step) * step, low + step)

    def y_of(value: float) -> float:
        return round(BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP), 1)

    slot = (RIGHT - LEFT) / max(1, len(chart.labels))
    wide = round(slot * 0.72, 1)
    middles = [round(LEFT + slot * (n + 0.5), 1) for n in range(len(chart.labels))]
    bars = []
    shown = _told_labels(chart.labels, slot)
    for middle, label, value in zip(middles, shown, chart.bars.values, strict=True):
        top, foot = sorted((y_of(value or 0), y_of(0)))
        bars.append(Bar(round(middle - wide / 2, 1), top, wide, round(foot - top, 1), middle, label))
    points = [f"{m} {y_of(v)}" for m, v in zip(middles, other, strict=False) if v is not None]
    marks = [low + step * n for n in range(round((high - low) / step) + 1)]
    padded = other or [None] * len(chart.labels)
    return Drawing(
        grid=[(y_of(mark), mark) for mark in marks],
        zero=y_of(0),
        bars=bars,
        line="M" + " L".join(points) if len(points) > 1 else "",
        rows=list(zip(chart.labels, chart.bars.values, padded, strict=True)),
    )


def _told_labels(labels: Sequence[Any], slot: float) -> list[Any]:
    """As many labels as fit side by side, the last one always; the table below has them all."""
    widest = max((len(str(label)) for label in labels), default=0) * LETTER + LETTER
    every = max(1, math.ceil(widest / slot))
    last = len(labels) - 1
    return [label if (last - n) % every == 0 else "" for n, label in enumerate(labels)]


def spark(values: Sequence[float], width: int = 104, height: int = 36) -> str:
    """The path of a small line without axes."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1
    step = (width - 6) / (len(values) - 1)
    points = (
        f"{3 + step * n:.1f} {height - 3 - (v - low) / span * (height - 6):.1f}" for n, v in enumerate(values)
    )
    return "M" + " L".join(points)


@dataclass(frozen=True)
class Term:
    """One part of a cost; its place in the list gives the colour, the same in every row."""

    name: Any
    value: float


@dataclass(frozen=True)
class Segment:
    x: float
    width: float
    colour: str


def stack(terms: Sequence[Term], scale: float, width: int = 400) -> list[Segment]:
    """Terms side by side on one scale (the largest sum of the table); a term of zero leaves no mark."""
    found, left = [], 0.0
    for number, term in enumerate(terms):
        part = max(0.0, float(term.value)) / scale * width if scale > 0 else 0.0
        if part:
            found.append(Segment(round(left, 1), round(part, 1), f"c{number % 5 + 1}"))
        left += part
    return found
