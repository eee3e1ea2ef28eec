"""A report as a document, which becomes the page and the Markdown file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from bilstm_crf.evaluation.report import Report
from bilstm_crf.evaluation.tables import by_size, confusion_tables, interval_note, strict_table
from bilstm_crf.experiments import render
from bilstm_crf.experiments.records import CountTable, RunResults, Score, ScoreTable
from bilstm_crf.experiments.records import Table as ResultTable
from bilstm_crf.render.charts import Bars, Line, LineChart, Point, PointChart, point_bounds, y_bounds
from bilstm_crf.render.document import (
    Block,
    CodeBlock,
    Document,
    Figure,
    Folded,
    Gallery,
    Listing,
    Paragraph,
    Section,
)
from bilstm_crf.render.table import Cell, Code, Interval, Number, Percent, Table, columns, matrix, show
from bilstm_crf.reports import provenance
from bilstm_crf.reports.calibration import reliability_blocks
from bilstm_crf.reports.read import ReportData
from bilstm_crf.training.records import EpochRow, best_row
from bilstm_crf.training.run_folder import FINAL
from bilstm_crf.version import __version__

MAX_OPEN_ROWS = 12  # of a table on a page; longer ones are folded
CURVES = (
    "One line per seed, named to the right; the ring is the epoch whose model is kept. The loss is the sum "
    "over the sentences, on a logarithmic scale."
)
POINTS = "Dot: mean F1 in per cent; bar: 95 % interval"
NOT_RUN = "What was not run, and why"
HEAT = "Gold down, predicted across; the shade is the share of the row. O: outside of every entity."


class HasF1(Protocol):
    """The score of an entity type."""

    @property
    def f1(self) -> float: ...
    @property
    def gold(self) -> int: ...


def build_report(data: ReportData) -> Document:
    """Return the report: the tables, the runs, runs without a table, and where everything comes from."""
    sections = [Section(table.title, _table(table, data.runs)) for table in data.tables]
    overview = None if data.is_single else provenance.overview(data)
    for found in (overview, provenance.final_phases(data)):
        if found is not None:
            sections.append(Section(found.title, [_fold(found.titled(""), "runs")]))
    for name, run in data.loose.items():
        if data.is_single:
            sections += _run(name, run)
        else:
            about = [Paragraph(line) for line in _about_run(run)]
            sections.append(Section(name, [*about, Folded("Scores, curves and confusions", _run(name, run))]))
    if data.runs:
        sections.append(Section("Where this comes from", _provenance(data)))
    made_by = f"Report made by bilstm_crf {__version__}."
    if data.is_single:
        intro = [line for run in data.runs.values() for line in _about_run(run)]
    else:
        intro = [provenance.count_runs(data)] if overview is not None else []
    title = f"{'Run' if data.is_single else 'Report of'} {data.name}"
    return Document(title, [Paragraph(line) for line in (*intro, made_by)], sections)


def _fold(table: Table, what: str) -> Block:
    """Return the table, folded if it is long."""
    return Folded(f"{len(table.rows)} {what}", [table]) if len(table.rows) > MAX_OPEN_ROWS else table


# ---------------------------------------------------------------- the table of an experiment


def _table(table: ResultTable, runs: Mapping[str, RunResults]) -> list[Block]:
    about: list[Block] = [Paragraph(line, is_note=True) for line in render.about(table)]
    if isinstance(table, CountTable):
        return [*about, render.counts(table).titled("")]
    compared = render.comparisons(table) if table.comparisons.pairs else None
    parts: list[Block] = [
        Section(NOT_RUN, [Listing(missing)] if (missing := render.not_run(table)) else []),
        *([Section(compared.title, [_fold(compared.titled(""), "comparisons")])] if compared else []),
        Section("Learning curves", _curves_of_table(table, runs)),
    ]
    scored = any(cell.mean is not None for _, cell in render.named_cells(table))
    if scored:
        parts.append(Section("F1 by entity type", [Folded("Bars and table", _by_type(table))]))
        is_topic = table.kind == "confusion"
        maps = [*render.confusions(table), *(_token_matrices(table) if is_topic else [])]
        matrices: list[Block] = [Paragraph(HEAT, is_note=True), Gallery(maps)]
        confusion = Section("Confusion", matrices if is_topic else [Folded("Matrices", matrices)])
        parts.insert(0 if is_topic else len(parts), confusion)
    every = [Folded("Every seed", [render.every_seed(table).titled("")])] if scored else []
    return [*about, *_points(table), render.scores(table).titled(""), *every, *parts]


def _token_matrices(table: ScoreTable) -> list[Table]:
    """Return the confusion matrix of tokens of each cell."""
    return [
        matrix(f"{name}: tokens", cell.confusion.types, cell.confusion.words)
        for name, cell in render.named_cells(table)
        if cell.confusion is not None
    ]


def _points(table: ScoreTable) -> list[Block]:
    """Return a chart for each column: the mean of every row, its interval and the paper's number."""
    points: dict[str, list[Point]] = {}
    for row in table.rows:
        for cell in row.cells:
            if cell.mean is not None and cell.interval is not None:
                point = Point(row.row, cell.mean, cell.interval.low, cell.interval.high, cell.paper)
                points.setdefault(cell.column, []).append(point)
    if not points:
        return []
    every = [point for of_column in points.values() for point in of_column]
    bounds = point_bounds(every)
    has_paper = any(point.reference is not None for point in every)
    legend = Paragraph(f"{POINTS}{'; upright stroke: the paper' * has_paper}.", is_note=True)
    if len(table.columns) == 1:
        return [legend, Figure("", PointChart(every))]
    return [legend, Gallery([Figure(name, PointChart(found, bounds)) for name, found in points.items()])]


