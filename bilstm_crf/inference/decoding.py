"""Decode emissions to spans, their probabilities and the n best label sequences.

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
from bilstm_crf.inference.marginals import Crf, Distribution, probabilities_of, row_array
from bilstm_crf.inference.network import Transitions
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.labels import Encoding
from bilstm_crf.sentence import Alternative, Sentence, TokenSpan, Uncertainty

MAX_NBEST = 100  # memory grows with it, for each token and label

Floats = NDArray[np.float32]
Float64s = NDArray[np.float64]
Ints = NDArray[np.int64]
Scored = tuple[TokenSpan, float]  # a span and its probability


@dataclass(frozen=True)
class Decoding:
    """Options of decoding. Raises UsageError for values out of bounds."""

    scores: bool = False  # set `Sentence.scores`: the probability of each span
    nbest: int = 1  # from 2: set `Sentence.alternatives` to so many label sequences
    min_score: float = 0.0  # drop spans whose probability is smaller
    recall: float | None = None  # add spans of at least this probability that the best path missed
    # The entity types that `recall` adds; spans of other types on the best path yield to them. None: all,
    # and no span of the best path yields
    recall_types: frozenset[str] | None = None
    constrained: bool = True  # only label sequences that are legal in the model's encoding
    consistent: bool = False  # unsure bare names follow the full names of their document
    uncertainty: bool = False  # set `Sentence.uncertainty`

    def __post_init__(self) -> None:
        for name, value in (("min_score", self.min_score), ("recall", self.recall)):
            if value is not None and not 0 <= value <= 1:  # also NaN
                raise UsageError(f"{name} is {value}, expected a probability from 0 to 1")
        if type(self.nbest) is not int or not 1 <= self.nbest <= MAX_NBEST:
            raise UsageError(f"nbest is {self.nbest}, expected a whole number from 1 to {MAX_NBEST}")

    @property
    def needs_probabilities(self) -> bool:
        """Whether anything but the best path is asked for."""
        return self.scores or self.min_score > 0 or self.needs_all_sentences

    @property
    def needs_all_sentences(self) -> bool:
        """Whether probabilities are needed of sentences without names as well."""
        return self.nbest > 1 or self.recall is not None or self.uncertainty


# How the scores of training are computed: illegal labels of the best path count as O. Constrained decoding
# would change the dev scores, and so perhaps the epoch that is kept, of runs that are on record.
UNCONSTRAINED = Decoding(constrained=False)


class DecodingOptions(TypedDict, total=False):
    """The fields of `Decoding`, as keywords of `Tagger.tag`."""

    scores: bool
    nbest: int
    min_score: float
    recall: float | None
    recall_types: frozenset[str] | None
    constrained: bool
    consistent: bool
    uncertainty: bool


class Annotation(NamedTuple):
    """The decoded fields of one sentence, named as in `Sentence`."""

    token_spans: list[TokenSpan]
    scores: list[float] | None = None
    alternatives: list[Alternative] | None = None
    uncertainty: Uncertainty | None = None

    def set_on(self, sentence: Sentence) -> None:
        """Set the sentence's fields."""
        sentence.token_spans, sentence.scores, sentence.alternatives, sentence.uncertainty = self


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
        """Return the transitions for the best path; None: labels are independent."""
        if decoding.constrained:
            return self.constrained_crf.transitions
        return self.crf.transitions if self._has_transitions else None

    def annotate(
        self,
        sentences: Sequence[Sentence],
        emissions: Floats,  # (N, K)
        label_ids: Ints,  # (N,) the best paths
        offsets: Ints,  # (S + 1,)
        decoding: Decoding,
    ) -> list[Annotation]:
        """Return what `decoding` asks for, for each sentence."""
        best: list[list[TokenSpan]] = [[] for _ in sentences]
        named = np.searchsorted(offsets, np.flatnonzero(label_ids), side="right") - 1
        named = np.unique(named)  # sentences with labels other than O
        for number in named.tolist():
            best[number] = self.spans(label_ids[offsets[number] : offsets[number + 1]])
        if not decoding.needs_probabilities:
            return [
                Annotation(trim_spans(sentence, spans)) if spans else Annotation([])
                for sentence, spans in zip(sentences, best, strict=True)
            ]
        wanted = np.flatnonzero(np.diff(offsets)) if decoding.needs_all_sentences else named
        certain = Uncertainty(0.0, 0.0) if decoding.uncertainty else None
        annotations = [
            Annotation([], [] if decoding.scores else None, uncertainty=certain) for _ in sentences
        ]
        crf = self._crf_for(decoding)
        emissions, offsets = _chosen(emissions, offsets, wanted)
        marginals = crf.marginals(emissions, offsets)
        scored = scored_spans(marginals, [best[number] for number in wanted], decoding)
        uncertainties = marginals.uncertainties(label_ids) if decoding.uncertainty else [None] * len(wanted)
        for place, number in enumerate(wanted.tolist()):
            sentence = sentences[number]
            spans, scores = trimmed(sentence, scored[place])
            alternatives = None
            if decoding.nbest > 1:
                here = emissions[offsets[place] : offsets[place + 1]]
                log_z = marginals.log_partitions[place]
                alternatives = self._alternatives(sentence, crf, here, log_z, decoding.nbest)
            annotations[number] = Annotation(
                spans, scores if decoding.scores else None, alternatives, uncertainties[place]
            )
        return annotations

    def probabilities(
        self, emissions: Floats, offsets: Ints, decoding: Decoding, places: Sequence[tuple[int, TokenSpan]]
    ) -> list[float]:
        """Return the probability of each span, given with the number of its sentence."""
        crf = self._crf_for(decoding)
        wanted = sorted({number for number, _ in places})
        marginals = crf.marginals(*_chosen(emissions, offsets, np.array(wanted, np.int64)))
        place_of = {number: place for place, number in enumerate(wanted)}
        rows = [row for number, span in places for row in marginals.rows(place_of[number], [span])]
        probabilities: list[float] = marginals.span_probabilities(row_array(rows)).tolist()
        return probabilities

    def spans(self, path: Ints) -> list[TokenSpan]:
        """Return the spans of label ids (T,)."""
        return self._encoding.decode([self._labels[id_] for id_ in path.tolist()])

    def _crf_for(self, decoding: Decoding) -> Crf:
        return self.constrained_crf if decoding.constrained else self.crf

    def _alternatives(
        self, sentence: Sentence, crf: Crf, emissions: Floats, log_partition: float, n: int
    ) -> list[Alternative]:
        """Return the n best ways to label a sentence."""
        paths, scores = crf.best_sequences(emissions, n)
        probabilities = probabilities_of(scores - log_partition).tolist()
        return [
            Alternative(probability, trim_spans(sentence, self.spans(path)))
            for path, probability in zip(paths, probabilities, strict=True)
        ]


