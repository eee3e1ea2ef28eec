"""Norwegian words and sentences in running text, with their offsets: spaCy's rules for Bokmål, no model."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from itertools import pairwise
from typing import Any

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.util.word_forms import PlainText

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
        return [places for offsets in found if (places := _places(offsets, plain))]
    places = [plain.original(offsets) for offsets in found]
    return [(start, end) for start, end in places if start < end]


@_in_plain_text
def words(text: str) -> Offsets:
    """The start and end of each word of `text`, in code points. White space is no word."""
    if _has_long_stretch(text):
        return _offsets_in_parts(text)
    return _offsets(_pipeline().make_doc(text))


@_in_plain_text
def sentences(text: str) -> list[Offsets]:
    """The same, sentence by sentence; a sentence ends with a full stop, question or exclamation mark."""
    pipeline = _pipeline()
    doc = pipeline(_doc(text, _offsets_in_parts(text)) if _has_long_stretch(text) else text)
    found = [_offsets(sentence) for sentence in doc.sents]
    return [offsets for offsets in found if offsets]


def _offsets(tokens: Any) -> Offsets:
    return [(token.idx, token.idx + len(token)) for token in tokens if not token.is_space]


# ---------------------------------------------------------------- long stretches without a blank

# spaCy takes one sign after another off a stretch's ends, and searches all that is left each time: 8,000
# brackets took it 23 seconds. A stretch longer than this is taken apart here, by spaCy's rules and with its
# patterns, which look at no more than the ends. What spaCy would put together again (emoticons, `§§`, `k.`)
# stays apart in it.
LONG = 64
WINDOW = 32  # no pattern of an affix is longer, save that for any number of full stops
MAX_URL = 2_048  # the pattern for URLs takes time by the square of their length


def _has_long_stretch(text: str) -> bool:
    return len(text) > LONG and any(len(stretch) > LONG for stretch in text.split())


def _offsets_in_parts(text: str) -> Offsets:
    """The words of a text with long stretches, which are taken out of it."""
    make_doc = _pipeline().make_doc
    found: Offsets = []
    reached = 0
    long = [stretch.span() for stretch in re.finditer(r"\S+", text) if stretch.end() - stretch.start() > LONG]
    for start, end in [*long, (len(text), len(text))]:
        found += _shifted(_offsets(make_doc(text[reached:start])), reached)
        found += _shifted(_stretch(text[start:end]), start)
        reached = end
    return found


def _shifted(offsets: Offsets, by: int) -> Offsets:
    return [(start + by, end + by) for start, end in offsets]


def _stretch(text: str) -> Offsets:
    """The words of a stretch without white space: affixes first, then a URL or what infixes part."""
    tokenizer = _pipeline().tokenizer
    start, end = 0, len(text)
    before, after = [], []
    while end - start > LONG:
        prefix = _prefix(_beginning(text, start, end))
        suffix = _suffix(_ending(text, start + prefix, end))
        if prefix:
            before.append((start, start + prefix))
        if suffix:
            after.append((end - suffix, end))
        if not prefix and not suffix:
            break
        start, end = start + prefix, end - suffix
    core = text[start:end]
    if len(core) <= LONG:
        inner = _offsets(_pipeline().make_doc(core))
    elif len(core) <= MAX_URL and tokenizer.url_match(core):
        inner = [(0, len(core))]
    else:
        cuts = [0]
        for infix in tokenizer.infix_finditer(core):
            if infix.start() > 0:
                cuts += infix.span()
        inner = [(a, b) for a, b in pairwise([*cuts, len(core)]) if a < b]
    return [*before, *_shifted(inner, start), *reversed(after)]


def _beginning(text: str, start: int, end: int) -> str:
    stop = start
    while text.startswith(".", stop, end):
        stop += 1
    return text[start : min(max(stop, start + WINDOW), end)]


def _ending(text: str, start: int, end: int) -> str:
    begin = end
    while text.endswith(".", start, begin):
        begin -= 1
    return text[max(min(begin, end - WINDOW), start) : end]


@lru_cache(maxsize=4_096)
def _prefix(beginning: str) -> int:
    match = _pipeline().tokenizer.prefix_search(beginning)
    return len(match.group()) if match else 0


@lru_cache(maxsize=4_096)
def _suffix(ending: str) -> int:
    match = _pipeline().tokenizer.suffix_search(ending)
    return len(match.group()) if match else 0


def _doc(text: str, offsets: Offsets) -> Any:
    """These words as spaCy's document, which holds white space beyond one blank as words, too."""
    from spacy.tokens import Doc

    tokens: list[str] = []
    spaces: list[bool] = []
    reached = 0
    for start, end in [*offsets, (len(text), len(text))]:
        gap = text[reached:start]
        if tokens and gap.startswith(" "):
            spaces[-1], gap = True, gap[1:]
        for token in (gap, text[start:end]):
            if token:
                tokens.append(token)
                spaces.append(False)
        reached = end
    return Doc(_pipeline().vocab, words=tokens, spaces=spaces)
