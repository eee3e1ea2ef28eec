"""Tag files: read, predict, and write what the job says, with counts and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from bilstm_crf.commands.output import open_output
from bilstm_crf.commands.tag_jobs import Job
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import open_input, shown
from bilstm_crf.util.progress import TaggingProgress, visible

if TYPE_CHECKING:
    from bilstm_crf.inference.decoding import Decoding
    from bilstm_crf.inference.tagger import Tagger

# Called with the number of tokens and of names of what was tagged
Count = Callable[[int, int], None]


@dataclass(frozen=True)
class FileTagger:
    """Tags files with one model."""

    tagger: Tagger
    reading: FormatOptions
    documents: Documents | None
    flush: bool  # after each sentence
    processes: int
    decoding: Decoding

    def run(self, job: Job, *, quiet: bool) -> None:
        """Tag a file, with a progress bar if a terminal shows nothing else."""
        on_screen = shows_progress(job.output, quiet=quiet or job.path == "-")
        with (
            open_output(job.output) as out,
            self.opened(job) as stream,
            TaggingProgress(job.path, shown=on_screen) as progress,
            # Closed at once if something goes wrong, so that no worker outlives it
            closing(self.tag(job, stream, progress.count)) as contents,
        ):
            for content in contents:
                self.write(content, job, out)
                progress.wrote(len(content) if job.keeps_format else 0)

    def opened(self, job: Job) -> AbstractContextManager[BinaryIO]:
        """Open a file."""
        return open_input(job.path, self.reading.input_encoding)

    def write(self, content: bytes, job: Job, out: BinaryIO) -> None:
        """Write a part of an output; control characters in text are escaped on a terminal."""
        on_terminal = job.output is None and job.target.name == "text" and sys.stdout.isatty()
        out.write(_for_terminal(content) if on_terminal else content)
        if self.flush:
            out.flush()

    def tag(self, job: Job, stream: BinaryIO, count: Count) -> Generator[bytes, None, None]:
        """Yield what is to be written.

        CoNLL-U that stays CoNLL-U, which may be gigabytes, is tagged by several processes; other formats, and
        files whose documents are in a table, by this one.
        """
        path = shown(job.path)
        in_table = self.documents is not None and self.documents.has_table(path)
        if job.keeps_format and job.source is FORMATS["conllu"] and not self.flush and not in_table:
            return self._tag_chunks(job, stream, count)
        sentences = self.sentences(job, stream, count)
        if job.keeps_format:
            return (job.source.render(sentence, self.reading) for sentence in sentences)
        return (content for content in job.target.write(sentences, self.reading))

    def _tag_chunks(self, job: Job, stream: BinaryIO, count: Count) -> Generator[bytes, None, None]:
        from bilstm_crf.inference.chunks import ChunkTagger, tag_chunks

        chunk_tagger = ChunkTagger(self.tagger, job.source, self.reading, shown(job.path), self.decoding)
        for chunk in tag_chunks(chunk_tagger, stream, processes=self.processes):
            count(chunk.tokens, chunk.names)
            yield chunk.content

    def sentences(self, job: Job, stream: BinaryIO, count: Count) -> Iterator[Sentence]:
        """Yield the tagged sentences of a file."""
        sentences = job.source.read(stream, shown(job.path), self.reading)
        if self.documents is not None:
            sentences = self.documents.named(sentences)
        return counted(self.tagger.tag_stream(sentences, flush=self.flush, decoding=self.decoding), count)


def counted(sentences: Iterable[Sentence], count: Count) -> Iterator[Sentence]:
    """Count the sentences as they pass."""
    for sentence in sentences:
        count(len(sentence), len(sentence.token_spans or ()))
        yield sentence


def _for_terminal(content: bytes) -> bytes:
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    text = "\n".join("\t".join(map(visible, line.rstrip("\r").split("\t"))) for line in lines)
    return text.encode(sys.stdout.encoding or "utf-8", "backslashreplace")


def shows_progress(output: str | None, *, quiet: bool) -> bool:
    """Return whether a progress bar may be shown: not on the terminal that shows the results."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return False
    return output is not None or not sys.stdout.isatty()
