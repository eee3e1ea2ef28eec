"""What the compiled loops share: a small matrix product and the exponential, in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Integers = NDArray[np.int64]
P = ParamSpec("P")
R = TypeVar("R")


# What LLVM may assume of a loop's numbers. Not `arcp` and `afn`, a division as a product with an estimate: it
# estimates in vectors alone, and whether a loop runs in vectors can hang on where its arrays lie in memory.
FAST = {"nnan", "ninf", "nsz", "contract", "reassoc"}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a loop, which may add in any order: that is what makes additions a vector's work."""
    return _compile(function, FAST)


def compiled_exactly(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles a loop as it is written, infinities and all."""
    return _compile(function, set())


def _compile(function: Callable[P, R], fastmath: set[str]) -> Callable[P, R]:
    options: dict[str, Any] = {"fastmath": fastmath or False, "nogil": True, "error_model": "numpy"}
    try:
        done: Any = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep the compiled code in: compile it in each process
        done = njit(**options)(function)
    return cast("Callable[P, R]", done)


@compiled
def add_product(left: Float32s, right: Float32s, rows: int, out: Float32s) -> None:
    """Adds left @ right to `out`, for the first `rows` rows of left (., K) and out (., J); right is (K, J).

    Five rows at a time, so that a row of `right` that was loaded is used five times.
    """
    inner, width = right.shape
    even = inner - inner % 2
    i = 0
    while i + 5 <= rows:
        for k in range(0, even, 2):
            a0, a1 = left[i, k], left[i, k + 1]
            b0, b1 = left[i + 1, k], left[i + 1, k + 1]
            c0, c1 = left[i + 2, k], left[i + 2, k + 1]
            d0, d1 = left[i + 3, k], left[i + 3, k + 1]
            e0, e1 = left[i + 4, k], left[i + 4, k + 1]
            for j in range(width):
                x, y = right[k, j], right[k + 1, j]
                out[i, j] += a0 * x + a1 * y
                out[i + 1, j] += b0 * x + b1 * y
                out[i + 2, j] += c0 * x + c1 * y
                out[i + 3, j] += d0 * x + d1 * y
                out[i + 4, j] += e0 * x + e1 * y
        if even < inner:
            for row in range(i, i + 5):
                for j in range(width):
                    out[row, j] += left[row, even] * right[even, j]
        i += 5
    quads = inner - inner % 4
    while i < rows:
        for k in range(0, quads, 4):
            a, b, c, d = left[i, k], left[i, k + 1], left[i, k + 2], left[i, k + 3]
            for j in range(width):
                out[i, j] += a * right[k, j] + b * right[k + 1, j] + c * right[k + 2, j] + d * right[k + 3, j]
        for k in range(quads, inner):
            for j in range(width):
                out[i, j] += left[i, k] * right[k, j]
        i += 1


@compiled
def exponential(values: Float32s) -> None:
    """The exponential of each value, in place: 2**k times a polynomial (Cephes' expf).

    Right to two units in the last place. Values are cut at ±87, beyond which the result leaves float32.
    """
    bits = values.view(np.int32)
    for j in range(len(values)):
        x = min(max(values[j], np.float32(-87.0)), np.float32(87.0))
        k = np.floor(x * np.float32(1.442695041) + np.float32(0.5))
        r = x - k * np.float32(0.693359375) + k * np.float32(2.12194440e-4)  # ln 2 in two parts
        p = np.float32(1.9875691500e-4)
        p = p * r + np.float32(1.3981999507e-3)
        p = p * r + np.float32(8.3334519073e-3)
        p = p * r + np.float32(4.1665795894e-2)
        p = p * r + np.float32(1.6666665459e-1)
        p = p * r + np.float32(5.0000001201e-1)
        values[j] = p * r * r + r + np.float32(1.0)
        bits[j] += np.int32(k) << np.int32(23)
