"""Two lanes: work that falls into two independent halves, each on a processor core of its own.

PyTorch's own threads share out every single product and meet again after it. The two directions of an LSTM
part once and meet once, and what each computes is the same with one core or two, to the last bit.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import torch

R = TypeVar("R")


class _Lane:
    """A thread that waits for work; SimpleQueue wakes it in half the time that a Future takes."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self._done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        threading.Thread(target=self._serve, name="lane", daemon=True).start()

    def begin(self, work: Callable[[], Any]) -> None:
        self._given.put(work)

    def result(self) -> Any:
        """Of the work that was begun; raises what it raised."""
        result, error = self._done.get()
        if error is not None:
            raise error
        return result

    @torch.no_grad()
    def _serve(self) -> None:
        while True:
            work = self._given.get()
            try:
                self._done.put((work(), None))
            except BaseException as error:  # it belongs to who asked
                self._done.put((None, error))


_second: _Lane | None = None


def use_threads(threads: int, lanes: int = 2) -> None:
    """From now on, one or two lanes, no more than threads; what is left are PyTorch's own in each."""
    global _second
    lanes = min(lanes, threads)
    _second = None if lanes == 1 else _second or _Lane()
    torch.set_num_threads(threads // lanes)


def _forget_second() -> None:
    global _second
    _second = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_second)  # a fork has no thread but the one that forked


def parallel_pair(work: Callable[[int], R]) -> list[R]:
    """The results of work(0) and work(1), without gradients. For the one thread that trains."""
    if _second is None:
        return [work(0), work(1)]
    _second.begin(lambda: work(1))
    try:
        first = work(0)
    finally:
        second = _second.result()
    return [first, second]
