"""A bidirectional LSTM layer over packed sentences, with the steps through time compiled.

The same function as `nn.LSTM` on a `PackedSequence` (Hochreiter and Schmidhuber 1997; PyTorch's gates
i f g o, its weights and biases). What does not wait for the step before is one matrix product for all steps,
forward and backward; only the rest is a loop. The two directions are two lanes (lanes.py).

Letters: N tokens in packed order, B sentences, n of them still going at a step, S steps, I inputs, H hidden
of one direction. A direction's `order` (N,) gives, step after step, the places of the tokens that it reads:
the forward one reads a sentence from its start, the backward one from its end, so that at any step the same n
sentences are going in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from bilstm_crf.kernels.arithmetic import (
    Float32s,
    Integers,
    add_product,
    compiled,
    exponential,
    padded_rows,
)
from bilstm_crf.util.threads import parallel_pair


def bilstm(lstm: nn.LSTM, inputs: Tensor, batch_sizes: Tensor, kept: Tensor | None = None) -> Tensor:
    """What `lstm` (any number of layers, both directions, no dropout between) makes of packed inputs (N, I).

    Returns (N, 2H); differentiable in the inputs and the weights, once. With `kept` (P,) the inputs (N, P)
    are those of these places of I; the others are 0, and nothing is computed of them.
    """
    sizes, orders = _reading(batch_sizes)
    all_weights: list[list[Tensor]] = [list(each) for each in lstm.all_weights]
    if kept is not None:
        all_weights[:2] = [[weight.index_select(1, kept), *rest] for weight, *rest in all_weights[:2]]
    for layer in range(lstm.num_layers):
        forward, backward = all_weights[2 * layer : 2 * layer + 2]
        inputs = _Layer.apply(inputs, *forward, *backward, orders, sizes)
    return inputs


def gate_shares(lstm: nn.LSTM, inputs: Tensor, layer: int = 0) -> Tensor:
    """What inputs (W, I) add to the layer's gates before activation: (2, W, 4H), one for each direction."""
    shares = inputs.new_empty(2, len(inputs), 4 * lstm.hidden_size)
    for d, (weight, _, bias, recurrent_bias) in enumerate(lstm.all_weights[2 * layer : 2 * layer + 2]):
        torch.addmm(bias + recurrent_bias, inputs, weight.T, out=shares[d])
    return shares


def states_of_words(lstm: nn.LSTM, shares: Tensor, words: Tensor, batch_sizes: Tensor) -> Tensor:
    """The states (N, 2H) that `bilstm` gives, without gradients, where token n is word words[n].

    `shares` (2, W, 4H) are the words' `gate_shares`.
    """
    sizes, orders = _reading(batch_sizes)
    which = words.numpy()
    states = shares.new_empty(len(which), 2 * lstm.hidden_size)
    for layer in range(lstm.num_layers):
        if layer:  # from here on each token has its own
            shares, which, states = gate_shares(lstm, states, layer), orders[0], torch.empty_like(states)
        for d, (_, recurrent, _, _) in enumerate(lstm.all_weights[2 * layer : 2 * layer + 2]):
            weight = recurrent.detach().T.contiguous().numpy()
            run(shares[d].numpy(), which, weight, orders[d], sizes, _half(states, d))
    return states


def _reading(batch_sizes: Tensor) -> tuple[Integers, tuple[Integers, Integers]]:
    """The batch sizes, and the order of either direction."""
    sizes = batch_sizes.numpy()
    return sizes, (np.arange(sizes.sum()), reversed_order(sizes))


def _half(states: Tensor, direction: int) -> Float32s:
    """One direction's part (N, H) of states (N, 2H)."""
    half: Float32s = states.chunk(2, dim=1)[direction].numpy()
    return half


