"""Split text into sentences and tokens with spaCy's rules for Bokmål (`--tokenise spacy`); no model."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from bilstm_crf.formats import norwegian
from bilstm_crf.formats.norwegian import Offsets, in_plain_text
from bilstm_crf.util.extras import optional_import

# spaCy never forgets a string, which would fill the memory on an endless stream. It is rebuilt after so many.
MAX_STRINGS = 200_000

# spaCy's affix rules take quadratic time on a chunk without white space: 23 seconds for 8,000 brackets.
_LONG_CHUNK = re.compile(r"\S{65}")


@cache
def _built() -> Any:
    with optional_import():
        import spacy
    # spaCy has no rules for Nynorsk; those for Bokmål (abbreviations, punctuation) serve it as well.
    pipeline = spacy.blank("nb")
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = 1 << 40  # meant for the memory of models; there is none here
    return pipeline


def _pipeline() -> Any:
    if len(_built().vocab.strings) > MAX_STRINGS:
        _built.cache_clear()
    return _built()


@in_plain_text
def sentences(text: str) -> list[Offsets]:
    """Return the offsets of each token, sentence by sentence, as spaCy's `sentencizer` finds them.

    A text with more than 64 characters without white space goes to our own tokeniser, which is linear.
    """
    pipeline = _pipeline()
    if _LONG_CHUNK.search(text):
        return norwegian.sentences(text)
    found = [
        [(token.idx, token.idx + len(token)) for token in sentence if not token.is_space]
        for sentence in pipeline(text).sents
    ]
    return [offsets for offsets in found if offsets]


def words(text: str) -> Offsets:
    """Return the offsets of each token."""
    return [span for sentence in sentences(text) for span in sentence]
