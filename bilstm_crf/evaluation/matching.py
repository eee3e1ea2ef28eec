"""Pair gold and predicted spans one-to-one, so that no span is ever counted twice.

Of the pairs in one sentence that share a token, the best is taken first and uses up both its spans:

    1. the same boundaries (the same type before another type)
    2. different boundaries, the same type
    3. different boundaries, different types
    inside 2 and 3: the greatest overlap in tokens, then the leftmost gold span, then the leftmost prediction

Spans left over are missed (gold) or spurious (predicted). The spans of one side do not overlap, so a pair
with the same boundaries has no rival, and the strict score is the same under any such order.

nervaluate 1.2.1 pairs anew for each scheme: each prediction, from the left, takes the first remaining gold
span that it touches. Correct spans in strict, exact and partial are the same there. The rest differs only if
a span touches two of the other side: for gold PER 0-6 and predictions ORG 0-1 and PER 2-6, its type scheme
has one incorrect and one spurious, ours one correct (PER 2-6) and one spurious; for gold PER 0-4 and PER 6-7
and predictions ORG 0-3 and PER 3-7, its strict scheme has two incorrect, ours one, one missed and one
spurious. Its scores of one type look at the spans of that type alone, so they never see a wrong type.
"""

from __future__ import annotations

from collections.abc import Sequence

from bilstm_crf.sentence import Span

Pair = tuple[Span | None, Span | None]  # gold, predicted; None: it has no partner


def match(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Pair]:
    """Return every span of one sentence exactly once, sorted by position.

    >>> match([Span(0, 2, "PER")], [Span(0, 1, "ORG"), Span(1, 2, "PER")])
    [(None, Span(start=0, end=1, type='ORG')), (Span(start=0, end=2, type='PER'), Span(start=1, end=2, type='PER'))]
    """  # noqa: E501
    gold, predicted = sorted(gold), sorted(predicted)
    left_gold, left_predicted = set(gold), set(predicted)
    pairs: list[Pair] = []
    for one, other in sorted(_touching(gold, predicted), key=_rank):
        if one in left_gold and other in left_predicted:
            left_gold.remove(one)
            left_predicted.remove(other)
            pairs.append((one, other))
    pairs += [(span, None) for span in left_gold] + [(None, span) for span in left_predicted]
    return sorted(pairs, key=lambda pair: (pair[0] or pair[1] or (), pair[1] or ()))


def overlap(one: Span, other: Span) -> int:
    """Return how many tokens two spans share; 0 or less if they share none."""
    return min(one.end, other.end) - max(one.start, other.start)


def _rank(pair: tuple[Span, Span]) -> tuple[bool, bool, int, int, int]:
    gold, predicted = pair
    return (
        gold[:2] != predicted[:2],
        gold.type != predicted.type,
        -overlap(gold, predicted),
        gold.start,
        predicted.start,
    )


def _touching(gold: Sequence[Span], predicted: Sequence[Span]) -> list[tuple[Span, Span]]:
    """All pairs that share a token, in one pass: both sides are sorted and do not overlap."""
    pairs = []
    first = 0
    for span in predicted:
        while first < len(gold) and gold[first].end <= span.start:
            first += 1
        for position in range(first, len(gold)):
            if gold[position].start >= span.end:
                break
            pairs.append((gold[position], span))
    return pairs
