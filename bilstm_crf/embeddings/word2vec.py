"""Read word2vec text and binary and GloVe text as a stream, in bounded memory.

gensim reads these formats too and is the oracle of the tests, but it holds the whole table in memory, stops
at the first word that is not UTF-8, cannot read words with spaces, and does not say where a truncated file
ends or what it left out.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from bilstm_crf.embeddings.builder import MAX_USELESS, Builder, damaged
from bilstm_crf.errors import InputError, warn
from bilstm_crf.util.progress import Bar

CHUNK = 1 << 20  # bytes read at a time
MAX_WORD = 10_000  # bytes without a space
MAX_BEYOND = 1_000_000  # words counted after those that the header promises
MAX_VALUE = 64  # bytes of a number as text, with the blanks around it
BLOCK_BYTES = 1 << 24  # of rows written at a time
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?(nan|inf)", re.I)
DECIMAL_COMMA = re.compile(rb"[-+]?\d+(,\d+)?(e[-+]?\d+)?", re.I)
# Numbers as vectors hold them; `10.30` and `000` are more likely part of a word with spaces.
VALUE = re.compile(rb"[-+]?\d*\.\d{3,}(e[-+]?\d+)?|[-+]?\d(\.\d+)?e[-+]?\d+|[-+]?(nan|inf)", re.I)

Records = Iterator[tuple[bytes, ArrayLike]]  # words and their values


@dataclass(frozen=True)
class Shape:
    """The shape of a table before it is read: V words (None without a header), D dimensions."""

    words: int | None
    dim: int


def parse_header(line: bytes) -> Shape | None:
    """Return the numbers of words and dimensions in a first line; None for another kind of line."""
    match = re.fullmatch(rb"\s*(\d{1,12})\s+(\d{1,6})\s*", line)
    return Shape(int(match[1]), int(match[2])) if match else None


def guess_shape(start: bytes) -> Shape | None:
    """Return the dimensions of GloVe text from its first bytes; None if they hold no vectors.

    A word may contain spaces or be a number, so the most frequent number of values decides.
    """
    lines = start.split(b"\n")
    complete = lines[:-1] or lines
    counts = Counter(_count_values(line.split()) for line in complete if line.strip())
    dim, _ = max(counts.items(), key=lambda pair: pair[1], default=(0, 0))
    return Shape(None, dim) if dim >= 2 else None


def _count_values(fields: list[bytes]) -> int:
    """Count the numbers at the end of a line, after a word of at least one field."""
    for count, text in enumerate(reversed(fields[1:])):
        if not (NUMBER.fullmatch(text) or DECIMAL_COMMA.fullmatch(text)):
            return count
    return max(0, len(fields) - 1)


def is_text(rest: bytes, dim: int) -> bool:
    """Return whether the bytes after the header are text: lines of numbers, or no control characters."""
    line, end, _ = rest.partition(b"\n")
    values = line.rsplit(None, dim)[1:]
    if end and len(values) == dim and all(map(NUMBER.fullmatch, values)):
        return True
    control = set(range(32)) - set(b"\t\n\r")  # the bytes of floats are full of them
    return not control.intersection(rest)


def read(stream: BufferedReader, shape: Shape, builder: Builder, *, binary: bool) -> None:
    """Read a file of this shape into `builder`.

    Unusable words, and those beyond the number in the header, are counted and left out. Raises InputError for
    a row of another dimension, a value that is not a finite number, a line longer than its values can need,
    and a file that ends before the number of words in its header.
    """
    if shape.words is not None:
        stream.readline()
    block = np.empty((max(1, min(2048, BLOCK_BYTES // (4 * shape.dim))), shape.dim), np.float32)
    filled = 0
    records = (_read_binary if binary else _read_text)(stream, shape, builder.path)
    with Bar(f"Reading  {builder.path.name}", unit="words") as bar:
        for raw, row in islice(records, shape.words):
            if not builder.add_word(raw):
                continue
            with np.errstate(over="ignore"):  # an infinite value is an error below
                block[filled] = row
            filled += 1
            if filled == len(block):
                _add(block, builder)
                bar.at(builder.read, shape.words)
                filled = 0
    _add(block[:filled], builder)
    _require_whole(shape, builder)
    with contextlib.suppress(InputError):  # what follows the last word need not be a word
        for _ in islice(records, MAX_BEYOND):
            builder.skipped["beyond the number in the header"] += 1


def _add(block: np.ndarray, builder: Builder) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        word = builder.words[int(np.argmin(finite)) - len(block)]
        raise InputError(
            f"the vector of the word {word!r} holds a value that is no number", path=builder.path
        )
    builder.add_rows(block)


def _require_whole(shape: Shape, builder: Builder) -> None:
    read, bad = builder.read, builder.skipped["not UTF-8"]
    if shape.words is not None and read < shape.words:
        raise InputError(
            f"is cut short: {read:,} of the {shape.words:,} words that its header promises are there",
            path=builder.path,
            hint="fetch or write it again; to use what is there, correct the number in its first line",
        )
    if bad > 10 and bad > read / 10:
        raise InputError(
            f"{bad:,} of {read:,} words are not UTF-8",
            path=builder.path,
            hint=f"the file is damaged, in another encoding, or does not have {shape.dim} dimensions",
        )


def _read_binary(stream: BufferedReader, shape: Shape, path: object) -> Records:
    """Yield records of a word, a space, D float32 values (little-endian) and, in most files, a line break."""
    size = 4 * shape.dim
    buffer, at = b"", 0
    read = 0
    while True:
        space = buffer.find(b" ", at)
        while space < 0 or len(buffer) < space + 1 + size:
            if (space < 0 and len(buffer) - at > MAX_WORD) or space - at > MAX_WORD:
                raise InputError(
                    f"no word where word {read + 1:,} should be",
                    path=path,
                    hint=f"the file is damaged, or does not have the {shape.dim} dimensions of its header",
                )
            more = stream.read(max(CHUNK, size))
            if not more:
                return  # an incomplete record does not count
            buffer, at = buffer[at:] + more, 0
            space = buffer.find(b" ")
        # The line break ends the previous record; C word2vec writes it, others do not.
        yield buffer[at:space].lstrip(b"\n"), np.frombuffer(buffer, "<f4", shape.dim, space + 1)
        read += 1
        at = space + 1 + size


def _read_text(stream: BufferedReader, shape: Shape, path: object) -> Records:
    """Yield lines of a word and D numbers, separated by blanks or tabs; the word may contain some."""
    dim = shape.dim
    longest = MAX_WORD + MAX_VALUE * dim
    number = 0 if shape.words is None else 1
    empty = 0
    commas = False
    while line := stream.readline(longest):
        number += 1
        cut_off = not line.endswith(b"\n") and shape.words is not None  # the number of words will say so
        if len(line) == longest and not line.endswith(b"\n"):
            raise InputError(
                f"is longer than {longest:,} bytes, expected a word and {dim} numbers", path=path, line=number
            )
        fields = line.rsplit(None, dim)
        if not fields:
            empty += 1
            if empty > max(MAX_USELESS, number / 2):
                raise damaged(path, f"damaged: {empty:,} of {number:,} lines are empty")
            continue
        if len(fields) == dim and line[:1].isspace() and all(map(NUMBER.fullmatch, fields)):
            fields.insert(0, b"")  # the word is empty, or a blank
        extra = fields[0].split()[1:]
        if len(fields) <= dim or (extra and all(map(VALUE.fullmatch, extra))):
            if cut_off and len(fields) <= dim:
                return
            raise _wrong_number(line, len(fields) - 1 + len(extra), shape, path, number)
        try:
            row = list(map(float, fields[1:]))
        except ValueError as error:
            if not all(map(DECIMAL_COMMA.fullmatch, fields[1:])):
                if cut_off:
                    return
                raise InputError(
                    f"expected {dim} numbers after the word: {error}", path=path, line=number
                ) from error
            if not commas:
                commas = True
                warn("decimal commas (0,5) are read as 0.5", path=path, line=number)
            row = [float(text.replace(b",", b".")) for text in fields[1:]]
        yield fields[0].lstrip(), row


def _wrong_number(line: bytes, found: int, shape: Shape, path: object, number: int) -> InputError:
    separator = next((sign for sign in ";,|" if found == 0 and sign.encode() in line), None)
    says = "as in the header" if shape.words is not None else "as in the lines before"
    if not line.endswith(b"\n") and shape.words is None:
        says += ": is the file cut short?"
    return InputError(
        f"{found} values after the word, expected {shape.dim} {says}",
        path=path,
        line=number,
        hint=separator and f"separate the values by blanks or tabs instead of {separator!r}",
    )
