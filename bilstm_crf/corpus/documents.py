"""Map sentences to documents by a table: `--documents`, or `documents.tsv` beside a corpus file.

A table is tab-separated, with a header and columns in any order:

    sent_id  document
    000001   ap001_0000
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from bilstm_crf.errors import InputError, did_you_mean
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import open_input, shown

NAME = "documents.tsv"
Row = dict[str, str]  # by column name


def tables_of(table: str | None, paths: Iterable[str]) -> list[str]:
    """Return the tables of these files' documents: the one that is named, or those beside the files."""
    found = [_beside(path) for path in paths] if table is None else [table]
    return list(dict.fromkeys(table for table in found if table is not None))


def _beside(path: str) -> str | None:
    if path in ("", shown("-")):  # a sentence that came from no file
        return None
    table = os.path.join(os.path.dirname(path), NAME)
    return table if os.path.lexists(table) else None


class Documents:
    """The documents of sentences.

    A named table must list each sentence of all files once, and overrides what the files say. Otherwise the
    table beside a sentence's file is used if the file names no documents. A sentence that is missing there,
    or has an empty document, belongs to no document.
    """

    def __init__(self, named: str | None = None) -> None:
        """Read the named table. Raises InputError if it is ill-formed."""
        self._named = named
        self._tables = {} if named is None else {named: read_table(named)}
        self._beside: dict[str, str | None] = {}  # the table beside each file
        self._met: dict[tuple[str, str], tuple[str, int]] = {}  # the place of each row's sentence

    def name(self, sentences: Iterable[Sentence]) -> None:
        """Set `document` of each sentence. Raises InputError as `row` does."""
        for _ in self.named(sentences):
            pass

    def named(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """Set `document` of each sentence of a stream.

        Comments between two sentences belong to the document of the first.
        """
        document = None
        for sentence in sentences:
            if self._named is not None or sentence.document is None:
                if sentence.tokens:
                    row = self.row(sentence)
                    document = None if row is None else row["document"] or None
                sentence.document = document
            document = sentence.document
            yield sentence

    def has_table(self, path: str) -> bool:
        """Return whether this file's documents come from a table. Raises InputError if it is ill-formed."""
        return (self._named or self._table_beside(path)) is not None

    def row(self, sentence: Sentence) -> Row | None:
        """Return the row of this sentence, None without one.

        Raises InputError for an ill-formed table, a sentence that a named table lacks, and for a second
        sentence with the same `sent_id`.
        """
        path = self._named or self._table_beside(sentence.path)
        if path is None:
            return None
        id_ = sentence.id or ""
        where: dict[str, Any] = {"path": sentence.path, "line": sentence.line}
        row = self._tables[path].get(id_) if id_ else None
        if row is None:
            if self._named is None:
                return None
            without = f"a sentence without a sent_id, so {path} cannot name its document"
            raise InputError(f"the sentence {id_} is not in {path}" if id_ else without, **where)
        among = "all files" if self._named is not None else sentence.path
        place = (sentence.path, sentence.line)
        if self._met.setdefault((among, id_), place) != place:
            each = f"use a {NAME} in each folder for files that share ids"
            where["hint"] = _why(sentence.path) if self._named is None else each
            raise InputError(f"the sentence {id_} is there twice, but only once in {path}", **where)
        return row

    def _table_beside(self, path: str) -> str | None:
        if path not in self._beside:
            table = self._beside[path] = _beside(path)
            if table is not None and table not in self._tables:
                try:
                    self._tables[table] = read_table(table)
                except InputError as error:
                    error.hint = _why(path)
                    raise
        return self._beside[path]


def _why(path: str) -> str:
    return f"the {NAME} beside {path} names its documents; --documents TABLE names another table"


def read_table(path: str | os.PathLike[str]) -> dict[str, Row]:
    """Return the rows of a table by `sent_id`. Raises InputError if it is ill-formed."""
    with open_input(path) as stream:
        data = stream.read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = data.count(b"\n", 0, error.start) + 1, data[error.start]
        raise InputError(f"byte 0x{byte:02X} is not UTF-8", path=path, line=line) from error
    head, *rows = [line.rstrip("\r").split("\t") for line in text.rstrip("\r\n").split("\n")]
    for column in ("sent_id", "document"):
        if head.count(column) != 1:
            found = f"{head.count(column) or 'no'} column{'s' * (column in head)} {column}"
            meant = "" if column in head else did_you_mean(column, head)
            raise InputError(
                f"{found}: expected sent_id and document, separated by tabs.{meant}",
                path=path,
                line=1,
                found="\t".join(head),
            )
    table: dict[str, Row] = {}
    for line, values in enumerate(rows, start=2):
        where: dict[str, Any] = {"path": path, "line": line, "found": "\t".join(values)}
        if len(values) != len(head):
            raise InputError(f"{len(values)} columns, expected {len(head)} as in the first line", **where)
        row = dict(zip(head, values, strict=True))
        if row["sent_id"] in table:
            raise InputError(f"the sentence {row['sent_id']} a second time", **where)
        table[row["sent_id"]] = row
    return table
