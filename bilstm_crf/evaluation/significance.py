"""Significance of scores: intervals, paired tests, and tests that account for seeds.

Counts come in, (S, N, 3): the correct, gold and predicted spans of N sentences for each of S seeds. The score
of a system is the mean over its seeds of micro F1.

    function                 what is drawn                                 what the answer is about
    interval_of_mean         sentences                                     other text, the same models
    interval_of_difference   sentences, the same for both systems          other text, the same models
    compare                  exchanges of the systems' spans, by sentence  other text, the same models
    compare_seeds            seeds of each system, and sentences           other text, models of other seeds
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
MAX_DRAWN = 1 << 22  # numbers drawn at a time, to bound the memory
TIE = 1e-12  # differences of F1 that are closer than this are equal: only rounding tells them apart

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """An interval of micro F1 (or of a difference), fractions from 0 to 1, and how it was found."""

    low: float
    high: float
    level: float
    resamples: int
    seed: int


@dataclass(frozen=True)
class Comparison:
    """System b against system a. F1 in fractions from 0 to 1."""

    difference: float  # mean F1 of b less that of a
    p_value: float  # two-sided
    exact: bool  # every exchange was counted, none drawn
    resamples: int  # how many exchanges were counted
    seed: int


@dataclass(frozen=True)
class SeedComparison:
    """System b against system a, where another seed could have given other models."""

    difference: float  # mean F1 of b less that of a
    p_value: float  # two-sided
    interval: Interval  # of the difference


@dataclass(frozen=True)
class Spread:
    """The variation of scores: standard deviations of F1, as fractions."""

    seeds: float  # inside a row, pooled over the rows
    rows: float  # between the means of the rows

    @property
    def seeds_dominate(self) -> bool:
        """Whether the seeds of one row differ more than the rows do."""
        return self.seeds > self.rows


def interval_of_mean(
    counts: Counts, *, level: float = 0.95, resamples: int = 2000, seed: int = 42
) -> Interval:
    """Return the percentile bootstrap interval of the mean F1 over seeds.

    Whole sentences are drawn, with what the models of all seeds made of them, since the spans of a sentence
    are right or wrong together.
    """
    sums = _resample(_by_sentence(counts), resamples, seed)
    return _percentiles(mean_f1(sums.reshape(resamples, len(counts), 3)), level, seed)


def interval_of_difference(
    a: Counts, b: Counts, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 42
) -> Interval:
    """Return the paired percentile bootstrap interval of the mean F1 of b less that of a.

    Raises ValueError for systems that were not scored on the same sentences.
    """
    _require_same_sentences(a, b)
    sums = _resample(np.hstack([_by_sentence(a), _by_sentence(b)]), resamples, seed)
    of_a, of_b = np.split(sums.reshape(resamples, -1, 3), [len(a)], axis=1)  # (R, S, 3)
    return _percentiles(mean_f1(of_b) - mean_f1(of_a), level, seed)


def _resample(rows: Counts, resamples: int, seed: int) -> Counts:
    """Return the sums over N rows (N, C) drawn with replacement, R times: (R, C)."""
    if len(rows) == 0:
        return np.zeros((resamples, rows.shape[1]), np.int64)
    # Sentences with the same counts are interchangeable: drawing how often each kind comes is the same
    # experiment with some hundred kinds instead of thousands of sentences.
    kinds, times = np.unique(rows, axis=0, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(rows), times / len(rows), size=resamples)
    sums: Counts = draws @ kinds
    return sums


def compare(a: Counts, b: Counts, *, resamples: int = RESAMPLES, seed: int = 42) -> Comparison:
    """Compare two systems by approximate randomisation, paired by sentence and by seed.

    If it did not matter which system a sentence's spans came from, exchanging them between the two on some
    sentences would often give as large a difference as the observed one. Of the M sentences on which they
    differ, all 2^M exchanges are counted if these are no more than `resamples`; otherwise so many are drawn,
    and the observed one counts among them: p = (n + 1) / (resamples + 1), never 0. A sentence is exchanged
    in all seeds at once: a sentence that three seeds get wrong is one piece of evidence, not three.

    Noreen (1989), Computer-Intensive Methods for Testing Hypotheses; Yeh (2000), More accurate tests for the
    statistical significance of result differences, COLING.

    Parameters
    ----------
    a, b
        (S, N, 3), the same seeds in the same order, the same sentences and gold spans.

    Raises
    ------
    ValueError
        For systems that differ in shape or in their gold counts.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} seeds, expected the same seeds and the same sentences")
    _require_same_sentences(a, b)
    of_a, of_b = a.sum(axis=1), b.sum(axis=1)  # (S, 3)
    observed = float(mean_f1(of_b) - mean_f1(of_a))
    exchange = (b - a)[:, np.any(a != b, axis=(0, 2))]  # (S, M, 3)
    sentences = exchange.shape[1]
    flat = _by_sentence(exchange).astype(np.float64)  # whose product is fast, and exact for such numbers
    exact = sentences < 63 and 2**sentences <= resamples
    total = 2**sentences if exact else resamples
    random = np.random.default_rng(seed)
    as_large = 0
    for start, rows in _blocks(total, sentences):
        if exact:
            chosen = np.arange(start, start + rows)[:, None] >> np.arange(sentences) & 1
        else:
            chosen = random.integers(0, 2, size=(rows, sentences), dtype=np.int8)
        moved = (chosen.astype(np.float64) @ flat).reshape(rows, *of_a.shape)  # (R, S, 3)
        differences = mean_f1(of_b - moved) - mean_f1(of_a + moved)  # (R,)
        as_large += int(np.count_nonzero(np.abs(differences) >= abs(observed) - TIE))
    p_value = as_large / total if exact else (as_large + 1) / (total + 1)
    return Comparison(observed, p_value, exact, total, seed)


