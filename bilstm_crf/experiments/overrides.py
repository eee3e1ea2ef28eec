"""The same experiment with something else in every run: another table, marked as such."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bilstm_crf.embeddings.names import NONE
from bilstm_crf.encoder.loading import is_local
from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.definition import Cell, Experiment
from bilstm_crf.experiments.plan import fits
from bilstm_crf.experiments.settings import Settings, shortened


def with_seeds(experiment: Experiment, seeds: Sequence[int]) -> Experiment:
    """The same with these seeds; itself where the file asks for no others, or nothing is trained.

    Another table, or a look at one seed would take the others' place in the table of all.
    """
    if not experiment.cells or sorted(seeds) == sorted(experiment.seeds):
        return experiment
    named = ",".join(map(str, sorted(seeds)))
    return dataclasses.replace(
        experiment,
        name=f"{experiment.name}-seeds={shortened(named)}",
        title=f"{experiment.title} (seeds: {named.replace(',', ', ')})",
        seeds=list(seeds),
    )


def with_epochs(experiment: Experiment, epochs: int, only: Sequence[str] = ()) -> Experiment:
    """The same with so many epochs in every run: a quick look where they are fewer.

    A curriculum counts batches, so a row with one cannot have them, and is left out. Raises UsageError where
    it is to run; `only` are the patterns of what is, all rows where there are none.
    """
    counting = {cell.row for cell in experiment.cells if cell.settings.config.stages}
    for cell in experiment.cells:
        runs = cell.runs(experiment.seeds)
        asked = not only or any(fits(pattern, cell, run) for pattern in only for run in runs)
        if cell.row in counting and asked:
            raise UsageError(
                f'--epochs {epochs}: [[row]] "{cell.row}" of {experiment.path} has a curriculum, which '
                "counts batches, not epochs",
                hint="--only PATTERN runs other rows; fewer batches are another curriculum in the file",
            )
    kept = [cell for cell in experiment.cells if cell.row not in counting]
    cells = [_changed(cell, cell.settings.change({"epochs": epochs})) for cell in kept]
    quick = any(cell.settings.config.schedule.epochs > epochs for cell in kept)
    title = experiment.title if quick else f"{experiment.title} (epochs: {epochs})"
    return _with_cells(experiment, cells, f"epochs={epochs}", quick=quick, title=title)


def with_encoder(experiments: Sequence[Experiment], bert: str) -> list[Experiment]:
    """The same with this encoder, a name or a folder, in every run that has one; their titles say so.

    Raises UsageError where no run has one.
    """
    if all(cell.settings.bert == NONE for experiment in experiments for cell in experiment.cells):
        raise UsageError(f"--encoder {bert}: no row of these files has an encoder that it could replace")
    return [_with_encoder(experiment, bert) for experiment in experiments]


def _with_encoder(experiment: Experiment, bert: str) -> Experiment:
    name = Path(bert).name
    cells = [
        cell if cell.settings.bert == NONE else _changed(cell, dataclasses.replace(cell.settings, bert=bert))
        for cell in experiment.cells
    ]
    title = f"{experiment.title} (encoder: {name if is_local(bert) else bert})"
    return _with_cells(experiment, cells, f"bert={name}", title=title)


def _changed(cell: Cell, settings: Settings) -> Cell:
    return dataclasses.replace(cell, settings=settings)


def _with_cells(experiment: Experiment, cells: list[Cell], what: str, **more: Any) -> Experiment:
    """The experiment itself where nothing is changed; else one whose name says what was."""
    if cells == experiment.cells:
        return experiment
    return dataclasses.replace(experiment, name=f"{experiment.name}-{what}", cells=cells, **more)
