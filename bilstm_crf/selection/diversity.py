"""Choose units that are uncertain and differ from one another, so that a batch is not one thing twenty times.

Maximal marginal relevance (Carbonell and Goldstein 1998), as product: the next unit is that with the highest
score times (1 - the greatest similarity to a unit chosen before). The product has no weight to tune, since
both are 0 for what is worth nothing. Similarity is the cosine of words by TF-IDF, lower-cased and with digits
as 0: lists, results and set phrases share words, and the model is not needed.

Letters: M units; E pairs of a unit and one of its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.selection.units import Unit
from bilstm_crf.util.word_forms import zero_digits

Ints = NDArray[np.int64]
Float64s = NDArray[np.float64]


def diverse(units: Sequence[Unit], count: int) -> list[Unit]:
    """Return `count` units in the order of their choice, all if there are fewer; of equal ones the first.

    Takes time in proportion to count x M.
    """
    words, owners, weights = _vectors(units)
    starts = np.searchsorted(owners, np.arange(len(units) + 1))
    by_word = np.argsort(words, kind="stable")
    word_starts = np.searchsorted(words[by_word], np.arange(words.max(initial=0) + 2))
    scores = np.array([unit.score for unit in units])  # (M,)
    nearest = np.zeros(len(units))  # similarity to the most similar chosen one
    chosen: list[int] = []
    for _ in range(min(count, len(units))):
        values = scores * (1 - nearest)
        values[chosen] = -1
        best = int(values.argmax())
        chosen.append(best)
        similarity = np.zeros(len(units))
        for entry in range(starts[best], starts[best + 1]):
            sharing = by_word[word_starts[words[entry]] : word_starts[words[entry] + 1]]
            similarity[owners[sharing]] += weights[entry] * weights[sharing]
        nearest = np.minimum(np.maximum(nearest, similarity), 1)
    return [units[number] for number in chosen]


def _vectors(units: Sequence[Unit]) -> tuple[Ints, Ints, Float64s]:
    """Return a word, its unit and its weight (E,), unit after unit; the weights of a unit have length 1."""
    numbers: dict[str, int] = {}
    words: list[int] = []
    owners: list[int] = []
    counts: list[int] = []
    for owner, unit in enumerate(units):
        tokens = (zero_digits(token.lower()) for sentence in unit.sentences for token in sentence.tokens)
        for word, count in Counter(tokens).items():
            words.append(numbers.setdefault(word, len(numbers)))
            owners.append(owner)
            counts.append(count)
    word_ids, unit_ids = np.array(words, np.int64), np.array(owners, np.int64)
    document_frequency = np.bincount(word_ids, minlength=len(numbers))
    weights = np.array(counts) * np.log(1 + len(units) / document_frequency[word_ids])
    lengths = np.sqrt(np.bincount(unit_ids, weights**2, minlength=len(units)))
    return word_ids, unit_ids, weights / lengths[unit_ids]
