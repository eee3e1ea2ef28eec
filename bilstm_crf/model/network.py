"""The network in PyTorch: for training, for a GPU, and with an encoder.

words ──────► embedding ──┐
characters ─► CNN ────────┼─ tagger: dropout ─► BiLSTM ─► dropout ─► linear ─► emissions ─► CRF
encoder vectors ──────────┘

Every part but the linear layer can be left out (`Architecture`). Tagging on the CPU without an encoder
uses NumPy instead (inference/network.py), with the same weights; this network is its oracle.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bilstm_crf.encoder.scalar_mix import ScalarMix
from bilstm_crf.features.batches import Batch, Layout, Part, Words, words_of
from bilstm_crf.features.occurrences import MemoryIndex
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.char_cnn import CharCNN
from bilstm_crf.model.document_memory import keep
from bilstm_crf.model.model_folder import Model
from bilstm_crf.model.sequence_tagger import SequenceTagger
from bilstm_crf.model.tensors import batch_tensors, layout_tensors, memory_tensors, words_tensors
from bilstm_crf.model.word_embedding import WordEmbedding

Arrays = NDArray[Any]


class BiLSTMCRF(nn.Module):
    """Character CNN + word BiLSTM + CRF.

    An ensemble is several taggers that read the same words. Each learns from its own loss under its own
    dropout; tagging uses the mean of their emissions and transitions (TreeNets: Lee et al. 2015, "Why M
    heads are better than one"), which is the product of their distributions (Hinton 2002).
    """

    def __init__(self, architecture: Architecture, characters: int, labels: int, words: Tensor) -> None:
        """`characters` and `labels` are counts; `words` is the initial (V + 1, D) table, D may be 0."""
        super().__init__()
        a = architecture
        self.embedding = WordEmbedding(words)
        self.encoder: nn.Module | None = None  # only one that learns with the network
        dim = self.embedding.dim + a.contextual_dim
        self.char_cnn = None
        if a.characters:
            dim += a.character_filters
            self.char_cnn = CharCNN(
                characters, a.character_dim, a.character_filters, a.character_width, a.dropout
            )
        self.mix = ScalarMix(a.contextual_layers) if a.contextual_layers else None
        self.members: Sequence[SequenceTagger] = nn.ModuleList(  # type: ignore[assignment]
            SequenceTagger(a, dim, labels) for _ in range(a.ensemble_size)
        )

    @classmethod
    def from_weights(
        cls, architecture: Architecture, characters: int, labels: int, weights: Mapping[str, Arrays]
    ) -> BiLSTMCRF:
        """Return a network in evaluation mode that shares the memory of these arrays."""
        tensors = {name: torch.from_numpy(array) for name, array in weights.items()}
        with torch.device("meta"):  # without memory, since the weights come from the arrays
            network = cls(architecture, characters, labels, torch.empty_like(tensors["embedding.weight"]))
        network.load_state_dict(tensors, assign=True)
        return network.eval()

    def weights(self) -> dict[str, Arrays]:
        """Return the parameters without those of an encoder; on the CPU they share the network's memory."""
        return {
            name: parameter.detach().cpu().contiguous().numpy()
            for name, parameter in self.named_parameters()
            if not name.startswith("encoder.")
        }

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def representations(self, words: Words[Tensor], part: Part[Tensor] | None = None) -> Tensor:
        """Return what each word is in any sentence (W, D + F); `part`: which of a batch, if not all."""
        embedded = self.embedding(words.ids, words.vectors, part)  # (W, D)
        if self.char_cnn is None:
            return embedded
        return torch.cat((embedded, self.char_cnn(words.characters, words.lengths, part)), dim=1)

    def mixed(self, contextual: Tensor) -> Tensor:
        """Return an encoder's vectors (N, C), mixed from those of all its layers (N, L, C) if needed."""
        return contextual if self.mix is None else self.mix(contextual)

    def inputs(self, batch: Batch[Tensor], contextual: Tensor | None = None) -> Tensor:
        """Return what the taggers read (N, D + F + C), in packed order.

        `contextual` (N, C), or (N, L, C) for the mix: an encoder's vectors, where the network takes any.
        """
        representations = self.representations(batch.words, batch.part)
        if contextual is None:
            return representations
        return torch.cat((representations, self.mixed(contextual)), dim=1)

    def begin_memory(self, places: int) -> None:
        """Start training; `places` is the number of tokens that others of their document look at."""
        for member in self.members:
            if member.memory is not None:
                member.memory.begin(places)

    def emissions(self, batch: Batch[Arrays], contextual: Tensor | None = None) -> Tensor:
        """Return each label's score for each token (N, K) in packed order, the mean over the ensemble."""
        given = batch_tensors(batch, self.device)
        inputs = self.inputs(given, contextual)
        return mean([member.emissions(inputs, given.layout, given.memory) for member in self.members])

    def loss(self, batch: Batch[Arrays], contextual: Tensor | None = None) -> Tensor:
        """Return the negative log-likelihood of the gold labels, summed over the sentences of the batch.

        For an ensemble, the mean over its taggers.
        """
        given = batch_tensors(batch, self.device)
        inputs = self.inputs(given, contextual)
        return mean([member.loss(inputs, given) for member in self.members])

    @torch.no_grad()
    def tagging_emissions(
        self,
        encoded: Encoded,
        layouts: Sequence[Layout[Arrays]],
        index: MemoryIndex | None,
        contextual: Tensor | None = None,
    ) -> NDArray[np.float32]:
        """Return the emissions (N, K) of all tokens in their order, outside training.

        `contextual` (N, C): an encoder's vectors in the same order, already `mixed`.
        """
        distinct = words_tensors(words_of(encoded, np.arange(len(encoded.word_ids))), self.device)
        words = self.representations(distinct)  # (W, D + F)
        kept = [
            words.new_empty(0 if index is None else index.places, m.to_labels.in_features)
            for m in self.members
        ]
        emissions = words.new_empty(len(encoded.tokens), self.members[0].to_labels.out_features)
        for layout in layouts:
            tokens = torch.from_numpy(layout.tokens).to(self.device)
            inputs = words[torch.from_numpy(encoded.tokens[layout.tokens]).to(self.device)]
            if contextual is not None:
                inputs = torch.cat((inputs, contextual[tokens]), dim=1)
            scores, states = zip(*(m.read(inputs, layout_tensors(layout)) for m in self.members), strict=True)
            emissions[tokens] = mean(list(scores))
            if index is not None:
                memory = memory_tensors(index.batch(layout.tokens), self.device)
                for mine, place in zip(states, kept, strict=True):
                    keep(memory, mine, place)
        if index is not None:
            memory = memory_tensors(index.batch(np.arange(len(encoded.tokens))), self.device)
            memories = [m.memory for m in self.members if m.memory is not None]
            emissions[memory.rows] += mean([m(memory, each) for m, each in zip(memories, kept, strict=True)])
        found: NDArray[np.float32] = emissions.cpu().numpy()
        return found


@dataclass(frozen=True, kw_only=True)
class TrainableModel(Model):
    """A model with the network that is trained. On the CPU, its weights share the network's memory."""

    network: BiLSTMCRF

    def snapshot(self) -> Model:
        """Return a model with the network's weights as they are now."""
        return dataclasses.replace(self, weights=self.network.weights())


def mean(tensors: list[Tensor]) -> Tensor:
    """Return the mean of tensors of one shape; of a single one, exactly that."""
    return tensors[0] if len(tensors) == 1 else torch.stack(tensors).mean(0)
