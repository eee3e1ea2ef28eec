"""An encoder's vectors of the tokens of a batch: precomputed, or computed with gradients.

Letters: N tokens, L hidden states of the encoder, C its dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import build_windows, compute_vectors
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.features.batches import Layout
from bilstm_crf.sentence import Sentence


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder, which features are read off it, and whether it is fine-tuned with the network."""

    encoder: Encoder
    settings: FeatureSettings
    tuned: bool

    @property
    def layers(self) -> int:
        """Return the number of hidden states per token for the mix; 0: one vector."""
        return self.encoder.hidden_states if self.settings.layers == "mix" else 0


class EncoderFeatures(Protocol):
    """Vectors of the tokens of some sentences; layouts of batches refer to the tokens by number."""

    def of(self, layout: Layout[NDArray[Any]]) -> Tensor:
        """Return (N, C), or (N, L, C) for layers to be mixed, in packed order, on any device."""


class PrecomputedFeatures:
    """The vectors of a frozen encoder."""

    def __init__(self, vectors: NDArray[np.float16]) -> None:
        """Take (N, C) or (N, L, C), of all tokens of all sentences in order; may be memory-mapped."""
        self.vectors = vectors

    def of(self, layout: Layout[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(self.vectors[layout.tokens]).float()


class TrainableFeatures:
    """The vectors of an encoder that is fine-tuned: each batch runs it, with gradients."""

    def __init__(self, encoder: Encoder, sentences: Sequence[Sentence], settings: FeatureSettings) -> None:
        self._encoder, self._settings = encoder, settings
        self._windows = build_windows(encoder, sentences, settings)

    def of(self, layout: Layout[NDArray[Any]]) -> Tensor:
        vectors = compute_vectors(self._encoder, self._windows, layout.sentences, self._settings)
        firsts = self._windows.subwords.sentences  # (S + 1,) number of each sentence's first token
        lengths = firsts[layout.sentences + 1] - firsts[layout.sentences]
        moved = lengths.cumsum() - lengths - firsts[layout.sentences]  # from a token's number to its row
        rows = layout.tokens + moved[layout.sentence_of]
        return vectors[torch.from_numpy(rows).to(vectors.device)]
