"""Tag files: read, predict, and write each sentence in the format of the output."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from bilstm_crf.commands.output import open_output
from bilstm_crf.commands.tag_jobs import Job
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import open_input, shown
from bilstm_crf.util.progress import TaggingProgress, visible

if TYPE_CHECKING:
    from bilstm_crf.inference.tagger import Tagger


class Part(NamedTuple):
    """Some of an output, and the number of tokens and names in it."""

    content: bytes
    tokens: int
    names: int


@dataclass(frozen=True)
class FileTagger:
    """Tags files with one model."""

    tagger: Tagger
    reading: FormatOptions
    documents: Documents | None
    flush: bool  # after each sentence
    processes: int

    def run(self, job: Job, *, quiet: bool) -> None:
        """Tag a file, with a progress bar if a terminal shows nothing else."""
        with open_output(job.output) as out, self.opened(job) as stream:
            tagged = self.parts(job, stream)
            on_screen = shows_progress(job.output, quiet=quiet or job.path == "-")
            # Closed at once if something goes wrong, so that no worker outlives it
            with closing(tagged), TaggingProgress(job.path, shown=on_screen) as progress:
                for part in tagged:
                    self.write(part, job, out)
                    progress.add(part.tokens, len(part.content))

    def opened(self, job: Job) -> AbstractContextManager[BinaryIO]:
        """Open a file."""
        return open_input(job.path, self.reading.input_encoding)

    def write(self, part: Part, job: Job, out: BinaryIO) -> None:
        """Write a part; control characters in text are escaped on a terminal."""
        marked = job.output is None and job.target is FORMATS["text"] and sys.stdout.isatty()
        out.write(_on_terminal(part.content) if marked else part.content)
        if self.flush:
            out.flush()

    def parts(self, job: Job, stream: BinaryIO, *, merged: bool = False) -> Generator[Part, None, None]:
        """Yield what is to be written; `merged`: into a file that holds others as well.

        CoNLL-U that stays CoNLL-U, which may be gigabytes, is tagged by several processes; other formats, and
        files whose documents are in a table, by this one.
        """
        from bilstm_crf.inference.chunks import ChunkTagger, tag_chunks

        path, source, target = shown(job.path), job.source, job.target
        in_table = self.documents is not None and self.documents.has_table(path)
        if source is target is FORMATS["conllu"] and not self.flush and not in_table:
            chunk_tagger = ChunkTagger(self.tagger, source, self.reading, path)
            chunks = tag_chunks(chunk_tagger, stream, processes=self.processes)
            return (Part(chunk.content, chunk.tokens, chunk.names) for chunk in chunks)
        sentences = self.sentences(job, stream)
        if source is target and not merged:
            return (part_of(sentence, target.render(sentence, self.reading)) for sentence in sentences)
        return (
            part_of(sentence, target.compose(sentence, self.reading, new_document=new))
            for sentence, new in document_starts(sentences)
        )

    def sentences(self, job: Job, stream: BinaryIO) -> Iterator[Sentence]:
        """Yield the tagged sentences of a file."""
        sentences = job.source.read(stream, shown(job.path), self.reading)
        if self.documents is not None:
            sentences = self.documents.named(sentences)
        return self.tagger.tag_stream(sentences, flush=self.flush)


def part_of(sentence: Sentence, content: bytes) -> Part:
    """Return a sentence as it is written, with its numbers."""
    return Part(content, len(sentence), len(sentence.token_spans or ()))


def _on_terminal(content: bytes) -> bytes:
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    text = "\n".join("\t".join(map(visible, line.rstrip("\r").split("\t"))) for line in lines)
    return text.encode(sys.stdout.encoding or "utf-8", "backslashreplace")


def shows_progress(output: str | None, *, quiet: bool) -> bool:
    """Return whether a progress bar may be shown: not on the terminal that shows the results."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return False
    return output is not None or not sys.stdout.isatty()


def document_starts(sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, bool]]:
    """Yield each sentence, and whether its document is another one than that of the sentence before."""
    document: str | None = None
    for sentence in sentences:
        begins = bool(sentence.tokens) and sentence.document != document
        if sentence.tokens:  # comments alone separate no documents
            document = sentence.document
        yield sentence, begins
