"""Vectors for words that a table lacks, from the table alone (Zhao, Mudgal and Liang 2018, "Generalizing word
embeddings using bag of subwords").

Vectors of character n-grams are fitted so that a word's own come near its vector; any other word then gets a
vector from those of its n-grams that are known.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import UsageError
from bilstm_crf.util.files import write_whole
from bilstm_crf.util.progress import Bar

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MIN_NGRAM, MAX_NGRAM = 3, 5  # characters of an n-gram, the word's two borders counted
FITTED_WORDS = 100_000  # the most frequent words of a larger table are enough to fit to
RIDGE = 0.03  # the penalty on squared n-gram vectors; by held-out words of sg100
ITERATIONS = 50  # of conjugate gradients; twice as many bring held-out words no nearer
VERSION = 1  # of the fit: another number, and what was kept is not used again
BLOCK = 100  # dimensions that are solved for at once, which bounds the memory


@dataclass(frozen=True)
class Subwords:
    """Letters: G n-grams, D dimensions."""

    ngrams: Sequence[str]  # (G,)
    steps: NDArray[np.int8]  # (G, D) the n-grams' vectors, in steps of their own `scales`
    scales: NDArray[np.float32]  # (G,)
    mean: NDArray[np.float32]  # (D,) what a word is before anything is known of it

    @cached_property
    def index(self) -> dict[str, int]:
        return {ngram: row for row, ngram in enumerate(self.ngrams)}

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """(D,); None for a word none of whose n-grams is known."""
        ngrams = ngrams_of(word)
        rows = [row for ngram in ngrams if (row := self.index.get(ngram)) is not None]
        if not rows:
            return None
        total: NDArray[np.float32] = self.scales[rows] @ self.steps[rows].astype(np.float32)
        return self.mean + total / np.float32(len(ngrams))


def ngrams_of(word: str) -> list[str]:
    """All n-grams of the word between its borders.

    >>> ngrams_of("øya")
    ['<øy', 'øya', 'ya>', '<øya', 'øya>', '<øya>']
    """
    bordered = f"<{word}>"
    return [
        bordered[start : start + size]
        for size in range(MIN_NGRAM, MAX_NGRAM + 1)
        for start in range(len(bordered) - size + 1)
    ]


def fit(words: Sequence[str], matrix: NDArray[np.float32], count: int) -> Subwords:
    """The vectors of the `count` n-grams that most words have, from the words' own (V, D).

    Ridge regression: with A (V, G) the share of each n-gram in each word, G = Aᵀ (A Aᵀ + λ I)⁻¹ Y, solved by
    conjugate gradients, each dimension for itself.
    """
    words, matrix = words[:FITTED_WORDS], matrix[:FITTED_WORDS]
    spelled = [ngrams_of(word) for word in words]
    ngrams = commonest(spelled, count)
    shares = shares_of(spelled, {ngram: row for row, ngram in enumerate(ngrams)})
    transposed = shares.T.tocsr()
    mean = matrix.mean(axis=0)
    dim = matrix.shape[1]
    vectors = np.empty((len(ngrams), dim), dtype=np.float32)
    with Bar("Fitting  n-grams", unit="dimensions") as bar:
        for start in range(0, dim, BLOCK):
            block = slice(start, min(dim, start + BLOCK))
            vectors[:, block] = transposed @ dual_solution(shares, transposed, matrix[:, block] - mean[block])
            bar.at(block.stop, dim)
    scales = np.maximum(np.abs(vectors).max(axis=1, initial=0), np.finfo(np.float32).tiny) / np.float32(127)
    return Subwords(ngrams, np.rint(vectors / scales[:, None]).astype(np.int8), scales, mean)


def fit_once(words: Sequence[str], matrix: NDArray[np.float32], count: int, folder: Path | None) -> Subwords:
    """As `fit`, which takes minutes; what it gives is kept in `folder`, that of this one table."""
    if folder is None:
        return fit(words, matrix, count)
    path = folder / f"subwords-{count}-v{VERSION}.npz"
    absent_or_cut_off = (OSError, ValueError, KeyError, EOFError, BadZipFile)
    with contextlib.suppress(*absent_or_cut_off), np.load(path, allow_pickle=False) as kept:
        ngrams = kept["ngrams"].tobytes().decode("utf-8").split("\n")
        return Subwords(ngrams, kept["steps"], kept["scales"], kept["mean"])
    made = fit(words, matrix, count)
    text = np.frombuffer("\n".join(made.ngrams).encode("utf-8"), dtype=np.uint8)
    with (
        contextlib.suppress(OSError, UsageError),
        write_whole(path) as stream,
    ):  # not where nothing can be written
        np.savez(stream, ngrams=text, steps=made.steps, scales=made.scales, mean=made.mean)
    return made


def commonest(spelled: Iterable[Sequence[str]], count: int) -> list[str]:
    """The n-grams that most words have; of equally common ones the first met."""
    found = Counter(ngram for ngrams in spelled for ngram in dict.fromkeys(ngrams))
    return [ngram for ngram, _ in found.most_common(count)]


def shares_of(spelled: Sequence[Sequence[str]], index: dict[str, int]) -> csr_array:
    """(V, G): each n-gram's share of each word, the unknown n-grams' share being lost."""
    from scipy.sparse import csr_array  # tagging would wait for it in vain

    known = [[index[ngram] for ngram in ngrams if ngram in index] for ngrams in spelled]
    lengths = np.array([len(rows) for rows in known])
    whole = np.array([max(1, len(ngrams)) for ngrams in spelled])
    columns = np.array([row for rows in known for row in rows], dtype=np.int32)
    values = np.repeat(np.float32(1) / whole.astype(np.float32), lengths)
    shares = csr_array((values, columns, np.cumsum([0, *lengths])), shape=(len(spelled), len(index)))
    shares.sum_duplicates()
    return shares


def dual_solution(
    shares: csr_array, transposed: csr_array, wanted: NDArray[np.float32]
) -> NDArray[np.float32]:
    """X (V, d) with (A Aᵀ + λ I) X = Y, by conjugate gradients, each column alone (Hestenes and Stiefel)."""
    solution = np.zeros_like(wanted)
    residual = wanted.copy()
    direction = residual.copy()
    squared = (residual * residual).sum(axis=0)
    tiny = np.finfo(np.float32).tiny  # a column that is solved exactly stays as it is
    for _ in range(ITERATIONS):
        image = shares @ (transposed @ direction) + np.float32(RIDGE) * direction
        step = squared / np.maximum((direction * image).sum(axis=0), tiny)
        solution += step * direction
        residual -= step * image
        now = (residual * residual).sum(axis=0)
        direction = residual + now / np.maximum(squared, tiny) * direction
        squared = now
    return solution
