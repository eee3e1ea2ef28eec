"""What a name's other occurrences in its document tell of it.

`Borten` alone may be anything; where the document has a prime minister of that name, it is he. So the
states in which the BiLSTM read the other occurrences add to the label scores of each (global features: Chieu
and Ng 2003; a memory of states in a document: Luo, Xiao and Zhao 2020).

Letters: M tokens with others, E of these, P places where states are kept, H dimensions of a state, K labels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bilstm_crf.features.batches import MemoryBatch
from bilstm_crf.model.dropout import Dropout


class DocumentMemory(nn.Module):
    """The mean of the others' states, linear, tanh, dropout, linear. Begins as if there were none."""

    def __init__(self, hidden: int, size: int, labels: int, dropout: float) -> None:
        """`size` is that of the layer in between."""
        super().__init__()
        self.inner = nn.Linear(hidden, size)
        self.dropout = Dropout(dropout)
        self.to_labels = nn.Linear(size, labels, bias=False)
        nn.init.zeros_(self.to_labels.weight)
        self.states: Tensor | None
        # In training, as each was last read: what a run needs to go on, and no part of the model
        self.register_buffer("states", None)

    def begin(self, places: int) -> None:
        """Training begins, with nothing read yet."""
        weight = self.inner.weight
        self.states = weight.new_zeros(places, self.inner.in_features)

    def forward(self, others: MemoryBatch, states: Tensor) -> Tensor:
        """(M, K): what to add to the emissions, from the states (P, H) that are kept."""
        total = states.new_zeros(len(others.rows), states.shape[1])
        total.index_add_(0, others.of_row, states[others.places])
        scores: Tensor = self.to_labels(self.dropout(torch.tanh(self.inner(total / others.lengths))))
        return scores

    def keep(self, others: MemoryBatch, states: Tensor) -> None:
        """Of a batch's states (N, H) those that other tokens will look at."""
        assert self.states is not None, "training has begun"
        self.states[others.kept_places] = states.detach()[others.kept_rows]
