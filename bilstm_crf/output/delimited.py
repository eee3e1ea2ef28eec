"""Tables of names as CSV (RFC 4180) and as TSV: a header, then one row a name.

Line breaks in the columns text and sentence become spaces. A cell that a spreadsheet would run as a formula
gets an apostrophe in front, and a warning counts these cells. Nothing else is changed.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from bilstm_crf.errors import warn
from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.blocks import BOM_BYTES
from bilstm_crf.output.name_rows import NameRow, name_rows
from bilstm_crf.sentence import Sentence

# https://owasp.org/www-community/attacks/CSV_Injection. An apostrophe that stands before such a sign already
# is counted in, so that removing one apostrophe always gives the original.
FORMULA = re.compile("'*[=+\\-@\t\r]")
ROWS = 1_000  # written at once


def write_csv(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    """Yield a table for spreadsheets: with a byte order mark, without which Excel takes UTF-8 for cp1252."""
    yield BOM_BYTES
    yield from _write(sentences, ",", "\r\n")


def write_tsv(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    r"""Yield a table for programs: tabs, \n, no byte order mark; quoted as in CSV where needed."""
    yield from _write(sentences, "\t", "\n")


def _write(sentences: Iterable[Sentence], delimiter: str, line_end: str) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(NameRow._fields)
    escaped = pending = 0
    for sentence in sentences:
        for row in name_rows(sentence):
            cells = [_without_formula(cell) if isinstance(cell, str) else cell for cell in row]
            escaped += sum(new is not old for new, old in zip(cells, row, strict=True))
            writer.writerow(cells)
            pending += 1
        if pending >= ROWS:
            yield _taken(buffer)
            pending = 0
    yield _taken(buffer)
    if escaped:
        begin = "1 cell begins" if escaped == 1 else f"{escaped:,} cells begin"
        warn(
            f"{begin} with = + - or @ and got an apostrophe in front, so that no spreadsheet takes it for a "
            "formula; xlsx needs none"
        )


def _without_formula(cell: str) -> str:
    return "'" + cell if FORMULA.match(cell) else cell


def _taken(buffer: io.StringIO) -> bytes:
    content = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return content
