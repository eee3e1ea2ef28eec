"""Columns, as in CoNLL-2003 and two-column IOB files: a token a line, its label in one of the columns.

In: the bytes of a file. Out: its sentences, and the same bytes with other labels in them. Which column holds
what is recognised from the file's first lines (`shape`) and holds for all of it; `FormatOptions` can say it.
A sentence ends at an empty line, and where a document begins: at `-DOCSTART-`, `# newdoc`, `#begin document`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple

from bilstm_crf.errors import InputError, warn
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import BOM, blocks, check_word, rows
from bilstm_crf.formats.column_layout import (
    DOCUMENT_START,
    GLOBAL_COLUMNS,
    NEW_DOCUMENT,
    Shape,
    is_blank,
    is_count,
    lines_ahead,
    recognise,
    text_of,
)
from bilstm_crf.labels import ENCODINGS, LABEL, is_entity_type
from bilstm_crf.sentence import Sentence, Span

name = "conll2003"
suffixes: tuple[str, ...] = (
    ".conll", ".bio", ".iob", ".tsv", ".iob2", ".bio2", ".iobes", ".bioes", ".annotated", ".conllup",
)  # fmt: skip

PART = re.compile(r"\((.*)\);?[ \t]*part[ \t]+(\d+)")  # what follows `#begin document`
# A document begins with such a line, and so a sentence ends before it
STARTS_DOCUMENT = re.compile(
    rb"(?:\xef\xbb\xbf)?#[ \t]*newdoc\b|#begin document\b|(?:.*[ \t])?-DOCSTART(?![A-Za-z])", re.IGNORECASE
)
PIECES = re.compile(rb"([ \t]+)")


class Raw(NamedTuple):
    """What `render` needs."""

    lines: list[bytes]
    shape: Shape | None


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. Documents without a name have a number: the third is `3`.

    Raises InputError for a line without the file's columns or without a token, a column that was asked for
    and is not there, a type that `is_entity_type` refuses, and for tokens that count 1 2 3 …
    """
    reader = _Reader(path, options, lines_ahead(stream))
    for piece in reader.pieces(stream):
        sentence = reader.sentence(piece)
        if options.keep_raw or sentence.tokens:
            yield sentence


class Piece(NamedTuple):
    """The lines of one sentence."""

    first: int  # the number of the first
    lines: list[bytes]
    content: bytes  # all of them; empty where a line is a comment, or begins a document


def sentences_of(stream: BinaryIO) -> Iterator[Piece]:
    """Yield each sentence as soon as `blocks` has it; one ends as well where a document begins."""
    for first, lines in blocks(stream):
        content = b"".join(lines)
        if b"#" not in content and b"docstart" not in content.lower():
            yield Piece(first, lines, content)
            continue
        start = 0
        for position in range(1, len(lines)):
            if STARTS_DOCUMENT.match(lines[position]):
                yield Piece(first + start, lines[start:position], b"")
                start = position
        yield Piece(first + start, lines[start:], b"")


