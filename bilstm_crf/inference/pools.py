"""Work on a stream of items in a pool of threads or processes, with results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")


def in_order(
    pool: Executor, work: Callable[[A], R], given: Iterable[A], *, ahead: int
) -> Iterator[tuple[A, R]]:
    """Yield each item with its result, in order, while `ahead` others are in work."""
    pending: deque[tuple[A, Future[R]]] = deque()
    for item in given:
        pending.append((item, pool.submit(work, item)))
        if len(pending) > ahead:
            first, future = pending.popleft()
            yield first, future.result()
    for item, future in pending:
        yield item, future.result()
