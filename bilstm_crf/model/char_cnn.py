"""A word's features from its characters: embedding, convolution, maximum (Ma and Hovy 2016, section 2.1).

As in NCRF++, no non-linearity follows the convolution. Unlike in NCRF++, the maximum never sees padding: a
word's features depend on the word alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.features.batches import Part
from bilstm_crf.model.autograd import Maxima, can_compile
from bilstm_crf.model.dropout import Dropout


class CharCNN(nn.Module):
    """Features of words from their characters."""

    def __init__(self, characters: int, dim: int, filters: int, width: int, dropout: float) -> None:
        """`characters` is the number of known ones (without id 0, the unknown one); `width` must be odd."""
        super().__init__()
        self.embedding = nn.Embedding(characters + 1, dim)
        nn.init.uniform_(self.embedding.weight, -math.sqrt(3 / dim), math.sqrt(3 / dim))
        self.dropout = Dropout(dropout)
        self.convolution = nn.Conv1d(dim, filters, kernel_size=width, padding=width // 2)

    def forward(self, characters: Tensor, word_lengths: Tensor, part: Part[Tensor] | None = None) -> Tensor:
        """Return (W, F) from the character ids (C,) of W words, one after another, and their lengths (W,).

        `part`: which characters of a batch these are, if not all.
        """
        rows = None if part is None else part.characters
        embedded = self.dropout(self.embedding(characters), rows)  # (C, E)
        weight, bias = self.convolution.weight, self.convolution.bias  # (F, E, width), (F,)
        # Each character's share in the windows that contain it, by its position there
        products = F.linear(embedded, weight.permute(2, 0, 1).flatten(0, 1))  # (C, width F)
        if can_compile(products):
            features: Tensor = Maxima.apply(products, bias, word_lengths)
            return features
        # A word's windows end where the word ends: there are zeros between words
        gap = weight.shape[2] // 2
        word_of = torch.repeat_interleave(word_lengths)  # (C,) 0 0 0 1 1 2 ...
        at = torch.arange(len(characters), device=characters.device) + gap * (word_of + 1)
        spaced = products.new_zeros(len(characters) + gap * (len(word_lengths) + 1), products.shape[1])
        parts = spaced.index_copy(0, at, products).unflatten(1, (weight.shape[2], -1))
        convolved = sum(parts[at + place - gap, place] for place in range(weight.shape[2])) + bias  # (C, F)
        # Not segment_reduce: its gradients for equal maxima are wrong (PyTorch 2.13)
        features = convolved.new_zeros(len(word_lengths), convolved.shape[1])
        number = word_of.unsqueeze(1).expand_as(convolved)
        return features.scatter_reduce(0, number, convolved, "amax", include_self=False)
