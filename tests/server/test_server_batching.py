"""The queue: jobs that fail alone, that are not waited for any more, that are too many."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence
from bilstm_crf.server.batching import Batcher, Job, QueueFullError
from servers import MODEL

WORDS = ["Kari", "bur", "i", "Oslo", "."]
WAIT = 240


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load(MODEL)


class Gate:
    """A job that holds the only thread until it is opened."""

    def __init__(self, tagger: Tagger) -> None:
        self.opened, self.begun = threading.Event(), threading.Event()
        self.job = Job(tagger, Decoding(), self.read, lambda _: None, 1, together=False)

    def read(self) -> list[Sentence]:
        self.begun.set()
        assert self.opened.wait(WAIT)
        return []


@pytest.fixture
def held(tagger: Tagger) -> Iterator[tuple[Batcher, Gate]]:
    """A queue of four whose thread is busy until the gate is opened."""
    batcher, gate = Batcher(1, 4), Gate(tagger)
    batcher.submit(gate.job)
    assert gate.begun.wait(WAIT)
    yield batcher, gate
    gate.opened.set()
    batcher.close()


def job(tagger: Tagger, words: list[str] | None = None, **options: object) -> Job:
    sentence = Sentence(WORDS if words is None else words)
    decoding = Decoding(**options)  # type: ignore[arg-type]
    return Job(tagger, decoding, lambda: [sentence], lambda found: found[0].token_spans, 20)


def test_what_waits_together_is_tagged_together(tagger: Tagger, held: tuple[Batcher, Gate]) -> None:
    batcher, gate = held
    jobs = [job(tagger), job(tagger, recall=0.1), job(tagger), job(tagger)]
    futures = [batcher.submit(each) for each in jobs]
    assert batcher.waiting == 4
    gate.opened.set()
    results = [future.result(WAIT) for future in futures]
    assert results[0] == tagger.predict([Sentence(WORDS)])[0]
    assert results[0] == results[2] == results[3]
    assert batcher.batches == 3  # the gate, three alike, the one with other options


def test_a_full_queue_refuses(tagger: Tagger, held: tuple[Batcher, Gate]) -> None:
    batcher, _ = held
    for _ in range(4):
        batcher.submit(job(tagger))
    with pytest.raises(QueueFullError):
        batcher.submit(job(tagger))
    batcher.submit(job(tagger), always=True)  # a part of a file that is being answered


def test_one_that_fails_fails_alone(tagger: Tagger, held: tuple[Batcher, Gate]) -> None:
    batcher, gate = held

    def fail() -> list[Sentence]:
        raise ValueError("here")

    unreadable = Job(tagger, Decoding(), fail, lambda _: None, 1)
    untaggable = Job(tagger, Decoding(), lambda: [Sentence([None])], lambda _: None, 1)  # type: ignore[list-item]
    unwritable = Job(tagger, Decoding(), lambda: [Sentence(WORDS)], lambda found: found[1], 1)
    futures = [batcher.submit(each) for each in (unreadable, untaggable, unwritable, job(tagger))]
    gate.opened.set()
    with pytest.raises(ValueError, match="here"):
        futures[0].result(WAIT)
    assert futures[1].exception(WAIT) is not None
    assert isinstance(futures[2].exception(WAIT), IndexError)
    assert futures[3].result(WAIT) == tagger.predict([Sentence(WORDS)])[0]


def test_what_nobody_waits_for_is_not_done(tagger: Tagger, held: tuple[Batcher, Gate]) -> None:
    batcher, gate = held
    read: list[int] = []
    gone = Job(tagger, Decoding(), lambda: read.append(1) or [], lambda _: None, 1)  # type: ignore[func-returns-value]
    future = batcher.submit(gone)
    last = batcher.submit(job(tagger))
    assert future.cancel()
    gate.opened.set()
    last.result(WAIT)
    assert read == []


def test_closing_finishes_what_waits(tagger: Tagger) -> None:
    batcher = Batcher(2, 100)
    futures = [batcher.submit(job(tagger, nbest=1 + number % 3)) for number in range(30)]
    batcher.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(QueueFullError):
        batcher.submit(job(tagger), always=True)
