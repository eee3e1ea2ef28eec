"""Facebook's fastText .bin, read as a stream: words, their vectors, and the vectors of character n-grams.

gensim reads it as well and is the oracle of the tests, but it holds the model in memory, reads the words of a
truncated file for ever, and believes every count that a damaged one names.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.tables import NGRAMS, VECTORS, Ngrams, Tables
from bilstm_crf.embeddings.word_list import WordList
from bilstm_crf.errors import InputError
from bilstm_crf.util.progress import Bar

MAGIC = struct.pack("<i", 793712314)
VERSIONS = (11, 12)
# fastText 0.9, src/args.cc and src/dictionary.cc: what the numbers at the start are.
ARGUMENTS = struct.Struct("<12id")
SUPERVISED = 3  # the value of `model`
DICTIONARY = struct.Struct("<3i2q")  # entries, words, labels, tokens, pruned
ENTRY = struct.Struct("<qb")  # behind each word: its count, and whether it is a label
MATRIX = struct.Struct("<b2q")  # quantised, rows, columns
CHUNK = 1 << 20  # bytes read at a time
BLOCK_BYTES = 1 << 24  # of rows handed on at a time
MAX_WORD = 10_000  # bytes
MAX_DIM = 1_000_000
MAX_NGRAM = 1_000  # characters
MAX_VALUE = 1e30  # of a vector's elements, whose sums must be float32
MAX_PRUNED = 1 << 31
GATHERED = 1_000  # n-grams of one word looked up at a time


@dataclass(frozen=True)
class Settings:
    """The settings at the start of a file, which later numbers must match."""

    dim: int
    buckets: int
    min_n: int
    max_n: int


class _Bytes:
    """The bytes of a model in turn; their end is an InputError."""

    def __init__(self, stream: BufferedReader, path: object) -> None:
        self.path = path
        self._stream = stream
        self._buffer, self._at = b"", 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes, or all that are left."""
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
        """The bytes up to the next NUL; None where the file ends before."""
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
        return InputError(
            f"a fastText model that is cut short: {how}", path=self.path, hint="remove it and fetch it anew"
        )

    def damaged(self, how: str) -> InputError:
        return InputError(
            f"a damaged fastText model: {how}", path=self.path, hint="remove it and fetch it anew"
        )


