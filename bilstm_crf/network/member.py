"""A member of the network, by default the only one: BiLSTM, linear, CRF, as far as the head has them.

Letters: N tokens in packed order, D dimensions of a word's representation, H of a state, K labels.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from bilstm_crf.batching import Batch, Others
from bilstm_crf.network.architecture import Architecture
from bilstm_crf.network.crf import CRF
from bilstm_crf.network.document_memory import DocumentMemory
from bilstm_crf.network.dropout import Dropout
from bilstm_crf.network.word_bilstm import WordBiLSTM


class Member(nn.Module):
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
            self.memory = DocumentMemory(dim, a.document_memory, labels, a.dropout, a.memory_dropout)
        self.crf = CRF(labels) if a.head.endswith("crf") else None

    def emissions(
        self,
        inputs: Tensor,
        batch_sizes: Tensor,
        sentence_of: Tensor | None = None,
        others: Others | None = None,
    ) -> Tensor:
        """(N, D) in packed order to (N, K).

        `sentence_of` (N,): whose a token is, for masks by sentence. `others`: where to look in the memory.
        """
        kept = None
        if self.input_dropout == "batch":  # what is dropped is not computed
            inputs, kept = self.dropout.of_batch(inputs)  # (N, P)
        else:
            inputs = self.dropout(inputs, sentence_of if self.input_dropout == "sentence" else None)
        if self.lstm is not None:
            states, kept = self.lstm.states(inputs, batch_sizes, kept), None  # (N, H)
            inputs = self.dropout(states)
        if kept is not None:
            return F.linear(inputs, self.to_labels.weight.index_select(1, kept), self.to_labels.bias)
        scores: Tensor = self.to_labels(inputs)
        if self.memory is not None and others is not None and self.memory.states is not None:
            added = self.memory(others, self.memory.states)
            if sentence_of is not None:
                added = self.memory.forget(added, sentence_of[others.rows.cpu()])
            scores = scores.index_add(0, others.rows, added)
            if self.training:
                self.memory.keep(others, states)
        return scores

    def loss(self, inputs: Tensor, batch: Batch) -> Tensor:
        """The negative log-likelihood of the gold labels, summed over the sentences of the batch."""
        layout = batch.layout
        emissions = self.emissions(inputs, layout.batch_sizes, layout.sentence_of, batch.others)
        if self.crf is None:
            return F.cross_entropy(emissions, batch.labels, reduction="sum")
        return self.crf.negative_log_likelihood(emissions, batch.labels, layout.batch_sizes)

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
