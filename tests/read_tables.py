"""Read the tables of pages and Markdown files back, cell by cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser


class _Tables(HTMLParser):
    """Every table of a page: rows of the cells' text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[list[list[str]]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.found.append([])
        elif tag == "tr":
            self.found[-1].append([])
        elif tag in ("th", "td"):
            self.found[-1][-1].append("")
            self._inside = True
        elif tag == "br" and self._inside:
            self.found[-1][-1][-1] += " "

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1][-1][-1] += data


def tables_of_page(page: str) -> list[list[list[str]]]:
    """The tables of a page, cell by cell."""
    reader = _Tables()
    reader.feed(page)
    return reader.found


def tables_of_markdown(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown file, cell by cell, as a reader sees them."""
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            found += [] if before.startswith("|") else [[]]
            found[-1].append([_plain(cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        before = line
    return found


def _plain(cell: str) -> str:
    text = cell.strip().removeprefix("`").removesuffix("`")
    return re.sub(r"\\(.)", r"\1", text).replace("&lt;", "<").replace("&amp;", "&")


def column(table: Sequence[Sequence[str]], name: str) -> dict[str, str]:
    """A column of a table by the rows' names."""
    place = list(table[0]).index(name)
    return {row[0]: row[place] for row in table[1:]}
