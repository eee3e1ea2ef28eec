"""Charts as plain geometry: what a page draws as inline SVG, which needs no script, library or network.

    LineChart("Dev F1", [Line("seed 42", "42", [(1, 71.2), (2, 78.8)])])     curves by epoch
    PointChart([Point("ours", 0.879, 0.871, 0.886, reference=0.862)])        scores with intervals
    Bars([("PER", 0.93, "93.0")])                                            fractions as bars

Lines differ in dashes as well as in colour; their names stand to the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# The drawing in its own units; a page scales it to its column.
WIDTH, HEIGHT = 440, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 382, 12, 204
LABEL_HEIGHT = 13  # between two names at the ends of lines
MIN_LOGARITHMIC = 1e-6  # the least value that a logarithmic scale can show
STYLES = 6  # of lines in style.css; the seventh looks like the first, except for its name


@dataclass(frozen=True)
class Axis:
    """Round values to name, and the place of any value in the drawing."""

    ticks: list[float]
    place: Callable[[float], float]


@dataclass(frozen=True)
class Line:
    """Points (x, y), at least one; `kept` gets a ring; `label` stands to the right."""

    name: str
    label: str
    points: Sequence[tuple[float, float]]
    kept: tuple[float, float] | None = None


@dataclass(frozen=True)
class LineChart:
    """Lines over a common x. With `bounds` (lowest and highest y), several charts have the same scale.

    A scale is logarithmic only where every y is well above 0.
    """

    title: str
    lines: Sequence[Line]
    x_name: str = "epoch"
    is_logarithmic: bool = False
    bounds: tuple[float, float] | None = None

    @property
    def x(self) -> Axis:
        """The axis of the epochs."""
        xs = [x for line in self.lines for x, _ in line.points]
        low, high = min(xs), max(xs)
        inside = [tick for tick in ticks(low, high, min_step=1) if low <= tick <= high]
        return Axis(inside, _linear(low, high, LEFT, RIGHT))

    @property
    def y(self) -> Axis:
        """The axis of the values."""
        low, high = self.bounds or y_bounds(self.lines)
        if not (self.is_logarithmic and low > MIN_LOGARITHMIC):
            found = ticks(low, high)
            return Axis(found, _linear(found[0], found[-1], BOTTOM, TOP))
        found = log_ticks(low, high)
        scale = _linear(math.log(found[0]), math.log(found[-1]), BOTTOM, TOP)
        return Axis(found, lambda value: scale(math.log(value)))

    @property
    def label_heights(self) -> list[float]:
        """The height of each line's name: that of the line's end, moved apart where names would overlap."""
        ends = [self.y.place(line.points[-1][1]) for line in self.lines]
        order = sorted(range(len(ends)), key=ends.__getitem__)
        highest = -math.inf
        for i in order:
            highest = ends[i] = max(ends[i], highest + LABEL_HEIGHT)
        lowest = float(BOTTOM)
        for i in reversed(order):
            ends[i] = min(ends[i], lowest)
            lowest = ends[i] - LABEL_HEIGHT
        return ends

    @property
    def description(self) -> str:
        """A description in words: the start, the kept epoch and the end of each line."""
        return describe(self.lines, self.x_name)


@dataclass(frozen=True)
class Point:
    """A score with its interval, and another one to compare it with; all are fractions from 0 to 1."""

    name: str
    value: float
    low: float
    high: float
    reference: float | None = None


@dataclass(frozen=True)
class PointChart:
    """Scores with their intervals, one per row, in per cent.

    With `bounds` (lowest and highest fraction), several charts have the same scale.
    """

    points: Sequence[Point]
    bounds: tuple[float, float] | None = None

    @property
    def axis(self) -> Axis:
        """The axis in per cent, with places in per cent of the width."""
        low, high = self.bounds or point_bounds(self.points)
        found = ticks(100 * low, 100 * high)
        return Axis(found, _linear(found[0], found[-1], 2, 98))


def point_bounds(points: Sequence[Point]) -> tuple[float, float]:
    """Return the lowest and highest value of all points, their intervals and references."""
    values = [each for point in points for each in (point.value, point.low, point.high, point.reference)]
    known = [value for value in values if value is not None]
    return min(known), max(known)


@dataclass(frozen=True)
class Bars:
    """One bar a row: its name, its length as a fraction from 0 to 1, the figure beside it."""

    rows: Sequence[tuple[str, float, str]]


def y_bounds(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the lowest and highest y of all lines."""
    ys = [y for line in lines for _, y in line.points]
    return min(ys), max(ys)


def describe(lines: Sequence[Line], x_name: str = "epoch") -> str:
    """Say where each line begins, is kept and ends.

    >>> describe([Line("seed 42", "42", [(1, 71.2), (2, 78.75)], kept=(2, 78.75))])
    'seed 42: 71.2 at epoch 1, kept 78.75 at epoch 2, 78.75 at epoch 2.'
    """
    sentences = []
    for line in lines:
        kept = [("kept ", line.kept)] if line.kept else []
        places = [("", line.points[0]), *kept, ("", line.points[-1])]
        said = ", ".join(f"{what}{number(y)} at {x_name} {number(x)}" for what, (x, y) in places)
        sentences.append(f"{line.name}: {said}.")
    return " ".join(sentences)


def number(value: float) -> str:
    """Return up to six digits with thousands apart; large numbers in full.

    >>> number(26836.678), number(0.25), number(80.0)
    ('26,836.7', '0.25', '80')
    """
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.6g}"


# ---------------------------------------------------------------- scales


def ticks(low: float, high: float, *, count: int = 5, min_step: float = 1e-12) -> list[float]:
    """Return round values (1, 2 or 5 times a power of ten) that enclose `low` and `high`.

    >>> ticks(71.2, 85.2)
    [70, 75, 80, 85, 90]
    """
    if not low < high:
        low, high = low - 1, high + 1
    # A step too small for the digits of the numbers would never get from one to the next.
    raw = max((high - low) / count, min_step, 1e-9 * max(abs(low), abs(high)))
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    values = [round(each * step, 12) for each in range(first, max(last, first + 1) + 1)]
    return [int(value) if value == int(value) else value for value in values]


def log_ticks(low: float, high: float) -> list[float]:
    """Return values above 0 for a logarithmic scale that enclose `low` and `high`.

    >>> log_ticks(514, 26836)
    [500.0, 1000.0, 2000.0, 5000.0, 10000.0, 20000.0, 50000.0]
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(exponents) <= 4 else (1,)
    values = [factor * 10.0**exponent for exponent in exponents for factor in factors]
    first = max((i for i, value in enumerate(values) if value <= low), default=0)
    last = min((i for i, value in enumerate(values) if value >= high), default=len(values) - 1)
    last = max(last, first + 1)
    inside = values[first : last + 1]
    return inside if len(inside) <= 8 else [*inside[: -1 : math.ceil(len(inside) / 6)], inside[-1]]


def _linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    span = high - low or 1.0
    return lambda value: start + (end - start) * (value - low) / span
