"""What a person sees of runs: before, while they go on (a live table on a terminal, lines elsewhere)."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from bilstm_crf.experiments.pace import time_left
from bilstm_crf.experiments.plan import Task
from bilstm_crf.experiments.runner import How, Watch, clock, train_options
from bilstm_crf.training import run_folder
from bilstm_crf.util.progress import say

INTERVAL = 60.0  # seconds between two lines on what runs, where there is no terminal
MAX_NAME = 40  # characters of a run's name in the live table; its end tells it from others
STATES = ("done", "failed", "waiting", "not run")  # all others are at work
SHOWN = ("training", "scoring", "elsewhere", "failed")


def make_watch(jobs: int) -> Watch:
    """The live table where standard error is a terminal, else lines."""
    return LiveTable(jobs) if sys.stderr.isatty() else Lines(jobs)


def summary(tasks: Sequence[Task], jobs: int) -> str:
    """How many runs are where, and how long the rest will take."""
    count = {state: sum(task.state == state for task in tasks) for state in STATES}
    running = len(tasks) - sum(count.values())
    counts = [
        f"{count['done']} of {len(tasks)} runs done",
        f"{running} at work",
        f"{count['waiting']} waiting",
    ]
    counts += [f"{count['failed']} failed"] * bool(count["failed"])
    counts += [f"{count['not run']} not run"] * bool(count["not run"])
    left = time_left(tasks, jobs)
    if left is None or not left.seconds:
        return ", ".join(counts)
    by = ", at the pace of runs with other settings" * left.foreign
    return f"{', '.join(counts)}; about {clock(left.seconds)} left{by}"


def would_run(tasks: Sequence[Task], how: How) -> str:
    """What --dry-run says: each run, how far it has come, what it is scored on, its command."""
    lines = []
    for task in tasks:
        if run_folder.is_finished(task.folder) and task.state != "failed":
            task.state = "done"
        scored_on = " ".join(evaluation.name for evaluation in task.evaluations)
        known = {"done": "done", "not run": task.reason, "failed": f"failed: {task.reason}"}
        state = known.get(task.state, task.progress)
        lines.append(f"{task.run.name}  {state}, scored on {scored_on}")
        if task.state != "done":
            lines.append(f"  {shlex.join(['bilstm-crf', 'train', *train_options(task, how)])}")
    lines.append(f"{summary(tasks, how.jobs)}, with {how.jobs} at once")
    return "\n".join(lines) + "\n"


class Lines:
    """One line an event, and once a minute one on what runs."""

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
    """A table of what runs and what has failed, above it the lines that stay, below it what is left."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        # Drawn when the runner looks at its children, not by a thread, which a fork would leave behind.
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
    """The runs that are at work or have failed; the summary below."""
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
                f"{100 * task.history[-1]['dev']['f1']:.2f}" if task.history else "",
                f"{100 * task.best['dev']['f1']:.2f}" if task.best else "",
                clock(left.seconds) if left and task.state != "failed" else "",
            )
    return shown
