"""Probabilities of a CRF: of labels, of spans, and of whole label sequences.

For a sentence's label scores, the forward-backward algorithm gives the partition function and, with it, the
marginal probability of each label (Lafferty et al. 2001; Rabiner 1989). A span's probability is the sum over
all label sequences in which exactly this span is labelled, divided by the partition function (Culotta and
McCallum 2004, "Confidence estimation for information extraction").

Letters: N tokens of S sentences, one after another; T tokens of one sentence; K labels; Y entity types;
P spans.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.inference.network import PLAIN_TOKENS, Loops, Transitions, load_loops
from bilstm_crf.labels import Encoding
from bilstm_crf.sentence import TokenSpan, Uncertainty

PAIR_TOKENS = 4_096  # tokens whose pairs of labels are in memory at once: some 10 MB
MIN_PROBABILITY = 1e-6  # spans that are less probable are not looked for

Floats = NDArray[np.float32]
Float64s = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Crf:
    """The scores of a CRF, and which labels write a span of each type. -inf: never."""

    start: Float64s  # (K,)
    end: Float64s  # (K,)
    between: Float64s  # (K, K)
    types: list[str]  # Y entity types
    prefixes: Ints  # (Y, 4) the labels of the only, the first, an inner and the last token of a span
    continues: NDArray[np.bool_]  # (K, K) whether the second label continues a span of the first
    temperature: float = 1.0  # scores are divided by it for probabilities; the best path stays

    @classmethod
    def of(
        cls,
        encoding: Encoding,
        labels: Sequence[str],
        transitions: Transitions | None,
        temperature: float = 1.0,
    ) -> Crf:
        """Return the CRF of a model; without transitions, its labels are independent."""
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
    def transitions(self) -> Transitions:
        """The scores of the start, the end and of each pair of labels."""
        return self.start, self.end, self.between

    def constrained(self, encoding: Encoding, labels: Sequence[str]) -> Crf:
        """Return the CRF in which label sequences that are not legal in the encoding score -inf."""
        begins = np.array([encoding.can_begin(label) for label in labels])
        ends = np.array([encoding.can_end(label) for label in labels])
        follows = np.array([[encoding.follows(one, other) for other in labels] for one in labels])
        return replace(
            self,
            start=np.where(begins, self.start, -np.inf),
            end=np.where(ends, self.end, -np.inf),
            between=np.where(follows, self.between, -np.inf),
        )

    def at(self, temperature: float) -> Crf:
        """Return the CRF at another temperature."""
        return replace(self, temperature=temperature)

    def marginals(self, emissions: Floats, offsets: Ints) -> Marginals:
        """Return the probabilities of sentences, from emissions (N, K) and where each begins (S + 1,)."""
        loops = _loops_for(emissions)
        scores = emissions.astype(np.float64) / self.temperature
        start, end, between = (each / self.temperature for each in self.transitions)
        alpha, beta = np.empty_like(scores), np.empty_like(scores)
        log_z = loops.messages(scores, start, end, between, offsets, alpha, beta)
        return Marginals(self, loops, scores, between, offsets, alpha, beta, log_z)

    def best_sequences(self, emissions: Floats, n: int) -> tuple[Ints, Float64s]:
        """Return the n best label sequences (n, T) of one sentence, best first, and their scores (n,).

        Fewer where there are no more. Emissions (T, K); T at least 1.
        """
        loops = _loops_for(emissions)
        paths, scores = loops.best_sequences(emissions, *self.transitions, n)
        return paths, scores / self.temperature


class Distribution(ABC):
    """A distribution over the label sequences of some sentences: a Markov chain in each.

    Spans (P, 4) are rows: sentence, first token, token behind, type; tokens count over all sentences.
    """

    offsets: Ints  # (S + 1,) where each sentence begins

    @property
    @abstractmethod
    def labels(self) -> Float64s:
        """(N, K): the probability of each label of each token."""

    @abstractmethod
    def pairs(self, tokens: Ints) -> Float64s:
        """Return the probability of each pair of labels at the token before and at this one (T, K, K).

        `tokens`: T of the N, none the first of its sentence.
        """

    def uncertainties(self, label_ids: Ints) -> list[Uncertainty]:
        """Return how unsure the distribution is of each sentence, from its best label sequences (N,).

        Exact, though there are K^T sequences: a chain's log probability and its entropy are sums over the
        tokens, H = H(y1) + Σ H(yt | yt-1) (Hernando et al. 2005; Mann and McCallum 2007 for CRFs).
        """
        labels = self.labels
        logs = _logs(labels[np.arange(len(labels)), label_ids])  # (N,) of the best label, given that before
        entropies = -(labels * _logs(labels)).sum(axis=1)  # (N,) of the label, given that before
        inner = np.ones(len(labels), bool)
        inner[self.offsets[:-1][np.diff(self.offsets) > 0]] = False
        for tokens in np.array_split(np.flatnonzero(inner), 1 + inner.sum() // PAIR_TOKENS):
            pairs = self.pairs(tokens)
            given = _logs(pairs) - _logs(labels[tokens - 1])[:, :, None]
            entropies[tokens] = -(pairs * given).sum(axis=(1, 2))
            logs[tokens] = given[np.arange(len(tokens)), label_ids[tokens - 1], label_ids[tokens]]
        number = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        sums = (np.bincount(number, each, len(self.offsets) - 1).tolist() for each in (logs, entropies))
        return [
            Uncertainty(-math.expm1(min(0.0, log)), max(0.0, entropy))
            for log, entropy in zip(*sums, strict=True)
        ]

    @property
    @abstractmethod
    def types(self) -> list[str]:
        """The entity types by their numbers."""

    @abstractmethod
    def span_probabilities(self, spans: Ints) -> Float64s:
        """Return the probability that exactly this span is there, for each span (P,)."""

    @abstractmethod
    def probable_spans(self, threshold: float) -> tuple[Ints, Float64s]:
        """Return all spans of at least this probability (P, 4), in order, and their probabilities (P,)."""

    def rows(self, sentence: int, spans: Sequence[TokenSpan]) -> list[tuple[int, int, int, int]]:
        """Return the spans of a sentence as rows for `span_probabilities`; their types must be known."""
        first, index = int(self.offsets[sentence]), self.types.index
        return [(sentence, first + start, first + end, index(type_)) for start, end, type_ in spans]

    def token_span(self, row: Sequence[int]) -> TokenSpan:
        """Return a row's span by its place in its sentence."""
        sentence, start, end, type_ = row
        first = int(self.offsets[sentence])
        return TokenSpan(start - first, end - first, self.types[type_])


