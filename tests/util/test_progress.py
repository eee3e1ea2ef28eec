"""Who is told what is going on: a person at the command line, once it takes long, and nobody else."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bilstm_crf.training.records import EpochRow
from bilstm_crf.util import progress
from bilstm_crf.util.progress import (
    Bar,
    TokenProgress,
    TrainingProgress,
    Waiting,
    be_quiet,
    clock,
    listening,
    note,
)

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests" / "models" / "version-0.1.0"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.01)


def test_a_library_tells_its_logger_and_prints_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "bilstm_crf"):
        note("converted")
    with Waiting("Loading"), Bar("Reading", delay=0.01):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""
    assert "converted" in caplog.text


def test_a_person_is_told_of_long_waits_once(capsys: pytest.CaptureFixture[str]) -> None:
    with listening():
        waiting = Waiting("Compiling")
        for _ in range(3):
            with waiting:
                time.sleep(0.05)
        with Bar("Reading", delay=0.01):
            time.sleep(0.05)
        note("converted")
    assert capsys.readouterr().err.splitlines() == ["Compiling …", "Reading …", "converted"]


def test_short_waits_are_not_worth_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "DELAY", 60)
    with listening(), Waiting("Compiling"), Bar("Reading"):
        pass
    assert capsys.readouterr().err == ""


def test_many_short_waits_add_up(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.1)
    with listening():
        waiting = Waiting("Compiling")
        for _ in range(8):
            with waiting:
                time.sleep(0.03)
    assert capsys.readouterr().err == "Compiling …\n"


def test_quiet_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with listening():
        be_quiet()
        with Waiting("Compiling"):
            time.sleep(0.05)
        note("converted")
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")
def test_a_fork_tells_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with listening():
        child = os.fork()
        if child == 0:
            note("from a fork")
            os._exit(0)
        os.waitpid(child, 0)
    assert capfd.readouterr().err == ""


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which nothing is compiled."""
    return {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("numba")), "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
def test_compiling_is_told_at_the_command_line_and_not_in_python(
    cold: dict[str, str], tmp_path: Path
) -> None:
    words = " ".join(f"ord{number}" for number in range(400))
    load = f"from bilstm_crf import Tagger; Tagger.load({str(MODEL)!r}).tag_tokens({words!r}.split())"
    python = subprocess.run([sys.executable, "-c", load], env=cold, capture_output=True, text=True)
    assert (python.returncode, python.stderr) == (0, "")
    command = [sys.executable, "-m", "bilstm_crf", "tag", "--model", str(MODEL), "--text", words]
    for quiet, caches in ((False, "a"), (True, "b")):
        env = {**cold, "NUMBA_CACHE_DIR": str(tmp_path / caches)}
        told = subprocess.run([*command, *["--quiet"] * quiet], env=env, capture_output=True, text=True)
        assert told.returncode == 0
        assert told.stderr.count("Compiling") == (not quiet)


def test_the_time_left_does_not_count_compiling_in_each_epoch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(
        [0.0, 20.0, 21.0, 29.0, 34.0]
    )  # seconds: start, first batch, second, end of epoch, of another
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    rows = [EpochRow(1, 9.0, 0.1, 29.0, 10), EpochRow(2, 8.0, 0.1, 5.0, 10)]
    watch = TrainingProgress(11, 20)
    for sentences in (10, 20):
        watch.batch(1, sentences, 100, 9.0)
    watch.epoch(rows[:1])
    watch.epoch(rows)
    left = [line.split("  ")[-1] for line in capsys.readouterr().err.splitlines()]
    assert left == ["0:00:20 left", "0:00:45 left"]


def test_long_work_on_tokens_says_its_speed_and_the_time_left_in_few_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.0)
    with listening(), TokenProgress("Training  a.txt", 12_000) as bar:
        for _ in range(1000):
            bar.count(12)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[2] for line in lines] == [f"{n}%" for n in (1, *range(10, 100, 10))]
    assert all(re.search(r"  [\d,]+ tokens/s  \d+:\d\d:\d\d left$", line) for line in lines)


def test_work_on_tokens_says_nothing_to_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "DELAY", 0.0)
    with TokenProgress("Training  a.txt", 100) as bar:
        bar.count(50)
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="needs pseudo-terminals")
def test_on_a_terminal_a_bar_shows_the_speed(tmp_path: Path) -> None:
    import pty

    work = """
from bilstm_crf.util import progress
progress.DELAY = 0.0
with progress.listening(), progress.TokenProgress("Training  a.txt", 100) as bar:
    bar.count(50)
"""
    master, terminal = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", work], stderr=terminal, env=environment, check=True)
    os.close(terminal)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert "Training  a.txt" in shown
    assert "tokens/s" in shown
    assert "left" in shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0, "0:00:00"), (59.6, "0:01:00"), (3725, "1:02:05"), (360_000, "100:00:00")]
)
def test_durations_have_hours_minutes_and_seconds(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
