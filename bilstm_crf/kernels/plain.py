"""The loops of tagging in plain NumPy: for machines without numba, for short inputs, and as the oracle.

The functions have the names, arguments and results of the compiled ones, to float32 rounding.

Letters as in the compiled modules: W words, C characters, F filters, w the odd width, N tokens in
packed order, S steps, H hidden units of one direction, K labels.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]
Integers = NDArray[np.int64]


class _BlasThreads:
    """Limits NumPy's BLAS to one thread as long as anyone asks for it."""

    def __init__(self) -> None:
        self._lock, self._users = threading.Lock(), 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """On a busy machine, threads that share every small product cost ten times what they save."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._limiter = _controller().limit(limits=1, user_api="blas")
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._limiter.restore_original_limits()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


blas_threads = _BlasThreads()
if hasattr(os, "register_at_fork"):  # another thread may hold the lock, which no fork has
    os.register_at_fork(after_in_child=blas_threads.__init__)  # type: ignore[misc]


def affine(left: Float32s, right: Float32s, bias: Float32s, out: Float32s) -> None:
    """Compute out = left @ right + bias."""
    with blas_threads.one():
        np.matmul(left, right, out=out)
    out += bias


def maxima(
    products: Float32s,  # (C, w F)
    bias: Float32s,  # (F,)
    lengths: Integers,  # (W,)
    features: Float32s,  # (W, F) out
    winners: NDArray[np.int32],  # not filled in: only gradients need it
) -> None:
    """Find the largest sum of each word and filter; a window ends where the word ends."""
    parts = products.reshape(len(products), -1, len(bias))  # (C, w, F)
    gap = parts.shape[1] // 2
    starts = np.cumsum(lengths) - lengths
    first = np.repeat(starts, lengths)  # (C,) of each character's word
    last = first + np.repeat(lengths, lengths)
    middle = np.arange(len(products))
    sums = np.repeat(bias[None], len(products), axis=0)  # (C, F)
    for offset in range(-gap, gap + 1):
        there = middle + offset
        inside = (there >= first) & (there < last)
        sums[inside] += parts[there[inside], offset + gap]
    np.maximum.reduceat(sums, starts, out=features)


def run(
    shares: Float32s,  # (W, 4H) the inputs' share in the gates, of each word
    words: Integers,  # (N,) which word a token is
    weight: Float32s,  # (H, 4H)
    order: Integers,  # (N,)
    sizes: Integers,  # (S,)
    states: Float32s,  # (N, H) out
) -> None:
    """Compute one direction of an LSTM layer, step by step."""
    hidden = weight.shape[0]
    state = np.zeros((sizes[0], hidden), np.float32)
    cells = np.zeros((sizes[0], hidden), np.float32)
    start = 0
    with blas_threads.one():
        for size in sizes.tolist():
            places = order[start : start + size]
            gates = shares[words[places]]  # (n, 4H)
            if start:
                gates += state[:size] @ weight
            squash = np.tanh(gates[:, 2 * hidden : 3 * hidden])
            in_, forget, _, out = np.split(_sigmoid(gates), 4, axis=1)
            cells = forget * cells[:size] + in_ * squash
            state = out * np.tanh(cells)
            states[places] = state
            start += size


def _sigmoid(values: Float32s) -> Float32s:
    """1 / (1 + exp(-x)) by tanh, which does not overflow."""
    half = np.float32(0.5)
    sigmoid: Float32s = half * np.tanh(half * values) + half
    return sigmoid


def viterbi(
    emissions: NDArray[np.floating],  # (N, K)
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    sizes: Integers,  # (S,)
) -> Integers:
    """Return each sentence's best path (N,); of equal ones, the one with the lower label ids."""
    firsts = np.cumsum(sizes) - sizes
    came_from: list[Integers] = []
    score = start + emissions[: sizes[0]].astype(np.float64)  # (B, K) of the sentences, ended ones included
    for first, size in zip(firsts[1:].tolist(), sizes[1:].tolist(), strict=True):
        through = score[:size, :, None] + transitions  # (n, K, K)
        origin = through.argmax(1)  # (n, K)
        came_from.append(origin)
        best = np.take_along_axis(through, origin[:, None], 1)[:, 0]
        score[:size] = best + emissions[first : first + size]
    label = (score + end).argmax(1)  # (B,) of each sentence's last token
    path = np.empty(len(emissions), np.int64)
    for step in range(len(sizes) - 1, -1, -1):
        size = sizes[step]
        path[firsts[step] : firsts[step] + size] = label[:size]
        if step:
            label[:size] = came_from[step - 1][np.arange(size), label[:size]]
    return path


def log_sum_exp(terms: Float64s, axis: int = 0) -> Any:
    """Return log(sum(exp(terms))) along an axis, of terms of any size; -inf where all are."""
    top = terms.max(axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(terms - top).sum(axis=axis)) + top.squeeze(axis)


