"""Columns, as in CoNLL-2003 and two-column IOB files: a token a line, its label in one of the columns.

The layout is recognised from the file's first lines (`column_layout`) and holds for all of it;
`FormatOptions` can name the columns. A sentence ends at an empty line and where a document begins:
at `-DOCSTART-`, `# newdoc`, `#begin document`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple

from bilstm_crf.errors import InputError, warn
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import BOM, BOM_BYTES, blocks, check_word, rows
from bilstm_crf.formats.column_layout import (
    BLANKS,
    DOCUMENT_START,
    GLOBAL_COLUMNS,
    NEW_DOCUMENT,
    Layout,
    is_blank,
    is_count,
    lines_ahead,
    recognise,
    text_of,
)
from bilstm_crf.labels import ENCODINGS, LABEL, is_entity_type
from bilstm_crf.sentence import Sentence, TokenSpan

name = "conll2003"
suffixes: tuple[str, ...] = (
    ".conll", ".bio", ".iob", ".tsv", ".iob2", ".bio2", ".iobes", ".bioes", ".annotated", ".conllup",
)  # fmt: skip

PART = re.compile(r"\((.*)\);?[ \t]*part[ \t]+(\d+)")  # what follows `#begin document`
STARTS_DOCUMENT = re.compile(
    rb"(?:\xef\xbb\xbf)?#[ \t]*newdoc\b|#begin document\b|(?:.*[ \t])?-DOCSTART(?![A-Za-z])", re.IGNORECASE
)
STRAY_BLANKS = (b"  ", b"\n ", b" \n", b" \r")


class Raw(NamedTuple):
    """The data that `render` needs."""

    lines: list[bytes]
    layout: Layout | None


class Piece(NamedTuple):
    """The lines of one sentence."""

    first: int  # the number of the first
    lines: list[bytes]
    plain: bytes = b""  # all of them, if no line is a comment or begins a document


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. Documents without a name are named by their number.

    Raises InputError for a line without the file's columns or without a token, a column that was
    asked for and is missing, a type that `is_entity_type` refuses, and for tokens that count 1 2 3 …
    """
    reader = _Reader(path, options, lines_ahead(stream))
    for piece in reader.pieces(stream):
        sentence = reader.sentence(piece)
        if options.keep_raw or sentence.tokens:
            yield sentence


def _pieces(stream: BinaryIO, path: str) -> Iterator[Piece]:
    """Yield each sentence as soon as `blocks` has it, split where a document begins."""
    for first, lines in blocks(stream, path=path):
        content = b"".join(lines)
        if b"#" not in content and b"docstart" not in content.lower():
            yield Piece(first, lines, content)
            continue
        start = 0
        for position in range(1, len(lines)):
            if STARTS_DOCUMENT.match(lines[position]):
                yield Piece(first + start, lines[start:position])
                start = position
        yield Piece(first + start, lines[start:])


