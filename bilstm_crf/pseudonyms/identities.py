"""Who is who: join the found names of a corpus to identities.

The same full name is the same person everywhere. A surname or a given name alone is the person of its
document who has it; if there are several, it is somebody of its own, which is safe: nobody is taken for
somebody else. Everything else that has a name is the same if its name is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bilstm_crf.pseudonyms.forms import fold, is_initial, is_particle
from bilstm_crf.pseudonyms.found_names import FoundName, Words
from bilstm_crf.pseudonyms.identifiers import KINDS as IDENTIFIERS
from bilstm_crf.pseudonyms.identifiers import normalise
from bilstm_crf.pseudonyms.invention import Inventor, without_legal_forms
from bilstm_crf.pseudonyms.mapping import Identity, Mapping


@dataclass
class People:
    """The people with a full name in one document."""

    by_name: dict[tuple[str, ...], str] = field(default_factory=dict)  # folded full name to id
    by_word: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # a given name or surname

    def add(self, folded: tuple[str, ...], id_: str) -> None:
        self.by_name[folded] = id_
        for word in folded:
            if not is_initial(word) and not is_particle(word):
                self.by_word[word].add(id_)

    def with_initial(self, folded: tuple[str, ...]) -> set[str]:
        """Return who has this surname and a given name with this initial."""
        return {
            id_ for name, id_ in self.by_name.items() if name[-1] == folded[-1] and name[0][0] == folded[0][0]
        }

    def longer(self, folded: tuple[str, ...]) -> set[str]:
        """Return who has these names and others between them, or given names before a double surname."""
        return {
            id_
            for name, id_ in self.by_name.items()
            if len(name) > len(folded)
            and name[-1] == folded[-1]
            and (name[0] == folded[0] or name[-len(folded) :] == folded)
        }


class Resolver:
    """Assigns identities, document by document, and keeps them in a mapping."""

    def __init__(self, mapping: Mapping, inventor: Inventor, attested: Collection[str]) -> None:
        """`attested`: the folded last words of all found names, the evidence for genitives."""
        self.mapping, self.inventor, self.attested = mapping, inventor, attested
        self._known: dict[tuple[str, str], str] = {}  # kind and key of each name to its id
        for identity in mapping.identities.values():
            for original in identity.names:
                self._known[identity.kind, self.key(identity.kind, original)] = identity.id
        # The first occurrence of each name that several people of the document have
        self.ambiguous: dict[tuple[str, ...], FoundName] = {}

    def key(self, kind: str, name: str) -> str:
        """Return what the names of an identity share."""
        if kind in IDENTIFIERS:
            return normalise(kind, name)
        if kind == "ORG":
            return fold(" ".join(without_legal_forms(name)[0]))
        return fold(name)

    def resolve(self, found_names: Sequence[FoundName]) -> tuple[list[str], People]:
        """Return the id of each found name of a document, and the people in it."""
        words = [found_name.words(self.attested) for found_name in found_names]
        people = People()
        persons = [n for n, found_name in enumerate(found_names) if found_name.kind == "PER"]
        full: dict[tuple[str, ...], str] = {}
        for n in persons:
            if words[n].is_full:
                full.setdefault(words[n].folded, words[n].text)
        for folded in sorted(full, key=len, reverse=True):  # the longest first: others may be short for it
            longer = people.longer(folded)
            same = next(iter(longer)) if len(longer) == 1 else None
            people.add(folded, self._identity("PER", full[folded], same).id)
        ids = []
        for found_name, name in zip(found_names, words, strict=True):
            if not name.forms:
                ids.append(self._identity(found_name.kind, " ".join(found_name.tokens)).id)
            elif found_name.kind == "PER":
                ids.append(self._person(found_name, name, people))
            else:
                ids.append(self._mistaken(name, people) or self._identity(found_name.kind, name.text).id)
            self._learn(ids[-1], name)
        return ids, people

    def _person(self, found_name: FoundName, name: Words, people: People) -> str:
        folded = name.folded
        if folded in people.by_name:
            return people.by_name[folded]
        found: set[str] = set()
        if name.has_initial:
            found = people.with_initial(folded)
        elif not name.is_full:
            found = people.by_word.get(folded[-1], set())
        if len(found) == 1:
            return next(iter(found))
        if found:
            self.ambiguous.setdefault(folded, found_name)
        return self._identity("PER", name.text).id

    def _mistaken(self, name: Words, people: People) -> str | None:
        """Return the person whose name the tagger took for another type, such as "KARI NORDMANN"."""
        folded = name.folded
        if len(folded) > 1:
            return people.by_name.get(folded)
        found = people.by_word.get(folded[0], set())
        return next(iter(found)) if len(found) == 1 else None

    def _identity(self, kind: str, name: str, same: str | None = None) -> Identity:
        """Return the identity with this name; a new one if there is none and it is not the `same` as one."""
        key = self.key(kind, name)
        id_ = self._known.get((kind, key)) or same
        identity = self.mapping.identities[id_] if id_ else self.mapping.add_identity(kind)
        if (kind, key) not in self._known:
            self._known[kind, key] = identity.id
            identity.names[name] = self.inventor.name(identity, name)
        return identity

    def alone(self, word: str) -> str:
        """Return the id of somebody of whom only this word is known."""
        return self._identity("PER", word).id

    def identifier(self, kind: str, key: str, original: str) -> Identity:
        """Return the identity of an identifier with this normalised form."""
        id_ = self._known.get((kind, key))
        if id_ is not None:
            return self.mapping.identities[id_]
        identity = self.mapping.add_identity(kind)
        identity.names[original] = identity.in_brackets(self.mapping.style)
        self._known[kind, key] = identity.id
        return identity

    def _learn(self, id_: str, name: Words) -> None:
        """Invent words for those of a person's name that the identity lacks, such as a middle initial."""
        identity = self.mapping.identities[id_]
        if identity.kind == "PER":
            self.inventor.words(identity, name)
