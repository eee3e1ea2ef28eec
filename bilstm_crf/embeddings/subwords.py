"""Vectors for words that a table lacks, fitted to the table alone (Zhao, Mudgal and Liang 2018, "Generalizing
word embeddings using bag of subwords").

Vectors of character n-grams are fitted so that their mean over a word is near the word's vector. Any other
word gets the mean over those of its n-grams that are known.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import UsageError
from bilstm_crf.util.arrays import widened
from bilstm_crf.util.files import write_whole
from bilstm_crf.util.progress import Bar

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MIN_NGRAM, MAX_NGRAM = 3, 5  # characters, including the word's borders
FITTED_WORDS = 100_000  # the most frequent words of a larger table are enough
RIDGE = 0.03  # penalty on squared n-gram vectors, chosen on held-out words of sg100
ITERATIONS = 50  # of conjugate gradients; twice as many do not improve held-out words
VERSION = 1  # of the fit; results of another version are not reused
BLOCK = 100  # dimensions solved at once, which bounds the memory


@dataclass(frozen=True)
class Subwords:
    """Fitted n-gram vectors. Letters: G n-grams, D dimensions."""

    ngrams: Sequence[str]  # (G,)
    # (G, D) the vectors, each in steps of its own scale; float16 in a packed model
    steps: NDArray[np.int8] | NDArray[np.floating]
    scales: NDArray[np.float32]  # (G,)
    mean: NDArray[np.float32]  # (D,) of all words

    @cached_property
    def index(self) -> dict[str, int]:
        return {ngram: row for row, ngram in enumerate(self.ngrams)}

    def vector(self, word: str) -> NDArray[np.float32] | None:
        """Return the vector (D,) of a word; None if none of its n-grams is known."""
        ngrams = ngrams_of(word)
        rows = [row for row in map(self.index.get, ngrams) if row is not None]
        if not rows:
            return None
        total: NDArray[np.float32] = self.scales.take(rows) @ widened(self.steps.take(rows, axis=0))
        return self.mean + total / np.float32(len(ngrams))


def ngrams_of(word: str) -> list[str]:
    """Return all n-grams of the word between its borders.

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
    """Fit vectors of the `count` n-grams that occur in most words to the words' own vectors (V, D).

    Ridge regression: with A (V, G) the share of each n-gram in each word, G = Aᵀ (A Aᵀ + λ I)⁻¹ Y, solved by
    conjugate gradients for each dimension.
    """
    words, matrix = words[:FITTED_WORDS], matrix[:FITTED_WORDS]
    with Bar("Fitting  n-grams", unit="steps") as bar:
        spelled = [ngrams_of(word) for word in words]
        # Of equally common n-grams, the first one met comes first.
        found = Counter(ngram for ngrams in spelled for ngram in dict.fromkeys(ngrams))
        ngrams = [ngram for ngram, _ in found.most_common(count)]
        shares = compute_shares(spelled, {ngram: row for row, ngram in enumerate(ngrams)})
        transposed = shares.T.tocsr()
        mean = matrix.mean(axis=0)
        dim = matrix.shape[1]
        vectors = np.empty((len(ngrams), dim), dtype=np.float32)
        steps = ITERATIONS * -(-dim // BLOCK)
        for number, start in enumerate(range(0, dim, BLOCK)):
            block = slice(start, min(dim, start + BLOCK))
            wanted = matrix[:, block] - mean[block]

            def step(done: int, before: int = ITERATIONS * number) -> None:
                bar.at(before + done, steps)

            vectors[:, block] = transposed @ solve_dual(shares, transposed, wanted, step)
    scales = np.maximum(np.abs(vectors).max(axis=1, initial=0), np.finfo(np.float32).tiny) / np.float32(127)
    return Subwords(ngrams, np.rint(vectors / scales[:, None]).astype(np.int8), scales, mean)


def fit_once(words: Sequence[str], matrix: NDArray[np.float32], count: int, folder: Path | None) -> Subwords:
    """Return what `fit` returns after minutes, and keep it in `folder`, that of this table."""
    if folder is None:
        return fit(words, matrix, count)
    path = folder / f"subwords-{count}-v{VERSION}.npz"
    missing_or_damaged = (OSError, ValueError, KeyError, EOFError, BadZipFile)
    with contextlib.suppress(*missing_or_damaged), np.load(path, allow_pickle=False) as kept:
        ngrams = kept["ngrams"].tobytes().decode("utf-8").split("\n")
        return Subwords(ngrams, kept["steps"], kept["scales"], kept["mean"])
    fitted = fit(words, matrix, count)
    text = np.frombuffer("\n".join(fitted.ngrams).encode("utf-8"), dtype=np.uint8)
    with contextlib.suppress(OSError, UsageError), write_whole(path) as stream:  # the folder may be read-only
        np.savez(stream, ngrams=text, steps=fitted.steps, scales=fitted.scales, mean=fitted.mean)
    return fitted


def compute_shares(spelled: Sequence[Sequence[str]], index: dict[str, int]) -> csr_array:
    """Return each known n-gram's share of each word, (V, G)."""
    from scipy.sparse import csr_array  # only fitting needs it

    known = [[index[ngram] for ngram in ngrams if ngram in index] for ngrams in spelled]
    lengths = np.array([len(rows) for rows in known])
    whole = np.array([max(1, len(ngrams)) for ngrams in spelled])
    columns = np.array([row for rows in known for row in rows], dtype=np.int32)
    values = np.repeat(np.float32(1) / whole.astype(np.float32), lengths)
    shares = csr_array((values, columns, np.cumsum([0, *lengths])), shape=(len(spelled), len(index)))
    shares.sum_duplicates()
    return shares


def solve_dual(
    shares: csr_array,
    transposed: csr_array,
    wanted: NDArray[np.float32],
    progress: Callable[[int], None] = lambda done: None,
) -> NDArray[np.float32]:
    """Solve (A Aᵀ + λ I) X = Y for X (V, d) by conjugate gradients, each column alone.

    `progress` is called at the start of each of the ITERATIONS.
    """
    solution = np.zeros_like(wanted)
    residual = wanted.copy()
    direction = residual.copy()
    squared = (residual * residual).sum(axis=0)
    tiny = np.finfo(np.float32).tiny  # a column that is solved exactly stays as it is
    for done in range(ITERATIONS):
        progress(done)
        image = shares @ (transposed @ direction) + np.float32(RIDGE) * direction
        step = squared / np.maximum((direction * image).sum(axis=0), tiny)
        solution += step * direction
        residual -= step * image
        now = (residual * residual).sum(axis=0)
        direction = residual + now / np.maximum(squared, tiny) * direction
        squared = now
    return solution