def _chosen(emissions: Floats, offsets: Ints, sentences: Ints) -> tuple[Floats, Ints]:
    """Return the emissions of some sentences, and where each of these begins."""
    lengths = np.diff(offsets)[sentences]
    chosen = np.concatenate(([0], np.cumsum(lengths)))
    tokens = np.arange(chosen[-1]) + np.repeat(offsets[sentences] - chosen[:-1], lengths)
    return emissions[tokens], chosen


def scored_spans(
    marginals: Distribution, best: Sequence[Sequence[TokenSpan]], decoding: Decoding
) -> list[list[Scored]]:
    """Return the spans of each sentence with their probabilities: those of the best path, and `recall`'s."""
    rows = [row for number, spans in enumerate(best) for row in marginals.rows(number, spans)]
    taken = row_array(rows)
    probabilities = marginals.span_probabilities(taken)
    if decoding.recall is not None:
        taken, probabilities = _with_recall(marginals, taken, probabilities, decoding)
    scored: list[list[Scored]] = [[] for _ in best]
    for row, probability in zip(taken.tolist(), probabilities.tolist(), strict=True):
        if probability >= decoding.min_score:
            scored[row[0]].append((marginals.token_span(row), probability))
    return scored


def _with_recall(
    marginals: Distribution, best: Ints, probabilities: Float64s, decoding: Decoding
) -> tuple[Ints, Float64s]:
    """Return the spans (P, 4) of the best path and those that `recall` adds, in order, with probabilities."""
    assert decoding.recall is not None
    spans, theirs = marginals.probable_spans(decoding.recall)
    types, asked = marginals.types, decoding.recall_types
    wanted = np.array([asked is None or type_ in asked for type_ in types], bool)
    spans, theirs = spans[wanted[spans[:, 3]]], theirs[wanted[spans[:, 3]]]
    stays = wanted[best[:, 3]]
    tokens = int(marginals.offsets[-1])
    more = apart(best[stays], spans, theirs, tokens)
    taken, scores = np.concatenate((best[stays], more[0])), np.concatenate((probabilities[stays], more[1]))
    others = apart(taken, best[~stays], probabilities[~stays], tokens)
    taken, scores = np.concatenate((taken, others[0])), np.concatenate((scores, others[1]))
    order = np.argsort(taken[:, 1], kind="stable")
    return taken[order], scores[order]


def apart(taken: Ints, spans: Ints, probabilities: Float64s, tokens: int) -> tuple[Ints, Float64s]:
    """Return the spans (P, 4) that overlap neither `taken` nor one another, and their probabilities (P,).

    Of spans that overlap, the more probable one stays; of equal ones, that which begins or ends first.
    """
    change = np.zeros(tokens + 1, np.int64)
    np.add.at(change, taken[:, 1], 1)
    np.add.at(change, taken[:, 2], -1)
    covered = np.concatenate(([0], np.cumsum(np.cumsum(change[:-1]))))  # tokens of `taken` before each token
    free = covered[spans[:, 2]] == covered[spans[:, 1]]
    spans, probabilities = spans[free], probabilities[free]
    used = np.zeros(tokens, bool)
    kept = []
    for place in np.argsort(-probabilities, kind="stable").tolist():
        here = used[spans[place, 1] : spans[place, 2]]
        if not here.any():
            here[:] = True
            kept.append(place)
    return spans[kept], probabilities[kept]


def trimmed(sentence: Sentence, scored: Sequence[Scored]) -> tuple[list[TokenSpan], list[float]]:
    """Return the parts of the spans that can be names, each with the probability of its span."""
    spans = [span for span, _ in scored]
    if trim_spans(sentence, spans) == spans:
        return spans, [score for _, score in scored]
    parts = [(part, score) for span, score in scored for part in trim_spans(sentence, [span])]
    return [part for part, _ in parts], [score for _, score in parts]
