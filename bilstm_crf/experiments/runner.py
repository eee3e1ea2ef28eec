"""The runner trains and scores in child processes, several at once, and can be killed at any moment.

A run is `bilstm-crf train --config FILE` in its own folder, or `train --resume` where it was started before.
All state lies in the folders: a runner that starts looks there and continues.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from bilstm_crf.errors import InterruptedRunError
from bilstm_crf.experiments.display import Display, clock, seconds_of
from bilstm_crf.experiments.plan import RunnerOptions, Task, missing_scores, other_run
from bilstm_crf.experiments.process import Child, holder, stop, take_lock
from bilstm_crf.experiments.scoring import ScoringJob
from bilstm_crf.training.provenance import command_line
from bilstm_crf.training.run_folder import is_finished

POLL = 0.2  # seconds between two looks at the children
# As the console script is called, so that config.json and messages name the command as a person types it.
PROGRAM = "import sys; sys.argv[0] = 'bilstm-crf'; from bilstm_crf.commands.main import run; sys.exit(run())"


class Runner:
    """Brings tasks to `done` or `failed`."""

    def __init__(
        self, tasks: Sequence[Task], options: RunnerOptions, display: Display, ended: Callable[[], object]
    ) -> None:
        """Make a runner; it calls `ended` whenever work on a run has ended."""
        # Finished runs first, so that they count as done from the start
        self._tasks = sorted(tasks, key=lambda task: not is_finished(task.folder))
        self._options, self._display, self._ended = options, display, ended
        self._children: dict[str, Child] = {}  # by the run's name
        self._locks: dict[str, int] = {}

    def run(self) -> None:
        """Run all tasks. Raises InterruptedRunError after Ctrl-C, once the children have ended."""
        try:
            with self._display:
                while self._start() or self._children:
                    self._display.update(self._tasks)
                    time.sleep(POLL)
                    self._look()
        except KeyboardInterrupt:
            stop(self._children.values())
            raise self._interrupted() from None
        finally:
            stop(self._children.values())
            for lock in self._locks.values():
                os.close(lock)

    def _start(self) -> bool:
        """Start tasks while there is room; return whether some are left that were not started here."""
        for task in self._tasks:
            if len(self._children) == self._options.jobs or task.state not in ("waiting", "elsewhere"):
                continue
            lock = take_lock(task.folder)
            if lock is not None:
                self._locks[task.run.name] = lock
                self._options.results.forget(task.run.name)
                other = other_run(task, self._options)
                if other:
                    task.set_foreign(other)
                    self._end(task, task.reason)
                else:
                    self._next_step(task)
            elif task.state == "waiting":
                task.state, task.reason = "elsewhere", f"locked by {holder(task.folder)}"
                self._display.say(f"{task.run.name}: {task.reason}")
        return any(task.state in ("waiting", "elsewhere") for task in self._tasks)

    def _look(self) -> None:
        """See what has become of the children, and of runs that other processes work on."""
        for task in self._tasks:
            if task.state in ("training", "elsewhere"):
                task.look()
            child = self._children.get(task.run.name)
            if child is not None and child.status is not None:
                del self._children[task.run.name]
                self._options.results.forget(task.run.name)
                self._end(task, child.fault()) if child.status else self._next_step(task)

    def _next_step(self, task: Task) -> None:
        step, command = next_step(task, self._options)
        if command is None:
            self._end(task)
        elif step == task.state:
            self._end(task, f"{step} ended without an error, but left nothing behind")
        else:
            if step == "training":
                begun = f"continues after {task.progress}" if task.history else step
                self._display.say(f"{task.run.name}: {begun}")
            task.state = step
            lock = self._locks[task.run.name]
            self._children[task.run.name] = Child(command, task.folder, lock, self._options.threads)

    def _end(self, task: Task, fault: str = "") -> None:
        """End work on a task: it is done, or has failed with this fault."""
        os.close(self._locks.pop(task.run.name))
        task.look()
        before, task.state, task.reason = task.state, "failed" if fault else "done", fault
        if fault or before != "waiting":  # else it was done long ago
            self._display.say(f"{task.run.name}: {f'failed: {fault}' if fault else _result(task)}")
            self._ended()

    def _interrupted(self) -> InterruptedRunError:
        done = sum(task.state == "done" for task in self._tasks)
        begun = [task for task in self._tasks if task.state == "training"]
        for task in begun:
            task.look()
        safe = "".join(f"; {task.run.name} is safe up to {task.progress}" for task in begun if task.history)
        return InterruptedRunError(
            f"Interrupted: {done} of {len(self._tasks)} runs are done{safe}.  Continue:  {command_line()}"
        )


def next_step(task: Task, options: RunnerOptions) -> tuple[str, list[str] | None]:
    """Return what the task needs next, and the command for it; None: nothing."""
    if not is_finished(task.folder):
        return "training", [sys.executable, "-c", PROGRAM, *train_arguments(task, options)]
    missing = missing_scores(task, options)
    if missing:
        jobs = []
        for each in missing:
            data = options.data(each.language)
            jobs.append(ScoringJob(each, options.files(each), data.format, data.misc_key))
        content = json.dumps([asdict(job) for job in jobs])
        module = "bilstm_crf.experiments.scoring"
        trust = ["--trust-remote-code"] * options.trust_remote_code
        return "scoring", [sys.executable, "-m", module, str(task.folder), content, *trust]
    return "done", None


def train_arguments(task: Task, options: RunnerOptions) -> list[str]:
    """Return the arguments of `bilstm-crf` that train a run; its configuration is written to a file."""
    if (task.folder / "config.json").exists():
        return ["train", "--resume", str(task.folder)]
    return ["train", "--config", str(options.write_config(task.run)), "--output", str(task.folder)]


def _result(task: Task) -> str:
    best = task.best
    if best is None:
        return "done"
    seconds = sum(seconds_of(task.history))
    return f"done, dev F1 {100 * best.dev_f1:.2f} (epoch {best.epoch}), {clock(seconds)}"
