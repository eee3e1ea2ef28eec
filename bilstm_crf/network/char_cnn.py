"""From a word's characters to its features: embedding, convolution, maximum (Ma and Hovy 2016, section 2.1).

As in NCRF++, no non-linearity follows the convolution. Unlike NCRF++, the maximum never sees padding:
words stand one after another with a zero between them, so a word's features depend on the word alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.network.dropout import Dropout


class CharCNN(nn.Module):
    """Features of words from their characters."""

    def __init__(self, characters: int, dim: int, filters: int, width: int, dropout: float) -> None:
        """`characters` known ones (id 0, the unknown one, not counted); `width` must be odd."""
        super().__init__()
        self.embedding = nn.Embedding(characters + 1, dim)
        nn.init.uniform_(self.embedding.weight, -math.sqrt(3 / dim), math.sqrt(3 / dim))
        self.dropout = Dropout(dropout)
        self.convolution = nn.Conv1d(dim, filters, kernel_size=width, padding=width // 2)

    def forward(self, characters: Tensor, word_lengths: Tensor) -> Tensor:
        """(C,) character ids of N words, one after another, and their lengths (N,), to (N, F)."""
        embedded = self.dropout(self.embedding(characters))  # (C, E)
        weight = self.convolution.weight  # (F, E, width)
        gap = weight.shape[2] // 2  # zeros on either side of a word: what the convolution is padded with
        word_of = torch.repeat_interleave(word_lengths)  # (C,) 0 0 0 1 1 2 ...
        at = torch.arange(len(characters), device=characters.device) + gap * (word_of + 1)
        spaced = embedded.new_zeros(len(characters) + gap * (len(word_lengths) + 1), embedded.shape[1])
        spaced = spaced.index_copy(0, at, embedded)
        # The convolution as one matrix product over windows: for a few hundred characters the fastest way.
        windows = torch.cat([spaced.index_select(0, at + shift) for shift in range(-gap, gap + 1)], dim=1)
        convolved = F.linear(windows, weight.permute(0, 2, 1).flatten(1), self.convolution.bias)  # (C, F)
        return torch.segment_reduce(convolved, "max", lengths=word_lengths, axis=0)  # (N, F)
