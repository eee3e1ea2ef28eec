"""Build the model that training starts from, and its encoder's features of the sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from bilstm_crf.config import RunConfig
from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.encoder.cache import cached_vectors
from bilstm_crf.encoder.contextual import EncoderFeatures, EncoderSpec, PrecomputedFeatures, TrainableFeatures
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputError
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.labels import ENCODINGS, Encoding, LabelSet, norne_first
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.description import require_labels
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.network import BiLSTMCRF, TrainableModel
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.checkpoint import seed_epoch
from bilstm_crf.training.pretrained import Pretrained
from bilstm_crf.training.transfer import copy_weights
from bilstm_crf.util.progress import Bar

NOTHING = Pretrained()


def train_features(model: Model, sentences: Sequence[Sentence]) -> EncoderFeatures | None:
    """Return the encoder's features of the training sentences; None without an encoder."""
    if model.contextual is not None and model.contextual.tuned:
        return TrainableFeatures(model.contextual.encoder, sentences, model.contextual.settings)
    return precomputed_features(model, sentences, "train")


def precomputed_features(
    model: Model, sentences: Sequence[Sentence], split: str
) -> PrecomputedFeatures | None:
    """Return a frozen encoder's features of a split, computed once and cached; else None."""
    use = model.contextual
    if use is None or use.tuned:
        return None
    with Bar(f"Encoding  {split}", unit="words") as bar:
        return PrecomputedFeatures(cached_vectors(use.encoder, sentences, use.settings, progress=bar.at))


def build_model(
    config: RunConfig,
    sentences: list[Sentence],
    pretrained: Pretrained = NOTHING,
    caseless: Sequence[Sentence] = (),
) -> TrainableModel:
    """Build a model for these training sentences, with random weights or those of a model to fine-tune.

    `caseless`: the same sentences in lower case, if training draws these as well.
    """
    words, vectors = config.words, pretrained.vectors
    labels = _labels(ENCODINGS[config.data.encoding], sentences)
    vocabulary = Vocabulary.of_corpus(
        [*sentences, *caseless], labels, attached=vectors, robust=words.robust, min_count=words.min_count
    )
    dim = words.dim if vectors is None else vectors.dim
    if "static" not in config.features:
        vocabulary, dim = Vocabulary((), vocabulary.characters, labels), 0
    use, architecture = None, Architecture.of(config)
    if pretrained.encoder is not None and config.encoder is not None:
        use = EncoderSpec(pretrained.encoder, FeatureSettings.of(config.encoder), config.encoder.finetune)
        architecture = Architecture.of(config, contextual_dim=use.encoder.dim, contextual_layers=use.layers)
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        random = seed_epoch(config.run.seed, 0)
        table = initial_table(vocabulary, vectors, dim, random)
        network = BiLSTMCRF(architecture, len(vocabulary.characters), len(labels), table)
    subwords = None if vectors is None else vectors.subwords
    if words.word_dropout:
        counts = torch.tensor(vocabulary.counts(sentences))
        network.embedding.add_replacement(table.clone(), words.word_dropout / (words.word_dropout + counts))
    if words.subword_dropout and subwords is not None:
        composed = subword_table(vocabulary, subwords, table)
        network.embedding.add_replacement(composed, torch.full((len(composed),), words.subword_dropout))
    if config.encoder is not None and use is not None and use.tuned:
        use.encoder.freeze_layers(config.encoder.frozen_layers)
        network.encoder = use.encoder
    label_set = LabelSet.named(config.data.labels, keep_misc=config.data.keep_misc)
    model = TrainableModel(
        architecture=architecture,
        vocabulary=vocabulary,
        encoding=config.data.encoding,
        label_set=label_set,
        weights=network.weights(),
        provenance={},
        subwords=subwords,
        contextual=use,
        network=network,
    )
    if pretrained.initial is not None:
        copy_weights(pretrained.initial, model)
    network.to(config.run.device)
    if use is not None:
        use.encoder.to(config.run.device)
    return model


def _labels(encoding: Encoding, sentences: Iterable[Sentence]) -> list[str]:
    """Return the labels of the training sentences. Raises InputError for types that no format could hold."""
    types = norne_first(span.type for sentence in sentences for span in sentence.token_spans or ())
    labels = encoding.labels(types)
    try:
        require_labels(labels, encoding.name)
    except ValueError as error:
        raise InputError(f"training data: {error}") from error
    return labels


def initial_table(
    vocabulary: Vocabulary, vectors: WordVectors | None, dim: int, random: np.random.Generator
) -> Tensor:
    """Return (V + 1, D): each word's vector (by form, by lower case, by n-grams), else U(±sqrt(3 / D))."""
    bound = math.sqrt(3 / max(1, dim))
    table = random.uniform(-bound, bound, (len(vocabulary.words) + 1, dim)).astype(np.float32)
    if vectors is not None:
        for word, number in vocabulary.words.items():
            if (vector := vectors.find(word)) is not None:
                table[number] = vector
    return torch.from_numpy(table)


def subword_table(vocabulary: Vocabulary, subwords: Subwords, table: Tensor) -> Tensor:
    """Return (V + 1, D): each word's vector from its n-grams, else its row of `table`."""
    composed = table.clone()
    for word, number in vocabulary.words.items():
        vector = subwords.vector(word)
        if vector is not None:
            composed[number] = torch.from_numpy(vector)
    return composed
