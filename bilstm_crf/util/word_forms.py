"""Normalise word forms for look-ups: words that look the same on a screen are the same word.

Token ─► `plain_form` ─► `zero_digits` ─► vocabulary, characters. Files keep the bytes they have.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Literal

Digits = Literal["zero", "own_first"]

# Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt, version 16.0): soft hyphens,
# joiners, directional marks, variation selectors, byte-order marks and others without a visible form
_IGNORABLES = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_IGNORABLE = re.compile(f"[{_IGNORABLES}]")
# Also control characters, except white space
_HIDDEN = re.compile(f"[{_IGNORABLES}\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
# Ligatures, full-width letters, mathematical letters (used on the web for bold type)
_STYLED = re.compile("[\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7cb]")


def plain_form(word: str) -> str:
    r"""Return the word in NFC, without characters that are never displayed.

    A word of only such characters is unchanged.

    >>> plain_form("Trom\u00adso\u0308"), plain_form("\u200bKari\u200e")
    ('Tromsö', 'Kari')
    """
    if word.isascii():
        return word
    if _IGNORABLE.search(word):
        word = _IGNORABLE.sub("", word) or word
    return word if unicodedata.is_normalized("NFC", word) else unicodedata.normalize("NFC", word)


def compatible_form(form: str) -> str:
    r"""Return a `plain_form` with plain letters for full-width and mathematical ones, ligatures and the like.

    NFKC, but only for characters that it maps to one character or to letters: it would map the acute accent
    in "TV´n", a common mistyped apostrophe, to a blank and a combining mark.

    >>> compatible_form("Ｋａｒｉ"), compatible_form("O\ufb03ce"), compatible_form("TV´n")
    ('Kari', 'Office', 'TV´n')
    """
    if form.isascii() or unicodedata.is_normalized("NFKC", form):
        return form
    return plain_form("".join(map(_compatible, form)))


def _compatible(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    letters = plain.isalpha() or (len(plain) == 1 and not plain.isspace())
    return plain if letters else character


def zero_digits(form: str) -> str:
    """Return the form with every digit as 0 (`number_normalized` in NCRF++) and line ends as blanks.

    A word in JSONL can contain a line end, but a saved model has one word per line.

    >>> zero_digits("17.5.1905")
    '00.0.0000'
    """
    if form.isalpha():
        return form
    return "".join("0" if character.isdigit() else character for character in form).replace("\n", " ")


def is_invisible(token: str) -> bool:
    r"""Return whether the token has only blanks, control and ignorable characters.

    >>> is_invisible("\u200b"), is_invisible("\u00a0"), is_invisible("a\u00ad")
    (True, True, False)
    """
    if token.isascii() and token.isprintable() and token[:1] > " ":
        return False
    return not _HIDDEN.sub("", token).strip()


Pair = tuple[int, int]


class PlainText:
    r"""A text in NFC without hidden characters, for a tokeniser, and its offsets in the original.

    >>> plain = PlainText("\u200bBjo\u0308rk\u00ad.")
    >>> plain.text, plain.original((0, 5)), plain.original((5, 6))
    ('Björk.', (1, 7), (8, 9))
    """

    def __init__(self, text: str) -> None:
        self.text = text
        # Start and end in the original of each character of the plain text; None: both texts are equal.
        self._places: list[Pair] | None = None
        usual = not (_HIDDEN.search(text) or _STYLED.search(text))
        if usual and unicodedata.is_normalized("NFC", text):
            return
        characters: list[str] = []
        self._places = []
        for start, end, shown in _clusters(text):
            composed = unicodedata.normalize("NFKC" if _STYLED.match(shown) else "NFC", shown)
            characters.append(composed)
            self._places += [(start, end)] + [(end, end)] * (len(composed) - 1)
        self.text = "".join(characters)

    def original(self, offsets: Pair) -> Pair:
        """Return the offsets in the original of a span of the plain text, without hidden characters."""
        if self._places is None:
            return offsets
        return self._places[offsets[0]][0], self._places[offsets[1] - 1][1]


def _clusters(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and text of each character with its combining ones, without hidden characters."""
    start = end = 0
    shown: list[str] = []
    for position, character in enumerate(text):
        if _HIDDEN.match(character):
            continue
        if shown and (not _joins(character) or shown[-1].isspace()):
            yield start, end, "".join(shown)
            shown = []
        if not shown:
            start = position
        shown.append(character)
        end = position + 1
    if shown:
        yield start, end, "".join(shown)


def _joins(character: str) -> bool:
    """Return whether NFC can join the character to the one before: marks, and Hangul's later letters."""
    return unicodedata.category(character)[0] == "M" or "ᅡ" <= character <= "ᇿ"


def plain_forms(words: Iterable[str]) -> dict[str, int]:
    """Map the `plain_form` of each word that differs from it to the number of the first such word.

    This finds a vector that a foreign table has under an NFD word by the NFC one.
    """
    found: dict[str, int] = {}
    for number, word in enumerate(words):
        if not word.isascii() and (form := plain_form(word)) != word:
            found.setdefault(form, number)
    return found
