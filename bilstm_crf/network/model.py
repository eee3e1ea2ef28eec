"""The network from end to end: words, characters and an encoder's vectors; BiLSTM; emissions; CRF.

words ──────► embedding ──┐
characters ─► CNN ────────┼─ dropout ─► BiLSTM ─► dropout ─► linear ─► emissions ─► CRF
contextual vectors ───────┘

Every part but the linear layer can be left out (`Architecture`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.batching import Batch, Words
from bilstm_crf.bert.scalar_mix import ScalarMix
from bilstm_crf.network.char_cnn import CharCNN
from bilstm_crf.network.crf import CRF
from bilstm_crf.network.dropout import Dropout
from bilstm_crf.network.word_bilstm import WordBiLSTM
from bilstm_crf.network.word_embedding import WordEmbedding


@dataclass(frozen=True)
class Architecture:
    """The sizes of the network; the defaults are NCRF++'s, which the NorNE paper took."""

    character_dim: int = 30
    character_filters: int = 50
    character_width: int = 3
    hidden: int = 200  # both directions together
    layers: int = 1
    dropout: float = 0.5
    input_dropout: Literal["token", "sentence"] = "token"  # sentence: the same places of all its tokens
    recurrent_dropout: float = 0.0  # of the BiLSTM's weights from state to state
    head: str = "bilstm-crf"  # or without one of the two, or `linear`, without either
    characters: bool = True  # whether there is a character CNN
    contextual_dim: int = 0  # of each token's vector by an encoder; 0: there is none
    contextual_layers: int = 0  # so many of them come for a scalar mix; 0: one vector


class BiLSTMCRF(nn.Module):
    """Character CNN + word BiLSTM + CRF."""

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
        self.dropout = Dropout(a.dropout)
        # One mask for all tokens of a sentence (Gal and Ghahramani 2016)
        self.by_sentence = a.input_dropout == "sentence"
        self.lstm = None
        if a.head.startswith("bilstm"):
            self.lstm = WordBiLSTM(dim, a.hidden, a.layers, a.dropout, a.recurrent_dropout)
            dim = a.hidden
        self.to_labels = nn.Linear(dim, labels)
        self.crf = CRF(labels) if a.head.endswith("crf") else None

    def representations(self, words: Words) -> Tensor:
        """(W, D + F): what each word is, whatever stands beside it."""
        embedded = self.embedding(words.ids)  # (W, D)
        if self.char_cnn is None:
            return embedded
        return torch.cat((embedded, self.char_cnn(words.characters, words.lengths)), dim=1)

    def mixed(self, contextual: Tensor) -> Tensor:
        """An encoder's vectors (N, C), from those of all its layers (N, L, C) where they are to be mixed."""
        return contextual if self.mix is None else self.mix(contextual)

    def emissions(self, batch: Batch, contextual: Tensor | None = None) -> Tensor:
        """(N, K) in packed order: the score of each label for each token.

        `contextual` (N, C), or (N, L, C) for the mix: an encoder's vectors, where the network takes any.
        """
        layout = batch.layout
        inputs = self.representations(batch.words)
        if contextual is not None:
            inputs = torch.cat((inputs, self.mixed(contextual)), dim=1)
        inputs = self.dropout(inputs, layout.sentence_of if self.by_sentence else None)
        if self.lstm is not None:
            inputs = self.dropout(self.lstm.states(inputs, layout.batch_sizes))  # (N, H)
        scores: Tensor = self.to_labels(inputs)
        return scores

    def loss(self, batch: Batch, contextual: Tensor | None = None) -> Tensor:
        """The negative log-likelihood of the gold labels, summed over the sentences of the batch."""
        emissions = self.emissions(batch, contextual)
        if self.crf is None:
            return F.cross_entropy(emissions, batch.labels, reduction="sum")
        return self.crf.negative_log_likelihood(emissions, batch.labels, batch.layout.batch_sizes)

    @torch.no_grad()
    def prepare(self, words: Words) -> Tensor:
        """All that tagging computes of a word alone, for `decode`; the words are its second dimension."""
        representations = self.representations(words)
        if self.lstm is None or self.contextual:
            return representations.unsqueeze(0)
        return self.lstm.prepare(representations)

    @torch.no_grad()
    def decode(
        self, prepared: Tensor, words: Tensor, batch_sizes: Tensor, contextual: Tensor | None = None
    ) -> NDArray[np.int64]:
        """The label ids (N,) of each sentence's best path, where token n is word words[n] (N,).

        By Viterbi; without a CRF, the best label of each token. `contextual` (N, C) is `mixed` already.
        """
        if self.lstm is not None and not self.contextual:
            states = self.lstm.states_of_words(prepared, words, batch_sizes)
        else:
            states = prepared[0, words]
            if contextual is not None:
                states = torch.cat((states, contextual), dim=1)
            if self.lstm is not None:
                states = self.lstm.states(states, batch_sizes)
        emissions = self.to_labels(states)
        if self.crf is None:
            best: NDArray[np.int64] = emissions.argmax(dim=1).cpu().numpy()
            return best
        return self.crf.viterbi(emissions, batch_sizes)