class _Reader:
    """The state of reading one file."""

    def __init__(self, path: str, options: FormatOptions, ahead: list[bytes]) -> None:
        self.path, self.options = path, options
        self.shape: Shape | None = None
        self.documents = 0
        self.document: str | None = None
        self._ahead = ahead
        self._checked = {"O"}  # labels whose types are entity types
        self._counted: int | None = 0  # tokens so far, if all of them only count; None: there are words
        self._longest = 0  # tokens of the longest sentence of those

    # ------------------------------------------------------------ pieces and shape

    def pieces(self, stream: BinaryIO) -> Iterator[Piece]:
        """The sentences of the stream; the shape is known before the first that has a token."""
        ahead = recognise(text_of(self._ahead), self.path, self.options)
        if ahead is not None and ahead.line_is_sentence:
            self._take(ahead)
            yield from _single_lines(iter(stream.readline, b""), 1)
            return
        for piece in sentences_of(stream):
            if self.shape is None and not piece.lines[0].isspace():
                first, lines, _ = piece
                seen = first + len(lines) - 1
                shape = ahead if seen <= len(self._ahead) else None
                shape = shape or recognise(text_of(lines), self.path, self.options, first)
                if shape is not None:
                    self._take(shape)
                    if shape.line_is_sentence:
                        yield from _single_lines(chain(lines, iter(stream.readline, b"")), first)
                        return
            yield piece

    def _take(self, shape: Shape) -> None:
        self.shape, self._ahead = shape, []
        labels_matter = self.options.reads_labels and shape.label_note
        notes = [*shape.notes, *([shape.label_note] if labels_matter else [])]
        options = ["--token-column"] * bool(shape.notes) + ["--label-column"] * bool(labels_matter)
        if notes:
            choose = f"{' and '.join(options)} {'choose others' if options[1:] else 'chooses another'}"
            warn("; ".join([*notes, choose]), path=self.path)

    # ------------------------------------------------------------ sentences

    def sentence(self, piece: Piece) -> Sentence:
        first, lines, _ = piece
        found = rows(lines, first, self.path)
        sentence = Sentence([], path=self.path, line=first)
        shape = self.shape
        labels: list[str] = []
        if shape is not None and shape.line_is_sentence:
            self._whole_line(found[0], sentence, labels)
        elif shape is None or not self._plain(piece, found, sentence, labels, shape):
            self._row_by_row(found, sentence, labels)
        if sentence.tokens:
            assert shape is not None  # a token gave it
            self._finish(sentence, labels, shape)
        sentence.document = self.document
        if self.options.keep_raw:
            sentence.raw = Raw(lines, shape)
        return sentence

    def _plain(
        self, piece: Piece, found: list[str], sentence: Sentence, labels: list[str], shape: Shape
    ) -> bool:
        """The hot path: fill in a sentence of plain token lines with single separators, else return False."""
        first, lines, content = piece
        if not content or first == 1 or shape.form == "bars" or shape.open_ended:
            return False
        if shape.form == "tabs":
            if b" " in content:
                return False
        elif (
            b"\t" in content
            or b"  " in content
            or b"\n " in content
            or b" \n" in content
            or b" \r" in content
        ):
            return False
        if shape.header is not None and shape.header in found:
            return False
        if lines[-1].isspace():
            del found[len(lines) - 1 :]
        elif lines[-1][-1:] == b"\n":
            found.pop()
        separator, width = "\t" if shape.form == "tabs" else " ", shape.width
        table = [row.split(separator) for row in found]
        if not table:
            return True
        if set(map(len, table)) != {width}:
            return False
        columns = list(zip(*table, strict=True))
        tokens = list(columns[shape.token])
        if "" in tokens or (shape.ids is not None and not all(map(str.isdigit, columns[shape.ids]))):
            return False
        sentence.tokens = tokens
        sentence.lines = list(range(first, first + len(tokens)))
        if shape.label is not None:
            labels.extend(columns[shape.label])
        return True

    def _row_by_row(self, found: list[str], sentence: Sentence, labels: list[str]) -> None:
        shape = self.shape
        for number, row in enumerate(found, sentence.line):
            if is_blank(row):
                continue
            if DOCUMENT_START.search(row):
                self._start_document("")
                continue
            cells = shape.cells(row) if shape is not None else []
            if (
                shape is None
                or row == shape.header
                or shape.is_comment(row, cells, opens=not sentence.tokens)
            ):
                self._comment(row, cells, number, inside=bool(sentence.tokens))
            elif not shape.fits(cells) or not cells[shape.token].strip(" "):
                raise _fault(row, cells, shape, self.path, number)
            elif shape.ids is None or cells[shape.ids].isdigit():
                sentence.tokens.append(cells[shape.token])
                sentence.lines.append(number)
                if shape.open_ended and not sentence.tokens[1:]:
                    self.document = _part(cells[0], cells[1])
                if shape.label is not None:
                    labels.append(cells[shape.label])

    def _comment(self, row: str, cells: list[str], number: int, *, inside: bool) -> None:
        if (new := NEW_DOCUMENT.match(row)) is not None:
            part = PART.fullmatch(new[2] or "")
            self._start_document(_part(*part.groups()) if part else new[1] or new[2] or "")
        elif inside and self.shape is not None and self.shape.fits(cells) and row.startswith("#"):
            warn(
                "a line that begins with # and has no label is read as a comment", path=self.path, line=number
            )

    def _start_document(self, name_: str) -> None:
        self.documents += 1
        self.document = name_.strip(" \t") or str(self.documents)

    def _whole_line(self, row: str, sentence: Sentence, labels: list[str]) -> None:
        """A line of `word|label` pieces, which is a sentence."""
        assert self.shape is not None
        if is_blank(row):
            return
        if DOCUMENT_START.search(row):
            self._start_document("")
            return
        for piece in re.split("[ \t]+", row.strip(" \t")):
            cells = piece.rsplit("|", self.shape.width - 1)
            if not self.shape.fits(cells) or not cells[0]:
                if self.shape.is_comment(row, cells, opens=True):
                    self._comment(row, cells, sentence.line, inside=False)
                    return
                raise InputError(
                    f"the piece {piece!r}, expected word|label as in the lines before",
                    path=self.path,
                    line=sentence.line,
                    found=row,
                )
            sentence.tokens.append(cells[0])
            sentence.lines.append(sentence.line)
            labels.append(cells[-1])

    def _finish(self, sentence: Sentence, labels: list[str], shape: Shape) -> None:
        """Tokens and labels as they are meant; what must not be read is refused."""
        if shape.prefix:
            size = len(shape.prefix)
            sentence.tokens = [
                token[size:] if token.startswith(shape.prefix) and len(token) > size else token
                for token in sentence.tokens
            ]
        if shape.counts and self._counted is not None and self.options.token_column is None:
            self._refuse_counting(sentence, shape)
        if shape.label is None:
            return
        sentence.labels = labels
        if not self.options.reads_labels:  # labels will be overwritten, whatever they are
            if shape.brackets:
                sentence.labels = None
            return
        if shape.brackets:
            sentence.labels = _labels_of_brackets(labels, sentence)
        if not self._checked.issuperset(labels):
            self._check_types(sentence)

    def _refuse_counting(self, sentence: Sentence, shape: Shape) -> None:
        if not is_count(sentence.tokens):
            self._counted = None
            return
        self._counted = (self._counted or 0) + len(sentence.tokens)
        self._longest = max(self._longest, len(sentence.tokens))
        if self._counted > 2 and self._longest > 1:
            raise InputError(
                f"column {shape.token + 1} counts {' '.join(sentence.tokens[:3])} …, expected words",
                path=self.path,
                line=sentence.line,
                hint="--token-column N names the column of words; "
                f"--token-column {shape.token + 1} reads the numbers as words",
            )

    def _check_types(self, sentence: Sentence) -> None:
        for label, number in zip(sentence.labels or (), sentence.lines, strict=True):
            if label in self._checked:
                continue
            type_ = label[2:] if LABEL.fullmatch(label) and label != "O" else label or "O"
            if not is_entity_type(type_) and ("|" in type_ or any(map(str.isspace, type_))):
                raise InputError(
                    f"the label {label!r}: an entity type cannot hold {'|' if '|' in type_ else 'blanks'}",
                    path=self.path,
                    line=number,
                    hint="other formats cannot hold it: rename the type; --label-column names another column",
                )
            self._checked.add(label)


