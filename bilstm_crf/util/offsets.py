"""Find the tokens of a sentence in its text."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from bilstm_crf.util.word_forms import is_invisible

Offsets = list[tuple[int, int]]  # start and end of each token, in code points
LAST_IN_ONE_UNIT = "\uffff"  # later characters, such as emoji, are two code units in UTF-16


def align(tokens: Iterable[str], text: str) -> Offsets | None:
    """Return the start and end of each token in `text`, with nothing visible between them; else None.

    >>> align(["Oslo", "."], "Oslo .")
    [(0, 4), (5, 6)]
    """
    offsets: Offsets = []
    position = 0
    for token in tokens:
        start = text.find(token, position)
        between = text[position:start] if start >= 0 else "."
        if between not in ("", " ") and not is_invisible(between):
            return None
        position = start + len(token)
        offsets.append((start, position))
    return offsets if is_invisible(text[position:]) else None


def joined(tokens: Iterable[str]) -> tuple[str, Offsets]:
    """Return the tokens joined by spaces, and their offsets there."""
    tokens = list(tokens)
    offsets: Offsets = []
    position = 0
    for token in tokens:
        offsets.append((position, position + len(token)))
        position += len(token) + 1
    return " ".join(tokens), offsets


def utf16_offsets(text: str) -> list[int]:
    """Return where each code point of `text` begins if UTF-16 code units are counted, and where it ends.

    >>> utf16_offsets("a😀b")
    [0, 1, 3, 4]
    """
    return list(accumulate((2 if char > LAST_IN_ONE_UNIT else 1 for char in text), initial=0))


def is_wider_in_utf16(text: str) -> bool:
    """Return whether JavaScript, which counts UTF-16 code units, has other offsets than Python."""
    return max(text, default="") > LAST_IN_ONE_UNIT
