"""The CRF's negative log-likelihood with its gradients, and its best paths, compiled.

pytorch-crf's parameters and meaning (Lafferty et al. 2001). The gradient of the log partition function is the
marginal probability of each label and of each pair of labels (Sutton and McCallum 2012, section 4.1), so the
forward-backward algorithm gives the loss and all gradients at once, without autograd through time.

Where probabilities come near the smallest number of float64, logarithms are added up instead.

Letters: N tokens in packed order, where sizes[t] sentences have a token t, so that token t of sentence
b is at sizes[0] + ... + sizes[t - 1] + b; S steps; K labels. Sums are float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.kernels.arithmetic import compiled_exactly

MIN_PROBABILITY = 1e-280  # of a probability; below 1e-308 the digits go, then the number

Float64s = NDArray[np.float64]
Floats = NDArray[np.float32] | NDArray[np.float64]
Integers = NDArray[np.int64]


@compiled_exactly
def forward_backward(
    emissions: Floats,  # (N, K)
    start: Float64s,  # (K,)
    end: Float64s,  # (K,)
    transitions: Float64s,  # (K, K)
    labels: Integers,  # (N,) gold
    sizes: Integers,  # (S,)
    d_emissions: Floats,  # (N, K) out
    d_start: Float64s,  # out, as the two after it; zeros when they come in
    d_end: Float64s,
    d_transitions: Float64s,
) -> float:
    """The loss; each gradient is what the model expects less what is there.

    Runs in probabilities that are scaled at each token: log-sum-exp with one exponential a label instead of
    one a pair (Rabiner 1989, section V.A). A sentence whose scores lie so far apart that one of them comes
    below MIN_PROBABILITY is done again in logarithms, for a label that is all but impossible here may be
    part of the only possible path.
    """
    steps, labels_count = len(sizes), len(start)
    starts = np.cumsum(sizes) - sizes
    highest = transitions.max()
    pairs = np.exp(transitions - highest)  # (K, K), at most 1
    pairs_back = np.ascontiguousarray(pairs.T)
    flows = np.zeros_like(pairs)  # how often each pair is expected, but for the factor `pairs`
    ends = np.exp(end - end.max())
    far_apart = not (pairs.min() >= MIN_PROBABILITY and ends.min() >= MIN_PROBABILITY)
    local = np.empty((steps, labels_count))  # exp of the emissions, the largest of a token 1
    alpha = np.empty((steps, labels_count))  # forward probabilities, each token's summing to 1
    scale = np.empty(steps)
    onward = np.empty(labels_count)
    length = steps
    loss = 0.0
    for b in range(sizes[0]):
        while sizes[length - 1] <= b:  # sentences are sorted by falling length
            length -= 1
        log_z = end.max() + highest * (length - 1)
        for t in range(length):
            place = starts[t] + b
            for k in range(labels_count):
                local[t, k] = emissions[place, k]
                if t == 0:
                    local[t, k] += start[k]
            top = local[t].max()
            log_z += top
            for k in range(labels_count):
                local[t, k] = np.exp(local[t, k] - top)
                alpha[t, k] = 1.0 if t == 0 else 0.0
            if t:
                for i in range(labels_count):
                    here = alpha[t - 1, i]
                    for k in range(labels_count):
                        alpha[t, k] += here * pairs[i, k]
            total = 0.0
            for k in range(labels_count):
                alpha[t, k] *= local[t, k]
                total += alpha[t, k]
            scale[t] = total
            for k in range(labels_count):
                alpha[t, k] /= total
            log_z += np.log(total)
        final = (alpha[length - 1] * ends).sum()
        log_z += np.log(final)

        if far_apart or not alpha[:length].min() >= MIN_PROBABILITY:  # or NaN
            sentence = (emissions, start, end, transitions, starts[:length] + b)
            log_z = forward_backward_in_logarithms(*sentence, d_emissions, d_start, d_end, d_transitions)
        else:
            beta = ends / final  # backward probabilities, so scaled that alpha * beta are the marginals
            d_end += alpha[length - 1] * beta
            for t in range(length - 1, -1, -1):
                place = starts[t] + b
                for k in range(labels_count):
                    d_emissions[place, k] = alpha[t, k] * beta[k]
                    onward[k] = local[t, k] * beta[k] / scale[t]
                if t == 0:
                    d_start += alpha[0] * beta
                    break
                beta[:] = 0
                for k in range(labels_count):
                    for i in range(labels_count):
                        beta[i] += pairs_back[k, i] * onward[k]
                for i in range(labels_count):
                    for k in range(labels_count):
                        flows[i, k] += alpha[t - 1, i] * onward[k]

        gold = 0.0
        before = 0
        for t in range(length):
            place = starts[t] + b
            label = labels[place]
            gold += emissions[place, label]
            d_emissions[place, label] -= 1
            if t == 0:
                gold += start[label]
                d_start[label] -= 1
            else:
                gold += transitions[before, label]
                d_transitions[before, label] -= 1
            before = label
        gold += end[before]
        d_end[before] -= 1
        loss += log_z - gold
    d_transitions += flows * pairs
    return loss


@compiled_exactly
def forward_backward_in_logarithms(
    emissions: Floats,  # (N, K)
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    places: Integers,  # (T,) where the tokens of the sentence stand
    d_emissions: Floats,  # out, as those after it; what the model expects is added to the last three
    d_start: Float64s,
    d_end: Float64s,
    d_transitions: Float64s,
) -> float:
    """Return the logarithm of one sentence's partition function; an exponential for each pair of labels."""
    length, labels_count = len(places), len(start)
    alpha = np.empty((length, labels_count))  # logarithms, as beta
    beta = np.empty((length, labels_count))
    terms = np.empty(labels_count)
    for t in range(length):
        for k in range(labels_count):
            if t == 0:
                alpha[t, k] = start[k] + emissions[places[t], k]
            else:
                for i in range(labels_count):
                    terms[i] = alpha[t - 1, i] + transitions[i, k]
                alpha[t, k] = log_sum_exp(terms) + emissions[places[t], k]
    for t in range(length - 1, -1, -1):
        for i in range(labels_count):
            if t == length - 1:
                beta[t, i] = end[i]
            else:
                for k in range(labels_count):
                    terms[k] = transitions[i, k] + emissions[places[t + 1], k] + beta[t + 1, k]
                beta[t, i] = log_sum_exp(terms)
    log_z = log_sum_exp(alpha[length - 1] + end)
    for t in range(length):
        for k in range(labels_count):
            d_emissions[places[t], k] = np.exp(alpha[t, k] + beta[t, k] - log_z)
            if t:
                onward = emissions[places[t], k] + beta[t, k] - log_z
                for i in range(labels_count):
                    d_transitions[i, k] += np.exp(alpha[t - 1, i] + transitions[i, k] + onward)
    for k in range(labels_count):
        d_start[k] += np.exp(alpha[0, k] + beta[0, k] - log_z)
        d_end[k] += np.exp(alpha[length - 1, k] + end[k] - log_z)
    return log_z


