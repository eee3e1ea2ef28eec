"""The four schemes of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013, after MUC), with one-to-one matching.

`COUNTS_AS` says what a pair of a gold and a predicted span (`matching.outcomes`) counts as. A gold span
without a partner is missed, a predicted one spurious. In every scheme

    precision = (correct + partial / 2) / predicted spans      recall = (correct + partial / 2) / gold spans
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bilstm_crf.evaluation.counts import Average, harmonic, macro, ratio, types_of
from bilstm_crf.evaluation.matching import outcomes
from bilstm_crf.sentence import TokenSpan

# What each category of a pair counts as; a pair of another category is incorrect.
COUNTS_AS = {
    "strict": {"correct": "correct"},
    "exact": {"correct": "correct", "wrong_type": "correct"},
    "partial": {
        "correct": "correct", "wrong_type": "correct", "wrong_boundary": "partial", "wrong_both": "partial",
    },
    "type": {"correct": "correct", "wrong_boundary": "correct"},
}  # fmt: skip
SCHEMES = tuple(COUNTS_AS)


@dataclass(frozen=True)
class Outcomes:
    """Counts of the spans of one side by outcome."""

    correct: int = 0
    incorrect: int = 0
    partial: int = 0
    unmatched: int = 0  # of gold spans: missed; of predicted spans: spurious

    @classmethod
    def of(cls, scheme: str, categories: Counter[str]) -> Outcomes:
        """Return what the categories of one side's spans count as."""
        total: Counter[str] = Counter()
        for category, count in categories.items():
            is_alone = category in ("missed", "spurious")
            total["unmatched" if is_alone else COUNTS_AS[scheme].get(category, "incorrect")] += count
        return cls(**total)

    @property
    def credit(self) -> float:
        """Return the precision or recall of this side: a partial match is worth half."""
        whole = self.correct + self.incorrect + self.partial + self.unmatched
        return ratio(self.correct + self.partial / 2, whole)


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
    def of(cls, scheme: str, gold: Counter[str], predicted: Counter[str]) -> SchemeScore:
        """Return the score that follows from the categories of both sides' spans."""
        sides = Outcomes.of(scheme, gold), Outcomes.of(scheme, predicted)
        recall, precision = (side.credit for side in sides)
        return cls(*sides, precision, recall, harmonic(precision, recall))


@dataclass(frozen=True)
class SchemeScores:
    """One scheme: all spans together, the mean over the types, and each type."""

    micro: SchemeScore
    macro: Average
    types: dict[str, SchemeScore]  # sorted by type; every type found in gold or predicted


def semeval(
    gold: Sequence[Sequence[TokenSpan]], predicted: Sequence[Sequence[TokenSpan]]
) -> dict[str, SchemeScores]:
    """Return the scores of the four schemes by name."""
    types = types_of(gold, predicted)
    found = outcomes(gold, predicted)
    by_type = {type_: (Counter[str](), Counter[str]()) for type_ in types}
    for outcome in found:
        for side, span in enumerate((outcome.gold, outcome.predicted)):
            if span is not None:
                by_type[span.type][side][outcome.category] += 1
    total = [_sum(counts[side] for counts in by_type.values()) for side in (0, 1)]
    scores = {}
    for scheme in SCHEMES:
        of_types = {type_: SchemeScore.of(scheme, *counts) for type_, counts in by_type.items()}
        scores[scheme] = SchemeScores(SchemeScore.of(scheme, *total), macro(of_types.values()), of_types)
    return scores


def _sum(counts: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counts, Counter[str]())
