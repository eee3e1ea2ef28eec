"""The training loop: from batches to a saved model.

Each epoch draws batches, and for each batch computes the loss and its gradients and updates the weights. Then
dev is scored, the model is saved if it is the best so far, and a checkpoint is written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import DivergedError, InputError
from bilstm_crf.evaluation.counts import Average
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.features.batches import Batch, make_batch, part_of, training_batches
from bilstm_crf.features.occurrences import MemoryIndex
from bilstm_crf.inference.decoding import UNCONSTRAINED
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.model.dropout import set_generator
from bilstm_crf.model.model_folder import Model, save_model
from bilstm_crf.model.network import TrainableModel
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.build import precomputed_features, train_features
from bilstm_crf.training.checkpoint import (
    load_checkpoint,
    restore_state,
    save_checkpoint,
    seed_epoch,
    state_of,
)
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.parts import add_up
from bilstm_crf.training.plan import Plan
from bilstm_crf.training.processes import ALONE, Processes
from bilstm_crf.training.records import HISTORY, EpochRow, read_history, write_history
from bilstm_crf.training.run_folder import CHECKPOINT, stage_checkpoint

MAX_LOSS = 100.0  # per token; guessing among K labels costs ln K, about 3


class Observer(Protocol):
    """An observer of training, closed when it ends: a progress bar, a log."""

    def __enter__(self) -> Any: ...
    def __exit__(self, *error: Any) -> None: ...

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        """After each batch: the sentences, tokens and loss of the epoch so far."""

    def epoch(self, history: list[EpochRow]) -> None:
        """After each epoch, whose row is the last of the history."""


class DevSet:
    """The dev set of a run, scored after each epoch."""

    def __init__(self, split: Labelled, *, chooses: bool, device: str, threads: int) -> None:
        """`chooses`: whether the scores choose the epoch that is kept; else that is the last one."""
        self._sentences, self._chooses = split.sentences, chooses
        self._device, self._threads = device, threads
        self._gold = [sentence.token_spans or [] for sentence in split.sentences]

    def enter(self, model: Model) -> None:
        """Prepare the encoder's features for this model."""
        self._features = precomputed_features(model, self._sentences, "dev")

    def score(self, model: Model, row: EpochRow, history: Sequence[EpochRow]) -> EpochRow:
        """Return the row with the model's scores, compared to the epochs before."""
        started = time.perf_counter()
        tagger = Tagger(model, self._device, self._threads)
        predicted = tagger.predict(self._sentences, self._features, UNCONSTRAINED)
        found = strict(self._gold, predicted)
        row = dataclasses.replace(
            row,
            dev=Average(found.precision, found.recall, found.f1),
            dev_seconds=round(time.perf_counter() - started, 3),
        )
        return dataclasses.replace(row, best=self.improves(row, history))

    def improves(self, row: EpochRow, rows: Sequence[EpochRow]) -> bool:
        """Return whether an epoch is to be kept rather than those before it."""
        return not self._chooses or row.dev_f1 > max((each.dev_f1 for each in rows), default=-1.0)


@dataclass(frozen=True)
class Output:
    """The folder of the model, and the data saved with it."""

    folder: Path
    provenance: dict[str, Any]  # for model.json
    vectors: WordVectors | None = None
    embed_encoder: bool = False

    def save(self, model: Model, row: EpochRow) -> None:
        """Save the model of an epoch."""
        scores = {} if row.dev is None else {"epoch": row.epoch, "dev": dataclasses.asdict(row.dev)}
        model.provenance.clear()
        model.provenance.update(self.provenance, **scores)
        save_model(model, self.folder, self.vectors, embed_encoder=self.embed_encoder)


