"""A member of the network, by default the only one: BiLSTM, linear, CRF, as far as the head has them.

Letters: N tokens in packed order, D dimensions of a word's representation, H of a state, K labels.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.features.batches import Batch, MemoryBatch
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.model.crf import CRF
from bilstm_crf.model.document_memory import DocumentMemory
from bilstm_crf.model.dropout import Dropout
from bilstm_crf.model.word_bilstm import WordBiLSTM


class SequenceTagger(nn.Module):
    """What reads a sentence whose words are represented.

    dropout ─► BiLSTM ─► dropout ─► linear ─► emissions ─► CRF
    """

    def __init__(self, architecture: Architecture, dim: int, labels: int) -> None:
        """Of representations of `dim` dimensions; `labels` is a count."""
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
        self.memory_alone = a.memory_alone
        self.crf = CRF(labels) if a.head.endswith("crf") else None

    def emissions(
        self,
        inputs: Tensor,
        batch_sizes: Tensor,
        sentence_of: Tensor | None = None,
        others: MemoryBatch | None = None,
    ) -> Tensor:
        """(N, D) in packed order to (N, K).

        `sentence_of` (N,): whose a token is, for masks by sentence. `others`: where to look in the memory.
        """
        scores, states = self._of_sentences(inputs, batch_sizes, sentence_of)
        return self._with_memory(scores, states, others)

    def _of_sentences(
        self, inputs: Tensor, batch_sizes: Tensor, sentence_of: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The emissions (N, K) of each sentence by itself, and the states (N, H) that they are read off."""
        kept = None
        if self.input_dropout == "batch":  # what is dropped is not computed
            inputs, kept = self.dropout.of_batch(inputs)  # (N, P)
        else:
            inputs = self.dropout(inputs, sentence_of if self.input_dropout == "sentence" else None)
        if self.lstm is not None:
            states = self.lstm.states(inputs, batch_sizes, kept)  # (N, H)
            return self.to_labels(self.dropout(states)), states
        if kept is not None:
            weight = self.to_labels.weight.index_select(1, kept)
            return F.linear(inputs, weight, self.to_labels.bias), inputs
        return self.to_labels(inputs), inputs

    def _with_memory(self, scores: Tensor, states: Tensor, others: MemoryBatch | None) -> Tensor:
        """The emissions with what the memory adds to them; in training it keeps these states."""
        if self.memory is None or others is None or self.memory.states is None:
            return scores
        scores = scores.index_add(0, others.rows, self.memory(others, self.memory.states))
        if self.training:
            self.memory.keep(others, states)
        return scores

    def loss(self, inputs: Tensor, batch: Batch) -> Tensor:
        """The negative log-likelihood of the gold labels, summed over the sentences of the batch.

        With a memory, and `memory_alone` a: (1 - a) times that, and a times that of each sentence by itself.
        Else the BiLSTM would learn to lean on a memory that a sentence alone does not have.
        """
        layout = batch.layout
        alone, states = self._of_sentences(inputs, layout.batch_sizes, layout.sentence_of)
        loss = self._loss(self._with_memory(alone, states, batch.others), batch)
        if self.memory is not None and self.memory_alone > 0:
            loss = (1 - self.memory_alone) * loss + self.memory_alone * self._loss(alone, batch)
        return loss

    def _loss(self, emissions: Tensor, batch: Batch) -> Tensor:
        if self.crf is None:
            return F.cross_entropy(emissions, batch.labels, reduction="sum")
        return self.crf.negative_log_likelihood(emissions, batch.labels, batch.layout.batch_sizes)

    def prepare(self, representations: Tensor) -> Tensor:
        """All that it computes of words (W, D) alone, for `states_of_words`: (S, W, …)."""
        return representations.unsqueeze(0) if self.lstm is None else self.lstm.prepare(representations)

    def states_of_words(self, prepared: Tensor, words: Tensor, batch_sizes: Tensor) -> Tensor:
        """`states` outside training, where token n is word words[n] (N,) of those that were prepared."""
        if self.lstm is None:
            return prepared[0, words]
        return self.lstm.states_of_words(prepared, words, batch_sizes)

    def states(self, inputs: Tensor, batch_sizes: Tensor) -> Tensor:
        """(N, D) in packed order to what the labels are read off, outside training: (N, H)."""
        return inputs if self.lstm is None else self.lstm.states(inputs, batch_sizes)
