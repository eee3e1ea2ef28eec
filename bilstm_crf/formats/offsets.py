"""Where the tokens of a sentence stand in its text, in code points."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from bilstm_crf.sentence import Sentence
from bilstm_crf.util.word_forms import is_invisible


def align(tokens: Iterable[str], text: str) -> list[tuple[int, int]] | None:
    """The start and end of each token in `text`, where the text is the tokens and nothing visible between.

    None where it is not: no guess is made.

    >>> align(["Oslo", "."], "Oslo .")
    [(0, 4), (5, 6)]
    """
    offsets = []
    position = 0
    for token in tokens:
        # A token may itself begin with white space (a no-break space): try before skipping any.
        while not text.startswith(token, position):
            if not is_invisible(text[position : position + 1] or "."):
                return None
            position += 1
        offsets.append((position, position + len(token)))
        position += len(token)
    return offsets if is_invisible(text[position:]) else None


def joined(tokens: Iterable[str]) -> tuple[str, list[tuple[int, int]]]:
    """The tokens with a space between each two, and where each stands in that."""
    tokens = list(tokens)
    offsets = []
    position = 0
    for token in tokens:
        offsets.append((position, position + len(token)))
        position += len(token) + 1
    return " ".join(tokens), offsets


def located(sentence: Sentence) -> tuple[str, list[tuple[int, int]]]:
    """The sentence's text and its tokens' offsets; where the file does not give them, the tokens joined.

    So too where two spans fall on one stretch of the text: different words of one multi-word token.
    """
    if sentence.text is not None:
        offsets = sentence.offsets or align(sentence.tokens, sentence.text)
        if offsets is not None and _apart(sentence, offsets):
            return sentence.text, offsets
    return joined(sentence.tokens)


def _apart(sentence: Sentence, offsets: list[tuple[int, int]]) -> bool:
    return all(
        offsets[span.end - 1][1] <= offsets[after.start][0] for span, after in pairwise(sentence.spans or ())
    )
