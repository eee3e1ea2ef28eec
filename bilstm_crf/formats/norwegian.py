"""Norwegian words and sentences in running text, with their offsets: spaCy's rules for Bokmål, no model."""

from __future__ import annotations

from functools import cache
from typing import Any

from bilstm_crf.errors import BilstmCrfError

Offsets = list[tuple[int, int]]


@cache
def _pipeline() -> Any:
    try:
        import spacy
    except ImportError as error:
        raise BilstmCrfError(
            "splitting running text into Norwegian words needs spaCy, which is not installed",
            hint='pip install "bilstm_crf[text]", or --tokenise spaces for text that is split already',
        ) from error
    # Nynorsk has no rules of its own in spaCy; those of Bokmål (abbreviations, signs) serve it as well.
    pipeline = spacy.blank("nb")
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = 1 << 40  # the limit is meant for the memory of models, and there is none here
    return pipeline


def words(text: str) -> Offsets:
    """The start and end of each word of `text`, in code points. White space is no word."""
    return [(token.idx, token.idx + len(token)) for token in _pipeline().make_doc(text) if not token.is_space]


def sentences(text: str) -> list[Offsets]:
    """The same, sentence by sentence; a sentence ends with a full stop, question or exclamation mark."""
    found = (
        [(token.idx, token.idx + len(token)) for token in sentence if not token.is_space]
        for sentence in _pipeline()(text).sents
    )
    return [offsets for offsets in found if offsets]
