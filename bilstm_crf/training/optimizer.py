"""From gradients to new weights."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bilstm_crf.config import EncoderConfig, OptimizerConfig
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.training.averaging import KIND, WeightAverage
from bilstm_crf.training.plan import LearningRateSchedule

TABLE = "embedding.weight"  # the word table's name in the network


class Optimizer:
    """One optimizer each for the word table, for an encoder that is fine-tuned, and for all other weights.

    The word table's gradients are sparse, so its rows take plain SGD, without weight decay: that would
    move a weight w by lr * decay * w = 1.5e-10 w a step, which float32 rounds to nothing. An encoder takes
    AdamW at a learning rate of its own (Loshchilov and Hutter 2019).
    """

    def __init__(
        self,
        network: BiLSTMCRF,
        config: OptimizerConfig,
        schedule: LearningRateSchedule,
        encoder: EncoderConfig | None = None,
    ) -> None:
        self._config, self._schedule = config, schedule
        self._done = 0  # batches
        table = network.embedding.weight
        table.requires_grad_(config.embedding_lr_scale > 0 and table.numel() > 0)
        learning = {name: each for name, each in network.named_parameters() if each.requires_grad}
        in_encoder = {name: each for name, each in learning.items() if name.startswith("encoder.")}
        self._named = {name: each for name, each in learning.items() if each is not table}
        others = [each for name, each in self._named.items() if name not in in_encoder]
        main: torch.optim.Optimizer
        if config.method == "adam":
            main = torch.optim.AdamW(others, weight_decay=config.weight_decay, fused=True)
        else:
            main = torch.optim.SGD(
                others, momentum=config.momentum, weight_decay=config.weight_decay, fused=True
            )
        # With the peak learning rate of each
        self._optimizers: list[tuple[torch.optim.Optimizer, float]] = [(main, config.learning_rate)]
        if table.requires_grad:
            rate = config.learning_rate * config.embedding_lr_scale
            self._optimizers.append((torch.optim.SGD([table], foreach=False), rate))
        if in_encoder and encoder is not None:
            # As BERT was trained (Devlin et al. 2019): no weight decay for biases and the scales of norms
            decaying = [each for each in in_encoder.values() if each.ndim > 1]
            constant = [each for each in in_encoder.values() if each.ndim <= 1]
            groups = [
                {"params": decaying, "weight_decay": encoder.weight_decay},
                {"params": constant, "weight_decay": 0.0},
            ]
            self._optimizers.append((torch.optim.AdamW(groups, fused=True), encoder.learning_rate))
        self._average = None
        if config.averaging:
            trained = {name: each for name, each in network.named_parameters() if each.requires_grad}
            in_table = TABLE if table.requires_grad else None
            self._average = WeightAverage(trained, in_table, config.averaging)

    def begin(self, batches: int) -> float:
        """Continue as after so many batches; return the first learning rate."""
        self._done = batches
        return self._schedule.rate(self._config.learning_rate, batches)

    def step(self, sentences: int) -> None:
        """Update the weights by the gradients of a batch's summed loss, and reset the gradients."""
        if clip := self._config.gradient_clip:
            nn.utils.clip_grad_norm_(self._named.values(), clip * sentences)
        if self._average is not None:
            self._average.before_step()
        for optimizer, peak in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._schedule.rate(peak, self._done)
            optimizer.step()
            optimizer.zero_grad()
        if self._average is not None:
            self._average.after_step(self._done)
        self._done += 1

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Put the weights' averages in place of the weights for a block, at the end of an epoch.

        Without averaging, the weights stay.
        """
        return contextlib.nullcontext() if self._average is None else self._average.applied()

    def state(self) -> dict[str, Tensor]:
        """Return what is kept between steps, by `parameter/kind`; nothing for plain SGD without averages."""
        averages = {} if self._average is None else self._average.state()
        return averages | {
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
            if kind == KIND and self._average is not None:
                self._average.restore(parameter, value)
                continue
            weights = self._named[parameter]
            for optimizer, _ in self._optimizers:
                if any(each is weights for group in optimizer.param_groups for each in group["params"]):
                    optimizer.state[weights][kind] = value.to(weights.device)
