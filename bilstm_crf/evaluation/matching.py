"""Pair gold and predicted spans one-to-one, and classify every pair.

Of the pairs in one sentence that share a token, the best is taken first and uses up both its spans:

    1. the same boundaries (the same type before another type)
    2. different boundaries, the same type
    3. different boundaries, different types
    inside 2 and 3: the greatest overlap in tokens, then the leftmost gold span, then the leftmost prediction

What is left over is missed (gold) or spurious (predicted). The categories exclude one another:

    category        boundaries  type
    correct         same        same
    wrong_type      same        different
    wrong_boundary  different   same
    wrong_both      different   different
    missed          a gold span without a prediction
    spurious        a prediction without a gold span

The spans of one side do not overlap, so a pair with the same boundaries has no rival, and the strict score is
the same under any such order.

nervaluate 1.2.1 pairs anew for each scheme: each prediction, from the left, takes the first remaining gold
span that it touches. Correct spans in strict, exact and partial are the same there. The rest differs only if
a span touches two of the other side: for gold PER 0-6 and predictions ORG 0-1 and PER 2-6, its type scheme
has one incorrect and one spurious, ours one correct (PER 2-6) and one spurious; for gold PER 0-4 and PER 6-7
and predictions ORG 0-3 and PER 3-7, its strict scheme has two incorrect, ours one, one missed and one
spurious. Its scores of one type look at the spans of that type alone, so they never see a wrong type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bilstm_crf.sentence import TokenSpan

PAIRED = ("correct", "wrong_type", "wrong_boundary", "wrong_both")
CATEGORIES = (*PAIRED, "missed", "spurious")


class Outcome(NamedTuple):
    """A gold span, its prediction (one of the two may be None), and the number of their sentence."""

    sentence: int
    gold: TokenSpan | None
    predicted: TokenSpan | None

    @property
    def category(self) -> str:
        """Return one of CATEGORIES.

        >>> Outcome(0, TokenSpan(0, 2, "ORG"), TokenSpan(0, 1, "ORG")).category
        'wrong_boundary'
        """
        if self.gold is None or self.predicted is None:
            return "spurious" if self.gold is None else "missed"
        if self.gold[:2] == self.predicted[:2]:
            return "correct" if self.gold.type == self.predicted.type else "wrong_type"
        return "wrong_boundary" if self.gold.type == self.predicted.type else "wrong_both"


def outcomes(gold: Sequence[Sequence[TokenSpan]], predicted: Sequence[Sequence[TokenSpan]]) -> list[Outcome]:
    """Return every span of every sentence exactly once, in the order of the text."""
    return [
        Outcome(number, *pair)
        for number, sides in enumerate(zip(gold, predicted, strict=True))
        for pair in match(*sides)
    ]


def match(
    gold: Sequence[TokenSpan], predicted: Sequence[TokenSpan]
) -> list[tuple[TokenSpan | None, TokenSpan | None]]:
    """Return every span of one sentence exactly once, sorted by position; None: it has no partner.

    >>> match([TokenSpan(0, 2, "PER")], [TokenSpan(1, 2, "PER"), TokenSpan(3, 4, "ORG")])
    [(TokenSpan(start=0, end=2, type='PER'), TokenSpan(start=1, end=2, type='PER')), (None, TokenSpan(start=3, end=4, type='ORG'))]
    """  # noqa: E501
    left_gold, left_predicted = set(gold), set(predicted)
    pairs: list[tuple[TokenSpan | None, TokenSpan | None]] = []
    for one, other in sorted(_touching(sorted(gold), sorted(predicted)), key=_rank):
        if one in left_gold and other in left_predicted:
            left_gold.remove(one)
            left_predicted.remove(other)
            pairs.append((one, other))
    pairs += [(span, None) for span in left_gold] + [(None, span) for span in left_predicted]
    return sorted(pairs, key=lambda pair: (pair[0] or pair[1] or (), pair[1] or ()))


def overlap(one: TokenSpan, other: TokenSpan) -> int:
    """Return how many tokens two spans share; 0 or less if they share none."""
    return min(one.end, other.end) - max(one.start, other.start)


def _rank(pair: tuple[TokenSpan, TokenSpan]) -> tuple[bool, bool, int, int, int]:
    one, other = pair
    return (one[:2] != other[:2], one.type != other.type, -overlap(one, other), one.start, other.start)


def _touching(
    gold: Sequence[TokenSpan], predicted: Sequence[TokenSpan]
) -> Iterator[tuple[TokenSpan, TokenSpan]]:
    """Return all pairs that share a token, in one pass: both sides are sorted without overlap."""
    first = 0
    for span in predicted:
        while first < len(gold) and gold[first].end <= span.start:
            first += 1
        for position in range(first, len(gold)):
            if gold[position].start >= span.end:
                break
            yield gold[position], span
