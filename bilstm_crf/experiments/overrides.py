"""Change one thing in every run of an experiment: the result is another table with a name of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bilstm_crf.encoder.loading import is_local
from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.definition import Cell, Experiment
from bilstm_crf.experiments.runs import Run, shortened


def fits(pattern: str, cell: Cell, run: Run) -> bool:
    """Return whether a pattern of --only selects this run of the cell."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in (cell.row, run.name))


def with_seeds(experiment: Experiment, seeds: Sequence[int]) -> Experiment:
    """Return the experiment with other seeds; itself if they are the file's or nothing is trained."""
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
    """Return the experiment with another number of epochs in every run: a quick look if it is smaller.

    A curriculum counts batches, so a row with one is left out. Raises UsageError where such a row is asked
    for: `only` holds the patterns of --only, none of which stands for all rows.
    """
    counting = {cell.row for cell in experiment.cells if cell.config.stages}
    for cell in experiment.cells:
        runs = cell.runs(experiment.seeds)
        asked = not only or any(fits(pattern, cell, run) for pattern in only for run in runs)
        if cell.row in counting and asked:
            raise UsageError(
                f'--epochs {epochs}: [[row]] "{cell.row}" of {experiment.path} has a curriculum, which '
                "counts batches, not epochs",
                hint="--only PATTERN selects other rows; change the curriculum in the file instead",
            )
    kept = [cell for cell in experiment.cells if cell.row not in counting]
    quick = any(cell.config.schedule.epochs > epochs for cell in kept)
    title = experiment.title if quick else f"{experiment.title} (epochs: {epochs})"
    cells = [_changed(cell, {"schedule.epochs": epochs}) for cell in kept]
    return _with_cells(experiment, cells, f"epochs={epochs}", quick=quick, title=title)


def with_encoder(experiments: Sequence[Experiment], encoder: str) -> list[Experiment]:
    """Return the experiments with this encoder, a name or a folder, in every run that has one.

    Raises UsageError where no run has one.
    """
    if not any(cell.config.encoder for experiment in experiments for cell in experiment.cells):
        raise UsageError(f"--encoder {encoder}: no row of these files has an encoder to replace")
    name = Path(encoder).name
    shown = name if is_local(encoder) else encoder
    return [
        _with_cells(
            each,
            [
                _changed(cell, {"encoder.name": encoder}) if cell.config.encoder else cell
                for cell in each.cells
            ],
            f"encoder={name}",
            title=f"{each.title} (encoder: {shown})",
        )
        for each in experiments
    ]


def _changed(cell: Cell, values: dict[str, Any]) -> Cell:
    return dataclasses.replace(cell, config=cell.config.replace(values))


def _with_cells(experiment: Experiment, cells: list[Cell], what: str, **more: Any) -> Experiment:
    """Return the experiment itself if no cell has changed, else one whose name says what has."""
    if cells == list(experiment.cells):
        return experiment
    return dataclasses.replace(experiment, name=f"{experiment.name}-{what}", cells=cells, **more)
