"""Two phases: dev says how long, then train and dev together are learnt from that long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bilstm_crf import Tagger
from bilstm_crf.config import RunConfig
from bilstm_crf.errors import InputWarning, InterruptedRunError
from bilstm_crf.model.model_folder import load_model
from bilstm_crf.util.files import sha256_of
from runs import (
    DEV,
    TEST,
    TRAIN,
    Watch,
    first_sentences,
    history,
    resume,
    small_config,
    start,
    weights_hash,
)


def config_of(folder: Path, **changes: Any) -> RunConfig:
    """Twenty sentences to train on, ten as dev: an epoch of the second phase has half as many more.

    Six of dev's are training sentences, so that its scores rise.
    """
    dev = first_sentences(TRAIN, 6, folder / "dev.conllu")
    other = first_sentences(DEV, 4, folder / "other.conllu")
    dev.write_text(dev.read_text("utf-8") + other.read_text("utf-8"), "utf-8")
    settings = {
        "retrain_on_dev": True,
        "epochs": 6,
        "schedule": "linear",
        "optimizer": "adam",
        "learning_rate": 0.05,
    }
    return small_config(folder, **{"dev": [str(dev)], **settings, **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    start(config_of(folder), folder / "run")
    return folder / "run"


def test_the_second_phase_stops_after_as_many_batches_as_dev_found_best(tmp_path: Path) -> None:
    test = str(first_sentences(TEST, 5, tmp_path / "test.conllu"))
    metrics = start(config_of(tmp_path, test=[test]), tmp_path / "run")
    described = json.loads((tmp_path / "run" / "config.json").read_text("utf-8"))
    assert described["data"]["test"] == [{"path": test, "sha256": sha256_of(test), "sentences": 5}]
    final = metrics.final
    assert final is not None
    assert final.test is not None
    assert final.batches == 20 * metrics.best_epoch
    assert final.sentences == 30
    assert final.epochs == -(-final.batches // 30)
    assert 0 <= final.test.strict.f1 <= 1


def test_the_final_model_knows_devs_words_and_has_no_dev_scores(whole: Path) -> None:
    final, first = load_model(whole / "final"), load_model(whole)
    assert len(final.vocabulary.words) > len(first.vocabulary.words)
    assert "dev" not in final.provenance
    assert all(row["dev"] is None for row in history(whole / "final"))
    assert not (whole / "final" / "checkpoint.safetensors").exists()
    assert Tagger(final).tag_tokens(["Kari", "bur", "i", "Oslo"]).token_spans is not None


def test_its_learning_rates_are_the_first_phases_batch_for_batch(whole: Path) -> None:
    """Epochs of 20 and of 30 batches, and rates that fall in a line over 120 batches."""
    first = [row["learning_rate"] for row in history(whole)]
    assert first == pytest.approx([0.05 * (1 - 20 * epoch / 120) for epoch in range(6)])
    second = [row["learning_rate"] for row in history(whole / "final")]
    assert len(second) > 1
    assert second == pytest.approx([0.05 * (1 - 30 * epoch / 120) for epoch in range(len(second))])


def test_interrupted_in_the_second_phase_and_resumed_is_the_same_as_uninterrupted(
    tmp_path: Path, whole: Path
) -> None:
    begun = 0

    def press(epoch: int, sentences: int) -> None:
        nonlocal begun
        begun += sentences == 1
        if begun == 8 and sentences > 10:  # six epochs of the first phase, the second one of the second
            raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="final phase"):
        start(config_of(tmp_path), tmp_path / "run", Watch(press))
    resume(tmp_path / "run")
    for part in ("", "final"):
        assert weights_hash(tmp_path / "run" / part) == weights_hash(whole / part)
        assert history(tmp_path / "run" / part) == history(whole / part)


def test_what_was_left_out_of_train_is_left_out_of_dev_too(tmp_path: Path) -> None:
    """Dev's first six sentences are train's, and are test's; of the other four two are in dev twice."""
    config = config_of(tmp_path, epochs=1)
    twice = tmp_path / "twice.conllu"
    twice.write_bytes(
        Path(config.data.dev[0]).read_bytes() + first_sentences(DEV, 2, tmp_path / "two.conllu").read_bytes()
    )
    test = str(first_sentences(TRAIN, 6, tmp_path / "test.conllu"))
    config = config.replace(dev=str(twice), test=test, filter=["leaked", "repeated"])
    with pytest.warns(InputWarning, match="types that train lacks"):
        metrics = start(config, tmp_path / "run")
    assert metrics.final is not None
    assert metrics.final.sentences == 14 + 4
    listed = json.loads((tmp_path / "run" / "final" / "dropped.json").read_text("utf-8"))
    assert (listed["kept"], listed["dropped"]) == (18, {"leaked": 6, "repeated": 2})
    assert {each["path"] for each in listed["sentences"]} == {str(twice)}
    assert metrics.final.dropped == listed["dropped"]


def test_a_new_run_in_the_folder_takes_the_old_final_model_away(tmp_path: Path) -> None:
    start(config_of(tmp_path, epochs=1), tmp_path / "run")
    assert (tmp_path / "run" / "final" / "model.json").exists()
    start(config_of(tmp_path, epochs=1, retrain_on_dev=False), tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / "final").exists()
