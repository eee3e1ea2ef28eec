"""Offsets of the tokens of a sentence in its text, in code points."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from bilstm_crf.sentence import Sentence
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
