"""Read JSON into frozen dataclasses ("records") and check every value on the way.

The fields of a record are bool, int, float, str, None, Any, Literal, list, tuple[T, ...], dict[str, T], other
records, unions of these with None, and `Annotated[int, Bounds(low, high)]`. A field with a default may be
missing; unknown fields are ignored, so that files of a newer version can be read. A record that is a file of
its own has a class variable FORMAT and a field `format`. A record that checks its fields together raises
ValueError in `__post_init__`. `dataclasses.asdict` is the way back.
"""

from __future__ import annotations

import dataclasses
import os
import reprlib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union

from bilstm_crf.errors import InputError
from bilstm_crf.util.files import parse_json, read_json

HINT = "restore the file, or move it away: `train` and `experiment` write it again"
MAX_NUMBER = 10**15  # a larger number in a result means that the file is damaged
EXPECTED = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", dict: "an object"}

T = TypeVar("T")


@dataclass(frozen=True)
class Bounds:
    """The smallest and the largest value of a number."""

    low: float = -MAX_NUMBER
    high: float = MAX_NUMBER


Count = Annotated[int, Bounds(0, MAX_NUMBER)]
Seed = Annotated[int, Bounds(0, 2**63 - 1)]


def read_record(cls: type[T], path: str | os.PathLike[str]) -> T:
    """Return the record of a JSON file. Raises InputError where the file holds something else."""
    return parse_record(cls, read_json(path, hint=HINT), path)


def read_record_line(cls: type[T], text: str, path: str | os.PathLike[str], line: int) -> T:
    """Return the record of one line of a JSON Lines file. Raises InputError as `read_record` does."""
    return parse_record(cls, parse_json(text, path=path, line=line, hint=HINT), path, line=line)


def parse_record(
    cls: type[T], value: Any, path: str | os.PathLike[str], *, place: str = "", line: int | None = None
) -> T:
    """Return the record of a JSON value.

    Raises InputError with the place inside the file, which begins with `place`, and what was expected there.
    """
    try:
        found: T = _parse(cls, value, place)
    except _MismatchError as mismatch:
        raise InputError(str(mismatch), path=path, line=line, hint=HINT) from None
    return found


class _MismatchError(Exception):
    """A value that is not of the expected type."""


def _parse(hint: Any, value: Any, place: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return _parse_fields(typing.cast(type, hint), value, place)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (other,) = (each for each in arguments if each is not type(None))
        return _parse(other, value, place)
    if origin in (list, tuple):
        _require(isinstance(value, list | tuple), value, "a list", place)
        return origin(_parse(arguments[0], each, f"{place}[{number}]") for number, each in enumerate(value))
    if origin is dict:
        _require(isinstance(value, dict), value, "an object", place)
        return {key: _parse(arguments[1], each, _inside(place, key)) for key, each in value.items()}
    if origin is Literal:
        _require(value in arguments, value, " or ".join(map(str, arguments)), place)
        return value
    kind, bounds = (arguments[0], arguments[1]) if origin is Annotated else (hint, Bounds())
    allowed = (int, float) if kind is float else (kind,)
    _require(type(value) in allowed, value, EXPECTED[kind], place)
    if kind in (int, float):
        finite = bounds.low <= value <= bounds.high  # NaN is not
        _require(finite, value, f"{EXPECTED[kind]} from {bounds.low} to {bounds.high}", place)
    return value


def _parse_fields(cls: type, value: Any, place: str) -> Any:
    _require(isinstance(value, dict), value, "an object", place)
    expected = getattr(cls, "FORMAT", None)
    if expected is not None and value.get("format") != expected:
        program = f"; bilstm_crf {value['bilstm_crf']} wrote it" if "bilstm_crf" in value else ""
        raise _MismatchError(f"has the format {value.get('format')!r}, expected {expected}{program}")
    found = {}
    for name, (hint, required) in _fields(cls).items():
        if name in value:
            found[name] = _parse(hint, value[name], _inside(place, name))
        elif required:
            raise _MismatchError(f"{place or 'it'} lacks the field {name}")
    try:
        return cls(**found)
    except ValueError as error:  # of the record's own check
        raise _MismatchError(f"{place}: {error}" if place else str(error)) from None


@cache
def _fields(cls: type) -> Mapping[str, tuple[Any, bool]]:
    """Return the type of each field by its name, and whether the field is required."""
    hints = typing.get_type_hints(cls, include_extras=True)
    missing = dataclasses.MISSING
    return {
        each.name: (hints[each.name], each.default is missing and each.default_factory is missing)
        for each in dataclasses.fields(cls)
    }


def _require(right: bool, value: Any, expected: str, place: str) -> None:
    if not right:
        raise _MismatchError(f"{place or 'it'} is {reprlib.repr(value)}, expected {expected}")


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
