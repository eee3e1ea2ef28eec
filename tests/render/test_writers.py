"""One table in every format: the same figures, and text that stays text."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.render import latex, markdown
from bilstm_crf.render.charts import Bars, Line, LineChart, Point, PointChart
from bilstm_crf.render.document import (
    Block,
    CodeBlock,
    Document,
    Example,
    Examples,
    Figure,
    Folded,
    Gallery,
    Listing,
    Paragraph,
    Section,
    Words,
)
from bilstm_crf.render.page import to_html
from bilstm_crf.render.table import (
    Code,
    CountDifference,
    Interval,
    NameCell,
    Number,
    Percent,
    Points,
    Table,
    columns,
    matrix,
    show,
)
from bilstm_crf.render.text import document_to_text, to_csv, to_text
from pages import Reader
from read_tables import tables_of_markdown, tables_of_page

TABLE = Table(
    "Scores",
    columns("", "F1", "gold", "difference", "95 % interval", "signature", left=["signature"]),
    [
        ("PER", Percent(0.9321, sd=0.001), 1204, Points(-0.0123), Interval(0.925, 0.939), Code("a|b")),
        ("micro", Percent(None), None, Points(None), None, Code("c")),
    ],
    notes=[("micro F1 ", Percent(0.5), ", strict")],
)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&amp;",
    "]]>",
    "</style>",
    "{{ 7 * 7 }}{% raw %}",
    "a | b `c` \\end{table}",
    "\x00\ud800",
]


def page(*blocks: Block, title: str = "t") -> str:
    return to_html(Document(title, (), [Section("s", blocks)]))


def every_block(text: str) -> list[Block]:
    """One block of each kind, with a text wherever one can be."""
    table = Table(
        text, columns(text, text, left=[text]), [(text, Code(text)), (NameCell(text), (text, 1))], [text]
    )
    line = Line(text, text, [(1, 2.0), (2, 3.0)], kept=(2, 3.0))
    charts = [
        LineChart(text, [line], text),
        PointChart([Point(text, 0.5, 0.4, 0.6, 0.3)]),
        Bars([(text, 0.5, text)]),
    ]
    return [
        Paragraph(text, is_note=True),
        Listing([text, Code(text)]),
        CodeBlock([text]),
        Examples([Example([Words(text), Words(text, ("gold", "predicted"))], text, [text])]),
        Gallery([table, matrix(text, [text, "O"], [[1, 2], [3, 0]])]),
        Folded(text, [table]),
        Section(text, [Figure(text, chart) for chart in charts]),
    ]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (Percent(0.87916), "87.92"),
        (Points(0.0), "0.00"),
        (Points(-0.00001), "0.00"),
        (Points(0.0123), "+1.23"),
        (CountDifference(-1204), "−1,204"),
        (CountDifference(0), "0"),
        (Interval(-0.006, 0.028, decimals=1), "−0.6 to 2.8"),
        (Number(1234.56), "1,234.6"),
        (Number(0.00012, 4), "0.0001"),
        (None, "–"),
        (("F1 ", Percent(1.0), None), "F1 100.00–"),
    ],
)
def test_cells_are_shown_as_people_read_them(cell, shown):
    assert show(cell) == shown


def test_text_is_aligned_with_names_to_the_left_and_figures_to_the_right():
    assert to_text(TABLE, decimals=1).splitlines() == [
        "               F1   gold  difference  95 % interval  signature",
        "PER    93.2 ± 0.1  1,204        −1.2   92.5 to 93.9  a|b",
        "micro           –      –           –              –  c",
        "micro F1 50.0, strict",
    ]
    assert to_text(TABLE, max_rows=1, more=": see the page").endswith("… and 1 more: see the page")


def test_csv_holds_full_precision_with_intervals_and_deviations_in_their_own_columns():
    rows = list(csv.reader(io.StringIO(to_csv([TABLE]))))
    assert rows[0] == [
        "table", "", "F1", "F1 sd", "gold", "difference", "95 % interval low", "95 % interval high",
        "signature",
    ]  # fmt: skip
    assert rows[1] == ["Scores", "PER", "0.9321", "0.001", "1204", "-0.0123", "0.925", "0.939", "a|b"]
    assert rows[2] == ["Scores", "micro", "", "", "", "", "", "", "c"]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_csv_gives_every_text_back(texts):
    table = Table(texts[0], columns(*texts), [texts])
    text = to_csv([table]).replace("\r", "¤") if any("\r" in each for each in texts) else to_csv([table])
    found = list(csv.reader(io.StringIO(text, newline="")))
    expected = [each.replace("\r", "¤") for each in texts]
    assert found[1] == [expected[0], *expected]


def test_markdown_page_and_text_show_the_same_figures():
    shown = [[show(cell) for cell in row] for row in TABLE.rows]
    assert tables_of_page(page(TABLE))[0][1:] == shown
    assert tables_of_markdown(markdown.table_to_markdown(TABLE))[0][1:] == shown
    for row in shown:
        for cell in row:
            assert cell in to_text(TABLE)


def test_latex_has_a_line_for_each_row_and_escapes_names():
    text = latex.to_latex(
        Table("50 % & more", columns("", "F1"), [("GPE_LOC", Percent(0.5)), ("µ", Points(-1.0))])
    )
    assert r"\caption{50 \% \& more}" in text
    assert r"GPE\_LOC & 50.00 \\" in text
    assert r"$-$100.00 \\" in text
    assert text.count(r" \\") == 3


@given(st.text())
def test_latex_holds_no_command_that_a_text_brings(text):
    found = latex.escape(text)
    allowed = r"\\[&%$#_{}]|\\text\w+\{\}|\$(?:\\pm|-|\\rightarrow|\\downarrow)\$"
    assert not re.search(r"[\\&%$#_{}~^]", re.sub(allowed, "", found))


@pytest.mark.parametrize("text", HOSTILE)
def test_every_block_escapes_its_text(text):
    whole = page(*every_block(text), title=text)
    reader, plain = Reader(whole), Reader(page())
    assert not {"script", "img"} & set(reader.names)
    assert reader.names.count("style") == plain.names.count("style") == 1
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    assert "49" not in "".join(reader.text)
    whole.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_markdown_of_every_block_holds_no_html_and_whole_tables(text):
    found = markdown.to_markdown(Document(text, (), [Section(text, every_block(text))]))
    outside_code = re.sub(r"```.*?```|(?<!\\)`[^`\n]+`", "", found, flags=re.DOTALL)
    assert "<" not in outside_code
    for table in tables_of_markdown(found):
        assert len({len(row) for row in table}) == 1


@given(st.text())
def test_text_comes_back_from_a_page_except_for_what_html_forbids(text):
    readable = "".join(
        "\N{REPLACEMENT CHARACTER}"
        if (ord(c) < 32 and c not in "\t\n\r") or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000
        else c
        for c in text
    )
    assert f"«{readable}»" in "".join(Reader(page(Paragraph(f"«{text}»"))).text)


@given(st.text())
def test_escaped_markdown_is_one_line_without_html(text):
    escaped = markdown.escape(text)
    assert "\n" not in escaped
    assert "<" not in escaped


def test_a_page_loads_nothing():
    whole = page(*every_block("a"))
    assert "default-src 'none'" in whole
    assert "://" not in whole
    assert "url(" not in whole
    assert not {"script", "link", "img", "iframe"} & set(Reader(whole).names)


def test_a_heat_map_shades_by_the_share_of_the_row_and_leaves_zeros_empty():
    reader = Reader(page(matrix("c", ["PER", "O"], [[3, 1], [0, 0]])))
    shares = [value for name, value in reader.attributes if name == "style"]
    assert shares == ["--share: 0.470", "--share: 0.210"]
    assert reader.names.count("td") == 4
    assert ("title", "gold PER, predicted O: 1 (25.0 %)") in reader.attributes
    assert ("class", "right") in reader.attributes


def test_a_bar_and_a_point_stay_inside_their_rows():
    content = page(Figure("f", Bars([("a", -1.0, ""), ("b", 2.0, "")])))
    assert "width: 0.00%" in content
    assert "width: 100.00%" in content
    points = page(Figure("f", PointChart([Point("a", 0.5, 0.4, 0.6, 0.3), Point("b", 0.5, 0.5, 0.5)])))
    places = [float(place) for place in re.findall(r'[xc]x?[12]?="([\d.]+)%"', points)]
    assert places
    assert all(0 <= place <= 100 for place in places)


def test_contents_link_to_every_section_of_a_long_page():
    sections = [Section(f"s{n}", [Paragraph("a")]) for n in range(4)]
    attributes = Reader(to_html(Document("t", (), sections))).attributes
    links = [value for name, value in attributes if name == "href"]
    assert links == [f"#{value}" for name, value in attributes if name == "id"]
    assert len(links) == 4
    assert "<nav" not in to_html(Document("t", (), sections[:3]))


def test_columns_without_values_can_be_left_out():
    table = Table("t", columns("", "paper", "seeds"), [("a", Percent(None), None)])
    assert table.without_empty(["paper"]).heads == ["", "seeds"]
    assert table.without_empty(["seeds"]).rows == [["a", Percent(None)]]


def test_a_document_as_text_marks_spans_and_leaves_out_what_a_terminal_has_no_room_for():
    words = [Words("…"), Words("Kari", ("gold", "predicted")), Words("Nordmann", ("gold",)), Words("bor")]
    blocks: list[Block] = [
        Examples([Example(words, "a.conllu:3", ["wrong boundary"])]),
        TABLE,
        matrix("left out", ["PER", "O"], [[1, 2], [3, 0]]),
        Figure("left out", Bars([("a", 0.5, "50")])),
        Folded("2 rare ones", [Paragraph("left out")], everywhere=False),
        Folded("Examples", [Listing(["one", "two"])]),
    ]
    text = document_to_text(Document("t", [Paragraph("First.")], [Section("s", blocks)]), max_rows=1)
    assert text.startswith("First.\n\ns\n")
    assert "  a.conllu:3  … [{Kari} Nordmann] bor   wrong boundary" in text
    assert "Scores\n" in text
    assert "… and 1 more" in text
    assert "… and 2 rare ones" in text
    assert "Examples\none\ntwo" in text
    assert "left out" not in text