def _part(document: str, part: str) -> str:
    """The name of a document, of which OntoNotes has a first part, 0, and others."""
    return f"{document} part {int(part)}" if part.strip("0") and part.isdigit() else document


def _single_lines(lines: Iterable[bytes], first: int) -> Iterator[Piece]:
    return (Piece(number, [line], b"") for number, line in enumerate(lines, first))


def _fault(row: str, cells: Sequence[str], shape: Shape, path: str, number: int) -> InputError:
    if not shape.fits(cells):
        many = f"{len(cells)} column{'s' * (len(cells) != 1)}"
        message = f"{many}, expected {shape.expected} as in other lines"
    else:
        where = "the first column" if shape.token == 0 else f"column {shape.token + 1}"
        message = f"no word, expected one in {where}"
    return InputError(message, path=path, line=number, found=row)


def _labels_of_brackets(cells: Sequence[str], sentence: Sentence) -> list[str]:
    """OntoNotes' `(PERSON*`, `*`, `*)` as IOB2. Raises InputError for spans that overlap or do not close."""
    labels = []
    type_ = ""

    def error(message: str, position: int) -> InputError:
        return InputError(message, path=sentence.path, line=sentence.lines[position], found=cells[position])

    for position, cell in enumerate(cells):
        opened = re.findall(r"\(([^()*]+)", cell)
        if len(opened) > bool(not type_):
            raise error("an entity inside another one, expected entities one after another", position)
        if opened:
            type_ = opened[0]
        elif not type_ and ")" in cell:
            raise error("the end of an entity that did not begin", position)
        labels.append("O" if not type_ else ("B-" if opened else "I-") + type_)
        if ")" in cell:
            type_ = ""
    if type_:
        raise error(f"the entity {type_} does not end in this sentence", len(cells) - 1)
    return labels


