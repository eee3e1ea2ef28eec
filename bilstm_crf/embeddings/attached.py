"""Vectors behind a model's own table: what a word that training never saw is looked up in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class AttachedVectors:
    """A table of word vectors, and what makes vectors for other words from character n-grams."""

    index: Mapping[str, int]  # word to row
    matrix: NDArray[np.float32]  # (V, D)
    subword: Callable[[str], NDArray[np.float32] | None] | None = None

    def get(self, word: str) -> NDArray[np.float32] | None:
        """Return the vector of exactly this word."""
        row = self.index.get(word)
        return None if row is None else self.matrix[row]

    def find(self, word: str) -> NDArray[np.float32] | None:
        """Return the vector of the word's exact form, else of its lower-cased form, else from its n-grams."""
        for form in dict.fromkeys((word, compatible_form(word))):
            for variant in (form, form.lower()):
                if (vector := self.get(variant)) is not None:
                    return vector
        return self.from_subwords(word)

    def from_subwords(self, word: str) -> NDArray[np.float32] | None:
        """Return a vector made from the word's n-grams; None where none of them is known."""
        return None if self.subword is None else self.subword(word)
