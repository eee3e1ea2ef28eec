"""Training: one loop that reads like the algorithm, from labelled sentences to a saved model."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from bilstm_crf.batching import make_batch, training_batches
from bilstm_crf.bert.cache import cached_vectors
from bilstm_crf.bert.encoder import Encoder
from bilstm_crf.bert.settings import FeatureSettings
from bilstm_crf.checkpoint import load_checkpoint, save_checkpoint, seed_epoch
from bilstm_crf.config import RunConfig
from bilstm_crf.contextual import Contextual, EncoderUse, Kept, Learnt
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import DivergedError
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.files import write_whole
from bilstm_crf.labels import ENCODINGS, NORNE_TYPES, LabelSet
from bilstm_crf.model_folder import SavedModel, save_model
from bilstm_crf.network.dropout import draw_from
from bilstm_crf.network.model import Architecture, BiLSTMCRF
from bilstm_crf.optimisation import Optimisation
from bilstm_crf.progress import Bar
from bilstm_crf.sentence import Sentence
from bilstm_crf.tagger import Tagger
from bilstm_crf.transfer import take_over
from bilstm_crf.vocabulary import Vocabulary, normalise

DIVERGED = 100.0  # loss a word; a blind guess among K labels costs ln K, some 3
History = list[dict[str, Any]]  # one row an epoch, as history.jsonl has them


class Observer(Protocol):
    """Who wants to know how far training is: a progress bar, a log."""

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        """After each batch: so much of the epoch is done, with this loss so far."""

    def epoch(self, history: History) -> None:
        """After each epoch, the last row of the history being its own."""


def train(
    config: RunConfig,
    train: Labelled,
    dev: Labelled,
    vectors: WordVectors | None,
    folder: Path,
    observer: Observer,
    provenance: dict[str, Any],
    *,
    encoder: Encoder | None = None,
    initial: SavedModel | None = None,
    resume: bool = False,
) -> History:
    """Trains until the last epoch (or out of patience); the model of the best dev F1 lies in `folder`.

    With `resume`, goes on after the last whole epoch that the folder's checkpoint knows.
    """
    recipe = config.recipe
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        model = build_model(config, train.sentences, vectors, encoder)
        if initial is not None:
            take_over(model, initial)
        network, vocabulary = model.network.to(config.device), model.vocabulary
        mixture = mixture_of(config, train)
        optimisation = Optimisation(network, recipe, -(-len(mixture) // recipe.batch_size))
        history = load_checkpoint(folder, network, optimisation) if resume else []
        if history:  # a run that was killed after the checkpoint may have left it one row short
            write_history(folder / "history.jsonl", history)
        tagger = Tagger(model, config.device, min(config.threads, 2))
        contextual, dev_contextual = contextual_of(model, train.sentences, dev.sentences)
        encoding = ENCODINGS[config.encoding]
        encoded = vocabulary.encode(
            [sentence.tokens for sentence in train.sentences],
            [encoding.encode(sentence.spans or [], len(sentence)) for sentence in train.sentences],
        )
        gold = [sentence.spans or [] for sentence in dev.sentences]
        lengths = [len(sentence) for sentence in dev.sentences]

        for epoch in range(len(history) + 1, recipe.epochs + 1):
            if out_of_patience(history, recipe.patience):
                break
            random = seed_epoch(config.seed, epoch)
            draw_from(network, random)
            rate = optimisation.begin(epoch)
            started = time.perf_counter()
            loss_sum = 0.0
            sentences = tokens = 0
            network.train()
            for chosen in training_batches(mixture.epoch(random), recipe.batch_size):
                batch = make_batch(encoded, chosen, config.device)
                loss = network.loss(batch, None if contextual is None else contextual.of(batch.layout))
                loss.backward()
                sentences += len(chosen)
                optimisation.step(len(chosen), last=sentences == len(mixture))
                loss_sum += loss.item()
                tokens += len(batch.labels)
                if not loss_sum < DIVERGED * tokens:  # also where it is no number
                    raise DivergedError(
                        f"the loss of epoch {epoch} is {loss_sum / tokens:.4g} a word: the weights grow "
                        "without bound",
                        hint=f"lower the learning rate, now {rate:.4g}: --set learning_rate={rate / 10:.2g}",
                    )
                observer.batch(epoch, sentences, tokens, loss_sum)
            trained = time.perf_counter()

            scores = strict(gold, tagger.predict(dev.sentences, dev_contextual), lengths)
            best = scores.f1 > max((row["dev"]["f1"] for row in history), default=-1.0)
            history.append(
                {
                    "epoch": epoch,
                    "loss": loss_sum,
                    "learning_rate": rate,
                    "dev": {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1},
                    "best": best,
                    "seconds": round(trained - started, 3),
                    "dev_seconds": round(time.perf_counter() - trained, 3),
                    "tokens_per_second": round(tokens / (trained - started)),
                }
            )
            if best:
                model.provenance.clear()
                model.provenance.update(provenance, epoch=epoch, dev=history[-1]["dev"])
                save_model(model, folder, vectors, embed_encoder=config.embed_encoder)
            save_checkpoint(folder, network, optimisation, history)
            write_history(folder / "history.jsonl", history)
            observer.epoch(history)
    return history


def mixture_of(config: RunConfig, train: Labelled) -> Mixture:
    """Which sentences of its training files a run sees in an epoch."""
    return Mixture(train.sizes, config.weights or [1.0] * len(train.sizes))


def contextual_of(
    model: SavedModel, train: Sequence[Sentence], dev: Sequence[Sentence]
) -> tuple[Contextual | None, Kept | None]:
    """An encoder's vectors for training and dev; None where there is no encoder.

    Those of a frozen one are computed once for ever (bert/cache.py); one that learns gives dev's anew each
    time they are asked for, so for dev None too.
    """
    use = model.contextual
    if use is None:
        return None, None
    if use.tuned:
        return Learnt(use.encoder, train, use.settings), None
    kept = []
    for split, sentences in (("train", train), ("dev", dev)):
        with Bar(f"Encoding  {split}", unit="words") as bar:
            kept.append(Kept(cached_vectors(use.encoder, sentences, use.settings, progress=bar.at)))
    return kept[0], kept[1]


def build_model(
    config: RunConfig,
    sentences: list[Sentence],
    vectors: WordVectors | None,
    encoder: Encoder | None = None,
) -> SavedModel:
    """An untrained model for these training sentences, its weights drawn from the seed."""
    recipe = config.recipe
    encoding = ENCODINGS[config.encoding]
    vocabulary = Vocabulary.of_corpus(sentences, encoding.labels(entity_types(sentences)))
    random = seed_epoch(config.seed, 0)
    attached = None if vectors is None else AttachedVectors(vectors.index, vectors.matrix, vectors.subword)
    dim = recipe.word_dim if vectors is None else vectors.dim
    if "static" not in config.features:
        vocabulary, dim = Vocabulary((), vocabulary.characters, vocabulary.labels), 0
    use = None
    if encoder is not None:
        use = EncoderUse(encoder, FeatureSettings.of(recipe), recipe.bert_weights == "tuned")
    table = initial_table(vocabulary, attached, dim, random)
    architecture = Architecture(
        character_dim=recipe.character_dim,
        character_filters=recipe.character_filters,
        character_width=recipe.character_width,
        hidden=recipe.hidden,
        layers=recipe.layers,
        dropout=recipe.dropout,
        input_dropout=recipe.input_dropout,
        head=recipe.head,
        characters="char" in config.features,
        contextual_dim=0 if use is None else use.encoder.dim,
        contextual_layers=0 if use is None else use.layers,
    )
    network = BiLSTMCRF(architecture, len(vocabulary.characters), len(vocabulary.labels), table)
    if recipe.untuned:
        met = Counter(normalise(word) for sentence in sentences for word in sentence.tokens)
        counts = torch.tensor([0, *(met[word] for word in vocabulary.words)])
        network.embedding.begin_untuned(recipe.untuned / (recipe.untuned + counts))
    label_set = LabelSet.named(config.label_set, keep_misc=config.keep_misc)
    subwords = None if vectors is None else vectors.subwords
    if use is not None and use.tuned:
        network.encoder = use.encoder
    model = SavedModel(network, architecture, vocabulary, config.encoding, label_set, {}, subwords, use)
    if attached is not None:
        model.attach(attached)
    return model


def entity_types(sentences: Iterable[Sentence]) -> list[str]:
    """The entity types that occur, NorNE's in the paper's order, then the others by name."""
    found = {span.type for sentence in sentences for span in sentence.spans or ()}
    return [*(t for t in NORNE_TYPES if t in found), *sorted(found.difference(NORNE_TYPES))]


def initial_table(
    vocabulary: Vocabulary, vectors: AttachedVectors | None, dim: int, random: np.random.Generator
) -> Tensor:
    """(V + 1, D): each word's vector (exact, lower-cased, from n-grams), else uniform in ±sqrt(3 / D)."""
    bound = math.sqrt(3 / max(1, dim))
    table = random.uniform(-bound, bound, (len(vocabulary.words) + 1, dim)).astype(np.float32)
    if vectors is not None:
        rows = {number: vectors.find(word) for word, number in vocabulary.words.items()}
        found = {number: row for number, row in rows.items() if row is not None}
        table[list(found)] = vectors.rows(np.array(list(found.values()), dtype=np.int64))
    return torch.from_numpy(table)


def out_of_patience(history: History, patience: int) -> bool:
    """Whether the last `patience` epochs brought no better dev F1 (never, where it is 0)."""
    return patience > 0 and len(history) >= patience and not any(row["best"] for row in history[-patience:])


def write_history(path: Path, history: History) -> None:
    """One JSON object a line and epoch; whole or as it was."""
    with write_whole(path) as stream:
        stream.writelines((json.dumps(row) + "\n").encode("utf-8") for row in history)
