"""Documents as self-contained HTML pages, which load nothing and run no script.

The templates beside this file escape whatever they are given, so a word such as `<script>` comes out as a
word wherever it stands.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from bilstm_crf.render import charts
from bilstm_crf.render.document import Document
from bilstm_crf.render.table import show

if TYPE_CHECKING:
    from jinja2 import Environment

# Characters that HTML forbids, or that no UTF-8 file can hold: control characters and lone surrogates.
_FORBIDDEN = dict.fromkeys(
    (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"
)


def to_html(document: Document) -> str:
    """Return a page with a list of contents if it has more than three sections.

    The policy in its head forbids everything but inline CSS and images inside the file.
    """
    return templates().get_template("page.html").render(document=document)


@cache
def templates() -> Environment:
    """Return the templates; jinja2 is imported when the first page is written."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_without_forbidden,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        kind=lambda block: type(block).__name__, show=show, number=charts.number, count=_count
    )
    environment.globals["charts"] = charts
    return environment


def markup(text: str) -> str:
    """Return text that a template made, which no other template escapes again."""
    from markupsafe import Markup

    return Markup(text)


def _count(number: int, noun: str = "") -> str:
    """Return a count as people read it: `1 name`, `1,204 names`."""
    return f"{number:,} {noun}{'s' * (number != 1)}" if noun else f"{number:,}"


def _without_forbidden(value: object) -> object:
    """Replace forbidden characters; markup that a template made is left as it is."""
    return value if hasattr(value, "__html__") else str(value).translate(_FORBIDDEN)
