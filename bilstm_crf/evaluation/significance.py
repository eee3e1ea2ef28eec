"""Whether one system is better than another, and how sure a mean over seeds is; both by sentences.

What comes in are counts, (S, N, 3): of S seeds and N sentences the correct, gold and predicted spans. The
score of a system is the mean over its seeds of micro F1. One rule says how seeds enter: a sentence is drawn,
or exchanged between two systems, together with what the models of all seeds made of it; two systems are
compared on the seeds that both have, seed by seed. So an interval or a p-value speaks of other sentences;
what another seed would have given shows in the standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.evaluation.bootstrap import Interval

RESAMPLES = 10_000
BLOCK = 1 << 22  # exchanges drawn at a time, to bound the memory
TIE = 1e-12  # differences of F1 that differ by less are equal: only rounding tells them apart


@dataclass(frozen=True)
class Comparison:
    """System b against system a. F1 in fractions from 0 to 1."""

    difference: float  # mean F1 of b less that of a
    p_value: float  # two-sided
    exact: bool  # every exchange was counted, none drawn
    resamples: int  # how many exchanges were looked at
    seed: int


def compare(
    a: NDArray[np.int64], b: NDArray[np.int64], *, resamples: int = RESAMPLES, seed: int = 42
) -> Comparison:
    """The paired test by approximate randomisation of two systems on the same sentences.

    If it did not matter which system a sentence's spans came from, exchanging them between the two on some
    sentences would often give as large a difference as the one observed. Of the M sentences on which they
    differ, all 2^M exchanges are looked at where these are no more than `resamples`; else so many are drawn,
    and the observed one counts among them: p = (n + 1) / (resamples + 1), never 0.

    Noreen (1989), Computer-Intensive Methods for Testing Hypotheses; Yeh (2000), More accurate tests for the
    statistical significance of result differences, COLING.

    Parameters
    ----------
    a, b
        (S, N, 3), the same seeds in the same order, the same sentences and gold spans.

    Raises
    ------
    ValueError
        Where the two are not of one shape, or their gold counts differ.
    """
    if a.shape != b.shape or not np.array_equal(a[..., 1], b[..., 1]):
        raise ValueError("the two systems were not scored on the same sentences")
    of_a, of_b = a.sum(axis=1), b.sum(axis=1)  # (S, 3)
    observed = float(mean_f1(of_b) - mean_f1(of_a))
    exchange = (b - a)[:, np.any(a != b, axis=(0, 2))]  # (S, M, 3)
    sentences = exchange.shape[1]
    # (M, S * 3), as floats, whose product is fast, and exact for whole numbers of this size
    flat = exchange.transpose(1, 0, 2).reshape(sentences, of_a.size).astype(np.float64)
    exact = sentences < 63 and 2**sentences <= resamples
    total = 2**sentences if exact else resamples
    random = np.random.default_rng(seed)
    as_large = 0
    block = max(1, BLOCK // max(1, sentences))
    for start in range(0, total, block):
        rows = min(block, total - start)
        if exact:
            chosen = np.arange(start, start + rows)[:, None] >> np.arange(sentences) & 1
        else:
            chosen = random.integers(0, 2, size=(rows, sentences), dtype=np.int8)
        moved = (chosen.astype(np.float64) @ flat).reshape(rows, *of_a.shape)  # (R, S, 3)
        differences = mean_f1(of_b - moved) - mean_f1(of_a + moved)  # (R,)
        as_large += int(np.count_nonzero(np.abs(differences) >= abs(observed) - TIE))
    p_value = as_large / total if exact else (as_large + 1) / (total + 1)
    return Comparison(observed, p_value, exact, total, seed)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number: below 0.05, the chance of any false find is below 0.05.

    Holm (1979), A simple sequentially rejective multiple test procedure, Scand. Journal of Statistics 6.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = highest
    return adjusted


def interval_of_mean(
    counts: NDArray[np.int64], *, level: float = 0.95, resamples: int = 2000, seed: int = 42
) -> Interval:
    """The percentile bootstrap interval of the mean F1 over seeds; `counts` is (S, N, 3).

    With one seed it is `bootstrap.bootstrap` of its sentences.
    """
    seeds, sentences, _ = counts.shape
    if sentences == 0:
        return Interval(0.0, 0.0, level, resamples, seed)
    # As in `bootstrap`: sentences with the same counts are interchangeable.
    flat = counts.transpose(1, 0, 2).reshape(sentences, -1)  # (N, S * 3)
    kinds, times = np.unique(flat, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(sentences, times / sentences, size=resamples)
    f1 = mean_f1((draws @ kinds).reshape(resamples, seeds, 3))  # (resamples,)
    low, high = np.quantile(f1, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, resamples, seed)


def mean_f1(sums: NDArray[np.generic]) -> NDArray[np.float64]:
    """The mean over the last axis but one of micro F1, from (…, S, 3) correct, gold and predicted spans."""
    correct, gold, predicted = (sums[..., part].astype(np.float64) for part in range(3))
    f1 = 2 * correct / np.maximum(gold + predicted, 1)  # (…, S)
    means: NDArray[np.float64] = f1.mean(axis=-1)
    return means
