"""Norwegian words and sentences in running text, with their offsets: spaCy's rules for Bokmål, no model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.word_forms import PlainText

Offsets = list[tuple[int, int]]


# spaCy remembers every word it ever saw: this makes it fast, and would fill the memory on an endless stream.
# With so many strings it is built anew, in a tenth of a second. (Its `memory_zone` forgets after every
# sentence, which makes it three times slower.)
STRINGS = 200_000


def _pipeline() -> Any:
    pipeline = _built()
    if len(pipeline.vocab.strings) > STRINGS:
        _built.cache_clear()
        pipeline = _built()
    return pipeline


@cache
def _built() -> Any:
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


def _in_plain_text(find: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
    """Let `find` see a text in its plain form, and return the offsets in the text itself.

    So words that look the same are split in the same way, and none begins or ends with a hidden character.
    """

    @wraps(find)
    def found(text: str) -> list[Any]:
        plain = PlainText(text)
        if plain.text == text:
            return find(text)
        return _places(find(plain.text), plain)

    return found


def _places(found: list[Any], plain: PlainText) -> list[Any]:
    """The offsets of words or of sentences of words, in the original text."""
    if found and isinstance(found[0], list):
        return [_places(offsets, plain) for offsets in found]
    places = [plain.original(offsets) for offsets in found]
    return [(start, end) for start, end in places if start < end]


@_in_plain_text
def words(text: str) -> Offsets:
    """The start and end of each word of `text`, in code points. White space is no word."""
    return _offsets(_pipeline().make_doc(text))


@_in_plain_text
def sentences(text: str) -> list[Offsets]:
    """The same, sentence by sentence; a sentence ends with a full stop, question or exclamation mark."""
    found = [_offsets(sentence) for sentence in _pipeline()(text).sents]
    return [offsets for offsets in found if offsets]


def _offsets(tokens: Any) -> Offsets:
    return [(token.idx, token.idx + len(token)) for token in tokens if not token.is_space]