def _curves_of_table(table: ScoreTable, runs: Mapping[str, RunResults]) -> list[Block]:
    """Return the curves of every training whose runs are here, with one scale for all."""
    found = {
        label: {name: runs[name] for name in names if name in runs and runs[name].history}
        for names, label in render.trainings(table).items()
    }
    alike = [run for of_label in found.values() for run in of_label.values()]
    if not alike:
        return []
    parts = [
        part for label, chosen in found.items() if chosen for part in _curves(label, chosen.values(), alike)
    ]
    return [Folded(f"{len(alike)} runs", [Paragraph(CURVES, is_note=True), *parts], everywhere=False)]


def _by_type(table: ScoreTable) -> list[Block]:
    bars = [_bars(name, cell.types) for name, cell in render.named_cells(table) if cell.mean is not None]
    legend = Paragraph("Beside each bar F1, in brackets the gold spans.", is_note=True)
    return [legend, Gallery(bars, min_width=19), render.by_type(table).titled("")]


def _bars(caption: str, types: Mapping[str, HasF1]) -> Figure:
    """Return F1 by entity type, and in brackets the gold spans that it is based on."""
    ordered = sorted(types.items(), key=lambda item: (-item[1].gold, item[0]))
    rows = [(name, score.f1, f"{show(Percent(score.f1))} ({score.gold:,})") for name, score in ordered]
    return Figure(caption, Bars(rows))


# ---------------------------------------------------------------- learning curves


def _curves(name: str, runs: Iterable[RunResults], alike: Sequence[RunResults]) -> list[Block]:
    """Return both charts of runs, in the scale of all that are alike, and their numbers."""
    runs = list(runs)
    charts = [
        Figure(
            f"{name}: {what}",
            LineChart(
                f"{name}: {what} by epoch",
                [_line(run, value) for run in runs],
                is_logarithmic=what == "training loss",
                bounds=y_bounds([_line(run, value) for run in alike]),
            ),
        )
        for what, value in (("dev F1, per cent", _dev_f1), ("training loss", lambda row: row.loss))
    ]
    return [Gallery(charts), Folded(f"{name} in numbers", [_numbers(runs)], everywhere=False)]


def _dev_f1(row: EpochRow) -> float:
    return round(100 * row.dev.f1, 2) if row.dev else 0.0


def _line(run: RunResults, value: Callable[[EpochRow], float]) -> Line:
    best, seed = best_row(run.history), str(run.description.config.run.seed)
    points = [(row.epoch, value(row)) for row in run.history]
    return Line(f"seed {seed}", seed, points, kept=(best.epoch, value(best)))


