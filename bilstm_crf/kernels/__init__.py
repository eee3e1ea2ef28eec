"""The fast path on the CPU: the same functions as the plain modules, compiled by numba.

The plain ones (`nn.LSTM`, pytorch-crf) are the oracle in the tests, and what runs on a GPU, in float64, or
where numba is not installed.
"""

from importlib.util import find_spec

from torch import Tensor

NUMBA = find_spec("numba") is not None


def usable(tensor: Tensor) -> bool:
    """Whether the compiled functions can work on this tensor."""
    return NUMBA and tensor.device.type == "cpu"