def reversed_order(sizes: Integers) -> Integers:
    """(N,) for each place in packed order, the place of the same sentence's token as far from its other end.

    >>> reversed_order(np.array([2, 2, 1]))  # a sentence of three tokens at 0 2 4, one of two at 1 3
    array([4, 3, 2, 1, 0])
    """
    starts = np.cumsum(sizes) - sizes
    step = np.repeat(np.arange(len(sizes)), sizes)  # (N,)
    sentence = np.arange(len(step)) - starts[step]  # (N,)
    lengths = np.bincount(sentence)  # (B,)
    return starts[lengths[sentence] - 1 - step] + sentence


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,  # (N, I)
        input_weight: Tensor,  # (4H, I)
        recurrent_weight: Tensor,  # (4H, H)
        input_bias: Tensor,  # (4H,)
        recurrent_bias: Tensor,  # (4H,)
        input_weight_back: Tensor,
        recurrent_weight_back: Tensor,
        input_bias_back: Tensor,
        recurrent_bias_back: Tensor,
        orders: tuple[Integers, Integers],
        sizes: Integers,
    ) -> Tensor:
        weights = (input_weight, input_weight_back)
        recurrent = (recurrent_weight, recurrent_weight_back)
        biases = (input_bias + recurrent_bias, input_bias_back + recurrent_bias_back)
        hidden, tokens = recurrent_weight.shape[1], len(inputs)
        states = inputs.new_empty(tokens, 2 * hidden)

        def run_direction(d: int) -> tuple[Tensor, Tensor, Tensor]:
            gates = torch.addmm(biases[d], inputs, weights[d].T)  # before activation, then after it
            cells = inputs.new_empty(tokens, hidden)
            squashed = inputs.new_empty(tokens, hidden)  # tanh of the cells
            run_forward(
                gates.numpy(),
                recurrent[d].detach().T.contiguous().numpy(),
                orders[d],
                sizes,
                _half(states, d),
                cells.numpy(),
                squashed.numpy(),
            )
            return gates, cells, squashed

        kept = parallel_pair(run_direction)
        ctx.save_for_backward(inputs, *weights, *recurrent, states, *kept[0], *kept[1])
        ctx.orders, ctx.sizes = orders, sizes
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor | None, ...]:
        inputs, *rest = ctx.saved_tensors
        weights, recurrent, states, kept = rest[:2], rest[2:4], rest[4], (rest[5:8], rest[8:])
        before = _one_step_before(ctx.sizes)

        def run_direction(d: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
            gates, cells, squashed = kept[d]
            d_gates = torch.empty_like(gates)
            run_backward(
                _half(d_states, d),
                gates.numpy(),
                recurrent[d].detach().numpy(),
                ctx.orders[d],
                ctx.sizes,
                cells.numpy(),
                squashed.numpy(),
                d_gates.numpy(),
            )
            order = ctx.orders[d]
            read = states.chunk(2, dim=1)[d][order[before]]  # the state that a token's gates saw
            d_recurrent = d_gates[order[ctx.sizes[0] :]].T @ read
            return d_gates @ weights[d], d_gates.T @ inputs, d_recurrent, d_gates.sum(0)

        (d_inputs, *d_forward, d_bias), (d_inputs_back, *d_backward, d_bias_back) = parallel_pair(
            run_direction
        )
        return (
            d_inputs.add_(d_inputs_back),
            *(*d_forward, d_bias, d_bias),
            *(*d_backward, d_bias_back, d_bias_back),
            *(None, None),
        )


def _one_step_before(sizes: Integers) -> Integers:
    """For each place from the second step on, that of the same sentence one step before."""
    return np.arange(sizes[0], sizes.sum()) - np.repeat(sizes[:-1], sizes[1:])


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
    """One step of one sentence: Hochreiter and Schmidhuber's cell with Gers et al.'s forget gate."""
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
    """One direction, step by step, with all that `run_backward` needs."""
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
def run(
    shares: Float32s,  # (W, 4H) the inputs' share in the gates, of each word
    words: Integers,  # (N,) which word a token is
    weight: Float32s,  # (H, 4H)
    order: Integers,  # (N,)
    sizes: Integers,  # (S,)
    states: Float32s,  # (N, H) out
) -> None:
    """One direction, step by step, with nothing kept but the states."""
    sentences, hidden = padded_rows(sizes[0]), weight.shape[0]
    state = np.zeros((sentences, hidden), np.float32)
    now = np.zeros((sentences, hidden), np.float32)
    recurrent = np.zeros((sentences, 4 * hidden), np.float32)
    gate = np.empty(4 * hidden, np.float32)
    squashed = np.empty(hidden, np.float32)
    scratch = np.empty(4 * hidden, np.float32)
    start = 0
    for step in range(len(sizes)):
        n = sizes[step]
        if step:
            recurrent[: padded_rows(n)] = 0
            add_product(state, weight, n, recurrent)
        for b in range(n):
            place = order[start + b]
            cell(shares[words[place]], recurrent[b], gate, now[b], squashed, state[b], scratch)
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
    """The gradient of one direction, back through time."""
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
