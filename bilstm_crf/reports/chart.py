"""A line chart as inline SVG, which needs no script, no library and no network.

    chart("Dev F1", [Line("seed 42", "42", [(1, 71.2), (2, 78.8)])])

Lines differ in dashes as well as in colour; their names, with a piece of them, stand to the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bilstm_crf.render.html import Html, element, join

# Of the drawing, in its own units; a page scales it to its column.
WIDTH, HEIGHT = 440, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 382, 12, 204
LABEL = 13  # from one name to the next
SAMPLE = 18  # of a line, beside its name
MIN_LOGARITHMIC = 1e-6  # that a logarithmic scale can show
KINDS = 6  # of lines; the seventh looks as the first, but for its name

# The first two colours are the page's own; the others are seen on light and dark ground alike.
STYLE = """
.chart { display: block; width: 100%; max-width: 34rem; height: auto; font-size: 12px;
  font-variant-numeric: tabular-nums; }
.chart text { fill: var(--faint); } .chart .name { fill: var(--text); }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .line { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
.chart .kept { fill: var(--ground); stroke-width: 2; }
.line-0 { stroke: rgb(var(--right)); }
.line-1 { stroke: rgb(var(--wrong)); stroke-dasharray: 7 3; }
.line-2 { stroke: #16a34a; stroke-dasharray: 2 2.5; }
.line-3 { stroke: #a855f7; stroke-dasharray: 9 3 2 3; }
.line-4 { stroke: #0d9488; stroke-dasharray: 4 4; }
.line-5 { stroke: #db2777; stroke-dasharray: 12 3 2 3 2 3; }
.chart circle { stroke-dasharray: none; }
"""

Scale = Callable[[float], float]  # from a value to its place in the drawing


@dataclass(frozen=True)
class Line:
    """Points (x, y), at least one; `kept` gets a ring; `label` stands to the right."""

    name: str
    label: str
    points: Sequence[tuple[float, float]]
    kept: tuple[float, float] | None = None


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_name: str = "epoch",
    logarithmic: bool = False,
    bounds: tuple[float, float] | None = None,
) -> Html:
    """The drawing, with its title and a description in words for who does not see it.

    `bounds` are the lowest and highest y to make room for, so that charts can be compared. A scale can be
    logarithmic only where every y is well above 0; elsewhere it is not.
    """
    xs = [x for line in lines for x, _ in line.points]
    low, high = bounds or y_bounds(lines)
    logarithmic = logarithmic and low > MIN_LOGARITHMIC
    y_ticks = log_ticks(low, high) if logarithmic else ticks(low, high)
    x_ticks = [tick for tick in ticks(min(xs), max(xs), smallest=1) if min(xs) <= tick <= max(xs)]
    x = _scale(min(xs), max(xs), LEFT, RIGHT)
    y = _log_scale(y_ticks) if logarithmic else _scale(y_ticks[0], y_ticks[-1], BOTTOM, TOP)
    parts = [
        element("title", title),
        element("desc", describe(lines, x_name)),
        *(_grid(y(tick), number(tick)) for tick in y_ticks),
        *(_text(x(tick), BOTTOM + 16, number(tick), "middle") for tick in x_ticks),
        _text((LEFT + RIGHT) / 2, BOTTOM + 32, x_name, "middle"),
        *(_drawn(line, kind % KINDS, x, y) for kind, line in enumerate(lines)),
        *_names(lines, y),
    ]
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", join(parts, "\n"), class_="chart", role="img", viewBox=box)


def y_bounds(lines: Sequence[Line]) -> tuple[float, float]:
    """The lowest and highest y of all lines."""
    ys = [y for line in lines for _, y in line.points]
    return min(ys), max(ys)


def describe(lines: Sequence[Line], x_name: str = "epoch") -> str:
    """Where each line begins, is kept and ends.

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
    """Up to six digits, thousands apart, large numbers in full.

    >>> number(26836.678), number(0.25), number(80.0)
    ('26,836.7', '0.25', '80')
    """
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.6g}"


# ---------------------------------------------------------------- scales


def ticks(low: float, high: float, *, count: int = 5, smallest: float = 1e-12) -> list[float]:
    """Round values (1, 2 or 5 and zeros) a step apart, from at or below `low` to at or above `high`.

    >>> ticks(71.2, 85.2)
    [70, 75, 80, 85, 90]
    """
    if not low < high:
        low, high = low - 1, high + 1
    # A step too small for the digits of the numbers would never get from one to the next.
    raw = max((high - low) / count, smallest, 1e-9 * max(abs(low), abs(high)))
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    values = [round(each * step, 12) for each in range(first, max(last, first + 1) + 1)]
    return [int(value) if value == int(value) else value for value in values]


def log_ticks(low: float, high: float) -> list[float]:
    """Values above 0 for a logarithmic scale, the first at or below `low`, the last at or above `high`.

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


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    span = high - low or 1.0
    return lambda value: start + (end - start) * (value - low) / span


def _log_scale(y_ticks: Sequence[float]) -> Scale:
    scale = _scale(math.log(y_ticks[0]), math.log(y_ticks[-1]), BOTTOM, TOP)
    return lambda value: scale(math.log(value))


# ---------------------------------------------------------------- parts


def _grid(y: float, name: str) -> Html:
    line = element("line", x1=LEFT, x2=RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid")
    return line + _text(LEFT - 6, y + 4, name, "end")


def _text(x: float, y: float, text: str, anchor: str, class_: str = "tick") -> Html:
    return element("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=class_)


def _drawn(line: Line, kind: int, x: Scale, y: Scale) -> Html:
    """The line, and a ring where it is kept; a line of one point is a dot."""
    places = [f"{x(a):.1f},{y(b):.1f}" for a, b in line.points]
    drawn = element("polyline", points=" ".join(places), class_=f"line line-{kind}")
    if line.kept is None and len(line.points) > 1:
        return drawn
    a, b = line.kept or line.points[0]
    tip = element("title", f"{line.name}: {number(b)} at {number(a)}")
    return drawn + element("circle", tip, cx=f"{x(a):.1f}", cy=f"{y(b):.1f}", r=4, class_=f"kept line-{kind}")


def _names(lines: Sequence[Line], y: Scale) -> list[Html]:
    """To the right, as high as each line ends: a piece of it and its name; apart where they would meet."""
    ends = sorted(enumerate(lines), key=lambda item: y(item[1].points[-1][1]))
    heights = [y(line.points[-1][1]) for _, line in ends]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + LABEL)
    lowest = float(BOTTOM)
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], lowest)
        lowest = heights[i] - LABEL
    parts, start, end = [], RIGHT + 8, RIGHT + 8 + SAMPLE
    for (kind, line), height in zip(ends, heights, strict=True):
        y1 = y2 = f"{height:.1f}"
        parts.append(element("line", x1=start, x2=end, y1=y1, y2=y2, class_=f"line line-{kind % KINDS}"))
        parts.append(_text(end + 4, height + 4, line.label, "start", "name"))
    return parts
