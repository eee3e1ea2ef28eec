"""The one table type: evaluation, analysis, experiments and reports build it, the writers beside it show it.

    Table("Scores", columns("", "F1", "gold"), [("PER", Percent(0.932), 1204)], notes=["strict"])

Cells keep their values; a writer decides how many decimals a percentage has, and CSV gets full precision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

NOTHING = "–"
MINUS = "−"


class Code(str):
    """Text in a fixed-width face: a signature, a checksum."""


class NameCell(str):
    """Long text that may be wrapped, such as the names of runs."""


@dataclass(frozen=True)
class Percent:
    """A fraction from 0 to 1 in per cent, with its standard deviation if there is one."""

    value: float | None
    sd: float | None = None

    def show(self, decimals: int) -> str:
        parts = [self.value] if self.sd is None else [self.value, self.sd]
        return " ± ".join(_fixed(part, decimals) for part in parts)


@dataclass(frozen=True)
class Points:
    """A difference of two fractions in percentage points, with its sign."""

    value: float | None

    def show(self, decimals: int) -> str:
        return _fixed(self.value, decimals, sign="+")


@dataclass(frozen=True)
class CountDifference:
    """A difference of two counts, with its sign."""

    value: int | None

    def show(self, decimals: int) -> str:
        return _fixed(self.value, 0, sign="+", factor=1)


@dataclass(frozen=True)
class Interval:
    """From one fraction to another, in per cent."""

    low: float
    high: float
    decimals: int | None = None  # None: the writer decides

    def show(self, decimals: int) -> str:
        places = decimals if self.decimals is None else self.decimals
        return " to ".join(_fixed(end, places) for end in (self.low, self.high))


@dataclass(frozen=True)
class Number:
    """A number that is neither a count nor a fraction: a loss, seconds, a p-value."""

    value: float | None
    decimals: int = 1

    def show(self, decimals: int) -> str:
        return _fixed(self.value, self.decimals, factor=1)


def _fixed(value: float | None, decimals: int, *, sign: str = "", factor: int = 100) -> str:
    """Return a number with so many decimals; a difference that rounds to 0 has no sign."""
    if value is None:
        return NOTHING
    text = f"{factor * value:{sign},.{decimals}f}"
    return text[1:] if sign and not text.strip("+-0.,") else text.replace("-", MINUS)


# None is shown as a dash; a tuple is the text of its cells one after another.
Cell: TypeAlias = (
    "str | int | Percent | Points | CountDifference | Interval | Number | tuple[Cell, ...] | None"
)


def show(cell: Cell, decimals: int = 2) -> str:
    """Return a cell as people read it, percentages with `decimals` places unless the cell says otherwise.

    >>> show(Percent(0.8791), 1), show(Points(-0.0123)), show(1204), show(None)
    ('87.9', '−1.23', '1,204', '–')
    >>> show(("micro F1 ", Percent(0.5, sd=0.01)))
    'micro F1 50.00 ± 1.00'
    """
    if cell is None:
        return NOTHING
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, tuple):
        return "".join(show(part, decimals) for part in cell)
    return f"{cell:,}" if isinstance(cell, int) else cell.show(decimals)


@dataclass(frozen=True)
class Column:
    """A heading, and whether its cells are names (set to the left) or figures (to the right)."""

    name: str
    left: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns; the first cell of a row is its name."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[Cell] = ()
    is_matrix: bool = False  # a confusion matrix, whose last row and column stand for "no entity"

    @property
    def heads(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def titled(self, title: str) -> Table:
        """Return the table under another title."""
        return replace(self, title=title)

    def without_empty(self, names: Collection[str]) -> Table:
        """Return the table without those of the named columns in which no row has a value."""
        kept = [
            place
            for place, column in enumerate(self.columns)
            if column.name not in names or any(not _is_empty(row[place]) for row in self.rows)
        ]
        rows = [[row[place] for place in kept] for row in self.rows]
        return replace(self, columns=[self.columns[place] for place in kept], rows=rows)


def _is_empty(cell: Cell) -> bool:
    return show(cell) in ("", NOTHING)


def columns(*names: str, left: Iterable[str] = ()) -> tuple[Column, ...]:
    """Return columns of these names: the first, and those of `left`, to the left, the others to the right."""
    names_left = set(left)
    return tuple(Column(name, place == 0 or name in names_left) for place, name in enumerate(names))


def shorten_paths(paths: Sequence[str]) -> list[str]:
    """Return the last parts of paths, as many as it takes to tell them apart.

    >>> shorten_paths(["out/a/dev.conllu", "out/b/dev.conllu"]), shorten_paths(["out/dev.conllu"])
    (['a/dev.conllu', 'b/dev.conllu'], ['dev.conllu'])
    """
    parts = [path.split("/") for path in paths]
    shortened = list(paths)
    for count in range(max(map(len, parts), default=0), 0, -1):
        candidates = ["/".join(each[-count:]) for each in parts]
        if len(set(candidates)) < len(set(paths)):
            break
        shortened = candidates
    return shortened


def matrix(
    title: str, types: Sequence[str], counts: Sequence[Sequence[int]], notes: Sequence[Cell] = ()
) -> Table:
    """Return a confusion matrix as a table: gold down, predicted across."""
    rows: list[Sequence[Cell]] = [[type_, *row] for type_, row in zip(types, counts, strict=True)]
    return Table(title, columns("gold ↓ predicted →", *types), rows, notes, is_matrix=True)
