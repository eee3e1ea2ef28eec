"""Whether JSON is of the shape that is expected: what is written by a program can be cut off or damaged.

The first in this room, beside shapes.py, which says what the files of tables and runs must hold.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bilstm_crf.errors import InputError
from bilstm_crf.util import files

Shape: TypeAlias = "Leaf | OrNull | IfThere | MapOf | list[Shape] | dict[str, Shape]"
HINT = "put the file back as it was written, or move it away: `experiment` and `train` write it anew"


@dataclass(frozen=True)
class Leaf:
    """A text or a number, and how a message calls what was expected."""

    expected: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class OrNull:
    shape: Shape


@dataclass(frozen=True)
class IfThere:
    """A field that may be left out."""

    shape: Shape


@dataclass(frozen=True)
class MapOf:
    """An object whose names are data: seeds, entity types."""

    shape: Shape


def check(value: Any, shape: Shape, path: Path, *, place: str = "it", line: int | None = None) -> None:
    """Raises InputError where `value` is not of the shape; the message names the place inside the file."""

    def fail(expected: str) -> InputError:
        message = f"{place} is {reprlib.repr(value)}, expected {expected}"
        return InputError(message, path=path, line=line, hint=HINT)

    if isinstance(shape, OrNull | IfThere):
        if value is not None or isinstance(shape, IfThere):
            check(value, shape.shape, path, place=place, line=line)
    elif isinstance(shape, Leaf):
        if not shape.fits(value):
            raise fail(shape.expected)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise fail("a list")
        for number, each in enumerate(value):
            check(each, shape[0], path, place=f"{place}[{number}]", line=line)
    else:
        if not isinstance(value, dict):
            raise fail("an object")
        fields = dict.fromkeys(value, shape.shape) if isinstance(shape, MapOf) else shape
        for name, of_field in fields.items():
            if name in value:
                inside = name if place == "it" else f"{place}.{name}"
                check(value[name], of_field, path, place=inside, line=line)
            elif not isinstance(of_field, IfThere):
                raise InputError(f"{place} lacks the field {name}", path=path, line=line, hint=HINT)


def read_json(path: Path, text: str | None = None, *, line: int | None = None) -> Any:
    """The content of a file, or of one line of it. Raises InputError where it is no JSON."""
    if text is None:
        return files.read_json(path, hint=HINT)
    return files.parse_json(text, path=path, line=line, hint=HINT)
