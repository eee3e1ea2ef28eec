"""The fast path on the CPU: the same functions as the plain modules, compiled by numba.

The plain ones (`nn.LSTM`, pytorch-crf) are the oracle in the tests, and what runs on a GPU, in float64, or
where numba is not installed.
"""

from importlib.util import find_spec

import torch
from torch import Tensor

NUMBA = find_spec("numba") is not None


def can_compile(tensor: Tensor, *precisions: torch.dtype) -> bool:
    """Whether the compiled functions can work on this tensor: on the CPU, in float32 (or one of those)."""
    return NUMBA and tensor.device.type == "cpu" and tensor.dtype in (precisions or (torch.float32,))
