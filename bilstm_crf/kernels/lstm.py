"""The steps through time of a bidirectional LSTM layer over packed sentences, compiled.

The same function as `nn.LSTM` on a `PackedSequence` (Hochreiter and Schmidhuber 1997; PyTorch's gates i
f g o, its weights and biases). What does not depend on the step before is one matrix product for all
steps; only the rest is a loop.

Letters: N tokens in packed order, B sentences, n of them still going at a step, S steps, W words, H
hidden units of one direction. A direction's `order` (N,) lists, step after step, the tokens that it
reads: the forward one reads a sentence from its start, the backward one from its end, so that at any
step the same n sentences are still going in both.
"""

from __future__ import annotations

import numpy as np

from bilstm_crf.kernels.arithmetic import (
    Float32s,
    Integers,
    add_product,
    compiled,
    exponential,
    padded_rows,
    tanh,
)


@compiled
def cell(
    share: Float32s,  # (4H,) the inputs' in the gates, before activation
    recurrent: Float32s,  # (4H,) the last state's
    gate: Float32s,  # (4H,) out: after activation; may be `share`
    cells: Float32s,  # (H,) in and out
    squashed: Float32s,  # (H,) out: tanh of the cells
    state: Float32s,  # (H,) out
    scratch: Float32s,  # (4H,)
) -> None:
    """Compute one step of one sentence: Hochreiter and Schmidhuber's cell with Gers et al.'s forget gate."""
    hidden = len(cells)
    for j in range(4 * hidden):
        scratch[j] = -(share[j] + recurrent[j])
    for j in range(2 * hidden, 3 * hidden):
        scratch[j] *= np.float32(2)  # tanh(x) = 2 / (1 + exp(-2x)) - 1
    exponential(scratch)
    for j in range(4 * hidden):
        gate[j] = np.float32(1) / (np.float32(1) + scratch[j])
    for j in range(2 * hidden, 3 * hidden):
        gate[j] = np.float32(2) * gate[j] - np.float32(1)
    for j in range(hidden):
        cells[j] = gate[hidden + j] * cells[j] + gate[j] * gate[2 * hidden + j]
        scratch[j] = np.float32(-2) * cells[j]
    exponential(scratch[:hidden])
    for j in range(hidden):
        squashed[j] = np.float32(2) / (np.float32(1) + scratch[j]) - np.float32(1)
        state[j] = gate[3 * hidden + j] * squashed[j]


@compiled
def run_forward(
    gates: Float32s,  # (N, 4H) the inputs' share, overwritten by the activated gates
    weight: Float32s,  # (H, 4H)
    order: Integers,  # (N,)
    sizes: Integers,  # (S,)
    states: Float32s,  # (N, H) out
    cells: Float32s,  # (N, H) out
    squashed: Float32s,  # (N, H) out
) -> None:
    """Compute one direction, and keep everything that `run_backward` needs."""
    sentences, hidden = padded_rows(sizes[0]), weight.shape[0]
    state = np.zeros((sentences, hidden), np.float32)
    now = np.zeros((sentences, hidden), np.float32)  # the cells
    recurrent = np.zeros((sentences, 4 * hidden), np.float32)
    scratch = np.empty(4 * hidden, np.float32)
    start = 0
    for step in range(len(sizes)):
        n = sizes[step]
        if step:
            recurrent[: padded_rows(n)] = 0
            add_product(state, weight, n, recurrent)
        for b in range(n):
            place = order[start + b]
            cell(gates[place], recurrent[b], gates[place], now[b], squashed[place], state[b], scratch)
            cells[place] = now[b]
            states[place] = state[b]
        start += n


@compiled
def step(
    share: Float32s,  # (4H,) as in `cell`
    recurrent: Float32s,  # (4H,)
    cells: Float32s,  # (H,) in and out
    state: Float32s,  # (H,) out
    scratch: Float32s,  # (4H,)
) -> None:
    """Compute what `cell` does, to 1e-6, in six tenths of its time: only the states are asked for."""
    hidden, half = len(cells), np.float32(0.5)
    for j in range(4 * hidden):  # sigmoid(x) = (1 + tanh(x / 2)) / 2
        scale = np.float32(1) if 2 * hidden <= j < 3 * hidden else half
        scratch[j] = tanh(scale * (share[j] + recurrent[j]))
    for j in range(hidden):
        in_, forget = half * scratch[j] + half, half * scratch[hidden + j] + half
        cells[j] = forget * cells[j] + in_ * scratch[2 * hidden + j]
        state[j] = (half * scratch[3 * hidden + j] + half) * tanh(cells[j])


@compiled
def run(
    shares: Float32s,  # (W, 4H) the inputs' share in the gates, of each word
    words: Integers,  # (N,) which word a token is
    weight: Float32s,  # (H, 4H)
    order: Integers,  # (N,)
    sizes: Integers,  # (S,)
    states: Float32s,  # (N, H) out
) -> None:
    """Compute one direction, and keep nothing but the states."""
    sentences, hidden = padded_rows(sizes[0]), weight.shape[0]
    state = np.zeros((sentences, hidden), np.float32)
    now = np.zeros((sentences, hidden), np.float32)
    recurrent = np.zeros((sentences, 4 * hidden), np.float32)
    scratch = np.empty(4 * hidden, np.float32)
    start = 0
    for number in range(len(sizes)):
        n = sizes[number]
        if number:
            recurrent[: padded_rows(n)] = 0
            add_product(state, weight, n, recurrent)
        for b in range(n):
            place = order[start + b]
            step(shares[words[place]], recurrent[b], now[b], state[b], scratch)
            states[place] = state[b]
        start += n


@compiled
def run_backward(
    d_states: Float32s,  # (N, H)
    gates: Float32s,  # (N, 4H) activated
    weight: Float32s,  # (4H, H)
    order: Integers,  # (N,)
    sizes: Integers,  # (S,)
    cells: Float32s,  # (N, H)
    squashed: Float32s,  # (N, H)
    d_gates: Float32s,  # (N, 4H) out: before activation
) -> None:
    """Compute the gradient of one direction, back through time."""
    sentences, hidden = padded_rows(sizes[0]), weight.shape[1]
    d_state = np.zeros((sentences, hidden), np.float32)
    d_cell = np.zeros((sentences, hidden), np.float32)
    d_gate = np.zeros((sentences, 4 * hidden), np.float32)
    no_cell = np.zeros(hidden, np.float32)
    one = np.float32(1)
    start = sizes.sum()
    for step in range(len(sizes) - 1, -1, -1):
        n = sizes[step]
        start -= n
        for b in range(n):
            place = order[start + b]
            gate = gates[place]
            before = cells[order[start - sizes[step - 1] + b]] if step else no_cell
            for j in range(hidden):
                i, f, g, o = gate[j], gate[hidden + j], gate[2 * hidden + j], gate[3 * hidden + j]
                t = squashed[place, j]
                dh = d_states[place, j] + d_state[b, j]
                dc = d_cell[b, j] + dh * o * (one - t * t)
                d_gate[b, j] = dc * g * i * (one - i)
                d_gate[b, hidden + j] = dc * before[j] * f * (one - f)
                d_gate[b, 2 * hidden + j] = dc * i * (one - g * g)
                d_gate[b, 3 * hidden + j] = dh * t * o * (one - o)
                d_cell[b, j] = dc * f
            d_gates[place] = d_gate[b]
        if step:
            d_state[: padded_rows(n)] = 0
            add_product(d_gate, weight, n, d_state)
