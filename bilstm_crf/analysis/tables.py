"""An analysis as tables of text, the same for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bilstm_crf.analysis.analyse import Analysis
from bilstm_crf.analysis.breakdown import Group
from bilstm_crf.analysis.compare import Comparison, Contrast
from bilstm_crf.analysis.errors import CATEGORIES, PAIRED
from bilstm_crf.analysis.examples import TypeConfusion
from bilstm_crf.evaluation.counts import TypeScore

SCORE = ("precision", "recall", "F1", "gold", "predicted")
GROUP = ("", *SCORE, "type", "boundary", "both", "missed", "spurious")
TITLES = {
    "type": "By entity type",
    "name": "By the name in the training data",
    "vocabulary": "By what is known of its words",
    "length": "By length in words",
    "genre": "By genre",
    "document": "By document",
}


class Table(NamedTuple):
    """Rows of cells; the first row is the head, the first cell of a row its name, the others are figures."""

    title: str
    rows: list[Sequence[str]]
    note: str = ""


def tables(analysis: Analysis) -> list[Table]:
    """Every table but those of the comparison."""
    notes = {"type": "type, boundary, both: what is wrong where a prediction answers the gold entity"}
    return [
        _categories(analysis.total),
        *(
            Table(TITLES[name], [GROUP, *map(_group, groups)], notes.get(name, ""))
            for name, groups in analysis.breakdowns.items()
        ),
        Table(
            "By label, word for word",
            [("", *SCORE), *((label, *_score(score)) for label, score in analysis.labels.items())],
        ),
    ]


def _categories(total: Group) -> Table:
    rows: list[Sequence[str]] = [("", "gold", "predicted")]
    for category in CATEGORIES:
        sides = (total.gold.get(category), total.predicted.get(category))
        rows.append((spelt(category), *("-" if count is None else f"{count:,}" for count in sides)))
    rows.append(("all", f"{total.score.gold:,}", f"{total.score.predicted:,}"))
    return Table("What became of the entities", rows)


def _group(group: Group) -> Sequence[str]:
    wrong = [group.gold[category] for category in (*PAIRED[1:], "missed")]
    return (group.name, *_score(group.score), *(f"{n:,}" for n in (*wrong, group.predicted["spurious"])))


def _score(score: TypeScore) -> Iterable[str]:
    fractions = (score.precision, score.recall, score.f1)
    return (*map(percent, fractions), f"{score.gold:,}", f"{score.predicted:,}")


def comparison_tables(comparison: Comparison) -> list[Table]:
    """What became of the gold entities in both systems, and their wrong predictions."""

    def rows(head: Sequence[str], fields: Sequence[str]) -> list[Sequence[str]]:
        contrasts: list[Contrast] = [*comparison.types, comparison.total]
        return [
            ("", *head),
            *((each.name, *(f"{getattr(each, field):,}" for field in fields)) for each in contrasts),
        ]

    cells = ("gold", "both_right", "only_a", "only_b", "both_wrong")
    wrong = ("wrong_predictions_a", "wrong_predictions_b", "wrong_predictions_both")
    return [
        Table(
            "A and B: gold entities", rows(("gold", "both right", "only A", "only B", "both wrong"), cells)
        ),
        Table("A and B: wrong predictions", rows(("of A alone", "of B alone", "the same in both"), wrong)),
    ]


def spelt(category: str) -> str:
    """The category's name for people."""
    return category.replace("_", " ")


def percent(fraction: float) -> str:
    """A percentage with one decimal, as `evaluate` prints it."""
    return f"{100 * fraction:.1f}"


def kinds(confusion: TypeConfusion) -> str:
    """`12 wrong type, 3 wrong both`."""
    return ", ".join(f"{count:,} {spelt(category)}" for category, count in confusion.categories.items())


def headline(analysis: Analysis) -> str:
    """Sizes and the score, in one sentence."""
    score = analysis.total.score
    return (
        f"{analysis.sentences:,} sentences, {analysis.words:,} words: {score.gold:,} gold and "
        f"{score.predicted:,} predicted entities, {score.correct:,} right; strict F1 {percent(score.f1)}"
    )
