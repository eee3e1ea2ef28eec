"""Columns, as in CoNLL-2003 and two-column IOB files: the word first, the label last, anything between.

What a file looks like is told from its first sentence and held for the rest: tabs or runs of blanks between
the columns, how many there are, and whether the last one holds labels. `-DOCSTART-` lines begin documents.
A line that begins with `# ` and has not the file's number of columns is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from bilstm_crf.dialects import looks_like_labels
from bilstm_crf.errors import InputError
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import blocks, check_word, rows
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import Sentence

name = "conll2003"
suffixes: tuple[str, ...] = (".conll", ".bio", ".iob", ".tsv")

DOCUMENT_START = "-DOCSTART-"
BLANKS = re.compile("[ \t]+")  # not str.split(), which parts words at no-break spaces


@dataclass(frozen=True)
class Shape:
    """What the lines of a file look like."""

    tabs: bool
    columns: int
    labelled: bool

    @property
    def expected(self) -> str:
        return f"{self.columns} separated by {'tabs' if self.tabs else 'blanks'}"


class Raw(NamedTuple):
    """What `render` needs."""

    lines: list[bytes]
    shape: Shape | None


def _split(line: str, tabs: bool) -> list[str]:
    return line.split("\t") if tabs else BLANKS.split(line.strip(" \t"))


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. Documents have no names here: the third is `3`."""
    shape: Shape | None = None
    documents = 0
    for first, lines in blocks(stream):
        found = rows(lines, first, path)
        shape = shape or _shape(found, first, path, options)
        sentence = Sentence([], path=path, line=first)
        labels: list[str] = []
        for number, row in enumerate(found, first):
            if not row.strip(" \t"):
                continue
            columns = _split(row, shape.tabs) if shape else []
            if row.startswith(DOCUMENT_START):
                documents += 1
            elif shape and len(columns) == shape.columns and columns[0].strip(" "):
                sentence.tokens.append(columns[0])
                sentence.lines.append(number)
                labels.append(columns[-1])
            elif not row.startswith("# "):
                raise _fault(row, columns, shape, path, number)
        sentence.document = str(documents) if documents else None
        if shape and shape.labelled and labels:
            sentence.labels = labels
        if options.keep_raw:
            sentence.raw = Raw(lines, shape)
        if options.keep_raw or sentence.tokens:
            yield sentence


def _shape(found: list[str], first: int, path: str, options: FormatOptions) -> Shape | None:
    """What the file looks like by its first sentence; None where `found` holds no token."""
    numbered = [(number, row) for number, row in enumerate(found, first) if _may_be_token(row)]
    if not numbered:
        return None
    number, row = numbered[0]
    tabs = "\t" in row
    columns = len(_split(row, tabs))
    labelled = columns > 1 and looks_like_labels(_split(row, tabs)[-1] for _, row in numbered)
    if options.label_column != "auto":
        labelled = options.label_column == "last"
    if labelled and columns == 1:
        raise InputError("1 column, expected a word and a label", path=path, line=number, found=row)
    return Shape(tabs, columns, labelled)


def _may_be_token(row: str) -> bool:
    return bool(row.strip(" \t")) and not row.startswith((DOCUMENT_START, "# "))


def _fault(row: str, columns: list[str], shape: Shape | None, path: str, number: int) -> InputError:
    assert shape is not None  # a row that is no comment gave the shape
    if len(columns) != shape.columns:
        many = f"{len(columns)} column{'s' * (len(columns) != 1)}"
        message = f"{many}, expected {shape.expected} as in the lines before"
    else:
        message = "no word, expected one in the first column"
    return InputError(message, path=path, line=number, found=row)


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`. The label replaces the last column, or becomes a new one where there was none."""
    lines = list(sentence.raw.lines)
    if sentence.spans is not None and sentence.tokens:
        shape: Shape = sentence.raw.shape
        labels = ENCODINGS["iob"].encode(sentence.spans, len(sentence))
        for number, label in zip(sentence.lines, labels, strict=True):
            line = lines[number - sentence.line]
            body = line.rstrip(b"\r\n" if shape.tabs else b" \t\r\n")
            kept = len(body)
            if shape.labelled:
                kept = max(body.rfind(b"\t"), -1 if shape.tabs else body.rfind(b" ")) + 1
                between = b""
            else:
                between = b"\t" if shape.tabs else b" "
            lines[number - sentence.line] = body[:kept] + between + label.encode() + line[len(body) :]
    return b"".join(lines)


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`. Two columns with a tab between; without spans, the words alone.

    `-DOCSTART-` has a label as well, as every line of such a file; a document's name has no place.
    """
    if not sentence.tokens:
        return b""
    for word in sentence.tokens:
        check_word(word, sentence, "columns")
    start, rows = DOCUMENT_START, sentence.tokens
    if sentence.spans is not None:
        labels = ENCODINGS["iob"].encode(sentence.spans, len(sentence))
        rows = [f"{word}\t{label}" for word, label in zip(rows, labels, strict=True)]
        start += "\tO"
    return (f"{start}\n\n" * new_document + "\n".join(rows) + "\n\n").encode()