class Trainer:
    """A network, the sentences it learns from, and its optimizer."""

    def __init__(
        self,
        model: TrainableModel,
        optimizer: Optimizer,
        sentences: list[Sentence],
        plan: Plan,
        seed: int,
        processes: Processes = ALONE,
    ) -> None:
        self.model, self.plan, self.processes = model, plan, processes
        self.state = (model.network, optimizer)  # what a checkpoint holds, with the history
        self._seed, self._sentences = seed, sentences
        self._device = model.network.embedding.weight.device
        self._stage: int | None = None
        self._memory_index = None
        if model.architecture.document_memory:
            self._memory_index = MemoryIndex(self._sentences, model.vocabulary.as_read)
            model.network.begin_memory(self._memory_index.places)
        encoding = ENCODINGS[model.encoding]
        self._encoded = model.vocabulary.encode(
            [sentence.tokens for sentence in self._sentences],
            [encoding.encode(sentence.token_spans or [], len(sentence)) for sentence in self._sentences],
        )

    def restore(self, load: Callable[[], list[EpochRow]]) -> list[EpochRow]:
        """Let the first process `load` a state; return its history, and take its state, in all processes."""

        def work() -> tuple[list[EpochRow], dict[str, Tensor] | None]:
            history = load()
            return history, None if self.processes.size == 1 else state_of(*self.state)

        history, state = self.processes.first(work)
        if state is not None:
            restore_state(state, *self.state)
        return history

    def enter(self, stage: int) -> bool:
        """Prepare for an epoch of this stage; return whether it differs from that of the epoch before."""
        if stage == self._stage:
            return False
        self._stage = stage
        context, use = self.plan.stages[stage], self.model.contextual
        if use is not None:
            settings = dataclasses.replace(use.settings, context=context.context, context_unit=context.unit)
            use = dataclasses.replace(use, settings=settings)
            self.model = dataclasses.replace(self.model, contextual=use)
        self._encoder_features = train_features(self.model, self._sentences)
        return True

    def train_epoch(self, number: int, observer: Observer) -> EpochRow:
        """Train for the epoch with this number (from 1); return its row, without dev scores.

        Raises DivergedError where the weights grow without bound.
        """
        network, optimizer = self.state
        epoch, batch_size = self.plan.epoch(number), self.plan.batch_size
        random = seed_epoch(self._seed, number, self.processes.rank)
        set_generator(network, random)
        learning_rate = optimizer.begin(epoch.first)
        started = time.perf_counter()
        loss_sum = 0.0
        sentences = tokens = 0
        network.train()
        order = self.plan.mixture.epoch(random)[: epoch.batches * batch_size]
        for chosen in training_batches(order, batch_size):
            batch = make_batch(self._encoded, chosen, self._memory_index)
            loss = self._gradients(batch)
            sentences += len(chosen)
            optimizer.step(len(chosen))
            loss_sum += loss
            tokens += len(batch.labels)
            if not loss_sum < MAX_LOSS * tokens and self.processes.leads:  # also where it is NaN
                raise DivergedError(
                    f"the loss of epoch {number} is {loss_sum / tokens:.4g} per token: training diverges",
                    hint=f"lower the learning rate, which is {learning_rate:.4g}: "
                    f"--set learning_rate={learning_rate / 10:.2g}",
                )
            observer.batch(number, sentences, tokens, loss_sum)
        seconds = time.perf_counter() - started
        return EpochRow(number, loss_sum, learning_rate, round(seconds, 3), round(tokens / seconds))

    def _gradients(self, batch: Batch[NDArray[Any]]) -> float:
        """Compute the gradients of a batch; return its loss.

        Of several processes each takes a part of the batch, and the sums are those of the whole. A batch that
        has too few sentences is computed by each as a whole, and so divided by their number.
        """
        network, processes, part = self.state[0], self.processes, batch
        if 1 < processes.size <= len(batch.layout.sentences):
            part = part_of(batch, processes.rank, processes.size, self._encoded, self._memory_index)
        features = None
        if self._encoder_features is not None:
            features = self._encoder_features.of(part.layout).to(self._device)
        loss = network.loss(part, features)
        if part.part is None and processes.size > 1:
            loss = loss / processes.size
        loss.backward()
        if processes.size == 1:
            return loss.item()
        return add_up(network, batch, part, loss.item(), processes)

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Give the network its averaged weights for a block, where the optimizer keeps any."""
        return self.state[1].averaged()


def fit(trainer: Trainer, dev: DevSet | None, output: Output, observer: Observer) -> list[EpochRow]:
    """Train to the end of the plan, or until patience runs out; save the model of the best epoch.

    The best epoch is the first with the best dev F1; the last where dev cannot choose, or there is none. A
    stage of the plan starts from the best weights of the stage before. Continues after the last whole epoch
    of an interrupted run in the same folder.
    """
    plan, folder, processes = trainer.plan, output.folder, trainer.processes
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        history = trainer.restore(lambda: _find_history(trainer, folder))
        while remaining := plan.remaining(history):
            number = remaining[0]
            stage = plan.epoch(number).stage
            of_stage = plan.of_stage(history, stage)
            if dev is not None and stage > 0 and not of_stage:
                before = stage_checkpoint(folder, stage - 1)
                trainer.restore(partial(load_checkpoint, before, *trainer.state))
            processes.first(partial(_enter, trainer, dev, stage))  # the others find its encoder's features
            trainer.enter(stage)
            row = trainer.train_epoch(number, observer)
            with trainer.averaged():
                row = processes.first(partial(_score, trainer, dev, output, row, history))
            history.append(row)
            if not processes.leads:
                continue
            if dev is not None and stage + 1 < len(plan.stages) and dev.improves(row, of_stage):
                save_checkpoint(stage_checkpoint(folder, stage), *trainer.state, history)
            save_checkpoint(folder / CHECKPOINT, *trainer.state, history)
            if stage > 0:
                stage_checkpoint(folder, stage - 1).unlink(missing_ok=True)
            write_history(folder, history)
            observer.epoch(history)
    return history


def _find_history(trainer: Trainer, folder: Path) -> list[EpochRow]:
    """Continue from the checkpoint in the folder, if there is one; return the epochs that were done."""
    history, epochs = load_checkpoint(folder / CHECKPOINT, *trainer.state), len(trainer.plan.epochs)
    if not history:  # without its checkpoint, a training that ended is not done again
        history = read_history(folder)
        history = [] if trainer.plan.remaining(history) else history
    if history and history[-1].epoch > epochs:
        raise InputError(f"has more than {epochs} epochs", path=folder / HISTORY)
    if history:  # a kill after the checkpoint may have left the file one row short
        write_history(folder, history)
    return history


def _enter(trainer: Trainer, dev: DevSet | None, stage: int) -> None:
    """Prepare trainer and dev set for an epoch of this stage."""
    if trainer.enter(stage) and dev is not None:
        dev.enter(trainer.model)


def _score(
    trainer: Trainer, dev: DevSet | None, output: Output, row: EpochRow, history: Sequence[EpochRow]
) -> EpochRow:
    """Score an epoch's model on dev, and save it if it is to be kept; return the row with its scores."""
    model = trainer.model.snapshot()
    if dev is None:
        row = dataclasses.replace(row, best=row.epoch == len(trainer.plan.epochs))
    else:
        row = dev.score(model, row, history)
    if row.best:
        output.save(model, row)
    return row
