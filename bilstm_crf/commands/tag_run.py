"""Tag files: read, predict, and write what the job says, with counts and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from bilstm_crf.commands.output import open_output
from bilstm_crf.commands.tag_jobs import Job
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.formats.documents import DOCUMENTS
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import open_input, shown
from bilstm_crf.util.progress import TaggingProgress, visible

if TYPE_CHECKING:
    from bilstm_crf.inference.decoding import Decoding
    from bilstm_crf.inference.ensemble import Ensemble
    from bilstm_crf.inference.tagger import Tagger

# Called with the number of tokens and of names of what was tagged
Count = Callable[[int, int], None]


@dataclass(frozen=True)
class FileTagger:
    """Tags files with one model, or with an ensemble."""

    tagger: Tagger | Ensemble
    reading: FormatOptions
    documents: Documents | None
    flush: bool  # after each sentence
    processes: int
    decoding: Decoding

    def run(self, job: Job, *, quiet: bool) -> None:
        """Tag a file, with a progress bar if a terminal shows nothing else."""
        on_screen = shows_progress(job.output, quiet=quiet or job.path == "-")
        with TaggingProgress(job.path, shown=on_screen) as progress:
            self.tag_into_output(job, progress.count, progress.wrote)

    def tag_into_output(
        self, job: Job, count: Count, wrote: Callable[[int], None] = lambda _: None, *, named: bool = True
    ) -> None:
        """Tag a file and write its output. `named`: errors say that it was not written."""
        with (
            open_outputs(job, named=named) as (out, companion),
            self.opened(job) as stream,
            # Closed at once if something goes wrong, so that no worker outlives it
            closing(self.tag(job, stream, count, companion)) as contents,
        ):
            for content in contents:
                self.write(content, job, out)
                wrote(len(content) if job.keeps_format else 0)

    @contextmanager
    def opened(self, job: Job) -> Iterator[BinaryIO]:
        """Open a file; of a document, its text."""
        encoding = self.reading.input_encoding
        document = DOCUMENTS.get(job.source.name)
        with open_input(job.path, encoding, as_text=document is None) as stream:
            if document is None:
                yield stream
            else:
                yield BytesIO(document.text(stream, shown(job.path), encoding).encode())

    def write(self, content: bytes, job: Job, out: BinaryIO) -> None:
        """Write a part of an output; control characters in text are escaped on a terminal."""
        out.write(_for_terminal(content) if shows_text(job) else content)
        if self.flush:
            out.flush()

    def tag(
        self, job: Job, stream: BinaryIO, count: Count, companion: BinaryIO | None
    ) -> Generator[bytes, None, None]:
        """Yield what is to be written, and write to the companion what belongs there.

        CoNLL-U that stays CoNLL-U, which may be gigabytes, and text are tagged by several processes; other
        formats, and files whose documents are in a table, by this one.
        """
        if job.keeps_format and job.source is FORMATS["conllu"] and not self.flush and not self.in_table(job):
            return self._tag_chunks(job, stream, count)
        return self.contents(job, self.sentences(job, stream, count), companion)

    def in_table(self, job: Job) -> bool:
        """Return whether a table names the documents of a file."""
        return self.documents is not None and self.documents.has_table(shown(job.path))

    def contents(
        self, job: Job, sentences: Iterable[Sentence], companion: BinaryIO | None
    ) -> Generator[bytes, None, None]:
        """Yield tagged sentences as they are written."""
        if job.renders:
            return (job.source.render(sentence, self.reading) for sentence in sentences)
        return (content for content in written(job, sentences, self.reading, companion))

    def _tag_chunks(self, job: Job, stream: BinaryIO, count: Count) -> Generator[bytes, None, None]:
        from bilstm_crf.inference.chunks import ChunkTagger, tag_chunks

        chunk_tagger = ChunkTagger(self.tagger, job.source, self.reading, shown(job.path), self.decoding)
        for chunk in tag_chunks(chunk_tagger, stream, processes=self.processes):
            count(chunk.tokens, chunk.names)
            yield chunk.content

    def sentences(self, job: Job, stream: BinaryIO, count: Count) -> Iterator[Sentence]:
        """Yield the tagged sentences of a file; large texts are tagged by several processes."""
        if job.has_running_text and not self.flush and not self.in_table(job):
            return counted(self.running_text(stream, shown(job.path)), count)
        source = FORMATS["text"] if job.has_running_text else job.source
        sentences = source.read(stream, shown(job.path), self.reading)
        if self.documents is not None:
            sentences = self.documents.named(sentences)
        return counted(self.tagger.tag_stream(sentences, flush=self.flush, decoding=self.decoding), count)

    def running_text(self, stream: BinaryIO, path: str) -> Iterator[Sentence]:
        """Yield the tagged sentences of a text."""
        from bilstm_crf.inference.chunks import TextTagger, tag_text

        text_tagger = TextTagger(self.tagger, self.reading, path, self.decoding)
        return tag_text(text_tagger, stream, processes=self.processes)


@contextmanager
def open_outputs(job: Job, *, named: bool = True) -> Iterator[tuple[BinaryIO, BinaryIO | None]]:
    """Open the output of a job and its companion, if it has one; `named` as in `open_output`."""
    with open_output(job.output, named=named) as out:
        if job.companion is None:
            yield out, None
        else:
            with open_output(job.companion, named=named) as companion:
                yield out, companion


def written(
    job: Job, sentences: Iterable[Sentence], reading: FormatOptions, companion: BinaryIO | None
) -> Iterator[bytes]:
    """Yield an output in parts, and write to its companion what belongs there."""
    if companion is not None and job.target.companion is not None:
        sentences = _accompanied(sentences, job.target.companion.compose, companion)
    return job.target.write(sentences, reading)


def _accompanied(
    sentences: Iterable[Sentence], compose: Callable[[Sentence], bytes], companion: BinaryIO
) -> Iterator[Sentence]:
    for sentence in sentences:
        companion.write(compose(sentence))
        yield sentence


def counted(sentences: Iterable[Sentence], count: Count) -> Iterator[Sentence]:
    """Count the sentences as they pass."""
    for sentence in sentences:
        count(len(sentence), len(sentence.token_spans or ()))
        yield sentence


def _for_terminal(content: bytes) -> bytes:
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    text = "\n".join("\t".join(map(visible, line.rstrip("\r").split("\t"))) for line in lines)
    return text.encode(sys.stdout.encoding or "utf-8", "backslashreplace")


def shows_text(job: Job) -> bool:
    """Return whether marked text goes to a terminal."""
    return job.output is None and job.target.name == "text" and sys.stdout.isatty()


def shows_progress(output: str | None, *, quiet: bool) -> bool:
    """Return whether a progress bar may be shown: not on the terminal that shows the results."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return False
    return output is not None or not sys.stdout.isatty()
