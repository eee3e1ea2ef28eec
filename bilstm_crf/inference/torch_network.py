"""The network in PyTorch as the tagger's backend: for a GPU, and for models with an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_crf.encoder.contextual import PrecomputedFeatures
from bilstm_crf.encoder.features import compute_frozen
from bilstm_crf.errors import UsageError
from bilstm_crf.features.batches import Layout
from bilstm_crf.features.occurrences import MemoryIndex
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.network import BiLSTMCRF
from bilstm_crf.sentence import Sentence

PART_TOKENS = 16_384  # tokens whose layers are mixed at a time: those of all tokens would fill the memory


class TorchNetwork:
    """A model's weights in PyTorch, on a device."""

    def __init__(self, model: Model, device: torch.device) -> None:
        self._device = device
        labels, characters = len(model.vocabulary.labels), len(model.vocabulary.characters)
        network = BiLSTMCRF.from_weights(model.architecture, characters, labels, model.weights)
        self._network = network.to(device)
        self._spec = model.contextual
        if self._spec is not None:
            self._spec.encoder.to(device)

    @torch.inference_mode()
    def emissions(
        self,
        sentences: Sequence[Sentence],
        encoded: Encoded,
        layouts: Sequence[Layout[NDArray[np.int64]]],
        index: MemoryIndex | None,
        contextual: PrecomputedFeatures | None,
    ) -> NDArray[np.float32]:
        """Return the score of each label for each token (N, K), in the order of the tokens.

        `contextual`: the encoder's vectors, if they are computed already.
        """
        vectors = self._encode(sentences, contextual)
        return self._network.tagging_emissions(encoded, layouts, index, vectors)

    def _encode(self, sentences: Sequence[Sentence], contextual: PrecomputedFeatures | None) -> Tensor | None:
        """(N, C): the encoder's vectors of all tokens, mixed; None without an encoder."""
        spec = self._spec
        if spec is None:
            return None
        tokens = sum(map(len, sentences))
        vectors = torch.empty(tokens, spec.encoder.dim, device=self._device)
        if contextual is None:
            parts = compute_frozen(spec.encoder, sentences, spec.settings, halved=not spec.tuned)
        else:
            starts = range(0, tokens, PART_TOKENS)
            parts = ((start, contextual.vectors[start : start + PART_TOKENS]) for start in starts)
        for start, rows in parts:
            on_device = torch.from_numpy(rows.astype(np.float32)).to(self._device)
            vectors[start : start + len(rows)] = self._network.mixed(on_device)
        return vectors


def find_device(name: str) -> torch.device:
    """Return the device of this name. Raises UsageError where PyTorch has none."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # `meta` has tensors, but no values
    except (RuntimeError, AssertionError) as error:  # AssertionError: PyTorch was built without CUDA
        message = f"--device {name}: PyTorch finds no such device here, expected cpu or cuda"
        raise UsageError(message, hint="--device cpu") from error
    return device
