"""Training does what it should: the loss falls, the seed decides the weights, and nothing else is touched."""

from __future__ import annotations

import pickletools
import zipfile
from pathlib import Path

import pytest
import torch

from bilstm_crf import Tagger
from bilstm_crf.config import ScheduleConfig, Stage
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.errors import DivergedError, InputWarning
from bilstm_crf.evaluation.counts import Average
from bilstm_crf.labels import LabelSet
from bilstm_crf.training.plan import plan_training
from bilstm_crf.training.records import EpochRow
from runs import TRAIN, first_sentences, history, small_config, start, weights_hash


def test_one_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        start(small_config(tmp_path, seed=seed, epochs=2), tmp_path / name)
    assert weights_hash(tmp_path / "a") == weights_hash(tmp_path / "b") != weights_hash(tmp_path / "c")
    assert history(tmp_path / "a") == history(tmp_path / "b") != history(tmp_path / "c")


def test_the_callers_random_numbers_stay_as_they_were(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    start(small_config(tmp_path, epochs=1), tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def test_what_the_caller_drew_before_does_not_decide_the_weights(tmp_path: Path) -> None:
    start(small_config(tmp_path, epochs=1), tmp_path / "a")
    torch.rand(100)
    start(small_config(tmp_path, epochs=1), tmp_path / "b")
    assert weights_hash(tmp_path / "a") == weights_hash(tmp_path / "b")


@pytest.mark.parametrize("encoding", ["iob", "iobe", "iobs", "iobes"])
def test_a_few_sentences_are_learnt_by_heart_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    few = str(first_sentences(TRAIN, 6 if encoding == "iob" else 3, tmp_path / "few.conllu"))
    config = small_config(
        tmp_path, train=[few], dev=[few], encoding=encoding, epochs=40, dropout=0.0, learning_rate=0.1
    )
    metrics = start(config, tmp_path / "run")
    losses = [row["loss"] for row in history(tmp_path / "run")]
    assert losses[-1] < losses[0] / 20
    assert metrics.dev.strict.f1 == 1.0
    gold = read_labelled([few], LabelSet.named("full")).sentences
    assert Tagger.load(tmp_path / "run").predict(gold) == [sentence.token_spans for sentence in gold]


def test_the_model_kept_is_that_of_the_best_epoch(tmp_path: Path) -> None:
    metrics = start(small_config(tmp_path, epochs=6), tmp_path / "run")
    rows = history(tmp_path / "run")
    best = max(rows, key=lambda row: row["dev"]["f1"])
    assert best["dev"]["f1"] > 0
    assert metrics.best_epoch == best["epoch"]
    assert metrics.dev.strict.f1 == pytest.approx(best["dev"]["f1"])
    assert Tagger.load(tmp_path / "run").model.provenance["epoch"] == best["epoch"]


def test_training_stops_when_patience_is_out(tmp_path: Path) -> None:
    # A rate so low that no epoch finds a name: the first is the best, and two more are waited for.
    start(small_config(tmp_path, epochs=9, patience=2, learning_rate=1e-9), tmp_path / "run")
    assert [row["best"] for row in history(tmp_path / "run")] == [True, False, False]


@pytest.mark.parametrize(
    ("f1", "patience", "stops"),
    [
        ([], 2, False),
        ([5, 5], 2, False),
        ([5, 4, 5], 2, True),
        ([5, 4, 6], 2, False),
        ([5, 4], 1, True),
        ([5, *[4] * 9], 0, False),
    ],
)
def test_patience_counts_epochs_since_the_best(f1: list[int], patience: int, stops: bool) -> None:
    """Of these epochs: a curriculum's stage may begin below the best of the one before."""
    rows = [EpochRow(n, 1.0, 0.1, 1.0, 1, dev=Average(0, 0, each / 10)) for n, each in enumerate(f1, 1)]
    schedule = ScheduleConfig(epochs=20, batch_size=1, patience=patience)
    plan = plan_training(schedule, [Stage(0, "words", 0)], Mixture([1], [1.0]))
    assert plan.is_over(0, rows) is stops


@pytest.mark.parametrize("rate", ["1e3", "1e6", "1e30"])
def test_a_loss_that_grows_without_bound_is_an_error_that_names_the_learning_rate(
    tmp_path: Path, rate: str
) -> None:
    with pytest.raises(DivergedError, match="loss of epoch") as caught:
        start(small_config(tmp_path, learning_rate=float(rate)), tmp_path / "run")
    assert "learning_rate=" in str(caught.value.hint)


def test_a_corpus_without_any_entity_trains(tmp_path: Path) -> None:
    file = tmp_path / "none.conllu"
    file.write_text(
        "1\tDet\t_\t_\t_\t_\t_\t_\t_\tname=O\n2\tregner\t_\t_\t_\t_\t_\t_\t_\tname=O\n\n", "utf-8"
    )
    config = small_config(tmp_path, train=[str(file)], dev=[str(file)], epochs=2)
    with pytest.warns(match="dev has no entities"), pytest.warns(InputWarning, match="train has no entities"):
        metrics = start(config, tmp_path / "run")
    assert metrics.dev.strict.f1 == 0.0
    assert Tagger.load(tmp_path / "run").tag_tokens(["Kari", "bor", "i", "Oslo"]).token_spans == []


def test_nothing_in_a_run_is_a_pickle(tiny_model: Path) -> None:
    for path in tiny_model.iterdir():
        assert path.suffix in (".json", ".jsonl", ".safetensors")
        assert not zipfile.is_zipfile(path)
        with pytest.raises(ValueError):  # noqa: PT011 (what pickletools says of any other file)
            list(pickletools.genops(path.read_bytes()))
