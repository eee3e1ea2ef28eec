"""Word forms as they are looked up: what looks the same on a screen is the same word here.

Token ─► `plain_form` ─► `zero_digits` ─► vocabulary, characters. Files keep the bytes they have.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt, version 16.0): soft hyphens,
# joiners, directional marks, variation selectors, byte-order marks and others that are never displayed
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def plain_form(word: str) -> str:
    r"""Return the word in NFC and without the characters that are never displayed.

    A word of such characters alone stays as it is.

    >>> plain_form("Trom\u00adso\u0308"), plain_form("\u200bKari\u200e")
    ('Tromsö', 'Kari')
    """
    if word.isascii():
        return word
    if _IGNORABLE.search(word):
        word = _IGNORABLE.sub("", word) or word
    return word if unicodedata.is_normalized("NFC", word) else unicodedata.normalize("NFC", word)


def compatible_form(form: str) -> str:
    r"""Return a `plain_form` with full-width and mathematical letters, ligatures and the like as plain ones.

    NFKC, but only for characters that it turns into one character or into letters: it makes a blank and a
    combining mark of the acute accent in "TV´n", which people type for an apostrophe.

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
    """Return the form with every digit as 0 (NCRF++'s `number_normalized`), and line ends as blanks.

    JSONL can have a line end inside a word; a saved model's words stand one per line.

    >>> zero_digits("17.5.1905")
    '00.0.0000'
    """
    if form.isalpha():
        return form
    return "".join("0" if character.isdigit() else character for character in form).replace("\n", " ")


def is_invisible(token: str) -> bool:
    r"""Return whether nothing of the token is displayed: blanks, control and ignorable characters only.

    >>> is_invisible("\u200b"), is_invisible("\u00a0"), is_invisible("a\u00ad")
    (True, True, False)
    """
    if token.isalnum() and token.isascii():
        return False
    shown = _IGNORABLE.sub("", token)
    return all(c.isspace() or unicodedata.category(c) == "Cc" for c in shown)


def plain_forms(words: Iterable[str]) -> dict[str, int]:
    """Map the `plain_form` of each word that is written otherwise to the word's number, the first one's.

    For tables made by others: a vector under an NFD word is found by the NFC one.
    """
    found: dict[str, int] = {}
    for number, word in enumerate(words):
        if not word.isascii() and (form := plain_form(word)) != word:
            found.setdefault(form, number)
    return found
