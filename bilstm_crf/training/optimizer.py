"""From gradients to new weights: the optimisers and their learning rates over a run."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bilstm_crf.config import RunConfig
from bilstm_crf.model.network import BiLSTMCRF


class Optimisation:
    """What happens after each batch's gradients, and all of it that a checkpoint must keep.

    The word table's gradients are sparse, so its rows take plain SGD in every recipe, and no L2: that would
    move a weight w by lr * l2 * w = 1.5e-10 w a step, which float32 rounds to nothing. The weights of an
    encoder that learns take AdamW at their own rate (Loshchilov and Hutter 2019).
    """

    def __init__(self, network: BiLSTMCRF, config: RunConfig, epoch: int, batches: int) -> None:
        """The schedule ends after so many `batches`, of which so many are an `epoch`."""
        self._optimizer, self._schedule = config.optimizer, config.schedule
        optimizer = config.optimizer
        self._epoch, self._batches = epoch, batches
        self._rising = round(
            config.schedule.warmup_fraction * batches
        )  # whole, or rounding would move a restart
        self._done = 0  # batches
        table = network.embedding.weight
        encoder = {} if network.encoder is None else dict(network.encoder.named_parameters(prefix="encoder"))
        self._named = {name: each for name, each in network.named_parameters() if each is not table}
        others = [each for name, each in self._named.items() if name not in encoder]
        table.requires_grad_(optimizer.embedding_lr_scale > 0 and table.numel() > 0)
        # With the learning rate of each, before the schedule
        self._optimisers: list[tuple[torch.optim.Optimizer, float]] = []
        if optimizer.method == "adam":
            adam = torch.optim.AdamW(others, weight_decay=optimizer.weight_decay, fused=True)
            self._optimisers.append((adam, optimizer.learning_rate))
        else:
            sgd = torch.optim.SGD(
                others, momentum=optimizer.momentum, weight_decay=optimizer.weight_decay, fused=True
            )
            self._optimisers.append((sgd, optimizer.learning_rate))
        if table.requires_grad:
            rate = optimizer.learning_rate * optimizer.embedding_lr_scale
            self._optimisers.append((torch.optim.SGD([table], foreach=False), rate))
        if encoder and config.encoder is not None:
            # As BERT was trained (Devlin et al. 2019): biases and the scales of norms do not decay
            decaying = [each for each in encoder.values() if each.ndim > 1]
            others = [each for each in encoder.values() if each.ndim <= 1]
            groups = [
                {"params": decaying, "weight_decay": config.encoder.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ]
            self._optimisers.append((torch.optim.AdamW(groups, fused=True), config.encoder.learning_rate))

    def begin(self, batches: int) -> float:
        """Goes on as after so many batches; the first learning rate."""
        self._done = batches
        return self._now(self._optimizer.learning_rate)

    def step(self, sentences: int) -> None:
        """Move the weights by the gradients of a batch of so many sentences' summed loss; reset these."""
        if clip := self._optimizer.gradient_clip:
            nn.utils.clip_grad_norm_(self._named.values(), clip * sentences)
        for optimiser, rate in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self._now(rate)
            optimiser.step()
            optimiser.zero_grad()
        self._done += 1

    def _now(self, rate: float) -> float:
        """What the schedule makes of a learning rate for the next step."""
        schedule = self._schedule
        if self._done < self._rising:
            return rate * min(1, (self._done + 1) / self._rising)
        if schedule.shape == "inverse":
            return rate / (1 + schedule.learning_rate_decay * (self._done // self._epoch))
        fallen, falling = self._done - self._rising, self._batches - self._rising
        if schedule.shape == "linear":
            return rate * (1 - fallen / falling)
        return rate * (1 + math.cos(math.pi * (fallen * schedule.restarts % falling) / falling)) / 2

    def state(self) -> dict[str, Tensor]:
        """What the optimisers keep from one step to the next, by `parameter/kind`; nothing for plain SGD."""
        return {
            f"{name}/{kind}": value
            for name, each in self._named.items()
            for optimiser, _ in self._optimisers
            for kind, value in optimiser.state.get(each, {}).items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`. Raises KeyError for a parameter that there is not."""
        for name, value in state.items():
            parameter, _, kind = name.rpartition("/")
            weights = self._named[parameter]
            for optimiser, _ in self._optimisers:
                if any(each is weights for group in optimiser.param_groups for each in group["params"]):
                    optimiser.state[weights][kind] = value.to(weights.device)
