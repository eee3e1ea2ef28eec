"""Formats: read files into sentences and write sentences as files; the registry of names and suffixes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from typing import Literal

from bilstm_crf.errors import BilstmCrfError, UsageError, did_you_mean, warn
from bilstm_crf.formats import brat, columns, conllu, jsonl, text
from bilstm_crf.formats.base import DEFAULTS, Format, FormatOptions
from bilstm_crf.formats.column_layout import SAMPLE_BYTES, looks_like_columns
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import open_input, shown, suffix_of
from bilstm_crf.util.offsets import align

__all__ = [
    "FORMATS",
    "SOURCES",
    "Format",
    "FormatOptions",
    "align",
    "contents_of",
    "files_of",
    "format_named",
    "format_of",
    "read",
]

FORMATS: dict[str, Format] = {format_.name: format_ for format_ in (conllu, columns, text, jsonl)}
# brat's are two files for one text, which are read together and written by `output/`
SOURCES: dict[str, Format] = {**FORMATS, brat.name: brat}
SUFFIXES: dict[str, Format] = {suffix: format_ for format_ in SOURCES.values() for suffix in format_.suffixes}
KNOWN = f"known: {' '.join(SOURCES)}"


def format_of(path: str | os.PathLike[str], name: str | None = None, encoding: str | None = None) -> Format:
    """Return the format called `name`, else that of the path's suffix (before `.gz`).

    A file with an unknown suffix, or `.txt`, is columns if all its lines hold a label; a warning says so,
    and also if text looks like columns. `encoding` is that of the file. Raises UsageError if the format is
    unknown or cannot be told. A folder is brat's if it holds annotations.
    """
    named = None if name is None else format_named(name)
    if os.path.isdir(path):
        if named in (None, brat) and brat.annotations_below(os.fspath(path)):
            return brat
        hint = f"its text files: {path}/*.txt; a folder of labelled texts has brat's *.ann"
        raise UsageError(f"{path} is a folder, expected files", hint=hint)
    if named is not None:
        if named is text and columns_in(path, encoding):
            warn(text.AS_WORDS, path=path)
        return named
    suffix = suffix_of(path)
    found = SUFFIXES.get(suffix)
    if found is not None and found is not text:
        return found
    if os.fspath(path) == "-":
        raise UsageError("standard input has no suffix to tell its format: give --format", hint=KNOWN)
    looks = columns_in(path, encoding)
    if looks == "surely":
        other = "--format text reads it as text" if found is text else "--format names another format"
        warn(f"read as columns, because all its lines hold a label; {other}", path=path)
        return columns
    if found is None:
        missing = "" if os.path.lexists(path) else "no such file, and "
        raise UsageError(
            f"{path}: {missing}the suffix tells no format: give --format, or one of {' '.join(SUFFIXES)}."
            f"{did_you_mean(suffix, SUFFIXES)}",
            hint=KNOWN,
        )
    if looks == "perhaps":
        warn(text.AS_WORDS, path=path)
    return found


def columns_in(
    path: str | os.PathLike[str], encoding: str | None = None
) -> Literal["surely", "perhaps"] | None:
    """Return whether the first lines of a file are columns with labels; None if it cannot be opened."""
    if not os.path.isfile(path):  # a pipe can be read only once
        return None
    try:
        with open_input(path, encoding) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reader of the file warns
            content = stream.read(SAMPLE_BYTES)
    except (BilstmCrfError, OSError, ValueError):
        return None  # the reader of the file raises
    lines = content.splitlines(keepends=True)
    return looks_like_columns(lines[:-1] if len(content) == SAMPLE_BYTES else lines)


def format_named(name: str, option: str = "--format") -> Format:
    """Return the format called `name`. Raises UsageError, which names the option, if there is none."""
    if name not in SOURCES:
        raise UsageError(f"{option} {name} is not a known format.{did_you_mean(name, SOURCES)}", hint=KNOWN)
    return SOURCES[name]


def files_of(path: str | os.PathLike[str]) -> list[str]:
    """Return the files that a path stands for: of a folder, brat's annotations below it."""
    return brat.annotations_below(os.fspath(path)) if os.path.isdir(path) else [os.fspath(path)]


def contents_of(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return all files that paths stand for, with the texts of brat's annotations: what a checksum is of."""
    contents: list[str] = []
    for file in (file for path in paths for file in files_of(path)):
        contents += [file, brat.text_beside(file)] if suffix_of(file) in brat.suffixes else [file]
    return contents


def read(
    path: str | os.PathLike[str], format_name: str | None = None, options: FormatOptions = DEFAULTS
) -> Iterator[Sentence]:
    """Return the sentences of a file, a gzip file, standard input (`-`) or brat's folder, one at a time.

    Raises UsageError at once if the format cannot be told, InputError while reading.
    """
    format_ = format_of(path, format_name, options.input_encoding)

    def sentences() -> Iterator[Sentence]:
        if os.path.isdir(path):
            brat.warn_of_texts_alone(os.fspath(path))
        for file in files_of(path):
            with open_input(file, options.input_encoding) as stream:
                yield from format_.read(stream, shown(file), options)

    return sentences()
