"""The CRF's negative log-likelihood with its gradients, and its best paths, compiled.

pytorch-crf's parameters and meaning (Lafferty et al. 2001). The gradient of the log partition function is the
marginal probability of each label and of each pair of labels (Sutton and McCallum 2012, section 4.1), so the
forward-backward algorithm gives the loss and all gradients at once, without autograd through time.

Letters: N tokens, one sentence after another; sentence s holds the tokens offsets[s] to offsets[s + 1] - 1;
K labels. Sums are float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from bilstm_crf.kernels.arithmetic import compiled_exactly

Float64s = NDArray[np.float64]
Integers = NDArray[np.int64]


class NegativeLogLikelihood(torch.autograd.Function):
    """Of emissions (N, K), start (K,), end (K,), transitions (K, K) and gold labels; over all sentences."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        start: Tensor,
        end: Tensor,
        transitions: Tensor,
        labels: Integers,
        offsets: Integers,
    ) -> Tensor:
        given = (emissions, start, end, transitions)
        scores, first, last, pairs = (each.detach().double().numpy() for each in given)
        gradients = [np.zeros(each.shape) for each in given]
        d_scores, d_first, d_last, d_pairs = gradients
        loss = forward_backward(
            scores, first, last, pairs, labels, offsets, d_scores, d_first, d_last, d_pairs
        )
        ctx.save_for_backward(
            *(torch.from_numpy(g).to(each.dtype) for g, each in zip(gradients, given, strict=True))
        )
        return torch.tensor(loss, dtype=torch.float64)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_loss: Tensor) -> tuple[Tensor | None, ...]:
        return (*(gradient * d_loss.to(gradient.dtype) for gradient in ctx.saved_tensors), None, None)


@compiled_exactly
def forward_backward(
    emissions: Float64s,  # (N, K)
    start: Float64s,  # (K,)
    end: Float64s,  # (K,)
    transitions: Float64s,  # (K, K)
    labels: Integers,  # (N,) gold
    offsets: Integers,  # (S + 1,)
    d_emissions: Float64s,  # (N, K) out, as the three after it; zeros when they come in
    d_start: Float64s,
    d_end: Float64s,
    d_transitions: Float64s,
) -> float:
    """The loss; each gradient is what the model expects less what is there.

    Runs in probabilities that are scaled at each token: log-sum-exp with one exponential a label instead of
    one a pair (Rabiner 1989, section V.A).
    """
    labels_count = len(start)
    highest = transitions.max()
    pairs = np.exp(transitions - highest)  # (K, K), at most 1
    expected = np.zeros_like(pairs)
    ends = np.exp(end - end.max())
    loss = 0.0
    for s in range(len(offsets) - 1):
        first, last = offsets[s], offsets[s + 1] - 1
        length = last - first + 1
        local = np.empty((length, labels_count))  # exp of the emissions, the largest of a token 1
        alpha = np.empty((length, labels_count))  # forward probabilities, each token's summing to 1
        scale = np.empty(length)
        log_z = end.max() + highest * (length - 1)
        for t in range(length):
            row = emissions[first + t]
            top = (row + start).max() if t == 0 else row.max()
            log_z += top
            total = 0.0
            for k in range(labels_count):
                if t == 0:
                    local[t, k] = np.exp(row[k] + start[k] - top)
                    reached = local[t, k]
                else:
                    local[t, k] = np.exp(row[k] - top)
                    reached = 0.0
                    for i in range(labels_count):
                        reached += alpha[t - 1, i] * pairs[i, k]
                    reached *= local[t, k]
                alpha[t, k] = reached
                total += reached
            scale[t] = total
            alpha[t] /= total
            log_z += np.log(total)
        final = (alpha[length - 1] * ends).sum()
        log_z += np.log(final)

        beta = ends / final  # backward probabilities, so scaled that alpha * beta are the marginals
        d_end += alpha[length - 1] * beta
        for t in range(length - 1, -1, -1):
            d_emissions[first + t] = alpha[t] * beta
            if t == 0:
                break
            onward = local[t] * beta / scale[t]
            beta = np.empty(labels_count)
            for i in range(labels_count):
                total = 0.0
                for k in range(labels_count):
                    flow = pairs[i, k] * onward[k]
                    expected[i, k] += alpha[t - 1, i] * flow
                    total += flow
                beta[i] = total
        d_start += d_emissions[first]

        gold = start[labels[first]] + end[labels[last]]
        d_start[labels[first]] -= 1
        d_end[labels[last]] -= 1
        for t in range(first, last + 1):
            gold += emissions[t, labels[t]]
            d_emissions[t, labels[t]] -= 1
            if t > first:
                gold += transitions[labels[t - 1], labels[t]]
                d_transitions[labels[t - 1], labels[t]] -= 1
        loss += log_z - gold
    d_transitions += expected
    return loss


@compiled_exactly
def viterbi(
    emissions: NDArray[np.float32],  # (N, K)
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    offsets: Integers,  # (S + 1,)
) -> Integers:
    """(N,) the best path of each sentence (Viterbi 1967); of equal ones, that of the lower label ids."""
    tokens, labels_count = emissions.shape
    path = np.empty(tokens, np.int64)
    came_from = np.empty((tokens, labels_count), np.int32)
    score = np.empty(labels_count)
    for s in range(len(offsets) - 1):
        first, last = offsets[s], offsets[s + 1] - 1
        if last < first:
            continue
        for k in range(labels_count):
            score[k] = start[k] + emissions[first, k]
        for t in range(first + 1, last + 1):
            reached = np.empty(labels_count)
            for k in range(labels_count):
                best, origin = -np.inf, 0
                for i in range(labels_count):
                    through = score[i] + transitions[i, k]
                    if through > best:
                        best, origin = through, i
                reached[k] = best + emissions[t, k]
                came_from[t, k] = origin
            score = reached
        path[last] = np.argmax(score + end)
        for t in range(last, first, -1):
            path[t - 1] = came_from[t, path[t]]
    return path
