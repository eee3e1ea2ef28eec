"""Markdown as GitHub has it: any text, so that it is shown as it stands, in tables and outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


class Code(str):
    """Text to be set in a face of fixed width: a hash, a signature."""


def as_table(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells, the heading first: names to the left, figures to the right."""
    head, *others = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join([_line(head), f"| {' | '.join(rule)} |", *map(_line, others)])


def _line(cells: Iterable[str]) -> str:
    """In a table, even a bar inside of code would end the cell."""
    shown = (inline(cell).replace("|", "\\|") if isinstance(cell, Code) else escape(cell) for cell in cells)
    return f"| {' | '.join(shown)} |"


def inline(text: str) -> str:
    """Text escaped; code as it is, but for what would end it."""
    if isinstance(text, Code) and text.strip():
        return f"`{_one_line(text).replace('`', chr(39))}`"
    return escape(text)


def escape(text: str) -> str:
    r"""The text as Markdown shows it again: in one line, neither a mark nor HTML.

    >>> escape("<b> | *GPE_LOC*")
    '&lt;b> \\| \\*GPE_LOC\\*'
    """
    text = _one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*~|\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def fenced(lines: Iterable[str]) -> str:
    """Lines of code, in a fence that is longer than any inside."""
    content = "\n".join(map(_one_line, lines))
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{content}\n{fence}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
