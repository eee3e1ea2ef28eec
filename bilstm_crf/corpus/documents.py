"""Documents: of which one a sentence is, where a table says so.

    sent_id  document  …     tab-separated, under a line of the columns' names, in any order
    000001   ap001_0000

A table is named (`--documents`) or lies beside a corpus's file as `documents.tsv`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from bilstm_crf.errors import InputError, did_you_mean
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import open_input, shown

NAME = "documents.tsv"
Row = dict[str, str]  # of a table, by the names of the columns


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
    """What tables say of sentences.

    A table that was named must have each sentence of all files once, and goes before what the files say. Else
    the table beside a sentence's file is asked where the file says nothing; a sentence that it has not is of
    no document. Nor is one with an empty document.
    """

    def __init__(self, named: str | None = None) -> None:
        """Raises InputError for an ill-formed table."""
        self._named = named
        self._tables = {} if named is None else {named: read_table(named)}
        self._beside: dict[str, str | None] = {}  # by the path of a corpus's file
        self._met: dict[tuple[str, str], tuple[str, int]] = {}  # where the sentence of a row stands

    def name(self, sentences: Iterable[Sentence]) -> None:
        """Sets `document` of each sentence. Raises InputError as `row` does."""
        for _ in self.named(sentences):
            pass

    def named(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """The same for a stream.

        Comments between two sentences go with the first of them, and so part no document.
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
        """Whether a table is asked for this file's documents. Raises InputError for an ill-formed one."""
        return (self._named or self._table_beside(path)) is not None

    def row(self, sentence: Sentence) -> Row | None:
        """What the table of this sentence has of it; None: nothing.

        Raises InputError for an ill-formed table, for one that has not the sentence though it was named, and
        for a second sentence of the same `sent_id`, since the table cannot tell the two apart.
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
            without = f"a sentence without a sent_id, by which {path} could name it"
            raise InputError(f"the sentence {id_} is not in {path}" if id_ else without, **where)
        among = "all files" if self._named is not None else sentence.path
        place = (sentence.path, sentence.line)
        if self._met.setdefault((among, id_), place) != place:
            each = f"a {NAME} in each folder tells sentences of one id apart"
            where["hint"] = _why(sentence.path) if self._named is None else each
            raise InputError(f"the sentence {id_} is there twice; {path} can name but one", **where)
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
    return f"a {NAME} beside {path} is to name its documents; --documents TABLE names another"


def read_table(path: str | os.PathLike[str]) -> dict[str, Row]:
    """The rows of a table by `sent_id`. Raises InputError for an ill-formed one."""
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
                f"{found}: expected sent_id, document and perhaps others, separated by tabs.{meant}",
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
