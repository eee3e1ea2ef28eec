"""Sample the sentences of an epoch from several training corpora with weights.

A corpus of S sentences and weight w contributes round(w * S) sentences to an epoch: each sentence
floor(w) times, and the rest drawn without replacement. Epochs are drawn independently, so a resumed run
sees what an uninterrupted one sees. The price: n epochs of weight w < 1 see a share of 1 - (1 - w)^n of
the corpus (w = 0.5: 75 % after 2 epochs, 99.9 % after 10; w = 0.1: 99.5 % after 50).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import UsageError

MAX_WEIGHT = 1000  # a larger weight is a typing error, and its epoch may not fit in memory


class Mixture:
    """The sampling of an epoch from corpora whose sentences stand one after the other in one list.

    With weights of 1, an epoch is `random.permutation(sum(sizes))`, bit for bit.

    >>> Mixture([1000, 30], [0.1, 2]).counts
    [100, 60]
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float]) -> None:
        """Take the number of sentences and the weight of each corpus; weight 0 leaves it out.

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
            raise UsageError(f"an epoch would have no sentence (corpora: {given})")

    def __len__(self) -> int:
        """Return the number of sentences of an epoch, repetitions included."""
        return sum(self.counts)

    def epoch(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Return the shuffled sentence numbers of one epoch (len(self),)."""
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
    """Return the number of sentences that a corpus (numbered from 1) contributes to an epoch."""
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
