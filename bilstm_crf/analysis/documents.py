"""Which document each sentence comes from, and that document's genre."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from bilstm_crf.corpus.documents import Documents
from bilstm_crf.sentence import Sentence


class Source(NamedTuple):
    """Where a sentence comes from."""

    document: str
    genre: str


NOWHERE = Source("(none)", "(none)")


def genre_of(document: str) -> str:
    """The leading part of a document's name: all before its first digit. In NorNE it names the publication.

    A name without a digit, or that begins with one, is a genre of its own.

    >>> genre_of("ap009_0003"), genre_of("blogg-nn002_0000"), genre_of("sport")
    ('ap', 'blogg-nn', 'sport')
    """
    found = re.match(r"(\D*[^\W\d_])[\W_]*\d", document)
    return found[1] if found else document


def sources(sentences: Sequence[Sentence], documents: Documents) -> list[Source] | None:
    """The document and genre of each sentence that `documents` has named; None: none of them has a document.

    A column `genre` in the table that names the document goes before `genre_of` its name. Raises InputError
    as `Documents.row` does.
    """
    if all(sentence.document is None for sentence in sentences):
        return None
    return [_source(sentence, documents) for sentence in sentences]


def _source(sentence: Sentence, documents: Documents) -> Source:
    if sentence.document is None:
        return NOWHERE
    row = documents.row(sentence)
    said = row.get("genre") if row is not None and row["document"] == sentence.document else None
    return Source(sentence.document, said or genre_of(sentence.document))
