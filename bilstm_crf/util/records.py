"""Records: frozen dataclasses that are written as JSON and read back, checked field by field.

A class that is the root of a file has a `FORMAT: ClassVar[int]`, which is written as the field `format`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import reprlib
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

from bilstm_crf.errors import BilstmCrfError, InputError, near_miss
from bilstm_crf.util.files import parse_json, read_json, write_json, write_whole

T = TypeVar("T")
hints_of = functools.cache(typing.get_type_hints)
NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
MAX_NUMBER = 2**63 - 1  # any larger one comes from a damaged file


def to_json(record: Any) -> Any:
    """Return a record as JSON holds it, with its `format`."""
    content = dataclasses.asdict(record)
    return {"format": record.FORMAT, **content} if hasattr(record, "FORMAT") else content


def write_record(path: Path, record: Any) -> None:
    """Write a record as a JSON file, atomically."""
    write_json(path, to_json(record))


def write_records(path: Path, records: Iterable[Any]) -> None:
    """Write records as a JSONL file, atomically."""
    with write_whole(path) as stream:
        stream.writelines((json.dumps(to_json(each)) + "\n").encode("utf-8") for each in records)


def read_record(kind: type[T], path: Path, *, hint: str | None = None) -> T:
    """Read a JSON file as a record. Raises InputError for a file that is missing, damaged or of another kind."""
    return record_of(kind, read_json(path, hint=hint), path=path, hint=hint)


def read_records(kind: type[T], path: Path, *, hint: str | None = None) -> list[T]:
    """Read a JSONL file as records. Raises InputError, with the line, as `read_record` does."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path, hint=hint) from error
    return [
        record_of(kind, parse_json(line, path=path, line=number, hint=hint), path=path, line=number, hint=hint)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def record_of(
    kind: type[T], content: Any, *, path: Path, line: int | None = None, hint: str | None = None
) -> T:
    """Return JSON from `path` as a record. Raises InputError where it is none."""
    try:
        record: T = read_value(kind, content)
    except (ValueError, BilstmCrfError) as error:
        raise InputError(str(error), path=path, line=line, hint=hint) from error
    return record


def read_value(kind: Any, value: Any, place: str = "") -> Any:
    """Return a JSON value as what a type hint says: a dataclass, a container, a literal, a number, a text.

    `place` names the value in messages: `test.interval.low`. Raises ValueError for another type, a field that
    is unknown or missing, and for NaN.
    """
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        (other,) = (each for each in arguments if each is not types.NoneType)
        return None if value is None else read_value(other, value, place)
    if origin is Literal:
        if value in arguments:
            return value
        raise _wrong(value, " or ".join(map(repr, arguments)), place)
    if origin in (list, tuple):
        if not isinstance(value, list):
            raise _wrong(value, "a list", place)
        return origin(read_value(arguments[0], each, f"{place}[{n}]") for n, each in enumerate(value))
    if origin is dict or dataclasses.is_dataclass(origin):
        if not isinstance(value, dict):
            raise _wrong(value, "an object", place)
        if origin is dict:
            return {name: read_value(arguments[1], each, _inside(place, name)) for name, each in value.items()}
        return kind.from_json(value) if hasattr(kind, "from_json") else _read_fields(kind, value, place)
    return _read_scalar(kind, value, place)


def _read_fields(kind: Any, content: dict[str, Any], place: str) -> Any:
    fields = {each.name: each for each in dataclasses.fields(kind)}
    if hasattr(kind, "FORMAT"):
        content = dict(content)
        if (found := content.pop("format", None)) != kind.FORMAT:
            raise _wrong(found, str(kind.FORMAT), _inside(place, "format"))
    where = place or "it"
    for name in content:
        if name not in fields:
            raise ValueError(f"{where} has an unknown field {name!r}.{near_miss(name, fields)}")
    for name, each in fields.items():
        required = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        if required and name not in content:
            raise ValueError(f"{where} lacks the field {name!r}")
    hints = hints_of(kind)
    return kind(**{name: read_value(hints[name], each, _inside(place, name)) for name, each in content.items()})


def _read_scalar(kind: type, value: Any, place: str) -> Any:
    accepted = (int, float) if kind is float else kind
    fits = isinstance(value, accepted) and isinstance(value, bool) == (kind is bool)
    if fits and kind in (int, float):
        fits = math.isfinite(value) and abs(value) <= MAX_NUMBER
    if not fits:
        raise _wrong(value, NAMES[kind], place)
    return kind(value)


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _wrong(value: Any, expected: str, place: str) -> ValueError:
    return ValueError(f"{place or 'it'} is {reprlib.repr(value)}, expected {expected}")
