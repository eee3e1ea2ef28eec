"""Compiled loops over NumPy arrays (LSTM, CRF, characters, dropout), and their twins in plain NumPy.

The compiled ones need numba; `plain.py` has what tagging needs without it, and is the oracle in the
tests. For training, PyTorch's own modules are oracle and fallback. Nothing here imports PyTorch.
"""

from importlib.util import find_spec

NUMBA = find_spec("numba") is not None
