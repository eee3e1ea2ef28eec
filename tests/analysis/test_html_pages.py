import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pages import Reader
from bilstm_crf.render.html import (
    Html,
    bars,
    element,
    escape,
    heat_map,
    join,
    page,
    paragraph,
    section,
    table,
)

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&amp;",
    "]]>",
    "</style>",
    "\x00\ud800",
]


@given(st.text())
def test_text_comes_back_from_the_page_as_it_went_in_but_for_what_html_forbids(text):
    readable = "".join(
        "\N{REPLACEMENT CHARACTER}"
        if (ord(c) < 32 and c not in "\t\n\r") or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000
        else c
        for c in text
    )
    reader = Reader(element("p", text, title=text))
    assert "".join(reader.text) == readable
    assert reader.attributes == [("title", readable)]


@pytest.mark.parametrize("text", HOSTILE)
def test_every_helper_escapes_what_it_is_given(text):
    body = section(
        text,
        paragraph(text),
        paragraph(text, note=True),
        table([text, text], [[text, text]], caption=text),
        bars([(text, 0.5, text)]),
        heat_map([text, "O"], [[1, 2], [3, 0]], rows=text, columns=text),
        join([text, text], text),
    )
    plain = Reader(page("t", Html("")))
    whole = page(text, body)
    reader = Reader(whole)
    assert not {"script", "img"} & set(reader.names)
    assert reader.names.count("style") == plain.names.count("style") == 1
    assert not [name for name, _ in reader.attributes if name.startswith("on")]
    whole.encode("utf-8")


def test_html_is_not_escaped_twice():
    assert escape(escape("<")) == "&lt;"
    assert paragraph(element("b", "a") + "<") == "<p><b>a</b>&lt;</p>"


def test_a_page_loads_nothing():
    whole = page("t", table(["a", "b"], [["c", 1]]))
    assert "default-src 'none'" in whole
    assert "://" not in whole
    assert "url(" not in whole
    assert not {"script", "link", "img", "iframe"} & set(Reader(whole).names)


def test_a_heat_map_shades_by_the_share_of_the_row_and_leaves_zeros_empty():
    reader = Reader(heat_map(["PER", "O"], [[3, 1], [0, 0]]))
    shares = [value for name, value in reader.attributes if name == "style"]
    assert shares == ["--share: 0.470", "--share: 0.210"]
    assert reader.names.count("td") == 4
    assert ("title", "gold PER, predicted O: 1 (25.0 %)") in reader.attributes


def test_a_bar_stays_inside_its_row():
    content = bars([("a", -1.0, ""), ("b", 2.0, "")])
    assert "width: 0.00%" in content
    assert "width: 100.00%" in content
