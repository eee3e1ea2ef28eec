"""Probabilities of a CRF: of labels, of spans, and of whole label sequences.

For a sentence's label scores, the forward-backward algorithm gives the partition function and, with it, the
marginal probability of each label (Lafferty et al. 2001; Rabiner 1989). A span's probability is the sum over
all label sequences in which exactly this span is labelled, divided by the partition function (Culotta and
McCallum 2004, "Confidence estimation for information extraction").

Letters: T tokens of a sentence, K labels, Y entity types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.kernels import plain
from bilstm_crf.labels import Encoding
from bilstm_crf.sentence import TokenSpan

Floats = NDArray[np.float32]
Float64s = NDArray[np.float64]
Ints = NDArray[np.int64]
Transitions = tuple[Float64s, Float64s, Float64s]  # start (K,), end (K,), between (K, K)

MIN_PROBABILITY = 1e-6  # spans that are less probable are never looked for


@dataclass(frozen=True)
class Crf:
    """The scores of a CRF, and which labels write a span of each type. -inf: never."""

    start: Float64s  # (K,)
    end: Float64s  # (K,)
    transitions: Float64s  # (K, K)
    types: list[str]  # Y entity types
    prefixes: Ints  # (Y, 4) the labels of the only, the first, an inner and the last token of a span
    continues: NDArray[np.bool_]  # (K, K) whether the second label continues a span of the first
    temperature: float = 1.0  # scores are divided by it; the best path stays

    @classmethod
    def of(
        cls,
        encoding: Encoding,
        labels: Sequence[str],
        transitions: Transitions | None,
        temperature: float = 1.0,
    ) -> Crf:
        """Return the CRF of start, end and transitions; without these, labels are independent."""
        size = len(labels)
        start, end, between = transitions or (np.zeros(size), np.zeros(size), np.zeros((size, size)))
        types = list(dict.fromkeys(label[2:] for label in labels[1:]))
        ids = {label: id_ for id_, label in enumerate(labels)}
        parts = (encoding.single, encoding.first, encoding.inner, encoding.last)
        prefixes = [[ids[f"{prefix}-{type_}"] for prefix in parts] for type_ in types]
        continues = [[encoding.continues(one, other) for other in labels] for one in labels]
        return cls(
            *(start, end, between, types, np.array(prefixes, np.int64).reshape(-1, 4)),
            *(np.array(continues), temperature),
        )

    @property
    def transition_scores(self) -> Transitions:
        """Return the scores of the start, the end and each transition."""
        return self.start, self.end, self.transitions

    def constrained(self, encoding: Encoding, labels: Sequence[str]) -> Crf:
        """Return the CRF in which label sequences that are not legal in the encoding score -inf."""
        begins = np.array([encoding.can_begin(label) for label in labels])
        ends = np.array([encoding.can_end(label) for label in labels])
        follows = np.array([[encoding.follows(one, other) for other in labels] for one in labels])
        return replace(
            self,
            start=np.where(begins, self.start, -np.inf),
            end=np.where(ends, self.end, -np.inf),
            transitions=np.where(follows, self.transitions, -np.inf),
        )


class Marginals:
    """The probabilities of one sentence, from its emissions (T, K)."""

    def __init__(self, crf: Crf, emissions: Floats) -> None:
        self._crf = crf
        self._raw = emissions
        self._scores = emissions.astype(np.float64) / crf.temperature
        self._start, self._end = crf.start / crf.temperature, crf.end / crf.temperature
        self._transitions = crf.transitions / crf.temperature
        self._alpha = np.empty_like(self._scores)
        self._beta = np.empty_like(self._scores)
        offsets = np.array([0, len(emissions)])
        self.log_partition = float(
            plain.messages(
                *(self._scores, self._start, self._end, self._transitions, offsets),
                *(self._alpha, self._beta),
            )[0]
        )

    @property
    def labels(self) -> Float64s:
        """(T, K): the probability of each label of each token."""
        return np.exp(self._alpha + self._beta - self.log_partition)

    def span(self, span: TokenSpan) -> float:
        """Return the probability that exactly this span is in the sentence."""
        if span.type not in self._crf.types:
            return 0.0
        single, first, inner, last = self._crf.prefixes[self._crf.types.index(span.type)].tolist()
        start, end, _ = span
        if end - start == 1:
            return self._probability(self._alpha[start, single], end - 1, single)
        score, before = self._alpha[start, first], first
        for token in range(start + 1, end):
            label = last if token == end - 1 else inner
            score += self._transitions[before, label] + self._scores[token, label]
            before = label
        return self._probability(score, end - 1, last)

    def _probability(self, score: float, token: int, label: int) -> float:
        """Return the probability of a span that ends with this token and label and scores so much."""
        if token == len(self._scores) - 1:
            after = self._end[label]
        else:
            terms = self._transitions[label] + self._scores[token + 1] + self._beta[token + 1]
            after = plain.log_sum_exp(terms[~self._crf.continues[label]])
        return min(1.0, float(np.exp(score + after - self.log_partition)))

    def spans(self, threshold: float) -> list[tuple[TokenSpan, float]]:
        """Return all spans of at least this probability, in order."""
        found = []
        for start in range(len(self._scores)):
            for type_, (_, first, inner, _) in zip(self._crf.types, self._crf.prefixes.tolist(), strict=True):
                score = self._alpha[start, first]
                for end in range(start + 1, len(self._scores) + 1):
                    span = TokenSpan(start, end, type_)
                    probability = self.span(span)
                    if probability >= max(threshold, MIN_PROBABILITY):
                        found.append((span, probability))
                    label = first if end == start + 1 else inner
                    bound = np.exp(score + self._beta[end - 1, label] - self.log_partition)
                    if bound < max(threshold, MIN_PROBABILITY) or end == len(self._scores):
                        break
                    score += self._transitions[label, inner] + self._scores[end, inner]
        return found

    def best_sequences(self, n: int) -> list[tuple[Ints, float]]:
        """Return the n best label sequences (T,), best first, each with its probability."""
        raw, crf = self._raw.astype(np.float64), self._crf
        paths, scores = plain.best_sequences(raw, crf.start, crf.end, crf.transitions, n)
        logs = scores / crf.temperature - self.log_partition
        return [(path, min(1.0, float(np.exp(log)))) for path, log in zip(paths, logs, strict=True)]
