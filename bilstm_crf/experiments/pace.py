"""How long the rest of an experiment will take, by the epochs that are done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bilstm_crf.experiments.plan import Task


class Left(NamedTuple):
    seconds: float
    foreign: bool  # for want of a nearer one, partly by the pace of runs that have little in common


def time_left(found: Sequence[Task], jobs: int) -> Left | None:
    """The pace of a run is its own, else that of the runs most like it; None: nothing to tell it by."""
    pools: dict[Any, list[float]] = defaultdict(list)
    for task in found:
        for key in _alike(task):
            pools[key] += seconds_of(task.history)
    if not pools[None]:
        return None
    rest, foreign = [], False
    for task in found:
        if task.state not in ("done", "failed", "not run"):
            nearest = next(key for key in _alike(task) if pools[key])
            foreign |= nearest is None
            pool = pools[nearest]
            rest.append((task.epochs - len(task.history)) * sum(pool) / len(pool))
    return Left(max(sum(rest) / jobs, max(rest)) if rest else 0.0, foreign)


def seconds_of(history: Iterable[Mapping[str, Any]]) -> list[float]:
    """How long each epoch took with its look at dev, where that is known."""
    known = [row for row in history if "seconds" in row and "dev_seconds" in row]
    return [row["seconds"] + row["dev_seconds"] for row in known]


def _alike(task: Task) -> tuple[Any, ...]:
    """What the pace depends on, the closest first; None: all runs."""
    settings = task.run.settings
    encoder = settings.bert, settings.config.tunes_encoder
    return task.run, settings, (settings.language, settings.embeddings, settings.preset, *encoder), None
