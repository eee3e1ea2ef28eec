"""Tag one shard of a corpus: Parquet or JSONL in, the same with a column of names out.

JSONL is edited, not printed: the bytes of a line stay, with one more key at its end. Parquet is read and
written row group by row group.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Container, Iterator
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from bilstm_crf.errors import BilstmCrfError, InputError
from bilstm_crf.formats.base import rounded
from bilstm_crf.formats.blocks import BOM_BYTES
from bilstm_crf.inference.network import PLAIN_TOKENS, load_loops
from bilstm_crf.inference.shards import PARQUET, Job, Outcome, Settings, Shard
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.util.files import open_input, parse_json, write_whole
from bilstm_crf.util.system import without_collection

if TYPE_CHECKING:
    import pyarrow

SPARK_SCHEMA = b"org.apache.spark.sql.parquet.row.metadata"
HALF_PAIR = re.compile("[\ud800-\udfff]")

Names = list[dict[str, Any]] | None  # the `entities` of `Document.to_dict`; None where there is no text


@cache
def shard_tagger(settings: Settings) -> ShardTagger:
    """Return this process's tagger, which is loaded once: for workers that are handed functions."""
    return ShardTagger(settings)


class ShardTagger:
    """Tags shards with one model, in one thread."""

    def __init__(self, settings: Settings) -> None:
        """Load the model. Raises ModelFolderError for a bad folder."""
        self.settings = settings
        self.tagger = Tagger.load(settings.model_folder)
        load_loops(PLAIN_TOKENS + 1)  # plain ones, for a process's first texts, round differently
        self.tokens = 0  # tagged so far

    def tag(self, job: Job, shard: Shard) -> Outcome:
        """Write the output of a shard, unless it is there; a fault is the outcome's `error`.

        Of several workers with the same shard, one writes it.
        """
        source, target = os.path.join(job.source, shard.name), os.path.join(job.target, shard.name)
        if os.path.exists(target):
            return Outcome(shard.name)
        tag_file = self._tag_table if shard.name.endswith(PARQUET) else self._tag_lines
        tokens, cpu = self.tokens, time.process_time()
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _require_unchanged(job, shard)
            with write_whole(target, replace=False) as out:
                rows = tag_file(source, out)
                _require_unchanged(job, shard)
        except Exception as error:  # of any kind: one shard must not stop the others
            return Outcome(shard.name, error=_reason(error))
        return Outcome(shard.name, rows, self.tokens - tokens, time.process_time() - cpu)

    def _names(self, texts: list[str | None]) -> Iterator[Names]:
        """Yield the names of each text. Texts do not read one another."""
        documents = self.tagger.tag_texts(_taggable(text) for text in texts if text is not None)
        with without_collection():
            for text in texts:
                if text is None:
                    yield None
                    continue
                document = next(documents)
                self.tokens += sum(map(len, document.sentences))
                entities = document.to_dict()["entities"]
                for each in entities:
                    each["score"] = rounded(each["score"])
                    each["text"] = text[each["start"] : each["end"]]
                yield entities

    # ------------------------------------------------------------ JSONL

    def _tag_lines(self, path: str, out: BinaryIO) -> int:
        """Write a JSONL shard with its names; return the number of rows.

        Raises InputError with the line for what is no row, and if no row has the text column.
        """
        column, count, found = self.settings.text_column, 0, False
        with open_input(path) as stream:
            lines = enumerate(stream, start=1)
            while batch := list(islice(lines, self.settings.batch_size)):
                rows = [self._row(line, path, number) for number, line in batch]
                names = self._names([None if row is None else row.get(column) for row in rows])
                for (_, line), row, entities in zip(batch, rows, names, strict=True):
                    out.write(line if row is None else self._with_names(line, row, entities))
                present = [row for row in rows if row is not None]
                count += len(present)
                found = found or any(column in row for row in present)
        if count and not found:
            raise InputError(f"no row has the column {column!r}", path=path)
        return count

    def _row(self, line: bytes, path: str, number: int) -> dict[str, Any] | None:
        """Return the content of a line; None for an empty one. Raises InputError."""
        if number == 1:
            line = line.removeprefix(BOM_BYTES)
        if not line.strip():
            return None
        row = parse_json(line, path=path, line=number)
        if not isinstance(row, dict):
            raise InputError(f"is {type(row).__name__}, expected an object", path=path, line=number)
        self._require_free(row, path, number)
        text = row.get(self.settings.text_column)
        if text is not None and not isinstance(text, str):
            what = f"{self.settings.text_column!r} is {type(text).__name__}, expected a text or null"
            raise InputError(what, path=path, line=number)
        return row

    def _with_names(self, line: bytes, row: dict[str, Any], names: Names) -> bytes:
        """Return the line with one more key."""
        end = line.rindex(b"}")
        added = json.dumps({self.settings.column: names}, ensure_ascii=False)[1:-1]
        separator = b", " if row else b""
        # Half a surrogate pair is no UTF-8; Python's escape for it is JSON's as well
        return line[:end] + separator + added.encode("utf-8", "backslashreplace") + line[end:]

    # ------------------------------------------------------------ Parquet

    def _tag_table(self, path: str, out: BinaryIO) -> int:
        """Write a Parquet shard with its names, in the same row groups; return the number of rows.

        Raises InputError for a text column that is missing or holds something else.
        """
        import pyarrow
        from pyarrow import parquet

        # Nanoseconds cannot hold all years of INT96. Spark writes that type, with microseconds.
        with parquet.ParquetFile(path, coerce_int96_timestamp_unit="us") as file:
            self._require_text(file.schema_arrow, path)
            int96 = _has_int96(file.schema, path)
            field = pyarrow.field(self.settings.column, _names_type())
            schema = _without_spark_schema(file.schema_arrow).append(field)
            with parquet.ParquetWriter(
                out, schema, compression="zstd", use_deprecated_int96_timestamps=int96
            ) as writer:
                for number in range(file.num_row_groups):
                    group = file.read_row_group(number, use_threads=False)
                    names = self._names_of_column(group[self.settings.text_column])
                    table = group.replace_schema_metadata(schema.metadata).append_column(field, [names])
                    writer.write_table(table, row_group_size=max(1, len(table)))
            return file.metadata.num_rows

    def _names_of_column(self, column: pyarrow.ChunkedArray) -> pyarrow.Array:
        import pyarrow

        size = self.settings.batch_size
        batches = (column.slice(start, size).to_pylist() for start in range(0, len(column), size))
        return pyarrow.array([each for batch in batches for each in self._names(batch)], _names_type())

    def _require_text(self, schema: pyarrow.Schema, path: str) -> None:
        from pyarrow import types

        name = self.settings.text_column
        self._require_free(schema.names, path)
        if schema.names.count(name) != 1:
            columns = ", ".join(schema.names)
            raise InputError(f"has no single column {name!r}; there are: {columns}", path=path)
        kind = schema.field(name).type
        kind = kind.value_type if types.is_dictionary(kind) else kind
        are_texts = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
        if not any(each(kind) for each in are_texts):
            raise InputError(f"the column {name!r} is {kind}, expected string", path=path)

    def _require_free(self, columns: Container[str], path: str, line: int | None = None) -> None:
        """Raise InputError if the new column is among the `columns` of the input."""
        if self.settings.column in columns:
            what = f"has a column {self.settings.column!r} already"
            raise InputError(what, path=path, line=line, hint="choose another name with --column")


