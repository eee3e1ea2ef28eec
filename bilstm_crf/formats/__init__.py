"""Formats: a file becomes sentences, and sentences become a file again, by a registry of names and suffixes.

The first room of the pipe and the last: `read` gives what the program works on, `render` and `compose` of the
same format write it back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePath

from bilstm_crf.errors import UsageError, near_miss
from bilstm_crf.files import open_input, shown
from bilstm_crf.formats import conll2003, conllu, jsonl, text
from bilstm_crf.formats.base import DEFAULTS, Format, FormatOptions
from bilstm_crf.formats.offsets import align
from bilstm_crf.sentence import Sentence

__all__ = ["FORMATS", "Format", "FormatOptions", "align", "format_named", "format_of", "read"]

FORMATS: dict[str, Format] = {format_.name: format_ for format_ in (conllu, conll2003, text, jsonl)}
SUFFIXES: dict[str, Format] = {suffix: format_ for format_ in FORMATS.values() for suffix in format_.suffixes}


def format_of(path: str | os.PathLike[str], name: str | None = None) -> Format:
    """The format called `name`, else the one of the path's suffix (`.gz` after it is passed over).

    Raises UsageError where there is none.
    """
    if name is not None:
        return format_named(name)
    known = f"known: {' '.join(FORMATS)}"
    suffix = PurePath(os.fspath(path).lower().removesuffix(".gz")).suffix
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if os.fspath(path) == "-":
        raise UsageError("standard input has no suffix to tell its format: give --format", hint=known)
    raise UsageError(
        f"{path}: the suffix tells no format: give --format, or one of {' '.join(SUFFIXES)}."
        f"{near_miss(suffix, SUFFIXES)}",
        hint=known,
    )


def format_named(name: str, option: str = "--format") -> Format:
    """The format called `name`. Raises UsageError, which names the option, where there is none."""
    if name not in FORMATS:
        message = f"{option} {name} is not a known format.{near_miss(name, FORMATS)}"
        raise UsageError(message, hint=f"known: {' '.join(FORMATS)}")
    return FORMATS[name]


def read(
    path: str | os.PathLike[str], format_name: str | None = None, options: FormatOptions = DEFAULTS
) -> Iterator[Sentence]:
    """The sentences of a file, of a gzip file, or of standard input (`-`), one at a time.

    Raises UsageError at once where the format cannot be told, InputError while reading.
    """
    format_ = format_of(path, format_name)

    def sentences() -> Iterator[Sentence]:
        with open_input(path, options.input_encoding) as stream:
            yield from format_.read(stream, shown(path), options)

    return sentences()
