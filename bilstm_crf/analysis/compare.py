"""Two systems on the same gold: what both get, what one gets and the other misses, what neither gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bilstm_crf.analysis.errors import Outcome
from bilstm_crf.analysis.examples import Example
from bilstm_crf.sentence import Span


@dataclass(frozen=True)
class Contrast:
    """Counts of one entity type, or of all. A span is right where both its boundaries and its type are.

    The gold spans are both_right + only_a + only_b + both_wrong. The wrong predictions are of this type,
    whatever gold says: of A alone, of B alone, and the same span with the same type in both.
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
    """What sets A and B apart; the examples of `only_a` show what B says there, and the other way round."""

    total: Contrast
    types: list[Contrast]  # by number of gold spans
    only_a: list[Example]
    only_b: list[Example]


Place = tuple[int, Span]  # the number of a sentence, a span of it


def places(spans: Sequence[Sequence[Span]]) -> set[Place]:
    """Every span with its sentence."""
    return {(number, span) for number, of_sentence in enumerate(spans) for span in of_sentence}


def contrasts(gold: set[Place], a: set[Place], b: set[Place]) -> tuple[Contrast, list[Contrast]]:
    """All types together, and each type that occurs."""
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
    """A system's outcomes for the gold spans that it gets wrong and `others`, of another system, hold."""
    return [
        outcome
        for outcome in outcomes
        if outcome.gold is not None
        and outcome.category != "correct"
        and (outcome.sentence, outcome.gold) in others
    ]
