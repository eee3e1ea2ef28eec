"""From the words' representations to states that know the sentence: a bidirectional LSTM."""

from __future__ import annotations

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import PackedSequence

from bilstm_crf import kernels
from bilstm_crf.model.dropout import Dropout


class WordBiLSTM(nn.LSTM):
    """`nn.LSTM`, with its parameters; compiled where that can be."""

    def __init__(
        self, inputs: int, hidden: int, layers: int, dropout: float, recurrent_dropout: float = 0.0
    ) -> None:
        """`hidden` is that of both directions together; `dropout` acts between layers.

        `recurrent_dropout` acts on the weights from each state to the next, drawn once for all sentences of a
        batch (DropConnect: Merity, Keskar and Socher 2018, section 2).
        """
        between = dropout if layers > 1 else 0.0
        super().__init__(inputs, hidden // 2, num_layers=layers, bidirectional=True, dropout=between)
        self.recurrent_dropout = Dropout(recurrent_dropout)

    @property
    def all_weights(self) -> list[list[Tensor]]:  # type: ignore[override]
        """Of each layer and direction: from the inputs, from the state before, and both biases."""
        return [
            [of_inputs, self.recurrent_dropout(of_states), *biases]
            for of_inputs, of_states, *biases in super().all_weights
        ]

    def states(self, inputs: Tensor, batch_sizes: Tensor, kept: Tensor | None = None) -> Tensor:
        """(N, I) in packed order to (N, H); `batch_sizes` (T,) as in a PackedSequence, on the CPU.

        With `kept` (P,) the inputs (N, P) are those of these places of I; the others are 0.
        """
        if kernels.can_compile(inputs) and not (self.training and self.dropout > 0):
            from bilstm_crf.kernels.lstm import bilstm

            return bilstm(self, inputs, batch_sizes, kept)
        if kept is not None:
            inputs = inputs.new_zeros(len(inputs), self.input_size).index_copy(1, kept, inputs)
        packed = PackedSequence(inputs, batch_sizes)
        if self.training and self.recurrent_dropout.limit > 0:
            weights = {
                name: self.recurrent_dropout(weight) if name.startswith("weight_hh") else weight
                for name, weight in self.named_parameters()
            }
            found, _ = functional_call(self, weights, (packed,))
        else:
            found, _ = self(packed)
        states: Tensor = found.data
        return states

    def prepare(self, inputs: Tensor) -> Tensor:
        """What depends on a word alone, for `states_of_words`, from the inputs (W, I) of W words.

        Where compiled: their share in the first layer's gates, (2, W, 2H); else the inputs themselves.
        """
        if kernels.can_compile(inputs):
            from bilstm_crf.kernels.lstm import gate_shares

            return gate_shares(self, inputs)
        return inputs.unsqueeze(0)

    def states_of_words(self, prepared: Tensor, words: Tensor, batch_sizes: Tensor) -> Tensor:
        """The states (N, H) outside training, where token n is word words[n] of those that were prepared."""
        if kernels.can_compile(prepared):
            from bilstm_crf.kernels.lstm import states_of_words

            return states_of_words(self, prepared, words, batch_sizes)
        return self.states(prepared[0, words], batch_sizes)
