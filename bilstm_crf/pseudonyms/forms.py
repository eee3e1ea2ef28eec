"""The forms of a name in text: genitive, capitals, initials. One word in, its parts or another form out."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from bilstm_crf.pseudonyms.names import name_lists
from bilstm_crf.util.word_forms import plain_form

APOSTROPHES = "'’´`"
OPENING_QUOTES = '«“„"'  # of a title: Ibsens «Brand»
# "K.", "K", "J.R.", "J.R.R."; not "Bo"
_INITIAL = re.compile(r"(?:[^\W\d_]\.-?)*[^\W\d_]\.?\Z")
_APOSTROPHE_S = re.compile(rf"(.+)([{APOSTROPHES}][sS])\Z", re.DOTALL)


class Form(NamedTuple):
    """A word of a name without its ending, and the ending: "s", "'" or "'s" of a genitive, else empty."""

    stem: str
    ending: str = ""


def fold(word: str) -> str:
    r"""Return what two spellings of a name have in common: without case, and without hidden characters.

    >>> fold("NORD\u00adMANN"), fold("Bjo\u0308rn") == fold("bjørn")
    ('nordmann', False)
    """
    return plain_form(word).casefold()


def split_genitive(word: str, following: str | None, attested: Collection[str] = ()) -> Form:
    """Split the last word of a name, which `following` follows in the sentence, into stem and ending.

    `attested` are the folded words that end a name elsewhere in the corpus: with `nordmann` there,
    "Nordmanns" is its genitive. Without such evidence its ending and the next word decide.

    >>> split_genitive("Nordmanns", "bil"), split_genitive("Moss'", "bil"), split_genitive("Jens", "bil")
    (Form(stem='Nordmann', ending='s'), Form(stem='Moss', ending="'"), Form(stem='Jens', ending=''))
    """
    if match := _APOSTROPHE_S.match(word):
        return Form(match[1], match[2])
    if len(word) > 1 and word[-1] in APOSTROPHES:
        return Form(word[:-1], word[-1])
    stem, folded = word[:-1], fold(word)
    if len(stem) < 2 or folded[-1:] != "s" or not stem[-1].isalpha():
        return Form(word)
    lists = name_lists()
    base = folded[:-1]
    if folded in lists.genders or folded in lists.words_in_s:
        return Form(word)
    if base in lists.genders or (base in attested and base[-1] not in "sxz"):
        return Form(stem, word[-1])
    ends = following is None or not (following[0].isalnum() or following[0] in OPENING_QUOTES)
    ends = ends or (following or "").casefold() in lists.after_no_genitive
    if ends or base[-1] in "sxz" or folded.endswith(lists.s_endings):
        return Form(word)
    return Form(stem, word[-1])


def with_genitive(name: str, ending: str) -> str:
    """Return the name in the genitive if `ending` is one; names in s, x and z take an apostrophe.

    >>> with_genitive("Viken", "s"), with_genitive("Tveitnes", "s"), with_genitive("VIKEN", "S")
    ('Vikens', "Tveitnes'", 'VIKENS')
    """
    if not ending:
        return name
    mark = next((character for character in ending if character in APOSTROPHES), "'")
    if name[-1:].casefold() in ("s", "x", "z"):
        return name + mark
    return name + ("S" if name.isupper() and len(name) > 1 and ending != "s" else "s")


def is_initial(word: str) -> bool:
    """Return whether the word is an initial, or several.

    >>> is_initial("K."), is_initial("J.R."), is_initial("Bo")
    (True, True, False)
    """
    return _INITIAL.match(word) is not None


def with_case_of(original: str, new: str) -> str:
    """Return `new` in capitals if `original` is in capitals, in lower case if it is in lower case.

    >>> with_case_of("NORDMANN", "Viken"), with_case_of("nordmann", "Viken"), with_case_of("McNally", "Viken")
    ('VIKEN', 'viken', 'Viken')
    """
    letters = [character for character in original if character.isalpha()]
    if len(letters) > 1 and all(character.isupper() for character in letters):
        return new.upper()
    if letters and all(character.islower() for character in letters):
        return new.lower()
    return new


def is_title(word: str) -> bool:
    """Return whether the word is a title before a name, which belongs to none: "fru", "Dr."."""
    return word.rstrip(".").casefold() in name_lists().titles


def is_particle(word: str) -> bool:
    """Return whether the word is a particle inside a surname: "von", "de"."""
    return word.casefold() in name_lists().particles
