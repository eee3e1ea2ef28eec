"""The learned mean of layers."""

from __future__ import annotations

import torch

from bilstm_crf.encoder.scalar_mix import ScalarMix


def test_it_begins_as_the_mean_of_float16_layers() -> None:
    states = torch.randn(5, 3, 4).half()
    torch.testing.assert_close(ScalarMix(3)(states), states.float().mean(1))


def test_it_is_equation_1_of_peters_and_others() -> None:
    mix, states = ScalarMix(2), torch.randn(5, 2, 4)
    with torch.no_grad():
        mix.weights.copy_(torch.tensor([1.0, -2.0]))
        mix.gamma.fill_(3.0)
    shares = torch.tensor([1.0, -2.0]).exp() / torch.tensor([1.0, -2.0]).exp().sum()
    expected = 3 * (shares[0] * states[:, 0] + shares[1] * states[:, 1])
    torch.testing.assert_close(mix(states), expected)


def test_weights_gamma_and_layers_all_learn() -> None:
    mix, states = ScalarMix(3).double(), torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(mix, states)
    mix(states).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in mix.parameters())
