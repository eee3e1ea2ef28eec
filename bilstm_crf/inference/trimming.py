"""Trim predicted spans to what can be a name.

A span begins and ends with a visible token. In running text it does not cross a line end, and contains
no part of an e-mail address or URL. Files with one token per line (CoNLL-U, columns) do not know the
lines of their text, and NorNE labels URLs as products: only the first rule applies to them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import groupby

from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.word_forms import is_invisible

Offsets = list[tuple[int, int]]

_LINE_END = re.compile(r"[\n\r\v\f\x85\u2028\u2029]")
_REST = r"[^\s<>\"«»]*"
_ADDRESS = re.compile(
    rf"(?i:\b[a-z][a-z0-9+.-]{{0,30}}://|\bwww\.){_REST}"
    rf"|(?<![\w@.-])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{{2,}}/{_REST}"  # a host and a path
    r"|(?<![\w.%+-])[\w.%+-]+@[\w-]+(?:\.[\w-]+)+"
)
_HINT = re.compile(r"@|://|\.[a-z]{2,}/|www\.", re.IGNORECASE)  # every address contains one of these


def trim_spans(sentence: Sentence, spans: list[TokenSpan]) -> list[TokenSpan]:
    r"""Return the parts of a sentence's spans that can be names.

    >>> trim_spans(Sentence(["\u200b", "Kari"]), [TokenSpan(0, 2, "PER")])
    [TokenSpan(start=1, end=2, type='PER')]
    """
    text, tokens = sentence.text, sentence.tokens
    if spans and text is not None and sentence.offsets is not None and not sentence.lines:
        spans = _cut(text, sentence.offsets, spans)
    if any(is_invisible(tokens[start]) or is_invisible(tokens[end - 1]) for start, end, _ in spans):
        shown = [not is_invisible(token) for token in tokens]
        spans = [part for span in spans for part in _ending_with(shown, span)]
    return spans


def _cut(text: str, offsets: Offsets, spans: list[TokenSpan]) -> list[TokenSpan]:
    """Return the parts of the spans that are on one line, and outside addresses.

    The parts of a span that is cut begin and end with tokens that contain letters or digits.
    """
    if not (_LINE_END.search(text) or _HINT.search(text)):
        return spans
    ends = [match.start() for match in _LINE_END.finditer(text)]
    lines = [bisect_right(ends, start) for start, _ in offsets]
    in_address = [False] * len(offsets)
    token_ends = [end for _, end in offsets]
    for match in _ADDRESS.finditer(text):
        token = bisect_right(token_ends, match.start())
        while token < len(offsets) and offsets[token][0] < match.end():
            in_address[token] = True
            token += 1
    words = [any(map(str.isalnum, text[start:end])) for start, end in offsets]
    parts = []
    for span in spans:
        for (_, barred), group in groupby(range(*span[:2]), lambda token: (lines[token], in_address[token])):
            tokens = list(group)
            part = TokenSpan(tokens[0], tokens[-1] + 1, span.type)
            if not barred:
                parts += [part] if part == span else _ending_with(words, part)
    return parts


def _ending_with(wanted: list[bool], span: TokenSpan) -> list[TokenSpan]:
    """Return the span without unwanted tokens at its ends; nothing if all are unwanted."""
    tokens = [token for token in range(span.start, span.end) if wanted[token]]
    return [TokenSpan(tokens[0], tokens[-1] + 1, span.type)] if tokens else []
