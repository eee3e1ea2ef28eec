"""Self-contained HTML pages: what the program shows in a browser, on paper and without a network.

    page("Title", paragraph("Text & more") + table(["type", "F1"], [["PER", "93.2"]]))

Every function escapes the text it is given and returns `Html`, which is never escaped again; so a word such
as `<script>` comes out as a word, wherever it stands. A page loads nothing and runs no script.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

# Signs that HTML forbids, or that no UTF-8 file can hold: control characters and lone surrogates.
_FORBIDDEN = dict.fromkeys(
    (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"
)

# Light and dark from one set of names. Colours of data are translucent, so that they suit both.
_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1c2026; --faint: #5d6673; --line: #d9dde3;
  --right: 37 99 235; --wrong: 217 90 20; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --text: #e4e7eb; --faint: #9aa4b2;
  --line: #343a44; --right: 96 150 255; --wrong: 245 130 60; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .5rem 0; } .note { color: var(--faint); font-size: .875rem; }
.wide { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: separate; border-spacing: 0; font-size: .875rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); padding: .25rem 0; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
thead th { border-bottom: 2px solid var(--line); vertical-align: bottom; font-weight: 600; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--ground);
  background-clip: padding-box; }
tbody th { font-weight: 500; }
.bars { display: grid; grid-template-columns: max-content minmax(4rem, 24rem) max-content; gap: .25rem .75rem;
  align-items: center; font-size: .875rem; font-variant-numeric: tabular-nums; }
.bar { height: .9rem; background: rgb(var(--wrong) / .12); }
.bar > div { height: 100%; background: rgb(var(--right) / .65); }
.heat th, .heat td { padding: .2rem .3rem; border: solid var(--line); border-width: 0 1px 1px 0;
  min-width: 2rem; }
.heat thead th + th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; min-width: 0;
  border-width: 1px 0 0 1px; }
.right { background: rgb(var(--right) / var(--share)); }
.wrong { background: rgb(var(--wrong) / var(--share)); }
a { color: rgb(var(--right)); } nav ul { margin: 0; padding-left: 1.25rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; } pre, code { font-size: .8125rem; }
pre > code { display: block; padding-left: 4ch; text-indent: -4ch; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--faint); font-size: .875rem; }
.gallery { display: grid; gap: .75rem 2rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, var(--least)), 1fr)); }
figure { margin: .5rem 0; min-width: 0; }
figcaption { font-size: .875rem; font-weight: 600; margin: 0 0 .25rem; }
@media (max-width: 40rem) { body { padding: .75rem; font-size: 15px; } th, td { padding: .2rem .4rem; }
  table, .bars { font-size: .8125rem; } .heat th, .heat td { padding: .2rem; min-width: 1.75rem; } }
@media print { :root { --ground: #fff; --text: #000; --faint: #444; --line: #bbb; --right: 37 99 235;
  --wrong: 217 90 20; } body { max-width: none; padding: 0; font-size: 10pt; } .wide { overflow: visible; }
  th, td { padding: .1rem .35rem; white-space: normal; overflow-wrap: break-word; }
  h2, h3, caption, figcaption { break-after: avoid; } h2 + p, h3 + p { break-after: avoid; }
  tr, li, figure { break-inside: avoid; }
  details:not([open]) { display: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


class Html(str):
    """Text that is HTML already; `+` and `join` of this module keep it so."""

    def __add__(self, other: str) -> Html:
        return Html(str(self) + escape(other))


def escape(text: object) -> Html:
    """The text as HTML, safe inside an element and inside a quoted attribute; `Html` is left as it is.

    >>> escape("<b> & c")
    '&lt;b&gt; &amp; c'
    """
    return text if isinstance(text, Html) else Html(html.escape(str(text).translate(_FORBIDDEN)))


def join(parts: Iterable[object], between: str = "") -> Html:
    """The parts one after another, each escaped unless it is HTML."""
    return Html(escape(between).join(map(escape, parts)))


def element(name: str, content: object = "", **attributes: object) -> Html:
    """One element. An underscore at the end of an attribute's name is dropped (`class_`), others are hyphens.

    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items()
    )
    return Html(f"<{name}{given}>{escape(content)}</{name}>")


def page(title: str, body: Html, *, style: str = "") -> str:
    """A whole document, with `title` as its heading; `style` is CSS to add to the common one.

    The policy in its head forbids all but inline CSS and images inside the file, whatever the body holds.
    """
    head = (
        '<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>"
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n'
        f"<h1>{escape(title)}</h1>\n{escape(body)}\n</body>\n</html>\n"
    )


