"""Vectors behind a model's own table: what a word that training never saw is looked up in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray


class AttachedVectors:
    """A table of word vectors, with room for vectors made from character n-grams behind its last row."""

    def __init__(
        self,
        index: Mapping[str, int],
        matrix: NDArray[np.float32],
        subword: Callable[[str], NDArray[np.float32] | None] | None = None,
    ) -> None:
        """`index` maps a word to its row of `matrix` (V, D); `subword` makes the vector of any other word."""
        self.index = index
        self._matrix = matrix
        self._subword = subword
        self._made: list[NDArray[np.float32]] = []
        self._made_rows: dict[str, int | None] = {}

    def find(self, word: str) -> int | None:
        """The row of the word's exact form, else of its lower-cased form, else one made from its n-grams."""
        for form in (word, word.lower()):
            if (row := self.index.get(form)) is not None:
                return row
        return self.from_subwords(word)

    def from_subwords(self, word: str) -> int | None:
        """The row of a vector made from the word's n-grams, good until `forget_subwords`; None: no vector."""
        if self._subword is None:
            return None
        if word not in self._made_rows:
            vector = self._subword(word)
            self._made_rows[word] = None if vector is None else len(self._matrix) + len(self._made)
            if vector is not None:
                self._made.append(vector)
        return self._made_rows[word]

    def forget_subwords(self) -> None:
        """Frees the vectors made so far: a stream may bring new words without end."""
        self._made.clear()
        self._made_rows.clear()

    def rows(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n,) row numbers to (n, D) vectors."""
        made = numbers >= len(self._matrix)
        rows = np.empty((len(numbers), self._matrix.shape[1]), dtype=np.float32)
        rows[~made] = self._matrix[numbers[~made]]
        for position in np.flatnonzero(made):
            rows[position] = self._made[numbers[position] - len(self._matrix)]
        return rows
