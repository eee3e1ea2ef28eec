"""A report as people and programs read it: aligned text for a terminal, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from bilstm_crf.evaluation.counts import TypeScore
from bilstm_crf.evaluation.report import Report
from bilstm_crf.evaluation.semeval import SCHEMES, SchemeScore

Row = Sequence[str]  # the first row of a table is its head, the first cell of a row its name
Percent = Callable[[float], str]
Part = tuple[str, list[Row], list[str]]  # a title, a table, the lines below it

OUTCOMES = [
    "", "correct", "incorrect", "partial", "missed", "spurious", "precision", "recall", "F1",
]  # fmt: skip


def text(report: Report, schemes: Sequence[str] = ("strict",), *, with_confusion: bool = False) -> str:
    """For a terminal: percentages with one decimal, and the signature below each table."""
    parts = _parts(report, schemes, with_confusion, _percent(1))
    blocks = []
    for title, rows, below in parts:
        lines = [*aligned(rows), *below]
        # One table needs no title: its signature says what it is.
        blocks.append("\n".join([title, *lines] if len(parts) > 1 else lines))
    return "\n\n".join(blocks) + "\n"


def markdown(report: Report, schemes: Sequence[str] = ("strict",), *, with_confusion: bool = False) -> str:
    """For a document: percentages with two decimals."""
    blocks = []
    for title, rows, below in _parts(report, schemes, with_confusion, _percent(2)):
        head, *body = [_markdown_row(row) for row in rows]
        rule = "| --- |" + " ---: |" * (len(rows[0]) - 1)
        blocks.append("\n".join([f"### {title}", "", head, rule, *body]))
        blocks += [f"`{line}`" if line in report.signatures.values() else line for line in below]
    return "\n\n".join(blocks) + "\n"


def as_json(report: Report) -> str:
    """For programs: the whole report, fractions from 0 to 1 in full precision."""
    return json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------- tables


def _parts(report: Report, schemes: Sequence[str], with_confusion: bool, percent: Percent) -> list[Part]:
    parts: list[Part] = []
    if "strict" in schemes:
        parts.append(_strict(report, percent, short=len(schemes) == 1))
    if "semeval" in schemes:
        parts += _semeval(report, percent)
    if "semeval-2013-original" in schemes:
        parts.append(_original(report, percent))
    if with_confusion:
        parts += _confusion(report)
    return parts


def _strict(report: Report, percent: Percent, short: bool) -> Part:
    def row(name: str, score: TypeScore) -> Row:
        fractions = (score.precision, score.recall, score.f1)
        return [name, *map(percent, fractions), f"{score.gold:,}", f"{score.predicted:,}"]

    scores, interval = report.strict, report.interval
    by_size = sorted(scores.types, key=lambda type_: (-scores.types[type_].gold, type_))
    mean = scores.macro
    rows = [
        ["", "precision", "recall", "F1", "gold", "predicted"],
        *(row(type_, scores.types[type_]) for type_ in by_size),
        row("micro", scores.micro),
        ["macro", percent(mean.precision), percent(mean.recall), percent(mean.f1), "", ""],
    ]
    below = [
        f"micro F1 {percent(scores.f1)}, {100 * interval.level:g} % interval {percent(interval.low)} to "
        f"{percent(interval.high)}, by bootstrap over {report.sentences:,} sentences"
    ]
    if short:
        # So that a difference from another scorer's number is seen at once to be one of counting.
        others = ", ".join(f"{name} {percent(report.semeval[name].micro.f1)}" for name in SCHEMES[1:])
        original = percent(report.semeval_original["strict"].f1)
        below.append(f"counted otherwise, micro F1: {others}; strict by the paper's script {original}")
    return "Strict", rows, [*below, report.signatures["strict"]]


def _semeval(report: Report, percent: Percent) -> list[Part]:
    overall: list[Row] = [
        [*OUTCOMES, "macro F1"],
        *(
            [*_outcomes(name, scores.micro, percent), percent(scores.macro.f1)]
            for name, scores in report.semeval.items()
        ),
    ]
    by_type: list[Row] = [
        ["F1", *SCHEMES],
        *(
            [type_, *(percent(report.semeval[name].types[type_].f1) for name in SCHEMES)]
            for type_ in report.semeval["strict"].types
        ),
    ]
    return [
        ("SemEval-2013, one-to-one", overall, []),
        ("SemEval-2013, by type", by_type, [report.signatures["semeval"]]),
    ]


def _original(report: Report, percent: Percent) -> Part:
    rows = [
        OUTCOMES,
        *(_outcomes(name, score, percent) for name, score in report.semeval_original.items()),
    ]
    return "SemEval-2013, as the paper's script counts", rows, [report.signatures["semeval-2013-original"]]


def _outcomes(name: str, score: SchemeScore, percent: Percent) -> Row:
    pairs = score.gold
    counts = (pairs.correct, pairs.incorrect, pairs.partial, pairs.unmatched, score.predicted.unmatched)
    fractions = (score.precision, score.recall, score.f1)
    return [name, *(f"{count:,}" for count in counts), *map(percent, fractions)]


def _confusion(report: Report) -> list[Part]:
    types = report.confusion.types
    return [
        (
            f"Confusion of {name} (gold down, predicted across)",
            [
                [name, *types],
                *([type_, *(f"{n:,}" for n in row)] for type_, row in zip(types, matrix, strict=True)),
            ],
            [],
        )
        for name, matrix in (("spans", report.confusion.spans), ("words", report.confusion.words))
    ]


# ---------------------------------------------------------------- setting


def _percent(decimals: int) -> Percent:
    return lambda fraction: f"{100 * fraction:.{decimals}f}"


def aligned(rows: Sequence[Row]) -> list[str]:
    """Names to the left, figures to the right, two spaces between columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _markdown_row(row: Row) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
