"""How far the micro F1 could have come out otherwise: a percentile bootstrap over sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """An interval of micro F1, fractions from 0 to 1, and how it was found."""

    low: float
    high: float
    level: float
    resamples: int
    seed: int


def bootstrap(
    counts: Sequence[tuple[int, int, int]], *, level: float = 0.95, resamples: int = 2000, seed: int = 42
) -> Interval:
    """The percentile interval of micro F1 over samples of as many sentences, drawn with replacement.

    `counts` holds each sentence's correct, gold and predicted spans (`counts.sentence_counts`). Sentences and
    not spans are drawn, since the spans of a sentence are right or wrong together.
    """
    if not counts:
        return Interval(0.0, 0.0, level, resamples, seed)
    # Sentences with the same counts are interchangeable: drawing how often each kind comes is the same
    # experiment with some hundred kinds instead of thousands of sentences.
    kinds, times = np.unique(np.asarray(counts), axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(counts), times / len(counts), size=resamples)
    correct, gold, predicted = (draws @ kinds).T  # (resamples,) each
    f1 = 2 * correct / np.maximum(gold + predicted, 1)
    low, high = np.quantile(f1, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, resamples, seed)
