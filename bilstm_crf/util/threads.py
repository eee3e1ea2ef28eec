"""Run two independent computations at once, each on its own processor core.

PyTorch's own threads split every single product and synchronise after each. The two directions of an LSTM
split once and join once, and their results are the same bits with one core or two.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

R = TypeVar("R")


class _Worker:
    """A thread that waits for work; SimpleQueue wakes it in half the time of a Future."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Callable[[], Any]] = SimpleQueue()
        self._done: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        threading.Thread(target=self._serve, name="worker", daemon=True).start()

    def begin(self, work: Callable[[], Any]) -> None:
        self._given.put(work)

    def result(self) -> Any:
        """Return the result of the work, or raise what it raised."""
        result, error = self._done.get()
        if error is not None:
            raise error
        return result

    def _serve(self) -> None:
        while True:
            work = self._given.get()
            if (torch := sys.modules.get("torch")) is not None:
                torch.set_grad_enabled(False)  # each thread has its own setting
            try:
                self._done.put((work(), None))
            except BaseException as error:  # it belongs to the caller
                self._done.put((None, error))


_second: _Worker | None = None


def use_threads(threads: int, parallel: int = 2) -> None:
    """Let `parallel_pair` use `parallel` threads (1 or 2), and give each an equal share of PyTorch's."""
    global _second
    parallel = min(parallel, threads)
    _second = None if parallel == 1 else _second or _Worker()
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads // parallel)


def _forget_second() -> None:
    global _second
    _second = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_second)  # only the forking thread survives in a child


def parallel_pair(work: Callable[[int], R]) -> list[R]:
    """Return the results of work(0) and work(1), without gradients.

    Only one thread may call this: the one that trains.
    """
    if _second is None:
        return [work(0), work(1)]
    _second.begin(lambda: work(1))
    try:
        first = work(0)
    finally:
        second = _second.result()
    return [first, second]
