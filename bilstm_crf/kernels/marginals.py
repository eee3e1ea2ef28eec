"""Probabilities of a CRF, compiled: messages, spans, and the n best label sequences.

The forward and backward messages give every probability of a span: the sum over all label sequences in which
exactly this span is labelled, over the partition function (Culotta and McCallum 2004). A score of -inf is
that of something that never occurs. `plain.py` has the same functions in NumPy.

Letters: N tokens of S sentences, one after another; sentence s has the tokens offsets[s] to
offsets[s + 1] - 1. T tokens of one sentence; K labels; Y entity types; P spans.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.kernels.arithmetic import compiled_exactly
from bilstm_crf.kernels.crf import MIN_PROBABILITY, Float64s, Floats, Integers, log_sum_exp

Booleans = NDArray[np.bool_]


@compiled_exactly
def messages(
    scores: Float64s,  # (N, K) emissions
    start: Float64s,  # (K,)
    end: Float64s,  # (K,)
    transitions: Float64s,  # (K, K)
    offsets: Integers,  # (S + 1,)
    alpha: Float64s,  # (N, K) out: log of the sum over all label sequences that end with this label
    beta: Float64s,  # (N, K) out: the same over all that go on after it
) -> Float64s:
    """Compute the forward and backward messages; return each sentence's log partition function (S,).

    In probabilities that are scaled at each token, as `crf.forward_backward` does; a sentence in which one
    comes below MIN_PROBABILITY is done again in logarithms.
    """
    labels_count = len(start)
    log_z = np.zeros(len(offsets) - 1)
    highest = transitions.max()
    pairs = np.exp(transitions - highest)  # at most 1
    pairs_back = np.ascontiguousarray(pairs.T)
    most = end.max()
    ends = np.exp(end - most)
    longest = 0
    for s in range(len(log_z)):
        longest = max(longest, offsets[s + 1] - offsets[s])
    local = np.empty((longest, labels_count))  # exp of the emissions, the largest of a token 1
    forward = np.empty((longest, labels_count))  # each token's summing to 1
    scale = np.empty(longest)
    before = np.empty(longest)  # log of what the forward messages are divided by, up to a token
    beta_here = np.empty(labels_count)
    onward = np.empty(labels_count)
    for s in range(len(log_z)):
        first = offsets[s]
        length = offsets[s + 1] - first
        if length == 0:
            continue
        total_log = 0.0
        good = True
        for t in range(length):
            for k in range(labels_count):
                local[t, k] = scores[first + t, k]
                if t == 0:
                    local[t, k] += start[k]
            top = local[t].max()
            for k in range(labels_count):
                local[t, k] = np.exp(local[t, k] - top)
                forward[t, k] = 1.0 if t == 0 else 0.0
            if t:
                for i in range(labels_count):
                    here = forward[t - 1, i]
                    for k in range(labels_count):
                        forward[t, k] += here * pairs[i, k]
            total = 0.0
            for k in range(labels_count):
                forward[t, k] *= local[t, k]
                total += forward[t, k]
            smallest = 1.0
            for k in range(labels_count):
                forward[t, k] /= total
                smallest = min(smallest, forward[t, k])
            scale[t] = total
            total_log += top + np.log(total) + (highest if t else 0.0)
            before[t] = total_log
            if not smallest >= MIN_PROBABILITY and not all_impossible(
                scores, start, transitions, first, t, forward
            ):
                good = False
                break
        final = (forward[length - 1] * ends).sum()
        if not good or not final >= MIN_PROBABILITY:  # or NaN
            log_z[s] = messages_in_logarithms(scores, start, end, transitions, first, length, alpha, beta)
            continue
        log_z[s] = total_log + most + np.log(final)
        for k in range(labels_count):
            beta_here[k] = ends[k] / final
        for t in range(length - 1, -1, -1):
            for k in range(labels_count):
                alpha[first + t, k] = np.log(forward[t, k]) + before[t]
                beta[first + t, k] = np.log(beta_here[k]) + log_z[s] - before[t]
                # 0 times infinity, behind a label that never occurs, is no number
                onward[k] = local[t, k] * beta_here[k] / scale[t] if forward[t, k] > 0 else 0.0
            if t:
                beta_here[:] = 0
                for k in range(labels_count):
                    for i in range(labels_count):
                        beta_here[i] += pairs_back[k, i] * onward[k]
    return log_z


@compiled_exactly
def all_impossible(
    scores: Float64s, start: Float64s, transitions: Float64s, first: int, t: int, forward: Float64s
) -> bool:
    """Return whether all labels of token t with probabilities below MIN_PROBABILITY never occur.

    Those of the tokens before it are known to.
    """
    for k in range(len(start)):
        if forward[t, k] >= MIN_PROBABILITY:
            continue
        if forward[t, k] != 0:  # too small, or NaN
            return False
        if scores[first + t, k] == -np.inf:
            continue
        if t == 0:
            if start[k] != -np.inf:
                return False
            continue
        for i in range(len(start)):
            if forward[t - 1, i] > 0 and transitions[i, k] != -np.inf:
                return False
    return True


@compiled_exactly
def messages_in_logarithms(
    scores: Float64s,
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    first: int,  # the sentence's first token
    length: int,
    alpha: Float64s,
    beta: Float64s,
) -> float:
    """Compute one sentence's messages with an exponential for each pair of labels; return log Z."""
    labels_count = len(start)
    terms = np.empty(labels_count)
    for t in range(first, first + length):
        for k in range(labels_count):
            if t == first:
                alpha[t, k] = start[k] + scores[t, k]
            else:
                for i in range(labels_count):
                    terms[i] = alpha[t - 1, i] + transitions[i, k]
                alpha[t, k] = log_sum_exp(terms) + scores[t, k]
    for t in range(first + length - 1, first - 1, -1):
        for i in range(labels_count):
            if t == first + length - 1:
                beta[t, i] = end[i]
            else:
                for k in range(labels_count):
                    terms[k] = transitions[i, k] + scores[t + 1, k] + beta[t + 1, k]
                beta[t, i] = log_sum_exp(terms)
    return log_sum_exp(alpha[first + length - 1] + end)


