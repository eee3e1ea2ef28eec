"""An ensemble: several taggers whose probabilities are averaged.

    p(y | x) = Σ w_m p_m(y | x)

sentences ─► each tagger's marginals ─► Posterior (labels, spans, samples) ─► Annotation ─► Sentence

The probability of a span is exact: its mean over the taggers. A sample is exact as well: a tagger is drawn by
its weight, then a label sequence from its CRF. To train on samples is to train on the ensemble's distribution
over label sequences, as a loss with soft labels would (Hinton et al. 2015; Kim and Rush 2016).

The best label sequence of a mixture of CRFs is hard to find. We take that of the first-order Markov chain
which is nearest to it (least Kullback-Leibler divergence): the chain with the averaged probabilities of pairs
of labels. Of one tagger it is the tagger's own. The best path through the averaged probabilities of single
labels found less: 0.3 and 0.7 points of F1 (docs/training.md).

A tagger with a group reads the consecutive sentences of a document joined, up to so many tokens, as it was
trained: cheap context for an encoder. Its label sequences in which a span crosses the end of a sentence have
probability 0, and the others share theirs.

Letters: N tokens of S sentences, one after another; G groups of sentences; K labels; P spans.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.inference.decoding import Annotation, Decoder, Decoding, scored_spans, trimmed
from bilstm_crf.inference.marginals import PAIR_TOKENS, Distribution, Marginals, row_array
from bilstm_crf.inference.tagger import CHUNK_TOKENS, Tagger, chunks_of, in_order
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.arrays import ranges
from bilstm_crf.util.files import read_toml

Float64s = NDArray[np.float64]
Ints = NDArray[np.int64]

SCORED = Decoding(scores=True)


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
        threads: int = 1,
    ) -> None:
        """`weights`: of each tagger, by default equal. `groups`: tokens that each reads joined; 0: sentences.

        With several threads, as many chunks are tagged at once. Raises UsageError for taggers with other
        entity types or another encoding than the first, and for weights or groups that are not one for each
        tagger.
        """
        if not taggers:
            raise UsageError("an ensemble of no models, expected at least one")
        self.taggers = list(taggers)
        self._weights = _weights(weights, len(taggers))
        self._groups = _groups(groups, len(taggers))
        self._threads = threads
        first = taggers[0]
        self.labels: list[str] = list(first.model.vocabulary.labels)
        self.label_set = first.label_set
        for number, other in enumerate(taggers[1:], start=2):
            _require_same_labels(first, other, number)
        self.decoder = Decoder(ENCODINGS[first.model.encoding], self.labels, None)

    @classmethod
    def load(
        cls, path: str | Path, *, trust_remote_code: bool = False, device: str = "cpu", threads: int = 1
    ) -> Ensemble:
        """Load the ensemble of a TOML file; `models` are folders, relative to that of the file.

            models = ["runs/a", "runs/b"]
            weights = [2, 1]                # may be left out
            groups = [0, 128]               # may be left out

        Raises InputError for what is no TOML, UsageError for other keys and values, and what `Tagger.load`
        raises.
        """
        folders, weights, groups = read_ensemble(path)
        load = partial(Tagger.load, trust_remote_code=trust_remote_code, device=device)
        return cls([*map(load, folders)], weights, groups, threads)

    @property
    def reads_neighbours(self) -> bool:
        """Whether other sentences of a document can change what is found in one."""
        return any(self._groups) or any(tagger.reads_neighbours for tagger in self.taggers)

    @property
    def entity_types(self) -> frozenset[str]:
        """The entity types that the models can find."""
        return self.taggers[0].entity_types

    @property
    def on_cpu(self) -> bool:
        """Whether all models run on the CPU."""
        return all(tagger.on_cpu for tagger in self.taggers)

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
            found += posterior.of_spans(asked[len(found) : len(found) + len(chunk)])
        return found

    def annotate(self, sentences: Iterable[Sentence], decoding: Decoding = SCORED) -> list[Sentence]:
        """Set `token_spans` and `scores` of each sentence as `decoding` says.

        Raises UsageError for options that an ensemble does not have: `nbest` and `consistent`.
        """
        return list(self.tag_stream(sentences, decoding=decoding))

    annotate_chunk = annotate  # as `Tagger` has it

    def predict(self, sentences: Iterable[Sentence]) -> list[list[TokenSpan]]:
        """Return the spans of each sentence; the sentences stay as they are."""
        found = []
        for chunk, posterior in self._posteriors(sentences):
            found += [each.token_spans for each in posterior.annotations(chunk, Decoding())]
        return found

    def tag_stream(
        self, sentences: Iterable[Sentence], *, flush: bool = False, decoding: Decoding = SCORED
    ) -> Iterator[Sentence]:
        """Yield the sentences in their order, annotated as `annotate` does.

        Reads about 65,000 tokens ahead, more where a document is longer and a model reads neighbours.
        Raises UsageError for `flush`.
        """
        if flush:
            raise UsageError("--flush answers sentence by sentence; an ensemble reads ahead")
        if decoding.nbest > 1 or decoding.consistent:
            name = "nbest" if decoding.nbest > 1 else "consistent"
            raise UsageError(f"{name} is for one model, not for an ensemble", hint="leave it out")
        for chunk, posterior in self._posteriors(sentences):
            for sentence, annotation in zip(chunk, posterior.annotations(chunk, decoding), strict=True):
                annotation.set_on(sentence)
            yield from chunk

    def sample(self, sentences: Iterable[Sentence], random: np.random.Generator) -> Iterator[list[TokenSpan]]:
        """Yield spans of each sentence, drawn from the distribution over its label sequences."""
        for chunk, posterior in self._posteriors(sentences):
            for sentence, spans in zip(chunk, posterior.sample(random), strict=True):
                yield trim_spans(sentence, spans)

    def _posteriors(self, sentences: Iterable[Sentence]) -> Iterator[tuple[list[Sentence], Posterior]]:
        chunks = chunks_of(sentences, CHUNK_TOKENS, whole_documents=self.reads_neighbours)
        if self._threads == 1:
            yield from ((chunk, self.posterior(chunk)) for chunk in chunks)
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="tagger") as pool:
            yield from in_order(pool, self.posterior, chunks, ahead=self._threads)


class Posterior(Distribution):
    """The distribution of an ensemble over the label sequences of some sentences."""

    def __init__(
        self,
        decoder: Decoder,
        labels: Sequence[str],
        lengths: Ints,  # (S,)
        parts: Sequence[_Part],
        weights: Float64s,
    ) -> None:
        """`decoder`: of the ensemble's encoding and labels."""
        self._decoder, self._names, self._parts, self._weights = decoder, list(labels), parts, weights
        self._lengths = lengths
        self.offsets = np.concatenate(([0], np.cumsum(lengths)))

    @property
    def types(self) -> list[str]:
        return self._decoder.crf.types

    @cached_property
    def labels(self) -> Float64s:
        total = np.zeros((self.offsets[-1], len(self._names)))
        for weight, part in zip(self._weights, self._parts, strict=True):
            total += weight * part.labels
        return total

    def annotations(self, sentences: Sequence[Sentence], decoding: Decoding) -> list[Annotation]:
        """Return what `decoding` asks for, for each sentence."""
        ids = self.best_ids()
        best = self._spans(ids)
        if not decoding.needs_probabilities:
            pairs = zip(sentences, best, strict=True)
            return [Annotation(trim_spans(sentence, spans)) for sentence, spans in pairs]
        scored = scored_spans(self, best, decoding)
        found = [trimmed(sentence, here) for sentence, here in zip(sentences, scored, strict=True)]
        uncertainties = self.uncertainties(ids) if decoding.uncertainty else [None] * len(found)
        return [
            Annotation(spans, scores if decoding.scores else None, uncertainty=uncertainty)
            for (spans, scores), uncertainty in zip(found, uncertainties, strict=True)
        ]

    def best(self) -> list[list[TokenSpan]]:
        """Return the spans of each sentence's best label sequence."""
        return self._spans(self.best_ids())

    def best_ids(self) -> Ints:
        """Return the label ids (N,) of each sentence's best label sequence, by the nearest Markov chain."""
        ids = np.zeros(self.offsets[-1], np.int64)
        # The sequence of nothing but O is better than all others together if the doubts add up to less
        doubts = np.concatenate(([0], np.cumsum(1 - self.labels[:, 0])))
        doubtful = ~(doubts[self.offsets[1:]] - doubts[self.offsets[:-1]] < 0.5) & (self._lengths > 0)
        places = np.flatnonzero(doubtful)
        places = places[np.argsort(-self._lengths[places], kind="stable")]
        start = 0
        while start < len(places):  # sentences of similar length
            size = max(1, PAIR_TOKENS // int(self._lengths[places[start]]))
            self._best(places[start : start + size], ids)
            start += size
        return ids

    def _best(self, sentences: Ints, ids: Ints) -> None:
        """Set the label ids (N,) of sentences, longest first, by Viterbi."""
        firsts, lengths = self.offsets[sentences], self._lengths[sentences]
        came_from = np.zeros((lengths[0], len(sentences), len(self._names)), np.int32)
        going_on = np.searchsorted(-lengths, -np.arange(lengths[0])).tolist()  # sentences with a token there
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.log(self.labels[firsts])  # (S, K) of the best way to each label
            for step, here in enumerate(going_on[1:], start=1):
                tokens = firsts[:here] + step
                ways = score[:here, :, None] + np.log(self.pairs(tokens) / self.labels[tokens - 1, :, None])
                ways[np.isnan(ways)] = -np.inf  # from a label that never occurs
                came_from[step, :here] = ways.argmax(axis=1)
                score[:here] = ways.max(axis=1)
        last = score.argmax(axis=1)
        for step, here in reversed([*enumerate(going_on)]):
            ids[firsts[:here] + step] = last[:here]
            last[:here] = came_from[step, np.arange(here), last[:here]]

    def pairs(self, tokens: Ints) -> Float64s:
        total = np.zeros((len(tokens), len(self._names), len(self._names)))
        for weight, part in zip(self._weights, self._parts, strict=True):
            total += weight * part.pairs(tokens)
        return total

    def of_spans(self, spans: Sequence[Sequence[TokenSpan]]) -> list[list[float]]:
        """Return the probability of spans inside each sentence; that of an unknown type is 0."""
        known = [[span for span in here if span.type in self.types] for here in spans]
        rows = [row for number, here in enumerate(known) for row in self.rows(number, here)]
        found = iter(self.span_probabilities(row_array(rows)).tolist())
        return [[next(found) if span.type in self.types else 0.0 for span in here] for here in spans]

    def span_probabilities(self, spans: Ints) -> Float64s:
        total = np.zeros(len(spans))
        for weight, part in zip(self._weights, self._parts, strict=True):
            total += weight * part.span_probabilities(spans)
        return np.minimum(total, 1.0)

    def probable_spans(self, threshold: float) -> tuple[Ints, Float64s]:
        found = [part.probable_spans(threshold) for part in self._parts]  # of one at least as probable
        spans = np.unique(np.concatenate(found), axis=0)
        spans = spans[np.lexsort((spans[:, 2], spans[:, 3], spans[:, 1]))]
        probabilities = self.span_probabilities(spans)
        return spans[probabilities >= threshold], probabilities[probabilities >= threshold]

    def sample(self, random: np.random.Generator) -> list[list[TokenSpan]]:
        """Return spans of each sentence, drawn from its distribution, whatever the others' are.

        Only sentences that a model reads as one group depend on one another, if both draw this model.
        """
        chosen = random.choice(len(self._parts), size=len(self._lengths), p=self._weights)
        chosen = np.repeat(chosen, self._lengths)
        ids = np.zeros(self.offsets[-1], np.int64)
        for number, part in enumerate(self._parts):
            mine = chosen == number
            ids[mine] = part.sample(random)[mine]
        return self._spans(ids)

    def _spans(self, ids: Ints) -> list[list[TokenSpan]]:
        """Return the spans of each sentence, from label ids (N,)."""
        found: list[list[TokenSpan]] = [[] for _ in self._lengths]
        named = np.searchsorted(self.offsets, np.flatnonzero(ids), side="right") - 1
        for number in np.unique(named).tolist():
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
    firsts: Ints  # (S + 1,) the first token of each sentence

    @cached_property
    def _tokens(self) -> Ints:
        """The tokens that the tagger has read, in its order."""
        return ranges(self.starts[:-1], self.starts[:-1] + np.diff(self.marginals.offsets))

    @cached_property
    def _places(self) -> Ints:
        """(N,): the place of each token in the tagger's order; -1 for what it left out."""
        places = np.full(self.starts[-1], -1)
        places[self._tokens] = np.arange(len(self._tokens))
        return places

    @cached_property
    def labels(self) -> Float64s:
        """(N, K): the probability of each label of each token."""
        table = np.zeros((self.starts[-1], len(self.order)))
        table[:, 0] = 1
        table[self._tokens] = self.marginals.labels[:, self.order]
        return table

    def pairs(self, tokens: Ints) -> Float64s:
        """Return the probability of each pair of labels at the token before and at this one (T, K, K)."""
        places = self._places[tokens]
        found = np.zeros((len(tokens), len(self.order), len(self.order)))
        found[:, :, 0] = self.labels[tokens - 1]
        found[places >= 0] = self.marginals.pairs(places[places >= 0])[:, self.order[:, None], self.order]
        return found

    def span_probabilities(self, rows: Ints) -> Float64s:
        """Return the probability of each span (P,): sentence, first token, token behind, type."""
        groups = np.searchsorted(self.bounds, rows[:, 0], side="right") - 1
        shift = self.marginals.offsets[groups] - self.starts[groups]
        mine = np.column_stack((groups, rows[:, 1] + shift, rows[:, 2] + shift, self.types[rows[:, 3]]))
        read = mine[:, 2] <= self.marginals.offsets[groups + 1]
        found = np.zeros(len(rows))
        found[read] = self.marginals.span_probabilities(mine[read])
        return found

    def probable_spans(self, threshold: float) -> Ints:
        """Return all spans of at least this probability (P, 4), with the number of their sentence."""
        mine, _ = self.marginals.probable_spans(threshold)
        shift = self.starts[mine[:, 0]] - self.marginals.offsets[mine[:, 0]]
        starts = mine[:, 1] + shift
        sentences = np.searchsorted(self.firsts, starts, side="right") - 1
        return np.column_stack((sentences, starts, mine[:, 2] + shift, np.argsort(self.types)[mine[:, 3]]))

    def sample(self, random: np.random.Generator) -> Ints:
        """Return a label sequence of each sentence (N,), drawn from its distribution."""
        ids = np.zeros(self.starts[-1], np.int64)
        ids[self._tokens] = np.argsort(self.order)[self.marginals.sample(random)]
        return ids


def read_ensemble(path: str | Path) -> tuple[list[Path], list[float] | None, list[int] | None]:
    """Return the folders, weights and groups of a TOML file. Raises as `Ensemble.load`."""
    table = read_toml(path)
    keys = ("models", "weights", "groups")
    for key in table:
        if key not in keys:
            raise UsageError(f"{path}: {key} is no key of an ensemble.{did_you_mean(key, keys)}")
    models = table.get("models")
    if not isinstance(models, list) or not models or not all(isinstance(each, str) for each in models):
        raise UsageError(
            f"{path}: models is {models!r}, expected the folders of models",
            hint='such as: models = ["runs/a", "runs/b"]',
        )
    for key in ("weights", "groups"):
        if not isinstance(table.get(key, []), list):
            raise UsageError(f"{path}: {key} is {table[key]!r}, expected a list with one for each model")
    return [Path(path).parent / each for each in models], table.get("weights"), table.get("groups")


def _read(tagger: Tagger, sentences: Sequence[Sentence], group: int, labels: Sequence[str]) -> _Part:
    """Compute a tagger's marginals of sentences; in groups, no span crosses the end of a sentence."""
    lengths = [len(sentence) for sentence in sentences]
    firsts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))  # (S + 1,)
    bounds = group_bounds(sentences, group)
    starts = firsts[bounds]
    joined = [join(sentences[start:end]) for start, end in pairwise(bounds.tolist())]
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
        firsts=firsts,
    )


def group_bounds(sentences: Sequence[Sentence], tokens: int) -> Ints:
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


def join(sentences: Sequence[Sentence]) -> Sentence:
    """Return sentences as one, with their names."""
    if len(sentences) == 1:
        return sentences[0]
    tokens: list[str] = []
    spans: list[TokenSpan] = []
    for sentence in sentences:
        here = len(tokens)
        spans += [
            TokenSpan(here + start, here + end, type_) for start, end, type_ in sentence.token_spans or ()
        ]
        tokens += sentence.tokens
    return Sentence(tokens, token_spans=spans, document=sentences[0].document, path=sentences[0].path)


def _weights(weights: Sequence[float] | None, count: int) -> Float64s:
    """Return the weights of so many taggers, so that they add up to 1. Raises UsageError for bad ones."""
    if weights is None:
        return np.full(count, 1 / count)
    if len(weights) != count:
        raise UsageError(f"{len(weights)} weights for {count} models, expected one for each")
    for weight in weights:
        if not (isinstance(weight, int | float) and math.isfinite(weight) and weight > 0):
            raise UsageError(f"a model's weight is {weight!r}, expected a number above 0")
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
