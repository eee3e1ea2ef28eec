"""Load what a model starts from: word vectors, an encoder, a trained model to fine-tune."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bilstm_crf.config import EncoderConfig, NetworkConfig, WordConfig
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
    """The pretrained parts that a model starts from; each may be missing."""

    vectors: WordVectors | None = None
    encoder: Encoder | None = None
    initial: Model | None = None
    initial_source: ModelSource | None = None

    @property
    def encoder_source(self) -> ModelSource | None:
        """The encoder, for the record."""
        return None if self.encoder is None else ModelSource(self.encoder.name, self.encoder.sha256)


def load_pretrained(
    words: WordConfig,
    network: NetworkConfig,
    encoder: EncoderConfig | None,
    sentences: Iterable[Sentence],
    say: Callable[[str], None],
) -> Pretrained:
    """Load what the configuration names, and say how many words of the training sentences have vectors.

    Raises InputError for what cannot be read, UsageError where a model to fine-tune has static vectors and
    the features do not, or the other way round.
    """
    initial = source = None
    static = network.features == "auto" or "static" in network.features
    if network.init_from is None:
        vectors = load(words.embeddings, embeddings_dir=words.embeddings_dir)
    else:
        name = None if encoder is None else encoder.name
        trust = encoder is not None and encoder.trust_remote_code
        initial = load_model(network.init_from, encoder=name, trust_remote_code=trust)
        source = ModelSource(network.init_from, weights_of(network.init_from)[1])
        vectors = vectors_of(initial, network.init_from)
        if static != (vectors is not None):
            has = "no static vectors" if vectors is None else "static vectors"
            raise UsageError(f"the model to fine-tune has {has}, but features={network.features}")
    if vectors is not None:
        say(f"vectors  {vectors.summary()}")
        counts = Counter(word for sentence in sentences for word in sentence.tokens)
        say(f"coverage {coverage(counts, vectors).line()}")
        if words.subwords and vectors.subwords is None:
            vectors = vectors.with_subwords(words.subwords)
            say(f"n-grams  fitted up to {words.subwords:,} vectors, for words without one")
    elif static:
        say(f"vectors  none: random, {words.dim} dimensions")
    loaded = None
    if encoder is not None:
        loaded = load_encoder(encoder)
        size = sum(parameter.numel() for parameter in loaded.parameters()) / 1e6
        say(
            f"encoder  {encoder.name}: {loaded.hidden_states - 1} layers, {loaded.dim} dimensions, "
            f"{size:.1f} million weights, {'fine-tuned' if encoder.finetune else 'frozen'}"
        )
    return Pretrained(vectors, loaded, initial, source)


def load_encoder(config: EncoderConfig) -> Encoder:
    """Load an encoder, and check that it has the layer that is asked for."""
    encoder = Encoder.load(config.name, trust_remote_code=config.trust_remote_code)
    encoder.require_layer(FeatureSettings.of(config))
    if not config.finetune:
        require_folder()
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
    return WordVectors(Path(folder).name, words, matrix, model.subwords, source)
