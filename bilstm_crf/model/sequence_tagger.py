"""Turn a sentence's word representations into emissions: BiLSTM, linear layer, CRF, depending on the head.

Letters: N tokens in packed order, D dimensions of a word's representation, H of a state, K labels.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.features.batches import Batch, Layout, Part
from bilstm_crf.features.occurrences import MemoryBatch
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.crf import CRF
from bilstm_crf.model.document_memory import DocumentMemory, keep
from bilstm_crf.model.dropout import Dropout
from bilstm_crf.model.word_bilstm import WordBiLSTM


class SequenceTagger(nn.Module):
    """dropout ─► BiLSTM ─► dropout ─► linear ─► emissions ─► CRF; an ensemble has several."""

    def __init__(self, architecture: Architecture, dim: int, labels: int) -> None:
        """Read representations of `dim` dimensions; `labels` is a count."""
        super().__init__()
        a = architecture
        self.dropout = Dropout(a.dropout)
        self.input_dropout = a.input_dropout
        self.lstm = None
        if a.head.startswith("bilstm"):
            self.lstm = WordBiLSTM(dim, a.hidden, a.layers, a.dropout, a.recurrent_dropout)
            dim = a.hidden
        self.to_labels = nn.Linear(dim, labels)
        self.memory = None
        if a.document_memory:
            self.memory = DocumentMemory(dim, a.document_memory, labels, a.dropout)
        self.memory_free_loss_weight = a.memory_free_loss_weight
        self.crf = CRF(labels) if a.head.endswith("crf") else None

    def emissions(
        self, inputs: Tensor, layout: Layout[Tensor], memory: MemoryBatch[Tensor] | None = None
    ) -> Tensor:
        """Return (N, K) from inputs (N, D); `memory` says where to look in the document memory."""
        scores, states = self.read(inputs, layout)
        return self._with_memory(scores, states, memory)

    def read(
        self, inputs: Tensor, layout: Layout[Tensor], part: Part[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the emissions (N, K) of each sentence by itself, and the states (N, H) below them.

        `part`: which tokens of a batch these are, if not all.
        """
        tokens = None if part is None else part.tokens
        sentence_of = layout.sentence_of if part is None else part.sentence_of
        kept = None
        if self.input_dropout == "batch":  # what is dropped is not computed
            inputs, kept = self.dropout.of_batch(inputs)  # (N, P)
        else:
            inputs = self.dropout(inputs, sentence_of if self.input_dropout == "sentence" else tokens)
        if self.lstm is not None:
            states = self.lstm.states(inputs, layout.batch_sizes, kept)  # (N, H)
            return self.to_labels(self.dropout(states, tokens)), states
        if kept is not None:
            weight = self.to_labels.weight.index_select(1, kept)
            return F.linear(inputs, weight, self.to_labels.bias), inputs
        return self.to_labels(inputs), inputs

    def _with_memory(
        self,
        scores: Tensor,
        states: Tensor,
        memory: MemoryBatch[Tensor] | None,
        part: Part[Tensor] | None = None,
    ) -> Tensor:
        """Return the emissions with what the memory adds; in training, keep the states."""
        if self.memory is None or memory is None or self.memory.states is None:
            return scores
        scores = scores.index_add(0, memory.rows, self.memory(memory, self.memory.states, part))
        if self.training:
            keep(memory, states, self.memory.states)
        return scores

    def loss(self, inputs: Tensor, batch: Batch[Tensor]) -> Tensor:
        """Return the negative log-likelihood of the gold labels, summed over the sentences of the batch.

        With a memory and `memory_free_loss_weight` a, the loss is (1 - a) times that and a times the
        loss of each sentence by itself. Otherwise the BiLSTM would learn to rely on a memory that a
        single sentence does not have.
        """
        alone, states = self.read(inputs, batch.layout, batch.part)
        loss = self._loss(self._with_memory(alone, states, batch.memory, batch.part), batch)
        weight = self.memory_free_loss_weight
        if self.memory is not None and weight > 0:
            loss = (1 - weight) * loss + weight * self._loss(alone, batch)
        return loss

    def _loss(self, emissions: Tensor, batch: Batch[Tensor]) -> Tensor:
        if self.crf is None:
            return F.cross_entropy(emissions, batch.labels, reduction="sum")
        return self.crf.negative_log_likelihood(emissions, batch.labels, batch.layout.batch_sizes)
