"""Invent pseudonyms: the same secret key gives the same ones, and none is a word of the corpus.

An identity and a name come in; a pseudonym goes out, word for word for people: given names of the same
gender, surnames, initials of the pseudonym.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterator, Sequence

from bilstm_crf.pseudonyms.forms import Form, fold, is_initial, is_particle, with_case_of
from bilstm_crf.pseudonyms.found_names import Words
from bilstm_crf.pseudonyms.mapping import Identity, Mapping
from bilstm_crf.pseudonyms.names import name_lists

ATTEMPTS = 200  # draws from a list before it is searched in order
LETTERS = "ABDEFGHIJKLMNOPRSTUVØÅ"


def invented_words() -> frozenset[str]:
    """Return every folded word that an invented name may have: the corpus is searched for these."""
    lists = name_lists()
    pools = (*lists.given.values(), lists.surnames, lists.places)
    return frozenset(fold(word) for pool in pools for word in pool)


class Inventor:
    """Chooses pseudonyms for the identities of a mapping."""

    def __init__(self, mapping: Mapping, in_corpus: Collection[str]) -> None:
        """`in_corpus`: the folded words of the corpus (those of `invented_words` are enough)."""
        self.mapping, self.in_corpus = mapping, in_corpus
        self.reused: set[str] = set()  # given names that occur in the corpus: all others were
        self._taken = {
            fold(word)
            for identity in mapping.identities.values()
            for pseudonym in (*identity.names.values(), *identity.words.values())
            for word in (pseudonym, *pseudonym.split(" "))
        }

    def name(self, identity: Identity, name: str) -> str:
        """Return the pseudonym of a name that the identity has not had yet."""
        if self.mapping.style == "number":
            return f"[{identity.id}]"
        if self.mapping.style == "label":
            return f"[{identity.kind}]"
        if identity.kind == "PER":
            new = self._person(identity, name.split(" "))
        elif identity.kind == "ORG":
            new = self._organisation(name)
        elif identity.kind == "LOC":
            new = self._fresh(name_lists().places, fold(name))
        else:
            return f"[{identity.id}]"
        self._taken |= {fold(new), *map(fold, new.split(" "))}
        return new

    def words(self, identity: Identity, name: Words) -> None:
        """Add pseudonyms for the words of a found name that the identity lacks."""
        if self.mapping.style != "name":
            return
        known = pseudonym_words(identity)
        stems = [form.stem for form in name.forms]
        for position, stem in enumerate(stems):
            if fold(stem) not in known and not is_particle(stem):
                identity.words[stem] = self._word(identity, stems, position, known)
                known[fold(stem)] = identity.words[stem]

    # ------------------------------------------------------------ people

    def _person(self, identity: Identity, words: list[str]) -> str:
        known = pseudonym_words(identity)
        new = []
        for position, word in enumerate(words):
            if is_particle(word) and len(words) > 1:
                new.append(word)
                continue
            if fold(word) not in known:
                known[fold(word)] = self._word(identity, words, position, known)
            new.append(known[fold(word)])
        return " ".join(new)

    def _word(self, identity: Identity, words: list[str], position: int, known: dict[str, str]) -> str:
        """Return the pseudonym of one word of a name: a surname at the end, else a given name."""
        word, lists = words[position], name_lists()
        if is_initial(word):
            return self._initials(word, known)
        known_given = lists.is_given_name(word)  # other middle names are surnames
        is_given = known_given if len(words) == 1 or 0 < position < len(words) - 1 else position == 0
        gender = lists.gender(word) if position == 0 else lists.gender(words[0])
        parts: list[str] = []
        for part in word.split("-"):
            seed = f"{identity.id} {fold(word)} {fold(part)} {len(parts)}"
            if is_given:
                parts.append(self._given(gender, seed, avoid=known.values()))
            else:
                parts.append(self._fresh(lists.surnames, seed))
                self._taken.add(fold(parts[-1]))
        return "-".join(parts)

    def _given(self, gender: str, seed: str, avoid: Collection[str]) -> str:
        """Return a given name of this gender; several people may have it."""
        pool = name_lists().given[gender]  # type: ignore[index]
        for name in self._candidates(pool, seed):
            if fold(name) not in self.in_corpus and name not in avoid:
                return name
        name = pool[self._draw(seed, 0) % len(pool)]
        self.reused.add(name)
        return name

    def _initials(self, word: str, known: dict[str, str]) -> str:
        """Return the initials of the pseudonym; of names that are not known, other letters."""
        new = []
        for character in word:
            if not character.isalpha():
                new.append(character)
                continue
            full = next(
                (new for old, new in known.items() if old[0] == fold(character) and len(new) > 2), None
            )
            letter = full[0] if full else LETTERS[self._draw(f"initial {fold(character)}", 0) % len(LETTERS)]
            new.append(with_case_of(character * 2, letter))
        return "".join(new)

    # ------------------------------------------------------------ others

    def _organisation(self, name: str) -> str:
        """Return an organisation of the same kind, with the same legal form."""
        lists = name_lists()
        words, forms = without_legal_forms(name)
        seed = " ".join(map(fold, words))
        pattern = next((new for word, new in lists.organisations.items() if word in seed), None)
        if pattern is not None:
            place, surname = self._fresh(lists.places, seed), self._fresh(lists.surnames, seed)
            base = pattern.format(place=place, name=surname)
        elif len(words) == 1 and words[0].isupper() and len(words[0]) <= 5:
            base = self._acronym(len(words[0]), seed)
        else:
            tail = lists.companies[self._draw(seed, -1) % len(lists.companies)]
            base = self._fresh(lists.surnames, seed) + tail
        return " ".join([base, *forms])

    def _acronym(self, length: int, seed: str) -> str:
        for attempt in range(ATTEMPTS):
            number = self._draw(seed, attempt)
            letters = ""
            for _ in range(max(3, length)):
                number, letter = divmod(number, len(LETTERS))
                letters += LETTERS[letter]
            if fold(letters) not in self._taken:
                break
        return letters

    def _fresh(self, pool: Sequence[str], seed: str) -> str:
        """Return an element that is neither in the corpus nor a pseudonym; two joined ones if all are."""
        for name in self._candidates(pool, seed):
            if fold(name) not in self.in_corpus and fold(name) not in self._taken:
                return name
        attempt = ATTEMPTS
        while True:
            attempt += 1
            first, second = divmod(self._draw(seed, attempt) % len(pool) ** 2, len(pool))
            if fold(name := f"{pool[first]}-{pool[second]}") not in self._taken:
                return name

    def _candidates(self, pool: Sequence[str], seed: str) -> Iterator[str]:
        """Yield drawn elements, then all in order: draws may miss the last ones that are free."""
        for attempt in range(ATTEMPTS):
            yield pool[self._draw(seed, attempt) % len(pool)]
        start = self._draw(seed, 0) % len(pool)
        yield from pool[start:]
        yield from pool[:start]

    def _draw(self, seed: str, attempt: int) -> int:
        """Return a number that nobody can guess or repeat without the key of the mapping."""
        message = f"{seed}\n{attempt}".encode("utf-8", "surrogatepass")
        digest = hmac.new(self.mapping.secret.encode(), message, hashlib.sha256).digest()
        return int.from_bytes(digest[:8], "big")


def without_legal_forms(name: str) -> tuple[list[str], list[str]]:
    """Return the words of an organisation's name, and its legal forms.

    >>> without_legal_forms("Granvik Bygg AS")
    (['Granvik', 'Bygg'], ['AS'])
    """
    words: list[str] = name.split(" ")
    forms: list[str] = []
    while len(words) > 1 and fold(words[-1]) in name_lists().legal_forms:
        forms.insert(0, words.pop())
    return words, forms


def other_name(identity: Identity, name: str) -> str:
    """Return the pseudonym of an identity under a name that differs from the known one by its legal form."""
    pseudonym = next(iter(identity.names.values()))
    if identity.kind != "ORG":
        return pseudonym
    return " ".join(without_legal_forms(pseudonym)[0] + without_legal_forms(name)[1])


def pseudonym_words(identity: Identity) -> dict[str, str]:
    """Return the pseudonym of each folded word of a person's names."""
    words: dict[str, str] = {}
    for original, new in (*identity.names.items(), *identity.words.items()):
        for old, invented in zip(original.split(" "), new.split(" "), strict=False):
            words.setdefault(fold(old), invented)
    return words


def replaced_word(form: Form, words: dict[str, str]) -> str | None:
    """Return the pseudonym of a word in the case of the original, without ending; None: it stays."""
    new = words.get(fold(form.stem))
    return None if new is None else with_case_of(form.stem, new)
