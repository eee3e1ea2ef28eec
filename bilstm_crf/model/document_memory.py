"""The document memory: what a name's other occurrences in its document say about it.

`Borten` alone may be anything; in a document that mentions a prime minister of that name, it is
probably him. So the BiLSTM's states at the other occurrences add to the label scores of each (global
features: Chieu and Ng 2003; a memory of states in a document: Luo, Xiao and Zhao 2020).

Letters: M tokens with other occurrences, E of these, P places where states are kept, H units of a
state, K labels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bilstm_crf.features.batches import Part
from bilstm_crf.features.occurrences import MemoryBatch
from bilstm_crf.model.dropout import Dropout


class DocumentMemory(nn.Module):
    """Mean of the other occurrences' states, linear, tanh, dropout, linear. Starts by adding nothing."""

    def __init__(self, hidden: int, size: int, labels: int, dropout: float) -> None:
        """`size` is the number of units between the two linear layers."""
        super().__init__()
        self.inner = nn.Linear(hidden, size)
        self.dropout = Dropout(dropout)
        self.to_labels = nn.Linear(size, labels, bias=False)
        nn.init.zeros_(self.to_labels.weight)
        self.states: Tensor | None
        # In training, each state as it was last computed: part of a checkpoint, not of the model
        self.register_buffer("states", None)

    def begin(self, places: int) -> None:
        """Start training with empty states."""
        self.states = self.inner.weight.new_zeros(places, self.inner.in_features)

    def forward(self, batch: MemoryBatch[Tensor], states: Tensor, part: Part[Tensor] | None = None) -> Tensor:
        """Return what to add to the emissions of `batch.rows` (M, K), from the kept states (P, H).

        `part`: which tokens of a batch these are, if not all.
        """
        total = states.new_zeros(len(batch.rows), states.shape[1])
        total.index_add_(0, batch.row_of, states[batch.places])
        hidden = torch.tanh(self.inner(total / batch.lengths.unsqueeze(1)))
        scores: Tensor = self.to_labels(self.dropout(hidden, None if part is None else part.names))
        return scores


def keep(batch: MemoryBatch[Tensor], states: Tensor, kept: Tensor) -> None:
    """Store those of a batch's states (N, H) in `kept` (P, H) that other tokens look at."""
    kept[batch.kept_places] = states.detach()[batch.kept_rows]
