"""From gradients to new weights: the optimizers and their learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bilstm_crf.config import RunConfig
from bilstm_crf.model.network import BiLSTMCRF


class Optimizer:
    """One optimizer each for the word table, for an encoder that is fine-tuned, and for all other weights.

    The word table's gradients are sparse, so its rows take plain SGD, without weight decay: that would
    move a weight w by lr * decay * w = 1.5e-10 w a step, which float32 rounds to nothing. An encoder takes
    AdamW at a learning rate of its own (Loshchilov and Hutter 2019).
    """

    def __init__(self, network: BiLSTMCRF, config: RunConfig, epoch: int, batches: int) -> None:
        """The schedule ends after so many `batches`, of which so many are an `epoch`."""
        self._optimizer, self._schedule = config.optimizer, config.schedule
        optimizer = config.optimizer
        self._epoch, self._batches = epoch, batches
        self._warmup = round(
            config.schedule.warmup_fraction * batches
        )  # a whole number, or rounding would move a restart
        self._done = 0  # batches
        table = network.embedding.weight
        encoder = {} if network.encoder is None else dict(network.encoder.named_parameters(prefix="encoder"))
        self._named = {name: each for name, each in network.named_parameters() if each is not table}
        others = [each for name, each in self._named.items() if name not in encoder]
        table.requires_grad_(optimizer.embedding_lr_scale > 0 and table.numel() > 0)
        # With the learning rate of each, before the schedule
        self._optimizers: list[tuple[torch.optim.Optimizer, float]] = []
        if optimizer.method == "adam":
            adam = torch.optim.AdamW(others, weight_decay=optimizer.weight_decay, fused=True)
            self._optimizers.append((adam, optimizer.learning_rate))
        else:
            decay, momentum = optimizer.weight_decay, optimizer.momentum
            sgd = torch.optim.SGD(others, momentum=momentum, weight_decay=decay, fused=True)
            self._optimizers.append((sgd, optimizer.learning_rate))
        if table.requires_grad:
            rate = optimizer.learning_rate * optimizer.embedding_lr_scale
            self._optimizers.append((torch.optim.SGD([table], foreach=False), rate))
        if encoder and config.encoder is not None:
            # As BERT was trained (Devlin et al. 2019): no weight decay for biases and the scales of norms
            groups = [
                {
                    "params": [each for each in encoder.values() if each.ndim > 1],
                    "weight_decay": config.encoder.weight_decay,
                },
                {"params": [each for each in encoder.values() if each.ndim <= 1], "weight_decay": 0.0},
            ]
            self._optimizers.append((torch.optim.AdamW(groups, fused=True), config.encoder.learning_rate))

    def begin(self, batches: int) -> float:
        """Continue as after so many batches; return the first learning rate."""
        self._done = batches
        return self._scheduled(self._optimizer.learning_rate)

    def step(self, sentences: int) -> None:
        """Update the weights by the gradients of a batch's summed loss, and reset the gradients."""
        if clip := self._optimizer.gradient_clip:
            nn.utils.clip_grad_norm_(self._named.values(), clip * sentences)
        for optimizer, rate in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._scheduled(rate)
            optimizer.step()
            optimizer.zero_grad()
        self._done += 1

    def _scheduled(self, rate: float) -> float:
        """Return what the schedule makes of a learning rate for the next step."""
        schedule = self._schedule
        if self._done < self._warmup:
            return rate * min(1, (self._done + 1) / self._warmup)
        if schedule.shape == "inverse":
            return rate / (1 + schedule.learning_rate_decay * (self._done // self._epoch))
        fallen, falling = self._done - self._warmup, self._batches - self._warmup
        if schedule.shape == "linear":
            return rate * (1 - fallen / falling)
        return rate * (1 + math.cos(math.pi * (fallen * schedule.restarts % falling) / falling)) / 2

    def state(self) -> dict[str, Tensor]:
        """Return what the optimizers keep between steps, by `parameter/kind`; nothing for plain SGD."""
        return {
            f"{name}/{kind}": value
            for name, each in self._named.items()
            for optimizer, _ in self._optimizers
            for kind, value in optimizer.state.get(each, {}).items()
            if isinstance(value, Tensor)
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned. Raises KeyError for an unknown parameter."""
        for name, value in state.items():
            parameter, _, kind = name.rpartition("/")
            weights = self._named[parameter]
            for optimizer, _ in self._optimizers:
                if any(each is weights for group in optimizer.param_groups for each in group["params"]):
                    optimizer.state[weights][kind] = value.to(weights.device)
