"""The place of a sentence and its tokens: file, line, and offsets in the text in code points."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import has_name
from bilstm_crf.util.word_forms import is_invisible


def align(tokens: Iterable[str], text: str) -> list[tuple[int, int]] | None:
    """Return the start and end of each token in `text`, with nothing visible between them; else None.

    >>> align(["Oslo", "."], "Oslo .")
    [(0, 4), (5, 6)]
    """
    offsets = []
    position = 0
    for token in tokens:
        start = text.find(token, position)
        between = text[position:start] if start >= 0 else "."
        if between not in ("", " ") and not is_invisible(between):
            return None
        position = start + len(token)
        offsets.append((start, position))
    return offsets if is_invisible(text[position:]) else None


def joined(tokens: Iterable[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the tokens joined by spaces, and their offsets there."""
    tokens = list(tokens)
    offsets = []
    position = 0
    for token in tokens:
        offsets.append((position, position + len(token)))
        position += len(token) + 1
    return " ".join(tokens), offsets


def located(sentence: Sentence) -> tuple[str, list[tuple[int, int]]]:
    """Return the sentence's text and its tokens' offsets; the tokens joined if the file gives no offsets.

    The tokens are joined as well if two spans share a stretch of the text: words of one multi-word token.
    """
    if sentence.text is not None:
        offsets = sentence.offsets or align(sentence.tokens, sentence.text)
        if offsets is not None and all(
            offsets[span.end - 1][1] <= offsets[after.start][0]
            for span, after in pairwise(sentence.token_spans or ())
        ):
            return sentence.text, offsets
    return joined(sentence.tokens)


def file_name(sentence: Sentence) -> str | None:
    """Return the name of a sentence's file, with bytes that are not UTF-8 escaped; None without a name."""
    path = sentence.path if sentence.origin is None else sentence.origin.file
    return os.fsencode(path).decode("utf-8", "backslashreplace") if path and has_name(path) else None


def lines_before(text: str, position: int) -> int:
    r"""Return the number of line ends (\n, \r\n or \r) of `text` before a position."""
    return bisect_right(_line_ends(text), position)


@lru_cache(maxsize=1)  # all names of a text ask for it, one after another
def _line_ends(text: str) -> list[int]:
    return [match.end() for match in re.finditer("\r\n|\r|\n", text)]