def read(stream: BufferedReader, path: object, tables: Tables) -> tuple[WordList, Ngrams | None]:
    """Read a model into `tables`: the words' own rows and the n-grams' as they lie there (see `compose`).

    Words that are not UTF-8, hold a line break or came before are left out. Raises InputError for a model
    that is cut short, damaged, quantised or a classifier.
    """
    data = _Bytes(stream, path)
    settings = _settings(data)
    words, kept = _words(data)
    quantised, rows, columns = data.unpack(MATRIX, "the words")
    if quantised == 1:
        raise _quantised(path)
    if (quantised, rows, columns) != (0, len(kept) + settings.buckets, settings.dim):
        raise data.damaged(
            f"{rows:,} vectors of {columns:,} dimensions, expected {len(kept):,} + {settings.buckets:,} "
            f"of {settings.dim:,}"
        )
    use_ngrams = settings.buckets > 0 and settings.max_n > 0
    with Bar("Reading  fastText", unit="vectors") as bar:
        size = max(1, BLOCK_BYTES // (4 * columns))
        parts = chain(_blocks(0, len(kept), size), _blocks(len(kept), rows if use_ngrams else 0, size))
        for start, stop in parts:
            block = _rows(data, stop - start, columns, at=start, of=rows)
            if stop <= len(kept):
                tables.add(VECTORS, block[kept[start:stop]])
            else:
                tables.add(NGRAMS, block)
            bar.at(stop, rows)
    return words, Ngrams(settings.min_n, settings.max_n) if use_ngrams else None


def _settings(data: _Bytes) -> Settings:
    _, version = data.unpack(struct.Struct("<2i"), "its first bytes")
    if version not in VERSIONS:
        raise data.damaged(f"version {version} of the format, expected {VERSIONS[-1]}")
    dim, *_, model, buckets, min_n, max_n, _, _ = data.unpack(ARGUMENTS, "its settings")
    if model == SUPERVISED:
        raise _classifier(data.path)
    if not (0 < dim <= MAX_DIM and buckets >= 0 and 0 <= min_n <= MAX_NGRAM and 0 <= max_n <= MAX_NGRAM):
        raise data.damaged(f"{dim} dimensions, {buckets} buckets, n-grams of {min_n} to {max_n} characters")
    return Settings(dim, buckets, min_n, max_n)


def _words(data: _Bytes) -> tuple[WordList, NDArray[np.bool_]]:
    """Return the words, and of each row (V,) whether its word is among them."""
    entries, count, labels, _, pruned = data.unpack(DICTIONARY, "its settings")
    if labels > 0:
        raise _classifier(data.path)
    if 0 < pruned <= MAX_PRUNED:
        raise _quantised(data.path)
    if not 0 <= entries == count or labels < 0 or pruned not in (-1, 0):
        raise data.damaged(f"{entries} entries, expected {count} words")
    words = WordList(data.path)
    kept = bytearray()  # grows with the words that are there, whatever their number should be
    for entry in range(entries):
        word = data.word()
        end = data.take(ENTRY.size)
        if word is None or len(end) < ENTRY.size:
            raise data.cut_short(f"{entry:,} of {entries:,} words are there")
        if ENTRY.unpack(end)[1] != 0:
            raise data.damaged(f"word {entry + 1:,} is not marked as one")
        kept.append(words.add(word))
    return words, np.frombuffer(bytes(kept), np.bool_)


def _blocks(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    return ((at, min(stop, at + size)) for at in range(start, stop, size))


def _rows(data: _Bytes, count: int, columns: int, *, at: int, of: int) -> NDArray[np.float32]:
    """The next `count` rows, the `at`-th of `of` first."""
    there = data.take(4 * columns * count)
    if len(there) < 4 * columns * count:
        raise data.cut_short(f"{at + len(there) // (4 * columns):,} of {of:,} vectors are there")
    block = np.frombuffer(there, "<f4").reshape(count, columns)
    if not (np.abs(block) < MAX_VALUE).all():  # nor where one is NaN
        raise data.damaged("it holds values that are no numbers, or too large to be summed")
    return block


def _classifier(path: object) -> InputError:
    return InputError("a fastText classifier, expected word vectors (skipgram or cbow)", path=path)


def _quantised(path: object) -> InputError:
    return InputError("a quantised fastText model (.ftz), which has no table", path=path)


def compose(
    words: Sequence[str], table: NDArray[np.float32], ngrams: NDArray[np.float32], kind: Ngrams
) -> None:
    """Replace each word's own row of `table` (V, D) by the mean of it and its n-grams' rows.

    So does fastText. `ngrams` (buckets, D). Sums in gensim's order, hence with its bits.
    """
    with Bar("Composing  words", unit="words") as bar:
        for row, word in enumerate(words):
            hashes = _hashes(word, ngrams, kind)
            table[row] = _sum(table[row], hashes, ngrams) / np.float32(len(hashes) + 1)
            if row % 1000 == 0:
                bar.at(row, len(words))


def from_ngrams(word: str, *, ngrams: NDArray[np.float32], kind: Ngrams) -> NDArray[np.float32] | None:
    """Return the mean of the vectors of a word's character n-grams, (D,); None for a word without any.

    What fastText does with a word it has not seen. `ngrams` (buckets, D) is memory-mapped.
    """
    hashes = _hashes(word, ngrams, kind)
    if not hashes:
        return None
    mean: NDArray[np.float32] = _sum(ngrams[hashes[0]], hashes[1:], ngrams) / np.float32(len(hashes))
    return mean


def _hashes(word: str, ngrams: NDArray[np.float32], kind: Ngrams) -> list[int]:
    from gensim.models.fasttext import ft_ngram_hashes

    hashes: list[int] = ft_ngram_hashes(word, kind.min_n, kind.max_n, len(ngrams))
    return hashes


def _sum(first: NDArray[np.float32], rows: list[int], table: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sum `first` (D,) and these rows, one after another; a long word's do not lie in memory all at once."""
    total = first
    for start in range(0, len(rows), GATHERED):
        block = np.concatenate([total[None], table[rows[start : start + GATHERED]]])
        total = block.sum(axis=0, dtype=np.float32)
    return total
