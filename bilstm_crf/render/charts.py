"""Charts as plain geometry: what a page draws as inline SVG, which needs no script, library or network.

    LineChart("Dev F1", [Line("seed 42", "42", [(1, 71.2), (2, 78.8)])])     curves by epoch
    PointChart([Point("ours", 0.879, 0.871, 0.886, reference=0.862)])        scores with intervals
    Bars([("PER", 0.93, "93.0")])                                            fractions as bars

Lines differ in dashes as well as in colour; their names stand to the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

# The drawing in its own units; a page scales it to its column.
WIDTH, HEIGHT = 440, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 382, 12, 204
LABEL_HEIGHT = 13  # between two names at the ends of lines
SAMPLE_WIDTH = 18  # of the piece of line beside its name
MIN_LOGARITHMIC = 1e-6  # the least value that a logarithmic scale can show
STYLES = 6  # of lines; the seventh looks like the first, except for its name

Scale = Callable[[float], float]  # from a value to its place in the drawing


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

    def scale(self) -> tuple[list[float], Scale]:
        """Return the axis in per cent, and the place of a fraction in per cent of the width."""
        low, high = self.bounds or point_bounds(self.points)
        found = ticks(100 * low, 100 * high)
        place = _linear(found[0], found[-1], 2, 98)
        return found, lambda fraction: place(100 * fraction)


def point_bounds(points: Sequence[Point]) -> tuple[float, float]:
    """Return the lowest and highest value of all points, their intervals and references."""
    values = [each for point in points for each in (point.value, point.low, point.high, point.reference)]
    known = [value for value in values if value is not None]
    return min(known), max(known)


@dataclass(frozen=True)
class Bars:
    """One bar a row: its name, its length as a fraction from 0 to 1, the figure beside it."""

    rows: Sequence[tuple[str, float, str]]


# ---------------------------------------------------------------- drawing of lines


@dataclass(frozen=True)
class Stroke:
    """A straight line."""

    x1: float
    x2: float
    y1: float
    y2: float
    style: str


@dataclass(frozen=True)
class Text:
    """Text at a place, anchored at its start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str
    style: str = "tick"


@dataclass(frozen=True)
class Curve:
    """A line through points, and a ring (place and tip) where it has one."""

    points: str
    style: str
    ring: tuple[float, float, str] | None


@dataclass(frozen=True)
class Drawing:
    """What a template draws, in the units of the drawing."""

    title: str
    description: str
    strokes: list[Stroke] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)


def draw(chart: LineChart) -> Drawing:
    """Return the drawing of a line chart, with a description in words for those who do not see it."""
    xs = [x for line in chart.lines for x, _ in line.points]
    low, high = chart.bounds or y_bounds(chart.lines)
    x_ticks = [tick for tick in ticks(min(xs), max(xs), min_step=1) if min(xs) <= tick <= max(xs)]
    x = _linear(min(xs), max(xs), LEFT, RIGHT)
    y_ticks, y = _y_scale(low, high, is_logarithmic=chart.is_logarithmic and low > MIN_LOGARITHMIC)
    drawing = Drawing(chart.title, describe(chart.lines, chart.x_name))
    drawing.strokes.extend(Stroke(LEFT, RIGHT, y(tick), y(tick), "grid") for tick in y_ticks)
    drawing.texts.extend(Text(LEFT - 6, y(tick) + 4, number(tick), "end") for tick in y_ticks)
    drawing.texts.extend(Text(x(tick), BOTTOM + 16, number(tick), "middle") for tick in x_ticks)
    drawing.texts.append(Text((LEFT + RIGHT) / 2, BOTTOM + 32, chart.x_name, "middle"))
    drawing.curves.extend(_curve(line, _style(kind), x, y) for kind, line in enumerate(chart.lines))
    _add_names(drawing, chart.lines, y)
    return drawing


def _style(kind: int) -> str:
    return f"line line-{kind % STYLES}"


def _curve(line: Line, style: str, x: Scale, y: Scale) -> Curve:
    """The line, and a ring where it is kept; a line of one point is a ring."""
    points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points)
    if line.kept is None and len(line.points) > 1:
        return Curve(points, style, None)
    a, b = line.kept or line.points[0]
    return Curve(points, style, (x(a), y(b), f"{line.name}: {number(b)} at {number(a)}"))


def _add_names(drawing: Drawing, lines: Sequence[Line], y: Scale) -> None:
    """To the right, as high as each line ends: a piece of it and its name; apart where they would meet."""
    ends = sorted(enumerate(lines), key=lambda item: y(item[1].points[-1][1]))
    heights = [y(line.points[-1][1]) for _, line in ends]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + LABEL_HEIGHT)
    lowest = float(BOTTOM)
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], lowest)
        lowest = heights[i] - LABEL_HEIGHT
    start, end = RIGHT + 8, RIGHT + 8 + SAMPLE_WIDTH
    for (kind, line), height in zip(ends, heights, strict=True):
        drawing.strokes.append(Stroke(start, end, height, height, _style(kind)))
        drawing.texts.append(Text(end + 4, height + 4, line.label, "start", "label"))


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


def _y_scale(low: float, high: float, *, is_logarithmic: bool) -> tuple[list[float], Scale]:
    if not is_logarithmic:
        found = ticks(low, high)
        return found, _linear(found[0], found[-1], BOTTOM, TOP)
    found = log_ticks(low, high)
    scale = _linear(math.log(found[0]), math.log(found[-1]), BOTTOM, TOP)
    return found, lambda value: scale(math.log(value))


def _linear(low: float, high: float, start: float, end: float) -> Scale:
    span = high - low or 1.0
    return lambda value: start + (end - start) * (value - low) / span
