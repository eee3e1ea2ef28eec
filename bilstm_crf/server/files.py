"""Tag a file while it arrives: CoNLL-U or text in, the same file with labels or another format out.

body ─► chunks of whole sentences ─► Batcher, a few at once ─► bytes in the order of the file

The chunks are those of `inference/chunks.py`, and so are the bytes: what `bilstm-crf tag` writes. They are
smaller, so that others do not wait long behind one; a model that reads neighbours gets whole documents.
"""

from __future__ import annotations

import dataclasses
import io
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from bilstm_crf.errors import did_you_mean
from bilstm_crf.formats import FORMATS, Format, FormatOptions, blocks, text
from bilstm_crf.inference.chunks import CHUNK_BYTES, TEXT_CHUNK_BYTES
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.tagger import Tagger, chunks_of
from bilstm_crf.output import WRITERS, Writer
from bilstm_crf.sentence import Sentence
from bilstm_crf.server.batching import Batcher, Job
from bilstm_crf.server.problems import ProblemError

SMALL_CHUNK_BYTES, SMALL_TEXT_BYTES = 1 << 18, 1 << 16  # some 6,000 and 11,000 tokens
GROUP_TOKENS = 8_192

MEDIA_TYPES = {
    "conllu": "text/x-conllu; charset=utf-8",
    "conll2003": "text/tab-separated-values; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "jsonl": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
SOURCES = {"text/x-conllu": "conllu", "application/x-conllu": "conllu", "text/plain": "text"}


@dataclass(frozen=True)
class FileRequest:
    """A file to tag, and what to write."""

    source: Format
    target: Writer
    tagger: Tagger
    decoding: Decoding
    options: FormatOptions
    name: str = ""  # of the file, for outputs that name it

    @property
    def renders(self) -> bool:
        """Whether the output is the input with labels: for text, with marks around its names."""
        return self.source.name == self.target.name


def writer_of(name: str) -> Writer:
    """Return the writer of `to`. Raises ProblemError if there is none, or if it writes two files."""
    if name not in MEDIA_TYPES:
        message = f"to is {name[:40]!r}, which is no output.{did_you_mean(name[:40], MEDIA_TYPES)}"
        raise ProblemError(400, message, hint=f"known: {' '.join(MEDIA_TYPES)}")
    return WRITERS[name]


def source_of(kind: str) -> Format:
    """Return the format of a body of a media type. Raises ProblemError for others."""
    if kind not in SOURCES:
        found = f"Content-Type is {kind[:60]!r}" if kind else "no Content-Type"
        expected = ", ".join(["application/json", *SOURCES])
        raise ProblemError(415, f"{found}, expected one of {expected}")
    return FORMATS[SOURCES[kind]]


@dataclass
class TaggedFile:
    """A file that is being tagged. Iterating yields its output in parts."""

    request: FileRequest
    batcher: Batcher
    stream: BinaryIO
    ahead: int  # chunks that are in work while one is written
    count: Callable[[int, int], None]  # of the tokens and names of a chunk
    _pending: deque[Future[Any]] = field(default_factory=deque)

    def __iter__(self) -> Iterator[bytes]:
        """Read, tag and write. Raises InputError, and what the stream raises."""
        try:
            if self.request.renders:
                yield from self._results()
            else:
                sentences = (each for chunk in self._results() for each in chunk)
                yield from self.request.target.write(sentences, self.request.options)
        finally:
            for future in self._pending:
                future.cancel()

    def _results(self) -> Iterator[Any]:
        """Yield the result of each chunk, in order: bytes, or sentences for a writer."""
        for job in self._jobs():
            self._pending.append(self.batcher.submit(job, always=True))
            if len(self._pending) > self.ahead or self._pending[0].done():
                yield self._pending[0].result()
                self._pending.popleft()
        while self._pending:
            yield self._pending[0].result()
            self._pending.popleft()

    def _jobs(self) -> Iterator[Job]:
        whole, source = self.request.tagger.reads_neighbours, self.request.source
        if source is text:
            size = TEXT_CHUNK_BYTES if whole else SMALL_TEXT_BYTES
            running = self.request.options.sentences == "detect"
            for chunk in text.chunks(self.stream, size, running=running):
                yield self._chunk(chunk.content, chunk.line, chunk.start)
        elif self.request.renders:
            size = CHUNK_BYTES if whole else SMALL_CHUNK_BYTES
            for block in blocks.chunks(self.stream, size, whole_documents=whole):
                yield self._chunk(block.content, block.line)
        else:  # the names of documents count from the start of the file
            sentences = source.read(self.stream, self.request.name, self.request.options)
            for group in chunks_of(sentences, GROUP_TOKENS, whole_documents=whole):
                yield self._job(lambda group=group: group, 0)  # type: ignore[misc]

    def _chunk(self, content: bytes, line: int, start: int = 0) -> Job:
        """Return the job of some bytes, and where they begin."""
        options = dataclasses.replace(self.request.options, first_line=line, first_start=start)

        def read() -> list[Sentence]:
            return list(self.request.source.read(io.BytesIO(content), self.request.name, options))

        return self._job(read, len(content))

    def _job(self, read: Callable[[], list[Sentence]], size: int) -> Job:
        request = self.request
        is_document = request.source is text and request.options.sentences == "detect"

        def named() -> list[Sentence]:
            sentences = read()
            for sentence in sentences if is_document else ():
                sentence.document = "text"
            return sentences

        def write(sentences: list[Sentence]) -> Any:
            for sentence in sentences if is_document else ():
                sentence.document = None  # as the file has it
            self.count(sum(map(len, sentences)), sum(len(each.token_spans or ()) for each in sentences))
            if not request.renders:
                return sentences
            return b"".join(request.source.render(sentence, request.options) for sentence in sentences)

        return Job(request.tagger, request.decoding, named, write, size, together=False)
