"""How a report begins: its title, and what there is to know before the first figure."""

from __future__ import annotations

from bilstm_crf.experiments.render import percent
from bilstm_crf.reports import provenance
from bilstm_crf.reports.read import Material, Run
from bilstm_crf.reports.scores import OPTIMISTIC, PHASES, bootstrapped
from bilstm_crf.version import __version__


def title(material: Material) -> str:
    """The heading of the report."""
    return f"{'Run' if material.single else 'Report of'} {material.name}"


def lines(material: Material) -> list[str]:
    """Paragraphs below the heading."""
    made_by = f"Report made by bilstm_crf {__version__}."
    if material.single:
        return [*(line for run in material.runs.values() for line in of_run(run)), made_by]
    return [provenance.counts(material), made_by] if provenance.overview(material) else [made_by]


def of_run(run: Run) -> list[str]:
    """How a run stands, and what came of it."""
    if run.metrics is None:
        best = run.best
        so_far = f"; the best is epoch {best['epoch']}, dev F1 {percent(best['dev']['f1'])}" if best else ""
        return [
            f"Not finished: {run.state}{so_far}. To go on with it: bilstm-crf train --resume, and its folder."
        ]
    epochs, best_epoch, minutes = run.metrics["epochs"], run.metrics["best_epoch"], provenance.minutes(run)
    took = f" in {minutes} minutes" if minutes else ""
    said = [
        f"Seed {run.seed}, {epochs} epochs{took}; the model is that of epoch {best_epoch}.",
        *(f"{split.capitalize()} {bootstrapped(report)}" for split, report in run.reports.items()),
        OPTIMISTIC,
        *([PHASES] if run.second_phase else []),
    ]
    tested = any(name.startswith("test") for name in run.reports)
    return said if tested else [*said, "Test: not run, there were no test files."]
