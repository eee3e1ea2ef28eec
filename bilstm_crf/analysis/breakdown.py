"""Scores and errors by group: outcomes and a rule that names a span's group come in, groups go out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bilstm_crf.evaluation.counts import TypeScore, score_of
from bilstm_crf.evaluation.matching import PAIRED, Outcome
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import TokenSpan

GroupOf = Callable[
    [int, TokenSpan], str
]  # the number of a sentence and a span of it to the name of its group


@dataclass(frozen=True)
class Group:
    """The spans of one group: their strict score, and their counts by category.

    Gold and predicted spans are grouped separately: a gold PER paired with an ORG is a wrong_type of PER in
    `gold` and one of ORG in `predicted`. The counts of `gold` add up to `score.gold`, those of `predicted`
    to `score.predicted`; a correct pair is in the same group on both sides.
    """

    name: str
    score: TypeScore
    gold: dict[str, int]  # correct, wrong_type, wrong_boundary, wrong_both, missed
    predicted: dict[str, int]  # correct, wrong_type, wrong_boundary, wrong_both, spurious


def breakdown(outcomes: Iterable[Outcome], group_of: GroupOf, order: Sequence[str] = ()) -> list[Group]:
    """Return the groups that occur: those of `order` in that order, then the others by size and name."""
    gold: defaultdict[str, Counter[str]] = defaultdict(Counter)
    predicted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        if outcome.gold is not None:
            gold[group_of(outcome.sentence, outcome.gold)][outcome.category] += 1
        if outcome.predicted is not None:
            predicted[group_of(outcome.sentence, outcome.predicted)][outcome.category] += 1

    def place(name: str) -> tuple[int, int, str]:
        return (order.index(name) if name in order else len(order), -gold[name].total(), name)

    return [_group(name, gold[name], predicted[name]) for name in sorted({*gold, *predicted}, key=place)]


def total(outcomes: Iterable[Outcome]) -> Group:
    """Return all spans as one group."""
    groups = breakdown(outcomes, lambda sentence, span: "all")
    return groups[0] if groups else _group("all", Counter(), Counter())


def _group(name: str, gold: Counter[str], predicted: Counter[str]) -> Group:
    return Group(
        name,
        score_of(gold.total(), predicted.total(), gold["correct"]),
        {category: gold[category] for category in (*PAIRED, "missed")},
        {category: predicted[category] for category in (*PAIRED, "spurious")},
    )


def by_type(sentence: int, span: TokenSpan) -> str:
    """Return the span's entity type."""
    return span.type


LENGTHS = ("1", "2", "3", "4", "5+")


def by_length(sentence: int, span: TokenSpan) -> str:
    """Return the span's number of tokens, one of LENGTHS."""
    return LENGTHS[min(span.end - span.start, len(LENGTHS)) - 1]


def label_scores(
    gold: Sequence[Sequence[TokenSpan]], predicted: Sequence[Sequence[TokenSpan]], lengths: Sequence[int]
) -> dict[str, TypeScore]:
    """Return scores of single tokens by their label in IOB2, `O` last; `lengths` are those of the sentences.

    A token is correct if its label is, whatever the rest of its span.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    encode = ENCODINGS["iob"].encode
    for of_gold, of_predicted, length in zip(gold, predicted, lengths, strict=True):
        pairs.update(zip(encode(of_gold, length), encode(of_predicted, length), strict=True))
    in_gold: Counter[str] = Counter()
    in_predicted: Counter[str] = Counter()
    for (one, other), count in pairs.items():
        in_gold[one] += count
        in_predicted[other] += count
    labels = sorted({*in_gold, *in_predicted}, key=lambda label: (label == "O", label[2:], label))
    return {label: score_of(in_gold[label], in_predicted[label], pairs[label, label]) for label in labels}
