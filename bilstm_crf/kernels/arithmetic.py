"""Shared parts of the compiled loops: matrix products and the exponential, in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bilstm_crf.kernels.cache import use_temporary_folder

Float32s = NDArray[np.float32]
Integers = NDArray[np.int64]
P = ParamSpec("P")
R = TypeVar("R")


# What LLVM may assume about a loop's numbers. Not `arcp` and `afn` (division as a product with an
# estimate): it estimates in vectors only, and whether a loop runs in vectors can depend on where
# its arrays are in memory.
FAST = {"nnan", "ninf", "nsz", "contract", "reassoc"}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop that may add in any order, which lets it use vector instructions."""
    return _compile(function, FAST)


def compiled_exactly(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop as it is written, infinities included."""
    return _compile(function, set())


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Put a function of single numbers into the compiled loops that call it."""
    return cast("Callable[P, R]", njit(inline="always")(function))


def _compile(function: Callable[P, R], fastmath: set[str]) -> Callable[P, R]:
    options: dict[str, Any] = {"fastmath": fastmath or False, "nogil": True, "error_model": "numpy"}
    try:
        done: Any = njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written to
        done = njit(cache=use_temporary_folder(), **options)(function)
    return cast("Callable[P, R]", done)


ROWS = 5  # rows of `left` at a time in `add_product`


@compiled_exactly
def padded_rows(rows: int) -> int:
    """Return the next multiple of ROWS, which is what arrays for `add_product` must have.

    >>> padded_rows(0), padded_rows(1), padded_rows(5), padded_rows(6)
    (0, 5, 5, 10)
    """
    return -(-rows // ROWS) * ROWS


@compiled
def add_product(left: Float32s, right: Float32s, rows: int, out: Float32s) -> None:
    """Add left @ right to `out`, for the first `rows` rows of left (., K) and out (., J); right is (K, J).

    Takes five rows and four columns of `left` at a time, as many as there are registers for: what was loaded
    of `right` is used five times, of `out` four times. Rows up to padded_rows(rows) are computed as well.
    """
    inner, width = right.shape
    fours = inner - inner % 4
    for i in range(0, rows, ROWS):
        for k in range(0, fours, 4):
            a0, a1, a2, a3 = left[i, k], left[i, k + 1], left[i, k + 2], left[i, k + 3]
            b0, b1, b2, b3 = left[i + 1, k], left[i + 1, k + 1], left[i + 1, k + 2], left[i + 1, k + 3]
            c0, c1, c2, c3 = left[i + 2, k], left[i + 2, k + 1], left[i + 2, k + 2], left[i + 2, k + 3]
            d0, d1, d2, d3 = left[i + 3, k], left[i + 3, k + 1], left[i + 3, k + 2], left[i + 3, k + 3]
            e0, e1, e2, e3 = left[i + 4, k], left[i + 4, k + 1], left[i + 4, k + 2], left[i + 4, k + 3]
            for j in range(width):
                x, y, z, w = right[k, j], right[k + 1, j], right[k + 2, j], right[k + 3, j]
                out[i, j] += a0 * x + a1 * y + a2 * z + a3 * w
                out[i + 1, j] += b0 * x + b1 * y + b2 * z + b3 * w
                out[i + 2, j] += c0 * x + c1 * y + c2 * z + c3 * w
                out[i + 3, j] += d0 * x + d1 * y + d2 * z + d3 * w
                out[i + 4, j] += e0 * x + e1 * y + e2 * z + e3 * w
        for k in range(fours, inner):
            for row in range(i, i + ROWS):
                for j in range(width):
                    out[row, j] += left[row, k] * right[k, j]


PANEL_ROWS, PANEL_COLUMNS = 50, 100  # of `left` in `affine`: a panel and its sums stay in the cache


@compiled
def affine(left: Float32s, right: Float32s, bias: Float32s, out: Float32s) -> None:
    """Compute out = left @ right + bias, for left (R, K), right (K, J), bias (J,) and out (R, J).

    Sums of a panel each are added up: a single sum over K would lose a digit to rounding.
    """
    rows, inner = left.shape
    out[:] = bias
    for i in range(0, rows, PANEL_ROWS):
        n = min(PANEL_ROWS, rows - i)
        for k in range(0, inner, PANEL_COLUMNS):
            panel = np.zeros((padded_rows(n), min(PANEL_COLUMNS, inner - k)), np.float32)
            panel[:n] = left[i : i + n, k : k + PANEL_COLUMNS]
            sums = np.zeros((len(panel), len(bias)), np.float32)
            add_product(panel, right[k : k + PANEL_COLUMNS], n, sums)
            out[i : i + n] += sums[:n]


@compiled
def exponential(values: Float32s) -> None:
    """Replace each value by its exponential: 2**k times a polynomial (Cephes' expf).

    Exact to two units in the last place. Values are clipped at ±87, where the result leaves float32.
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


@inlined
def tanh(x: np.float32) -> np.float32:
    """Return the hyperbolic tangent, to 3e-7: the rational function of Eigen's `ptanh`.

    Beyond ±7.9 float32 has no number between it and 1.
    """
    x = min(max(x, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
    q = x * x
    p = np.float32(-2.76076847742355e-16) * q + np.float32(2.00018790482477e-13)
    p = p * q + np.float32(-8.60467152213735e-11)
    p = p * q + np.float32(5.12229709037114e-08)
    p = p * q + np.float32(1.48572235717979e-05)
    p = p * q + np.float32(6.37261928875436e-04)
    p = p * q + np.float32(4.89352455891786e-03)
    d = np.float32(1.19825839466702e-06) * q + np.float32(1.18534705686654e-04)
    d = d * q + np.float32(2.26843463243900e-03)
    d = d * q + np.float32(4.89352518554385e-03)
    return x * p / d