def messages(
    scores: Float64s,  # (N, K) emissions, sentence after sentence
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    offsets: Integers,  # (S + 1,) where sentences begin
    alpha: Float64s,  # (N, K) out: log of the sum over all label sequences up to this label
    beta: Float64s,  # (N, K) out: the same of all that follow this label
) -> Float64s:
    """Compute the forward and backward messages in logarithms; return each log partition function (S,)."""
    log_z = np.zeros(len(offsets) - 1)
    for number in range(len(log_z)):
        first, behind = int(offsets[number]), int(offsets[number + 1])
        if first == behind:
            continue
        alpha[first] = start + scores[first]
        for t in range(first + 1, behind):
            alpha[t] = log_sum_exp(alpha[t - 1][:, None] + transitions) + scores[t]
        beta[behind - 1] = end
        for t in range(behind - 2, first - 1, -1):
            beta[t] = log_sum_exp(transitions + scores[t + 1] + beta[t + 1], axis=1)
        log_z[number] = log_sum_exp(alpha[behind - 1] + end)
    return log_z


def span_scores(
    scores: Float64s,  # (N, K), as in `messages`
    transitions: Float64s,
    offsets: Integers,
    alpha: Float64s,
    beta: Float64s,
    log_z: Float64s,  # (S,)
    prefixes: Integers,  # (Y, 4) the labels of the only, the first, an inner and the last token of a span
    continues: NDArray[np.bool_],  # (K, K) whether the second label continues a span of the first
    spans: Integers,  # (P, 4) sentence, first token and token behind (of N), type
) -> Float64s:
    """Return the log probability of each span (P,)."""
    out = np.empty(len(spans))
    for p, (s, start, stop, type_) in enumerate(spans.tolist()):
        single, first, inner, last = prefixes[type_].tolist()
        path = [single] if stop - start == 1 else [first, *[inner] * (stop - start - 2), last]
        score = alpha[start, path[0]]
        for t, (label, following) in enumerate(pairwise(path), start + 1):
            score += transitions[label, following] + scores[t, following]
        after = beta[stop - 1, path[-1]]
        if stop < offsets[s + 1] and continues[path[-1]].any():
            terms = transitions[path[-1]] + scores[stop] + beta[stop]
            after = log_sum_exp(terms[~continues[path[-1]]])
        out[p] = score + after - log_z[s]
    return out


def probable_spans(
    scores: Float64s,  # as in `span_scores`
    transitions: Float64s,
    offsets: Integers,
    alpha: Float64s,
    beta: Float64s,
    log_z: Float64s,
    prefixes: Integers,
    continues: NDArray[np.bool_],
    threshold: float,  # a log probability
) -> tuple[Integers, Float64s]:
    """Return all spans (P, 4) that are at least as probable, in order, and their log probabilities (P,)."""
    marginals = alpha + beta - np.repeat(log_z, np.diff(offsets))[:, None]
    candidates = []
    for s, (begin, behind) in enumerate(pairwise(offsets.tolist())):
        for start in range(begin, behind):
            for y, (single, first, inner, last) in enumerate(prefixes.tolist()):
                if marginals[start, single] >= threshold:
                    candidates.append((s, start, start + 1, y))
                inside, label = alpha[start, first], first
                for t in range(start + 1, behind):
                    if not inside + beta[t - 1, label] - log_z[s] >= threshold:
                        break
                    if marginals[t, last] >= threshold:
                        candidates.append((s, start, t + 1, y))
                    inside += transitions[label, inner] + scores[t, inner]
                    label = inner
    spans = np.array(candidates, np.int64).reshape(-1, 4)
    logs = span_scores(scores, transitions, offsets, alpha, beta, log_z, prefixes, continues, spans)
    return spans[logs >= threshold], logs[logs >= threshold]


def best_sequences(
    emissions: NDArray[np.floating],  # (T, K) of one sentence
    start: Float64s,
    end: Float64s,
    transitions: Float64s,
    n: int,
) -> tuple[Integers, Float64s]:
    """Return the n best label sequences (n, T) and their scores (n,), best first; fewer if there are fewer.

    Viterbi with the n best ways to each label instead of one. Of equal ones, lower label ids come first.
    """
    length, labels = emissions.shape
    score = (start + emissions[0])[:, None]  # (K, R) of the best ways to each label
    came_from: list[Integers] = []  # (K, R) label * R + rank of the way before
    for t in range(1, length):
        through = (score[:, :, None] + transitions[:, None, :]).reshape(-1, labels)  # (K R, K)
        order = np.argsort(-through, axis=0, kind="stable")[:n]  # (R', K)
        came_from.append(order.T)
        score = np.take_along_axis(through, order, 0).T + emissions[t][:, None]
    total = (score + end[:, None]).reshape(-1)
    order = np.argsort(-total, kind="stable")[:n]
    order = order[total[order] > -np.inf]
    paths = np.empty((len(order), length), np.int64)
    for row, place in enumerate(order.tolist()):
        label, rank = divmod(place, score.shape[1])
        for t in range(length - 1, -1, -1):
            paths[row, t] = label
            if t:
                ranks = 1 if t == 1 else came_from[t - 2].shape[1]
                label, rank = divmod(int(came_from[t - 1][label, rank]), ranks)
    return paths, total[order]
