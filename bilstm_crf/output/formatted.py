"""Outputs in the formats that are read as well: sentences one after another, documents kept apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bilstm_crf.formats import Format, FormatOptions
from bilstm_crf.output.base import Writer
from bilstm_crf.sentence import Sentence


def writer_of(format_: Format, kind: str, *, merges: bool = True) -> Writer:
    """Return the writer that converts sentences of any format to this one."""

    def write(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
        for sentence, begins in document_starts(sentences):
            yield format_.compose(sentence, options, new_document=begins)

    return Writer(format_.name, kind, format_.suffixes, write, merges)


def document_starts(sentences: Iterable[Sentence]) -> Iterator[tuple[Sentence, bool]]:
    """Yield each sentence, and whether it begins another file or document than the one before."""
    place: tuple[str | None, str | None] = (None, None)
    for sentence in sentences:
        begins = False
        if sentence.tokens:  # comments alone separate no documents
            path, document = place
            begins = sentence.document != document or (path is not None and sentence.path != path)
            place = sentence.path, sentence.document
        yield sentence, begins
