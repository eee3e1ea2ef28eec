"""Vectors behind a model's own table: what a word that training never saw is looked up in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import InputError
from bilstm_crf.util.word_forms import compatible_form

SAMPLE = 1_000  # words that are compared
# Near 1: of the vector that a model has of a word, perhaps tuned, and that in the table it was trained with.
# Near 0: of two vectors of unlike origin.
MIN_COSINE = 0.5


def require_same_space(
    words: Mapping[str, int], table: NDArray[np.floating[Any]], vectors: WordVectors
) -> None:
    """Raises InputError for vectors that are not those which a model was trained with.

    By the words that both have, so that the same vectors in another format, or more of them, are in order.
    `words` maps the model's to their rows of its `table`.
    """
    if vectors.dim != table.shape[1]:
        trained = f"with vectors of {table.shape[1]}" if table.shape[1] else "without vectors"
        raise InputError(
            f"holds vectors of {vectors.dim} dimensions, the model was trained {trained}", path=vectors.path
        )
    shared = [word for word in words if word in vectors.index]
    shared = shared[:: max(1, len(shared) // SAMPLE)]
    if not shared:
        return
    ours = table[[words[word] for word in shared]].astype(np.float32)
    theirs = vectors.matrix[[vectors.index[word] for word in shared]]
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    cosine = float(np.median((ours * theirs).sum(1) / np.maximum(lengths, np.finfo(np.float32).tiny)))
    if cosine < MIN_COSINE:
        raise InputError(
            f"holds other vectors than the model was trained with: for {len(shared):,} words that both have, "
            f"the median cosine is {cosine:.2f}, expected near 1",
            path=vectors.path,
            hint="the model brings vectors of its own; a word that it lacks needs one from the same training",
        )


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
        for form in dict.fromkeys((word, compatible_form(word))):
            for variant in (form, form.lower()):
                if (row := self.index.get(variant)) is not None:
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
