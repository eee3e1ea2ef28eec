"""The network from end to end: words, characters and an encoder's vectors, which one member or more read.

words ──────► embedding ──┐
characters ─► CNN ────────┼─ member: dropout ─► BiLSTM ─► dropout ─► linear ─► emissions ─► CRF
contextual vectors ───────┘

Every part but the linear layer can be left out (`Architecture`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bilstm_crf.encoder.scalar_mix import ScalarMix
from bilstm_crf.features.batches import Batch, MemoryBatch, Words
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.char_cnn import CharCNN
from bilstm_crf.model.crf import mean_of
from bilstm_crf.model.sequence_tagger import SequenceTagger
from bilstm_crf.model.word_embedding import WordEmbedding


class BiLSTMCRF(nn.Module):
    """Character CNN + word BiLSTM + CRF.

    With several members, as many BiLSTMs with CRFs read the same words. Each learns by its own loss under its
    own dropout; tagging takes the mean of their scores (TreeNets: Lee et al. 2015, "Why M heads are better
    than one"), which is the product of their distributions (Hinton 2002).
    """

    def __init__(self, architecture: Architecture, characters: int, labels: int, words: Tensor) -> None:
        """`characters` and `labels` are counts; `words` the (V + 1, D) table to start from, D perhaps 0."""
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
        self.contextual = a.contextual_dim > 0
        self.members: Sequence[SequenceTagger] = nn.ModuleList(  # type: ignore[assignment]
            SequenceTagger(a, dim, labels) for _ in range(a.members)
        )

    def representations(self, words: Words) -> Tensor:
        """(W, D + F): what each word is, whatever stands beside it."""
        embedded = self.embedding(words.ids)  # (W, D)
        if self.char_cnn is None:
            return embedded
        return torch.cat((embedded, self.char_cnn(words.characters, words.lengths)), dim=1)

    def mixed(self, contextual: Tensor) -> Tensor:
        """An encoder's vectors (N, C), from those of all its layers (N, L, C) where they are to be mixed."""
        return contextual if self.mix is None else self.mix(contextual)

    def inputs(self, batch: Batch, contextual: Tensor | None = None) -> Tensor:
        """(N, D + F + C) in packed order: what the members read.

        `contextual` (N, C), or (N, L, C) for the mix: an encoder's vectors, where the network takes any.
        """
        representations = self.representations(batch.words)
        if contextual is None:
            return representations
        return torch.cat((representations, self.mixed(contextual)), dim=1)

    def emissions(self, batch: Batch, contextual: Tensor | None = None) -> Tensor:
        """(N, K) in packed order: the score of each label for each token, the mean over the members."""
        inputs, layout = self.inputs(batch, contextual), batch.layout
        given = (inputs, layout.batch_sizes, layout.sentence_of, batch.others)
        return mean([member.emissions(*given) for member in self.members])

    def begin_memory(self, places: int) -> None:
        """Training begins: there are so many tokens that others of their document look at."""
        for member in self.members:
            if member.memory is not None:
                member.memory.begin(places)

    def loss(self, batch: Batch, contextual: Tensor | None = None) -> Tensor:
        """The negative log-likelihood of the gold labels, summed over the sentences of the batch.

        With several members the mean of theirs.
        """
        inputs = self.inputs(batch, contextual)
        return mean([member.loss(inputs, batch) for member in self.members])

    @torch.no_grad()
    def prepare(self, words: Words) -> Tensor:
        """All that tagging computes of a word alone, for `states`; the words are its second dimension."""
        representations = self.representations(words)
        if self.contextual:  # each token has a vector of its own
            return representations.unsqueeze(0)
        return torch.cat([member.prepare(representations) for member in self.members])

    @torch.no_grad()
    def states(
        self, prepared: Tensor, words: Tensor, batch_sizes: Tensor, contextual: Tensor | None = None
    ) -> list[Tensor]:
        """Of each member what it reads the labels off (N, H), where token n is word words[n] (N,).

        `contextual` (N, C) is `mixed` already.
        """
        if contextual is None:
            parts = zip(self.members, prepared.chunk(len(self.members)), strict=True)
            return [member.states_of_words(part, words, batch_sizes) for member, part in parts]
        inputs = torch.cat((prepared[0, words], contextual), dim=1)
        return [member.states(inputs, batch_sizes) for member in self.members]

    @torch.no_grad()
    def scores(self, states: list[Tensor]) -> Tensor:
        """The members' mean emissions (N, K) by their `states`."""
        return mean([m.to_labels(each) for m, each in zip(self.members, states, strict=True)])

    @torch.no_grad()
    def scores_of_others(self, others: MemoryBatch, kept: list[Tensor]) -> Tensor:
        """(M, K): what a document's memory adds to the emissions, from each member's states (P, H) there."""
        memories = [member.memory for member in self.members if member.memory is not None]
        return mean([memory(others, each) for memory, each in zip(memories, kept, strict=True)])

    @torch.no_grad()
    def best_paths(self, emissions: Tensor, batch_sizes: Tensor) -> NDArray[np.int64]:
        """The label ids (N,) of each sentence's best path: by Viterbi; without a CRF, each token's best."""
        crfs = [member.crf for member in self.members if member.crf is not None]
        if not crfs:
            best: NDArray[np.int64] = emissions.argmax(dim=1).cpu().numpy()
            return best
        return mean_of(crfs).viterbi(emissions, batch_sizes)


def mean(tensors: list[Tensor]) -> Tensor:
    """Of tensors of one shape; of one, itself, to the last bit."""
    return tensors[0] if len(tensors) == 1 else torch.stack(tensors).mean(0)
