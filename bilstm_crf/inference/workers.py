"""Work on items in forked processes, in order.

Processes are for files: reading and writing are Python, and a process runs one Python thread at a time. They
are forks, so they share the model's memory; on systems without forks there is one process.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.util import system

A = TypeVar("A")
R = TypeVar("R")


def in_workers(
    work: Callable[[A], R],
    items: Iterable[A],
    *,
    processes: int,
    prepare: Callable[[], None] = lambda: None,
) -> Iterator[R]:
    """Return the results of `work` for each item, in order; never None.

    `prepare` is called before the forks, for what each would do again. The results do not depend on
    `processes`; a single item is worked on in this process. Items and results are pickled, `work` is not.
    What it raises is raised here. Forks before it returns, so call it before other threads run.
    """
    iterator = iter(items)
    first = list(islice(iterator, 2))
    everything = chain(first, iterator)
    if processes == 1 or len(first) < 2 or not system.CAN_FORK:
        return map(work, everything)
    prepare()
    gc.freeze()  # no collection in a fork touches, and thereby copies, the model's memory
    workers: list[_Worker[A, R]] = []
    # A fork must not handle them as we do
    before = signal.pthread_sigmask(signal.SIG_BLOCK, system.ENDING_SIGNALS)
    try:
        while len(workers) < processes:
            workers.append(_Worker(work, workers))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return _in_order(workers, work, everything)


def _in_order(workers: list[_Worker[A, R]], work: Callable[[A], R], everything: Iterator[A]) -> Iterator[R]:
    """Give each worker one item at a time; yield the results in the order of the items."""
    idle, busy = list(workers), deque[tuple[_Worker[A, R], A]]()
    try:
        for item in everything:
            done = None
            if idle:
                worker = idle.pop()
            else:
                worker, earlier = busy.popleft()
                done = _result(worker, work, earlier)
            worker.begin(item)
            busy.append((worker, item))
            if done is not None:
                yield done
        for worker, item in busy:
            yield _result(worker, work, item)
    finally:
        for worker in workers:
            worker.end()


def _result(worker: _Worker[A, R], work: Callable[[A], R], item: A) -> R:
    """Return what the worker sends; what it could not do is done here, and raises what it met."""
    result = worker.result()
    return work(item) if result is None else result


class _Worker(Generic[A, R]):
    """A forked process that works on one item after another.

    It has a pipe of its own: the queues of concurrent.futures hold locks that a killed process never
    releases, and then the parent waits for ever.
    """

    def __init__(self, work: Callable[[A], R], before: list[_Worker[A, R]]) -> None:
        """`before`: the workers that exist already."""
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        far_ends = [self._ours, *(worker._ours for worker in before)]
        self._process = context.Process(target=_serve, args=(work, theirs, far_ends), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, item: A) -> None:
        with self._alive():
            self._ours.send(item)

    def result(self) -> R | None:
        """Return the result; None if an error was raised."""
        with self._alive():
            result: R | None = self._ours.recv()
        return result

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError):
            raise BilstmCrfError(
                "a worker process was killed",
                hint="perhaps because memory ran out: fewer --threads need less",
            ) from None

    def end(self) -> None:
        """End the process at once, whatever it is doing: it holds nothing to clean up."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _serve(work: Callable[[Any], Any], ours: Connection, far_ends: list[Connection]) -> None:
    """Work on what arrives until the parent is gone; its ends of the pipes, open here, would hide that."""
    # Ctrl-C and a closed terminal reach the whole group. They are for the parent, which ends this process.
    for number in system.ENDING_SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, system.ENDING_SIGNALS)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    for end in far_ends:
        end.close()
    while True:
        try:
            item = ours.recv()
        except (EOFError, OSError):
            return
        try:
            result = work(item)
        except Exception:
            result = None  # the parent does it again, and meets the same error
        with contextlib.suppress(OSError):  # the parent is gone
            ours.send(result)


def _end_with_parent() -> None:
    """End this process when its parent is gone (kill -9), even in the middle of a chunk."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