def _names_type() -> pyarrow.DataType:
    """Return the type of `Document.to_dict()["entities"]`."""
    import pyarrow

    string, whole = pyarrow.string(), pyarrow.int64()
    keys = {"text": string, "label": string, "score": pyarrow.float64(), "start": whole, "end": whole}
    return pyarrow.list_(pyarrow.struct(list(keys.items())))


def _has_int96(schema: pyarrow.parquet.ParquetSchema, path: str) -> bool:
    """Return whether the timestamps are INT96, which has no time zone: as another type they would get one.

    Raises InputError for a file with both kinds, since the writer knows one.
    """
    columns = [schema.column(number) for number in range(len(schema))]
    int96 = any(column.physical_type == "INT96" for column in columns)
    if int96 and any(column.logical_type.type == "TIMESTAMP" for column in columns):
        hint = "write both as TIMESTAMP (in Spark: spark.sql.parquet.outputTimestampType)"
        raise InputError("has timestamps of the types INT96 and TIMESTAMP", path=path, hint=hint)
    return int96


def _without_spark_schema(schema: pyarrow.Schema) -> pyarrow.Schema:
    """Return the schema without Spark's own copy: Spark would read the columns of that one only."""
    kept = {key: value for key, value in (schema.metadata or {}).items() if key != SPARK_SCHEMA}
    return schema.with_metadata(kept)


def _taggable(text: str) -> str:
    """Return the text with a replacement character for half a surrogate pair, which JSON can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return HALF_PAIR.sub("\ufffd", text)
    return text


def _require_unchanged(job: Job, shard: Shard) -> None:
    if Shard.of(job.source, shard.name) != shard:
        raise InputError("has changed since the work began; run the program again")


def _reason(error: Exception) -> str:
    """Return one line that says why a shard has no output."""
    if isinstance(error, BilstmCrfError):
        line = "" if error.line is None else f"line {error.line}: "
        return f"{line}{error.message}" + (f"; {error.hint}" if error.hint else "")
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
