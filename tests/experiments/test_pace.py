"""How long the rest takes: told by the runs that are most alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from bilstm_crf.config import RunConfig
from bilstm_crf.experiments.display import TimeLeft, summary, time_left
from bilstm_crf.experiments.plan import Task
from bilstm_crf.experiments.runs import Run
from bilstm_crf.training.records import EpochRow

PLAIN = RunConfig().replace({"embeddings": "sg600"})
ENCODER = PLAIN.replace({"encoder": "owner/big"})
TUNED = ENCODER.replace({"encoder.finetune": True})


def task(config: RunConfig, seed: int = 42, *, done: int = 0, pace: float = 1.0) -> Task:
    """One after so many epochs, each of which took so many seconds."""
    found = Task(Run("nob", config, seed), Path("nowhere"), [])
    found.history = [EpochRow(1, 0.0, 0.0, 0.75 * pace, 0, dev_seconds=0.25 * pace)] * done
    found.state = "done" if done == found.epochs else "training" if done else "waiting"
    return found


def test_a_run_with_an_encoder_is_not_told_by_one_without() -> None:
    known = [task(PLAIN, done=50, pace=1), task(ENCODER, done=50, pace=60), task(TUNED, done=50, pace=300)]
    for settings, seconds in ((PLAIN, 50), (ENCODER, 3000), (TUNED, 15000)):
        assert time_left([*known, task(settings, 43)], 1) == TimeLeft(pytest.approx(seconds), False)


def test_the_same_settings_tell_more_than_like_ones() -> None:
    wide = PLAIN.replace({"hidden": 600})
    known = [task(PLAIN, done=50, pace=1), task(wide, done=50, pace=9)]
    assert time_left([*known, task(wide, 43)], 1) == TimeLeft(pytest.approx(450), False)
    wider = PLAIN.replace({"hidden": 800})
    assert time_left([*known, task(wider, 43)], 1) == TimeLeft(pytest.approx(250), False)
    own = task(wide, 43, done=10, pace=2)
    assert time_left([*known, own], 1) == TimeLeft(pytest.approx(80), False)


def test_a_preset_has_a_pace_of_its_own() -> None:
    best = RunConfig.of_preset("best").replace({"embeddings": "sg600"})
    known = [task(PLAIN, done=50, pace=1), task(best, done=20, pace=8)]
    assert time_left([*known, task(best.replace({"hidden": 300}), 43)], 1) == TimeLeft(
        pytest.approx(160), False
    )


def test_a_foreign_pace_is_told_as_one() -> None:
    known = task(PLAIN, done=50, pace=1)
    assert time_left([known, task(ENCODER)], 1) == TimeLeft(pytest.approx(50), True)
    assert summary([known, task(ENCODER)], 1).endswith(
        "; about 0:00:50 left, at the pace of runs with other settings"
    )
    assert summary([known, task(PLAIN, 43)], 1).endswith("; about 0:00:50 left")
    assert summary([known], 1).endswith("0 waiting")
    assert time_left([task(ENCODER)], 1) is None


def test_runs_at_once_share_the_time() -> None:
    runs = [task(PLAIN, done=50, pace=2), *(task(PLAIN, seed) for seed in range(4))]
    assert time_left(runs, 2) == TimeLeft(pytest.approx(200), False)
    assert time_left(runs, 8) == TimeLeft(pytest.approx(100), False), "one run is not shared out"
