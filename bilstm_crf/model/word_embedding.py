"""Word vectors by id: rows of the model's own table, and vectors of words that have none."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.features.batches import Part
from bilstm_crf.model.dropout import Stochastic


class WordEmbedding(Stochastic):
    """Rows for the ids 0 (unknown) to V, trained with sparse gradients; larger ids are given vectors."""

    def __init__(self, weight: Tensor) -> None:
        """`weight` (V + 1, D): the first row belongs to unknown words."""
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=weight.dtype == torch.float32)
        self._replacements = 0

    @property
    def dim(self) -> int:
        return self.weight.shape[1]

    def add_replacement(self, vectors: Tensor, probability: Tensor) -> None:
        """In training, replace a word's row by that of `vectors` (V + 1, D) with `probability` (V + 1,).

        Words then look as they do when tagging meets a word that training has not seen. May be called
        again for another kind of replacement.
        """
        for name, tensor in (("vectors", vectors), ("probability", probability)):
            # A buffer moves with the weights; this one is not saved
            self.register_buffer(f"{name}_{self._replacements}", tensor, persistent=False)
        self._replacements += 1

    def forward(
        self, words: Tensor, vectors: Tensor | None = None, part: Part[Tensor] | None = None
    ) -> Tensor:
        """Return (N, D) for word ids (N,); the id V + 1 + i has the vector `vectors[i]` (M, D).

        `part`: which words of a batch these are, if not all.

        Outside training every value is rounded to float16, the precision of a saved model, so that the
        scores of an epoch are those of the model that is saved from it.
        """
        own = words < len(self.weight)
        given = None
        if not own.all():
            if vectors is None:
                raise IndexError("a word id is larger than the table, and no vectors are given")
            given = vectors[words[~own] - len(self.weight)]
            words = words * own
        if self.training:
            rows = F.embedding(words, self.weight, sparse=True)
            for number in range(self._replacements):
                replaced, probability = (
                    self.get_buffer(f"{name}_{number}") for name in ("vectors", "probability")
                )
                count = len(words) if part is None else part.whole
                drawn = torch.from_numpy(self.random.random(count, np.float32)).to(words.device)
                if part is not None:
                    drawn = drawn[part.tokens]
                rows = torch.where((drawn < probability[words]).unsqueeze(1), replaced[words], rows)
            return rows if given is None else rows.index_put((~own,), given)
        rows = F.embedding(words, self.weight).half()
        if given is not None:
            rows[~own] = given.to(rows)
        return rows.float()
