"""Counts of correct spans, and precision, recall and F1 from them; 0/0 is 0 everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bilstm_crf.sentence import TokenSpan


def ratio(part: float, whole: float) -> float:
    """Return `part / whole`, or 0 if there is nothing to divide by (seqeval's zero_division=0)."""
    return part / whole if whole else 0.0


def harmonic(precision: float, recall: float) -> float:
    """Return F1, the harmonic mean.

    >>> harmonic(1.0, 0.5)
    0.6666666666666666
    """
    return ratio(2 * precision * recall, precision + recall)


@dataclass(frozen=True)
class TypeScore:
    """The score of one entity type, or of all together: fractions from 0 to 1, and counts of spans."""

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int


@dataclass(frozen=True)
class Average:
    """The mean over entity types (macro), fractions from 0 to 1."""

    precision: float
    recall: float
    f1: float


class Score(Protocol):
    """Anything with precision, recall and F1."""

    @property
    def precision(self) -> float: ...
    @property
    def recall(self) -> float: ...
    @property
    def f1(self) -> float: ...


def macro(scores: Iterable[Score]) -> Average:
    """Return the unweighted mean over entity types; 0 if there are none."""
    scores = list(scores)
    return Average(
        precision=ratio(sum(score.precision for score in scores), len(scores)),
        recall=ratio(sum(score.recall for score in scores), len(scores)),
        f1=ratio(sum(score.f1 for score in scores), len(scores)),
    )


def score_of(gold: int, predicted: int, correct: int) -> TypeScore:
    """Return the score that follows from the counts, as seqeval computes it."""
    precision, recall = ratio(correct, predicted), ratio(correct, gold)
    return TypeScore(precision, recall, harmonic(precision, recall), gold, predicted, correct)


def types_of(*sides: Sequence[Sequence[TokenSpan]]) -> list[str]:
    """Return every entity type that occurs, sorted."""
    return sorted({span.type for side in sides for spans in side for span in spans})


def sentence_counts(
    gold: Sequence[Sequence[TokenSpan]], predicted: Sequence[Sequence[TokenSpan]]
) -> list[tuple[int, int, int]]:
    """Return the correct (boundaries and type), gold and predicted spans of each sentence."""
    return [
        (len(set(of_gold) & set(of_predicted)), len(of_gold), len(of_predicted))
        for of_gold, of_predicted in zip(gold, predicted, strict=True)
    ]
