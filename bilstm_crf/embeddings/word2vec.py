"""word2vec text and binary and GloVe's text, read as a stream in bounded memory.

What comes in is a stream without its packing (packing.py); what goes out are blocks of rows, and their words.
gensim reads these formats as well and is the oracle of the tests, but it holds the whole table in memory,
stops at the first word of bad UTF-8, cannot take a word with a space in it, and says neither how far a
truncated file got nor what it left out.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike

from bilstm_crf.embeddings.word_list import MAX_USELESS, WordList
from bilstm_crf.errors import InputError, warn

CHUNK = 1 << 20  # bytes read at a time
MAX_WORD = 10_000  # bytes; more than that without a space is no vector file
MAX_BEYOND = 1_000_000  # words behind those of the header that are counted
MAX_VALUE = 64  # bytes of a number as text, with the blanks around it
BLOCK_BYTES = 1 << 24  # of rows handed on at a time
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?(nan|inf)", re.I)
DECIMAL_COMMA = re.compile(rb"[-+]?\d+(,\d+)?(e[-+]?\d+)?", re.I)
# Numbers as vectors hold them; `10.30` and `000` are more likely part of a word with spaces.
VALUE = re.compile(rb"[-+]?\d*\.\d{3,}(e[-+]?\d+)?|[-+]?\d(\.\d+)?e[-+]?\d+|[-+]?(nan|inf)", re.I)


@dataclass(frozen=True)
class Shape:
    """The shape of a table before it is read: D dimensions, V words (None: there is no header)."""

    words: int | None
    dim: int


def header(line: bytes) -> Shape | None:
    """Return the numbers of words and dimensions in a first line; None for another kind of line."""
    match = re.fullmatch(rb"\s*(\d{1,12})\s+(\d{1,6})\s*", line)
    return Shape(int(match[1]), int(match[2])) if match else None


def shape_without_header(start: bytes) -> Shape | None:
    """Return the dimensions of GloVe's text from its first lines; None where they hold no vectors.

    `start` are the first bytes; a line that they cut off does not count. A word may hold spaces or be a
    number, so the most frequent number of values decides.
    """
    lines = start.split(b"\n")
    whole = lines[:-1] or lines
    counts = Counter(_values(line.split()) for line in whole if line.strip())
    dim, _ = max(counts.items(), key=lambda pair: pair[1], default=(0, 0))
    return Shape(None, dim) if dim >= 2 else None


def _values(fields: list[bytes]) -> int:
    """Count the numbers at the end of a line, behind a word of at least one field."""
    for count, text in enumerate(reversed(fields[1:])):
        if not (NUMBER.fullmatch(text) or DECIMAL_COMMA.fullmatch(text)):
            return count
    return max(0, len(fields) - 1)


@dataclass
class Records:
    """The words and rows of one file; `kept` grows while it is read."""

    path: object
    shape: Shape
    kept: WordList = field(init=False)

    def __post_init__(self) -> None:
        self.kept = WordList(self.path)

    def blocks(self, stream: BufferedReader, *, binary: bool) -> Iterator[np.ndarray]:
        """Yield blocks (N, D) of rows, in the order of `kept.words`.

        Words that are not UTF-8, hold a line break or came before are counted and left out, as are those
        beyond the number in the header. Raises InputError for a row of another dimension, a value that is not
        a finite number, a line longer than its values can need, and for a file that ends before its header's
        number.
        """
        if self.shape.words is not None:
            stream.readline()
        promised, dim = self.shape.words, self.shape.dim
        rows = max(1, min(2048, BLOCK_BYTES // (4 * dim)))
        block = np.empty((rows, dim), np.float32)
        filled = 0
        parser: Iterator[tuple[bytes, ArrayLike]] = (_binary if binary else _text)(stream, self)
        for raw, row in islice(parser, promised):
            if not self.kept.add(raw):
                continue
            if filled == rows:
                yield self._checked(block, self.kept.words[-rows - 1 : -1])
                filled = 0
            with np.errstate(over="ignore"):  # an infinite value is an error below
                block[filled] = row
            filled += 1
        read, bad = self.kept.read, self.kept.skipped["not UTF-8"]
        if promised is not None and read < promised:
            raise InputError(
                f"is cut short: {read:,} of the {promised:,} words that its header promises are there",
                path=self.path,
                hint="fetch or write it anew; to use what is there, correct the number in its first line",
            )
        if bad > 10 and bad > read / 10:
            raise InputError(
                f"{bad:,} of {read:,} words are not UTF-8: the file is damaged, in another character "
                f"encoding, or of other dimensions than the {dim} of its header",
                path=self.path,
            )
        with contextlib.suppress(InputError):  # what stands after the last word need not be a word
            for _ in islice(parser, MAX_BEYOND):
                self.kept.skipped["beyond the number in the header"] += 1
        yield self._checked(block[:filled], self.kept.words[len(self.kept.words) - filled :])

    def _checked(self, block: np.ndarray, words: list[str]) -> np.ndarray:
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            word = words[int(np.argmin(finite))]
            raise InputError(
                f"the vector of the word {word!r} holds a value that is no number", path=self.path
            )
        return block


def _binary(stream: BufferedReader, records: Records) -> Iterator[tuple[bytes, ArrayLike]]:
    """Yield records of a word, a space, D float32 values (little-endian) and, in most files, a line break."""
    size = 4 * records.shape.dim
    buffer, at = b"", 0
    read = 0
    while True:
        space = buffer.find(b" ", at)
        while space < 0 or len(buffer) < space + 1 + size:
            if (space < 0 and len(buffer) - at > MAX_WORD) or space - at > MAX_WORD:
                raise InputError(
                    f"no word where word {read + 1:,} should be: damaged, or of other dimensions "
                    f"than the {records.shape.dim} of its header",
                    path=records.path,
                )
            more = stream.read(max(CHUNK, size))
            if not more:
                return  # a record that is not whole does not count
            buffer, at = buffer[at:] + more, 0
            space = buffer.find(b" ")
        # The line break ends the record before; C word2vec writes it, others do not.
        yield (
            buffer[at:space].lstrip(b"\n"),
            np.frombuffer(buffer, "<f4", records.shape.dim, space + 1),
        )
        read += 1
        at = space + 1 + size


def _text(stream: BufferedReader, records: Records) -> Iterator[tuple[bytes, ArrayLike]]:
    """Yield lines of a word and D numbers, apart by blanks or tabs; the word itself may hold some."""
    dim = records.shape.dim
    longest = MAX_WORD + MAX_VALUE * dim
    number = 0 if records.shape.words is None else 1
    empty = 0
    commas = False
    while line := stream.readline(longest):
        number += 1
        whole = line.endswith(b"\n")
        if not whole and len(line) == longest:
            raise InputError(
                f"is longer than {longest:,} bytes, expected a word and {dim} numbers",
                path=records.path,
                line=number,
            )
        fields = line.rsplit(None, dim)
        if not fields:
            empty += 1
            if empty > max(MAX_USELESS, number / 2):
                raise InputError(f"{empty:,} of {number:,} lines are empty", path=records.path, line=number)
            continue
        if len(fields) == dim and line[:1].isspace() and all(map(NUMBER.fullmatch, fields)):
            fields.insert(0, b"")  # the word is empty, or a blank
        extra = fields[0].split()[1:]
        if len(fields) <= dim or (extra and all(VALUE.fullmatch(text) for text in extra)):
            if not whole and len(fields) <= dim and records.shape.words is not None:
                return  # the file breaks off in this line: the number of words will say so
            raise _wrong_number(line, len(fields) - 1 + len(extra), records, number)
        try:
            row = list(map(float, fields[1:]))
        except ValueError as error:
            if not all(map(DECIMAL_COMMA.fullmatch, fields[1:])):
                if not whole and records.shape.words is not None:
                    return
                raise InputError(
                    f"expected {dim} numbers after the word: {error}", path=records.path, line=number
                ) from error
            if not commas:
                commas = True
                warn("decimal commas (0,5) are read as 0.5", path=records.path, line=number)
            row = [float(text.replace(b",", b".")) for text in fields[1:]]
        yield fields[0].lstrip(), row


def _wrong_number(line: bytes, found: int, records: Records, number: int) -> InputError:
    separator = next((sign for sign in ";,|" if found == 0 and sign.encode() in line), None)
    says = "as in the header" if records.shape.words is not None else "as in the lines before"
    if not line.endswith(b"\n") and records.shape.words is None:
        says += ": is the file cut short?"
    return InputError(
        f"{found} values after the word, expected {records.shape.dim} {says}",
        path=records.path,
        line=number,
        hint=separator and f"write blanks or tabs between the values instead of {separator!r}",
    )
