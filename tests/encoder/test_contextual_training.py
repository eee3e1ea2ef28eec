"""An encoder that is frozen stays as it is and is run once; one that learns moves, at its own rate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bilstm_crf.encoder.contextual import TrainableFeatures
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.errors import UsageError
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.plan import LearningRateSchedule
from contextual_runs import SENTENCES, batch_of, corpus_of, tiny_config, untrained
from runs import Watch, start, weights_hash

pytestmark = pytest.mark.usefixtures("features_cache")


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> list[Encoder]:
    """All that are loaded: for training, then for the scores at its end."""
    loaded: list[Encoder] = []
    load = Encoder.load

    def watched(name: str, **options: Any) -> Encoder:
        loaded.append(load(name, **options))
        return loaded[-1]

    monkeypatch.setattr(Encoder, "load", watched)
    return loaded


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Encoder, bool]]:
    """Grows with each pass of an encoder, by it and whether its dropout was on."""
    counted: list[tuple[Encoder, bool]] = []
    forward = Encoder.forward

    def count(self: Encoder, *arguments: Any) -> Tensor:
        counted.append((self, any(module.training for module in self.modules())))
        return forward(self, *arguments)

    monkeypatch.setattr(Encoder, "forward", count)
    return counted


def weights(encoder: Encoder) -> dict[str, Tensor]:
    return dict(encoder.named_parameters())


# ---------------------------------------------------------------- frozen


def test_a_frozen_encoder_stays_as_it_is(wordpiece: Path, tmp_path: Path, encoders: list[Encoder]) -> None:
    modes: list[bool] = []
    watch = Watch(lambda *_: modes.append(encoders[0].training))
    start(tiny_config(tmp_path, wordpiece), tmp_path / "run", watch)
    assert modes == [False] * (3 * SENTENCES // 2)
    before = weights(Encoder.load(str(wordpiece)))
    for name, each in weights(encoders[0]).items():
        assert torch.equal(each, before[name])
        assert each.grad is None


def test_a_frozen_encoder_is_run_once_for_all_epochs_and_all_runs(
    wordpiece: Path, tmp_path: Path, encoders: list[Encoder], passes: list[tuple[Encoder, bool]]
) -> None:
    """But for the scores at the end, which are those of the model as it was saved."""
    counts = []
    for name, settings in (
        ("one", {"epochs": 1}),
        ("four", {"epochs": 4, "head": "linear"}),
        ("mix", {"epochs": 1, "encoder.layers": "mix"}),
    ):
        encoders.clear()
        start(tiny_config(tmp_path, wordpiece, **settings), tmp_path / name)
        counts.append(sum(encoder is encoders[0] for encoder, _ in passes))
    assert counts[0] > 0
    assert counts == [counts[0], 0, counts[0]]
    assert not any(dropping for _, dropping in passes)


def test_features_from_the_cache_and_computed_ones_train_the_same_model(
    wordpiece: Path, tmp_path: Path
) -> None:
    config = tiny_config(tmp_path, wordpiece, features="encoder")
    for name in ("computed", "found"):
        start(config, tmp_path / name)
    assert weights_hash(tmp_path / "computed") == weights_hash(tmp_path / "found")


# ---------------------------------------------------------------- tuned


def test_an_encoder_that_learns_moves_with_its_dropout_on_and_keeps_nothing(
    wordpiece: Path,
    features_cache: Path,
    tmp_path: Path,
    encoders: list[Encoder],
    passes: list[tuple[Encoder, bool]],
) -> None:
    learning: list[int] = []
    watch = Watch(lambda *_: learning.append(sum(dropping for _, dropping in passes)))
    start(
        tiny_config(tmp_path, wordpiece, encoder__finetune=True, encoder__learning_rate=1e-3),
        tmp_path / "run",
        watch,
    )
    assert 0 < learning[0] < learning[-1] == sum(dropping for _, dropping in passes), (
        "each batch runs it anew"
    )
    assert len(passes) > learning[-1], "dev is scored without dropout"
    before, after = weights(Encoder.load(str(wordpiece))), weights(encoders[0])
    assert all(not torch.equal(after[name], before[name]) for name in before)
    assert not features_cache.exists()


def test_frozen_layers_and_embeddings_stay_as_they_are(
    wordpiece: Path, tmp_path: Path, encoders: list[Encoder]
) -> None:
    own = {"encoder.finetune": True, "encoder.learning_rate": 1e-3, "encoder.frozen_layers": 2}
    start(tiny_config(tmp_path, wordpiece, **own), tmp_path / "run")
    before, after = weights(Encoder.load(str(wordpiece))), weights(encoders[0])
    moved = {name for name in before if not torch.equal(after[name], before[name])}
    assert moved == {name for name in before if ".layer.2." in name}


@pytest.mark.parametrize("count", [3, 30])
def test_fine_tuning_needs_a_layer_that_is_not_frozen(count: int, wordpiece: Path, tmp_path: Path) -> None:
    own = {"encoder.finetune": True, "encoder.frozen_layers": count}
    with pytest.raises(UsageError, match=rf"{count}.* 3 layers"):
        start(tiny_config(tmp_path, wordpiece, **own), tmp_path / "run")


def test_dropout_inside_the_encoder_draws_from_the_seed(wordpiece: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, wordpiece, encoder__finetune=True, dropout=0, epochs=1)
    model, sentences, encoder = untrained(config), corpus_of(config), Encoder.load(str(wordpiece)).train()
    assert model.contextual is not None
    layout = batch_of(model, sentences, 3, 1, 2).layout
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(TrainableFeatures(encoder, sentences, model.contextual.settings).of(layout))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    for name, seed in (("one", 7), ("same", 7), ("other", 8)):
        torch.manual_seed(len(name))  # what the caller drew does not matter
        start(config.replace(seed=seed), tmp_path / name)
    one, same, other = ([p.name for p in (tmp_path / n).glob("encoder-*")] for n in ("one", "same", "other"))
    assert one == same != other
    assert weights_hash(tmp_path / "one") == weights_hash(tmp_path / "same")


def test_the_encoders_weights_take_adamw_at_their_own_rate_through_warm_up_and_restarts(
    wordpiece: Path, tmp_path: Path
) -> None:
    """Loshchilov and Hutter 2019: where the gradient stays 1, a step is -rate * (1 + decay * weight)."""
    rate, decay, steps = 1e-3, 0.15, 10
    own = {"encoder.finetune": True, "encoder.learning_rate": rate, "encoder.weight_decay": decay}
    rest = {"optimizer": "sgd", "learning_rate": 0.5, "weight_decay": 0}
    both = {"schedule": "cosine", "restarts": 2, "warmup_fraction": 0.2, "epochs": 2}
    config = tiny_config(tmp_path, wordpiece, **own, **rest, **both)
    network = untrained(config).network
    schedule = LearningRateSchedule(config.schedule, steps // 2, steps)
    optimisation = Optimizer(network, config.optimizer, schedule, config.encoder)
    assert network.encoder is not None
    watched = next(network.encoder.parameters())
    shares, others = [], []
    for epoch in range(2):
        optimisation.begin(epoch * steps // 2)
        for _ in range(steps // 2):
            before, bias = watched.detach().clone(), network.members[0].to_labels.bias.detach().clone()
            for each in (*network.encoder.parameters(), network.members[0].to_labels.bias):
                each.grad = torch.ones_like(each)
            optimisation.step(1)
            shares.append(((before - watched) / (rate * (1 + decay * before))).mean().item())
            others.append((bias - network.members[0].to_labels.bias).mean().item() / 0.5)
    fallen = [(1 + math.cos(math.pi * (step % 4) / 4)) / 2 for step in range(8)]
    assert shares == pytest.approx([0.5, 1, *fallen], rel=1e-3, abs=1e-4)
    assert others == pytest.approx([0.5, 1, *fallen], rel=1e-3, abs=1e-4)
