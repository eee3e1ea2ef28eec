"""Read Facebook's fastText .bin as a stream: words, their own rows, and the rows of character n-grams.

gensim reads it too and is the oracle of the tests, but it holds the model in memory, reads the words of a
truncated file forever, and trusts every count in a damaged one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.builder import NGRAMS, Builder, damaged
from bilstm_crf.embeddings.ngrams import NgramLengths
from bilstm_crf.errors import InputError
from bilstm_crf.util.progress import Bar

MAGIC = struct.pack("<i", 793712314)
VERSIONS = (11, 12)
# The start of a file, as fastText 0.9 writes it in src/args.cc and src/dictionary.cc.
ARGUMENTS = struct.Struct("<12id")
SUPERVISED = 3  # the value of `model`
DICTIONARY = struct.Struct("<3i2q")  # entries, words, labels, tokens, pruned
ENTRY = struct.Struct("<qb")  # after each word: its count, and whether it is a label
MATRIX = struct.Struct("<b2q")  # quantised, rows, columns
CHUNK = 1 << 20  # bytes read at a time
BLOCK_BYTES = 1 << 24  # of rows written at a time
MAX_WORD = 10_000  # bytes
MAX_DIM = 1_000_000
MAX_NGRAM = 1_000  # characters
MAX_VALUE = 1e30  # of a vector's elements, whose sums must be float32
MAX_PRUNED = 1 << 31


@dataclass(frozen=True)
class Settings:
    """The settings at the start of a file, which later numbers must match."""

    dim: int
    buckets: int
    lengths: NgramLengths


class _Bytes:
    """The bytes of a model in turn; their end is an InputError."""

    def __init__(self, stream: BufferedReader, path: object) -> None:
        self.path = path
        self._stream = stream
        self._buffer, self._at = b"", 0

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        taken = self._buffer[self._at : self._at + size]
        self._at += len(taken)
        if len(taken) < size:
            taken += self._stream.read(size - len(taken))
        return taken

    def unpack(self, layout: struct.Struct, what: str) -> tuple[Any, ...]:
        data = self.take(layout.size)
        if len(data) < layout.size:
            raise self.cut_short(f"it ends in {what}")
        return layout.unpack(data)

    def word(self) -> bytes | None:
        """Return the bytes up to the next NUL; None if the file ends before it."""
        end = self._buffer.find(b"\0", self._at)
        while end < 0:
            if len(self._buffer) - self._at > MAX_WORD:
                raise self.damaged(f"a word of more than {MAX_WORD:,} bytes")
            more = self._stream.read(CHUNK)
            if not more:
                return None
            self._buffer, self._at = self._buffer[self._at :] + more, 0
            end = self._buffer.find(b"\0")
        word = self._buffer[self._at : end]
        self._at = end + 1
        return word

    def cut_short(self, how: str) -> InputError:
        return damaged(self.path, f"a fastText model that is cut short: {how}")

    def damaged(self, how: str) -> InputError:
        return damaged(self.path, f"a damaged fastText model: {how}")


def read(stream: BufferedReader, builder: Builder) -> None:
    """Read a model into `builder`: the words' own rows, and the n-grams' rows as they are.

    Raises InputError for a model that is cut short, damaged, quantised or a classifier.
    """
    data = _Bytes(stream, builder.path)
    settings = _read_settings(data)
    kept = _read_words(data, builder)
    quantised, rows, dim = data.unpack(MATRIX, "the words")
    if quantised == 1:
        raise _quantised(builder.path)
    if (quantised, rows, dim) != (0, len(kept) + settings.buckets, settings.dim):
        raise data.damaged(
            f"{rows:,} vectors of {dim:,} dimensions, expected {len(kept):,} + {settings.buckets:,} "
            f"of {settings.dim:,}"
        )
    if settings.buckets > 0 and settings.lengths.max_n > 0:
        builder.ngrams = settings.lengths
    size = max(1, BLOCK_BYTES // (4 * dim))
    end = rows if builder.ngrams else 0
    with Bar("Reading  fastText", unit="vectors") as bar:
        for start, stop in chain(_blocks(0, len(kept), size), _blocks(len(kept), end, size)):
            block = _read_rows(data, stop - start, dim, at=start, of=rows)
            if stop <= len(kept):
                builder.add_rows(block[kept[start:stop]])
            else:
                builder.add_rows(block, NGRAMS)
            bar.at(stop, rows)


def _read_settings(data: _Bytes) -> Settings:
    _, version = data.unpack(struct.Struct("<2i"), "its first bytes")
    if version not in VERSIONS:
        raise data.damaged(f"version {version} of the format, expected {VERSIONS[-1]}")
    dim, *_, model, buckets, min_n, max_n, _, _ = data.unpack(ARGUMENTS, "its settings")
    if model == SUPERVISED:
        raise _classifier(data.path)
    if not (0 < dim <= MAX_DIM and buckets >= 0 and 0 <= min_n <= MAX_NGRAM and 0 <= max_n <= MAX_NGRAM):
        raise data.damaged(f"{dim} dimensions, {buckets} buckets, n-grams of {min_n} to {max_n} characters")
    return Settings(dim, buckets, NgramLengths(min_n, max_n))


def _read_words(data: _Bytes, builder: Builder) -> NDArray[np.bool_]:
    """Read the words, and return whether each one is kept (V,)."""
    entries, count, labels, _, pruned = data.unpack(DICTIONARY, "its settings")
    if labels > 0:
        raise _classifier(data.path)
    if 0 < pruned <= MAX_PRUNED:
        raise _quantised(data.path)
    if not 0 <= entries == count or labels < 0 or pruned not in (-1, 0):
        raise data.damaged(f"{entries} entries, expected {count} words")
    kept = bytearray()  # grows with the words that are there, whatever number the file claims
    for entry in range(entries):
        word = data.word()
        end = data.take(ENTRY.size)
        if word is None or len(end) < ENTRY.size:
            raise data.cut_short(f"{entry:,} of {entries:,} words are there")
        if ENTRY.unpack(end)[1] != 0:
            raise data.damaged(f"word {entry + 1:,} is not marked as one")
        kept.append(builder.add_word(word))
    return np.frombuffer(bytes(kept), np.bool_)


def _blocks(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    return ((at, min(stop, at + size)) for at in range(start, stop, size))


def _read_rows(data: _Bytes, count: int, dim: int, *, at: int, of: int) -> NDArray[np.float32]:
    """Return the next `count` rows, which begin with number `at` of `of`."""
    there = data.take(4 * dim * count)
    if len(there) < 4 * dim * count:
        raise data.cut_short(f"{at + len(there) // (4 * dim):,} of {of:,} vectors are there")
    block = np.frombuffer(there, "<f4").reshape(count, dim)
    if not (np.abs(block) < MAX_VALUE).all():  # false for NaN, too
        raise data.damaged("it holds values that are no numbers, or too large to be summed")
    return block


def _classifier(path: object) -> InputError:
    return InputError("a fastText classifier, expected word vectors (skipgram or cbow)", path=path)


def _quantised(path: object) -> InputError:
    return InputError("a quantised fastText model (.ftz), which has no table", path=path)
