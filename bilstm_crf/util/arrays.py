"""A function that NumPy lacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of all half-open ranges, one range after another.

    >>> ranges(np.array([5, 0]), np.array([8, 2]))
    array([5, 6, 7, 0, 1])
    """
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths  # numbers before each range
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
