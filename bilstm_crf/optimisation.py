"""From gradients to new weights: the optimiser and its learning rate over a run."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bilstm_crf.config import Recipe
from bilstm_crf.network.model import BiLSTMCRF


class Optimisation:
    """What happens after each batch's gradients, and all of it that a checkpoint must keep.

    The word table's gradients are sparse, so its rows take plain SGD in every recipe, and no L2: that would
    move a weight w by lr * l2 * w = 1.5e-10 w a step, which float32 rounds to nothing.
    """

    def __init__(self, network: BiLSTMCRF, recipe: Recipe, steps: int) -> None:
        """`steps`: batches of one epoch."""
        self._recipe, self._steps, self._done = recipe, steps, 0
        table = network.embedding.weight
        self._named = {name: each for name, each in network.named_parameters() if each is not table}
        others = list(self._named.values())
        self._others: torch.optim.Optimizer
        if recipe.optimiser == "adam":
            self._others = torch.optim.AdamW(others, weight_decay=recipe.l2, fused=True)
        else:
            self._others = torch.optim.SGD(others, weight_decay=recipe.l2, fused=True)
        self._table = torch.optim.SGD([table], foreach=False) if recipe.word_rate else None
        table.requires_grad_(self._table is not None)

    def begin(self, epoch: int) -> float:
        """Counts from the start of this epoch (from 1) on; its first learning rate."""
        self._done = (epoch - 1) * self._steps
        return self._rate()

    def step(self, sentences: int) -> None:
        """Moves the weights by the gradients of so many sentences' summed loss, and forgets these."""
        recipe, rate = self._recipe, self._rate()
        if recipe.gradient_clip:
            nn.utils.clip_grad_norm_(self._named.values(), recipe.gradient_clip * sentences)
        for optimiser, factor in ((self._others, 1.0), (self._table, recipe.word_rate)):
            if optimiser is not None:
                optimiser.param_groups[0]["lr"] = rate * factor
                optimiser.step()
                optimiser.zero_grad()
        self._done += 1

    def _rate(self) -> float:
        recipe = self._recipe
        if recipe.schedule == "linear":
            return recipe.learning_rate * (1 - self._done / (self._steps * recipe.epochs))
        return recipe.learning_rate / (1 + recipe.learning_rate_decay * (self._done // self._steps))

    def state(self) -> dict[str, Tensor]:
        """What the optimiser keeps from one batch to the next, by `parameter/kind`; nothing for SGD."""
        return {
            f"{name}/{kind}": value
            for name, each in self._named.items()
            for kind, value in self._others.state[each].items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`. Raises KeyError for a parameter that there is not."""
        for name, value in state.items():
            parameter, _, kind = name.rpartition("/")
            self._others.state[self._named[parameter]][kind] = value