class _Reader:
    """The state of reading one file."""

    def __init__(self, path: str, options: FormatOptions, ahead: list[bytes]) -> None:
        self.path, self.options = path, options
        self.layout: Layout | None = None
        self.documents = 0
        self.document: str | None = None
        self._ahead = ahead
        self._checked = {"O"}  # labels whose types are entity types
        self._counted: int | None = 0  # tokens so far, if all of them only count; None: there are words
        self._longest = 0  # tokens of the longest sentence of those

    def pieces(self, stream: BinaryIO) -> Iterator[Piece]:
        """Yield the sentences of the stream; the layout is known before the first that has a token."""
        ahead = recognise(text_of(self._ahead), self.path, self.options)
        if ahead is not None and ahead.line_is_sentence:
            self._take(ahead)
            yield from _single_lines(iter(stream.readline, b""), 1)
            return
        for piece in _pieces(stream, self.path):
            if self.layout is None and not piece.lines[0].isspace():
                whole = piece.first + len(piece.lines) - 1 <= len(self._ahead)
                layout = ahead if whole else None
                layout = layout or recognise(text_of(piece.lines), self.path, self.options, piece.first)
                if layout is not None:
                    self._take(layout)
                    if layout.line_is_sentence:
                        yield from _single_lines(chain(piece.lines, iter(stream.readline, b"")), piece.first)
                        return
            yield piece

    def _take(self, layout: Layout) -> None:
        self.layout, self._ahead = layout, []
        notes, options = list(layout.notes), ["--token-column"] * bool(layout.notes)
        if self.options.reads_labels and layout.label_note:
            notes.append(layout.label_note)
            options.append("--label-column")
        if notes:
            choose = f"{' and '.join(options)} {'choose others' if options[1:] else 'chooses another'}"
            warn("; ".join([*notes, choose]), path=self.path)

    def sentence(self, piece: Piece) -> Sentence:
        sentence = Sentence([], path=self.path, line=piece.first)
        found = rows(piece.lines, piece.first, self.path)
        labels: list[str] = []
        if self.layout is None or not self._regular(piece, found, sentence, labels, self.layout):
            for number, row in enumerate(found, piece.first):
                if DOCUMENT_START.search(row):
                    self._start_document("")
                elif not is_blank(row):
                    self._row(row, number, sentence, labels)
        if sentence.tokens and self.layout is not None:
            self._finish(sentence, labels, self.layout)
        sentence.document = self.document
        if self.options.keep_raw:
            sentence.raw = Raw(piece.lines, self.layout)
        return sentence

    def _regular(
        self, piece: Piece, found: list[str], sentence: Sentence, labels: list[str], layout: Layout
    ) -> bool:
        """The hot path: fill in a sentence of plain token lines with single separators, else return False."""
        content = piece.plain
        if not content or piece.first == 1 or layout.form == "bars" or layout.open_ended:
            return False
        if layout.form == "tabs":
            if b" " in content:
                return False
        elif b"\t" in content or any(map(content.__contains__, STRAY_BLANKS)):
            return False
        if layout.header is not None and layout.header in found:
            return False
        if piece.lines[-1].isspace():
            del found[len(piece.lines) - 1 :]
        elif content[-1:] == b"\n":
            found.pop()
        separator = "\t" if layout.form == "tabs" else " "
        table = [row.split(separator) for row in found]
        if not table:
            return True
        if set(map(len, table)) != {layout.width}:
            return False
        columns = list(zip(*table, strict=True))
        tokens = list(columns[layout.token])
        if "" in tokens or (layout.ids is not None and not all(map(str.isdigit, columns[layout.ids]))):
            return False
        sentence.tokens = tokens
        sentence.lines = list(range(piece.first, piece.first + len(tokens)))
        if layout.label is not None:
            labels.extend(columns[layout.label])
        return True

    def _row(self, row: str, number: int, sentence: Sentence, labels: list[str]) -> None:
        """Add the token of a row to the sentence, or all of them if the row is a sentence."""
        layout = self.layout
        in_line = layout is not None and layout.line_is_sentence
        for piece in BLANKS.split(row.strip(" \t")) if in_line else [row]:
            cells = layout.cells(piece) if layout is not None else []
            opens = not sentence.tokens
            if layout is None or row == layout.header or layout.is_comment(row, cells, opens=opens):
                self._comment(row, cells, number, inside=not opens)
                return
            if not layout.fits(cells) or not cells[layout.token].strip(" "):
                raise _fault(row, piece, cells, layout, self.path, number)
            if layout.ids is None or cells[layout.ids].isdigit():
                sentence.tokens.append(cells[layout.token])
                sentence.lines.append(number)
                if layout.open_ended and opens:
                    self.document = _part(cells[0], cells[1])
                if layout.label is not None:
                    labels.append(cells[layout.label])

    def _comment(self, row: str, cells: list[str], number: int, *, inside: bool) -> None:
        if (new := NEW_DOCUMENT.match(row)) is not None:
            part = PART.fullmatch(new[2] or "")
            self._start_document(_part(*part.groups()) if part else new[1] or new[2] or "")
        elif inside and self.layout is not None and self.layout.fits(cells) and row.startswith("#"):
            message = "a line that begins with # and has no label is read as a comment"
            warn(message, path=self.path, line=number)

    def _start_document(self, name_: str) -> None:
        self.documents += 1
        self.document = name_.strip(" \t") or str(self.documents)

    def _finish(self, sentence: Sentence, labels: list[str], layout: Layout) -> None:
        """Set tokens and labels as they are meant. Raises InputError for what must not be read."""
        if size := len(layout.prefix):
            sentence.tokens = [
                token[size:] if token.startswith(layout.prefix) and len(token) > size else token
                for token in sentence.tokens
            ]
        if layout.counts and self._counted is not None and self.options.token_column is None:
            self._refuse_counting(sentence, layout)
        if layout.label is None or (layout.brackets and not self.options.reads_labels):
            return
        sentence.labels = labels
        if self.options.reads_labels:
            if layout.brackets:
                sentence.labels = _labels_of_brackets(labels, sentence)
            if not self._checked.issuperset(labels):
                self._check_types(sentence)

    def _refuse_counting(self, sentence: Sentence, layout: Layout) -> None:
        if not is_count(sentence.tokens):
            self._counted = None
            return
        self._counted = (self._counted or 0) + len(sentence.tokens)
        self._longest = max(self._longest, len(sentence.tokens))
        if self._counted > 2 and self._longest > 1:
            raise InputError(
                f"column {layout.token + 1} counts {' '.join(sentence.tokens[:3])} …, expected words",
                path=self.path,
                line=sentence.line,
                hint="--token-column N names the column of words; "
                f"--token-column {layout.token + 1} reads the numbers as words",
            )

    def _check_types(self, sentence: Sentence) -> None:
        for label, number in zip(sentence.labels or (), sentence.lines, strict=True):
            type_ = label[2:] if LABEL.fullmatch(label) and label != "O" else label or "O"
            if label not in self._checked and not is_entity_type(type_):
                raise InputError(
                    f"the label {label!r}: an entity type cannot hold {'|' if '|' in type_ else 'blanks'}",
                    path=self.path,
                    line=number,
                    hint="other formats cannot hold it: rename the type; --label-column names another column",
                )
            self._checked.add(label)


