"""The compiled loops of `kernels/` as differentiable PyTorch functions, for training on the CPU.

Each function is differentiable once. `can_compile` says where they apply; elsewhere (GPU, float64, no
numba) the network uses PyTorch's own modules, which are also the oracle in the tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from bilstm_crf import kernels
from bilstm_crf.features.batches import reversed_order
from bilstm_crf.util.threads import parallel_pair

Ints = NDArray[np.int64]


def can_compile(tensor: Tensor, *precisions: torch.dtype) -> bool:
    """Return whether the compiled loops can work on this tensor: on the CPU, in float32 (or one of those)."""
    return kernels.NUMBA and tensor.device.type == "cpu" and tensor.dtype in (precisions or (torch.float32,))


# ---------------------------------------------------------------- dropout


class Dropped(torch.autograd.Function):
    """Zeroes `values` whose 16 random bits are below `limit`, and scales the others."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, key: np.uint64, limit: int) -> Tensor:
        ctx.key, ctx.limit = key, limit
        return _dropped(values, key, limit)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_values: Tensor) -> tuple[Tensor | None, ...]:
        return _dropped(d_values, ctx.key, ctx.limit), None, None


def _dropped(values: Tensor, key: np.uint64, limit: int) -> Tensor:
    from bilstm_crf.kernels.dropout import drop

    out = torch.empty(values.shape)
    drop(values.contiguous().view(-1).numpy(), key, limit, out.view(-1).numpy())
    return out


# ---------------------------------------------------------------- characters


class Maxima(torch.autograd.Function):
    """Products of the characters at each position in a window (C, w F) to the maxima of their sums (W, F)."""

    @staticmethod
    def forward(ctx: Any, products: Tensor, bias: Tensor, lengths: Tensor) -> Tensor:
        from bilstm_crf.kernels.char_cnn import maxima

        features = torch.empty(len(lengths), len(bias))
        ctx.winners = np.empty(features.shape, np.int32)
        ctx.lengths, ctx.products = lengths.numpy(), products.shape
        arrays = (products.detach().numpy(), bias.detach().numpy(), ctx.lengths)
        maxima(*arrays, features.numpy(), ctx.winners)
        return features

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_features: Tensor) -> tuple[Tensor | None, ...]:
        from bilstm_crf.kernels.char_cnn import to_winners

        d_products = torch.zeros(ctx.products)
        to_winners(d_features.contiguous().numpy(), ctx.winners, ctx.lengths, d_products.numpy())
        return d_products, d_features.sum(0), None


# ---------------------------------------------------------------- CRF


class NegativeLogLikelihood(torch.autograd.Function):
    """The CRF's loss over all sentences.

    Takes emissions (N, K), start (K,), end (K,), transitions (K, K) and gold labels (N,).
    """

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        start: Tensor,
        end: Tensor,
        transitions: Tensor,
        labels: Ints,
        sizes: Ints,
    ) -> Tensor:
        from bilstm_crf.kernels.crf import forward_backward

        scores = (start, end, transitions)
        first, last, pairs = (each.detach().double().numpy() for each in scores)
        gradients = [np.zeros(each.shape) for each in scores]
        d_emissions = torch.empty_like(emissions)
        loss = forward_backward(
            emissions.detach().numpy(), first, last, pairs, labels, sizes, d_emissions.numpy(), *gradients
        )
        ctx.save_for_backward(
            d_emissions, *(torch.from_numpy(g).to(each) for g, each in zip(gradients, scores, strict=True))
        )
        return torch.tensor(loss, dtype=torch.float64)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient * d_loss.to(gradient.dtype) for gradient in ctx.saved_tensors), None, None)


# ---------------------------------------------------------------- BiLSTM


def bilstm(lstm: nn.LSTM, inputs: Tensor, batch_sizes: Tensor, kept: Tensor | None = None) -> Tensor:
    """Return what `lstm` makes of packed inputs (N, I): (N, 2H).

    `lstm` may have any number of layers, both directions, and no dropout between layers. With `kept`
    (P,), the inputs (N, P) are those of these places of I; the others are 0, and nothing is computed
    for them.
    """
    sizes = batch_sizes.numpy()
    orders = (np.arange(sizes.sum()), reversed_order(sizes))
    all_weights: list[list[Tensor]] = [list(each) for each in lstm.all_weights]
    if kept is not None:
        all_weights[:2] = [[weight.index_select(1, kept), *rest] for weight, *rest in all_weights[:2]]
    for layer in range(lstm.num_layers):
        forward, backward = all_weights[2 * layer : 2 * layer + 2]
        inputs = _Layer.apply(inputs, *forward, *backward, orders, sizes)
    return inputs


class _Layer(torch.autograd.Function):
    """One layer; its two directions run in parallel where two threads are allowed."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, *arguments: Any) -> Tensor:
        """Take inputs (N, I), and of each direction: weights (4H, I), (4H, H), biases (4H,), (4H,)."""
        from bilstm_crf.kernels.lstm import run_forward

        *parameters, orders, sizes = arguments
        weights, recurrent, input_biases, recurrent_biases = (parameters[i::4] for i in range(4))
        biases = [one + other for one, other in zip(input_biases, recurrent_biases, strict=True)]
        hidden, tokens = recurrent[0].shape[1], len(inputs)
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
        from bilstm_crf.kernels.lstm import run_backward

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


def _half(states: Tensor, direction: int) -> NDArray[np.float32]:
    """Return one direction's part (N, H) of states (N, 2H)."""
    half: NDArray[np.float32] = states.chunk(2, dim=1)[direction].numpy()
    return half


def _one_step_before(sizes: Ints) -> Ints:
    """Return, for each place from the second step on, the place of the same sentence one step before."""
    return np.arange(sizes[0], sizes.sum()) - np.repeat(sizes[:-1], sizes[1:])
