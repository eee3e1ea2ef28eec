"""Find the tokens of a sentence in its text."""

from __future__ import annotations

from collections.abc import Iterable

from bilstm_crf.util.word_forms import is_invisible

Offsets = list[tuple[int, int]]  # start and end of each token, in code points


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
