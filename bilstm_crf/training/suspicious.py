"""Find likely annotation errors: train on a part of the data, and compare with the gold labels of the rest.

A model that never saw a sentence and is sure of other entities than its gold labels points at an error, or at
a case that the guidelines leave open (Northcutt, Jiang and Chuang 2021, "Confident Learning").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    known. `tell` is told how long it will take. The surest places come first. Raises UsageError for fewer
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
    found: list[Place] = []
    visits = epochs * (folds - 1) * len(sentences)
    with Bar("Cross-validating", unit="sentences") as bar:
        for number, held_out in enumerate(parts):
            rest = [sentences[i] for other in parts if other is not held_out for i in other]
            tagger = train_in_memory(config, rest, vectors, Progress(bar, visits * number // folds, visits))
            found += _compare(tagger, [sentences[i] for i in held_out])
    return sorted(found, key=lambda place: -(place.score or 0))


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


def _compare(tagger: Tagger, sentences: Sequence[Sentence]) -> list[Place]:
    """Return where the tagger is sure that the gold spans of unseen sentences are wrong.

    It is sure of a span with a probability of at least SURE; and of no entity where no span that touches the
    place has more than 1 - SURE.
    """
    copies = [Sentence(each.tokens, document=each.document, path=each.path) for each in sentences]
    tagger.annotate(copies, Decoding(scores=True, recall=1 - SURE))
    places = []
    for sentence, tagged in zip(sentences, copies, strict=True):
        gold = sentence.token_spans or []
        found = list(zip(tagged.token_spans or [], tagged.scores or [], strict=True))
        touched: set[TokenSpan] = set()
        for span, score in found:
            overlapping = [each for each in gold if each.start < span.end and span.start < each.end]
            touched.update(overlapping)
            if score >= SURE and span not in gold:
                there = " and ".join(_shown(sentence, each) for each in overlapping) or "no entity"
                text = f"{_shown(sentence, span)} by the model ({score:.2f}), {there} by gold"
                places.append(place_of(sentence, text, span.start)._replace(score=score))
        for span in gold:
            if span not in touched:
                text = f"no entity by the model ({SURE:.2f} or more), {_shown(sentence, span)} by gold"
                places.append(place_of(sentence, text, span.start)._replace(score=SURE))
    return places


def _shown(sentence: Sentence, span: TokenSpan) -> str:
    return f"{excerpt(sentence, span.start, span.end)} {span.type}"
