"""Reports and comparisons as tables; `bilstm_crf.render` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bilstm_crf.evaluation.comparison import Difference, SystemComparison
from bilstm_crf.evaluation.confusion import Confusion
from bilstm_crf.evaluation.counts import TypeScore
from bilstm_crf.evaluation.report import Report
from bilstm_crf.evaluation.semeval import SCHEMES, SchemeScore
from bilstm_crf.evaluation.significance import RESAMPLES, holm
from bilstm_crf.evaluation.strict import StrictScores
from bilstm_crf.render.table import (
    Cell,
    Code,
    Interval,
    Number,
    Percent,
    Points,
    Table,
    columns,
    matrix,
)

OUTCOMES = ("", "correct", "incorrect", "partial", "missed", "spurious", "precision", "recall", "F1")
DIFFERENCE = ("difference", "95 % interval", "p")
SCORES = ("precision", "recall", "F1", "gold", "predicted")


def report_tables(
    report: Report, schemes: Sequence[str] = ("strict",), *, with_confusion: bool = False
) -> list[Table]:
    """Return the tables of the schemes asked for, each with its signature, and the confusion matrices."""
    tables: list[Table] = []
    if "strict" in schemes:
        tables.append(_strict(report, is_alone=len(schemes) == 1))
    if "semeval" in schemes:
        tables += _semeval(report)
    if "semeval-2013-original" in schemes:
        rows = [_outcomes(name, score) for name, score in report.semeval_original.items()]
        notes = [Code(report.signatures["semeval-2013-original"])]
        tables.append(Table("SemEval-2013, as the paper's script counts", columns(*OUTCOMES), rows, notes))
    if with_confusion:
        tables += confusion_tables(report.confusion)
    return tables


def strict_table(title: str, scores: StrictScores, notes: Sequence[Cell] = ()) -> Table:
    """Return precision, recall and F1 by entity type (most gold spans first), micro and macro."""
    rows = [score_row(name, score) for name, score in [*by_size(scores.types), ("micro", scores.micro)]]
    mean = scores.macro
    rows.append(["macro", Percent(mean.precision), Percent(mean.recall), Percent(mean.f1), None, None])
    return Table(title, columns("", *SCORES), rows, notes)


def score_row(name: str, score: TypeScore) -> list[Cell]:
    """Return the cells of `SCORES` behind a name."""
    fractions = [Percent(each) for each in (score.precision, score.recall, score.f1)]
    return [name, *fractions, score.gold, score.predicted]


def by_size(types: dict[str, TypeScore]) -> list[tuple[str, TypeScore]]:
    """Return entity types with their scores, the one with most gold spans first."""
    return sorted(types.items(), key=lambda item: (-item[1].gold, item[0]))


def interval_note(report: Report, *, decimals: int | None = None) -> tuple[Cell, ...]:
    """Return micro F1 and its interval in a sentence."""
    found = report.interval
    interval = Interval(found.low, found.high, decimals)
    return (
        "micro F1 ", Percent(report.strict.f1), f", {100 * found.level:g} % interval ", interval,
        f", by bootstrap over {report.sentences:,} sentences",
    )  # fmt: skip


def confusion_tables(confusion: Confusion, prefix: str = "Confusion of ") -> list[Table]:
    """Return the matrices of spans and of tokens."""
    return [
        matrix(f"{prefix}{name}", confusion.types, counts)
        for name, counts in (("spans", confusion.spans), ("tokens", confusion.words))
    ]


def _strict(report: Report, *, is_alone: bool) -> Table:
    notes: list[Cell] = [interval_note(report)]
    if is_alone:
        # So that a difference from another scorer's number is seen at once to be one of counting.
        others = [(f"{name} ", Percent(report.semeval[name].micro.f1)) for name in SCHEMES[1:]]
        listed = [part for number, other in enumerate(others) for part in (", " * (number > 0), *other)]
        original = ("; strict by the paper's script ", Percent(report.semeval_original["strict"].f1))
        notes.append(("counted otherwise, micro F1: ", *listed, *original))
    return strict_table("Strict", report.strict, [*notes, Code(report.signatures["strict"])])


def _semeval(report: Report) -> list[Table]:
    overall = [
        [*_outcomes(name, scores.micro), Percent(scores.macro.f1)] for name, scores in report.semeval.items()
    ]
    types: list[list[Cell]] = [
        [type_, *(Percent(report.semeval[name].types[type_].f1) for name in SCHEMES)]
        for type_ in report.semeval["strict"].types
    ]
    return [
        Table("SemEval-2013, one-to-one", columns(*OUTCOMES, "macro F1"), overall),
        Table("SemEval-2013, by type", columns("F1", *SCHEMES), types, [Code(report.signatures["semeval"])]),
    ]


def _outcomes(name: str, score: SchemeScore) -> list[Cell]:
    pairs = score.gold
    counts = (pairs.correct, pairs.incorrect, pairs.partial, pairs.unmatched, score.predicted.unmatched)
    return [name, *counts, *(Percent(each) for each in (score.precision, score.recall, score.f1))]


# ---------------------------------------------------------------- several systems


def comparison_tables(
    names: Sequence[str], reports: Sequence[Report], comparisons: Sequence[SystemComparison]
) -> list[Table]:
    """Return F1 of every system by entity type, and how the first differs from each of the others.

    `comparisons` are of the first system with each of the others, in their order.
    """
    signatures = [Code(text) for text in dict.fromkeys(each.signatures["strict"] for each in reports)]
    notes = [comparison_note(names, reports[0].sentences), *signatures]
    macro: list[Cell] = ["macro", *(Percent(each.strict.macro.f1) for each in reports)]
    if len(comparisons) == 1:
        table = difference_table("F1", names, comparisons[0], notes)
        return [replace(table, rows=[*table.rows, [*macro, None, None, None]])]
    types = dict.fromkeys(name for each in comparisons for name, _ in _by_gold(each))
    rows: list[list[Cell]] = []
    for name in types:
        scores = [each.strict.micro if name == "micro" else each.strict.types.get(name) for each in reports]
        rows.append([name, *(Percent(each.f1 if each else 0.0) for each in scores)])
    adjusted = holm([each.micro.p_value for each in comparisons])
    differences = [
        [f"{names[0]} − {name}", *_difference(each.micro), Number(p_holm, 4)]
        for name, each, p_holm in zip(names[1:], comparisons, adjusted, strict=True)
    ]
    heads = columns("", *DIFFERENCE, "p (Holm)")
    return [
        Table("F1", columns("", *names), [*rows, macro]),
        Table("Differences of micro F1", heads, differences, notes),
    ]


def difference_table(
    title: str, names: Sequence[str], comparison: SystemComparison, notes: Sequence[Cell] = ()
) -> Table:
    """Return F1 of two systems by entity type and in all, with difference, interval and p."""
    rows = [
        [name, Percent(each.f1_a), Percent(each.f1_b), *_difference(each)]
        for name, each in _by_gold(comparison)
    ]
    return Table(title, columns("", *names, *DIFFERENCE), rows, notes)


def _by_gold(comparison: SystemComparison) -> list[tuple[str, Difference]]:
    """Return the type with most gold spans first, and all of them together last."""
    types = sorted(comparison.types.items(), key=lambda item: (-item[1].gold, item[0]))
    return [*types, ("micro", comparison.micro)]


def _difference(found: Difference) -> list[Cell]:
    """Return the cells of `DIFFERENCE`."""
    interval = Interval(found.interval.low, found.interval.high)
    return [Points(found.difference), interval, Number(found.p_value, 4)]


def comparison_note(names: Sequence[str], sentences: int) -> str:
    """Return what the difference, its interval and its p-value are, in a sentence."""
    other = names[1] if len(names) == 2 else "the other system"
    return (
        f"difference: F1 of {names[0]} less that of {other}; interval by paired bootstrap over {sentences:,} "
        f"sentences; p by approximate randomisation, two-sided, {RESAMPLES:,} resamples"
    )
