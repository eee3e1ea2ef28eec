"""From the words' representations to states that know the sentence: a bidirectional LSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from bilstm_crf import kernels


class WordBiLSTM(nn.LSTM):
    """`nn.LSTM`, with its parameters; compiled where that can be."""

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: float) -> None:
        """`hidden` is that of both directions together; `dropout` acts between layers."""
        between = dropout if layers > 1 else 0.0
        super().__init__(inputs, hidden // 2, num_layers=layers, bidirectional=True, dropout=between)

    def states(self, inputs: Tensor, batch_sizes: Tensor, occurrences: Tensor | None = None) -> Tensor:
        """(N, I) in packed order to (N, H); `batch_sizes` (T,) as in a PackedSequence, on the CPU.

        With `occurrences` (N,) the inputs are those of W words, and token n is word occurrences[n].
        """
        drops_between = self.training and self.dropout > 0
        if kernels.usable(inputs) and inputs.dtype == torch.float32 and not drops_between:
            from bilstm_crf.kernels.lstm import bilstm

            return bilstm(self, inputs, batch_sizes, occurrences)
        if occurrences is not None:
            inputs = inputs[occurrences]
        packed, _ = self(PackedSequence(inputs, batch_sizes))
        states: Tensor = packed.data
        return states