@compiled_exactly
def after_span(
    scores: Float64s,
    transitions: Float64s,
    continues: Booleans,
    beta: Float64s,
    token: int,
    behind: int,  # the end of the sentence
    label: int,
    terms: Float64s,  # (K,) to work in
) -> float:
    """Return the backward message of a span's last token, without the labels that would continue it."""
    if token == behind - 1:
        return beta[token, label]
    ends_here = True
    for k in range(len(terms)):
        if continues[label, k]:
            terms[k] = -np.inf
            ends_here = False
        else:
            terms[k] = transitions[label, k] + scores[token + 1, k] + beta[token + 1, k]
    return beta[token, label] if ends_here else log_sum_exp(terms)


@compiled_exactly
def span_scores(
    scores: Float64s,  # (N, K), as in `messages`
    transitions: Float64s,
    offsets: Integers,
    alpha: Float64s,
    beta: Float64s,
    log_z: Float64s,  # (S,)
    prefixes: Integers,  # (Y, 4) the labels of the only, the first, an inner and the last token of a span
    continues: Booleans,  # (K, K) whether the second label continues a span of the first
    spans: Integers,  # (P, 4) sentence, first token and token behind (of N), type
) -> Float64s:
    """Return the log probability of each span (P,)."""
    out = np.empty(len(spans))
    terms = np.empty(len(transitions))
    for p in range(len(spans)):
        s, start, stop, y = spans[p, 0], spans[p, 1], spans[p, 2], spans[p, 3]
        single, first, inner, last = prefixes[y, 0], prefixes[y, 1], prefixes[y, 2], prefixes[y, 3]
        if stop - start == 1:
            label = single
            score = alpha[start, single]
        else:
            label = first
            score = alpha[start, first]
            for t in range(start + 1, stop):
                following = last if t == stop - 1 else inner
                score += transitions[label, following] + scores[t, following]
                label = following
        after = after_span(scores, transitions, continues, beta, stop - 1, offsets[s + 1], label, terms)
        out[p] = score + after - log_z[s]
    return out


