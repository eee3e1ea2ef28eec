"""Dropout: what is kept is scaled, how much is dropped is as asked, and the generator decides all."""

import numpy as np
import pytest
import torch

from bilstm_crf import kernels
from bilstm_crf.model.dropout import Dropout, set_generator
from bilstm_crf.training.checkpoint import seed_epoch


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here holds for the compiled dropout and for PyTorch's."""
    monkeypatch.setattr(kernels, "NUMBA", request.param == "compiled")


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_and_the_mean_are_as_asked(p: float) -> None:
    dropout = Dropout(p).train()
    set_generator(dropout, np.random.default_rng(1))
    got = dropout(torch.ones(200, 500))
    assert (got == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert got.mean().item() == pytest.approx(1, abs=0.05)
    assert len(got.unique()) == 2


def test_one_seed_drops_the_same() -> None:
    dropout, values = Dropout(0.5).train(), torch.randn(30, 7)
    results = []
    for _ in range(2):
        set_generator(dropout, seed_epoch(5, 1))
        results.append(dropout(values))
    assert torch.equal(*results)
    assert not torch.equal(results[0], dropout(values))


def test_gradients_pass_where_values_do() -> None:
    dropout, values = Dropout(0.5).train(), torch.ones(50, 8, requires_grad=True)
    got = dropout(values)
    got.sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, got.detach())


def test_outside_training_nothing_is_dropped() -> None:
    values = torch.randn(4, 4)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0).train()(values) is values


def test_neighbours_and_calls_are_dropped_independently() -> None:
    """Correlations of a hundred thousand values, along them and between one call and the next."""
    dropout = Dropout(0.5).train()
    set_generator(dropout, np.random.default_rng(2))
    first, second = (dropout(torch.ones(100_000)) - 1 for _ in range(2))  # each +1 or -1
    for shift in (1, 2, 3, 4, 5, 8, 64, 4096):
        assert abs((first[shift:] * first[:-shift]).mean().item()) < 0.02
    assert abs((first * second).mean().item()) < 0.02


def test_values_that_do_not_lie_side_by_side_are_dropped_in_their_places() -> None:
    dropout, values = Dropout(0.5).train(), torch.arange(1.0, 13.0).view(3, 4)
    got = dropout(values.T)
    assert got.shape == (4, 3)
    assert torch.isin(got, torch.tensor([0.0])).logical_or(got == 2 * values.T).all()


def test_a_batch_loses_the_same_places_and_keeps_the_mean() -> None:
    dropout, values = Dropout(0.25).train(), torch.rand(30, 40)
    seen = set()
    for _ in range(200):
        left, kept = dropout.of_batch(values)
        assert kept is not None
        assert kept.tolist() == sorted(set(kept.tolist()))
        torch.testing.assert_close(left, values[:, kept] / 0.75)
        assert len(kept) == 30
        seen.add(tuple(kept.tolist()))
    assert len(seen) == 200
    assert {place for kept in seen for place in kept} == set(range(40))
    assert dropout.eval().of_batch(values) == (values, None)


def test_rows_of_one_group_lose_the_same_places() -> None:
    dropout, values = Dropout(0.5).train(), torch.rand(300, 40, requires_grad=True)
    group = torch.arange(300) % 3
    got = dropout(values, group)
    got.sum().backward()
    assert values.grad is not None
    for number in range(3):
        masks = values.grad[group == number]
        assert (masks == masks[0]).all()
        assert set(masks[0].tolist()) == {0.0, 2.0}
    torch.testing.assert_close(got, values * values.grad)
    assert not torch.equal(values.grad[0], values.grad[1])
    assert dropout.eval()(values, group) is values
