"""An ensemble: several taggers whose probabilities are averaged.

    p(y | x) = Σ w_m p_m(y | x)

sentences ─► each tagger's marginals ─► Posterior (labels, spans, samples) ─► spans with probabilities

The probability of a span is exact: its mean over the taggers. A sample is exact as well: a tagger is drawn by
its weight, then a label sequence from its CRF. To train on samples is to train on the ensemble's distribution
over label sequences, as a loss with soft labels would (Hinton et al. 2015; Kim and Rush 2016).

A tagger with a group reads the consecutive sentences of a document joined, up to so many tokens, as it was
trained: cheap context for an encoder. Its label sequences in which a span crosses the end of a sentence have
probability 0, and the others share theirs.

Letters: N tokens of S sentences, one after another; G groups of sentences; K labels; P spans.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import UsageError
from bilstm_crf.inference.decoding import Decoder
from bilstm_crf.inference.marginals import Marginals, row_array
from bilstm_crf.inference.tagger import CHUNK_TOKENS, Tagger, chunks_of
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.arrays import ranges

Float64s = NDArray[np.float64]
Ints = NDArray[np.int64]


class Ensemble:
    """Finds named entities with several taggers, which may read text in different ways.

    >>> ensemble = Ensemble([Tagger.load("runs/a"), Tagger.load("runs/b")])     # doctest: +SKIP
    >>> ensemble.annotate([Sentence(["Kari", "sov"])])                          # doctest: +SKIP
    [<Sentence 'Kari sov' [PER Kari]>]
    """

    def __init__(
        self,
        taggers: Sequence[Tagger],
        weights: Sequence[float] | None = None,
        groups: Sequence[int] | None = None,
    ) -> None:
        """`weights`: of each tagger, by default equal. `groups`: tokens that each reads joined; 0: sentences.

        Raises UsageError for taggers with other entity types or another encoding than the first, and for
        weights or groups that are not one for each tagger.
        """
        if not taggers:
            raise UsageError("an ensemble of no models, expected at least one")
        self.taggers = list(taggers)
        self._weights = _weights(weights, len(taggers))
        self._groups = _groups(groups, len(taggers))
        first = taggers[0]
        self.labels: list[str] = list(first.model.vocabulary.labels)
        self.label_set = first.label_set
        for number, other in enumerate(taggers[1:], start=2):
            _require_same_labels(first, other, number)
        self.decoder = Decoder(ENCODINGS[first.model.encoding], self.labels, None)

    @property
    def reads_neighbours(self) -> bool:
        """Whether other sentences of a document can change what is found in one."""
        return any(self._groups) or any(tagger.reads_neighbours for tagger in self.taggers)

    @property
    def entity_types(self) -> frozenset[str]:
        """The entity types that the models can find."""
        return self.taggers[0].entity_types

    def posterior(self, sentences: Sequence[Sentence]) -> Posterior:
        """Return the distribution over the label sequences of sentences that are read at once.

        Memory grows with their number. Documents must be whole for models that read neighbours.
        """
        parts = [
            _read(tagger, sentences, group, self.labels)
            for tagger, group in zip(self.taggers, self._groups, strict=True)
        ]
        lengths = np.array([len(sentence) for sentence in sentences], np.int64)
        return Posterior(self.decoder, self.labels, lengths, parts, self._weights)

    def probabilities(self, sentences: Iterable[Sentence]) -> list[Float64s]:
        """Return the probability of each label for each token (T, K), of each sentence.

        In the order of `labels`.
        """
        found = []
        for _, posterior in self._posteriors(sentences):
            found += [posterior.labels[start:end] for start, end in pairwise(posterior.offsets)]
        return found

    def span_probabilities(
        self, sentences: Iterable[Sentence], spans: Iterable[Iterable[TokenSpan]]
    ) -> list[list[float]]:
        """Return the probability that exactly this span is there, for any spans of each sentence.

        That of an unknown type is 0. Raises ValueError for a span that is not inside its sentence.
        """
        sentences, asked = list(sentences), [list(each) for each in spans]
        for sentence, here in zip(sentences, asked, strict=True):
            for span in here:
                if not 0 <= span.start < span.end <= len(sentence):
                    raise ValueError(f"{span} is not inside its sentence of {len(sentence)} tokens")
        found: list[list[float]] = []
        for chunk, posterior in self._posteriors(sentences):
            found += posterior.span_probabilities(asked[len(found) : len(found) + len(chunk)])
        return found

    def annotate(self, sentences: Iterable[Sentence]) -> list[Sentence]:
        """Set `token_spans` and `scores` of each sentence: the best labels, each span's probability."""
        return list(self.tag_stream(sentences))

    def tag_stream(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Yield the sentences in their order, annotated as `annotate` does.

        Reads about 65,000 tokens ahead, more where a document is longer and a model reads neighbours.
        """
        for chunk, posterior in self._posteriors(sentences):
            spans = [trim_spans(*each) for each in zip(chunk, posterior.best(), strict=True)]
            scores = posterior.span_probabilities(spans)
            for sentence, here, probabilities in zip(chunk, spans, scores, strict=True):
                sentence.token_spans, sentence.scores, sentence.alternatives = here, probabilities, None
            yield from chunk

    def sample(self, sentences: Iterable[Sentence], random: np.random.Generator) -> Iterator[list[TokenSpan]]:
        """Yield spans of each sentence, drawn from the distribution over its label sequences."""
        for chunk, posterior in self._posteriors(sentences):
            for sentence, spans in zip(chunk, posterior.sample(random), strict=True):
                yield trim_spans(sentence, spans)

    def _posteriors(self, sentences: Iterable[Sentence]) -> Iterator[tuple[list[Sentence], Posterior]]:
        for chunk in chunks_of(sentences, CHUNK_TOKENS, whole_documents=self.reads_neighbours):
            yield chunk, self.posterior(chunk)


class Posterior:
    """The distribution of an ensemble over the label sequences of some sentences."""

    def __init__(
        self,
        decoder: Decoder,
        labels: Sequence[str],
        lengths: Ints,  # (S,)
        parts: Sequence[_Part],
        weights: Float64s,
    ) -> None:
        """`decoder`: of the ensemble's encoding and labels, without transitions of its own."""
        self._decoder, self._names, self._parts, self._weights = decoder, list(labels), parts, weights
        self._lengths = lengths
        self.offsets: Ints = np.concatenate(([0], np.cumsum(lengths)))  # (S + 1,) where each sentence begins

    @cached_property
    def labels(self) -> Float64s:
        """(N, K): the probability of each label of each token."""
        total = np.zeros((self.offsets[-1], len(self._names)))
        for weight, part in zip(self._weights, self._parts, strict=True):
            total += weight * part.labels(len(total))
        return total

    def best(self) -> list[list[TokenSpan]]:
        """Return the spans of each sentence's best legal path through the averaged probabilities."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.labels)
        ids = np.zeros(len(logs), np.int64)
        for number in self._named(self.labels.argmax(axis=1)):  # elsewhere, O is best at each token
            here = slice(*self.offsets[number : number + 2])
            paths, _ = self._decoder.constrained_crf.best_sequences(logs[here], 1)
            ids[here] = paths[0] if len(paths) else 0  # no path: damaged weights
        return self._spans(ids)

    def span_probabilities(self, spans: Sequence[Sequence[TokenSpan]]) -> list[list[float]]:
        """Return the probability that exactly this span is there, for spans inside each sentence."""
        known = self._decoder.crf.types
        asked = [(number, span) for number, here in enumerate(spans) for span in here if span.type in known]
        rows = row_array(
            [
                (number, self.offsets[number] + start, self.offsets[number] + end, known.index(type_))
                for number, (start, end, type_) in asked
            ]
        )
        total = np.zeros(len(rows))
        for weight, part in zip(self._weights, self._parts, strict=True):
            total += weight * part.span_probabilities(rows)
        found = iter(np.minimum(total, 1.0).tolist())
        return [[next(found) if span.type in known else 0.0 for span in here] for here in spans]

    def sample(self, random: np.random.Generator) -> list[list[TokenSpan]]:
        """Return spans of each sentence, drawn from its distribution, whatever the others' are.

        Only sentences that a model reads as one group depend on one another, if both draw this model.
        """
        chosen = random.choice(len(self._parts), size=len(self._lengths), p=self._weights)
        chosen = np.repeat(chosen, self._lengths)
        ids = np.zeros(self.offsets[-1], np.int64)
        for number, part in enumerate(self._parts):
            mine = chosen == number
            ids[mine] = part.sample(random, len(ids))[mine]
        return self._spans(ids)

    def _named(self, ids: Ints) -> list[int]:
        """Return the sentences with labels other than O."""
        return np.unique(np.searchsorted(self.offsets, np.flatnonzero(ids), side="right") - 1).tolist()

    def _spans(self, ids: Ints) -> list[list[TokenSpan]]:
        found: list[list[TokenSpan]] = [[] for _ in self._lengths]
        for number in self._named(ids):
            found[number] = self._decoder.spans(ids[self.offsets[number] : self.offsets[number + 1]])
        return found


@dataclass(frozen=True)
class _Part:
    """What one tagger says of some sentences, which it read in groups of one or more.

    It may have left out a full stop at the end of a group, which is O.
    """

    marginals: Marginals  # of the groups
    order: Ints  # (K,) the number of each of the ensemble's labels among the tagger's
    types: Ints  # (Y,) the same of entity types
    bounds: Ints  # (G + 1,) the first sentence of each group
    starts: Ints  # (G + 1,) the first token of each group

    @property
    def _tokens(self) -> Ints:
        """The tokens that the tagger has read, in its order."""
        return ranges(self.starts[:-1], self.starts[:-1] + np.diff(self.marginals.offsets))

    def labels(self, tokens: int) -> Float64s:
        """(N, K): the probability of each label of each token."""
        table = np.zeros((tokens, len(self.order)))
        table[:, 0] = 1
        table[self._tokens] = self.marginals.labels[:, self.order]
        return table

    def span_probabilities(self, rows: Ints) -> Float64s:
        """Return the probability of each span (P,): sentence, first token, token behind, type."""
        groups = np.searchsorted(self.bounds, rows[:, 0], side="right") - 1
        shift = self.marginals.offsets[groups] - self.starts[groups]
        mine = np.column_stack((groups, rows[:, 1] + shift, rows[:, 2] + shift, self.types[rows[:, 3]]))
        read = mine[:, 2] <= self.marginals.offsets[groups + 1]
        found = np.zeros(len(rows))
        found[read] = self.marginals.span_probabilities(mine[read])
        return found

    def sample(self, random: np.random.Generator, tokens: int) -> Ints:
        """Return a label sequence of each sentence (N,), drawn from its distribution."""
        back = np.argsort(self.order)
        ids = np.zeros(tokens, np.int64)
        ids[self._tokens] = back[self.marginals.sample(random)]
        return ids


def _read(tagger: Tagger, sentences: Sequence[Sentence], group: int, labels: Sequence[str]) -> _Part:
    """Compute a tagger's marginals of sentences; in groups, no span crosses the end of a sentence."""
    lengths = [len(sentence) for sentence in sentences]
    firsts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))  # (S + 1,)
    bounds = _group_bounds(sentences, group)
    starts = firsts[bounds]
    joined = [_joined(sentences[start:end]) for start, end in pairwise(bounds.tolist())]
    emissions, offsets = tagger.emissions(joined)
    own = tagger.model.vocabulary.labels
    if len(joined) < len(sentences):
        group_of = np.searchsorted(bounds, np.arange(len(sentences)), side="right") - 1
        inner = offsets[group_of] + firsts[:-1] - starts[group_of]  # where each sentence begins
        inner = inner[(inner > offsets[group_of]) & (inner < offsets[group_of + 1])]
        encoding = ENCODINGS[tagger.model.encoding]
        begins = np.array([encoding.can_begin(label) for label in own])
        ends = np.array([encoding.can_end(label) for label in own])
        emissions[inner] = np.where(begins, emissions[inner], -np.inf)
        emissions[inner - 1] = np.where(ends, emissions[inner - 1], -np.inf)
    crf = tagger.decoder.constrained_crf
    types = list(dict.fromkeys(label[2:] for label in labels[1:]))
    return _Part(
        crf.marginals(emissions, offsets),
        order=np.array([own.index(label) for label in labels]),
        types=np.array([crf.types.index(type_) for type_ in types], np.int64),
        bounds=bounds,
        starts=starts,
    )


