"""Read what a report is about: one run, the results file of an experiment, or a folder of either.

Models are not looked at, so results that were kept without them will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.records import CountTable, RunResults, ScoreTable, Table
from bilstm_crf.experiments.results import read_results, read_run

KINDS = ("counts", "scores", "confusion")  # the order of tables in a report


@dataclass(frozen=True)
class ReportData:
    """The tables of experiments and their runs, or one run."""

    name: str  # of the folder or file
    tables: list[Table]
    runs: dict[str, RunResults]
    is_single: bool = False  # one run

    @property
    def score_tables(self) -> list[ScoreTable]:
        """The tables of trained models."""
        return [table for table in self.tables if isinstance(table, ScoreTable)]

    @property
    def loose(self) -> dict[str, RunResults]:
        """The runs that no table asks for."""
        asked = {name for table in self.score_tables for name in table.runs}
        return {name: run for name, run in self.runs.items() if name not in asked}


def read_report_data(path: Path) -> ReportData:
    """Return everything that there is in a folder or a results file.

    Raises UsageError if there is nothing to report, InputError for a damaged file.
    """
    name = path.resolve().stem if path.is_file() else path.resolve().name
    if (path / "config.json").exists():
        return ReportData(name, [], {name: read_run(path)}, is_single=True)
    files = [path] if path.is_file() else sorted(path.glob("*.json"))
    results = [read_results(file) for file in files]
    runs = {run: found for each in results for run, found in each.runs.items()}
    for folder in sorted((path / "runs" if (path / "runs").is_dir() else path).glob("*/config.json")):
        if folder.parent.name not in runs:
            runs[folder.parent.name] = read_run(folder.parent)
    tables = [each.table for each in results if each.table is not None]
    if not tables and not runs:
        found = "no *.json, no runs, no config.json" if path.is_dir() else "there is no such file or folder"
        raise UsageError(
            f"{path}: nothing to report ({found})",
            hint="expected DIR of `bilstm-crf experiment --output DIR` or of `bilstm-crf train --output DIR`",
        )
    return ReportData(name, sorted(tables, key=lambda table: KINDS.index(_kind(table))), runs)


def _kind(table: Table) -> str:
    return "counts" if isinstance(table, CountTable) else table.kind
