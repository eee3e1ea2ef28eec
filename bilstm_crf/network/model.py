"""The network from end to end: words and characters, BiLSTM, emissions, CRF.

words ──────► embedding ──┐
                          ├─ dropout ─► BiLSTM ─► dropout ─► linear ─► emissions ─► CRF
characters ─► CNN ────────┘
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bilstm_crf.batching import Batch
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


class BiLSTMCRF(nn.Module):
    """Character CNN + word BiLSTM + CRF."""

    def __init__(self, architecture: Architecture, characters: int, labels: int, words: Tensor) -> None:
        """`characters` and `labels` are counts; `words` the (V + 1, D) table to start from."""
        super().__init__()
        a = architecture
        self.embedding = WordEmbedding(words)
        self.char_cnn = CharCNN(
            characters, a.character_dim, a.character_filters, a.character_width, a.dropout
        )
        self.dropout = Dropout(a.dropout)
        self.lstm = WordBiLSTM(self.embedding.dim + a.character_filters, a.hidden, a.layers, a.dropout)
        self.to_labels = nn.Linear(a.hidden, labels)
        self.crf = CRF(labels)

    def emissions(self, batch: Batch) -> Tensor:
        """(T, B, K): the score of each label for each token; zeros where there is none."""
        words = self.embedding(batch.words)  # (W, D)
        characters = self.char_cnn(batch.characters, batch.word_lengths)  # (W, F)
        inputs = self.dropout(torch.cat((words, characters), dim=1))  # (W, D + F)
        states = self.lstm.states(inputs, batch.batch_sizes, batch.occurrences)  # (N, H)
        scores = self.to_labels(self.dropout(states))  # (N, K)
        emissions = scores.new_zeros(*batch.mask.shape, scores.shape[1])
        return emissions.masked_scatter(batch.mask.unsqueeze(2), scores)  # packed order is row order

    def loss(self, batch: Batch) -> Tensor:
        """The negative log-likelihood of the gold labels, summed over the sentences of the batch."""
        if batch.labels is None:
            raise ValueError("a batch without gold labels has no loss")
        return self.crf.negative_log_likelihood(self.emissions(batch), batch.labels, batch.mask)

    def decode(self, batch: Batch) -> list[list[int]]:
        """The Viterbi path of each sentence of the batch, as label ids."""
        return self.crf.viterbi(self.emissions(batch), batch.mask)
