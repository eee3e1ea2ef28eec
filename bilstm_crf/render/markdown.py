"""Tables and documents as GitHub's Markdown; any text is shown as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bilstm_crf.render.document import (
    Block,
    CodeBlock,
    Document,
    Examples,
    Figure,
    Folded,
    Gallery,
    Listing,
    Paragraph,
    Section,
)
from bilstm_crf.render.table import Cell, Code, Column, Table, show


def to_markdown(document: Document) -> str:
    """Return a document without its charts and without what only a page has room for."""
    return (
        "\n\n".join(
            [
                f"# {escape(document.title)}",
                *_blocks(document.intro, 2),
                *_blocks(document.sections, 2),
            ]
        )
        + "\n"
    )


def table_to_markdown(table: Table, *, level: int = 3, decimals: int = 2) -> str:
    """Return a table with its title as a heading (if it has one) and its notes."""
    return "\n\n".join(_table(table, level, decimals))


def _table(table: Table, level: int, decimals: int = 2) -> Iterator[str]:
    if table.title:
        yield f"{'#' * level} {escape(table.title)}"
    if table.rows:
        yield "\n".join(
            [
                _line(column.name for column in table.columns),
                _rule(table.columns),
                *(_line(row, decimals) for row in table.rows),
            ]
        )
    yield from (inline(note, decimals) for note in table.notes)


def _rule(columns: Iterable[Column]) -> str:
    return f"| {' | '.join('---' if column.left else '---:' for column in columns)} |"


def _line(cells: Iterable[Cell], decimals: int = 2) -> str:
    """Return a row; even a bar inside code would end its cell, so all are escaped."""
    shown = (
        inline(cell).replace("|", "\\|") if isinstance(cell, Code) else inline(cell, decimals)
        for cell in cells
    )
    return f"| {' | '.join(shown)} |"


def _blocks(blocks: Iterable[Block], level: int) -> Iterator[str]:
    for block in blocks:
        yield from _block(block, level)


def _block(block: Block, level: int) -> Iterator[str]:
    match block:
        case Paragraph():
            yield inline(block.text)
        case Listing():
            yield "\n".join(f"- {inline(item)}" for item in block.items)
        case CodeBlock():
            yield fenced(block.lines)
        case Examples():
            yield "\n".join(
                f"- {escape(' '.join(words.text for words in each.words))} "
                f"({escape(', '.join([*each.facts, each.place]))})"
                for each in block.examples
            )
        case Table():
            yield from _table(block, level)
        case Gallery():
            yield from _blocks(block.parts, level)
        case Folded() if block.everywhere:
            yield from _blocks(block.parts, level)
        case Section() if block.everywhere:
            parts = list(_blocks(block.parts, level + 1))
            yield from [f"{'#' * level} {escape(block.title)}", *parts] if parts else []
        case Figure() | Folded() | Section():
            pass


def inline(cell: Cell, decimals: int = 2) -> str:
    """Return a cell escaped; code as it is, except for what would end it."""
    if isinstance(cell, Code) and cell.strip():
        return f"`{_one_line(cell).replace('`', chr(39))}`"
    return escape(show(cell, decimals))


def escape(text: str) -> str:
    r"""Return text in one line in which Markdown finds neither a mark nor HTML.

    >>> escape("<b> | *GPE_LOC*")
    '&lt;b> \\| \\*GPE_LOC\\*'
    """
    text = _one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*~|\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", text)


def fenced(lines: Sequence[str]) -> str:
    """Return lines of code in a fence that is longer than any inside."""
    content = "\n".join(map(_one_line, lines))
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{content}\n{fence}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
