"""Plan a training: the sentences of each epoch, and the epochs of each stage of a curriculum.

An epoch is one pass over the training data, or `batches_per_epoch` batches. Dev is scored after each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bilstm_crf.config import ScheduleConfig, Stage
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.errors import UsageError
from bilstm_crf.training.records import EpochRow, best_row


@dataclass(frozen=True)
class LearningRateSchedule:
    """The learning-rate schedule of a run."""

    config: ScheduleConfig
    batches_per_epoch: int
    batches: int  # of the run

    def rate(self, peak: float, done: int) -> float:
        """Return the learning rate of the step after `done` batches."""
        config = self.config
        warmup = round(
            config.warmup_fraction * self.batches
        )  # a whole number, or rounding would move a restart
        if done < warmup:
            return peak * min(1, (done + 1) / warmup)
        if config.shape == "inverse":
            return peak / (1 + config.learning_rate_decay * (done // self.batches_per_epoch))
        fallen, falling = done - warmup, self.batches - warmup
        if config.shape == "linear":
            return peak * (1 - fallen / falling)
        return peak * (1 + math.cos(math.pi * (fallen * config.restarts % falling) / falling)) / 2


@dataclass(frozen=True)
class Epoch:
    """Some batches, from the `first` of the schedule on."""

    stage: int  # from 0
    first: int
    batches: int


@dataclass(frozen=True)
class Plan:
    """The epochs of a training, which sentences they draw, and the learning rates."""

    epochs: list[Epoch]
    stages: list[Stage]
    mixture: Mixture
    schedule: LearningRateSchedule

    @property
    def batch_size(self) -> int:
        """The number of sentences in a batch."""
        return self.schedule.config.batch_size

    @property
    def sentences_per_epoch(self) -> int:
        """The number of sentences in the longest epoch."""
        return self.batch_size * max(each.batches for each in self.epochs)

    @property
    def batches(self) -> int:
        """The number of batches in all epochs."""
        return sum(each.batches for each in self.epochs)

    def epoch(self, number: int) -> Epoch:
        """Return the epoch with this number (from 1)."""
        return self.epochs[number - 1]

    def of_stage(self, history: Iterable[EpochRow], stage: int) -> list[EpochRow]:
        """Return the rows of a stage."""
        return [row for row in history if self.epoch(row.epoch).stage == stage]

    def remaining(self, history: Sequence[EpochRow]) -> list[int]:
        """Return the numbers of the epochs that are still to come, without those that patience cuts."""
        done = history[-1].epoch if history else 0
        numbers = range(done + 1, len(self.epochs) + 1)
        return [number for number in numbers if not self.is_over(self.epoch(number).stage, history)]

    def is_over(self, stage: int, history: Sequence[EpochRow]) -> bool:
        """Return whether the last `patience` epochs of a stage brought no better dev F1."""
        rows, patience = self.of_stage(history, stage), self.schedule.config.patience
        scored = bool(rows) and rows[-1].dev is not None
        return scored and 0 < patience <= len(rows) and best_row(rows) not in rows[-patience:]


def plan_training(config: ScheduleConfig, stages: Sequence[Stage], mixture: Mixture) -> Plan:
    """Plan a training; a single stage lasts the configured number of epochs.

    Raises UsageError where an epoch would be longer than the training data.
    """
    whole = batches_of(config, mixture)
    if config.batches_per_epoch > whole:
        raise UsageError(
            f"batches_per_epoch is {config.batches_per_epoch:,}, but the training data has {whole:,} batches"
        )
    epoch = config.batches_per_epoch or whole
    if len(stages) == 1 and not stages[0].batches:
        stages = [replace(stages[0], batches=config.epochs * epoch)]
    lengths = [stage.batches for stage in stages]
    schedule = LearningRateSchedule(config, epoch, sum(lengths))
    return Plan(list(_epochs(lengths, stages, epoch)), list(stages), mixture, schedule)


def stop_where_best(plan: Plan, history: Sequence[EpochRow], mixture: Mixture) -> Plan:
    """Plan to train again, on other sentences: each stage ends after as many batches as were best on dev.

    No stage follows that of the best epoch of all. The learning rates are those of the finished training.
    """
    lengths = []
    for stage in range(plan.epoch(best_row(history).epoch).stage + 1):
        last = plan.epoch(best_row(plan.of_stage(history, stage)).epoch)
        lengths.append(last.first + last.batches - sum(each.batches for each in plan.stages[:stage]))
    epoch = plan.schedule.config.batches_per_epoch or batches_of(plan.schedule.config, mixture)
    return replace(plan, epochs=list(_epochs(lengths, plan.stages, epoch)), mixture=mixture)


def batches_of(config: ScheduleConfig, mixture: Mixture) -> int:
    """Return the number of batches in one pass over the training data."""
    return -(-len(mixture) // config.batch_size)


def _epochs(lengths: Iterable[int], stages: Iterable[Stage], batches_per_epoch: int) -> Iterable[Epoch]:
    """Divide each stage into epochs; a stage begins where its whole predecessor ends in the schedule."""
    first = 0
    for number, (length, stage) in enumerate(zip(lengths, stages, strict=False)):
        for start in range(0, length, batches_per_epoch):
            yield Epoch(number, first + start, min(batches_per_epoch, length - start))
        first += stage.batches
