"""One training in a folder at a time; one that was killed keeps nobody out."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from bilstm_crf.errors import InputWarning, InterruptedRunError, UsageError
from bilstm_crf.training import run_folder
from bilstm_crf.training.records import read_metrics
from bilstm_crf.util.files import made_folder
from bilstm_crf.util.system import LockedError, locked
from runs import history, interrupt, resume, small_config, start

FORK = multiprocessing.get_context("fork")


@contextmanager
def another_process_in(folder: Path) -> Iterator[int]:
    """Its number; it holds the lock of the folder until it is killed."""

    def hold() -> None:
        with run_folder.lock_folder(folder):
            (folder / "held").touch()
            time.sleep(60)

    process = FORK.Process(target=hold)
    process.start()
    while not (folder / "held").exists():
        assert process.is_alive()
        time.sleep(0.01)
    (folder / "held").unlink()
    assert process.pid is not None
    try:
        yield process.pid
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()


def test_a_second_training_in_a_folder_is_refused_and_says_who_is_there(tmp_path: Path) -> None:
    config = small_config(tmp_path, epochs=2)
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRunError):
        start(config, folder, interrupt(2))
    before = history(folder)
    with another_process_in(folder) as number:
        for begin in (lambda: start(config, folder, overwrite=True), lambda: resume(folder)):
            with pytest.raises(UsageError, match=f"locked by process {number}") as caught:
                begin()
            assert "--output" in str(caught.value.hint)
        assert history(folder) == before
    # It was killed: what it left keeps nobody out, and is taken away
    assert (folder / ".lock").exists()
    assert resume(folder).epochs == 2
    assert not (folder / ".lock").exists()


def test_the_folder_is_locked_under_every_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("run")
    with (
        run_folder.lock_folder(tmp_path / "run"),
        pytest.raises(UsageError, match="locked by process"),
        run_folder.lock_folder(tmp_path / "link"),
    ):
        pytest.fail("two at once")


def _train(folder: Path, barrier: Barrier, number: int) -> None:
    config = small_config(folder / f"data{number}", epochs=1)
    barrier.wait()
    try:
        start(config, folder / "run")
    except UsageError as error:
        os._exit(3 if "locked" in str(error) or "holds a" in str(error) else 4)
    os._exit(0)


def test_of_two_that_begin_at_the_same_instant_one_is_refused(tmp_path: Path) -> None:
    barrier = FORK.Barrier(2)
    for number in range(2):
        (tmp_path / f"data{number}").mkdir()
    both = [FORK.Process(target=_train, args=(tmp_path, barrier, number)) for number in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert sorted(process.exitcode or 0 for process in both) == [0, 3]
    assert read_metrics(tmp_path / "run").epochs == 1


def _count(path: Path, barrier: Barrier, turns: int) -> None:
    barrier.wait()
    while turns:
        try:
            with locked(path.with_name("lock"), wait=False):
                number = int(path.read_text())
                time.sleep(0)
                path.write_text(str(number + 1))
                turns -= 1
        except LockedError:
            time.sleep(0.001)
    os._exit(0)


def test_a_lock_that_is_taken_away_with_each_turn_is_never_held_twice(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")
    barrier = FORK.Barrier(4)
    processes = [FORK.Process(target=_count, args=(path, barrier, 50)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert path.read_text() == "200"
    assert os.listdir(tmp_path) == ["count"]


def test_without_locks_in_the_file_system_a_run_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_lock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_lock)
    with pytest.warns(InputWarning, match="no locks"), run_folder.lock_folder(tmp_path / "run"):
        (tmp_path / "run" / "a").touch()
    assert os.listdir(tmp_path / "run") == ["a"]


def test_a_run_that_cannot_begin_leaves_no_folder(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    os.unlink(config.data.dev[0])
    with pytest.raises(Exception, match="cannot be read"):
        start(config, tmp_path / "new" / "folder" / "run")
    assert not (tmp_path / "new").exists()


def test_folders_that_were_there_or_hold_something_stay(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for name in ("there/a/b", "there/full/b"):
        with pytest.raises(KeyboardInterrupt), made_folder(tmp_path / name):  # noqa: PT012
            if "full" in name:
                (tmp_path / "there" / "full" / "file").touch()
            raise KeyboardInterrupt
    assert sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*")) == [
        "there",
        "there/full",
        "there/full/file",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with (
        pytest.raises(UsageError, match="cannot be written"),
        run_folder.lock_folder(tmp_path / "closed" / "run"),
    ):
        pass


def test_a_file_in_the_folders_place_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="cannot be written"),
        run_folder.lock_folder(tmp_path / "file" / "run"),
    ):
        pass
