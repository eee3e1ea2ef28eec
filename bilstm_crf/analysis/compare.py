"""Compare two systems on the same gold: their scores, what only one of them gets, what neither gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bilstm_crf.analysis.examples import Example, varied
from bilstm_crf.evaluation.comparison import SystemComparison, compare_systems
from bilstm_crf.evaluation.matching import Outcome, outcomes
from bilstm_crf.sentence import TokenSpan


@dataclass(frozen=True)
class Contrast:
    """Counts of one entity type, or of all. A span is right if both its boundaries and its type are.

    The gold spans are both_right + only_a + only_b + both_wrong. Wrong predictions are counted by their own
    type: of A alone, of B alone, and the same span with the same type in both.
    """

    name: str
    gold: int
    both_right: int
    only_a: int
    only_b: int
    both_wrong: int
    wrong_predictions_a: int
    wrong_predictions_b: int
    wrong_predictions_both: int


@dataclass(frozen=True)
class Comparison:
    """The differences of A and B. Examples of `only_a` show B's predictions, and those of `only_b` A's."""

    scores: SystemComparison
    total: Contrast
    types: list[Contrast]  # by number of gold spans
    only_a: list[Example]
    only_b: list[Example]


Spans = Sequence[Sequence[TokenSpan]]
Place = tuple[int, TokenSpan]  # the number of a sentence, a span of it


def compare(
    names: tuple[str, str],
    gold: Spans,
    a: Spans,
    b: Spans,
    *,
    show: Callable[[Outcome], Example],
    examples: int,
) -> Comparison:
    """Compare the spans of systems A and B, with up to `examples` spans that only one of them gets."""
    in_gold, in_a, in_b = places(gold), places(a), places(b)
    lost_by_b = [show(outcome) for outcome in lost(outcomes(gold, b), in_a)]
    lost_by_a = [show(outcome) for outcome in lost(outcomes(gold, a), in_b)]
    return Comparison(
        compare_systems(names, gold, a, b),
        *contrasts(in_gold, in_a, in_b),
        only_a=varied(lost_by_b, examples),
        only_b=varied(lost_by_a, examples),
    )


def places(spans: Spans) -> set[Place]:
    """Return every span with the number of its sentence."""
    return {(number, span) for number, of_sentence in enumerate(spans) for span in of_sentence}


def contrasts(gold: set[Place], a: set[Place], b: set[Place]) -> tuple[Contrast, list[Contrast]]:
    """Return the counts of all types together, and of each type that occurs."""
    cells = {
        "both_right": gold & a & b,
        "only_a": (gold & a) - b,
        "only_b": (gold & b) - a,
        "both_wrong": gold - a - b,
        "wrong_predictions_a": a - gold - b,
        "wrong_predictions_b": b - gold - a,
        "wrong_predictions_both": (a & b) - gold,
    }
    counts = {name: Counter(span.type for _, span in cell) for name, cell in cells.items()}
    of_gold = Counter(span.type for _, span in gold)
    types = sorted({span.type for _, span in gold | a | b}, key=lambda type_: (-of_gold[type_], type_))
    by_type = [
        Contrast(type_, of_gold[type_], **{name: count[type_] for name, count in counts.items()})
        for type_ in types
    ]
    return Contrast("all", len(gold), **{name: len(cell) for name, cell in cells.items()}), by_type


def lost(outcomes: Sequence[Outcome], others: set[Place]) -> list[Outcome]:
    """Return a system's outcomes for the gold spans that it gets wrong and the other system gets right."""
    return [
        outcome
        for outcome in outcomes
        if outcome.gold is not None
        and outcome.category != "correct"
        and (outcome.sentence, outcome.gold) in others
    ]
