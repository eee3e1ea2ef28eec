"""Show runs to a person while they run: a live table on a terminal, lines elsewhere."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bilstm_crf.experiments.plan import Task
from bilstm_crf.training.records import EpochRow
from bilstm_crf.training.run_folder import is_finished
from bilstm_crf.util.progress import say, visible

INTERVAL = 60.0  # seconds between two lines on what runs, where there is no terminal
MAX_NAME = 40  # characters of a run's name in the live table; its end tells it from others
STATES = ("done", "failed", "waiting", "not run")  # all others are at work
SHOWN = ("training", "scoring", "elsewhere", "failed")


def summary(tasks: Sequence[Task], jobs: int) -> str:
    """Return how many runs are in which state, and how long the rest will take."""
    count = {state: sum(task.state == state for task in tasks) for state in STATES}
    running = len(tasks) - sum(count.values())
    counts = [
        f"{count['done']} of {len(tasks)} runs done",
        f"{running} running",
        f"{count['waiting']} waiting",
    ]
    counts += [f"{count[state]} {state}" for state in ("failed", "not run") if count[state]]
    left = time_left(tasks, jobs)
    if left is None or not left.seconds:
        return ", ".join(counts)
    by = ", at the pace of runs with other settings" * left.is_rough
    return f"{', '.join(counts)}; about {clock(left.seconds)} left{by}"


def describe(tasks: Sequence[Task], jobs: int) -> list[str]:
    """Return a line for each run: how far it has come and what it is scored on; then the summary."""
    lines = []
    for task in tasks:
        if is_finished(task.folder) and task.state == "waiting":
            task.state = "done"
        scored_on = " ".join(evaluation.name for evaluation in task.evaluations)
        known = {"done": "done", "not run": task.reason, "failed": f"failed: {task.reason}"}
        lines.append(f"{task.run.name}  {known.get(task.state, task.progress)}, scored on {scored_on}")
    return [*lines, f"{summary(tasks, jobs)}, with {jobs} at once"]


class Display(contextlib.ExitStack):
    """A live table of running and failed runs on a terminal; elsewhere a line per event, and one a minute."""

    def __init__(self, jobs: int) -> None:
        super().__init__()
        self._jobs = jobs
        self._last = time.monotonic()
        # Drawn when the runner looks at its children: a drawing thread would not survive a fork
        console = Console(stderr=True, highlight=False)
        self._live = (
            Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self.enter_context(self._live)
        return self

    def say(self, line: str) -> None:
        """Show a line that stays."""
        if self._live:
            self._live.console.print(visible(line), markup=False, soft_wrap=True)
        else:
            say(line)

    def update(self, tasks: Sequence[Task]) -> None:
        """Show how far the tasks have come."""
        if self._live:
            self._live.update(table(tasks, self._jobs), refresh=True)
        elif time.monotonic() - self._last > INTERVAL:
            self._last = time.monotonic()
            at_work = [f"{task.run.name} {task.progress}" for task in tasks if task.state == "training"]
            say("; ".join([summary(tasks, self._jobs), *at_work]))


def table(tasks: Sequence[Task], jobs: int) -> Table:
    """Return a table of the runs that are at work or have failed, with the summary below."""
    shown = Table(box=None, caption=summary(tasks, jobs), caption_justify="left", pad_edge=False)
    for heading in ("run", "state", "epoch", "dev F1", "best", "left"):
        shown.add_column(heading, justify="left" if heading in ("run", "state") else "right", no_wrap=True)
    for task in tasks:
        if task.state in SHOWN:
            left = time_left([task], 1)
            name = task.run.name
            shown.add_row(
                name if len(name) <= MAX_NAME else f"…{name[-MAX_NAME + 1 :]}",
                task.state,
                f"{len(task.history)}/{task.epochs}",
                f"{100 * task.history[-1].dev_f1:.2f}" if task.history else "",
                f"{100 * task.best.dev_f1:.2f}" if task.best else "",
                clock(left.seconds) if left and task.state != "failed" else "",
            )
    return shown


# ---------------------------------------------------------------- time left


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
