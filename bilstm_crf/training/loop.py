"""Training: loops that read like the algorithm, from labelled sentences to a saved model."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.errors import DivergedError, InputError, warn
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.features.batches import make_batch, training_batches
from bilstm_crf.features.occurrences import MemoryIndex
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.model.dropout import set_generator
from bilstm_crf.model.model_folder import Model, save_model
from bilstm_crf.training.checkpoint import load_checkpoint, save_checkpoint, seed_epoch
from bilstm_crf.training.initialisation import build_model, contextual_of, kept_of
from bilstm_crf.training.optimizer import Optimisation
from bilstm_crf.training.plan import Plan, mixture_of
from bilstm_crf.training.run_folder import CHECKPOINT, best_row, is_history, stage_file
from bilstm_crf.training.transfer import take_over
from bilstm_crf.util.files import parse_json, write_whole

DIVERGED = 100.0  # loss a word; a blind guess among K labels costs ln K, some 3
History = list[dict[str, Any]]  # one row an epoch, as history.jsonl has them


class Observer(Protocol):
    """Who wants to know how far training is: a progress bar, a log."""

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        """After each batch: so much of the epoch is done, with this loss so far."""

    def epoch(self, history: History) -> None:
        """After each epoch, the last row of the history being its own."""


@dataclass(frozen=True)
class Sources:
    """What a model is made of beside the sentences."""

    vectors: WordVectors | None = None
    encoder: Encoder | None = None
    initial: Model | None = None  # to go on with


class Learner:
    """A network, what it learns from, and how."""

    def __init__(self, config: RunConfig, train: Labelled, sources: Sources, plan: Plan) -> None:
        self.config = config
        self.plan = plan
        self.model, network = build_model(config, train.sentences, sources.vectors, sources.encoder)
        if sources.initial is not None:
            take_over(self.model, sources.initial)
        self.network = network.to(config.device)
        if self.model.contextual is not None:  # a frozen encoder is no part of the network
            self.model.contextual.encoder.to(config.device)
        self.optimisation = Optimisation(self.network, config.recipe, plan.epoch, plan.batches)
        self._mixture = mixture_of(config, train)
        self._sentences = train.sentences
        self._stage: int | None = None
        self._occurrences = None
        if config.recipe.document_memory:
            self._occurrences = MemoryIndex(train.sentences)
            self.network.begin_memory(self._occurrences.places)
        encoding = ENCODINGS[config.encoding]
        self._encoded = self.model.vocabulary.encode(
            [sentence.tokens for sentence in train.sentences],
            [encoding.encode(sentence.spans or [], len(sentence)) for sentence in train.sentences],
        )

    def enter(self, stage: int) -> bool:
        """Makes ready for a round of this stage; whether it had not been already."""
        if stage == self._stage:
            return False
        self._stage = stage
        of_stage, use = self.plan.stages[stage], self.model.contextual
        if use is not None:
            settings = dataclasses.replace(use.settings, context=of_stage.context, context_unit=of_stage.unit)
            use = dataclasses.replace(use, settings=settings)
            self.model = dataclasses.replace(self.model, contextual=use)
        self._contextual = contextual_of(self.model, self._sentences)
        return True

    def trained(self) -> Model:
        """Return the model with the network's weights as they are now."""
        return dataclasses.replace(self.model, weights=self.network.weights())

    def learn(self, number: int, observer: Observer) -> dict[str, Any]:
        """Learns for the round with this number (from 1); its row of the history, without scores.

        Raises DivergedError where the weights grow without bound.
        """
        now = self.plan.rounds[number - 1]
        random = seed_epoch(self.config.seed, number)
        set_generator(self.network, random)
        rate = self.optimisation.begin(now.first)
        started = time.perf_counter()
        loss_sum = 0.0
        sentences = tokens = 0
        self.network.train()
        order = self._mixture.epoch(random)[: now.batches * self.config.recipe.batch_size]
        for chosen in training_batches(order, self.config.recipe.batch_size):
            batch = make_batch(self._encoded, chosen, self._occurrences)
            contextual = None if self._contextual is None else self._contextual.of(batch.layout)
            if contextual is not None:
                contextual = contextual.to(self.config.device)
            loss = self.network.loss(batch, contextual)
            loss.backward()
            sentences += len(chosen)
            self.optimisation.step(len(chosen), last=sentences == len(order))
            loss_sum += loss.item()
            tokens += len(batch.labels)
            if not loss_sum < DIVERGED * tokens:  # also where it is no number
                raise DivergedError(
                    f"the loss of epoch {number} is {loss_sum / tokens:.4g} a word: the weights grow "
                    "without bound",
                    hint=f"lower the learning rate, now {rate:.4g}: --set learning_rate={rate / 10:.2g}",
                )
            observer.batch(number, sentences, tokens, loss_sum)
        seconds = time.perf_counter() - started
        return {
            "epoch": number,
            "loss": loss_sum,
            "learning_rate": rate,
            "seconds": round(seconds, 3),
            "tokens_per_second": round(tokens / seconds),
        }


