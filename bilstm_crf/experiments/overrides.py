"""The same experiment with something else in every run: another table, marked as such."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from bilstm_crf.bert.folder import is_local
from bilstm_crf.embeddings.names import NONE
from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.definition import Experiment
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


def with_epochs(experiment: Experiment, epochs: int) -> Experiment:
    """The same with so many epochs in every run: a quick look where they are fewer."""
    quick = any(cell.settings.recipe.epochs > epochs for cell in experiment.cells)
    changed = _changed(experiment, lambda settings: settings.change({"epochs": epochs}), f"epochs={epochs}")
    return experiment if changed is experiment else dataclasses.replace(changed, quick=quick)


def with_encoder(experiments: Sequence[Experiment], bert: str) -> list[Experiment]:
    """The same with this encoder, a name or a folder, in every run that has one; their titles say so.

    Raises UsageError where no run has one.
    """
    if all(cell.settings.bert == NONE for experiment in experiments for cell in experiment.cells):
        raise UsageError(f"--bert {bert}: no row of these files has an encoder that it could replace")
    return [_with_encoder(experiment, bert) for experiment in experiments]


def _with_encoder(experiment: Experiment, bert: str) -> Experiment:
    name = Path(bert).name

    def change(settings: Settings) -> Settings:
        return settings if settings.bert == NONE else dataclasses.replace(settings, bert=bert)

    changed = _changed(experiment, change, f"bert={name}")
    if changed is experiment:
        return experiment
    return dataclasses.replace(
        changed, title=f"{changed.title} (encoder: {name if is_local(bert) else bert})"
    )


def _changed(experiment: Experiment, change: Callable[[Settings], Settings], what: str) -> Experiment:
    """The experiment itself where nothing is changed; else one whose name says what was."""
    cells = [dataclasses.replace(cell, settings=change(cell.settings)) for cell in experiment.cells]
    if cells == experiment.cells:
        return experiment
    return dataclasses.replace(experiment, name=f"{experiment.name}-{what}", cells=cells)
