"""The character CNN's last step: the sums over a window and their maximum over a word.

A convolution of width w is w products of each character, added up where the characters are neighbours. The
products are one matrix product; only the character that wins a filter's maximum has a gradient.

Letters: W words, C characters of all words, one word after another, F filters, w the odd width.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.kernels.arithmetic import Float32s, Integers, compiled_exactly


@compiled_exactly
def maxima(
    products: Float32s,  # (C, w F)
    bias: Float32s,  # (F,)
    lengths: Integers,  # (W,)
    features: Float32s,  # (W, F) out
    winners: NDArray[np.int32],  # (W, F) out: which character has the maximum; of equal ones the first
) -> None:
    """Find the largest sum of each word and filter; a window ends where the word ends."""
    filters = len(bias)
    gap = products.shape[1] // filters // 2  # characters on either side of a window's middle
    row = np.empty(filters, np.float32)
    features[:] = -np.inf
    first = 0
    for word in range(len(lengths)):
        last = first + lengths[word] - 1
        for middle in range(first, last + 1):
            row[:] = bias
            for c in range(max(first, middle - gap), min(last, middle + gap) + 1):
                at = (c - middle + gap) * filters
                add(row, products[c, at : at + filters])
            keep_larger(row, middle, features[word], winners[word])
        first = last + 1


@compiled_exactly
def add(row: Float32s, values: Float32s) -> None:
    for f in range(len(row)):
        row[f] += values[f]


@compiled_exactly
def keep_larger(row: Float32s, middle: int, largest: Float32s, winners: NDArray[np.int32]) -> None:
    for f in range(len(row)):
        better = row[f] > largest[f]
        largest[f] = row[f] if better else largest[f]
        winners[f] = np.int32(middle) if better else winners[f]


@compiled_exactly
def to_winners(
    d_features: Float32s,  # (W, F)
    winners: NDArray[np.int32],  # (W, F)
    lengths: Integers,  # (W,)
    d_products: Float32s,  # (C, w F) out; zeros when it comes in
) -> None:
    """Pass each maximum's gradient to the products that it is the sum of."""
    filters = winners.shape[1]
    gap = d_products.shape[1] // filters // 2
    first = 0
    for word in range(len(lengths)):
        last = first + lengths[word] - 1
        for f in range(filters):
            middle = winners[word, f]
            for c in range(max(first, middle - gap), min(last, middle + gap) + 1):
                d_products[c, (c - middle + gap) * filters + f] = d_features[word, f]
        first = last + 1
