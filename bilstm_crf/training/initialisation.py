"""Before the first epoch: an untrained model for some sentences, and its encoder's vectors of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor

from bilstm_crf.config import Recipe, RunConfig
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
    if encoder is None:
        return None
    return EncoderSpec(encoder, FeatureSettings.of(config.recipe), config.recipe.bert_weights == "tuned")


def architecture_of(config: RunConfig, use: EncoderSpec | None) -> Architecture:
    """That of a run's network: the recipe's settings of the same names, and what the features are."""
    names = {each.name for each in fields(Architecture)} & {each.name for each in fields(Recipe)}
    return Architecture(
        **{name: getattr(config.recipe, name) for name in names},
        characters="char" in config.features,
        contextual_dim=0 if use is None else use.encoder.dim,
        contextual_layers=0 if use is None else use.layers,
    )


def build_model(
    config: RunConfig,
    sentences: list[Sentence],
    vectors: WordVectors | None,
    encoder: Encoder | None = None,
) -> tuple[Model, BiLSTMCRF]:
    """Return an untrained model for these training sentences, and its network, from the seed.

    On the CPU, the model's weights share the network's memory.
    """
    recipe = config.recipe
    encoding = ENCODINGS[config.encoding]
    labels = _labels(encoding, sentences)
    attached = None if vectors is None else AttachedVectors(vectors.index, vectors.matrix, vectors.subword)
    vocabulary = Vocabulary.of_corpus(sentences, labels, recipe.digits, attached)
    random = seed_epoch(config.seed, 0)
    dim = recipe.word_dim if vectors is None else vectors.dim
    if "static" not in config.features:
        vocabulary, dim = Vocabulary((), vocabulary.characters, labels, recipe.digits), 0
    use = use_of(config, encoder)
    table = initial_table(vocabulary, attached, dim, random)
    architecture = architecture_of(config, use)
    network = BiLSTMCRF(architecture, len(vocabulary.characters), len(vocabulary.labels), table)
    if recipe.untuned:
        counts = torch.tensor(vocabulary.counts(sentences))
        network.embedding.add_replacement(table.clone(), recipe.untuned / (recipe.untuned + counts))
    subwords = None if vectors is None else vectors.subwords
    if recipe.composed and subwords is not None:
        composed = composed_table(vocabulary, subwords, table)
        network.embedding.add_replacement(composed, torch.full((len(composed),), recipe.composed))
    label_set = LabelSet.named(config.label_set, keep_misc=config.keep_misc)
    if use is not None and use.tuned:
        network.encoder = use.encoder
        if recipe.bert_checkpointing == "on":
            use.encoder.checkpoint()
    weights = network.weights()
    model = Model(architecture, vocabulary, config.encoding, label_set, weights, {}, subwords, use)
    return model, network


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
        for word, number in vocabulary.words.items():
            if (vector := vectors.find(word)) is not None:
                table[number] = vector
    return torch.from_numpy(table)


def composed_table(vocabulary: Vocabulary, subwords: Subwords, table: Tensor) -> Tensor:
    """(V + 1, D): each word's vector as its n-grams make it, where any are known; else its row of `table`."""
    composed = table.clone()
    for word, number in vocabulary.words.items():
        vector = subwords.vector(word)
        if vector is not None:
            composed[number] = torch.from_numpy(vector)
    return composed
