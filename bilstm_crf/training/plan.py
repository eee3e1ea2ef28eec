"""What a training learns from, and how long: epochs, each of one stage of a curriculum.

An epoch is one pass over the training data, or `epoch_batches` batches. Dev is scored after each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bilstm_crf.config import EncoderConfig, ScheduleConfig, Stage
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.errors import UsageError
from bilstm_crf.training.records import EpochRow, best_row


@dataclass(frozen=True)
class Epoch:
    """Some batches, from the `first` of the schedule on."""

    stage: int  # from 0
    first: int
    batches: int


@dataclass(frozen=True)
class Plan:
    """The epochs of a training, and what the learning-rate schedule counts by."""

    epochs: list[Epoch]
    stages: list[Stage]
    batches_per_epoch: int
    batches: int  # after which the schedule ends
    batch_size: int = 1
    patience: int = 0  # epochs of a stage without a better dev F1; 0: no limit

    @property
    def sentences_per_epoch(self) -> int:
        """The number of sentences in the longest epoch."""
        return self.batch_size * max(each.batches for each in self.epochs)

    @property
    def batches_to_train(self) -> int:
        """The number of batches in all epochs."""
        return sum(each.batches for each in self.epochs)

    def epoch(self, number: int) -> Epoch:
        """Return the epoch with this number (from 1)."""
        return self.epochs[number - 1]

    def of_stage(self, history: Iterable[EpochRow], stage: int) -> list[EpochRow]:
        """Return the rows of a stage."""
        return [row for row in history if self.epoch(row.epoch).stage == stage]

    def fits(self, history: Sequence[EpochRow], *, scored: bool) -> bool:
        """Return whether this can be the history of a run with this plan."""
        return history[-1].epoch <= len(self.epochs) and all(
            (row.dev is not None) == scored for row in history
        )

    def remaining(self, history: Sequence[EpochRow]) -> list[int]:
        """Return the numbers of the epochs that are still to come, without those that patience cuts."""
        done = history[-1].epoch if history else 0
        return [
            n for n in range(done + 1, len(self.epochs) + 1) if not self.is_over(self.epoch(n).stage, history)
        ]

    def is_over(self, stage: int, history: Sequence[EpochRow]) -> bool:
        """Return whether the last `patience` epochs of a stage brought no better dev F1."""
        rows = self.of_stage(history, stage)
        scored = bool(rows) and rows[-1].dev is not None
        return scored and 0 < self.patience <= len(rows) and best_row(rows) not in rows[-self.patience :]


@dataclass(frozen=True)
class Phase:
    """One training: its sentences, which of them an epoch draws, and how long it lasts."""

    train: Labelled
    mixture: Mixture
    plan: Plan


def plan_phase(
    schedule: ScheduleConfig, encoder: EncoderConfig | None, train: Labelled, weights: Sequence[float]
) -> Phase:
    """Plan a training. Raises UsageError where an epoch would be longer than the training data."""
    mixture = Mixture(train.sizes, weights or [1.0] * len(train.sizes))
    whole = -(-len(mixture) // schedule.batch_size)
    if schedule.batches_per_epoch > whole:
        raise UsageError(
            f"batches_per_epoch is {schedule.batches_per_epoch:,}, but train has only {whole:,} batches"
        )
    epoch = schedule.batches_per_epoch or whole
    stages = [Stage(0, "sentences", 0)] if encoder is None else encoder.stages
    if encoder is None or not encoder.curriculum:  # one stage, as long as the schedule
        stages = [dataclasses.replace(stages[0], batches=schedule.epochs * epoch)]
    lengths = [stage.batches for stage in stages]
    plan = Plan(
        list(_epochs(lengths, stages, epoch)),
        stages,
        epoch,
        sum(lengths),
        schedule.batch_size,
        schedule.patience,
    )
    return Phase(train, mixture, plan)


def stop_where_best(plan: Plan, history: Sequence[EpochRow], batches_per_epoch: int) -> Plan:
    """Return a plan in which each stage ends after as many batches as were best on dev in a finished run.

    No stage follows that of the best epoch of all. The learning rates stay those of the finished run.
    """
    lengths = []
    for stage in range(plan.epoch(best_row(history).epoch).stage + 1):
        last = plan.epoch(best_row(plan.of_stage(history, stage)).epoch)
        lengths.append(last.first + last.batches - sum(each.batches for each in plan.stages[:stage]))
    return replace(plan, epochs=list(_epochs(lengths, plan.stages, batches_per_epoch)))


def _epochs(lengths: Iterable[int], stages: Iterable[Stage], batches_per_epoch: int) -> Iterable[Epoch]:
    """Divide each stage into epochs; a stage begins where its whole predecessor ends in the schedule."""
    first = 0
    for number, (length, stage) in enumerate(zip(lengths, stages, strict=False)):
        for start in range(0, length, batches_per_epoch):
            yield Epoch(number, first + start, min(batches_per_epoch, length - start))
        first += stage.batches