# ---------------------------------------------------------------- writing


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`. The label replaces the file's own, or becomes a new column behind the others.

    It replaces labels as we write them, of types that the model has (`known_types`), where the file has its
    labels; or those of the column that was asked for. Raises InputError where a column that is being replaced
    holds something else.
    """
    lines: list[bytes] = list(sentence.raw.lines)
    shape: Shape | None = sentence.raw.shape
    if sentence.spans is None or shape is None:
        return b"".join(lines)
    column = _written(shape, options, sentence.path)
    if sentence.tokens:
        labels = _labels_for(sentence.spans, len(sentence), shape, column)
        if shape.line_is_sentence:
            lines[0] = _with_labels_in_line(lines[0], labels, sentence, options, shape)
            return b"".join(lines)
        allowed = None if shape.told or options.known_types is None else {b"O"}
        separator = {"tabs": b"\t", "blanks": b" "}.get(shape.form, b"|")
        is_last = column == shape.width - 1 and not shape.open_ended
        for number, label in zip(sentence.lines, labels, strict=True):
            position = number - sentence.line
            line = lines[position]
            if column is None:
                lines[position] = _appended(line, label, shape)
                continue
            before, found, last = line.rpartition(separator)
            cell = last.rstrip()
            if is_last and found and cell and b"\t" not in last and last[0] != 32:
                after = last[len(cell) :]
                before += separator
            else:
                before, cell, after = _cell(line, column, shape)
            if allowed is not None and cell not in allowed:
                _require_replaceable(cell, sentence, number, options, shape)
                allowed.add(cell)
            lines[position] = before + label + after
    if column is None and (shape.header is not None or shape.ids is not None or shape.plus):
        _name_column(lines, sentence, shape)
    return b"".join(lines)


def _written(shape: Shape, options: FormatOptions, path: str) -> int | None:
    """The column to replace; None: labels are appended. Says once a file why labels were left alone."""
    if shape.told:
        return shape.label
    if options.label_column == "append" or shape.own_label is None:
        return None
    unknown = [] if options.known_types is None else sorted(shape.types - options.known_types)
    if shape.strict and shape.writable and not unknown:
        return shape.own_label
    types = ", ".join(unknown[:3]) + ", …" * (len(unknown) > 3)
    if unknown:
        reason = f"has types that the model lacks ({types})"
    else:
        reason = "may not be the one to replace" if shape.strict else "has labels in another form than B-PER"
    last = shape.own_label == shape.width - 1 and not shape.open_ended
    overwrite = f"--label-column {'last' if last else shape.own_label + 1} overwrites"
    if shape.form == "bars":
        raise InputError(
            f"lines of word|label: the label {reason}",
            path=path,
            hint=f"{overwrite} the labels; --to conllu writes them elsewhere",
        )
    if not shape.said_on_writing:
        shape.said_on_writing.append(True)
        warn(
            f"column {shape.own_label + 1} {reason}: labels are appended as a new column; {overwrite} it",
            path=path,
        )
    return None


def _labels_for(spans: Sequence[Span], length: int, shape: Shape, column: int | None) -> list[bytes]:
    """The labels to write: IOB2, or OntoNotes' brackets in its own column."""
    if not shape.brackets or column is None:
        return [label.encode() for label in ENCODINGS["iob"].encode(spans, length)]
    labels = ["*"] * length
    for start, end, type_ in spans:
        labels[end - 1] = "*)"
        labels[start] = f"({type_}*" if end - start > 1 else f"({type_})"
    return [label.encode() for label in labels]


def _cell(line: bytes, column: int, shape: Shape) -> tuple[bytes, bytes, bytes]:
    """Return the bytes of a line before a cell, in it, and after it."""
    body = line.rstrip(b"\r\n")
    if shape.form == "tabs":
        start = 0
        for _ in range(column):
            start = body.index(b"\t", start) + 1
        end = body.find(b"\t", start)
        end = len(body) if end < 0 else end
        cell = body[start:end]
        start += len(cell) - len(cell.lstrip(b" "))
        end -= len(cell) - len(cell.rstrip(b" ")) if cell.strip(b" ") else 0
    elif shape.form == "bars":
        end = len(body.rstrip(b" \t"))
        start = body.rfind(b"|", 0, end) + 1
    elif column in (-1, shape.width - 1) and not (shape.open_ended and column >= 0):
        end = len(body.rstrip(b" \t"))
        start = max(body.rfind(b" ", 0, end), body.rfind(b"\t", 0, end)) + 1
    else:
        start, end = [found.span() for found in re.finditer(rb"[^ \t]+", body)][column]
    if start == 0 and body.startswith(BOM.encode()):
        start = len(BOM.encode())
    return line[:start], line[start:end], line[end:]


def _require_replaceable(
    cell: bytes, sentence: Sentence, number: int, options: FormatOptions, shape: Shape
) -> None:
    """Raises InputError for a cell that is no label of a type that the model has."""
    label = cell.decode()
    if options.known_types is None or label == "O":
        return
    if LABEL.fullmatch(label) and label[2:] in options.known_types:
        return
    raise InputError(
        f"{label!r} in the column of labels: no label of the model, and would be lost",
        path=sentence.path,
        line=number,
        found=sentence.raw.lines[number - sentence.line].decode().rstrip("\r\n"),
        hint=f"{'--to conllu' if shape.form == 'bars' else '--label-column append'} keeps it; "
        f"--label-column {(shape.own_label or 0) + 1} overwrites it",
    )


def _appended(line: bytes, label: bytes, shape: Shape) -> bytes:
    """The line with one cell more, behind the file's columns."""
    body = line.rstrip(b"\r\n")
    if shape.form == "tabs":
        cells = body.split(b"\t")
        if len(cells) > shape.width:  # the line ends in tabs: the new cell is the first of the empty ones
            cells[shape.width] = label
        else:
            cells.append(label)
        return b"\t".join(cells) + line[len(body) :]
    kept = len(body.rstrip(b" \t"))
    return line[:kept] + b" " + label + line[kept:]


def _name_column(lines: list[bytes], sentence: Sentence, shape: Shape) -> None:
    """A name for the appended column in the row of names, and a cell in lines that hold no token."""
    tokens = set(sentence.lines)
    # So that both are told apart where the file has labels of its own
    name_ = b"label" if shape.own_label is None else b"predicted"
    plus_name = b"NER" if shape.own_label is None else b"PREDICTED"
    for position, line in enumerate(lines):
        row = line.decode().removeprefix(BOM).rstrip("\r\n")
        if row == shape.header:
            lines[position] = _appended(line, name_, shape)
        elif shape.plus and GLOBAL_COLUMNS.match(row):
            kept = len(line.rstrip(b" \t\r\n"))
            lines[position] = line[:kept] + b" BILSTM_CRF:" + plus_name + line[kept:]
        elif is_blank(row) or row.startswith("#") or DOCUMENT_START.search(row):
            continue
        elif shape.ids is not None and sentence.line + position not in tokens:  # no word, as `3-4` or `5.1`
            lines[position] = _appended(line, b"_", shape)


def _with_labels_in_line(
    line: bytes, labels: Sequence[bytes], sentence: Sentence, options: FormatOptions, shape: Shape
) -> bytes:
    """A line of `word|label` pieces with other labels."""
    pieces = PIECES.split(line.rstrip(b"\r\n"))
    end = line[len(line.rstrip(b"\r\n")) :]
    words = [place for place in range(0, len(pieces), 2) if pieces[place].removeprefix(BOM.encode())]
    for place, label in zip(words, labels, strict=True):
        word, bar, old = pieces[place].rpartition(b"|")
        if not shape.told:
            _require_replaceable(old, sentence, sentence.line, options, shape)
        pieces[place] = word + bar + label
    return b"".join(pieces) + end


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`. Two columns with a tab between; without spans, the words alone.

    `-DOCSTART-` has a label as well, as every line of such a file; a document's name has no place.
    """
    if not sentence.tokens:
        return b""
    for word in sentence.tokens:
        check_word(word, sentence, "columns")
    start, rows = "-DOCSTART-", sentence.tokens
    if sentence.spans is not None:
        labels = ENCODINGS["iob"].encode(sentence.spans, len(sentence))
        rows = [f"{word}\t{label}" for word, label in zip(rows, labels, strict=True)]
        start += "\tO"
    return (f"{start}\n\n" * new_document + "\n".join(rows) + "\n\n").encode()
