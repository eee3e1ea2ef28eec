"""Settings that turn an encoder's hidden states into features, for a configuration and a model folder."""

from __future__ import annotations

import typing
from dataclasses import dataclass

from bilstm_crf.config import LAYERS, EncoderConfig, Pooling, Precision, Unit
from bilstm_crf.errors import UsageError
from bilstm_crf.util.fields import settings_of


@dataclass(frozen=True)
class FeatureSettings:
    """The settings that compute a word's vector from the hidden states of its subwords."""

    pooling: Pooling = "first"  # which of a word's subwords, first as in Devlin et al. (2019, section 5.3)
    layers: str = "last"  # last, last4 (their mean), mix (ScalarMix of all), or a layer's number
    context: int = 0  # neighbouring words or sentences on each side that the encoder sees; 1 document
    context_unit: Unit = "sentences"
    precision: Precision = "float32"  # of the encoder's products; the vectors are float32

    def __post_init__(self) -> None:
        for name in ("pooling", "layers", "precision"):
            settings_of(EncoderConfig)[name].read(getattr(self, name))
        is_wrong = self.context != 1 if self.context_unit == "document" else self.context < 0
        if is_wrong or self.context_unit not in typing.get_args(Unit):
            found = f"{self.context} {self.context_unit}"
            raise UsageError(f"context is {found}, expected 0 or more words or sentences, or 1 document")

    @property
    def layer(self) -> int | None:
        """The number of the hidden state that is read (0: the embeddings); None for several."""
        return None if self.layers in LAYERS else int(self.layers)

    @property
    def context_text(self) -> str:
        """Return the context as `--context` takes it."""
        if self.context_unit == "document":
            return "document"
        return f"{self.context}{'w' * (self.context_unit == 'words')}"

    @classmethod
    def of(cls, encoder: EncoderConfig) -> FeatureSettings:
        """Return the settings of a configuration, with the context of its first stage."""
        first = encoder.stages[0]
        return cls(encoder.pooling, encoder.layers, first.context, first.unit, encoder.precision)
