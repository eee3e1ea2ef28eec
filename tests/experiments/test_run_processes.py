"""Children and locks: one process works on a run, whoever started it and however that one ended."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bilstm_crf.config import RunConfig
from bilstm_crf.experiments import process
from bilstm_crf.experiments.corpora import NORNE_CORPORA
from bilstm_crf.experiments.plan import RunnerOptions, Task
from bilstm_crf.experiments.process import Child, holder, stop, take_lock
from bilstm_crf.experiments.results import ResultsFolder
from bilstm_crf.experiments.runner import Runner
from bilstm_crf.experiments.runs import Run


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[int]:
    taken = take_lock(tmp_path / "run")
    assert taken is not None
    yield taken
    os.close(taken)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def ended(child: Child) -> int:
    while child.status is None:
        time.sleep(0.01)
    return child.status


def test_a_run_is_locked_for_everyone_else(tmp_path: Path) -> None:
    first = take_lock(tmp_path)
    assert first is not None
    assert take_lock(tmp_path) is None
    os.close(first)
    again = take_lock(tmp_path)
    assert again is not None
    os.close(again)


def test_the_lock_of_a_killed_runner_stays_with_its_child(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from bilstm_crf.experiments.process import Child, take_lock
folder = Path({str(tmp_path)!r})
Child(["sleep", "60"], folder, take_lock(folder), 1)
print("started", flush=True)
time.sleep(60)
"""
    runner = subprocess.Popen(python(code), stdout=subprocess.PIPE)
    assert runner.stdout is not None
    assert runner.stdout.readline() == b"started\n"
    runner.kill()
    runner.communicate()
    assert take_lock(tmp_path) is None
    name, number = holder(tmp_path).split()
    assert name == "process"
    os.kill(int(number), signal.SIGKILL)
    limit = time.monotonic() + 10
    while (lock := take_lock(tmp_path)) is None:
        assert time.monotonic() < limit, "the lock is let go when the child has ended"
        time.sleep(0.01)
    os.close(lock)


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import sys; print('x\\nerror: no room\\n  free some'); sys.exit(1)", "no room (exit status 1; "),
        ("raise KeyError('gone')", "KeyError: 'gone' (exit status 1; "),
        ("import sys; sys.exit(3)", "exit status 3 (exit status 3; "),
        ("import os; print('ø', flush=True); os.kill(os.getpid(), 9)", "ø (signal 9; "),
    ],
)
def test_a_fault_is_the_error_that_the_child_wrote_last(
    code: str, fault: str, lock: int, tmp_path: Path
) -> None:
    log = tmp_path / "run" / "train.log"
    log.write_text("error: of an earlier try\n", "utf-8")
    child = Child(python(code), tmp_path / "run", lock, 1)
    assert ended(child) != 0
    assert child.fault() == f"{fault}{log})"
    assert log.read_text("utf-8").startswith("error: of an earlier try\n"), "the log goes on"


def test_stopped_children_end_as_by_ctrl_c(lock: int, tmp_path: Path) -> None:
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # deaf in a shell's background job
        "print('up', flush=True)\ntry: time.sleep(60)\n"
        "except KeyboardInterrupt: print('tidied'); raise SystemExit(130)"
    )
    children = [Child(python(code), tmp_path / "run", lock, 1) for _ in range(2)]
    while children[0].log.read_text().count("up") < 2:
        time.sleep(0.01)
    stop(children)
    assert [child.status for child in children] == [130, 130]
    assert children[0].log.read_text().count("tidied") == 2


def test_a_child_that_will_not_end_is_killed(
    lock: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.1)
    code = "import signal, time; signal.signal(2, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = Child(python(code), tmp_path / "run", lock, 1)
    while "up" not in child.log.read_text():
        time.sleep(0.01)
    stop([child])
    assert child.status == -signal.SIGKILL


class Listener:
    """A display that keeps what is said, and calls `at_update` each time."""

    def __init__(self, at_update: Callable[[], None]) -> None:
        self.at_update = at_update
        self.said: list[str] = []

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def say(self, line: str) -> None:
        self.said.append(line)

    def update(self, tasks: Sequence[Task]) -> None:
        self.at_update()


def test_a_run_that_another_process_works_on_is_waited_for(tmp_path: Path) -> None:
    run = Run("nob", RunConfig(), 42)
    task = Task(run, tmp_path / "runs" / run.name, [])
    lock = take_lock(task.folder)
    assert lock is not None
    os.pwrite(lock, b"1234", 0)

    def finish() -> None:
        assert task.state == "elsewhere"
        assert task.reason == "locked by process 1234"
        (task.folder / "metrics.json").touch()
        fcntl.flock(lock, fcntl.LOCK_UN)

    display, ended = Listener(finish), []
    options = RunnerOptions(ResultsFolder(tmp_path), NORNE_CORPORA)
    Runner([task], options, display, lambda: ended.append(True)).run()
    os.close(lock)
    assert task.state == "done"
    assert display.said == [f"{run.name}: locked by process 1234", f"{run.name}: done"]
    assert ended == [True]


def test_finished_runs_count_as_done_while_others_are_at_work(tmp_path: Path) -> None:
    runs = [Run("nob", RunConfig(), seed) for seed in (42, 43)]
    new, old = (Task(run, tmp_path / "runs" / run.name, []) for run in runs)
    old.folder.mkdir(parents=True)
    (old.folder / "metrics.json").touch()
    states = []
    display = Listener(lambda: states.append((new.state, old.state)))
    options = RunnerOptions(ResultsFolder(tmp_path), NORNE_CORPORA, data_folder=str(tmp_path / "nothing"))
    Runner([new, old], options, display, lambda: None).run()
    assert set(states) == {("training", "done")}
    assert (new.state, old.state) == ("failed", "done")  # there was nothing to train on


def test_threads_are_the_childs_own(lock: int, tmp_path: Path) -> None:
    child = Child(python("import os; print(os.environ['OMP_NUM_THREADS'])"), tmp_path / "run", lock, 3)
    assert ended(child) == 0
    assert child.log.read_text() == "3\n"