@dataclass(frozen=True)
class Marginals(Distribution):
    """The probabilities of a CRF for some sentences."""

    crf: Crf
    loops: Loops
    scores: Float64s  # (N, K) emissions over the temperature
    between: Float64s  # (K, K) transitions over the temperature
    offsets: Ints  # (S + 1,) where each sentence begins
    alpha: Float64s  # (N, K) forward messages, logarithms
    beta: Float64s  # (N, K) backward messages
    log_partitions: Float64s  # (S,)

    @property
    def types(self) -> list[str]:
        return self.crf.types

    @property
    def labels(self) -> Float64s:
        log_z = np.repeat(self.log_partitions, np.diff(self.offsets))
        return np.exp(self.alpha + self.beta - log_z[:, None])

    def span_probabilities(self, spans: Ints) -> Float64s:
        return probabilities_of(self.loops.span_scores(*self._arrays, spans))

    def of_spans(self, sentence: int, spans: Sequence[TokenSpan]) -> list[float]:
        """Return the probability of any spans of one sentence.

        That of an unknown type, or over a full stop that the model does not read, is 0.
        """
        length = int(self.offsets[sentence + 1] - self.offsets[sentence])
        possible = [each.end <= length and each.type in self.types for each in spans]
        rows = self.rows(sentence, list(compress(spans, possible)))
        found = iter(self.span_probabilities(row_array(rows)).tolist())
        return [next(found) if each else 0.0 for each in possible]

    def probable_spans(self, threshold: float) -> tuple[Ints, Float64s]:
        lowest = np.log(max(threshold, MIN_PROBABILITY))
        spans, logs = self.loops.probable_spans(*self._arrays, lowest)
        return spans, probabilities_of(logs)

    def pairs(self, tokens: Ints) -> Float64s:
        log_z = self.log_partitions[np.searchsorted(self.offsets, tokens, side="right") - 1]
        onward = self.scores[tokens] + self.beta[tokens] - log_z[:, None]
        return np.exp(self.alpha[tokens - 1][:, :, None] + self.between + onward[:, None, :])

    def sample(self, random: np.random.Generator) -> Ints:
        """Return a label sequence of each sentence (N,), drawn from its distribution.

        Backwards from the last token, each label given the one after it. The largest of logarithms with
        Gumbel noise is a draw with their probabilities (Gumbel 1954).
        """
        drawn = np.zeros(len(self.scores), np.int64)
        lengths = np.diff(self.offsets)
        longest_first = np.argsort(-lengths, kind="stable")
        lasts = self.offsets[1:][longest_first] - 1
        counts = np.searchsorted(-lengths[longest_first], -np.arange(lengths.max(initial=0)))
        for step, count in enumerate(counts.tolist()):  # sentences that have so many tokens behind this one
            tokens = lasts[:count] - step
            logs = self.alpha[tokens] + (self.between[:, drawn[tokens + 1]].T if step else self.beta[tokens])
            drawn[tokens] = (logs + random.gumbel(size=logs.shape)).argmax(axis=1)
        return drawn

    @property
    def _arrays(self) -> tuple[NDArray[np.generic], ...]:
        crf = self.crf
        return (
            *(self.scores, self.between, self.offsets, self.alpha, self.beta, self.log_partitions),
            *(crf.prefixes, crf.continues),
        )


def _logs(probabilities: Float64s) -> Float64s:
    """Return logarithms, but 0 for 0: in p log p it counts nothing."""
    logs: Float64s = np.log(probabilities, where=probabilities > 0, out=np.zeros_like(probabilities))
    return logs


def _loops_for(emissions: Floats) -> Loops:
    """Return the loops for emissions; a short input, whose tokens are counted already, adds nothing."""
    return load_loops(len(emissions) if len(emissions) > PLAIN_TOKENS else 0)


def row_array(rows: Sequence[tuple[int, int, int, int]]) -> Ints:
    """Return the array (P, 4) of rows of `Marginals.rows`."""
    return np.array(rows, np.int64).reshape(-1, 4)


def probabilities_of(logs: Float64s) -> Float64s:
    """Return exp(logs): at most 1 whatever rounding did, and 0 for what is no number (damaged weights)."""
    return np.nan_to_num(np.minimum(np.exp(logs), 1.0), nan=0.0)
