"""Build the model that training starts from, and its encoder's features of the sentences."""

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
from bilstm_crf.encoder.cache import cached_vectors
from bilstm_crf.encoder.contextual import EncoderFeatures, EncoderSpec, PrecomputedFeatures, TrainableFeatures
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import InputError
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.labels import ENCODINGS, Encoding, LabelSet, norne_first
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.description import check_labels
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


def architecture_of(config: RunConfig, use: EncoderSpec | None) -> Architecture:
    """Return a network's architecture: the settings of the same names, and what the features are."""
    names = {each.name for each in fields(Architecture)} & {each.name for each in fields(Recipe)}
    return Architecture(
        **{name: getattr(config.recipe, name) for name in names},
        characters="char" in config.features,
        contextual_dim=0 if use is None else use.encoder.dim,
        contextual_layers=0 if use is None else use.layers,
    )


def build_model(
    config: RunConfig, sentences: list[Sentence], pretrained: Pretrained = NOTHING
) -> TrainableModel:
    """Build a model for these training sentences, with random weights or those of a model to fine-tune."""
    recipe, vectors = config.recipe, pretrained.vectors
    labels = _labels(ENCODINGS[config.encoding], sentences)
    attached = None if vectors is None else AttachedVectors(vectors.index, vectors.matrix, vectors.subword)
    vocabulary = Vocabulary.of_corpus(sentences, labels, recipe.digits, attached)
    dim = recipe.word_dim if vectors is None else vectors.dim
    if "static" not in config.features:
        vocabulary, dim = Vocabulary((), vocabulary.characters, labels, recipe.digits), 0
    use = None
    if pretrained.encoder is not None:
        tuned = recipe.bert_weights == "tuned"
        use = EncoderSpec(pretrained.encoder, FeatureSettings.of(recipe), tuned)
    architecture = architecture_of(config, use)
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        random = seed_epoch(config.seed, 0)
        table = initial_table(vocabulary, attached, dim, random)
        network = BiLSTMCRF(architecture, len(vocabulary.characters), len(labels), table)
    subwords = None if vectors is None else vectors.subwords
    if recipe.untuned:
        counts = torch.tensor(vocabulary.counts(sentences))
        network.embedding.add_replacement(table.clone(), recipe.untuned / (recipe.untuned + counts))
    if recipe.composed and subwords is not None:
        composed = subword_table(vocabulary, subwords, table)
        network.embedding.add_replacement(composed, torch.full((len(composed),), recipe.composed))
    if use is not None and use.tuned:
        network.encoder = use.encoder
        if recipe.bert_checkpointing == "on":
            use.encoder.checkpoint()
    label_set = LabelSet.named(config.label_set, keep_misc=config.keep_misc)
    model = TrainableModel(
        architecture=architecture,
        vocabulary=vocabulary,
        encoding=config.encoding,
        label_set=label_set,
        weights=network.weights(),
        provenance={},
        subwords=subwords,
        contextual=use,
        network=network,
    )
    if pretrained.initial is not None:
        copy_weights(pretrained.initial, model)
    network.to(config.device)
    if use is not None:
        use.encoder.to(config.device)
    return model


def _labels(encoding: Encoding, sentences: Iterable[Sentence]) -> list[str]:
    """Return the labels of the training sentences. Raises InputError for types that no format could hold."""
    types = norne_first(span.type for sentence in sentences for span in sentence.spans or ())
    try:
        return check_labels(encoding.labels(types), encoding)
    except ValueError as error:
        raise InputError(f"training data: {error}") from error


def initial_table(
    vocabulary: Vocabulary, vectors: AttachedVectors | None, dim: int, random: np.random.Generator
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
