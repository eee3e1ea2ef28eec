"""What is known about Norwegian names, and the words that invented ones are made of (`names.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Gender = Literal["female", "male", "either"]


@dataclass(frozen=True)
class NameLists:
    """The lists of `names.toml`; those for look-ups are case-folded."""

    genders: dict[str, Gender]  # of given names
    given: dict[Gender, tuple[str, ...]]  # for invented people; either: of both genders
    surnames: tuple[str, ...]  # listed and composed
    places: tuple[str, ...]
    companies: tuple[str, ...]  # second parts of the names of companies
    particles: frozenset[str]
    titles: frozenset[str]
    legal_forms: frozenset[str]
    s_endings: tuple[str, ...]
    words_in_s: frozenset[str]
    after_no_genitive: frozenset[str]
    organisations: dict[str, str]  # pattern of the invented name, by a word in the real one

    def gender(self, given_name: str) -> Gender:
        """Return the gender of a given name; the first part of a double name decides.

        >>> name_lists().gender("KARI"), name_lists().gender("Per-Kåre"), name_lists().gender("Qwerty")
        ('female', 'male', 'either')
        """
        folded = given_name.casefold()
        return self.genders.get(folded) or self.genders.get(folded.partition("-")[0]) or "either"

    def is_given_name(self, word: str) -> bool:
        """Return whether the word, or the first part of a double name, is a known given name."""
        folded = word.casefold()
        return folded in self.genders or folded.partition("-")[0] in self.genders


@cache
def name_lists() -> NameLists:
    """Read the lists, once."""
    content = tomllib.loads(Path(__file__).with_name("names.toml").read_text("utf-8"))
    listed = {key: value.split() for key, value in content.items() if isinstance(value, str)}
    genders: dict[str, Gender] = {}
    kinds: tuple[Gender, ...] = ("female", "male", "either")
    for gender in kinds:
        genders |= {name.casefold(): gender for name in listed[gender]}
    given = {
        gender: tuple(
            dict.fromkeys(
                name
                for name in listed[gender]
                if genders[name.casefold()] == gender and name not in listed["not_invented"]
            )
        )
        for gender in kinds
    }
    given["either"] = given["female"] + given["male"]
    return NameLists(
        genders=genders,
        given=given,
        surnames=tuple(
            dict.fromkeys(listed["surnames"] + _composed(listed["surname_heads"], listed["surname_tails"]))
        ),
        places=tuple(dict.fromkeys(_composed(listed["place_heads"], listed["place_tails"]))),
        companies=tuple(listed["company_tails"]),
        particles=_folded(listed["particles"]),
        titles=_folded(listed["titles"]),
        legal_forms=_folded(listed["legal_forms"]),
        s_endings=tuple(listed["s_endings"]),
        words_in_s=_folded(listed["words_in_s"]),
        after_no_genitive=_folded(listed["after_no_genitive"]),
        organisations=content["organisations"],
    )


def _composed(heads: list[str], tails: list[str]) -> list[str]:
    """Return every head with every tail, unless they say the same or three equal letters would meet."""
    return [
        head + tail
        for head in heads
        for tail in tails
        if not tail.startswith(head.lower())
        and head[-1] * 3 not in head + tail
        and head[-1:] + tail[:1] != "åå"
    ]


def _folded(words: list[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)
