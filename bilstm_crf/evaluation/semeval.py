"""The four schemes of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013, after MUC), with one-to-one matching.

A pair of a gold and a predicted span that share a token (`matching.match`) counts as:

    boundaries  type       strict     exact      partial  type
    same        same       correct    correct    correct  correct
    same        different  incorrect  correct    correct  incorrect
    different   same       incorrect  incorrect  partial  correct
    different   different  incorrect  incorrect  partial  incorrect

A gold span without a partner is missed, a predicted one spurious. In every scheme

    precision = (correct + partial / 2) / predicted spans      recall = (correct + partial / 2) / gold spans
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bilstm_crf.evaluation.counts import Average, harmonic, macro, ratio, types_of
from bilstm_crf.evaluation.matching import match
from bilstm_crf.sentence import Span

SCHEMES = ("strict", "exact", "partial", "type")


@dataclass(frozen=True)
class Outcomes:
    """Counts of the spans of one side by outcome."""

    correct: int = 0
    incorrect: int = 0
    partial: int = 0
    unmatched: int = 0  # of gold spans: missed; of predicted spans: spurious

    @property
    def credit(self) -> float:
        """Return the precision or recall of this side: a partial match is worth half."""
        return ratio(
            self.correct + self.partial / 2, self.correct + self.incorrect + self.partial + self.unmatched
        )


@dataclass(frozen=True)
class SchemeScore:
    """The score of one scheme for one entity type or for all, as fractions from 0 to 1.

    For one type, `gold` and `predicted` count the spans of that type, whatever the type of their partners;
    for all types, both count the same pairs.
    """

    gold: Outcomes
    predicted: Outcomes
    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, gold: Outcomes, predicted: Outcomes) -> SchemeScore:
        """Return the score that follows from the outcomes of both sides."""
        precision, recall = predicted.credit, gold.credit
        return cls(gold, predicted, precision, recall, harmonic(precision, recall))


@dataclass(frozen=True)
class SchemeScores:
    """One scheme: all spans together, the mean over the types, and each type."""

    micro: SchemeScore
    macro: Average
    types: dict[str, SchemeScore]  # sorted by type; every type found in gold or predicted


def outcome(scheme: str, same_boundaries: bool, same_type: bool) -> str:
    """Return what a pair counts as, by the table at the top of this file.

    >>> outcome("partial", same_boundaries=False, same_type=True)
    'partial'
    """
    right = {
        "strict": same_boundaries and same_type,
        "exact": same_boundaries,
        "partial": same_boundaries,
        "type": same_type,
    }[scheme]
    return "correct" if right else "partial" if scheme == "partial" else "incorrect"


def semeval(gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]]) -> dict[str, SchemeScores]:
    """Return the scores of the four schemes by name."""
    of_gold: Counter[tuple[str, str, str]] = Counter()  # (scheme, type, outcome): spans
    of_predicted: Counter[tuple[str, str, str]] = Counter()
    for gold_spans, predicted_spans in zip(gold, predicted, strict=True):
        for one, other in match(gold_spans, predicted_spans):
            for scheme in SCHEMES:
                what = "unmatched"
                if one and other:
                    what = outcome(scheme, one[:2] == other[:2], one.type == other.type)
                if one:
                    of_gold[scheme, one.type, what] += 1
                if other:
                    of_predicted[scheme, other.type, what] += 1
    types = types_of(gold, predicted)
    return {scheme: _scores(scheme, types, of_gold, of_predicted) for scheme in SCHEMES}


def _scores(
    scheme: str,
    types: list[str],
    of_gold: Mapping[tuple[str, str, str], int],
    of_predicted: Mapping[tuple[str, str, str], int],
) -> SchemeScores:
    def score(wanted: Iterable[str]) -> SchemeScore:
        return SchemeScore.of(_outcomes(of_gold, scheme, wanted), _outcomes(of_predicted, scheme, wanted))

    by_type = {type_: score([type_]) for type_ in types}
    return SchemeScores(score(types), macro(by_type.values()), by_type)


def _outcomes(counts: Mapping[tuple[str, str, str], int], scheme: str, types: Iterable[str]) -> Outcomes:
    total: Counter[str] = Counter()
    for type_ in types:
        for what in ("correct", "incorrect", "partial", "unmatched"):
            total[what] += counts[scheme, type_, what]
    return Outcomes(**total)