def _group_bounds(sentences: Sequence[Sentence], tokens: int) -> Ints:
    """Return the first sentence of each group and the end (G + 1,); a group has at least one sentence.

    A group ends with its document, and before the sentence that would make it longer than `tokens`.
    """
    if not tokens:
        return np.arange(len(sentences) + 1)
    bounds, size = [0], 0
    for number, sentence in enumerate(sentences):
        if number:
            before = sentences[number - 1]
            same = (before.path, before.document) == (sentence.path, sentence.document)
            if not same or size + len(sentence) > tokens:
                bounds.append(number)
                size = 0
        size += len(sentence)
    return np.array([*bounds, len(sentences)] if sentences else [0], np.int64)


def _joined(sentences: Sequence[Sentence]) -> Sentence:
    """Return sentences as one."""
    if len(sentences) == 1:
        return sentences[0]
    tokens = [token for sentence in sentences for token in sentence.tokens]
    return Sentence(tokens, document=sentences[0].document, path=sentences[0].path)


def _weights(weights: Sequence[float] | None, count: int) -> Float64s:
    """Return the weights of so many taggers, so that they add up to 1. Raises UsageError for bad ones."""
    if weights is None:
        return np.full(count, 1 / count)
    if len(weights) != count:
        raise UsageError(f"{len(weights)} weights for {count} models, expected one for each")
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            raise UsageError(f"a model's weight is {weight}, expected a number above 0")
    return np.array(weights, float) / math.fsum(weights)


def _groups(groups: Sequence[int] | None, count: int) -> list[int]:
    """Return the group of each tagger. Raises UsageError for bad ones."""
    if groups is None:
        return [0] * count
    if len(groups) != count:
        raise UsageError(f"{len(groups)} groups for {count} models, expected one for each")
    for group in groups:
        if type(group) is not int or group < 0:
            raise UsageError(f"a model's group is {group!r} tokens, expected a whole number from 0")
    return list(groups)


def _require_same_labels(first: Tagger, other: Tagger, number: int) -> None:
    """Raise UsageError for a tagger that cannot be averaged with the first one."""
    one, two = first.model, other.model
    if one.encoding != two.encoding:
        raise UsageError(
            f"model 1 writes {one.encoding}, model {number} writes {two.encoding}",
            hint="an ensemble needs models of one encoding: train with the same labels.encoding",
        )
    missing = sorted(first.entity_types - other.entity_types)
    extra = sorted(other.entity_types - first.entity_types)
    if missing or extra:
        found = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"adds {', '.join(extra)}"] * bool(extra)
        raise UsageError(
            f"model {number} has other entity types than model 1: it {' and '.join(found)}",
            hint="an ensemble needs models of one label set: train with the same --labels",
        )
