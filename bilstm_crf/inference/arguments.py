"""Check what callers pass to `Tagger`: iterables of texts or words become lists of `str`.

A value of the wrong type is a TypeError, a text or word that cannot be tagged a ValueError; both name the
position (`item 3, token 2`, counted from 0).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

TEXT = "a text (str)"
TEXTS = "an iterable of texts (str)"
WORDS = "an iterable of words (str)"
SENTENCES = "an iterable of sentences, each an iterable of words (str)"


def check_text(text: Any, position: str = "the text") -> str:
    """Return the text as a plain `str`. Raises TypeError, or ValueError for half a surrogate pair."""
    if not isinstance(text, str):
        raise TypeError(f"{position} is {_shown(text)}, expected {TEXT}")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = text[error.start]
            raise ValueError(
                f"{position} holds {half!r}, half of a surrogate pair, at character {error.start}"
            ) from error
    return str(text)


def check_texts(given: Any) -> Iterator[str]:
    """Return an iterator over the texts of an iterable, which checks each when it is read."""
    if isinstance(given, str):
        raise TypeError(f"found one text, expected {TEXTS}; `tag` takes one text")
    return (check_text(text, f"item {number}") for number, text in enumerate(_iterable(given, TEXTS)))


def check_tokens(given: Any, position: str = "") -> list[str]:
    """Return the words of a sentence. `position` names the sentence if there are several."""
    if isinstance(given, str):
        found = f"{position} is one text" if position else "found one text"
        raise TypeError(f"{found}, expected {WORDS}; `tag` and `tag_texts` take texts")
    words = []
    for number, word in enumerate(_items(given, WORDS, position)):
        where = f"{position}, token {number}" if position else f"token {number}"
        if not isinstance(word, str):
            way_out = "; `tag_tokenlists` takes a TokenList" if type(word).__name__ == "Token" else ""
            raise TypeError(f"{where} is {_shown(word)}, expected a word (str){way_out}")
        if not word.strip():
            raise ValueError(f"{where} is {word!r}, expected a word that is not empty or blank")
        words.append(check_text(word, where))
    return words


def check_sentences(given: Any) -> list[list[str]]:
    """Return the words of each sentence of an iterable."""
    if isinstance(given, str):
        raise TypeError(f"found one text, expected {SENTENCES}; `tag` takes one text")
    return [check_tokens(each, f"item {number}") for number, each in enumerate(_items(given, SENTENCES))]


def check_batch(given: Any) -> list[str] | list[list[str]]:
    """Return texts or sentences of words. Raises TypeError for a mixture of both."""
    items = _items(given, f"{TEXT}, {TEXTS}, or {SENTENCES}")
    are_texts = [isinstance(item, str) for item in items]
    if not any(are_texts):
        return check_sentences(items)
    if all(are_texts):
        return list(check_texts(items))
    one, other = are_texts.index(True), are_texts.index(False)
    found = f"item {other} is {_shown(items[other])}"
    if not isinstance(items[other], Iterable):
        way_out = "; leave out missing values, or fill them with ''" if _is_missing(items[other]) else ""
        raise TypeError(f"{found}, expected {TEXT} as item {one}{way_out}")
    raise TypeError(f"item {one} is a text and {found}, expected texts or lists of words, not both")


def _items(given: Any, expected: str, position: str = "") -> list[Any]:
    """Return the items of an iterable in order."""
    return list(_iterable(given, expected, position))


def _iterable(given: Any, expected: str, position: str = "") -> Iterator[Any]:
    """Return an iterator. Refuses tables and dictionaries, which iterate over keys, and numpy's scalars."""
    unordered = isinstance(given, bytes | bytearray | Mapping | Set)
    if hasattr(given, "columns"):
        raise TypeError(f"found a table ({type(given).__name__}), expected {expected}: one of its columns")
    if unordered or not isinstance(given, Iterable) or getattr(given, "shape", None) == ():
        found = f"{position} is {_shown(given)}" if position else f"found {_shown(given)}"
        raise TypeError(f"{found}, expected {expected}")
    return iter(given)


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or a missing value of pandas."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _shown(value: Any) -> str:
    """Return the value, shortened, with its type: `nan (float)`."""
    if value is None:
        return "None"
    shown = repr(value)
    return f"{shown if len(shown) <= 40 else shown[:39] + '…'} ({type(value).__name__})"
