"""Find likely annotation errors: train on a part of the data, and compare with the gold labels of the rest.

A model that never saw a sentence and is sure of other entities than its gold labels points at an error, or at
a case that the guidelines leave open (Northcutt, Jiang and Chuang 2021, "Confident Learning").
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.checks.findings import Place, excerpt, place_of
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import UsageError
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.estimate import show_time, training_seconds
from bilstm_crf.training.quick import QUICK, train_in_memory
from bilstm_crf.util.progress import Bar
from bilstm_crf.util.threads import use_threads

SURE = 0.9  # the least probability that a model is sure at
VISITS = 60_000  # sentences that a model is trained on, in as many epochs as that takes
MIN_EPOCHS, MAX_EPOCHS = 5, 40


class Progress:
    """An observer of training that moves a bar over all models."""

    def __init__(self, bar: Bar, before: int, total: int) -> None:
        self._bar, self._before, self._total = bar, before, total
        self._seen = 0  # of this epoch

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        if sentences < self._seen:  # a new epoch
            self._before += self._seen
        self._seen = sentences
        self._bar.at(self._before + sentences, self._total)

    def epoch(self, history: object) -> None:
        pass


def find_suspicious(
    sentences: Sequence[Sentence],
    tell: Callable[[str], None],
    *,
    folds: int = 3,
    seed: int = 42,
    threads: int = 1,
    vectors: WordVectors | None = None,
) -> list[Place]:
    """Return the places where a model trained on the other folds is sure that the gold spans are wrong.

    `sentences` have gold `token_spans` and stay as they are. The folds are of whole documents where these are
    known. `tell` is told how long it will take. The likeliest errors come first: those where the model is
    sure, and the same words are labelled elsewhere as the model has them. Raises UsageError for fewer
    sentences than folds.
    """
    use_threads(threads)
    if len(sentences) < folds:
        raise UsageError(
            f"{len(sentences)} labelled sentences, expected at least one in each of {folds} folds"
        )
    parts = split_folds(sentences, folds, seed)
    epochs = max(MIN_EPOCHS, min(MAX_EPOCHS, round(VISITS / len(sentences))))
    batch = 10 if len(sentences) > 2_000 else 4
    config = RunConfig().replace({**QUICK, "epochs": epochs, "batch_size": batch, "seed": seed})
    tell(f"suspicious: {folds} models of {epochs} epochs, {_expected(config, sentences, folds, vectors)}")
    found: list[_Disagreement] = []
    visits = epochs * (folds - 1) * len(sentences)
    with Bar("Cross-validating", unit="sentences") as bar:
        for number, held_out in enumerate(parts):
            rest = [sentences[i] for other in parts if other is not held_out for i in other]
            tagger = train_in_memory(config, rest, vectors, Progress(bar, visits * number // folds, visits))
            found += _compare(tagger, [sentences[i] for i in held_out])
    labelled = count_labellings((each.words for each in found), sentences)
    return [each.place(labelled) for each in sorted(found, key=lambda each: -each.odds(labelled))]


def split_folds(sentences: Sequence[Sentence], folds: int, seed: int) -> list[list[int]]:
    """Return the sentence numbers of each fold; a document is in one fold, unless folds would be uneven."""
    groups: dict[object, list[int]] = {}
    for number, sentence in enumerate(sentences):
        known = sentence.document is not None
        groups.setdefault((sentence.path, sentence.document) if known else number, []).append(number)
    if max(map(len, groups.values())) * folds > len(sentences):
        groups = {number: [number] for number in range(len(sentences))}
    keys = list(groups)
    parts: list[list[int]] = [[] for _ in range(folds)]
    for key in np.random.default_rng(seed).permutation(len(keys)).tolist():
        min(parts, key=len).extend(groups[keys[key]])
    return [sorted(part) for part in parts]


def _expected(
    config: RunConfig, sentences: Sequence[Sentence], folds: int, vectors: WordVectors | None
) -> str:
    """Return the expected time of all models."""
    share = (folds - 1) * config.schedule.epochs  # of the folds, in all epochs of all models
    tokens, batches = sum(map(len, sentences)) * share, len(sentences) * share // config.schedule.batch_size
    dim = config.words.dim if vectors is None else vectors.dim
    return f"{show_time(training_seconds(Architecture.of(config), dim, tokens, batches))} on two quiet cores"


Labelling = tuple[TokenSpan, ...]  # the spans that touch a sequence of tokens, counted from its first one
Counts = dict[tuple[str, ...], Counter[Labelling]]  # by the words


class _Disagreement(NamedTuple):
    """Tokens that the model labels differently from gold."""

    sentence: Sentence
    start: int
    end: int
    by_model: list[TokenSpan]
    by_gold: list[TokenSpan]
    probability: float

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.sentence.tokens[self.start : self.end])

    def elsewhere(self, labelled: Counts) -> tuple[int, int]:
        """Return how often the same words are labelled at other places as by the model, and as by gold."""
        counts = labelled[self.words]
        return counts[_relative(self.by_model, self.start)], counts[_relative(self.by_gold, self.start)] - 1

    def odds(self, labelled: Counts) -> float:
        """Return the logarithm of the model's odds, times those of the labels elsewhere.

        A model that has not seen a name judges by its form, and takes the company Synnøve Finden for a person
        each time; what all other places agree on is no slip.
        """
        as_model, as_gold = self.elsewhere(labelled)
        wrong = max(1 - self.probability, 1e-3)
        return math.log(self.probability / wrong) + math.log((as_model + 0.5) / (as_gold + 0.5))

    def place(self, labelled: Counts) -> Place:
        """Return the place, with both labellings and their counts elsewhere."""
        model, gold = (
            " and ".join(f"{excerpt(self.sentence, each.start, each.end)} {each.type}" for each in spans)
            or "no entity"
            for spans in (self.by_model, self.by_gold)
        )
        text = f"{model} by the model ({self.probability:.2f}), {gold} by gold"
        as_model, as_gold = self.elsewhere(labelled)
        if as_model or as_gold:
            text += f"; elsewhere {as_model:,} as the model, {as_gold:,} as gold"
        return place_of(self.sentence, text, self.start)._replace(score=self.probability)


def _touching(spans: Iterable[TokenSpan], start: int, end: int) -> list[TokenSpan]:
    """Return the spans that have some of these tokens."""
    return [each for each in spans if each.start < end and start < each.end]


def _relative(spans: Iterable[TokenSpan], start: int) -> Labelling:
    """Return the spans, counted from the token `start`."""
    return tuple(each._replace(start=each.start - start, end=each.end - start) for each in spans)


def count_labellings(runs: Iterable[tuple[str, ...]], sentences: Sequence[Sentence]) -> Counts:
    """Return for sequences of words how often each labelling of them occurs in the gold spans."""
    found: Counts = {run: Counter() for run in runs}
    lengths = sorted({len(run) for run in found})
    first = {run[0] for run in found}
    for sentence in sentences:
        tokens, spans = tuple(sentence.tokens), sentence.token_spans or []
        for start in (number for number, token in enumerate(tokens) if token in first):
            for end in (start + length for length in lengths):
                counts = found.get(tokens[start:end])
                if counts is not None and end <= len(tokens):
                    counts[_relative(_touching(spans, start, end), start)] += 1
    return found


def _compare(tagger: Tagger, sentences: Sequence[Sentence]) -> list[_Disagreement]:
    """Return where the tagger is sure that the gold spans of unseen sentences are wrong.

    It is sure of a span with a probability of at least SURE; and of no entity where no span that touches the
    place has more than 1 - SURE.
    """
    copies = [Sentence(each.tokens, document=each.document, path=each.path) for each in sentences]
    tagger.annotate(copies, Decoding(scores=True, recall=1 - SURE))
    found = []
    for sentence, tagged in zip(sentences, copies, strict=True):
        gold, predicted = sentence.token_spans or [], tagged.token_spans or []
        for span, score in zip(predicted, tagged.scores or [], strict=True):
            if score >= SURE and span not in gold:
                touched = _touching(gold, span.start, span.end)
                start = min(each.start for each in (span, *touched))
                end = max(each.end for each in (span, *touched))
                found.append(_Disagreement(sentence, start, end, [span], _touching(gold, start, end), score))
        for span in gold:
            if not _touching(predicted, span.start, span.end):
                by_gold = _touching(gold, span.start, span.end)
                found.append(_Disagreement(sentence, span.start, span.end, [], by_gold, SURE))
    return found
