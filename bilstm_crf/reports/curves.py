"""Learning curves: dev F1 and training loss by epoch, one line a seed, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bilstm_crf.experiments.render import NOTHING, percent
from bilstm_crf.render.html import Html, figure, gallery
from bilstm_crf.reports.chart import Line, chart, y_bounds
from bilstm_crf.reports.read import Run
from bilstm_crf.reports.scores import Table

LEGEND = (
    "A line a seed, named to the right; the ring is the epoch whose model is kept, that of the best dev F1. "
    "The loss is the sum over the sentences, on a logarithmic scale."
)


def charts(name: str, runs: Sequence[Run], alike: Sequence[Run]) -> Html:
    """Both charts of `runs`, which have histories; the scales make room for all runs that are `alike`."""
    f1, loss = f1_lines(runs), loss_lines(runs)
    return gallery(
        [
            figure(
                f"{name}: dev F1, per cent",
                chart(f"{name}: dev F1 by epoch, per cent", f1, bounds=y_bounds(f1_lines(alike))),
            ),
            figure(
                f"{name}: training loss",
                chart(
                    f"{name}: training loss by epoch",
                    loss,
                    logarithmic=True,
                    bounds=y_bounds(loss_lines(alike)),
                ),
            ),
        ]
    )


def f1_lines(runs: Sequence[Run]) -> list[Line]:
    """Dev F1 in per cent, a line a run."""
    return [_line(run, lambda row: round(100 * row["dev"]["f1"], 2)) for run in runs]


def loss_lines(runs: Sequence[Run]) -> list[Line]:
    """The loss of training, a line a run."""
    return [_line(run, lambda row: row["loss"]) for run in runs]


def _line(run: Run, value: Any) -> Line:
    points = [(row["epoch"], value(row)) for row in run.history]
    best = run.best
    return Line(f"seed {run.seed}", run.seed, points, None if best is None else (best["epoch"], value(best)))


def numbers(runs: Sequence[Run]) -> Table:
    """What the charts show: a line an epoch, two columns a run."""
    heads = [f"{what}, seed {run.seed}" for run in runs for what in ("dev F1", "loss")]
    by_epoch = [{row["epoch"]: row for row in run.history} for run in runs]
    rows: list[Sequence[str]] = [["epoch", *heads]]
    for epoch in sorted({epoch for each in by_epoch for epoch in each}):
        cells: list[str] = []
        for run, each in zip(runs, by_epoch, strict=True):
            row = each.get(epoch)
            kept = " (kept)" if row is not None and row == run.best else ""
            cells += (
                [NOTHING, NOTHING]
                if row is None
                else [percent(row["dev"]["f1"]) + kept, f"{row['loss']:,.1f}"]
            )
        rows.append([str(epoch), *cells])
    return Table("Learning curves in numbers", rows)
