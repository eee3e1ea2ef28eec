"""Fit a model's temperature on labelled sentences, so that a span of score 0.8 is right 8 times in 10.

A network that was trained long is too sure of itself. Dividing all scores of the CRF by one number, the
temperature, makes its distribution flatter without changing the best path (Guo et al. 2017). We choose the
one with the least log loss of the spans on the best path, which are those that a user sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.evaluation.reliability import Calibration, reliability
from bilstm_crf.inference.decoding import Decoder
from bilstm_crf.inference.marginals import Marginals, row_array
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence, TokenSpan

MIN_SPANS = 100  # with fewer, or without a single wrong one, there is nothing to fit
LOWEST, HIGHEST = 0.25, 8.0  # bounds of the temperature
STEPS = 24  # of the search, which leave 1/50,000 of the interval
TINY = 1e-9  # a probability that a log loss can bear

Float64s = NDArray[np.float64]
Booleans = NDArray[np.bool_]


class Evidence:
    """Labelled sentences, the spans that a model finds in them, and which of these are right."""

    def __init__(self, tagger: Tagger, sentences: Sequence[Sentence], gold: list[list[TokenSpan]]) -> None:
        """`gold`: the spans of each sentence, with the types of the model."""
        self._decoder: Decoder = tagger.decoder
        self._emissions, self._offsets = tagger.emissions(sentences)
        self._gold = [set(spans) for spans in gold]
        marginals, crf = self._marginals(1.0), self._decoder.constrained_crf
        rows, right = [], []
        for number in np.flatnonzero(np.diff(self._offsets)).tolist():
            here = self._emissions[self._offsets[number] : self._offsets[number + 1]]
            paths, _ = crf.best_sequences(here, 1)
            spans = self._decoder.spans(paths[0]) if len(paths) else []  # no path: damaged weights
            rows += marginals.rows(number, spans)
            right += [span in self._gold[number] for span in spans]
        self.spans = row_array(rows)
        self.right: Booleans = np.array(right, bool)

    def _marginals(self, temperature: float) -> Marginals:
        crf = self._decoder.constrained_crf.at(temperature)
        return crf.marginals(self._emissions, self._offsets)

    def scores(self, temperature: float) -> Float64s:
        """Return the probability of each span on the best path."""
        return self._marginals(temperature).span_probabilities(self.spans)

    def candidates(self, temperature: float, threshold: float) -> tuple[Float64s, Booleans]:
        """Return the probabilities of all spans of at least `threshold`, and whether each is right."""
        marginals = self._marginals(temperature)
        spans, probabilities = marginals.probable_spans(threshold)
        right = [marginals.token_span(row) in self._gold[row[0]] for row in spans.tolist()]
        return probabilities, np.array(right, bool)

    def log_loss(self, temperature: float) -> float:
        """Return the mean log loss of the scores."""
        scores = np.clip(self.scores(temperature), TINY, 1 - TINY)
        return float(-np.where(self.right, np.log(scores), np.log1p(-scores)).mean())


def fit_temperature(*evidence: Evidence) -> float:
    """Return the temperature with the least log loss of all spans; 1.0 where they are too few to tell."""
    right = np.concatenate([each.right for each in evidence])
    if len(right) < MIN_SPANS or right.all() or not right.any():
        return 1.0

    def loss(logarithm: float) -> float:
        temperature = math.exp(logarithm)
        return sum(each.log_loss(temperature) * len(each.right) for each in evidence if len(each.right))

    return round(math.exp(golden_section(loss, math.log(LOWEST), math.log(HIGHEST))), 4)


def calibrate(evidence: Evidence, temperature: float) -> Calibration:
    """Return the reliability of the scores before and after scaling by a temperature."""
    before, after = (reliability(evidence.scores(each), evidence.right) for each in (1.0, temperature))
    return Calibration(temperature, before, after)


def golden_section(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the argument that minimises a unimodal function in an interval (Kiefer 1953).

    >>> round(golden_section(lambda x: (x - 2) ** 2, -1, 5), 3)
    2.0
    """
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return (low + high) / 2
