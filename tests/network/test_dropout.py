"""Dropout: what is kept is scaled, how much is dropped is as asked, and the generator decides all."""

import numpy as np
import pytest
import torch

from bilstm_crf.network.dropout import Dropout, draw_from


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_and_the_mean_are_as_asked(p: float) -> None:
    dropout = Dropout(p).train()
    draw_from(dropout, np.random.default_rng(1))
    got = dropout(torch.ones(200, 500))
    assert (got == 0).float().mean().item() == pytest.approx(p, abs=0.01)
    assert got.mean().item() == pytest.approx(1, abs=0.05)
    assert len(got.unique()) == 2


def test_one_seed_drops_the_same() -> None:
    dropout, values = Dropout(0.5).train(), torch.randn(30, 7)
    results = []
    for _ in range(2):
        draw_from(dropout, np.random.default_rng(5))
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
