"""Which document each sentence comes from, and that document's genre."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from bilstm_crf.errors import InputError, near_miss
from bilstm_crf.files import open_input
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


def sources(
    sentences: Sequence[Sentence], table: str | os.PathLike[str] | None = None
) -> list[Source] | None:
    """The document and genre of each sentence; None: no sentence names its document.

    Without a `table` it is the document that the sentence's file gives (`# newdoc id` in CoNLL-U), and
    `genre_of` its name. A table is a file of tab-separated columns with a line of names at its top, among
    them `sent_id` and `document`, and perhaps `genre`, which then goes before `genre_of`.

    Raises InputError for a table that is no such file, and for a sentence that it does not name once.
    """
    if table is not None:
        return _from_table(sentences, table)
    if all(sentence.document is None for sentence in sentences):
        return None
    return [
        NOWHERE if sentence.document is None else Source(sentence.document, genre_of(sentence.document))
        for sentence in sentences
    ]


def _from_table(sentences: Sequence[Sentence], path: str | os.PathLike[str]) -> list[Source]:
    known = read_table(path)
    found: dict[str, Source] = {}
    for sentence in sentences:
        number = sentence.id
        where: dict[str, Any] = {"path": sentence.path, "line": sentence.line}
        if number is None:
            raise InputError(f"a sentence without a sent_id, by which {path} could name it", **where)
        if number not in known:
            raise InputError(f"the sentence {number} is not in {path}", **where)
        if number in found:
            raise InputError(f"the sentence {number} is there twice; {path} can name but one", **where)
        found[number] = known[number]
    return list(found.values())


def read_table(path: str | os.PathLike[str]) -> dict[str, Source]:
    """Sentence id to document and genre. Raises InputError for an ill-formed table."""
    with open_input(path) as stream:
        try:
            text = stream.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"is not UTF-8: {error}", path=path) from error
    head, *rows = [line.rstrip("\r").split("\t") for line in text.rstrip("\r\n").split("\n")]
    for column in ("sent_id", "document"):
        if column not in head:
            raise InputError(
                f"no column {column}: expected sent_id, document and perhaps genre, separated by tabs."
                f"{near_miss(column, head)}",
                path=path,
                line=1,
                found="\t".join(head),
            )
    table: dict[str, Source] = {}
    for line, row in enumerate(rows, start=2):
        where: dict[str, Any] = {"path": path, "line": line, "found": "\t".join(row)}
        if len(row) != len(head):
            raise InputError(f"{len(row)} columns, expected {len(head)} as in the first line", **where)
        fields = dict(zip(head, row, strict=True))
        number, document = fields["sent_id"], fields["document"]
        if number in table:
            raise InputError(f"the sentence {number} a second time", **where)
        table[number] = Source(document, fields.get("genre") or genre_of(document))
    return table
