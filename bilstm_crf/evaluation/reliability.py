"""Measure the calibration of scores: expected calibration error and the bins of a reliability diagram.

A score of 0.8 is right if 80 % of the spans with this score are. The error is the mean distance between
score and share of right spans, over bins of equally many spans: scores crowd near 1, so that bins of equal
width would hold ten spans here and a thousand there, and their error would be noise (Nixon et al. 2019,
"Measuring calibration in deep learning").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bilstm_crf.util.records import Count

BINS = 10
SIMULATIONS = 200  # for `Reliability.chance`

Float64s = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Some spans of similar score."""

    spans: Count
    score: float  # their mean score
    right: float  # the share that is right


@dataclass(frozen=True)
class Reliability:
    """The calibration of scores; all fractions are from 0 to 1."""

    spans: Count
    error: float  # expected calibration error
    chance: float  # the mean error that chance alone would cause if every score were exactly right
    bins: list[Bin]


@dataclass(frozen=True)
class Calibration:
    """The reliability of the spans on the best path, before and after temperature scaling."""

    temperature: float
    before: Reliability  # at temperature 1
    after: Reliability


def reliability(scores: ArrayLike, right: ArrayLike, bins: int = BINS) -> Reliability:
    """Return the reliability of the scores of right and wrong spans, in `bins` of equal size.

    >>> found = reliability([0.5, 0.5, 0.9, 0.9], [True, False, True, True], bins=2)
    >>> round(found.error, 6), [round(each.right, 1) for each in found.bins]
    (0.05, [0.5, 1.0])
    """
    scores, right = np.asarray(scores, np.float64), np.asarray(right, np.float64)
    order = np.argsort(scores, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    drawn = np.random.default_rng(0).random((SIMULATIONS, len(scores))) < scores
    chance = [_error(scores, each, parts) for each in drawn.astype(np.float64)] if parts else [0.0]
    return Reliability(
        spans=len(scores),
        error=_error(scores, right, parts),
        chance=float(np.mean(chance)),
        bins=[Bin(len(part), float(scores[part].mean()), float(right[part].mean())) for part in parts],
    )


def equal_width_error(scores: ArrayLike, right: ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error over bins of equal width, as in Guo et al. (2017)."""
    scores, right = np.asarray(scores, np.float64), np.asarray(right, np.float64)
    number = np.minimum((scores * bins).astype(int), bins - 1)
    return _error(scores, right, [np.flatnonzero(number == each) for each in np.unique(number)])


def _error(scores: Float64s, right: Float64s, parts: Sequence[NDArray[np.int64]]) -> float:
    distances = [len(part) * abs(scores[part].mean() - right[part].mean()) for part in parts]
    return float(sum(distances) / len(scores)) if len(scores) else 0.0