def section(title: str, *parts: object, anchor: str | None = None) -> Html:
    """A part of the page under a heading of its own; `anchor` is what links call it."""
    content = join([element("h2", title), *parts], "\n")
    return element("section", content) if anchor is None else element("section", content, id=anchor)


def contents(entries: Iterable[tuple[str, str]]) -> Html:
    """Links to the sections of the page: the anchor of each, its title."""
    links = items(element("a", title, href=f"#{anchor}") for anchor, title in entries)
    return element("nav", links, aria_label="Contents")


def items(lines: Iterable[object]) -> Html:
    """A list, one item a line."""
    return element("ul", join((element("li", line) for line in lines), "\n"))


def paragraph(text: object, *, note: bool = False) -> Html:
    """A paragraph; a note is smaller and fainter."""
    return element("p", text, class_="note") if note else element("p", text)


def preformatted(lines: Iterable[object]) -> Html:
    """Lines for a face of fixed width, as commands are; one that is too long goes on indented."""
    return element("pre", join(element("code", line) for line in lines))


def figure(caption: object, *parts: object) -> Html:
    """A picture, or what stands for one, under its caption."""
    return element("figure", join([element("figcaption", caption), *parts], "\n"))


def gallery(figures: Iterable[object], *, least: int = 26) -> Html:
    """Figures beside one another where there is room, each at least so many letters (rem) wide."""
    return element("div", join(figures, "\n"), class_="gallery", style=f"--least: {least}rem")


def folded(summary: object, *parts: object) -> Html:
    """What only some readers want: shown when the summary is opened."""
    return element("details", join([element("summary", summary), *parts], "\n"))


def table(headers: Sequence[object], rows: Iterable[Sequence[object]], *, caption: str = "") -> Html:
    """Names to the left in the first column, figures to the right in the others; scrolls where too wide."""
    head = element("thead", element("tr", join(element("th", cell, scope="col") for cell in headers)))
    body = element("tbody", join((_row(row) for row in rows), "\n"))
    title = element("caption", caption) if caption else ""
    return element("div", element("table", join([title, head, body], "\n")), class_="wide")


def _row(cells: Sequence[object]) -> Html:
    name, *figures = cells
    return element("tr", element("th", name, scope="row") + join(element("td", cell) for cell in figures))


def bars(rows: Iterable[tuple[object, float, object]]) -> Html:
    """One bar a row: its name, its length as a fraction from 0 to 1, the figure to print beside it."""
    parts = []
    for name, share, figure in rows:
        width = f"width: {100 * min(max(share, 0.0), 1.0):.2f}%"
        bar = element("div", element("div", style=width), class_="bar")
        parts += [element("div", name), bar, element("div", figure)]
    return element("div", join(parts, "\n"), class_="bars")


def heat_map(
    labels: Sequence[str], counts: Sequence[Sequence[int]], *, rows: str = "gold", columns: str = "predicted"
) -> Html:
    """A square matrix of counts, (K, K) for K labels, each cell shaded by its share of its row.

    The diagonal, where `rows` and `columns` agree, has a colour of its own. The figures stand in the cells (0
    is left empty), so that nothing depends on colours; the last label may be `O`.
    """
    corner = join([f"{rows} ↓", f"{columns} →"], Html("<br>"))
    head = element("tr", join(element("th", cell, scope="col") for cell in [corner, *labels]))
    lines = []
    for label, row in zip(labels, counts, strict=True):
        total = sum(row)
        cells = [
            _cell(count, total, label == other, f"{rows} {label}, {columns} {other}")
            for other, count in zip(labels, row, strict=True)
        ]
        lines.append(element("tr", element("th", label, scope="row") + join(cells)))
    body = element("thead", head) + element("tbody", join(lines, "\n"))
    return element("div", element("table", body, class_="heat"), class_="wide")


def _cell(count: int, total: int, agree: bool, what: str) -> Html:
    if not count:
        return element("td")
    share = count / total
    return element(
        "td",
        f"{count:,}",
        class_="right" if agree else "wrong",
        # Up to 0.6, so that the figure can be read on it; never so faint that it is not seen.
        style=f"--share: {0.08 + 0.52 * share:.3f}",
        title=f"{what}: {count:,} ({100 * share:.1f} %)",
    )
