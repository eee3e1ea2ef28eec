"""From word ids to vectors: the model's own rows, and an attached table of vectors behind them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.model.dropout import Stochastic


class WordEmbedding(Stochastic):
    """Rows for the ids 0 (unknown) to V, trained with sparse gradients, then the rows of an attached table.

    Words of the attached table are never updated, so they need neither memory nor gradients here.
    """

    def __init__(self, weight: Tensor) -> None:
        """`weight` (V + 1, D): the first row is the unknown word's."""
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=weight.dtype == torch.float32)
        self.attached: AttachedVectors | None = None
        self._replacements = 0

    @property
    def dim(self) -> int:
        return self.weight.shape[1]

    def add_replacement(self, vectors: Tensor, probability: Tensor) -> None:
        """From now on training often sees a word as tagging sees one that training never met.

        With `probability` (V + 1,) of its word, a token has the word's row of `vectors` (V + 1, D). May be
        called again, for another way of being unseen.
        """
        for name, tensor in (("vectors", vectors), ("probability", probability)):
            # A buffer goes where the weights go; this one is not saved
            self.register_buffer(f"{name}_{self._replacements}", tensor, persistent=False)
        self._replacements += 1

    def forward(self, words: Tensor) -> Tensor:
        """(N,) word ids to (N, D).

        Outside training every value is rounded to float16, the precision of a saved model: so the scores
        of an epoch are those of the model that is saved from it.
        """
        if self.training:
            rows = F.embedding(words, self.weight, sparse=True)
            for number in range(self._replacements):
                vectors, probability = (
                    self.get_buffer(f"{name}_{number}") for name in ("vectors", "probability")
                )
                drawn = torch.from_numpy(self.random.random(len(words), np.float32)).to(words.device)
                rows = torch.where((drawn < probability[words]).unsqueeze(1), vectors[words], rows)
            return rows
        own = words < len(self.weight)
        rows = F.embedding(words * own, self.weight).half()
        if not own.all():
            if self.attached is None:
                raise IndexError("a word id lies behind the table, and no vectors are attached")
            numbers = (words[~own] - len(self.weight)).cpu().numpy()
            rows[~own] = torch.from_numpy(self.attached.rows(numbers)).to(rows)
        return rows.float()