@compiled_exactly
def probable_spans(
    scores: Float64s,  # as in `span_scores`
    transitions: Float64s,
    offsets: Integers,
    alpha: Float64s,
    beta: Float64s,
    log_z: Float64s,
    prefixes: Integers,
    continues: Booleans,
    threshold: float,  # a log probability
) -> tuple[Integers, Float64s]:
    """Return all spans (P, 4) that are at least as probable, in order, and their log probabilities (P,).

    A span is made longer as long as the probability of all spans that begin so reaches the threshold: no
    span that begins so can be more probable. At each token, the spans that begin there and reach it exclude
    one another, so that their number is at most 1 / exp(threshold), however long the sentence.
    """
    found = np.empty((64, 4), np.int64)
    logs = np.empty(64)
    count = 0
    terms = np.empty(len(transitions))
    for s in range(len(log_z)):
        behind = offsets[s + 1]
        for start in range(offsets[s], behind):
            for y in range(len(prefixes)):
                single, first, inner, last = prefixes[y, 0], prefixes[y, 1], prefixes[y, 2], prefixes[y, 3]
                label = single
                inside = alpha[start, first]
                score = alpha[start, single]
                goes_on = inside + beta[start, first] - log_z[s] >= threshold
                for t in range(start, behind):
                    if t > start:
                        label_before = first if t == start + 1 else inner
                        label = last
                        score = inside + transitions[label_before, last] + scores[t, last]
                        inside += transitions[label_before, inner] + scores[t, inner]
                        goes_on = inside + beta[t, inner] - log_z[s] >= threshold
                    if score + beta[t, label] - log_z[s] >= threshold:  # a bound that costs little
                        after = after_span(scores, transitions, continues, beta, t, behind, label, terms)
                        log = score + after - log_z[s]
                        if log >= threshold:
                            if count == len(found):
                                found = np.concatenate((found, np.empty_like(found)))
                                logs = np.concatenate((logs, np.empty_like(logs)))
                            found[count, 0] = s
                            found[count, 1] = start
                            found[count, 2] = t + 1
                            found[count, 3] = y
                            logs[count] = log
                            count += 1
                    if not goes_on:
                        break
    return found[:count], logs[:count]


@compiled_exactly
def best_sequences(
    emissions: Floats,  # (T, K)
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    n: int,
) -> tuple[Integers, Float64s]:
    """Return the n best label sequences (n, T) of one sentence and their scores (n,), best first.

    Viterbi with the n best ways to each label instead of one; fewer where there are no more. Of equal ones,
    that with lower label ids comes first, as in `crf.viterbi`.
    """
    length, labels_count = emissions.shape
    score = np.full((labels_count, n), -np.inf)  # of the best ways to each label
    following = np.empty((labels_count, n))
    came_from = np.empty((length, labels_count, n), np.int32)  # label * n + rank of the way before
    for k in range(labels_count):
        score[k, 0] = start[k] + emissions[0, k]
    for t in range(1, length):
        for k in range(labels_count):
            best, origin = following[k], came_from[t, k]
            best[:] = -np.inf
            for i in range(labels_count):
                for rank in range(n):
                    through = score[i, rank] + transitions[i, k]
                    if not through > best[n - 1]:
                        break  # those of a label are sorted
                    insert(best, origin, through, i * n + rank)
            for rank in range(n):
                best[rank] += emissions[t, k]
        score, following = following, score
    best = np.full(n, -np.inf)
    origin = np.empty(n, np.int32)
    for i in range(labels_count):
        for rank in range(n):
            through = score[i, rank] + end[i]
            if not through > best[n - 1]:
                break
            insert(best, origin, through, i * n + rank)
    count = 0
    while count < n and best[count] > -np.inf:
        count += 1
    paths = np.empty((count, length), np.int64)
    for row in range(count):
        place = origin[row]
        for t in range(length - 1, -1, -1):
            paths[row, t] = place // n
            if t:
                place = came_from[t, place // n, place % n]
    return paths, best[:count]


@compiled_exactly
def insert(best: Float64s, origin: NDArray[np.int32], score: float, place: int) -> None:
    """Insert a score into falling ones, behind equal ones, and its place; the last falls out."""
    position = len(best) - 1
    while position > 0 and best[position - 1] < score:
        best[position] = best[position - 1]
        origin[position] = origin[position - 1]
        position -= 1
    best[position] = score
    origin[position] = place
