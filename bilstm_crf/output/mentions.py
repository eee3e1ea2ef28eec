"""The names of a sentence with their places and what stands around them: the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bilstm_crf.formats.base import rounded
from bilstm_crf.formats.offsets import file_name, lines_before
from bilstm_crf.sentence import Sentence

# Code points on each side of a name that a row keeps of a long sentence. A file on a single line is one
# sentence: with all of it in each row, tables would grow with the square of the file.
MAX_CONTEXT = 500
# White space except the no-break spaces, which belong to words
WHITE_SPACE = re.compile(r"[ \t\r\n\v\f\x1c-\x1f\x85\u2028\u2029]+")


class Mention(NamedTuple):
    """A name in a file. The fields are the columns of a table."""

    file: str  # empty for standard input
    line: int  # from 1, of its first token
    offset: int  # in code points: in the file if that is text, else in the sentence's text
    end: int  # behind the last character
    type: str
    text: str  # in one line
    score: float | None
    sentence: str  # in one line; of a long one, what stands around the name


def mentions(sentence: Sentence) -> Iterator[Mention]:
    """Yield the names of a sentence in order."""
    if not sentence.token_spans:
        return
    text, offsets = sentence.located()
    origin = sentence.origin if text == sentence.text else None
    file, first = file_name(sentence) or "", 0 if origin is None else origin.start
    whole = one_line(text) if len(text) <= 2 * MAX_CONTEXT else None
    scores: Sequence[float | None] = sentence.scores or [None] * len(sentence.token_spans)
    for span, score in zip(sentence.token_spans, scores, strict=True):
        start, end = offsets[span.start][0], offsets[span.end - 1][1]
        if origin is not None:
            line = origin.line + lines_before(text, start)
        else:
            line = sentence.lines[span.start] if sentence.lines else sentence.line
        yield Mention(
            file,
            line,
            first + start,
            first + end,
            span.type,
            one_line(text[start:end]),
            rounded(score),
            around(text, start, end) if whole is None else whole,
        )


def one_line(text: str) -> str:
    """Return text with runs of white space as one space, since a row of a table is a line."""
    return WHITE_SPACE.sub(" ", text).strip(" ")


def around(text: str, start: int, end: int) -> str:
    """Return what stands around a name in a long text, with … where it is cut."""
    begin, stop = max(start - MAX_CONTEXT, 0), min(end + MAX_CONTEXT, len(text))
    return "…" * (begin > 0) + one_line(text[begin:stop]) + "…" * (stop < len(text))
