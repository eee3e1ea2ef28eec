"""Tag chunks of a stream in order: in this thread, in several threads, or in forked processes.

A chunk ends where a sentence ends, and where a document ends if the model reads documents whole.
Processes are for files: reading and writing are Python, and a process runs one Python thread at a time.
They are forks, so they share the model's memory; on systems without forks there is one process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import io
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import Connection
from typing import BinaryIO

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import Format, FormatOptions
from bilstm_crf.formats.blocks import Chunk, chunks
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import PLAIN, Tagger
from bilstm_crf.util import system

CHUNK_BYTES = 3 << 20  # about 65,000 tokens of CoNLL-U
SIGNALS = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


@dataclass(frozen=True)
class TaggedChunk:
    """A chunk with its labels."""

    content: bytes
    tokens: int
    names: int


@dataclass(frozen=True)
class ChunkTagger:
    """Tags the chunks of a file."""

    tagger: Tagger
    format: Format
    options: FormatOptions
    path: str
    decoding: Decoding = PLAIN

    def tag(self, chunk: Chunk) -> TaggedChunk:
        """Return the chunk's bytes with new labels. Raises InputError as the format does."""
        options = dataclasses.replace(self.options, first_line=chunk.line)
        sentences = list(self.format.read(io.BytesIO(chunk.content), self.path, options))
        self.tagger.annotate(sentences, self.decoding)
        content = b"".join(self.format.render(sentence, options) for sentence in sentences)
        names = sum(len(sentence.token_spans or ()) for sentence in sentences)
        return TaggedChunk(content, sum(map(len, sentences)), names)


def tag_chunks(tagger: ChunkTagger, stream: BinaryIO, *, processes: int) -> Iterator[TaggedChunk]:
    """Tag a whole stream, chunk after chunk, and yield what `Format.render` writes.

    Sentences of the format must end with an empty line and not depend on those before, as in CoNLL-U,
    with documents that begin at `# newdoc`. The result does not depend on `processes`; a stream of one
    chunk is tagged in this process. Forks before it returns, so call it before other threads run.
    Raises InputError as the format does.
    """
    cut = chunks(stream, CHUNK_BYTES, whole_documents=tagger.tagger.reads_neighbours, path=tagger.path)
    first = list(islice(cut, 2))
    everything = chain(first, cut)
    if processes == 1 or len(first) < 2 or not tagger.tagger.on_cpu or not system.CAN_FORK:
        return map(tagger.tag, everything)
    gc.freeze()  # no collection in a fork touches, and thereby copies, the model's memory
    workers: list[_Worker] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a fork must not handle them as we do
    try:
        while len(workers) < processes:
            workers.append(_Worker(tagger, workers))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return _tag_in_workers(workers, tagger, everything)


def _tag_in_workers(
    workers: list[_Worker], tagger: ChunkTagger, everything: Iterator[Chunk]
) -> Iterator[TaggedChunk]:
    """Give each worker one chunk at a time; yield the results in the order of the chunks."""
    idle, busy = list(workers), deque[tuple[_Worker, Chunk]]()
    try:
        for chunk in everything:
            done = None
            if idle:
                worker = idle.pop()
            else:
                worker, earlier = busy.popleft()
                done = worker.result() or tagger.tag(earlier)  # raises what the worker met
            worker.begin(chunk)
            busy.append((worker, chunk))
            if done is not None:
                yield done
        for worker, chunk in busy:
            yield worker.result() or tagger.tag(chunk)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A forked process that tags one chunk after another.

    It has a pipe of its own: the queues of concurrent.futures hold locks that a killed process never
    releases, and then the parent waits for ever.
    """

    def __init__(self, tagger: ChunkTagger, before: list[_Worker]) -> None:
        """`before`: the workers that exist already."""
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        far_ends = [self._ours, *(worker._ours for worker in before)]
        self._process = context.Process(target=_serve, args=(tagger, theirs, far_ends), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, chunk: Chunk) -> None:
        with self._alive():
            self._ours.send(chunk)

    def result(self) -> TaggedChunk | None:
        """Return the tagged chunk; None for a chunk with an error."""
        with self._alive():
            tagged: TaggedChunk | None = self._ours.recv()
        return tagged

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


def _serve(tagger: ChunkTagger, ours: Connection, far_ends: list[Connection]) -> None:
    """Tag what arrives until the parent is gone; its ends of the pipes, open here, would hide that."""
    # Ctrl-C and a closed terminal reach the whole group. They are for the parent, which ends this process.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    for end in far_ends:
        end.close()
    while True:
        try:
            chunk = ours.recv()
        except (EOFError, OSError):
            return
        try:
            tagged = tagger.tag(chunk)
        except Exception:
            tagged = None  # the parent tags it again, and meets the same error
        with contextlib.suppress(OSError):  # the parent is gone
            ours.send(tagged)


def _end_with_parent() -> None:
    """End this process when its parent is gone (kill -9), even in the middle of a chunk."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