def _part(document: str, part: str) -> str:
    """Return the name of a document of OntoNotes, which has a first part, 0, and others."""
    return f"{document} part {int(part)}" if part.strip("0") and part.isdigit() else document


def _single_lines(lines: Iterable[bytes], first: int) -> Iterator[Piece]:
    return (Piece(number, [line]) for number, line in enumerate(lines, first))


def _fault(row: str, piece: str, cells: Sequence[str], layout: Layout, path: str, number: int) -> InputError:
    if layout.line_is_sentence:
        message = f"the piece {piece!r}, expected word|label as in the lines before"
    elif not layout.fits(cells):
        many = f"{len(cells)} column{'s' * (len(cells) != 1)}"
        message = f"{many}, expected {layout.expected} as in other lines"
    else:
        where = "the first column" if layout.token == 0 else f"column {layout.token + 1}"
        message = f"no word, expected one in {where}"
    return InputError(message, path=path, line=number, found=row)


def _labels_of_brackets(cells: Sequence[str], sentence: Sentence) -> list[str]:
    """Return `(PERSON*`, `*`, `*)` as IOB2. Raises InputError for spans that overlap or do not close."""
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
    """See `Format.render`. The label replaces the file's own, or is appended as a new column.

    It replaces standard labels of types that the model has (`known_types`), or those of the column
    that was asked for. Raises InputError if a column that is being replaced holds something else.
    """
    lines: list[bytes] = list(sentence.raw.lines)
    layout: Layout | None = sentence.raw.layout
    if sentence.token_spans is None or layout is None:
        return b"".join(lines)
    column = _written(layout, options, sentence.path)
    if sentence.tokens:
        labels = _labels_to_write(sentence.token_spans, len(sentence), layout, column)
        replaceable = None if layout.is_named or options.known_types is None else {b"O"}
        if layout.line_is_sentence:
            return _with_labels_in_line(lines[0], labels, sentence, options)
        separator = b"\t" if layout.form == "tabs" else b" "
        is_last = column == layout.width - 1 and layout.form != "bars" and not layout.open_ended
        for number, label in zip(sentence.lines, labels, strict=True):
            position = number - sentence.line
            line = lines[position]
            if column is None:
                lines[position] = _appended(line, label, layout)
                continue
            before, _, rest = line.rpartition(separator) if is_last else (b"", b"", b"")
            cell = rest.rstrip()
            if before and rest > b"!" and b"\t" not in rest:  # nearly always
                start, end = len(line) - len(rest), len(line) - len(rest) + len(cell)
            else:
                start, end = place_of_cell(line, column, layout)
                cell = line[start:end]
            if replaceable is not None and cell not in replaceable:
                _require_replaceable(cell, sentence, number, options)
                replaceable.add(cell)
            lines[position] = line[:start] + label + line[end:]
    if column is None and (layout.header is not None or layout.ids is not None or layout.plus):
        _name_column(lines, sentence, layout)
    return b"".join(lines)


