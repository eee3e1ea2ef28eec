"""The network from end to end: words and characters, BiLSTM, emissions, CRF.

words ──────► embedding ──┐
                          ├─ dropout ─► BiLSTM ─► dropout ─► linear ─► emissions ─► CRF
characters ─► CNN ────────┘
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bilstm_crf.batching import Batch, Words
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
        # One mask for all tokens of a sentence (Gal and Ghahramani 2016)
        self.by_sentence = a.input_dropout == "sentence"
        self.lstm = WordBiLSTM(self.embedding.dim + a.character_filters, a.hidden, a.layers, a.dropout)
        self.to_labels = nn.Linear(a.hidden, labels)
        self.crf = CRF(labels)

    def representations(self, words: Words, sentence: Tensor | None = None) -> Tensor:
        """(W, D + F): what each word is, whatever stands beside it; dropout may know its `sentence` (W,)."""
        embedded = self.embedding(words.ids)  # (W, D)
        characters = self.char_cnn(words.characters, words.lengths)  # (W, F)
        return self.dropout(torch.cat((embedded, characters), dim=1), sentence)

    def emissions(self, batch: Batch) -> Tensor:
        """(N, K) in packed order: the score of each label for each token."""
        layout = batch.layout
        inputs = self.representations(batch.words, layout.sentence_of if self.by_sentence else None)
        states = self.lstm.states(inputs, layout.batch_sizes)  # (N, H)
        return self.to_labels(self.dropout(states))

    def loss(self, batch: Batch) -> Tensor:
        """The negative log-likelihood of the gold labels, summed over the sentences of the batch."""
        return self.crf.negative_log_likelihood(self.emissions(batch), batch.labels, batch.layout.batch_sizes)

    @torch.no_grad()
    def prepare(self, words: Words) -> Tensor:
        """All that tagging computes of a word alone, for `decode`; the words are its second dimension."""
        return self.lstm.prepare(self.representations(words))

    @torch.no_grad()
    def decode(self, prepared: Tensor, words: Tensor, batch_sizes: Tensor) -> NDArray[np.int64]:
        """The label ids (N,) of each sentence's Viterbi path, where token n is word words[n] (N,)."""
        states = self.lstm.states_of_words(prepared, words, batch_sizes)
        return self.crf.viterbi(self.to_labels(states), batch_sizes)
