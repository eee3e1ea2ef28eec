"""Show runs to a person while they run: a live table on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bilstm_crf.experiments.pace import clock, time_left
from bilstm_crf.experiments.plan import Task
from bilstm_crf.experiments.runner import Display
from bilstm_crf.training.run_folder import is_finished
from bilstm_crf.util.progress import say

INTERVAL = 60.0  # seconds between two lines on what runs, where there is no terminal
MAX_NAME = 40  # characters of a run's name in the live table; its end tells it from others
STATES = ("done", "failed", "waiting", "not run")  # all others are at work
SHOWN = ("training", "scoring", "elsewhere", "failed")


def make_display(jobs: int) -> Display:
    """Return the live table where standard error is a terminal, else lines."""
    return LiveTable(jobs) if sys.stderr.isatty() else Lines(jobs)


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


class Lines:
    """Prints a line per event, and once a minute one on what runs."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, line: str) -> None:
        say(line)

    def update(self, tasks: Sequence[Task]) -> None:
        if time.monotonic() - self._last > INTERVAL:
            self._last = time.monotonic()
            at_work = [f"{task.run.name} {task.progress}" for task in tasks if task.state == "training"]
            say("; ".join([summary(tasks, self._jobs), *at_work]))


class LiveTable:
    """A table of running and failed runs, below the lines that stay, above the time left."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        # Drawn when the runner looks at its children: a drawing thread would not survive a fork
        self._live = Live(console=Console(stderr=True, highlight=False), auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        self._live.console.print(line, markup=False, soft_wrap=True)

    def update(self, tasks: Sequence[Task]) -> None:
        self._live.update(table(tasks, self._jobs), refresh=True)


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
