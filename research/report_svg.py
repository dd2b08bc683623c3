"""Charts as SVG text: no library to load, so a page of them is small, prints and works offline.

A chart is a frame with labels, and inside it a nested `svg` with the drawing. Lines do not scale
with it (`vector-effect`), so the page's script zooms by changing the nested view box alone. Dots
are lines of no length with round ends: they stay round when the drawing is stretched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from research.report_axes import tick_text, time_ticks, value_ticks
from research.report_thin import F8, I8, dot_rows, line_rows

WIDTH: Final = 960
HEIGHT: Final = 240
LEFT: Final = 76  # room for labels around the drawing, px
RIGHT: Final = 24
TOP: Final = 8
BOTTOM: Final = 22
_LABEL: Final = 64  # about the width of a time, px
DOTS_MANY: Final = 400  # of more dots than this, each is smaller
ACROSS: Final = WIDTH - LEFT - RIGHT  # of the drawing inside, px


@dataclass(frozen=True, slots=True)
class Layer:
    """One series of a chart: `x` is ns on a time chart. `css` names its colour in the style."""

    kind: Literal["line", "area", "dots"]
    name: str
    css: str
    x: NDArray[np.generic]
    y: F8


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, and how many of how many points are in it."""

    svg: str
    drawn: int
    of: int

    @property
    def note(self) -> str:
        """What a reader should know about what is not drawn."""
        if self.drawn == self.of:
            return f"all {self.of:,} points drawn"
        return f"{self.drawn:,} of {self.of:,} points drawn, every extreme among them"


def time_chart(
    ident: str, layers: Sequence[Layer], *, percent: bool = False, zero: bool = False,
    height: int = HEIGHT, span: tuple[int, int] | None = None,
) -> Chart:  # fmt: skip
    """Series over time.

    ident   of the element; letters and hyphens
    zero    whether zero must be on the axis
    span    first and last ns of the axis; None: of the data
    cost    O(n log n) in the points of each layer
    """
    filled = [each for each in layers if len(each.x)]
    if not filled:
        return Chart(_empty(ident, height), 0, 0)
    first = min(int(e.x[0]) for e in filled)
    last = max(int(e.x[-1]) for e in filled)
    start, end = span or (first, last)
    end = max(end, start + 1)
    tall = height - TOP - BOTTOM
    low, high = _range([e.y for e in filled], zero=zero)
    parts, drawn = [], 0
    for each in filled:
        x = (np.asarray(each.x, np.int64) - start) / (end - start) * ACROSS
        y = (high - each.y) / (high - low) * tall
        rows = _rows(each, x, y, tall)
        drawn += len(rows)
        base = (high - min(max(0.0, low), high)) / (high - low) * tall
        parts.append(_drawn(each, x[rows], y[rows], base))
    labels = [((t - start) / (end - start) * ACROSS, text) for t, text in time_ticks(start, end)]
    data = f' data-x0="{start}" data-x1="{end}" data-y0="{low!r}" data-y1="{high!r}"'
    data += ' data-percent="1"' if percent else ""
    frame = _Frame(ident, height, low, high, percent, labels, "chart time", data)
    return Chart(frame.around("".join(parts)), drawn, sum(len(e.x) for e in filled))


def scatter(
    ident: str, layers: Sequence[Layer], *, percent: bool = True, height: int = 300,
    names: tuple[str, str] = ("", ""),
) -> Chart:  # fmt: skip
    """Dots over a number; both axes show zero and have the same unit. `names` of both axes."""
    filled = [each for each in layers if len(each.x)]
    if not filled:
        return Chart(_empty(ident, height), 0, 0)
    tall = height - TOP - BOTTOM
    left, right = _range([np.asarray(e.x, np.float64) for e in filled], zero=True)
    low, high = _range([e.y for e in filled], zero=True)
    parts, drawn = [], 0
    for each in filled:
        x = (np.asarray(each.x, np.float64) - left) / (right - left) * ACROSS
        y = (high - each.y) / (high - low) * tall
        rows = dot_rows(x, y, ACROSS, tall)
        drawn += len(rows)
        parts.append(_drawn(each, x[rows], y[rows], 0.0))
    labels = _number_labels(left, right, percent=percent)
    frame = _Frame(ident, height, low, high, percent, labels, "chart", "", names)
    return Chart(frame.around("".join(parts)), drawn, sum(len(e.x) for e in filled))


