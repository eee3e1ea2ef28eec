"""Exponential moving averages of the weights, which are often better than the weights of any one batch.

After batch t (from 0), the average takes over 1 - d of each weight: d is the decay, and less in the first
batches, min(decay, (1 + t) / (10 + t)), so that the random first weights are soon forgotten.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

KIND = "average"  # of a tensor in a checkpoint


class WeightAverage:
    """The averages of a network's trained weights.

    A batch changes only some rows of the word table, but the average of every row comes closer to its weights
    with every batch. It is brought up to date when the row is about to change, and at the end of an epoch; it
    then stands where an update after every batch would have taken it.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], table: str | None, decay: float) -> None:
        """Begin with the present weights; `table`: the name of the word table, if it is among them."""
        self._weights, self._table, self._decay = dict(weights), table, decay
        self._averages = {name: each.detach().clone() for name, each in weights.items()}
        self._passed = 0.0  # the logarithm of the product of all decays since the epoch began
        rows = 0 if table is None else len(weights[table])
        self._row_passed = torch.zeros(rows, dtype=torch.float64)  # when the row was brought up to date

    @torch.no_grad()
    def before_step(self) -> None:
        """Before a step of the optimizer: bring those rows of the table up to date that it will change."""
        if self._table is not None and (gradient := self._weights[self._table].grad) is not None:
            self._settle(gradient._indices()[0].unique().cpu())

    @torch.no_grad()
    def after_step(self, done: int) -> None:
        """After a step of the optimizer, which `done` batches came before."""
        decay = min(self._decay, (1 + done) / (10 + done))
        dense = [name for name in self._weights if name != self._table]
        weights = [self._weights[name].detach() for name in dense]
        torch._foreach_lerp_([self._averages[name] for name in dense], weights, 1 - decay)
        self._passed += math.log(decay)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages in place of the weights for the block, at the end of an epoch."""
        with torch.no_grad():
            self._settle(torch.arange(len(self._row_passed)))
        self._passed = 0.0
        self._row_passed.zero_()
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for name, parameter in self._weights.items():
            parameter.data, self._averages[name] = self._averages[name], parameter.data

    def _settle(self, rows: Tensor) -> None:
        """Bring the averages of these rows of the table up to date; their weights did not change since."""
        if self._table is None:
            return
        weights, averages = self._weights[self._table], self._averages[self._table]
        share = torch.exp(self._passed - self._row_passed[rows]).to(weights).unsqueeze(1)
        self._row_passed[rows] = self._passed
        rows = rows.to(weights.device)
        averages[rows] = torch.lerp(weights[rows], averages[rows], share)

    def state(self) -> dict[str, Tensor]:
        """Return the averages at the end of an epoch, by `parameter/average`."""
        return {f"{name}/{KIND}": each for name, each in self._averages.items()}

    def restore(self, name: str, value: Tensor) -> None:
        """Restore the average of one parameter. Raises KeyError for an unknown one."""
        self._averages[name].copy_(value)
