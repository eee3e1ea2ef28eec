"""How long a run trains: in rounds, between which it looks at dev.

A round is an epoch, or less where the recipe says so. With a curriculum the rounds of a stage follow those
of the stage before.
"""

from __future__ import annotations

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
    return Mixture(train.sizes, config.weights or [1.0] * len(train.sizes))


def plan_of(config: RunConfig, train: Labelled) -> Plan:
    """The plan of a run on these sentences. Raises UsageError for a round that is longer than an epoch."""
    recipe = config.recipe
    epoch = _batches_of_epoch(config, train)
    if recipe.epoch_batches > epoch:
        raise UsageError(
            f"epoch_batches is {recipe.epoch_batches:,}, but all of the training set are {epoch:,} batches"
        )
    epoch = recipe.epoch_batches or epoch
    stages = recipe.stages or [Stage(recipe.bert_context, recipe.bert_context_unit, recipe.epochs * epoch)]
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
    epoch = config.recipe.epoch_batches or _batches_of_epoch(config, train)
    return Plan(list(_rounds(lengths, plan.stages, epoch)), plan.stages, plan.epoch, plan.batches)


def _rounds(lengths: Iterable[int], stages: Iterable[Stage], epoch: int) -> Iterable[Round]:
    """Each stage's length in rounds of an epoch and a rest; it begins where it is whole in the schedule."""
    first = 0
    for number, (length, stage) in enumerate(zip(lengths, stages, strict=False)):
        for start in range(0, length, epoch):
            yield Round(number, first + start, min(epoch, length - start))
        first += stage.batches


def _batches_of_epoch(config: RunConfig, train: Labelled) -> int:
    return -(-len(mixture_of(config, train)) // config.recipe.batch_size)