def bars(
    ident: str, edges: F8, counts: I8, curve: F8 | None = None, *, percent: bool = True,
    height: int = HEIGHT, names: tuple[str, str] = ("", ""),
) -> Chart:  # fmt: skip
    """A histogram: what lies below zero in the colour of losses.

    edges  (n + 1,) ascending
    curve  (n,) expected counts, drawn as a line over the middles; None: none
    """
    tall = height - TOP - BOTTOM
    left, right = float(edges[0]), float(edges[-1])
    top = float(max(counts.max(initial=0), 0.0 if curve is None else curve.max(initial=0.0), 1.0))
    x = (edges - left) / (right - left) * ACROSS
    y = tall - counts / (top * 1.05) * tall
    boxes = {"loss": [], "gain": []}  # type: dict[str, list[str]]
    for i, count in enumerate(counts):
        if count:
            side = "loss" if edges[i] + edges[i + 1] < 0.0 else "gain"
            box = f"M{_n(x[i] + 0.5)} {tall}V{_n(y[i])}H{_n(x[i + 1] - 0.5)}V{tall}Z"
            boxes[side].append(box)
    parts = [f'<path class="box {s}" d="{"".join(b)}"/>' for s, b in boxes.items() if b]
    if curve is not None:
        middle = (x[1:] + x[:-1]) / 2.0
        line = Layer("line", "normal", "other", middle, curve)
        parts.append(_drawn(line, middle, tall - curve / (top * 1.05) * tall, 0.0))
    labels = _number_labels(left, right, percent=percent)
    frame = _Frame(ident, height, 0.0, top * 1.05, False, labels, "chart", "", names)
    return Chart(frame.around("".join(parts)), len(counts), len(counts))


@dataclass(frozen=True, slots=True)
class _Frame:
    """Axes and labels around a drawing."""

    ident: str
    height: int
    low: float
    high: float
    percent: bool
    labels: Sequence[tuple[float, str]]  # of the x axis: px inside, text
    css: str
    data: str
    names: tuple[str, str] = ("", "")

    def around(self, inside: str) -> str:
        tall = self.height - TOP - BOTTOM
        ticks = value_ticks(self.low, self.high)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else self.high - self.low
        grid, text = [], []
        for value in ticks:
            y = TOP + (self.high - value) / (self.high - self.low) * tall
            css = "zero" if value == 0.0 else "grid"
            grid.append(f'<path class="{css}" d="M{LEFT} {_n(y)}h{ACROSS}"/>')
            label = tick_text(value, step, percent=self.percent)
            text.append(f'<text class="y" x="{LEFT - 6}" y="{_n(y + 3.5)}">{label}</text>')
        bottom = self.height - BOTTOM + 15
        marks = [
            f'<text class="x{" last" if x > ACROSS - _LABEL / 2 else ""}"'
            f' x="{_n(min(LEFT + x, WIDTH - 2))}" y="{bottom}">{escape(t)}</text>'
            for x, t in self.labels
        ]
        across, up = (escape(n) for n in self.names)
        named = f'<text class="name" x="{WIDTH - RIGHT}" y="{bottom - 20}">{across}</text>'
        named += f'<text class="name up" x="{LEFT + 6}" y="{TOP + 12}">{up}</text>'
        return (
            f'<svg id="{self.ident}" class="{self.css}"{self.data} role="img"'
            f' viewBox="0 0 {WIDTH} {self.height}">{"".join(grid)}{"".join(text)}'
            f'<g class="marks">{"".join(marks)}</g>{named if any(self.names) else ""}'
            f'<svg class="plot" x="{LEFT}" y="{TOP}" width="{ACROSS}" height="{tall}"'
            f' viewBox="0 0 {ACROSS} {tall}" preserveAspectRatio="none">{inside}</svg></svg>'
        )


def _rows(layer: Layer, x: F8, y: F8, tall: int) -> I8:
    if layer.kind == "dots":
        return dot_rows(x, y, ACROSS, tall)
    return line_rows(np.asarray(layer.x, np.int64), layer.y, ACROSS)


def _drawn(layer: Layer, x: F8, y: F8, base: float) -> str:
    name = f' data-name="{escape(layer.name)}"'
    points = [f"{_n(a)} {_n(b)}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    if layer.kind == "dots":
        small = " small" if len(points) > DOTS_MANY else ""
        marks = "".join(f"M{p}h0" for p in points)
        return f'<path class="dots {layer.css}{small}"{name} d="{marks}"/>'
    path = "M" + "L".join(points)
    found = f'<path class="line {layer.css}"{name} d="{path}"/>'
    if layer.kind == "area":
        closed = f"{path}V{_n(base)}H{_n(float(x[0]))}Z"
        return f'<path class="area {layer.css}" d="{closed}"/>{found}'
    return found


def _range(series: Sequence[F8], *, zero: bool) -> tuple[float, float]:
    """Lowest and highest value with a little air; never the same."""
    low = min(float(s.min()) for s in series)
    high = max(float(s.max()) for s in series)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    air = (high - low) * 0.04 or max(abs(high) * 0.01, 1e-9)
    under = low if zero and low == 0.0 else low - air
    return under, high if zero and high == 0.0 and low < 0.0 else high + air


def _number_labels(left: float, right: float, *, percent: bool) -> list[tuple[float, str]]:
    ticks = value_ticks(left, right, 8)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else right - left
    return [
        ((v - left) / (right - left) * ACROSS, tick_text(v, step, percent=percent)) for v in ticks
    ]


def _n(value: float) -> str:
    """A coordinate: two places are a hundredth of a pixel."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _empty(ident: str, height: int) -> str:
    middle = f'x="{WIDTH // 2}" y="{ceil(height / 2)}"'
    return (
        f'<svg id="{ident}" class="chart" role="img" viewBox="0 0 {WIDTH} {height}">'
        f'<text class="none" {middle}>nothing to draw</text></svg>'
    )