def _with_labels_in_line(
    line: bytes, labels: Sequence[bytes], sentence: Sentence, options: FormatOptions
) -> bytes:
    """Return a line of `word|label` pieces with other labels."""
    new = iter(labels)

    def relabel(piece: re.Match[bytes]) -> bytes:
        if piece[0] == BOM_BYTES:
            return piece[0]
        word, bar, cell = piece[0].rpartition(b"|")
        if options.known_types is not None and not sentence.raw.layout.is_named:
            _require_replaceable(cell, sentence, sentence.line, options)
        return word + bar + next(new)

    return re.sub(rb"[^ \t\r\n]+", relabel, line)


def _written(layout: Layout, options: FormatOptions, path: str) -> int | None:
    """Return the column to replace; None: append. Warns once a file why labels are not replaced."""
    if layout.is_named:
        return layout.label
    if options.label_column == "append" or layout.own_label is None:
        return None
    unknown = [] if options.known_types is None else sorted(layout.types - options.known_types)
    if layout.strict and layout.writable and not unknown:
        return layout.own_label
    types = ", ".join(unknown[:3]) + ", …" * (len(unknown) > 3)
    if unknown:
        reason = f"has types that the model lacks ({types})"
    else:
        reason = "may not be the one to replace" if layout.strict else "has labels in another form than B-PER"
    last = layout.own_label == layout.width - 1 and not layout.open_ended
    overwrite = f"--label-column {'last' if last else layout.own_label + 1} overwrites"
    if layout.form == "bars":
        hint = f"{overwrite} the labels; --to conllu writes them elsewhere"
        raise InputError(f"lines of word|label: the label {reason}", path=path, hint=hint)
    if not layout.warned:
        layout.warned.append(True)
        message = f"column {layout.own_label + 1} {reason}: labels are appended as a new column"
        warn(f"{message}; {overwrite} it", path=path)
    return None


def _labels_to_write(
    spans: Sequence[TokenSpan], length: int, layout: Layout, column: int | None
) -> list[bytes]:
    """Return the labels: IOB2, or OntoNotes' brackets in its own column."""
    if not layout.brackets or column is None:
        return [label.encode() for label in ENCODINGS["iob"].encode(spans, length)]
    labels = ["*"] * length
    for start, end, type_ in spans:
        labels[end - 1] = "*)"
        labels[start] = f"({type_}*" if end - start > 1 else f"({type_})"
    return [label.encode() for label in labels]


