"""Tagging a file in pieces, by one process or by several: its bytes in, the same bytes with new labels out.

A piece ends where a sentence ends, and where a document ends if the model reads those whole. Whole pieces go
to the processes and come back tagged, for reading and writing are Python, of which a process runs one thread
at a time. The processes are forks: they share the model's memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import io
import multiprocessing
import re
import signal
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import Connection
from typing import BinaryIO

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import Format, FormatOptions
from bilstm_crf.tagger import Tagger

PIECE = 3 << 20  # bytes; of CoNLL-U some 65,000 tokens
NEWDOC = re.compile(rb"(\xef\xbb\xbf)?#[ \t]*newdoc([ \t]+id)?[ \t]*(=|\r?\n)")  # a line begins so


@dataclass(frozen=True)
class Piece:
    """Some of a file's sentences."""

    line: int  # the number of its first line
    content: bytes


@dataclass(frozen=True)
class Tagged:
    """A piece with its labels."""

    content: bytes
    tokens: int


@dataclass(frozen=True)
class Work:
    """What there is to do with each piece."""

    tagger: Tagger
    format: Format
    options: FormatOptions
    path: str

    def tag(self, piece: Piece) -> Tagged:
        """Raises InputError as the format does."""
        options = dataclasses.replace(self.options, first_line=piece.line)
        sentences = list(self.format.read(io.BytesIO(piece.content), self.path, options))
        for sentence, spans in zip(sentences, self.tagger.predict(sentences), strict=True):
            sentence.spans = spans
        content = b"".join(self.format.render(sentence, options) for sentence in sentences)
        return Tagged(content, sum(map(len, sentences)))


def tag_pieces(work: Work, stream: BinaryIO, *, processes: int) -> Iterator[Tagged]:
    """The whole stream, piece after piece, as `Format.render` writes it.

    The sentences of the format must end with an empty line and not depend on those before, as in CoNLL-U,
    and `# newdoc` alone say where a document begins.
    What comes out does not depend on `processes`; a stream of one piece is tagged by this process. Forks
    before it returns, so call it before other threads run. Raises InputError as the format does.
    """
    pieces = pieces_of(stream, whole_documents=work.tagger.reads_neighbours)
    first = list(islice(pieces, 2))
    everything = chain(first, pieces)
    if processes == 1 or len(first) < 2 or not work.tagger.on_cpu:
        return map(work.tag, everything)
    gc.freeze()  # so that no collection in a fork touches, and thereby copies, the model's memory
    workers: list[_Worker] = []
    for _ in range(processes):
        workers.append(_Worker(work, workers))
    return _share_out(everything, work, workers)


def pieces_of(stream: BinaryIO, *, whole_documents: bool = False) -> Iterator[Piece]:
    """The bytes of the stream, cut behind empty lines, in pieces of about `PIECE` bytes.

    With `whole_documents`, from the first `# newdoc` on, only where a document begins, however long they are.
    """
    line, rest, documents = 1, b"", False
    while block := stream.read(PIECE):
        rest += block
        end = _behind_empty_line(rest, len(rest))
        if whole_documents:
            begin = _last_document(rest)
            documents = documents or begin is not None
            if documents:
                end = begin or 0
        if end:
            yield Piece(line, rest[:end])
            line += rest.count(b"\n", 0, end)
            rest = rest[end:]
    if rest:
        yield Piece(line, rest)


def _behind_empty_line(content: bytes, end: int) -> int:
    """Where what follows the last empty line before `end` begins; 0 without one."""
    behind = max(content.rfind(b"\n\n", 0, end) + 2, content.rfind(b"\n\r\n", 0, end) + 3)
    return behind if behind > 3 else 0


def _last_document(content: bytes) -> int | None:
    """Where the sentence that begins the last document begins; None without a `# newdoc`."""
    end = len(content)
    while (found := content.rfind(b"newdoc", 0, end)) >= 0:
        line = content.rfind(b"\n", 0, found) + 1
        if NEWDOC.match(content, line):
            return _behind_empty_line(content, line)
        end = found
    return None


def _share_out(pieces: Iterator[Piece], work: Work, workers: list[_Worker]) -> Iterator[Tagged]:
    """Each worker has one piece in hand; results come in the order of the pieces."""
    idle, in_hand = list(workers), deque[tuple[_Worker, Piece]]()
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

    def __init__(self, work: Work, before: list[_Worker]) -> None:
        """`before`: the workers there are already."""
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        far_ends = [self._ours, *(worker._ours for worker in before)]
        self._process = context.Process(target=_serve, args=(work, theirs, far_ends), daemon=True)
        self._process.start()
        theirs.close()

    def begin(self, piece: Piece) -> None:
        with self._alive():
            self._ours.send(piece)

    def result(self) -> Tagged | None:
        """None: the piece has an error."""
        with self._alive():
            tagged: Tagged | None = self._ours.recv()
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
        self._process.terminate()
        self._process.join()
        self._ours.close()


def _serve(work: Work, ours: Connection, far_ends: list[Connection]) -> None:
    """Until the parent is gone: what keeps its ends of the pipes open here would hide that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    for end in far_ends:
        end.close()
    try:
        while True:
            piece = ours.recv()
            try:
                tagged = work.tag(piece)
            except BilstmCrfError:
                tagged = None
            ours.send(tagged)
    except (EOFError, OSError):
        return
