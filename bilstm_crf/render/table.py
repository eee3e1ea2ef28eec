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
    decimals: int | None = None  # None: the writer decides

    def show(self, decimals: int) -> str:
        places = decimals if self.decimals is None else self.decimals
        if self.value is None:
            return NOTHING
        return f"{100 * self.value:.{places}f}" + (
            "" if self.sd is None else f" ± {100 * self.sd:.{places}f}"
        )


@dataclass(frozen=True)
class Points:
    """A difference of two fractions in percentage points, with its sign."""

    value: float | None
    decimals: int | None = None

    def show(self, decimals: int) -> str:
        places = decimals if self.decimals is None else self.decimals
        return NOTHING if self.value is None else _signed(f"{100 * self.value:+,.{places}f}")


@dataclass(frozen=True)
class CountDifference:
    """A difference of two counts, with its sign."""

    value: int | None

    def show(self, decimals: int) -> str:
        return NOTHING if self.value is None else _signed(f"{self.value:+,}")


@dataclass(frozen=True)
class Interval:
    """From one fraction to another, in per cent."""

    low: float
    high: float
    decimals: int | None = None

    def show(self, decimals: int) -> str:
        places = decimals if self.decimals is None else self.decimals
        return f"{100 * self.low:.{places}f} to {100 * self.high:.{places}f}".replace("-", MINUS)


@dataclass(frozen=True)
class Number:
    """A number that is neither a count nor a fraction: a loss, seconds, a p-value."""

    value: float | None
    decimals: int = 1

    def show(self, decimals: int) -> str:
        return NOTHING if self.value is None else f"{self.value:,.{self.decimals}f}"


# None is shown as a dash; a tuple is its cells one after another.
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


def _signed(text: str) -> str:
    """A typographic minus; a difference that rounds to zero has no sign."""
    digits = text[1:]
    return digits if not digits.strip("0.,") else text.replace("-", MINUS)


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
    """Return paths without the folders that all of them share, for headings.

    >>> shorten_paths(["out/a/dev.conllu", "out/b/dev.conllu"]), shorten_paths(["out/dev.conllu"])
    (['a/dev.conllu', 'b/dev.conllu'], ['dev.conllu'])
    """
    parts = [path.split("/") for path in paths]
    shared = 0
    while len({tuple(each[: shared + 1]) for each in parts}) == 1 and all(
        len(each) > shared + 1 for each in parts
    ):
        shared += 1
    return ["/".join(each[shared:]) for each in parts]


def matrix(
    title: str, types: Sequence[str], counts: Sequence[Sequence[int]], notes: Sequence[Cell] = ()
) -> Table:
    """Return a confusion matrix as a table: gold down, predicted across."""
    rows: list[Sequence[Cell]] = [[type_, *row] for type_, row in zip(types, counts, strict=True)]
    return Table(title, columns("gold ↓ predicted →", *types), rows, notes, is_matrix=True)
