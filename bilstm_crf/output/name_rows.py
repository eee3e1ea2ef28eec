"""The rows of a table of names: each name of a sentence with its place and context."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bilstm_crf.formats.base import rounded
from bilstm_crf.formats.offsets import file_name, lines_before
from bilstm_crf.sentence import Sentence

# Of a sentence of more than MAX_SENTENCE code points a row keeps the context of the name, MAX_CONTEXT on
# each side. A file on a single line is one sentence: whole, tables would grow with the square of the file.
MAX_SENTENCE = 1_000
MAX_CONTEXT = 200
# White space that neither a row nor one of brat's lines can hold
BREAKS = r"\t\r\n\v\f\x1c-\x1f\x85\u2028\u2029"
# The same, and more than one space. No-break spaces belong to words.
WHITE_SPACE = re.compile(rf"[{BREAKS}][ {BREAKS}]*| [ {BREAKS}]+")


class NameRow(NamedTuple):
    """A name in a file. The fields are the columns of a table."""

    file: str  # empty for standard input
    line: int  # from 1, of its first token
    offset: int  # in code points: in the file if that is text, else in the sentence's text
    end: int  # behind the last character
    type: str
    text: str  # in one line
    score: float | None
    sentence: str  # in one line; of a long one, the context of the name


def name_rows(sentence: Sentence) -> Iterator[NameRow]:
    """Yield the names of a sentence in order."""
    if not sentence.token_spans:
        return
    text, _ = sentence.located()
    origin = sentence.origin if text == sentence.text else None
    base = 0 if origin is None else origin.start
    file = file_name(sentence) or ""
    whole = one_line(text) if len(text) <= MAX_SENTENCE else None
    for (first, *_), span in zip(sentence.token_spans, sentence.spans, strict=True):
        start, end = span.start - base, span.end - base
        if origin is not None:
            line = origin.line + lines_before(text, start)
        else:
            line = sentence.lines[first] if sentence.lines else sentence.line
        yield NameRow(
            file,
            line,
            span.start,
            span.end,
            span.label,
            one_line(span.text),
            rounded(span.score),
            around(text, start, end) if whole is None else whole,
        )


def one_line(text: str) -> str:
    """Return text with runs of white space as one space, since a row of a table is a line."""
    return WHITE_SPACE.sub(" ", text).strip(" ")


def around(text: str, start: int, end: int) -> str:
    """Return the context of a name in a long text, with … where it is cut."""
    begin, stop = max(start - MAX_CONTEXT, 0), min(end + MAX_CONTEXT, len(text))
    return "…" * (begin > 0) + one_line(text[begin:stop]) + "…" * (stop < len(text))
