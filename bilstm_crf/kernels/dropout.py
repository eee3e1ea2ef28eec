"""Dropout in one pass over the values, with random numbers that are computed where they are needed.

The numbers are splitmix64's (Steele, Lea and Flood 2014) at the places 0, 1, 2, … of the sequence that `key`
begins, 16 bits of them to a value. So the way back computes the mask again instead of keeping it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from bilstm_crf.kernels.arithmetic import Float32s, compiled

BLOCK = 1024  # numbers at a time: they stay in the fastest cache


class Dropped(torch.autograd.Function):
    """`values` with those zeroed whose 16 bits are below `limit`, the others scaled for it."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, key: np.uint64, limit: int) -> Tensor:
        ctx.key, ctx.limit = key, limit
        return _dropped(values, key, limit)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_values: Tensor) -> tuple[Tensor | None, ...]:
        return _dropped(d_values, ctx.key, ctx.limit), None, None


def _dropped(values: Tensor, key: np.uint64, limit: int) -> Tensor:
    out = torch.empty(values.shape)
    drop(values.contiguous().view(-1).numpy(), key, limit, out.view(-1).numpy())
    return out


@compiled
def drop(values: Float32s, key: np.uint64, limit: int, out: Float32s) -> None:
    """Each value, or zero, scaled so that its expectation stays."""
    numbers = np.empty(BLOCK, np.uint64)
    bits = numbers.view(np.uint16)
    scale, below = np.float32(65_536 / (65_536 - limit)), np.uint16(limit)
    for start in range(0, len(values), len(bits)):
        draw(key, start // 4, numbers)
        end = min(len(values), start + len(bits))
        keep(values[start:end], bits, below, scale, out[start:end])


@compiled
def draw(key: np.uint64, start: int, numbers: NDArray[np.uint64]) -> None:
    """The sequence's numbers from place `start` on."""
    for i in range(len(numbers)):
        z = key + np.uint64(start + i + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        numbers[i] = z ^ (z >> np.uint64(31))


@compiled
def keep(
    values: Float32s, bits: NDArray[np.uint16], below: np.uint16, scale: np.float32, out: Float32s
) -> None:
    """The values whose bits are not below `below`, scaled."""
    for j in range(len(values)):
        out[j] = values[j] * scale if bits[j] >= below else np.float32(0)
