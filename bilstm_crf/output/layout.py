"""The running text of a file, sentence by sentence, for outputs that show it."""

from __future__ import annotations

from typing import NamedTuple

from bilstm_crf.formats import text as text_format
from bilstm_crf.formats.blocks import BOM
from bilstm_crf.sentence import Sentence


class Passage(NamedTuple):
    """A sentence between what precedes and follows it. All passages of a text file are its text."""

    before: str  # white space
    text: str
    after: str  # white space
    offsets: list[tuple[int, int]]  # of the tokens in `text`


def passage_of(sentence: Sentence) -> Passage:
    """Return a sentence as it stands in its file; from other formats than text it is a line.

    Byte order marks are left out.
    """
    if isinstance(sentence.raw, text_format.Raw):
        # A carriage return before a mark is a line end, and no part of one that follows the mark
        before, after = (each.replace("\r" + BOM, "\n").replace(BOM, "") for each in sentence.raw)
        return Passage(before, sentence.text or "", after, sentence.offsets or [])
    if not sentence.tokens:
        return Passage("", "", "", [])
    text, offsets = sentence.located()
    return Passage("", text, "\n", offsets)
