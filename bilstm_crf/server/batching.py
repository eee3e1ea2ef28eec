"""Tag the requests of many clients together.

requests ─► queue ─► a thread takes what waits, of one model and with the same options ─► Tagger ─► answers

A thread tags what has gathered while it was busy, so nobody waits for others to come: one request on an idle
server starts at once. Reading text and writing answers is work of these threads too. The kernels release
Python's lock, so that a second thread tags on a core of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence

BATCH_BYTES = 200_000  # of text that is tagged together: some 35,000 tokens


class QueueFullError(Exception):
    """So many requests wait that another one is refused."""


@dataclass(frozen=True, eq=False)
class Job:
    """A part of a request: what is read from it, how it is tagged, what is written."""

    tagger: Tagger
    decoding: Decoding
    read: Callable[[], list[Sentence]]
    write: Callable[[list[Sentence]], Any]
    size: int  # bytes
    together: bool = True  # whether it may be tagged with others
    future: Future[Any] = field(default_factory=Future)

    @property
    def kind(self) -> Hashable:
        """A key: jobs with the same one can be tagged together."""
        return (id(self.tagger), self.decoding) if self.together else id(self)


class Batcher:
    """A queue and the threads that empty it."""

    def __init__(self, threads: int, max_waiting: int) -> None:
        """Start the threads."""
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._max_waiting, self._closed = max_waiting, False
        self._numbers = count()
        self.jobs = self.batches = 0  # done so far
        self._threads = [
            threading.Thread(target=self._serve, name=f"tagger-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """The number of jobs in the queue."""
        return len(self._waiting)

    def submit(self, job: Job, *, always: bool = False) -> Future[Any]:
        """Put a job into the queue. Its future has the result of `write`, or what was raised.

        Raises QueueFullError; with `always`, for parts of a file, only if the queue is closed.
        """
        with self._changed:
            if self._closed or (len(self._waiting) >= self._max_waiting and not always):
                raise QueueFullError
            self._waiting.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Finish what is in the queue, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while batch := self._take():
            self._work(batch)

    def _take(self) -> list[Job]:
        """Wait for a job; return it with those that can be tagged with it. Empty: the queue is closed."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch: list[Job] = []
            size = 0
            for job in list(self._waiting):
                fits = not batch or (job.kind == batch[0].kind and size + job.size <= BATCH_BYTES)
                if fits:
                    self._waiting.remove(job)
                    batch.append(job)
                    size += job.size
            return batch

    def _work(self, batch: Sequence[Job]) -> None:
        """Do the jobs. One that fails, fails alone."""
        read: list[tuple[Job, list[Sentence]]] = []
        for job in batch:
            if not job.future.set_running_or_notify_cancel():  # the client has gone
                continue
            try:
                sentences = job.read()
            except Exception as error:
                job.future.set_exception(error)
                continue
            if job.together:  # texts of different clients are different files, and never read one another
                path = f"request {next(self._numbers)}"
                for sentence in sentences:
                    sentence.path = path
            read.append((job, sentences))
        with self._changed:
            self.batches += bool(read)
            self.jobs += len(read)
        try:
            self._tag(read)
        except Exception:
            for each in read:
                self._alone(each)
            return
        for each in read:
            _answer(each)

    def _tag(self, read: Sequence[tuple[Job, list[Sentence]]]) -> None:
        if read:
            job = read[0][0]
            job.tagger.annotate([each for _, sentences in read for each in sentences], job.decoding)

    def _alone(self, one: tuple[Job, list[Sentence]]) -> None:
        try:
            self._tag([one])
        except Exception as error:
            one[0].future.set_exception(error)
        else:
            _answer(one)


def _answer(one: tuple[Job, list[Sentence]]) -> None:
    job, sentences = one
    try:
        job.future.set_result(job.write(sentences))
    except Exception as error:
        job.future.set_exception(error)
