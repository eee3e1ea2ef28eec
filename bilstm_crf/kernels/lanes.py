"""Two lanes: work that falls into two independent halves, each on a processor core of its own.

PyTorch's own threads share out every single product and meet again after it. The two directions of an LSTM
part once and meet once, and what each computes is the same with one core or two, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

R = TypeVar("R")

_second = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lane")
_count = 1


def use_threads(threads: int) -> None:
    """From now on, two lanes where there are two threads, and PyTorch's own inside them beyond that."""
    global _count
    _count = min(threads, 2)
    torch.set_num_threads(max(1, threads // 2))


def in_lanes(work: Callable[[int], R]) -> list[R]:
    """The results of work(0) and work(1), without gradients."""
    if _count == 1:
        return [work(0), work(1)]
    other = _second.submit(torch.no_grad()(work), 1)
    return [work(0), other.result()]
