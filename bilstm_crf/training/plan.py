"""How long a run trains: in rounds, between which it looks at dev.

A round is an epoch, or less where the recipe says so. With a curriculum the rounds of a stage follow those
of the stage before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bilstm_crf.config import RunConfig, Stage
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.errors import UsageError
from bilstm_crf.training.run_folder import best_row


@dataclass(frozen=True)
class Round:
    """Some batches, from the `first` of the schedule on."""

    stage: int  # from 0
    first: int
    batches: int


@dataclass(frozen=True)
class Plan:
    """The rounds of a run, and what the schedule of its learning rates counts by."""

    rounds: list[Round]
    stages: list[Stage]
    epoch: int  # batches of one
    batches: int  # after which the schedule ends

    def shape(self, batch_size: int) -> tuple[int, int]:
        """Its rounds, and how many sentences are in one."""
        return len(self.rounds), batch_size * max(each.batches for each in self.rounds)

    def stage(self, number: int) -> int:
        """That of the round with this number (from 1)."""
        return self.rounds[number - 1].stage


def mixture_of(config: RunConfig, train: Labelled) -> Mixture:
    """Which sentences of its training files a run sees in an epoch."""
    return Mixture(train.sizes, config.data.weights or [1.0] * len(train.sizes))


def plan_of(config: RunConfig, train: Labelled) -> Plan:
    """The plan of a run on these sentences. Raises UsageError for a round that is longer than an epoch."""
    schedule = config.schedule
    epoch = _batches_of_epoch(config, train)
    if schedule.batches_per_epoch > epoch:
        raise UsageError(
            f"batches_per_epoch is {schedule.batches_per_epoch:,}, but an epoch has only {epoch:,} batches"
        )
    epoch = schedule.batches_per_epoch or epoch
    stages = config.stages or [_only_stage(config, schedule.epochs * epoch)]
    rounds = list(_rounds([stage.batches for stage in stages], stages, epoch))
    return Plan(rounds, stages, epoch, sum(stage.batches for stage in stages))


def until_best(plan: Plan, history: Sequence[Mapping[str, Any]], config: RunConfig, train: Labelled) -> Plan:
    """The plan of a second phase on `train`: each stage as long as dev found best in the first.

    No stage follows that of the best of all. The learning rates are the first phase's.
    """
    best = best_row(history)
    lengths = []
    for number in range(plan.stage(best["epoch"]) + 1):
        rows = [row for row in history if plan.stage(row["epoch"]) == number]
        last = plan.rounds[best_row(rows)["epoch"] - 1]
        lengths.append(last.first + last.batches - sum(stage.batches for stage in plan.stages[:number]))
    epoch = config.schedule.batches_per_epoch or _batches_of_epoch(config, train)
    return Plan(list(_rounds(lengths, plan.stages, epoch)), plan.stages, plan.epoch, plan.batches)


def _rounds(lengths: Iterable[int], stages: Iterable[Stage], epoch: int) -> Iterable[Round]:
    """Each stage's length in rounds of an epoch and a rest; it begins where it is whole in the schedule."""
    first = 0
    for number, (length, stage) in enumerate(zip(lengths, stages, strict=False)):
        for start in range(0, length, epoch):
            yield Round(number, first + start, min(epoch, length - start))
        first += stage.batches


def _only_stage(config: RunConfig, batches: int) -> Stage:
    """Return the stage of a run without a curriculum."""
    stage = Stage(0, "sentences", 0) if config.encoder is None else config.encoder.stages[0]
    return dataclasses.replace(stage, batches=batches)


def _batches_of_epoch(config: RunConfig, train: Labelled) -> int:
    return -(-len(mixture_of(config, train)) // config.schedule.batch_size)
