"""The document that each sentence comes from, and the genre of that document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from bilstm_crf.corpus.documents import Documents
from bilstm_crf.sentence import Sentence


class Source(NamedTuple):
    """The document of a sentence, and its genre."""

    document: str
    genre: str


NOWHERE = Source("(none)", "(none)")


def genre_of(document: str) -> str:
    """Return the part of a document's name before its first digit. In NorNE it names the publication.

    A name without a digit, or one that begins with a digit, is a genre of its own.

    >>> genre_of("ap009_0003"), genre_of("blogg-nn002_0000"), genre_of("sport")
    ('ap', 'blogg-nn', 'sport')
    """
    found = re.match(r"(\D*[^\W\d_])[\W_]*\d", document)
    return found[1] if found else document


def sources(sentences: Sequence[Sentence], documents: Documents) -> list[Source] | None:
    """Return the document and genre of each sentence; None if no sentence has a document.

    A column `genre` in the table of documents takes precedence over `genre_of`. Raises InputError as
    `Documents.row` does.
    """
    if all(sentence.document is None for sentence in sentences):
        return None
    return [_source(sentence, documents) for sentence in sentences]


def _source(sentence: Sentence, documents: Documents) -> Source:
    if sentence.document is None:
        return NOWHERE
    row = documents.row(sentence)
    stated = row.get("genre") if row is not None and row["document"] == sentence.document else None
    return Source(sentence.document, stated or genre_of(sentence.document))
