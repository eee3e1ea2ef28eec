import re
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.render import page as page_module
from bilstm_crf.render.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    STYLES,
    TOP,
    WIDTH,
    Line,
    LineChart,
    log_ticks,
    ticks,
)
from bilstm_crf.render.document import Document, Figure
from bilstm_crf.render.page import to_html
from pages import Reader

STYLE = Path(page_module.__file__).parent.joinpath("templates", "style.css").read_text("utf-8")
NUMBERS = st.floats(-1e15, 1e15)
POSITIVE = st.floats(1e-6, 1e15)


def chart(title: str, lines: list[Line], **options: bool) -> str:
    """The SVG on a page."""
    page = to_html(Document("t", [Figure("", LineChart(title, lines, **options))], ()))
    return page[page.index("<svg") : page.index("</svg>") + len("</svg>")]


@given(NUMBERS, NUMBERS)
def test_ticks_are_few_and_rise_and_enclose_what_they_are_for(a, b):
    low, high = min(a, b), max(a, b)
    found = ticks(low, high)
    assert found == sorted(set(found))
    assert 2 <= len(found) <= 12
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert found[0] <= low + slack
    assert found[-1] >= high - slack


@given(POSITIVE, POSITIVE)
def test_ticks_of_a_logarithmic_scale_enclose_what_they_are_for(a, b):
    low, high = min(a, b), max(a, b)
    found = log_ticks(low, high)
    assert found == sorted(set(found))
    assert 1 <= len(found) <= 8
    assert 0 < found[0] <= low * (1 + 1e-9)
    assert found[-1] >= high * (1 - 1e-9)


@given(
    st.lists(st.lists(NUMBERS, min_size=1, max_size=5), min_size=1, max_size=9),
    st.booleans(),
)
def test_every_point_lies_inside_the_drawing(columns, logarithmic):
    lines = [Line(f"seed {n}", str(n), list(enumerate(ys, start=1))) for n, ys in enumerate(columns)]
    drawn = chart("t", lines, is_logarithmic=logarithmic)
    reader = Reader(drawn)
    places = [value for name, value in reader.attributes if name == "points"]
    assert [len(each.split()) for each in places] == [len(ys) for ys in columns]
    for x, y in (map(float, each.split(",")) for place in places for each in place.split()):
        assert LEFT <= x <= RIGHT
        assert TOP - 0.1 <= y <= BOTTOM + 0.1
    assert (RIGHT, BOTTOM) < (WIDTH, HEIGHT)


def test_a_chart_says_in_words_what_it_shows():
    line = Line("seed 42", "42", [(1, 71.2), (2, 85.5), (3, 84.0)], kept=(2, 85.5))
    reader = Reader(chart("Dev <F1>", [line]))
    assert ("role", "img") in reader.attributes
    assert reader.names[:3] == ["svg", "title", "desc"]
    assert "Dev <F1>" in reader.text
    assert "seed 42: 71.2 at epoch 1, kept 85.5 at epoch 2, 84 at epoch 3." in reader.text


def test_lines_differ_without_colours():
    dashes = re.findall(r"\.line-\d \{[^}]*?(?:stroke-dasharray: ([^;]*);)? \}", STYLE)
    assert len(set(dashes)) == len(dashes) == STYLES
    lines = [Line(f"seed {n}", str(n), [(1, 1.0), (2, 2.0)]) for n in range(3)]
    names = re.findall(r'class="label"[^>]*>(\d)<', chart("t", lines))
    assert sorted(names) == ["0", "1", "2"]


@given(st.lists(st.floats(0, 100), min_size=2, max_size=12))
def test_names_at_the_ends_do_not_lie_on_one_another(ends):
    lines = [Line(f"seed {n}", str(n), [(1, 0.0), (2, y)]) for n, y in enumerate(ends)]
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="start"', chart("t", lines)))
    assert len(heights) == len(ends)
    assert all(b - a >= 12.8 for a, b in pairwise(heights))
