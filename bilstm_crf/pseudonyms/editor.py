"""Edit the pages of a file: names where the tagger saw them, names elsewhere, identifiers.

page + names of its file ─► identifiers, found names, same names, compounds, comments ─► edits
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bilstm_crf.pseudonyms.edits import (
    Edit,
    Found,
    edits_of_identifier,
    edits_of_name,
    pseudonym_of,
    without_overlap,
)
from bilstm_crf.pseudonyms.forms import Form, fold, with_genitive
from bilstm_crf.pseudonyms.found_names import FoundName, Words
from bilstm_crf.pseudonyms.identifiers import Identifier, find_identifiers, normalise
from bilstm_crf.pseudonyms.identities import Resolver
from bilstm_crf.pseudonyms.invention import pseudonym_words, replaced_word
from bilstm_crf.pseudonyms.mapping import Identity, Mapping
from bilstm_crf.pseudonyms.pages import Page, Place
from bilstm_crf.pseudonyms.same_names import Match, NameIndex
from bilstm_crf.pseudonyms.survey import DocumentNames, FileNames

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass
class Counts:
    """What was replaced in a file."""

    found: Counter[str] = field(default_factory=Counter)  # by kind
    elsewhere: Counter[str] = field(default_factory=Counter)  # those of them that the tagger had missed
    ids: set[str] = field(default_factory=set)
    test_ids: int = 0
    uncertain: list[tuple[int, str, str]] = field(default_factory=list)  # line, kind, text of look-alikes


@dataclass(frozen=True)
class Decisions:
    """What was decided about the corpus before any file is edited."""

    mapping: Mapping
    resolver: Resolver
    index: NameIndex  # empty if names are not looked for elsewhere
    identifiers: tuple[str, ...]  # kinds to replace
    same_names: bool


class Editor:
    """Edits the pages of one file, in their order."""

    def __init__(self, decisions: Decisions, names: FileNames) -> None:
        self.decisions, self.names = decisions, names
        self.mapping, self.style = decisions.mapping, decisions.mapping.style
        self.counts = Counts()
        self._tokens = 0  # of the pages before
        self._reached: dict[str | None, int] = Counter()  # found names of each document that are done

    def edits(self, page: Page) -> list[Edit]:
        """Return the edits of the next page, in their order and without overlap."""
        document = self.names.documents.get(page.document) or DocumentNames()
        edits: list[Edit] = []
        covered: set[int] = set()
        for text, places, first in page.passages:
            edits += self._identifiers(page, text, places, first, covered)
        for found_name, id_ in self._found_names(page, document):
            words = found_name.words(self.decisions.resolver.attested)
            first = found_name.start - self._tokens
            for part in words.without({token - first for token in covered}):
                edits += self._name(page, first, found_name.end - self._tokens, id_, part)
            covered.update(range(first, found_name.end - self._tokens))
        if self.decisions.same_names:
            edits += self._elsewhere(page, document, covered)
        edits += self._notes(page, document)
        self._tokens += len(page.tokens)
        return without_overlap(edits)

    # ------------------------------------------------------------ identifiers

    def _identifiers(
        self, page: Page, text: str, places: Sequence[Place], first: int, covered: set[int]
    ) -> Iterator[Edit]:
        identifiers = find_identifiers(text, self.decisions.identifiers)
        starts = [start for start, _ in places] if identifiers else []
        for found in identifiers:
            here = range(max(0, bisect_left(starts, found.start + 1) - 1), bisect_left(starts, found.end))
            tokens = [first + at for at in here if places[at][1] > found.start]
            if not found.is_certain:
                line = page.line_of(tokens[0]) if tokens else page.line
                self.counts.uncertain.append((line, found.kind, text[found.start : found.end]))
                continue
            covered.update(tokens)
            identity = self._identifier(found, text)
            self._count(identity)
            self.counts.test_ids += found.is_test
            place = (found.start, found.end)  # in running text, the passage is the page
            yield from edits_of_identifier(page, place, tokens, identity.in_brackets(self.style), identity.id)

    def _identifier(self, found: Identifier, text: str) -> Identity:
        original = text[found.start : found.end]
        return self.decisions.resolver.identifier(found.kind, normalise(found.kind, original), original)

    # ------------------------------------------------------------ names

    def _found_names(self, page: Page, document: DocumentNames) -> Iterator[tuple[FoundName, str]]:
        """Yield the found names of a page; the pages of a document come in their order."""
        at = self._reached[page.document]
        end = self._tokens + len(page.tokens)
        while at < len(document.found_names) and document.found_names[at].start < end:
            yield document.found_names[at], document.ids[at]
            at += 1
        self._reached[page.document] = at

    def _name(self, page: Page, start: int, end: int, id_: str, words: Words) -> Iterator[Edit]:
        identity = self.mapping.identities[id_]
        self._count(identity)
        return edits_of_name(page, Found(start, end, identity, words), self.style)

    def _count(self, identity: Identity) -> None:
        self.counts.found[identity.kind] += 1
        self.counts.ids.add(identity.id)

    # ------------------------------------------------------------ names that the tagger missed

    def _elsewhere(self, page: Page, document: DocumentNames, covered: set[int]) -> Iterator[Edit]:
        people = self._people(document)
        free = set(range(len(page.tokens))) - covered
        for match in self.decisions.index.matches(page.tokens, free, people):
            word = match.words.folded[0]
            if match.end - match.start == 1 and word not in people and self._is_other(match.start):
                continue
            id_ = match.id or self.decisions.resolver.alone(match.words.text)
            covered.update(range(match.start, match.end))
            self.counts.elsewhere[self.mapping.identities[id_].kind] += 1
            yield from self._name(page, match.start, match.end, id_, match.words)
        for token in set(range(len(page.tokens))) - covered:
            if "-" in page.tokens[token]:
                yield from self._compound(page, token, people)

    def _people(self, document: DocumentNames) -> dict[str, str]:
        """Return who has each given name and surname in a document; "" if there are several."""
        return {word: next(iter(ids)) if len(ids) == 1 else "" for word, ids in document.people.items()}

    def _is_other(self, token: int) -> bool:
        """Return whether the tagger is sure that a token is in a name of a type that stays."""
        number = self._tokens + token
        at = bisect_left(self.names.others, (number + 1, 0)) - 1
        return at >= 0 and number < self.names.others[at][1]

    def _compound(self, page: Page, token: int, people: dict[str, str]) -> Iterator[Edit]:
        """Yield the edits of a name that begins a compound: "Nordmann-saken"."""
        head = page.tokens[token].partition("-")[0]
        id_ = people.get(fold(head)) or self.decisions.index.word(head)
        if not id_ or not head[:1].isupper() or len(head) < 3:
            return
        identity = self.mapping.identities[id_]
        new = self._word(identity, head)
        self._count(identity)
        self.counts.elsewhere[identity.kind] += 1
        for start, end in page.places_of(token):
            if page.text[start:end].casefold().startswith(head.casefold() + "-"):
                yield Edit(start, start + len(head), new, id_)

    def _word(self, identity: Identity, word: str) -> str:
        """Return the pseudonym of one word of a name."""
        words = Words((Form(word),), (0,))
        if self.style == "name" and identity.kind == "PER":
            return replaced_word(words.forms[0], pseudonym_words(identity)) or f"[{identity.id}]"
        return pseudonym_of(identity, words, self.style)

    # ------------------------------------------------------------ comments

    def _notes(self, page: Page, document: DocumentNames) -> Iterator[Edit]:
        """Yield the edits of names and identifiers in comments."""
        people = self._people(document) if self.decisions.same_names else {}
        for start, end in page.notes:
            text = page.text[start:end]
            for found in find_identifiers(text, self.decisions.identifiers):
                if found.is_certain:
                    identity = self._identifier(found, text)
                    yield Edit(
                        start + found.start, start + found.end, identity.in_brackets(self.style), identity.id
                    )
            matches = list(WORD.finditer(text))
            tokens = [match.group() for match in matches]
            for match in self.decisions.index.matches(tokens, range(len(tokens)), people):
                yield from self._in_note(match, [(start + m.start(), start + m.end()) for m in matches])

    def _in_note(self, match: Match, places: Sequence[Place]) -> Iterator[Edit]:
        identity = self.mapping.identities[match.id or self.decisions.resolver.alone(match.words.text)]
        for at, form in enumerate(match.words.forms):
            new = with_genitive(self._word(identity, form.stem), form.ending)
            yield Edit(*places[match.start + at], new, identity.id)
