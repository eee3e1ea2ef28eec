"""A folder that `bilstm-crf experiment` or `train` has written, read and checked: Material goes out.

Models are not looked at, so results that were kept without them will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.check import check, read_json
from bilstm_crf.experiments.results import best_row, read_history, read_metrics
from bilstm_crf.experiments.shapes import CONFIG, KINDS, check_report, check_table, reports_of


@dataclass(frozen=True)
class Run:
    """One training, as its folder tells of it."""

    name: str
    described: dict[str, Any]  # config.json
    history: list[dict[str, Any]]  # history.jsonl, a row an epoch
    metrics: dict[str, Any] | None  # metrics.json; None: it is not finished
    scores: dict[str, dict[str, Any]]  # scores/*.json, by evaluation

    @property
    def config(self) -> dict[str, Any]:
        """The configuration, as RunConfig.to_json gives it."""
        config: dict[str, Any] = self.described["config"]
        return config

    @property
    def seed(self) -> str:
        """As the tables write it."""
        return str(self.config["run"]["seed"])

    @property
    def best(self) -> Mapping[str, Any] | None:
        """The epoch with the best dev F1 so far, the one that is kept."""
        return best_row(self.history) if self.history else None

    @property
    def state(self) -> str:
        """How far it has come, for people."""
        if self.metrics is not None:
            return "done"
        epochs = self.config["schedule"]["epochs"]
        return f"unfinished: {len(self.history)} of {epochs} epochs" if self.history else "no epoch finished"

    @property
    def reports(self) -> dict[str, dict[str, Any]]:
        """What metrics.json says of its models: of dev, and of test where there were test files."""
        return reports_of(self.metrics or {})

    @property
    def second_phase(self) -> Mapping[str, Any] | None:
        """What metrics.json says of the training on train and dev together, where there was one."""
        return (self.metrics or {}).get("final")


@dataclass(frozen=True)
class Material:
    """What a report is made of: the tables of an experiment and its runs, or one run."""

    name: str  # of the folder
    tables: list[dict[str, Any]]  # tables/*.json
    runs: dict[str, Run]
    single: bool = False  # the folder is that of one run

    @property
    def loose(self) -> list[Run]:
        """The runs that no table asks for: the single one, results kept without their table."""
        return [run for run in self.runs.values() if run.name not in _named(self.tables)]


def read_material(folder: Path) -> Material:
    """All of a folder. Raises UsageError where there is nothing to report, InputError for a damaged file."""
    name = folder.resolve().name
    if (folder / "config.json").exists():
        return Material(name, [], {name: read_run(folder, name)}, single=True)
    found = [_table(path) for path in sorted(folder.glob("tables/*.json"))]
    tables = sorted(found, key=lambda table: KINDS.index(table["kind"]))
    named = _named(tables)
    runs_in = folder / "runs" if (folder / "runs").is_dir() else folder
    runs = {
        path.parent.name: read_run(path.parent, path.parent.name, with_scores=path.parent.name not in named)
        for path in sorted(runs_in.glob("*/config.json"))
    }
    if not tables and not runs:
        raise UsageError(
            f"{folder}: there is nothing to report: "
            + ("no tables/*.json, no runs, no config.json" if folder.is_dir() else "there is no such folder"),
            hint="expected DIR of `bilstm-crf experiment --output DIR` or of `bilstm-crf train --output DIR`",
        )
    return Material(name, tables, runs)


def _table(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = read_json(path)
    check_table(table, path)
    return table


def _named(tables: list[dict[str, Any]]) -> set[str]:
    """The runs that tables ask for."""
    return {name for table in tables for name in table.get("runs", ())}


def read_run(folder: Path, name: str, *, with_scores: bool = True) -> Run:
    """A run from its folder, whatever of it is there beside config.json. Raises InputError."""
    described = read_json(folder / "config.json")
    check(described, CONFIG, folder / "config.json")
    scores = {}
    for path in sorted(folder.glob("scores/*.json")) if with_scores else ():
        scores[path.stem] = read_json(path)
        check_report(scores[path.stem], path)
    return Run(name, described, read_history(folder), read_metrics(folder), scores)
