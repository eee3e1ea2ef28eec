"""Dropout (Srivastava et al. 2014) from a generator of one's own, several times as fast as PyTorch's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEPS = 1 << 16  # the probability is rounded to this many


class Dropout(nn.Module):
    """In training, zeroes each value with probability `p` and scales the others by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.random = np.random.default_rng()  # `draw_from` sets another

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.p)
        dropped = round(self.p * STEPS)
        mask = self.random.integers(0, STEPS, size=values.shape, dtype=np.uint16) >= dropped
        return values * torch.from_numpy(mask) * (STEPS / (STEPS - dropped))


def draw_from(network: nn.Module, random: np.random.Generator) -> None:
    """All dropout of `network` draws from `random` from now on."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.random = random
