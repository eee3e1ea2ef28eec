"""Estimate how long the rest of an experiment will take from the epochs that are done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bilstm_crf.experiments.plan import Task
from bilstm_crf.training.records import EpochRow


class TimeLeft(NamedTuple):
    """Seconds to the end."""

    seconds: float
    is_rough: bool  # partly told by runs with other settings, for want of similar ones


def time_left(tasks: Sequence[Task], jobs: int) -> TimeLeft | None:
    """Return the time left by the pace of each run, else of the runs most like it; None if unknown."""
    pools: dict[Any, list[float]] = defaultdict(list)
    for task in tasks:
        for key in _similar(task):
            pools[key] += seconds_of(task.history)
    if not pools[None]:
        return None
    rest, is_rough = [], False
    for task in tasks:
        if task.state not in ("done", "failed", "not run"):
            nearest = next(key for key in _similar(task) if pools[key])
            is_rough |= nearest is None
            pool = pools[nearest]
            rest.append((task.epochs - len(task.history)) * sum(pool) / len(pool))
    return TimeLeft(max(sum(rest) / jobs, max(rest)) if rest else 0.0, is_rough)


def seconds_of(history: Iterable[EpochRow]) -> list[float]:
    """Return how long each epoch took, with scoring dev."""
    return [row.seconds + row.dev_seconds for row in history]


def clock(seconds: float) -> str:
    """Return hours, minutes and seconds.

    >>> clock(3671.4)
    '1:01:11'
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _similar(task: Task) -> tuple[Any, ...]:
    """Return what the pace depends on, the closest first; None: all runs."""
    run, config = task.run, task.run.config
    encoder = config.encoder and (config.encoder.name, config.encoder.finetune)
    alike = (run.corpus, config.words.embeddings, config.preset, encoder)
    return run, (run.corpus, config), alike, None
