"""One step of the optimiser is what its paper says, and the learning rate falls as the recipe says."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from bilstm_crf.config import RunConfig
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.plan import LearningRateSchedule
from networks import batch_of, network

STEPS = 4  # batches of an epoch


def optimisation(model: BiLSTMCRF, **settings: Any) -> Optimizer:
    config = RunConfig().replace(settings)
    schedule = LearningRateSchedule(config.schedule, STEPS, STEPS * config.schedule.epochs)
    return Optimizer(model, config.optimizer, schedule)


def rates(**settings: Any) -> list[list[float]]:
    """The share of the learning rate at each step of three epochs."""
    model = network()
    made = optimisation(model, epochs=3, **settings)
    found = []
    for epoch in range(3):
        made.begin(epoch * STEPS)
        found.append([])
        for _ in range(STEPS):
            found[-1].append(made._schedule.rate(1, made._done))
            made.step(1)
    return found


def test_the_inverse_schedule_falls_from_epoch_to_epoch() -> None:
    for epoch, found in enumerate(rates(learning_rate_decay=0.5)):
        assert found == [1 / (1 + 0.5 * epoch)] * STEPS


def test_the_linear_schedule_falls_with_every_batch_and_would_end_at_zero() -> None:
    found = [rate for epoch in rates(schedule="linear") for rate in epoch]
    assert found == pytest.approx([1 - step / 12 for step in range(12)])


def test_the_cosine_falls_to_zero_as_often_as_asked() -> None:
    """Loshchilov and Hutter 2017, equation 5."""
    found = [rate for epoch in rates(schedule="cosine", restarts=2) for rate in epoch]
    fall = [(1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert found == pytest.approx([*fall, *fall])


def test_the_warm_up_rises_to_the_full_rate_before_the_schedule_begins() -> None:
    found = [rate for epoch in rates(schedule="linear", warmup_fraction=0.25) for rate in epoch]
    assert found == pytest.approx([1 / 3, 2 / 3, 1, *(1 - step / 9 for step in range(9))])


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_clipping_bounds_the_gradient_of_all_parameters_together(optimiser: str) -> None:
    model = network()
    model.loss(batch_of(0, 1)).backward()
    gradients = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    others = [gradient for name, gradient in gradients.items() if name != "embedding.weight"]
    norm = torch.stack([gradient.norm() for gradient in others]).norm().item()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    made = optimisation(model, optimizer=optimiser, learning_rate=1, weight_decay=0, gradient_clip=norm / 4)
    made.begin(0)
    made.step(2)  # of two sentences: half the norm is left
    if optimiser == "sgd":
        for name, each in model.named_parameters():
            scale = 1 if name == "embedding.weight" else 0.5
            expected = before[name] - scale * gradients[name].to_dense()
            torch.testing.assert_close(each.detach(), expected, atol=1e-5, rtol=1e-4)
    assert all(each.grad is None for each in model.parameters())


def test_the_word_table_takes_plain_sgd_at_its_own_rate_whatever_the_others_take() -> None:
    model = network()
    model.loss(batch_of(0)).backward()
    gradient = model.embedding.weight.grad
    assert gradient is not None
    expected = model.embedding.weight.detach() - 0.01 * 5 * gradient.to_dense()
    made = optimisation(model, optimizer="adam", learning_rate=0.01, embedding_lr_scale=5)
    made.begin(0)
    made.step(1)
    torch.testing.assert_close(model.embedding.weight.detach(), expected)


def test_a_rate_of_zero_freezes_the_word_table() -> None:
    model = network()
    before = model.embedding.weight.detach().clone()
    made = optimisation(model, embedding_lr_scale=0)
    made.begin(0)
    model.loss(batch_of(0)).backward()
    made.step(1)
    assert torch.equal(model.embedding.weight, before)
    assert not torch.equal(model.members[0].to_labels.bias, torch.zeros_like(model.members[0].to_labels.bias))


def test_adams_first_step_is_the_learning_rate_against_the_sign_of_the_gradient() -> None:
    """Kingma and Ba 2015, algorithm 1: after one step the two moments' ratio is the sign."""
    model = network()
    model.loss(batch_of(0)).backward()
    weight = model.members[0].to_labels.weight
    assert weight.grad is not None
    expected = weight.detach() - 0.01 * weight.grad.sign()
    made = optimisation(model, optimizer="adam", learning_rate=0.01, weight_decay=0)
    made.begin(0)
    made.step(1)
    torch.testing.assert_close(weight.detach(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("settings", [{"optimizer": "adam"}, {"momentum": 0.9}])
def test_the_state_goes_from_one_optimiser_to_another(settings: dict[str, Any]) -> None:
    model = network()
    made = optimisation(model, **settings)
    made.begin(0)
    model.loss(batch_of(0)).backward()
    made.step(1)
    state = {name: value.clone() for name, value in made.state().items()}
    assert state
    other = optimisation(model, **settings)
    assert other.state() == {}
    other.restore(state)
    assert other.state().keys() == state.keys()
    assert all(torch.equal(other.state()[name], state[name]) for name in state)
    assert optimisation(model).state() == {}


@pytest.mark.parametrize("frozen", [False, True], ids=["trained table", "frozen table"])
def test_averages_are_those_of_an_update_after_every_batch(frozen: bool) -> None:
    """Rows of the word table that a batch leaves alone included, over two epochs."""
    model = network().train()  # where the gradients of the word table are sparse
    made = optimisation(model, averaging=0.9, learning_rate=0.1, embedding_lr_scale=0 if frozen else 1)
    expected = {name: each.detach().clone() for name, each in model.named_parameters()}
    done = 0
    for epoch in ([(0,), (1,), (2, 3), (4,)], [(3,), (0, 1), (1,), (1,)]):
        made.begin(done)
        for chosen in epoch:
            model.loss(batch_of(*chosen)).backward()
            made.step(len(chosen))
            decay = min(0.9, (1 + done) / (10 + done))
            for name, each in model.named_parameters():
                expected[name] = decay * expected[name] + (1 - decay) * each.detach()
            done += 1
        weights = {name: each.detach().clone() for name, each in model.named_parameters()}
        with made.averaged():
            for name, each in model.named_parameters():
                torch.testing.assert_close(each.detach(), expected[name])
                assert frozen or not torch.equal(each.detach(), weights[name])
        for name, each in model.named_parameters():
            assert torch.equal(each.detach(), weights[name])