def _numbers(runs: Sequence[RunResults]) -> Table:
    """Return what the charts show: one row per epoch, two columns per run."""
    seeds = [run.description.config.run.seed for run in runs]
    heads = [f"{what}, seed {seed}" for seed in seeds for what in ("dev F1", "loss")]
    by_epoch = [{row.epoch: row for row in run.history} for run in runs]
    rows = []
    for epoch in sorted({epoch for each in by_epoch for epoch in each}):
        cells: list[Cell] = [str(epoch)]
        for run, found in zip(runs, by_epoch, strict=True):
            row = found.get(epoch)
            kept = " (kept)" if row is not None and row == best_row(run.history) else ""
            dev = row.dev.f1 if row is not None and row.dev is not None else None
            cells += [(Percent(dev), kept), Number(row.loss if row is not None else None)]
        rows.append(cells)
    return Table("", columns("epoch", *heads), rows)


# ---------------------------------------------------------------- a run


def _about_run(run: RunResults) -> list[Cell]:
    """Say how a run stands, and its scores."""
    if run.metrics is None:
        best = best_row(run.history) if run.history else None
        so_far: Cell = ""
        if best is not None and best.dev is not None:
            so_far = (f"; the best is epoch {best.epoch}, dev F1 ", Percent(best.dev.f1))
        state = provenance.state_of(run)
        return [
            (f"Not finished: {state}", so_far, ". To continue it: bilstm-crf train --resume and its folder.")
        ]
    metrics, reports, took = run.metrics, run.metrics.reports, provenance.minutes(run)
    lines: list[Cell] = [
        f"Seed {metrics.seed}, {metrics.epochs} epochs{f' in {took:.1f} minutes' if took else ''}; "
        f"the model is that of epoch {metrics.best_epoch}.",
        *(
            (f"{split.capitalize()} strict ", *interval_note(report, decimals=1), ".")
            for split, report in reports.items()
        ),
        render.OPTIMISTIC,
    ]
    if metrics.final:
        lines.append(provenance.FINAL_PHASE)
    if not any(name.startswith("test") for name in reports):
        lines.append("Test: not run, there were no test files.")
    return lines


def _run(name: str, run: RunResults) -> list[Section]:
    """Return the scores of one run, its curves and its confusions."""
    reports = run.metrics.reports if run.metrics else {}
    sections = [Section(f"Scores on {split}", [_scores(report)]) for split, report in reports.items()]
    if run.scores:
        sections.append(Section("Evaluations", [_evaluations(run.scores)]))
    calibration = run.metrics.calibration if run.metrics else None
    if calibration is not None:
        sections.append(Section("Calibration on dev", reliability_blocks(calibration)))
    if run.history:
        curves = [Paragraph(CURVES, is_note=True), *_curves(name, [run], [run])]
        sections.append(Section("Learning curves", curves, everywhere=False))
    maps = [
        table
        for split, report in reports.items()
        for table in confusion_tables(report.confusion, f"{split}: ")
    ]
    if maps:
        sections.append(Section("Confusion", [Paragraph(HEAT, is_note=True), Gallery(maps)]))
    return sections


def _scores(report: Report) -> Block:
    table = strict_table("", report.strict, [Code(report.signatures["strict"])])
    types = dict(by_size(report.strict.types))
    return Gallery([table, _bars("F1 by entity type (gold spans)", types)], min_width=24)


def _evaluations(scores: Mapping[str, Score]) -> Table:
    """Scores on other languages, splits and label sets."""
    rows = []
    for name, score in scores.items():
        micro, interval = score.report.strict.micro, score.report.interval
        phase = " (second phase)" if score.model == FINAL else ""
        cells: list[Cell] = [Percent(micro.precision), Percent(micro.recall), Percent(micro.f1)]
        cells += [Interval(interval.low, interval.high, decimals=1), micro.gold, micro.predicted]
        rows.append([f"{name}{phase}", *cells, Code(score.report.signatures["strict"])])
    heads = ("precision", "recall", "F1", "95 % interval", "gold", "predicted", "signature")
    return Table("", columns("", *heads, left=["signature"]), rows)


def _provenance(data: ReportData) -> list[Block]:
    parts: list[Block] = [
        Section(table.title, [_fold(table.titled(""), "rows")]) for table in provenance.tables(data)
    ]
    commands = provenance.commands(data)
    block: Block = CodeBlock(commands)
    folded = Folded(f"{len(commands)} commands", [block]) if len(commands) > 3 else block
    return [*parts, Section("Commands", [folded])]
