"""Classify every entity as correct or wrong in one of five ways that exclude one another.

Gold and predicted spans are paired one-to-one by `evaluation.matching.match`, as for the SemEval-2013 scores:

    category        boundaries  type
    correct         same        same
    wrong_type      same        different
    wrong_boundary  different   same       the spans share a token
    wrong_both      different   different  the spans share a token
    missed          a gold span without a prediction
    spurious        a prediction without a gold span

So correct + wrong_* + missed are the gold spans, and correct + wrong_* + spurious the predicted ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bilstm_crf.evaluation.matching import match
from bilstm_crf.sentence import Span

PAIRED = ("correct", "wrong_type", "wrong_boundary", "wrong_both")
CATEGORIES = (*PAIRED, "missed", "spurious")


class Outcome(NamedTuple):
    """A gold span, its prediction (one of the two may be None), and the number of their sentence."""

    sentence: int
    gold: Span | None
    predicted: Span | None

    @property
    def category(self) -> str:
        """Return one of CATEGORIES.

        >>> Outcome(0, Span(0, 2, "ORG"), Span(0, 1, "ORG")).category
        'wrong_boundary'
        """
        if self.predicted is None:
            return "missed"
        if self.gold is None:
            return "spurious"
        if self.gold[:2] == self.predicted[:2]:
            return "correct" if self.gold.type == self.predicted.type else "wrong_type"
        return "wrong_boundary" if self.gold.type == self.predicted.type else "wrong_both"


def outcomes(gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]]) -> list[Outcome]:
    """Return every span of every sentence exactly once, in the order of the text."""
    return [
        Outcome(number, one, other)
        for number, (of_gold, of_predicted) in enumerate(zip(gold, predicted, strict=True))
        for one, other in match(of_gold, of_predicted)
    ]
