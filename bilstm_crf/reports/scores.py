"""One model's scores as tables of text: the same for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bilstm_crf.experiments.markdown import Code
from bilstm_crf.experiments.render import NOTHING, percent
from bilstm_crf.training.run_folder import FINAL

OPTIMISTIC = "Dev chose the epoch, so dev scores are optimistic."
PHASES = (
    "First phase: the model that dev chose. Second phase: the one in final/, trained on train and dev "
    "together, for as long as dev found best."
)
HEAT = "Gold down, predicted across; the shade is the share of the row. O: outside of every entity."


class Names(str):
    """Text beside the figures, to the left and in lines where it is long: names of runs."""


class Table(NamedTuple):
    """Rows of cells; the first row is the head, the first cell of a row its name, the others are figures."""

    title: str
    rows: list[Sequence[str]]
    notes: Sequence[str] = ()


def strict(title: str, report: Mapping[str, Any]) -> Table:
    """Precision, recall and F1 by entity type, micro and macro."""
    scores_of = report["strict"]
    rows: list[Sequence[str]] = [["", "precision", "recall", "F1", "gold", "predicted"]]
    for name, score in [*by_size(scores_of["types"]), ("micro", scores_of["micro"])]:
        rows.append([name, *fractions(score), *counts(score)])
    rows.append(["macro", *fractions(scores_of["macro"]), NOTHING, NOTHING])
    return Table(title, rows, [Code(report["signatures"]["strict"])])


def by_size(types: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Entity types with their scores, those with the most gold spans first."""
    return sorted(types.items(), key=lambda item: (-item[1]["gold"], item[0]))


def bootstrapped(report: Mapping[str, Any]) -> str:
    """Micro F1 and how far it can be trusted, in a sentence."""
    f1, found = report["strict"]["micro"]["f1"], report["interval"]
    return (
        f"strict micro F1 {percent(f1)}, {100 * found['level']:g} % interval {interval(found)}, "
        f"by bootstrap over {report['sentences']:,} sentences."
    )


def fractions(score: Mapping[str, Any]) -> list[str]:
    """Precision, recall and F1, per cent."""
    return [percent(score[key]) for key in ("precision", "recall", "f1")]


def counts(score: Mapping[str, Any]) -> list[str]:
    """Gold and predicted spans."""
    return [f"{score[key]:,}" for key in ("gold", "predicted")]


def others(scores_of: Mapping[str, Mapping[str, Any]]) -> Table:
    """The scores of other evaluations (language, split, label set), a line each."""
    rows: list[Sequence[str]] = [
        ["", "precision", "recall", "F1", "95 % interval", "gold", "predicted", "signature"]
    ]
    for name, report in scores_of.items():
        micro, signature = report["strict"]["micro"], Code(report["signatures"]["strict"])
        phase = " (second phase)" if report.get("model") == FINAL else ""
        rows.append(
            [f"{name}{phase}", *fractions(micro), interval(report["interval"]), *counts(micro), signature]
        )
    return Table("Evaluations", rows)


def interval(found: Mapping[str, Any]) -> str:
    """From where to where, per cent with one decimal."""
    return f"{100 * found['low']:.1f} to {100 * found['high']:.1f}"


def matrix(title: str, found: Mapping[str, Any], kind: str = "spans") -> Table:
    """A matrix of confusions: gold down, predicted across."""
    types = found["types"]
    lines = zip(types, found[kind], strict=True)
    rows: list[Sequence[str]] = [["gold ↓ predicted →", *types]]
    return Table(title, [*rows, *([type_, *(f"{n:,}" for n in line)] for type_, line in lines)])
