"""Tag a file in pieces, with one process or several: its bytes in, the same bytes with new labels out.

A piece ends where a sentence ends, and where a document ends if the model reads documents whole. Workers get
whole pieces and send them back tagged, because reading and writing are Python, and one process runs one
Python thread at a time. Workers are forks, so they share the model's memory; without forks there is one
process.
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
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.util import system

CHUNK_BYTES = 3 << 20  # bytes; of CoNLL-U some 65,000 tokens
SIGNALS = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


@dataclass(frozen=True)
class TaggedChunk:
    """A piece with its labels."""

    content: bytes
    tokens: int


@dataclass(frozen=True)
class ChunkTagger:
    """What there is to do with each piece."""

    tagger: Tagger
    format: Format
    options: FormatOptions
    path: str

    def tag(self, piece: Chunk) -> TaggedChunk:
        """Raises InputError as the format does."""
        options = dataclasses.replace(self.options, first_line=piece.line)
        sentences = list(self.format.read(io.BytesIO(piece.content), self.path, options))
        for sentence, spans in zip(sentences, self.tagger.predict(sentences), strict=True):
            sentence.spans = spans
        content = b"".join(self.format.render(sentence, options) for sentence in sentences)
        return TaggedChunk(content, sum(map(len, sentences)))


def tag_chunks(work: ChunkTagger, stream: BinaryIO, *, processes: int) -> Iterator[TaggedChunk]:
    """The whole stream, piece after piece, as `Format.render` writes it.

    The sentences of the format must end with an empty line and not depend on those before, as in CoNLL-U,
    and `# newdoc` alone say where a document begins.
    What comes out does not depend on `processes`; a stream of one piece is tagged by this process. Forks
    before it returns, so call it before other threads run. Raises InputError as the format does.
    """
    pieces = chunks(stream, CHUNK_BYTES, whole_documents=work.tagger.reads_neighbours, path=work.path)
    first = list(islice(pieces, 2))
    everything = chain(first, pieces)
    if processes == 1 or len(first) < 2 or not work.tagger.on_cpu or not system.CAN_FORK:
        return map(work.tag, everything)
    gc.freeze()  # so that no collection in a fork touches, and thereby copies, the model's memory
    workers: list[_Worker] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a fork must not handle them as we do
    try:
        for _ in range(processes):
            workers.append(_Worker(work, workers))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return _share_out(everything, work, workers)


def _share_out(pieces: Iterator[Chunk], work: ChunkTagger, workers: list[_Worker]) -> Iterator[TaggedChunk]:
    """Each worker has one piece in hand; results come in the order of the pieces."""
    idle, in_hand = list(workers), deque[tuple[_Worker, Chunk]]()
    try:
        for piece in pieces:
            done = None
            if idle:
                worker = idle.pop()
            else:
                worker, earlier = in_hand.popleft()
                done = worker.result() or work.tag(earlier)  # which raises what the worker met
            worker.begin(piece)
            in_hand.append((worker, piece))
            if done is not None:
                yield done
        for worker, piece in in_hand:
            yield worker.result() or work.tag(piece)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that tags one piece after another."""

    def __init__(self, work: ChunkTagger, before: list[_Worker]) -> None:
        """`before`: the workers there are already."""
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        far_ends = [self._ours, *(worker._ours for worker in before)]
        self._process = context.Process(target=_serve, args=(work, theirs, far_ends), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, piece: Chunk) -> None:
        with self._alive():
            self._ours.send(piece)

    def result(self) -> TaggedChunk | None:
        """None: the piece has an error."""
        with self._alive():
            tagged: TaggedChunk | None = self._ours.recv()
        return tagged

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError):
            self._process.join()
            raise BilstmCrfError(
                f"a process that tagged ended with status {self._process.exitcode}",
                hint="-9 means killed, perhaps for want of memory: fewer --threads need less",
            ) from None

    def end(self) -> None:
        """End the process at once, whatever it is doing: it holds nothing that would have to be tidied."""
        self._process.kill()
        self._process.join()
        self._ours.close()


def _serve(work: ChunkTagger, ours: Connection, far_ends: list[Connection]) -> None:
    """Tag what comes until the parent is gone: what keeps its ends of the pipes open here would hide that."""
    # Ctrl-C and a closed terminal come to the whole group. They are for the parent, which ends this process.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    for end in far_ends:
        end.close()
    while True:
        try:
            piece = ours.recv()
        except (EOFError, OSError):
            return
        try:
            tagged = work.tag(piece)
        except Exception:
            tagged = None  # the parent tags it again, and meets the same
        with contextlib.suppress(OSError):  # nobody is left to take it: then nothing comes either
            ours.send(tagged)


def _end_with_parent() -> None:
    """End this process when its parent has gone (kill -9), in the middle of a long piece too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
