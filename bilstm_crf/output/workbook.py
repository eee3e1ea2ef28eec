"""A table of names as an Excel workbook: a header that stays in view, a filter, numbers as numbers.

Rows go to a temporary file as they come, so memory stays flat; the workbook is packed and yielded at the end.
Every text is written as text: nothing becomes a formula, a link or a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.output.name_rows import NameRow, name_rows
from bilstm_crf.sentence import Sentence

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format as CellFormat
    from xlsxwriter.worksheet import Worksheet

MAX_ROWS = 1_048_576  # of a sheet, with its header
MAX_CELL = 16_000  # a cell holds 32,767 UTF-16 units, of which a code point takes one or two
WIDTHS = {"file": 24, "type": 10, "text": 32, "sentence": 90}  # in characters; other columns: 8
CREATED = datetime(2000, 1, 1)  # not the time of writing, so that equal names give equal files
BLOCK = 1 << 16


def write(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    """Yield the workbook once all names are in it; rows beyond a sheet's limit go to further sheets.

    Raises BilstmCrfError for a workbook of more than 4 GB.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileSizeError

    with TemporaryDirectory(prefix="bilstm_crf-") as folder:
        path = Path(folder) / "names.xlsx"
        workbook = Workbook(str(path), {"constant_memory": True, "tmpdir": folder})
        workbook.set_properties({"created": CREATED})
        table = _Table(workbook)
        for sentence in sentences:
            for row in name_rows(sentence):
                table.add(row)
        table.finish()
        try:
            workbook.close()
        except FileSizeError as error:
            raise BilstmCrfError(
                "the workbook would be larger than 4 GB", hint="--to csv has no limit"
            ) from error
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                yield block


class _Table:
    """The rows, on as many sheets as they need."""

    def __init__(self, workbook: Workbook) -> None:
        self.workbook = workbook
        self.header = workbook.add_format({"bold": True, "bottom": 1})
        self.score = workbook.add_format({"num_format": "0.000"})
        self._start_sheet()

    def add(self, row: NameRow) -> None:
        if self.row == MAX_ROWS:
            self.finish()
            self._start_sheet()
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                self._text(self.row, column, cell)
            elif cell is not None:
                self.sheet.write_number(self.row, column, cell, self.score if type(cell) is float else None)
        self.row += 1

    def finish(self) -> None:
        """Set the filter of the current sheet."""
        self.sheet.autofilter(0, 0, self.row - 1, len(NameRow._fields) - 1)

    def _start_sheet(self) -> None:
        number = len(self.workbook.worksheets()) + 1
        self.sheet: Worksheet = self.workbook.add_worksheet("names" if number == 1 else f"names {number}")
        for column, name in enumerate(NameRow._fields):
            self.sheet.set_column(column, column, WIDTHS.get(name, 8))
            self._text(0, column, name, self.header)
        self.sheet.freeze_panes(1, 0)
        self.row = 1

    def _text(self, row: int, column: int, text: str, cell_format: CellFormat | None = None) -> None:
        if len(text) > MAX_CELL:
            text = text[:MAX_CELL] + "…"
        self.sheet.write_string(row, column, text, cell_format)