@dataclass(frozen=True)
class ResampledF1:
    """F1 of the seeds of one system on resampled sentences, the same draws for every system."""

    observed: NDArray[np.float64]  # (S,)
    drawn: NDArray[np.float64]  # (R, S)
    gold: NDArray[np.int64]  # gold spans of each sentence
    seed: int


def resample_f1(counts: Counts, *, resamples: int = RESAMPLES, seed: int = 42) -> ResampledF1:
    """Draw sentences with replacement for `compare_seeds`, once for each system of a table.

    Raises ValueError for a system with a single seed.
    """
    seeds, sentences, _ = counts.shape
    if seeds < 2:
        raise ValueError("a system has one seed, expected two or more")
    random = np.random.default_rng(seed)
    flat = _by_sentence(counts).astype(np.float64)  # whose product is fast, and exact for such numbers
    drawn = np.empty((resamples, seeds))
    for start, rows in _blocks(resamples, sentences):
        places = random.integers(0, max(sentences, 1), size=(rows, sentences))
        places += sentences * np.arange(rows)[:, None]
        times = np.bincount(places.ravel(), minlength=rows * sentences).reshape(rows, sentences)
        drawn[start : start + rows] = _f1((times @ flat).reshape(rows, seeds, 3))
    return ResampledF1(_f1(counts.sum(axis=1)), drawn, counts[0, :, 1], seed)


def compare_seeds(a: ResampledF1, b: ResampledF1, *, level: float = 0.95) -> SeedComparison:
    """Compare two systems by a hierarchical bootstrap over seeds and sentences.

    The seeds of each system are drawn by themselves, since equal seeds of different configurations have
    nothing in common; the sentences are the same for both. Seeds are drawn by the bootknife (one is left out
    at random, then as many as there were are drawn from the others), because a plain bootstrap of so few
    underestimates their variance by the factor (S - 1) / S. The p-value is the share of resampled
    differences that lie as far from the observed difference as that lies from 0.

    Davison and Hinkley (1997), Bootstrap Methods and their Application, section 3.8; Hesterberg (2004),
    Unbiasing the Bootstrap: Bootknife Sampling vs. Smoothing.

    Raises ValueError for systems that were not scored on the same sentences.
    """
    if not np.array_equal(a.gold, b.gold):
        raise ValueError("the two systems were not scored on the same sentences")
    observed = float(b.observed.mean() - a.observed.mean())
    random = np.random.default_rng([a.seed, 1])  # other numbers than those that drew the sentences
    differences = _mean_of_drawn_seeds(b.drawn, random) - _mean_of_drawn_seeds(a.drawn, random)  # (R,)
    as_far = np.count_nonzero(np.abs(differences - observed) >= abs(observed) - TIE)
    p_value = float(as_far + 1) / (len(differences) + 1)
    return SeedComparison(observed, p_value, _percentiles(differences, level, a.seed))


def spread(scores: Sequence[Sequence[float]]) -> Spread | None:
    """Return how much F1 varies inside and between rows, from the F1 of each seed of each row.

    None if fewer than two rows have two seeds or more.
    """
    rows = [row for row in scores if len(row) > 1]
    if len(rows) < 2:
        return None
    within = sum((len(row) - 1) * statistics.variance(row) for row in rows)
    pooled = math.sqrt(within / sum(len(row) - 1 for row in rows))
    return Spread(pooled, statistics.stdev(statistics.fmean(row) for row in rows))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number: below 0.05, the chance of any false find is below 0.05.

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


def mean_f1(sums: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the mean over seeds of micro F1, from (…, S, 3) correct, gold and predicted spans."""
    means: NDArray[np.float64] = _f1(sums).mean(axis=-1)
    return means


def _f1(sums: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return micro F1 (…, S) from sums (…, S, 3)."""
    correct, gold, predicted = (sums[..., part].astype(np.float64) for part in range(3))
    return 2 * correct / np.maximum(gold + predicted, 1)


def _by_sentence(counts: Counts) -> Counts:
    """Return counts (S, N, 3) as (N, S * 3)."""
    seeds, sentences, parts = counts.shape
    return counts.transpose(1, 0, 2).reshape(sentences, seeds * parts)


def _mean_of_drawn_seeds(f1: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Draw seeds by the bootknife for each resample (R, S); return the mean F1 (R,)."""
    resamples, seeds = f1.shape
    left_out = random.integers(0, seeds, size=(resamples, 1))
    drawn = random.integers(0, seeds - 1, size=(resamples, seeds))
    drawn += drawn >= left_out
    means: NDArray[np.float64] = np.take_along_axis(f1, drawn, axis=1).mean(axis=1)
    return means


def _blocks(total: int, width: int) -> Iterator[tuple[int, int]]:
    """Return start and number of rows of each block of at most MAX_DRAWN numbers."""
    size = max(1, MAX_DRAWN // max(1, width))
    for start in range(0, total, size):
        yield start, min(size, total - start)


def _percentiles(values: NDArray[np.float64], level: float, seed: int) -> Interval:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, len(values), seed)


def _require_same_sentences(a: Counts, b: Counts) -> None:
    gold = a[0, :, 1]
    if a.shape[1:] != b.shape[1:] or any((each[..., 1] != gold).any() for each in (a, b)):
        raise ValueError("the two systems were not scored on the same sentences")
