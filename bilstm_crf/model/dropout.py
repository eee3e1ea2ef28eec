"""Dropout (Srivastava et al. 2014) from a given random generator, many times as fast as PyTorch's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.model.autograd import Dropped, can_compile

STEPS = 1 << 16  # the probability is rounded to a multiple of 1 / STEPS


class Stochastic(nn.Module):
    """A module that draws random numbers in training; `set_generator` says from what."""

    def __init__(self) -> None:
        super().__init__()
        self.random = np.random.default_rng()


class Dropout(Stochastic):
    """In training, zeroes each value with probability `p` and scales the others by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.limit = round(p * STEPS)  # of STEPS equally likely cases, those in which a value is dropped

    def forward(self, values: Tensor, group: Tensor | None = None) -> Tensor:
        """Drop some of `values` (N, D).

        With `group` (N,), each row loses the places that this row of a larger tensor would lose: one row for
        all tokens of a sentence, or the rows of a whole batch of which this is a part.
        """
        if not self.training or self.limit == 0:
            return values
        if group is not None:
            rows = int(group.max()) + 1 if len(group) else 0
            return values * self(values.new_ones(rows, values.shape[1]))[group]
        if can_compile(values):
            key = self.random.integers(1 << 64, dtype=np.uint64)
            dropped: Tensor = Dropped.apply(values, key, self.limit)
            return dropped
        return F.dropout(values, self.limit / STEPS)

    def of_batch(self, values: Tensor) -> tuple[Tensor, Tensor | None]:
        """Drop the same places of all rows of `values` (N, D): return the rest (N, P), and its places (P,).

        The dropped places need no computation at all; their number is always the same. Outside
        training, returns the values and None.
        """
        if not self.training or self.limit == 0:
            return values, None
        places = values.shape[1]
        left = places - round(places * self.limit / STEPS)
        drawn = np.sort(self.random.choice(places, left, replace=False))
        kept = torch.from_numpy(drawn).to(values.device)
        return values.index_select(1, kept) * (places / max(1, left)), kept


def set_generator(network: nn.Module, random: np.random.Generator) -> None:
    """Let all stochastic modules of `network` draw from this generator."""
    for module in network.modules():
        if isinstance(module, Stochastic):
            module.random = random
