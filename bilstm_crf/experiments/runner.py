"""The runner: trains and scores in child processes, several at once, and can be killed at any moment.

A run is `bilstm-crf train` in its own folder, or `train --resume` where it was begun; metrics.json says that
it is trained, scores/ what it was scored on. All that there is to know lies in the folders: a runner that
starts looks there, and goes on.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from bilstm_crf.embeddings.names import KNOWN, NONE
from bilstm_crf.errors import InterruptedRunError
from bilstm_crf.experiments import plan
from bilstm_crf.experiments.corpora import Corpus, OwnCorpus
from bilstm_crf.experiments.pace import seconds_of
from bilstm_crf.experiments.plan import Task
from bilstm_crf.experiments.process import Child, holder, stop, take_lock
from bilstm_crf.experiments.settings import Evaluation
from bilstm_crf.training import run_folder
from bilstm_crf.training.provenance import command_line
from bilstm_crf.util import fields

POLL = 0.2  # seconds between two looks at the children
# As the console script is called, so that config.json and messages name the command as a person types it.
PROGRAM = "import sys; sys.argv[0] = 'bilstm-crf'; from bilstm_crf.commands.main import run; sys.exit(run())"


class Watch(Protocol):
    """Who shows a person what goes on; a context manager."""

    def __enter__(self) -> Any: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, line: str) -> None:
        """One line that stays."""

    def update(self, tasks: Sequence[Task]) -> None:
        """After each look at the children."""


@dataclass(frozen=True)
class How:
    """How runs are run; nothing of it is part of their names."""

    corpus: Corpus
    data: str | None  # as given with --data
    embeddings_dir: str | None
    jobs: int
    threads: int  # of each run
    own: Mapping[str, OwnCorpus] = field(default_factory=dict)  # corpora beside NorNE, resolved
    trust_remote_code: bool = False


class Runner:
    """Brings tasks to `done` or `failed`."""

    def __init__(self, tasks: Sequence[Task], how: How, watch: Watch, ended: Callable[[], object]) -> None:
        """`ended` is called whenever work on a run has come to its end."""
        # Finished runs first, so that they count as done from the start
        self._tasks = sorted(tasks, key=lambda task: not run_folder.is_finished(task.folder))
        self._how, self._watch, self._ended = how, watch, ended
        self._children: dict[str, Child] = {}  # by the run's name
        self._locks: dict[str, int] = {}

    def run(self) -> None:
        """Raises InterruptedRunError after Ctrl-C, when the children have ended; it says how to go on."""
        try:
            with self._watch:
                while self._begin() or self._children:
                    self._watch.update(self._tasks)
                    time.sleep(POLL)
                    self._look()
        except KeyboardInterrupt:
            stop(self._children.values())
            raise self._interrupted() from None
        finally:
            stop(self._children.values())
            for lock in self._locks.values():
                os.close(lock)

    def _begin(self) -> bool:
        """Begins tasks as long as there is room; whether some are left that are not begun here."""
        for task in self._tasks:
            if len(self._children) == self._how.jobs or task.state not in ("waiting", "elsewhere"):
                continue
            lock = take_lock(task.folder)
            if lock is not None:
                self._locks[task.run.name] = lock
                how, own = self._how, self._how.own.get(task.run.settings.language)
                other = plan.difference(task, how.corpus, how.embeddings_dir, own)
                if other is None:
                    self._next_step(task)
                else:
                    task.set_foreign(other)
                    self._end(task, task.reason)
            elif task.state == "waiting":
                task.state, task.reason = "elsewhere", f"{holder(task.folder)} is at it"
                self._watch.say(f"{task.run.name}: {task.reason}")
        return any(task.state in ("waiting", "elsewhere") for task in self._tasks)

    def _look(self) -> None:
        """What has become of the children, and of runs that other processes are at."""
        for task in self._tasks:
            if task.state in ("training", "elsewhere"):
                task.look()
            child = self._children.get(task.run.name)
            if child is not None and child.status is not None:
                del self._children[task.run.name]
                self._end(task, child.fault()) if child.status else self._next_step(task)

    def _next_step(self, task: Task) -> None:
        step, command = next_step(task, self._how)
        if command is None:
            self._end(task)
        elif step == task.state:
            self._end(task, f"{step} ended well and left nothing behind")
        else:
            if step == "training":
                begun = f"goes on after {task.progress}" if task.history else step
                self._watch.say(f"{task.run.name}: {begun}")
            task.state = step
            lock = self._locks[task.run.name]
            self._children[task.run.name] = Child(command, task.folder, lock, self._how.threads)

    def _end(self, task: Task, fault: str = "") -> None:
        """The task is done, or has failed with this fault."""
        os.close(self._locks.pop(task.run.name))
        task.look()
        before, task.state, task.reason = task.state, "failed" if fault else "done", fault
        if fault or before != "waiting":  # else it was done long ago
            self._watch.say(f"{task.run.name}: {f'failed: {fault}' if fault else _result(task)}")
            self._ended()

    def _interrupted(self) -> InterruptedRunError:
        done = sum(task.state == "done" for task in self._tasks)
        begun = [task for task in self._tasks if task.state == "training"]
        for task in begun:
            task.look()
        safe = "".join(f"; {task.run.name} is safe up to {task.progress}" for task in begun if task.history)
        return InterruptedRunError(
            f"Interrupted: {done} of {len(self._tasks)} runs are done{safe}.  Go on:  {command_line()}"
        )


def next_step(task: Task, how: How) -> tuple[str, list[str] | None]:
    """What the task needs next, and the command for it; None: nothing."""
    folder = str(task.folder)
    if not run_folder.is_finished(task.folder):
        train = [sys.executable, "-c", PROGRAM, "train"]
        if (task.folder / "config.json").exists():
            return "training", [*train, "--resume", folder]
        return "training", [*train, *train_options(task, how)]
    missing = plan.missing_scores(task, how.corpus)
    if missing:
        content = json.dumps([[vars(each), files, *_reading(each, how)] for each, files in missing])
        module = "bilstm_crf.experiments.scoring"
        trust = ["--trust-remote-code"] * how.trust_remote_code
        return "scoring", [sys.executable, "-m", module, folder, content, *trust]
    return "done", None


def _reading(evaluation: Evaluation, how: How) -> list[str | None]:
    """Format and key of the evaluation's files, where they are not NorNE's."""
    own = how.own.get(evaluation.language)
    return [] if own is None else [own.format, own.key]


def train_options(task: Task, how: How) -> list[str]:
    """What stands behind `bilstm-crf train` for this run."""
    settings = task.run.settings
    own = how.own.get(settings.language)
    if own is None:
        options = [*(["--data", how.data] if how.data else []), "--language", settings.language]
    else:
        options = own.train_options()
    for name in ("labels", "encoding", "embeddings", "preset"):
        options += [f"--{name}", getattr(settings, name)]
    options += ["--retrain-on-dev"] * settings.final
    options += ["--encoder", settings.bert] if settings.bert != NONE else []
    options += ["--trust-remote-code"] * (how.trust_remote_code and settings.bert != NONE)
    if how.embeddings_dir and settings.embeddings in KNOWN:
        options += ["--embeddings-dir", how.embeddings_dir]
    for name, value in settings.changes:
        options += ["--set", f"{name}={fields.as_text(value)}"]
    options += ["--seed", str(task.run.seed), "--threads", str(how.threads)]
    return [*options, "--output", str(task.folder)]


def _result(task: Task) -> str:
    best = task.best
    if best is None:
        return "done"
    seconds = sum(seconds_of(task.history))
    return f"done, dev F1 {100 * best['dev']['f1']:.2f} (epoch {best['epoch']}), {clock(seconds)}"


def clock(seconds: float) -> str:
    """Hours, minutes, seconds.

    >>> clock(3671.4)
    '1:01:11'
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
