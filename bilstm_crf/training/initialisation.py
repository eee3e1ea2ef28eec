"""Before the first epoch: an untrained model for some sentences, and its encoder's vectors of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from bilstm_crf.config import RunConfig
from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.encoder.cache import cached_vectors
from bilstm_crf.encoder.contextual import EncoderFeatures, EncoderSpec, PrecomputedFeatures, TrainableFeatures
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputError
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.labels import ENCODINGS, Encoding, LabelSet, norne_first
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.description import check_labels
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.checkpoint import seed_epoch
from bilstm_crf.util.progress import Bar


def contextual_of(model: Model, sentences: Sequence[Sentence]) -> EncoderFeatures | None:
    """An encoder's vectors of the sentences to learn from; None where there is no encoder."""
    if model.contextual is not None and model.contextual.tuned:
        return TrainableFeatures(model.contextual.encoder, sentences, model.contextual.settings)
    return kept_of(model, sentences, "train")


def kept_of(model: Model, sentences: Sequence[Sentence], name: str) -> PrecomputedFeatures | None:
    """A frozen encoder's vectors of the split `name`, computed once for ever (bert/cache.py); else None."""
    use = model.contextual
    if use is None or use.tuned:
        return None
    with Bar(f"Encoding  {name}", unit="words") as bar:
        return PrecomputedFeatures(cached_vectors(use.encoder, sentences, use.settings, progress=bar.at))


def use_of(config: RunConfig, encoder: Encoder | None) -> EncoderSpec | None:
    """What the network of a run is to read off its encoder."""
    if encoder is None or config.encoder is None:
        return None
    return EncoderSpec(encoder, FeatureSettings.of(config.encoder), config.encoder.finetune)


def architecture_of(config: RunConfig, use: EncoderSpec | None) -> Architecture:
    """Return the architecture of a run's network."""
    if use is None:
        return Architecture.of(config)
    return Architecture.of(config, contextual_dim=use.encoder.dim, contextual_layers=use.layers)


def build_model(
    config: RunConfig,
    sentences: list[Sentence],
    vectors: WordVectors | None,
    encoder: Encoder | None = None,
) -> Model:
    """An untrained model for these training sentences, its weights drawn from the seed."""
    words = config.words
    encoding = ENCODINGS[config.data.encoding]
    labels = _labels(encoding, sentences)
    known = () if vectors is None else vectors.index
    vocabulary = Vocabulary.of_corpus(sentences, labels, "zero", known)
    random = seed_epoch(config.run.seed, 0)
    attached = None if vectors is None else AttachedVectors(vectors.index, vectors.matrix, vectors.subword)
    dim = words.dim if vectors is None else vectors.dim
    if "static" not in config.features:
        vocabulary, dim = Vocabulary((), vocabulary.characters, labels), 0
    use = use_of(config, encoder)
    table = initial_table(vocabulary, attached, dim, random)
    architecture = architecture_of(config, use)
    network = BiLSTMCRF(architecture, len(vocabulary.characters), len(vocabulary.labels), table)
    if words.word_dropout:
        counts = torch.tensor(vocabulary.counts(sentences))
        network.embedding.add_replacement(table.clone(), words.word_dropout / (words.word_dropout + counts))
    subwords = None if vectors is None else vectors.subwords
    if words.subword_dropout and subwords is not None:
        composed = composed_table(vocabulary, subwords, table)
        network.embedding.add_replacement(composed, torch.full((len(composed),), words.subword_dropout))
    label_set = LabelSet.named(config.data.labels, keep_misc=config.data.keep_misc)
    if use is not None and use.tuned:
        network.encoder = use.encoder
    model = Model(network, architecture, vocabulary, config.data.encoding, label_set, {}, subwords, use)
    if attached is not None:
        model.attach(attached)
    return model


def _labels(encoding: Encoding, sentences: Iterable[Sentence]) -> list[str]:
    """The labels of the training sentences. Raises InputError for types that no format could hold."""
    try:
        return check_labels(encoding.labels(entity_types(sentences)), encoding)
    except ValueError as error:
        raise InputError(f"training data: {error}") from error


def entity_types(sentences: Iterable[Sentence]) -> list[str]:
    """Return the entity types that occur, in the order of `norne_first`."""
    return norne_first(span.type for sentence in sentences for span in sentence.spans or ())


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


def composed_table(vocabulary: Vocabulary, subwords: Subwords, table: Tensor) -> Tensor:
    """(V + 1, D): each word's vector as its n-grams make it, where any are known; else its row of `table`."""
    composed = table.clone()
    for word, number in vocabulary.words.items():
        vector = subwords.vector(word)
        if vector is not None:
            composed[number] = torch.from_numpy(vector)
    return composed
