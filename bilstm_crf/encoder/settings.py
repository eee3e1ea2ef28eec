"""What is read off an encoder, as frozen data that a configuration and a model folder can hold."""

from __future__ import annotations

import typing
from dataclasses import dataclass

from bilstm_crf.config import Pooling, Precision, Recipe, Unit, layer_number
from bilstm_crf.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class FeatureSettings:
    """How a word's vector is read off the hidden states of its pieces."""

    pooling: Pooling = "first"  # which of a word's pieces: as Devlin et al. (2019, section 5.3) do
    layers: str = "last"  # the last, the mean of the last four, all of them for a ScalarMix, or one's number
    context: int = 0  # neighbouring words or sentences that the encoder sees on each side
    context_unit: Unit = "sentences"
    precision: Precision = "float32"  # of the encoder's products; the vectors are in float32

    def __post_init__(self) -> None:
        for name, kind in (("pooling", Pooling), ("context_unit", Unit), ("precision", Precision)):
            known, given = typing.get_args(kind), getattr(self, name)
            if given not in known:
                raise UsageError(
                    f"{name} is {given!r}, expected one of {' '.join(known)}."
                    f"{did_you_mean(str(given), known)}"
                )
        layer_number(self.layers)
        if self.context < 0:
            raise UsageError(f"context is {self.context}, expected 0 or more")

    @property
    def layer(self) -> int | None:
        """The number of the one hidden state that is asked for, 0 being the embeddings; else None."""
        return layer_number(self.layers)

    @classmethod
    def of(cls, recipe: Recipe) -> FeatureSettings:
        """Those of a recipe."""
        return cls(
            recipe.bert_pooling,
            recipe.bert_layers,
            recipe.bert_context,
            recipe.bert_context_unit,
            recipe.bert_precision,
        )
