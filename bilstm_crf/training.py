"""Training: loops that read like the algorithm, from labelled sentences to a saved model."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from bilstm_crf.batching import make_batch, training_batches
from bilstm_crf.bert.encoder import Encoder
from bilstm_crf.checkpoint import load_checkpoint, save_checkpoint, seed_epoch
from bilstm_crf.config import RunConfig
from bilstm_crf.contextual import Kept
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import DivergedError
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.files import write_whole
from bilstm_crf.initialisation import build_model, contextual_of, mixture_of
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.model_folder import SavedModel, save_model
from bilstm_crf.network.dropout import draw_from
from bilstm_crf.optimisation import Optimisation
from bilstm_crf.tagger import Tagger
from bilstm_crf.transfer import take_over

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
    initial: SavedModel | None = None  # to go on with


class Learner:
    """A network, what it learns from, and how."""

    def __init__(
        self, config: RunConfig, train: Labelled, sources: Sources, schedule_batches: int | None = None
    ) -> None:
        """`schedule_batches`: of one epoch, where the learning rates are to fall as in another run."""
        self.config = config
        self.model = build_model(config, train.sentences, sources.vectors, sources.encoder)
        if sources.initial is not None:
            take_over(self.model, sources.initial)
        self.network = self.model.network.to(config.device)
        self.mixture = mixture_of(config, train)
        self.batches = -(-len(self.mixture) // config.recipe.batch_size)  # of one epoch
        self.optimisation = Optimisation(self.network, config.recipe, self.batches, schedule_batches)
        self._contextual = contextual_of(self.model, train.sentences, "train")
        encoding = ENCODINGS[config.encoding]
        self._encoded = self.model.vocabulary.encode(
            [sentence.tokens for sentence in train.sentences],
            [encoding.encode(sentence.spans or [], len(sentence)) for sentence in train.sentences],
        )

    def epoch(self, number: int, observer: Observer, most: int | None = None) -> dict[str, Any]:
        """Learns from an epoch (from 1), or its first `most` batches; its row of the history, without scores.

        Raises DivergedError where the weights grow without bound.
        """
        random = seed_epoch(self.config.seed, number)
        draw_from(self.network, random)
        rate = self.optimisation.begin(number)
        started = time.perf_counter()
        loss_sum = 0.0
        sentences = tokens = 0
        self.network.train()
        order = self.mixture.epoch(random)
        if most is not None:
            order = order[: most * self.config.recipe.batch_size]
        for chosen in training_batches(order, self.config.recipe.batch_size):
            batch = make_batch(self._encoded, chosen, self.config.device)
            contextual = None if self._contextual is None else self._contextual.of(batch.layout)
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
    folder: Path,
    observer: Observer,
    provenance: dict[str, Any],
    *,
    resume: bool = False,
) -> History:
    """Trains until the last epoch (or out of patience); the model of the best dev F1 lies in `folder`.

    With `resume`, goes on after the last whole epoch that the folder's checkpoint knows.
    """
    recipe = config.recipe
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        learner = Learner(config, train, sources)
        model, state = learner.model, (learner.network, learner.optimisation)
        history = load_checkpoint(folder, *state) if resume else []
        if history:  # a run that was killed after the checkpoint may have left it one row short
            write_history(folder / "history.jsonl", history)
        tagger = Tagger(model, config.device, min(config.threads, 2))
        contextual = contextual_of(model, dev.sentences, "dev")
        kept = contextual if isinstance(contextual, Kept) else None  # of an encoder that learns: anew
        gold = [sentence.spans or [] for sentence in dev.sentences]
        lengths = [len(sentence) for sentence in dev.sentences]

        for epoch in range(len(history) + 1, recipe.epochs + 1):
            if out_of_patience(history, recipe.patience):
                break
            row = learner.epoch(epoch, observer)
            started = time.perf_counter()
            scores = strict(gold, tagger.predict(dev.sentences, kept), lengths)
            row["dev"] = {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}
            row["best"] = scores.f1 > max((each["dev"]["f1"] for each in history), default=-1.0)
            row["dev_seconds"] = round(time.perf_counter() - started, 3)
            history.append(row)
            if row["best"]:
                model.provenance.clear()
                model.provenance.update(provenance, epoch=epoch, dev=row["dev"])
                save_model(model, folder, sources.vectors, embed_encoder=config.embed_encoder)
            save_checkpoint(folder, *state, history)
            write_history(folder / "history.jsonl", history)
            observer.epoch(history)
    return history


def train_for(
    batches: int,
    config: RunConfig,
    train: Labelled,
    sources: Sources,
    folder: Path,
    observer: Observer,
    provenance: dict[str, Any],
    *,
    schedule_batches: int,
    resume: bool = False,
) -> History:
    """Trains for so many batches, without dev; the model after the last one lies in `folder`.

    The learning rates are those of a run with `schedule_batches` in an epoch. `resume` as for `train`.
    """
    with torch.random.fork_rng(devices=[]):
        learner = Learner(config, train, sources, schedule_batches)
        state = (learner.network, learner.optimisation)
        history = load_checkpoint(folder, *state) if resume else []
        epochs = -(-batches // learner.batches)
        for epoch in range(len(history) + 1, epochs + 1):
            history.append(learner.epoch(epoch, observer, batches - (epoch - 1) * learner.batches))
            save_checkpoint(folder, *state, history)
            observer.epoch(history)
        learner.model.provenance.update(provenance, batches=batches)
        save_model(learner.model, folder, sources.vectors, embed_encoder=config.embed_encoder)
        write_history(folder / "history.jsonl", history)
    return history


def out_of_patience(history: History, patience: int) -> bool:
    """Whether the last `patience` epochs brought no better dev F1 (never, where it is 0)."""
    return patience > 0 and len(history) >= patience and not any(row["best"] for row in history[-patience:])


def write_history(path: Path, history: History) -> None:
    """One JSON object a line and epoch; whole or as it was."""
    with write_whole(path) as stream:
        stream.writelines((json.dumps(row) + "\n").encode("utf-8") for row in history)
