"""From emissions to what a sentence is told: spans, their probabilities, the n best label sequences.

emissions (N, K) ─► Decoder ─► Annotation (spans, scores, alternatives) of each sentence ─► Sentence

The CRF of a saved model is a distribution over label sequences. With `constrained`, sequences that are not
legal in the model's encoding have probability 0, so that they are never decoded and take no share of the
others' probability.

Letters: N tokens of a chunk in their order, S sentences, K labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import UsageError
from bilstm_crf.inference.marginals import Crf, Marginals, Transitions
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.labels import Encoding
from bilstm_crf.sentence import Alternative, Sentence, TokenSpan

MAX_NBEST = 100  # memory grows with it, for each token and label

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Decoding:
    """What to compute from a sentence's emissions. Raises UsageError for values out of bounds."""

    scores: bool = False  # set `Sentence.scores`: the probability of each span
    nbest: int = 1  # from 2: set `Sentence.alternatives` to so many label sequences
    min_score: float = 0.0  # drop spans whose probability is smaller
    recall: float | None = None  # add spans of at least this probability that the best path missed
    constrained: bool = False  # only label sequences that are legal in the model's encoding

    def __post_init__(self) -> None:
        for name, value in (("min_score", self.min_score), ("recall", self.recall)):
            if value is not None and not 0 <= value <= 1:  # also NaN
                raise UsageError(f"{name} is {value}, expected a probability from 0 to 1")
        if type(self.nbest) is not int or not 1 <= self.nbest <= MAX_NBEST:
            raise UsageError(f"nbest is {self.nbest}, expected a whole number from 1 to {MAX_NBEST}")

    @property
    def needs_probabilities(self) -> bool:
        """Whether anything but the best path is asked for."""
        return self.scores or self.nbest > 1 or self.min_score > 0 or self.recall is not None


class DecodingOptions(TypedDict, total=False):
    """The fields of `Decoding`, as keywords of `Tagger.tag`."""

    scores: bool
    nbest: int
    min_score: float
    recall: float | None
    constrained: bool


class Annotation(NamedTuple):
    """What is decoded for one sentence; the fields of `Sentence` with these names."""

    token_spans: list[TokenSpan]
    scores: list[float] | None = None
    alternatives: list[Alternative] | None = None

    def set_on(self, sentence: Sentence) -> None:
        """Set the sentence's fields."""
        sentence.token_spans, sentence.scores, sentence.alternatives = self


class Decoder:
    """Decodes emissions with a model's CRF."""

    def __init__(
        self,
        encoding: Encoding,
        labels: Sequence[str],
        transitions: Transitions | None,
        temperature: float = 1.0,
    ) -> None:
        """`transitions` None: the model has no CRF, and labels are independent."""
        self._encoding, self._labels = encoding, list(labels)
        self._has_transitions = transitions is not None
        self.crf = Crf.of(encoding, labels, transitions, temperature)
        self.constrained_crf = self.crf.constrained(encoding, labels)

    def transitions(self, decoding: Decoding) -> Transitions | None:
        """Return what the best path is searched with; None: labels are independent."""
        if decoding.constrained:
            return self.constrained_crf.transition_scores
        return self.crf.transition_scores if self._has_transitions else None

    def annotate(
        self,
        sentences: Sequence[Sentence],
        emissions: Floats,  # (N, K)
        label_ids: Ints,  # (N,) the best path
        offsets: Ints,  # (S + 1,)
        decoding: Decoding,
    ) -> list[Annotation]:
        """Return what `decoding` asks for, for each sentence."""
        annotations = [Annotation([])] * len(sentences)
        if not decoding.needs_probabilities:
            named = np.searchsorted(offsets, np.flatnonzero(label_ids), side="right") - 1
            for number in np.unique(named).tolist():
                spans = self._spans(label_ids[offsets[number] : offsets[number + 1]])
                annotations[number] = Annotation(trim_spans(sentences[number], spans))
            return annotations
        crf = self.constrained_crf if decoding.constrained else self.crf
        for number, sentence in enumerate(sentences):
            here = slice(offsets[number], offsets[number + 1])
            spans = self._spans(label_ids[here])
            annotations[number] = self._annotation(sentence, crf, emissions[here], spans, decoding)
        return annotations

    def _spans(self, path: Ints) -> list[TokenSpan]:
        return self._encoding.decode([self._labels[id_] for id_ in path.tolist()])

    def _annotation(
        self, sentence: Sentence, crf: Crf, emissions: Floats, best: list[TokenSpan], decoding: Decoding
    ) -> Annotation:
        """Return the annotation of one sentence, whose best path has the spans `best`."""
        if not len(sentence):
            return Annotation([], [] if decoding.scores else None, None)
        marginals = Marginals(crf, emissions)
        scored = [(span, marginals.span(span)) for span in best]
        if decoding.recall is not None:
            scored = with_recall(scored, marginals.spans(decoding.recall))
        scored = [each for each in scored if each[1] >= decoding.min_score]
        trimmed = [(part, score) for span, score in scored for part in trim_spans(sentence, [span])]
        alternatives = None
        if decoding.nbest > 1:
            alternatives = [
                Alternative(probability, trim_spans(sentence, self._spans(path)))
                for path, probability in marginals.best_sequences(decoding.nbest)
            ]
        scores = [score for _, score in trimmed] if decoding.scores else None
        return Annotation([span for span, _ in trimmed], scores, alternatives)


def with_recall(
    best: list[tuple[TokenSpan, float]], candidates: list[tuple[TokenSpan, float]]
) -> list[tuple[TokenSpan, float]]:
    """Return the spans of the best path and the candidates that overlap none of them, nor one another.

    Of candidates that overlap, the more probable one is taken.
    """
    taken = list(best)
    covered = {token for span, _ in best for token in range(span.start, span.end)}
    for span, score in sorted(candidates, key=lambda each: (-each[1], each[0])):
        tokens = range(span.start, span.end)
        if covered.isdisjoint(tokens):
            covered.update(tokens)
            taken.append((span, score))
    return sorted(taken)
