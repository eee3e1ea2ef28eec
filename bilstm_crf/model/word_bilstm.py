"""A bidirectional LSTM over the words of a sentence."""

from __future__ import annotations

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import PackedSequence

from bilstm_crf.model.autograd import bilstm, can_compile
from bilstm_crf.model.dropout import Dropout


class WordBiLSTM(nn.LSTM):
    """`nn.LSTM` with its parameters, compiled where possible."""

    def __init__(
        self, inputs: int, hidden: int, layers: int, dropout: float, recurrent_dropout: float = 0.0
    ) -> None:
        """`hidden` counts both directions; `dropout` acts between layers.

        `recurrent_dropout` acts on the weights from each state to the next, with one mask for all
        sentences of a batch (DropConnect: Merity, Keskar and Socher 2018, section 2).
        """
        between = dropout if layers > 1 else 0.0
        super().__init__(inputs, hidden // 2, num_layers=layers, bidirectional=True, dropout=between)
        self.recurrent_dropout = Dropout(recurrent_dropout)

    @property
    def all_weights(self) -> list[list[Tensor]]:  # type: ignore[override]
        """For each layer and direction: input weights, recurrent weights, and both biases."""
        return [
            [of_inputs, self.recurrent_dropout(of_states), *biases]
            for of_inputs, of_states, *biases in super().all_weights
        ]

    def states(self, inputs: Tensor, batch_sizes: Tensor, kept: Tensor | None = None) -> Tensor:
        """Return (N, H) from inputs (N, I) in packed order; `batch_sizes` (T,) as in a PackedSequence.

        With `kept` (P,), the inputs (N, P) are those of these places of I; the others are 0.
        """
        if can_compile(inputs) and not (self.training and self.dropout > 0):
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
