"""Load what a model starts from: word vectors, an encoder, a trained model to fine-tune."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bilstm_crf.config import RunConfig
from bilstm_crf.embeddings.coverage import coverage
from bilstm_crf.embeddings.read import load
from bilstm_crf.embeddings.vectors import Source, WordVectors
from bilstm_crf.encoder.cache import require_folder
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import UsageError
from bilstm_crf.model.model_folder import Model, load_model, weights_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.records import ModelSource


@dataclass(frozen=True)
class Pretrained:
    """What a model starts from, each part where there is any."""

    vectors: WordVectors | None = None
    encoder: Encoder | None = None
    initial: Model | None = None
    initial_source: ModelSource | None = None

    @property
    def encoder_source(self) -> ModelSource | None:
        """The encoder, for the record."""
        return None if self.encoder is None else ModelSource(self.encoder.name, self.encoder.sha256)


def load_pretrained(
    config: RunConfig, sentences: Iterable[Sentence], say: Callable[[str], None]
) -> Pretrained:
    """Load what the configuration names, and say how many words of the training sentences have vectors.

    Raises InputError for what cannot be read, UsageError where a model to fine-tune has static vectors and
    the features do not, or the other way round.
    """
    initial = source = None
    if config.init_from is None:
        vectors = load(config.embeddings, embeddings_dir=config.embeddings_dir)
    else:
        initial = load_model(config.init_from, bert=config.bert, trust_remote_code=config.trust_remote_code)
        source = ModelSource(config.init_from, weights_of(config.init_from)[1])
        vectors = vectors_of(initial, config.init_from)
        if ("static" in config.features) != (vectors is not None):
            has = "no static vectors" if vectors is None else "static vectors"
            features = ",".join(config.features)
            raise UsageError(f"the model to fine-tune has {has}, but the features are {features}")
    if vectors is not None:
        vectors = _with_subwords(config, vectors, sentences, say)
    elif "static" in config.features:
        say(f"vectors  none: random, {config.recipe.word_dim} dimensions")
    return Pretrained(vectors, load_encoder(config, say), initial, source)


def _with_subwords(
    config: RunConfig, vectors: WordVectors, sentences: Iterable[Sentence], say: Callable[[str], None]
) -> WordVectors:
    """Return the vectors with n-gram vectors for other words, if those are wanted and the file has none."""
    say(f"vectors  {vectors.summary()}")
    words = Counter(word for sentence in sentences for word in sentence.tokens)
    say(f"coverage {coverage(words, vectors, config.recipe.digits).line()}")
    if config.recipe.subwords and vectors.subwords is None:
        vectors = vectors.with_subwords(config.recipe.subwords)
        say(f"n-grams  fitted up to {config.recipe.subwords:,} vectors, for words without one")
    return vectors


def load_encoder(config: RunConfig, say: Callable[[str], None]) -> Encoder | None:
    """Load the encoder, and check that it has the layer that is asked for."""
    if config.bert is None:
        return None
    encoder = Encoder.load(config.bert, trust_remote_code=config.trust_remote_code)
    encoder.require_layer(FeatureSettings.of(config.recipe))
    if config.recipe.bert_weights == "frozen":
        require_folder()
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    say(
        f"encoder  {config.bert}: {encoder.hidden_states - 1} layers, {encoder.dim} dimensions, "
        f"{weights / 1e6:.1f} million weights, {config.recipe.bert_weights}"
    )
    return encoder


def vectors_of(model: Model, folder: str) -> WordVectors | None:
    """Return the words of a trained model and their table as word vectors; None where it has none."""
    if model.word_table.shape[1] == 0:
        return None
    words = list(model.vocabulary.words)
    matrix = model.word_table[1:].astype(np.float32)
    weights, sha256 = weights_of(folder)
    source = Source(
        file=weights.name,
        format="a trained model",
        bytes=weights.stat().st_size,
        sha256=sha256,
        words=len(words),
        dim=matrix.shape[1],
        skipped={},
    )
    subword = None if model.subwords is None else model.subwords.vector
    return WordVectors(Path(folder).name, words, matrix, subword, source, subwords=model.subwords)
