"""Tag chunks of a stream in order: in this thread, in several threads, or in forked processes.

A chunk ends where a sentence ends, and where a document ends if the model reads documents whole.
Processes are for files: reading and writing are Python, and a process runs one Python thread at a time.
They are forks, so they share the model's memory; on systems without forks there is one process.
"""

from __future__ import annotations

import dataclasses
import gc
import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import Format, FormatOptions
from bilstm_crf.formats.blocks import Chunk, chunks
from bilstm_crf.inference.tagger import Tagger, in_order
from bilstm_crf.util import system

CHUNK_BYTES = 3 << 20  # about 65,000 tokens of CoNLL-U
SIGNALS = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


@dataclass(frozen=True)
class TaggedChunk:
    """A chunk with its labels."""

    content: bytes
    tokens: int


@dataclass(frozen=True)
class ChunkTagger:
    """Tags the chunks of a file."""

    tagger: Tagger
    format: Format
    options: FormatOptions
    path: str

    def tag(self, chunk: Chunk) -> TaggedChunk:
        """Return the chunk's bytes with new labels. Raises InputError as the format does."""
        options = dataclasses.replace(self.options, first_line=chunk.line)
        sentences = list(self.format.read(io.BytesIO(chunk.content), self.path, options))
        for sentence, spans in zip(sentences, self.tagger.predict(sentences), strict=True):
            sentence.spans = spans
        content = b"".join(self.format.render(sentence, options) for sentence in sentences)
        return TaggedChunk(content, sum(map(len, sentences)))


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
    others = set(multiprocessing.active_children())
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a fork must not handle them as we do
    try:
        context = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(processes, context, initializer=_start_worker, initargs=(tagger,))
        pool.submit(int)  # starts the processes
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    workers = set(multiprocessing.active_children()) - others
    return _tag_in_processes(pool, workers, tagger, everything)


def _tag_in_processes(
    pool: ProcessPoolExecutor,
    workers: set[multiprocessing.process.BaseProcess],
    tagger: ChunkTagger,
    everything: Iterator[Chunk],
) -> Iterator[TaggedChunk]:
    try:
        for chunk, tagged in in_order(pool, _tag_in_worker, everything, ahead=len(workers)):
            yield tagged or tagger.tag(chunk)  # raises what the worker met
    except BrokenProcessPool:
        raise BilstmCrfError(
            "a worker process was killed",
            hint="perhaps because memory ran out: fewer --threads need less",
        ) from None
    finally:
        for worker in workers:  # at once, whatever they are doing: they hold nothing to clean up
            worker.kill()
        pool.shutdown(cancel_futures=True)


_worker: ChunkTagger  # of this process, if it is a worker


def _start_worker(tagger: ChunkTagger) -> None:
    """Prepare a forked process for its chunks."""
    global _worker
    _worker = tagger
    # Ctrl-C and a closed terminal reach the whole group. They are for the parent, which ends this process.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _tag_in_worker(chunk: Chunk) -> TaggedChunk | None:
    """Return None for a chunk with an error: the parent tags it again, and meets the same one."""
    try:
        return _worker.tag(chunk)
    except Exception:
        return None


def _end_with_parent() -> None:
    """End this process when its parent is gone (kill -9), even in the middle of a chunk."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
