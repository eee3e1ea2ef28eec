"""A bidirectional LSTM layer over packed sentences, with the steps through time compiled.

The same function as `nn.LSTM` on a `PackedSequence` (Hochreiter and Schmidhuber 1997; PyTorch's gates
i f g o, its weights and biases). What does not wait for the step before is one matrix product for all steps,
forward and backward; only the rest is a loop.

Letters: N tokens in packed order, B sentences, n of them still going at a step, S steps, I inputs, H hidden
of one direction. A direction's `order` (N,) gives, step after step, the places of the tokens that it reads:
the forward one reads a sentence from its start, the backward one from its end, so that at any step the same n
sentences are going in both.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from bilstm_crf.kernels.arithmetic import Float32s, Integers, add_product, compiled, exponential


def bilstm(lstm: nn.LSTM, inputs: Tensor, batch_sizes: Tensor, occurrences: Tensor | None = None) -> Tensor:
    """What `lstm` (any number of layers, both directions, no dropout between) makes of packed inputs (N, I).

    With `occurrences` (N,) the inputs are those of W words, and token n is word occurrences[n]: the inputs'
    share of the gates is computed once a word. Returns (N, 2H); differentiable in the inputs and the weights,
    once.
    """
    sizes = batch_sizes.numpy()
    orders = (np.arange(sizes.sum()), reversed_order(sizes))
    for layer in range(lstm.num_layers):
        forward, backward = lstm.all_weights[2 * layer : 2 * layer + 2]
        inputs = _Layer.apply(inputs, *forward, *backward, orders, sizes, occurrences if layer == 0 else None)
    return inputs


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
        occurrences: Tensor | None,
    ) -> Tensor:
        hidden, tokens = recurrent_weight.shape[1], len(orders[0])
        states = inputs.new_empty(tokens, 2 * hidden)
        # Before activation, then after it, in place.
        gates = [
            torch.addmm(input_bias + recurrent_bias, inputs, input_weight.T),
            torch.addmm(input_bias_back + recurrent_bias_back, inputs, input_weight_back.T),
        ]
        if occurrences is not None:
            gates = [each.index_select(0, occurrences) for each in gates]
        recurrent = (recurrent_weight, recurrent_weight_back)
        cells = inputs.new_empty(2, tokens, hidden)
        squashed = torch.empty_like(cells)  # tanh of the cells
        _in_parallel(
            run_forward,
            [
                (
                    gates[d].numpy(),
                    recurrent[d].detach().T.contiguous().numpy(),
                    orders[d],
                    sizes,
                    states.numpy()[:, d * hidden : (d + 1) * hidden],
                    cells[d].numpy(),
                    squashed[d].numpy(),
                )
                for d in (0, 1)
            ],
        )
        ctx.save_for_backward(
            inputs, input_weight, input_weight_back, *recurrent, *gates, cells, squashed, states
        )
        ctx.orders, ctx.sizes, ctx.occurrences = orders, sizes, occurrences
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor) -> tuple[Tensor | None, ...]:
        inputs, input_weight, input_weight_back, *rest = ctx.saved_tensors
        recurrent, gates, (cells, squashed, states) = rest[:2], rest[2:4], rest[4:]
        hidden = cells.shape[2]
        d_gates = inputs.new_empty(2, len(states), 4 * hidden)
        halves = [slice(0, hidden), slice(hidden, 2 * hidden)]
        _in_parallel(
            run_backward,
            [
                (
                    d_states.numpy()[:, halves[d]],
                    gates[d].numpy(),
                    recurrent[d].detach().numpy(),
                    ctx.orders[d],
                    ctx.sizes,
                    cells[d].numpy(),
                    squashed[d].numpy(),
                    d_gates[d].numpy(),
                )
                for d in (0, 1)
            ],
        )
        before = _one_step_before(ctx.sizes)
        d_recurrent = [
            d_gates[d, order[ctx.sizes[0] :]].T @ states[order[before], halves[d]]
            for d, order in enumerate(ctx.orders)
        ]
        if ctx.occurrences is not None:
            d_gates = d_gates.new_zeros(2, len(inputs), 4 * hidden).index_add_(1, ctx.occurrences, d_gates)
        d_inputs = torch.addmm(d_gates[0] @ input_weight, d_gates[1], input_weight_back)
        d_bias = d_gates.sum(1)
        return (
            d_inputs,
            d_gates[0].T @ inputs, d_recurrent[0], d_bias[0], d_bias[0],
            d_gates[1].T @ inputs, d_recurrent[1], d_bias[1], d_bias[1],
            None, None, None,
        )  # fmt: skip


def _one_step_before(sizes: Integers) -> Integers:
    """For each place from the second step on, that of the same sentence one step before."""
    return np.arange(sizes[0], sizes.sum()) - np.repeat(sizes[:-1], sizes[1:])


_second = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lstm")


def _in_parallel(function: Any, directions: list[tuple[Any, ...]]) -> None:
    """Both directions, each in a thread of its own where PyTorch may use two."""
    if torch.get_num_threads() == 1:
        for arguments in directions:
            function(*arguments)
        return
    other = _second.submit(function, *directions[1])
    function(*directions[0])
    other.result()


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
    """One direction, step by step: Hochreiter and Schmidhuber's cell with Gers et al.'s forget gate."""
    sentences, hidden = sizes[0], weight.shape[0]
    state = np.zeros((sentences, hidden), np.float32)
    cell = np.zeros((sentences, hidden), np.float32)
    share = np.zeros((sentences, 4 * hidden), np.float32)  # of the states in the gates
    z = np.empty(4 * hidden, np.float32)
    u = np.empty(hidden, np.float32)
    start = 0
    for step in range(len(sizes)):
        n = sizes[step]
        if step:
            share[:n] = 0
            add_product(state, weight, n, share)
        for b in range(n):
            place = order[start + b]
            gate = gates[place]
            for j in range(4 * hidden):
                z[j] = -(gate[j] + share[b, j])
            for j in range(2 * hidden, 3 * hidden):
                z[j] *= np.float32(2)  # tanh(x) = 2 / (1 + exp(-2x)) - 1
            exponential(z)
            for j in range(4 * hidden):
                gate[j] = np.float32(1) / (np.float32(1) + z[j])
            for j in range(2 * hidden, 3 * hidden):
                gate[j] = np.float32(2) * gate[j] - np.float32(1)
            for j in range(hidden):
                c = gate[hidden + j] * cell[b, j] + gate[j] * gate[2 * hidden + j]
                cell[b, j] = c
                cells[place, j] = c
                u[j] = np.float32(-2) * c
            exponential(u)
            for j in range(hidden):
                t = np.float32(2) / (np.float32(1) + u[j]) - np.float32(1)
                h = gate[3 * hidden + j] * t
                squashed[place, j] = t
                state[b, j] = h
                states[place, j] = h
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
    sentences, hidden = sizes[0], weight.shape[1]
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
            d_state[:n] = 0
            add_product(d_gate, weight, n, d_state)