def place_of_cell(line: bytes, column: int, layout: Layout) -> tuple[int, int]:
    """Return where a cell of a line begins and ends."""
    at_end = column in (-1, layout.width - 1) and not (layout.open_ended and column >= 0)
    if layout.form == "tabs":
        cells = line.rstrip(b"\r\n").split(b"\t")
        cell = cells[column]
        start = sum(map(len, cells[:column])) + column + len(cell) - len(cell.lstrip(b" "))
        end = start + len(cell.strip(b" "))
    elif layout.form == "bars" or at_end:
        end = len(line.rstrip(b" \t\r\n"))
        separators = (b"|",) if layout.form == "bars" else (b" ", b"\t")
        start = max(line.rfind(separator, 0, end) for separator in separators) + 1
    else:
        start, end = [found.span() for found in re.finditer(rb"[^ \t]+", line)][column]
    if start == 0 and line.startswith(BOM_BYTES):
        start = len(BOM_BYTES)
    return start, end


def _require_replaceable(cell: bytes, sentence: Sentence, number: int, options: FormatOptions) -> None:
    """Raise InputError for a cell that is not a label of a type that the model has."""
    label, layout = cell.decode(), sentence.raw.layout
    if label == "O" or (LABEL.fullmatch(label) and label[2:] in (options.known_types or ())):
        return
    raise InputError(
        f"{label!r} in the column of labels is no label of the model, and would be lost",
        path=sentence.path,
        line=number,
        found=sentence.raw.lines[number - sentence.line].decode().rstrip("\r\n"),
        hint=f"{'--to conllu' if layout.form == 'bars' else '--label-column append'} keeps it; "
        f"--label-column {(layout.own_label or 0) + 1} overwrites it",
    )


def _appended(line: bytes, label: bytes, layout: Layout) -> bytes:
    """Return the line with one cell more, behind the file's columns."""
    body = line.rstrip(b"\r\n")
    if layout.form == "tabs":
        cells = body.split(b"\t")
        if len(cells) > layout.width:  # the line ends in tabs: the new cell is the first of the empty ones
            cells[layout.width] = label
        else:
            cells.append(label)
        return b"\t".join(cells) + line[len(body) :]
    kept = len(body.rstrip(b" \t"))
    return line[:kept] + b" " + label + line[kept:]


def _name_column(lines: list[bytes], sentence: Sentence, layout: Layout) -> None:
    """Name the appended column in the header, and fill it in lines that hold no token."""
    tokens = set(sentence.lines)
    # Other names if the file has labels of its own
    name_ = b"label" if layout.own_label is None else b"predicted"
    plus_name = b"NER" if layout.own_label is None else b"PREDICTED"
    for position, line in enumerate(lines):
        row = line.decode().removeprefix(BOM).rstrip("\r\n")
        if row == layout.header:
            lines[position] = _appended(line, name_, layout)
        elif layout.plus and GLOBAL_COLUMNS.match(row):
            kept = len(line.rstrip(b" \t\r\n"))
            lines[position] = line[:kept] + b" BILSTM_CRF:" + plus_name + line[kept:]
        elif is_blank(row) or row.startswith("#") or DOCUMENT_START.search(row):
            continue
        elif layout.ids is not None and sentence.line + position not in tokens:  # as `3-4` or `5.1`
            lines[position] = _appended(line, b"_", layout)


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`: two columns separated by a tab; without spans, the words alone.

    `-DOCSTART-` has a label as well, like every line of such a file; a document's name has no place.
    """
    if not sentence.tokens:
        return b""
    for word in sentence.tokens:
        check_word(word, sentence, "columns")
    start, lines = "-DOCSTART-", sentence.tokens
    if sentence.token_spans is not None:
        labels = ENCODINGS["iob"].encode(sentence.token_spans, len(sentence))
        lines = [f"{word}\t{label}" for word, label in zip(lines, labels, strict=True)]
        start += "\tO"
    return (f"{start}\n\n" * new_document + "\n".join(lines) + "\n\n").encode()
