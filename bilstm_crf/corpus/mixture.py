"""Mixture: several training corpora with sampling weights, and which of their sentences an epoch sees.

A corpus of S sentences and weight w brings round(w * S) of them to an epoch. With w below 1 these are drawn
without replacement; from 1 on each sentence comes as many whole times as fit and the rest is drawn so.

Every epoch draws anew and knows nothing of the others, so that a resumed run sees what an uninterrupted one
sees. The price: two epochs of weight 0.5 see not all sentences but three quarters of them, n epochs
1 - (1 - w)^n: of w = 0.5 99.9 % after 10, of w = 0.1 99.5 % after 50.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import UsageError

MAX_WEIGHT = 1000  # a weight beyond this is a slip of the hand, and an epoch that memory may not hold


class Mixture:
    """Which sentences of the corpora, one after the other in one list, an epoch sees.

    With weights of 1 these are all sentences once: an epoch is `random.permutation(sum(sizes))`, bit for bit.

    >>> Mixture([1000, 30], [0.1, 2]).counts
    [100, 60]
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float]) -> None:
        """Sentences and sampling weight of each corpus; 0 leaves it out.

        Raises UsageError for a weight that is no number from 0 to MAX_WEIGHT, or so small that it takes no
        sentence of its corpus; for more or fewer weights than corpora; and where an
        epoch would have no sentence.
        """
        if len(weights) != len(sizes):
            raise UsageError(
                f"sampling weights: found {len(weights)}, expected {len(sizes)}, one for each training corpus"
            )
        self.sizes, self.weights = list(sizes), list(weights)
        self.counts = [_count(*each) for each in zip(range(1, len(sizes) + 1), sizes, weights, strict=True)]
        if len(self) == 0:
            given = ", ".join(
                f"{size:,} with weight {weight:g}" for size, weight in zip(sizes, weights, strict=True)
            )
            raise UsageError(f"an epoch would have no sentence of the training corpora's ({given})")

    def __len__(self) -> int:
        """Sentences of one epoch, those that come several times counted as often."""
        return sum(self.counts)

    def epoch(self, random: np.random.Generator) -> NDArray[np.int64]:
        """(len(self),) the numbers of the sentences of one epoch, shuffled over all corpora."""
        chosen = []
        first = 0
        for size, count in zip(self.sizes, self.counts, strict=True):
            if count:
                times, rest = divmod(count, size)
                chosen += [np.arange(first, first + size)] * times
                if rest:
                    chosen.append(first + random.choice(size, rest, replace=False, shuffle=False))
            first += size
        return random.permutation(np.concatenate(chosen))


def _count(number: int, size: int, weight: float) -> int:
    """How many sentences the corpus with this number (from 1) brings to an epoch."""
    if not 0 <= weight <= MAX_WEIGHT:  # nor is NaN
        raise UsageError(
            f"the sampling weight of training corpus {number} is {weight:g}, expected 0 to {MAX_WEIGHT:,}",
            hint="1 takes every sentence once an epoch, 0.5 half of them, 2 each of them twice",
        )
    count = round(weight * size)
    if weight and size and not count:
        raise UsageError(
            f"the sampling weight {weight:g} takes no sentence of training corpus {number}, of {size:,}",
            hint=f"give {1 / size:.2g} or more, or leave the corpus out",
        )
    return count