@compiled_exactly
def log_sum_exp(terms: Float64s) -> float:
    """Return log(sum(exp(terms))), of terms of any size."""
    top = terms.max()
    if not np.isfinite(top):
        return top
    total = 0.0
    for term in terms:
        total += np.exp(term - top)
    return top + np.log(total)


@compiled_exactly
def viterbi(
    emissions: Floats,  # (N, K)
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    sizes: Integers,  # (S,)
) -> Integers:
    """Return each sentence's best path (N,) (Viterbi 1967); of equal ones, that with lower label ids."""
    steps, labels_count = len(sizes), len(start)
    starts = np.cumsum(sizes) - sizes
    path = np.empty(len(emissions), np.int64)
    came_from = np.empty((steps, labels_count), np.int64)
    score = np.empty(labels_count)
    best = np.empty(labels_count)
    length = steps
    for b in range(sizes[0]):
        while sizes[length - 1] <= b:
            length -= 1
        for k in range(labels_count):
            score[k] = start[k] + emissions[b, k]
        for t in range(1, length):
            place, origin = starts[t] + b, came_from[t]
            for k in range(labels_count):
                best[k] = score[0] + transitions[0, k]
                origin[k] = 0
            for i in range(1, labels_count):
                for k in range(labels_count):
                    through = score[i] + transitions[i, k]
                    better = through > best[k]
                    best[k] = through if better else best[k]
                    origin[k] = i if better else origin[k]
            for k in range(labels_count):
                score[k] = best[k] + emissions[place, k]
        label = np.argmax(score + end)
        for t in range(length - 1, -1, -1):
            path[starts[t] + b] = label
            label = came_from[t, label] if t else label
    return path
