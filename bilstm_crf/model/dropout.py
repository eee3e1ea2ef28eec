"""Dropout (Srivastava et al. 2014) from a generator of one's own, many times as fast as PyTorch's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf import kernels

STEPS = 1 << 16  # the probability is rounded to this many


class Stochastic(nn.Module):
    """A module that draws random numbers in training."""

    def __init__(self) -> None:
        super().__init__()
        self.random = np.random.default_rng()  # `set_generator` sets another


class Dropout(Stochastic):
    """In training, zeroes each value with probability `p` and scales the others by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.limit = round(p * STEPS)  # of `STEPS` equally likely cases, those in which a value is dropped

    def forward(self, values: Tensor, group: Tensor | None = None) -> Tensor:
        """`values` (N, D). With `group` (N,), numbers from 0, all rows of one group lose the same places."""
        if not self.training or self.limit == 0:
            return values
        if group is not None:
            return values * self(values.new_ones(int(group.max()) + 1, values.shape[1]))[group]
        if kernels.can_compile(values):
            from bilstm_crf.kernels.dropout import Dropped

            key = self.random.integers(1 << 64, dtype=np.uint64)
            dropped: Tensor = Dropped.apply(values, key, self.limit)
            return dropped
        return F.dropout(values, self.limit / STEPS)

    def of_batch(self, values: Tensor) -> tuple[Tensor, Tensor | None]:
        """Drops the same places of all rows of `values` (N, D): what is left (N, P), and its places (P,).

        What is dropped need not be computed with at all. Of D it is always the same number. Outside training
        the values as they are, and None.
        """
        if not self.training or self.limit == 0:
            return values, None
        places = values.shape[1]
        left = places - round(places * self.limit / STEPS)
        drawn = np.sort(self.random.choice(places, left, replace=False))
        kept = torch.from_numpy(drawn).to(values.device)
        return values.index_select(1, kept) * (places / max(1, left)), kept


def set_generator(network: nn.Module, random: np.random.Generator) -> None:
    """All modules of `network` that draw random numbers draw them from this generator from now on."""
    for module in network.modules():
        if isinstance(module, Stochastic):
            module.random = random
