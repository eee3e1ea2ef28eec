"""Tables and documents as aligned text for a terminal, and tables as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from bilstm_crf.render.document import (
    Block,
    CodeBlock,
    Document,
    Example,
    Examples,
    Folded,
    Gallery,
    Listing,
    Paragraph,
    Section,
    Words,
)
from bilstm_crf.render.table import Cell, Column, Interval, Table, show


def to_text(table: Table, *, decimals: int = 2, max_rows: int | None = None, more: str = "") -> str:
    """Return the rows as columns two spaces apart, and the notes below; without the title.

    Of more than `max_rows` rows the first are shown, and `more` says where the others are.
    """
    rows = [[show(cell, decimals) for cell in row] for row in table.rows[:max_rows]]
    lines = [*_aligned(table.columns, rows), *(show(note, decimals) for note in table.notes)]
    hidden = len(table.rows) - len(rows)
    if hidden:
        lines.append(f"… and {hidden:,} more{more}")
    return "\n".join(lines)


def join_tables(tables: Iterable[Table], *, decimals: int = 2, titles: bool = True) -> str:
    """Return several tables as text, an empty line between them."""
    shown = (
        f"{table.title}\n{to_text(table, decimals=decimals)}" if titles else to_text(table, decimals=decimals)
        for table in tables
    )
    return "\n\n".join(shown) + "\n"


def _aligned(columns: Iterable[Column], rows: list[list[str]]) -> Iterator[str]:
    columns = list(columns)
    rows = [[column.name for column in columns], *rows]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(columns, row, widths, strict=True)
        yield "  ".join(
            cell.ljust(width) if column.left else cell.rjust(width) for column, cell, width in cells
        ).rstrip()


def document_to_text(document: Document, *, max_rows: int | None = None, more: str = "") -> str:
    """Return a document without its charts and matrices, which a terminal has no room for.

    In examples, [gold] and {predicted} are marked. `max_rows` and `more` are those of `to_text`.
    """

    def write(blocks: Iterable[Block]) -> Iterator[str]:
        for block in blocks:
            match block:
                case Paragraph():
                    yield show(block.text, document.decimals)
                case Listing() | CodeBlock():
                    yield "\n".join(map(show, block.items if isinstance(block, Listing) else block.lines))
                case Examples():
                    yield "\n".join(map(_example, block.examples))
                case Table() if not block.is_matrix:
                    text = to_text(block, decimals=document.decimals, max_rows=max_rows, more=more)
                    yield f"{block.title}\n{text}" if block.title else text
                case Gallery():
                    yield from write(block.parts)
                case Folded(summary=title) | Section(title=title):
                    parts = list(write(block.parts))
                    if not block.everywhere:
                        yield from [f"… and {title}{more}"] if isinstance(block, Folded) else []
                    elif parts:
                        is_table = len(block.parts) == 1 and isinstance(block.parts[0], Table)
                        heading = [] if isinstance(block, Folded) and is_table else [title]
                        yield "\n".join([*heading, "\n\n".join(parts)])

    intro = "\n".join(write(document.intro))
    return "\n\n".join([intro, *write(document.sections)]) + "\n"


def _example(example: Example) -> str:
    """Return a line such as `  dev.conllu:120  … heter [{Kari} Nordmann] og …   wrong boundary, gold PER`."""
    brackets = {"gold": "[]", "predicted": "{}"}
    words = []
    neighbours = zip(
        [Words(""), *example.words], example.words, [*example.words[1:], Words("")], strict=False
    )
    for before, run, after in neighbours:
        opened = "".join(brackets[mark][0] for mark in run.marks if mark not in before.marks)
        closed = "".join(brackets[mark][1] for mark in reversed(run.marks) if mark not in after.marks)
        words.append(f"{opened}{run.text}{closed}")
    parts = (example.place, " ".join(words), f" {', '.join(example.facts)}" if example.facts else "")
    return "  ".join(["", *(part for part in parts if part)])


def to_csv(tables: Iterable[Table]) -> str:
    """Return tables as CSV in full precision, each with its heading; the first column names the table.

    An interval takes two columns and a percentage with a standard deviation as well: `low` and `high`, `sd`.
    Fractions stay fractions from 0 to 1.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for table in tables:
        rows = [[_values(cell) for cell in row] for row in table.rows]
        parts = [_part_names(cells) for cells in zip(*rows, strict=True)] or [[""] for _ in table.columns]
        heads = [
            f"{column.name} {part}".strip()
            for column, names in zip(table.columns, parts, strict=True)
            for part in names
        ]
        writer.writerow(["table", *heads])
        for row in rows:
            cells = zip(row, parts, strict=True)
            writer.writerow([table.title, *(values.get(name) for values, names in cells for name in names)])
    return out.getvalue()


def _values(cell: Cell) -> dict[str, str | float | None]:
    """Return the values of a cell by the name of the part; the main one has no name."""
    if cell is None or isinstance(cell, (str, int)):
        return {"": cell}
    if isinstance(cell, tuple):
        return {"": show(cell)}
    if isinstance(cell, Interval):
        return {"low": cell.low, "high": cell.high}
    sd = getattr(cell, "sd", None)
    return {"": cell.value} if sd is None else {"": cell.value, "sd": sd}


def _part_names(cells: Iterable[dict[str, str | float | None]]) -> list[str]:
    """Return the parts that a column of cells has; an empty cell adds none to an interval."""
    names = list(dict.fromkeys(name for cell in cells for name in cell))
    return [name for name in names if name] if "low" in names else names
