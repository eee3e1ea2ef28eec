"""Dropout in one pass over the values, with random numbers that are computed where they are needed.

The numbers are splitmix64's (Steele, Lea and Flood 2014) at positions 0, 1, 2, … of the sequence that `key`
starts, 16 bits for each value. The backward pass computes the mask again instead of keeping it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.kernels.arithmetic import Float32s, compiled

BLOCK = 1024  # numbers at a time: they stay in the fastest cache


@compiled
def drop(values: Float32s, key: np.uint64, limit: int, out: Float32s) -> None:
    """Drop each value whose 16 bits are below `limit`, and scale the others so that the expectation stays."""
    numbers = np.empty(BLOCK, np.uint64)
    bits = numbers.view(np.uint16)
    scale, below = np.float32(65_536 / (65_536 - limit)), np.uint16(limit)
    for start in range(0, len(values), len(bits)):
        draw(key, start // 4, numbers)
        end = min(len(values), start + len(bits))
        keep(values[start:end], bits, below, scale, out[start:end])


@compiled
def draw(key: np.uint64, start: int, numbers: NDArray[np.uint64]) -> None:
    """Compute the sequence's numbers from position `start` on."""
    for i in range(len(numbers)):
        z = key + np.uint64(start + i + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        numbers[i] = z ^ (z >> np.uint64(31))


@compiled
def keep(
    values: Float32s, bits: NDArray[np.uint16], below: np.uint16, scale: np.float32, out: Float32s
) -> None:
    """Scale the values whose bits are not below `below`; the others become zero."""
    for j in range(len(values)):
        out[j] = values[j] * scale if bits[j] >= below else np.float32(0)
