"""word2vec text and binary, read as a stream in bounded memory.

gensim reads both, but holds the whole table in memory, stops at the first word of bad UTF-8, cannot take a
word with a space in it and says neither how far a truncated file got nor what it left out. So these two
formats are read here, and gensim is the oracle of the tests; fastText and gensim's own format are gensim's.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from bilstm_crf.errors import InputError

CHUNK = 1 << 20  # bytes read at a time
LONGEST_WORD = 10_000  # bytes; more than that without a space is no word2vec file
ROWS = 2048  # rows handed on at a time
VALUE = re.compile(rb"[-+]?\d*\.\d{3,}(e[-+]?\d+)?|[-+]?\d(\.\d+)?e[-+]?\d+|[-+]?(nan|inf)", re.I)


@dataclass
class Records:
    """The words and rows of one file; `skipped` counts what was left out and why, while it is read."""

    path: str
    words: list[str] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    promised: int = 0  # words, by the header
    dim: int = 0

    def blocks(self, stream: BinaryIO, *, binary: bool) -> Iterator[np.ndarray]:
        """Blocks (N, D) of rows, in the order of `words`, which grows with them.

        Words that are not UTF-8, hold a line break or came before are counted and left out, as are those
        beyond the number in the header. Raises InputError for a bad header, a row of another dimension,
        a value that is not a finite number, and for a file that ends before its header's number.
        """
        self.promised, self.dim = header(stream, self.path)
        seen: set[str] = set()
        block = np.empty((ROWS, self.dim), np.float32)
        filled = read = 0
        parser: Iterator[tuple[bytes, ArrayLike]] = (_binary if binary else _text)(stream, self)
        for raw, row in islice(parser, self.promised):
            read += 1
            word = self._word(raw, seen)
            if word is None:
                continue
            if filled == ROWS:
                yield self._checked(block)
                filled = 0
            block[filled] = row
            filled += 1
            seen.add(word)
            self.words.append(word)
        if read < self.promised:
            raise InputError(
                f"is cut short: {read:,} of the {self.promised:,} words that its header promises are there",
                path=self.path,
                hint="fetch or write the file anew; to use what is there, mend the number in its first line",
            )
        bad = self.skipped["not UTF-8"]
        if bad > 10 and bad > read / 10:
            raise InputError(
                f"{bad:,} of {read:,} words are not UTF-8: the file is damaged, in another character "
                f"encoding, or of other dimensions than the {self.dim} of its header",
                path=self.path,
            )
        with contextlib.suppress(InputError):  # what stands after the last word need not be a word
            for _ in parser:
                self.skipped["beyond the number in the header"] += 1
        yield self._checked(block[:filled])

    def _word(self, raw: bytes, seen: set[str]) -> str | None:
        try:
            word = raw.decode("utf-8")
        except UnicodeDecodeError:
            self.skipped["not UTF-8"] += 1
            return None
        if "\n" in word or not word:
            self.skipped["empty or with a line break"] += 1
            return None
        if word in seen:
            self.skipped["seen before"] += 1
            return None
        return word

    def _checked(self, block: np.ndarray) -> np.ndarray:
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            word = self.words[len(self.words) - len(block) + int(np.argmin(finite))]
            raise InputError(
                f"the vector of the word {word!r} holds a value that is no number", path=self.path
            )
        return block


def header(stream: BinaryIO, path: str) -> tuple[int, int]:
    """The number of words and of dimensions in the first line. Raises InputError for anything else."""
    line = stream.readline(200)
    match = re.fullmatch(rb"\s*(\d{1,12})\s+(\d{1,6})\s*", line)
    if not match or int(match[1]) < 1 or int(match[2]) < 1:
        raise InputError(
            f"begins with {line[:40]!r}, expected a first line with the number of words and of dimensions",
            path=path,
            line=1,
            hint="known: word2vec text or binary (also .gz), fastText .bin, gensim's own format, an NLPL zip",
        )
    return int(match[1]), int(match[2])


def _binary(stream: BinaryIO, records: Records) -> Iterator[tuple[bytes, ArrayLike]]:
    """Records of a word, a space, D float32 values (little-endian) and, in most files, a line break."""
    size = 4 * records.dim
    buffer, at = b"", 0
    read = 0
    while True:
        space = buffer.find(b" ", at)
        while space < 0 or len(buffer) < space + 1 + size:
            if space < 0 and len(buffer) - at > LONGEST_WORD:
                raise InputError(
                    f"no word where word {read + 1:,} should be: damaged, or of other dimensions "
                    f"than the {records.dim} of its header",
                    path=records.path,
                )
            more = stream.read(max(CHUNK, size))
            if not more:
                return  # a record that is not whole does not count
            buffer, at = buffer[at:] + more, 0
            space = buffer.find(b" ")
        # The line break ends the record before; C word2vec writes it, others do not.
        yield buffer[at:space].lstrip(b"\n"), np.frombuffer(buffer, "<f4", records.dim, space + 1)
        read += 1
        at = space + 1 + size


def _text(stream: BinaryIO, records: Records) -> Iterator[tuple[bytes, ArrayLike]]:
    """Lines of a word and D numbers, apart by spaces; the word itself may hold spaces."""
    dim = records.dim
    for number, line in enumerate(stream, start=2):
        if not line.strip():
            continue
        fields = line.rstrip().rsplit(b" ", dim)
        extra = fields[0].split(b" ")[1:]
        if len(fields) <= dim or (extra and all(VALUE.fullmatch(field) for field in extra)):
            if len(fields) <= dim and not line.endswith(b"\n"):
                return  # the file breaks off in this line: the number of words will say so
            raise InputError(
                f"{len(fields) - 1 + len(extra)} values after the word, expected {dim} as in the header",
                path=records.path,
                line=number,
            )
        try:
            row = list(map(float, fields[1:]))
        except ValueError as error:
            if not line.endswith(b"\n"):
                return
            raise InputError(
                f"expected {dim} numbers after the word: {error}", path=records.path, line=number
            ) from error
        yield fields[0], row