def train(
    config: RunConfig,
    train: Labelled,
    dev: Labelled,
    sources: Sources,
    plan: Plan,
    folder: Path,
    observer: Observer,
    provenance: dict[str, Any],
    *,
    resume: bool = False,
) -> History:
    """Trains to the end of the plan (or out of patience); the model of the best dev F1 lies in `folder`.

    Where dev has no entity that could be found (`dev_chooses`) that is the model of the last round. A stage
    of the plan begins with the best weights of the one before. With `resume`, goes on after the last whole
    round that the folder's checkpoint knows.
    """
    chooses = dev_chooses(train, dev)
    gold = [sentence.spans or [] for sentence in dev.sentences]
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        learner = Learner(config, train, sources, plan)
        state = (learner.network, learner.optimisation)
        history = load_checkpoint(folder / CHECKPOINT, *state) if resume else []
        if history and not _fits(history, plan):
            raise InputError("is not this run's checkpoint: another history", path=folder / CHECKPOINT)
        if resume and not history:
            history = ended(folder, plan, config.recipe.patience)
        if history:  # a run that was killed after the checkpoint may have left it one row short
            write_history(folder / "history.jsonl", history)
        for number in range(history[-1]["epoch"] + 1 if history else 1, len(plan.rounds) + 1):
            stage = plan.stage(number)
            of_stage = [row for row in history if plan.stage(row["epoch"]) == stage]
            if out_of_patience(of_stage, config.recipe.patience):
                continue  # to the next stage
            if stage > 0 and not of_stage:
                load_checkpoint(folder / stage_file(stage - 1), *state)
            if learner.enter(stage):
                kept = kept_of(learner.model, dev.sentences, "dev")
            row = learner.learn(number, observer)
            model = learner.trained()
            tagger = Tagger(model, config.device, config.lanes)
            started = time.perf_counter()
            scores = strict(gold, tagger.predict(dev.sentences, kept))
            row["dev"] = {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}
            row["best"] = not chooses or scores.f1 > best_f1(history)
            row["dev_seconds"] = round(time.perf_counter() - started, 3)
            if row["best"]:
                model.provenance.clear()
                model.provenance.update(provenance, epoch=number, dev=row["dev"])
                save_model(model, folder, sources.vectors, embed_encoder=config.embed_encoder)
            history.append(row)
            if stage + 1 < len(plan.stages) and (not chooses or scores.f1 > best_f1(of_stage)):
                save_checkpoint(folder / stage_file(stage), *state, history)
            save_checkpoint(folder / CHECKPOINT, *state, history)
            if stage > 0:
                (folder / stage_file(stage - 1)).unlink(missing_ok=True)
            write_history(folder / "history.jsonl", history)
            observer.epoch(history)
    return history


def dev_chooses(train: Labelled, dev: Labelled) -> bool:
    """Whether dev can tell one epoch from another: it has an entity of a type that train has."""
    known = {span.type for sentence in train.sentences for span in sentence.spans or ()}
    return any(span.type in known for sentence in dev.sentences for span in sentence.spans or ())


def ended(folder: Path, plan: Plan, patience: int) -> History:
    """The history of a training that came to its end, so that its checkpoint is gone; else nothing.

    Warns of a damaged history: then the run begins again.
    """
    path = folder / "history.jsonl"
    if not path.exists() or not (folder / "model.json").exists():
        return []
    try:
        lines = enumerate(path.read_bytes().splitlines(), start=1)
        history: History = [parse_json(line, path=path, line=number) for number, line in lines]
    except InputError as error:
        warn(f"{error}; the run begins again")
        return []
    if not history or not _fits(history, plan):
        warn("is damaged: no whole rows of this run; it begins again", path=path)
        return []
    stages = [[row for row in history if plan.stage(row["epoch"]) == s] for s in range(len(plan.stages))]
    rest = range(history[-1]["epoch"] + 1, len(plan.rounds) + 1)
    return history if all(out_of_patience(stages[plan.stage(n)], patience) for n in rest) else []


def _fits(history: History, plan: Plan) -> bool:
    """Whether this can be the history of a run with this plan."""
    return is_history(history, scored=True) and history[-1]["epoch"] <= len(plan.rounds)


def train_to_the_end(
    config: RunConfig,
    train: Labelled,
    sources: Sources,
    plan: Plan,
    folder: Path,
    observer: Observer,
    provenance: dict[str, Any],
) -> History:
    """Trains to the end of the plan, without dev; the model after the last batch lies in `folder`.

    Goes on where an earlier attempt was interrupted.
    """
    with torch.random.fork_rng(devices=[]):
        learner = Learner(config, train, sources, plan)
        state = (learner.network, learner.optimisation)
        history = load_checkpoint(folder / CHECKPOINT, *state)
        for number in range(len(history) + 1, len(plan.rounds) + 1):
            learner.enter(plan.stage(number))
            history.append(learner.learn(number, observer))
            save_checkpoint(folder / CHECKPOINT, *state, history)
            observer.epoch(history)
        learner.enter(plan.rounds[-1].stage)
        model = learner.trained()
        model.provenance.update(provenance)
        save_model(model, folder, sources.vectors, embed_encoder=config.embed_encoder)
        write_history(folder / "history.jsonl", history)
    return history


def best_f1(history: History) -> float:
    """The best dev F1 so far; -1 before the first."""
    f1: float = best_row(history)["dev"]["f1"] if history else -1.0
    return f1


def out_of_patience(history: History, patience: int) -> bool:
    """Whether the last `patience` epochs of these brought no better dev F1 (never, where it is 0)."""
    return 0 < patience <= len(history) and best_row(history) not in history[-patience:]


def write_history(path: Path, history: History) -> None:
    """One JSON object a line and epoch; whole or as it was."""
    with write_whole(path) as stream:
        stream.writelines((json.dumps(row) + "\n").encode("utf-8") for row in history)
