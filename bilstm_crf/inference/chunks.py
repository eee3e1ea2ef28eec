"""Tag chunks of a CoNLL-U file or of a text in order: in this process or in forked ones.

A chunk of CoNLL-U ends where a sentence ends, and where a document ends if the model reads documents whole.
One of text ends with a paragraph; to such a model, a text is one document, or one for each chunk.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from bilstm_crf.formats import Format, FormatOptions, text
from bilstm_crf.formats.blocks import Chunk, chunks
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.inference.network import PLAIN_TOKENS, load_loops
from bilstm_crf.inference.tagger import PLAIN, Tagger
from bilstm_crf.inference.workers import in_workers
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.system import without_collection

if TYPE_CHECKING:
    from bilstm_crf.inference.ensemble import Ensemble

A = TypeVar("A")
R = TypeVar("R")

CHUNK_BYTES = 6 << 20  # about 130,000 tokens of CoNLL-U; more would save little
TEXT_CHUNK_BYTES = 1 << 19  # about 90,000 tokens: a novel


@dataclass(frozen=True)
class TaggedChunk:
    """A chunk with its labels."""

    content: bytes
    tokens: int
    names: int


@dataclass(frozen=True)
class ChunkTagger:
    """Tags the chunks of a file."""

    tagger: Tagger | Ensemble
    format: Format
    options: FormatOptions
    path: str
    decoding: Decoding = PLAIN

    def tag(self, chunk: Chunk) -> TaggedChunk:
        """Return the chunk's bytes with new labels. Raises InputError as the format does."""
        options = dataclasses.replace(self.options, first_line=chunk.line)
        with without_collection():
            sentences = list(self.format.read(io.BytesIO(chunk.content), self.path, options))
            self.tagger.annotate_chunk(sentences, self.decoding)
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
    return in_forks(tagger.tag, cut, tagger.tagger, tagger.decoding, processes=processes)


def in_forks(
    work: Callable[[A], R],
    items: Iterable[A],
    tagger: Tagger | Ensemble,
    decoding: Decoding,
    *,
    processes: int,
) -> Iterator[R]:
    """Return the results of tagging each item, as `in_workers`; on a GPU in this process."""
    return in_workers(
        work,
        items,
        processes=processes if tagger.on_cpu else 1,
        prepare=lambda: compile_loops(tagger, decoding),
    )


def compile_loops(tagger: Tagger | Ensemble, decoding: Decoding) -> None:
    """Compile, or load from numba's cache, all loops that tagging so needs."""
    load_loops(PLAIN_TOKENS + 1)  # not the plain ones, which short texts get
    # Several tokens, since numba compiles arrays of a single row apart
    tagger.annotate([Sentence(["Kari", "bur", "i", "Bergen", "."], document="1")], decoding)


@dataclass(frozen=True)
class TextTagger:
    """Tags the chunks of a text."""

    tagger: Tagger | Ensemble
    options: FormatOptions
    path: str
    decoding: Decoding = PLAIN

    def tag(self, chunk: text.TextChunk) -> list[Sentence]:
        """Return the tagged sentences of a chunk. Raises InputError as the format does."""
        options = dataclasses.replace(self.options, first_line=chunk.line, first_start=chunk.start)
        with without_collection():
            sentences = list(text.read(io.BytesIO(chunk.content), self.path, options))
            return annotated(self.tagger, sentences, self.decoding, is_document=options.sentences == "detect")


def annotated(
    tagger: Tagger | Ensemble, sentences: Sequence[Sentence], decoding: Decoding, *, is_document: bool
) -> list[Sentence]:
    """Tag sentences that are one document, or as they say themselves."""
    for sentence in sentences if is_document else ():
        sentence.document = "text"
    tagger.annotate(sentences, decoding)
    for sentence in sentences if is_document else ():
        sentence.document = None  # as the file has it
    return list(sentences)


def tag_text(tagger: TextTagger, stream: BinaryIO, *, processes: int) -> Iterator[Sentence]:
    """Yield the tagged sentences of a whole text. The result does not depend on `processes`.

    Forks before it returns, as `tag_chunks`. Raises InputError as the format does.
    """
    cut = text.chunks(stream, TEXT_CHUNK_BYTES, running=tagger.options.sentences == "detect")
    tagged = in_forks(tagger.tag, cut, tagger.tagger, tagger.decoding, processes=processes)
    return (sentence for sentences in tagged for sentence in sentences)
