"""A curriculum: stages of growing context, each from the best weights of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf import Tagger
from bilstm_crf.config import RunConfig, ScheduleConfig, Stage
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.errors import InterruptedRunError, UsageError
from bilstm_crf.evaluation.counts import Average
from bilstm_crf.model.model_folder import load_model
from bilstm_crf.training import loop as training
from bilstm_crf.training.plan import Epoch, plan_training, stop_where_best
from bilstm_crf.training.records import EpochRow
from contextual_runs import SENTENCES, tiny_config
from runs import Watch, history, resume, small_config, start, weights_hash

BATCHES = SENTENCES // 2  # of an epoch


def config_of(folder: Path, encoder: Path, **changes: Any) -> RunConfig:
    """Stages of two epochs without context, and of one and a half with a sentence on each side."""
    curriculum = f"0:{2 * BATCHES},1:{BATCHES + BATCHES // 2}"
    return tiny_config(folder, encoder, **{"curriculum": curriculum, **changes})


@pytest.fixture
def encoder(wordpiece: Path, features_cache: Path) -> Path:
    return wordpiece


TUNED = {"encoder.finetune": True, "encoder.learning_rate": 1e-3}


@pytest.mark.parametrize("weights", [{}, TUNED], ids=["frozen", "tuned"])
def test_the_saved_model_has_the_context_of_the_stage_that_was_best(
    weights: dict[str, Any], encoder: Path, tmp_path: Path
) -> None:
    config = config_of(tmp_path, encoder, schedule="linear", **weights)
    metrics = start(config, tmp_path / "run")
    rows = history(tmp_path / "run")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    stage = 0 if metrics.best_epoch <= 2 else 1
    use = load_model(tmp_path / "run").contextual
    assert use is not None
    assert use.settings.context == stage
    assert Tagger.load(tmp_path / "run").reads_neighbours == bool(stage)
    best = max(row["dev"]["f1"] for row in rows)
    assert metrics.dev.strict.f1 == best > 0


def test_the_learning_rates_fall_over_all_stages(encoder: Path, tmp_path: Path) -> None:
    start(config_of(tmp_path, encoder, schedule="linear", learning_rate=0.1), tmp_path / "run")
    begun = [row["learning_rate"] for row in history(tmp_path / "run")]
    assert begun == pytest.approx([0.1 * (1 - epoch / 3.5) for epoch in range(4)])


@pytest.mark.parametrize("epoch", [2, 3])
@pytest.mark.parametrize("weights", [{}, TUNED], ids=["frozen", "tuned"])
def test_interrupted_in_any_stage_and_resumed_is_the_same_as_uninterrupted(
    weights: dict[str, Any], epoch: int, encoder: Path, tmp_path: Path
) -> None:
    config = config_of(tmp_path, encoder, retrain_on_dev=True, **weights)
    start(config, tmp_path / "whole")

    def press(now: int, sentences: int) -> None:
        if now == epoch and sentences > 2:
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "cut", Watch(press))
    resume(tmp_path / "cut")
    for part in ("", "final"):
        assert weights_hash(tmp_path / "cut" / part) == weights_hash(tmp_path / "whole" / part)
        assert history(tmp_path / "cut" / part) == history(tmp_path / "whole" / part)
    left = {path.name for path in (tmp_path / "cut").rglob("*.safetensors")}
    assert not {name for name in left if name.startswith(("checkpoint", "stage"))}


class Killed(BaseException):
    """Stands for the end of the process at one exact place."""


@pytest.mark.parametrize("save", range(1, 7))
def test_killed_after_any_save_of_three_stages_loses_nothing(
    save: int, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four checkpoints, and before two of them the same as the best of a stage that another one follows."""
    config = tiny_config(tmp_path, encoder, curriculum=f"0:{BATCHES},1:{2 * BATCHES},2:{BATCHES}")
    start(config, tmp_path / "whole")
    real, made = training.save_checkpoint, 0

    def dies(*arguments: Any) -> None:
        nonlocal made
        real(*arguments)
        made += 1
        if made == save:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(training, "save_checkpoint", dies)
        with pytest.raises(Killed):
            start(config, tmp_path / "cut")
    resume(tmp_path / "cut")
    assert weights_hash(tmp_path / "cut") == weights_hash(tmp_path / "whole")
    assert history(tmp_path / "cut") == history(tmp_path / "whole")
    assert not list((tmp_path / "cut").glob("stage-*"))


def test_out_of_patience_goes_to_the_next_stage(encoder: Path, tmp_path: Path) -> None:
    """With a rate of nothing no epoch is better than its stage's first."""
    config = tiny_config(
        tmp_path, encoder, curriculum=f"0:{5 * BATCHES},1:{4 * BATCHES}", patience=2, learning_rate=0
    )
    start(config, tmp_path / "run")
    assert [row["epoch"] for row in history(tmp_path / "run")] == [1, 2, 3, 6, 7, 8]


@pytest.mark.parametrize(
    ("f1", "expected"),
    [
        ((3, 1, 2, 5, 4), [(0, 0, 8), (0, 8, 2), (1, 20, 8), (1, 28, 8), (1, 36, 4)]),
        ((1, 2, 3, 4, 5), [(0, 0, 8), (0, 8, 8), (0, 16, 4), (1, 20, 8), (1, 28, 8), (1, 36, 8), (1, 44, 1)]),
        ((1, 9, 3, 4, 5), [(0, 0, 8), (0, 8, 8), (0, 16, 4)]),
    ],
)
def test_the_second_phase_stops_each_stage_where_dev_found_it_best(
    f1: Sequence[float], expected: list[tuple[int, int, int]]
) -> None:
    """Stages of 20 and 25 batches, in epochs of 10; in the second phase of 8."""
    stages = [Stage(0, "words", 20), Stage(2, "words", 25)]
    plan = plan_training(ScheduleConfig(batch_size=1), stages, Mixture([10], [1.0]))
    epochs = [Epoch(0, 0, 10), Epoch(0, 10, 10), Epoch(1, 20, 10), Epoch(1, 30, 10), Epoch(1, 40, 5)]
    assert plan.epochs == epochs
    rows = [EpochRow(epoch, 1.0, 0.1, 1.0, 1, dev=Average(0, 0, each)) for epoch, each in enumerate(f1, 1)]
    final = stop_where_best(plan, rows, Mixture([8], [1.0]))
    assert final.epochs == [Epoch(*each) for each in expected]
    assert final.schedule == plan.schedule


def test_epochs_of_fewer_batches_look_at_dev_more_often(tmp_path: Path) -> None:
    start(small_config(tmp_path, batches_per_epoch=7, epochs=3), tmp_path / "run")
    assert [row["epoch"] for row in history(tmp_path / "run")] == [1, 2, 3]
    with pytest.raises(UsageError, match="batches_per_epoch is 21"):
        start(small_config(tmp_path, batches_per_epoch=21), tmp_path / "other")


@pytest.mark.parametrize("curriculum", ["2", "2:0", "-1:5", "2:5,", "a:5", "2:5:6", "2w"])
def test_what_is_no_curriculum_is_refused_with_an_example(curriculum: str) -> None:
    with pytest.raises(UsageError, match=r"curriculum is .* 0:2000,2:1000"):
        RunConfig().replace(encoder={"name": "x", "curriculum": curriculum})


def test_a_curriculum_needs_an_encoder_and_no_other_context(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no encoder"):
        small_config(tmp_path, curriculum="1:5")
    with pytest.raises(UsageError, match=r"encoder\.context and encoder\.curriculum"):
        RunConfig().replace(encoder={"name": "x", "curriculum": "1:5", "context": 2})
