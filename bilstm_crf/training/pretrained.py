"""Load what a model starts from: word vectors, an encoder, a trained model to fine-tune."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bilstm_crf.config import EncoderConfig, RunConfig
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
    folder, encoder = config.network.init_from, config.encoder
    if folder is None:
        vectors = load(config.words.embeddings, embeddings_dir=config.words.embeddings_dir)
    else:
        trust = encoder is not None and encoder.trust_remote_code
        initial = load_model(folder, bert=config.encoder_name, trust_remote_code=trust)
        source = ModelSource(folder, weights_of(folder)[1])
        vectors = vectors_of(initial, folder)
        if ("static" in config.features) != (vectors is not None):
            has = "no static vectors" if vectors is None else "static vectors"
            features = ",".join(config.features)
            raise UsageError(f"the model to fine-tune has {has}, but the features are {features}")
    if vectors is not None:
        vectors = _with_subwords(config.words.subwords, vectors, sentences, say)
    elif "static" in config.features:
        say(f"vectors  none: random, {config.words.dim} dimensions")
    return Pretrained(vectors, None if encoder is None else load_encoder(encoder, say), initial, source)


def _with_subwords(
    subwords: int, vectors: WordVectors, sentences: Iterable[Sentence], say: Callable[[str], None]
) -> WordVectors:
    """Return the vectors with n-gram vectors for other words, if those are wanted and the file has none."""
    say(f"vectors  {vectors.summary()}")
    words = Counter(word for sentence in sentences for word in sentence.tokens)
    say(f"coverage {coverage(words, vectors).line()}")
    if subwords and vectors.subwords is None:
        vectors = vectors.with_subwords(subwords)
        say(f"n-grams  fitted up to {subwords:,} vectors, for words without one")
    return vectors


def load_encoder(config: EncoderConfig, say: Callable[[str], None]) -> Encoder:
    """Load the encoder, and check that it has the layer that is asked for."""
    encoder = Encoder.load(config.name, trust_remote_code=config.trust_remote_code)
    encoder.require_layer(FeatureSettings.of(config))
    if not config.finetune:
        require_folder()
    weights = sum(parameter.numel() for parameter in encoder.parameters())
    say(
        f"encoder  {config.name}: {encoder.hidden_states - 1} layers, {encoder.dim} dimensions, "
        f"{weights / 1e6:.1f} million weights, {'fine-tuned' if config.finetune else 'frozen'}"
    )
    return encoder


def vectors_of(model: Model, folder: str) -> WordVectors | None:
    """Return the words of a trained model and their table as word vectors; None where it has none."""
    if model.network.embedding.dim == 0:
        return None
    words = list(model.vocabulary.words)
    matrix = model.network.embedding.weight.detach().float().numpy()[1:]
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
