"""Mix all layers of an encoder into one vector per word (Peters et al. 2018, equation 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ScalarMix(nn.Module):
    """gamma times the softmax-weighted sum of the layers; initialised to their mean."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers))
        self.gamma = nn.Parameter(torch.ones(()))

    def forward(self, states: Tensor) -> Tensor:
        """Map (N, L, D), of any precision, to (N, D) in that of the weights."""
        shares = self.weights.softmax(0)  # (L,)
        return self.gamma * torch.einsum("l,nld->nd", shares, states.to(shares.dtype))
