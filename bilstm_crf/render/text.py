"""Tables as aligned text for a terminal, and as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

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
    """The values of a cell by the name of the part; the main one has no name."""
    if cell is None or isinstance(cell, (str, int)):
        return {"": cell}
    if isinstance(cell, tuple):
        return {"": show(cell)}
    if isinstance(cell, Interval):
        return {"low": cell.low, "high": cell.high}
    sd = getattr(cell, "sd", None)
    return {"": cell.value} if sd is None else {"": cell.value, "sd": sd}


def _part_names(cells: Iterable[dict[str, str | float | None]]) -> list[str]:
    """The parts that a column of cells has; an empty cell adds none to an interval."""
    names = list(dict.fromkeys(name for cell in cells for name in cell))
    return [name for name in names if name] if "low" in names else names
