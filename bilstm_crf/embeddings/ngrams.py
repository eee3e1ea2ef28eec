"""Vectors of words from hashed character n-grams, as fastText computes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.util.progress import Bar

BLOCK = 1_000  # n-grams of a word in memory at a time
FNV_START, FNV_PRIME = 2_166_136_261, 16_777_619
SIGNED = [byte if byte < 128 else byte | 0xFFFFFF00 for byte in range(256)]  # fastText hashes signed bytes


@dataclass(frozen=True)
class NgramLengths:
    """The shortest and the longest character n-grams of a model."""

    min_n: int
    max_n: int


@dataclass(frozen=True)
class NgramTable:
    """The vectors (buckets, D) of hashed n-grams; usually memory-mapped."""

    rows: NDArray[np.float32]
    lengths: NgramLengths

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean (D,) of a word's n-gram vectors; None for a word without n-grams."""
        numbers = hash_ngrams(word, self.lengths, len(self.rows))
        if not numbers:
            return None
        mean: NDArray[np.float32] = self._sum(self.rows[numbers[0]], numbers[1:]) / np.float32(len(numbers))
        return mean

    def compose(self, words: Sequence[str], table: NDArray[np.float32]) -> None:
        """Replace each word's own row of `table` (V, D) by the mean of it and its n-grams' rows."""
        with Bar("Composing  words", unit="words") as bar:
            for row, word in enumerate(words):
                numbers = hash_ngrams(word, self.lengths, len(self.rows))
                table[row] = self._sum(table[row], numbers) / np.float32(len(numbers) + 1)
                if row % 1000 == 0:
                    bar.at(row, len(words))

    def _sum(self, first: NDArray[np.float32], numbers: list[int]) -> NDArray[np.float32]:
        """Add these rows to `first` (D,) one after another, which gives the same bits as gensim."""
        total = first
        for start in range(0, len(numbers), BLOCK):
            block = np.concatenate([total[None], self.rows[numbers[start : start + BLOCK]]])
            total = block.sum(axis=0, dtype=np.float32)
        return total


def hash_ngrams(word: str, lengths: NgramLengths, buckets: int) -> list[int]:
    """Return the bucket of each n-gram of `<word>`, but for `<` and `>` alone.

    The bucket is FNV-1a of the n-gram's UTF-8 bytes, modulo `buckets`.

    >>> hash_ngrams("Å", NgramLengths(3, 6), 1000)
    [651]
    """
    # Half of a surrogate pair has no UTF-8.
    characters = [[SIGNED[byte] for byte in each.encode("utf-8", "replace")] for each in f"<{word}>"]
    last = len(characters) - 1
    found = []
    for start in range(len(characters)):
        value = FNV_START
        for size, character in enumerate(characters[start : start + lengths.max_n], 1):
            for byte in character:
                value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
            if size >= lengths.min_n and (size > 1 or 0 < start < last):
                found.append(value % buckets)
    return found
