"""Pseudonymise a corpus in three steps: find the names, decide who is who, edit each file.

    survey (tag) ─► resolve ─► plan each file ─► write the mapping ─► write each file

Nothing is written before the mapping is, so that no output exists without it. Files are read again to be
edited: only their names stay in memory.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bilstm_crf.corpus.documents import Documents
from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.pseudonyms.editor import Counts, Decisions, Editor
from bilstm_crf.pseudonyms.edits import Edit, apply
from bilstm_crf.pseudonyms.forms import fold
from bilstm_crf.pseudonyms.found_names import FoundName
from bilstm_crf.pseudonyms.identifiers import KINDS
from bilstm_crf.pseudonyms.identities import Resolver
from bilstm_crf.pseudonyms.invention import Inventor, invented_words
from bilstm_crf.pseudonyms.mapping import FileRecord, Mapping, Occurrence
from bilstm_crf.pseudonyms.pages import Page, pages
from bilstm_crf.pseudonyms.same_names import NameIndex
from bilstm_crf.pseudonyms.source import Source
from bilstm_crf.pseudonyms.survey import MIN_EVIDENCE, DocumentNames, FileNames, last_words, survey
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import shown

if TYPE_CHECKING:
    from bilstm_crf.inference.tagger import Tagger


@dataclass(frozen=True)
class Request:
    """What to replace."""

    types: frozenset[str]  # entity types
    identifiers: tuple[str, ...]  # kinds
    recall: float | None  # also replace spans of at least this probability that the best path missed
    same_names: bool  # also replace names that were found elsewhere in the corpus
    unsure_below: float  # probability under which a name is listed in the report


@dataclass(frozen=True)
class Unsure:
    """Something that a person should look at."""

    path: str
    line: int
    what: str  # without the name itself
    text: str  # the name


@dataclass
class Outcome:
    """What was done; names are not in it, except in `unsure`."""

    found: Counter[str] = field(default_factory=Counter)  # replaced names and identifiers by kind
    elsewhere: Counter[str] = field(default_factory=Counter)  # those of them that the tagger had missed
    identities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # ids by kind
    unsure: list[Unsure] = field(default_factory=list)
    tokens: int = 0
    test_ids: int = 0
    reused: list[str] = field(default_factory=list)  # invented given names that occur in the corpus
    named_files: list[str] = field(default_factory=list)  # outputs whose name holds a replaced name
    met_before: list[str] = field(
        default_factory=list
    )  # pseudonyms of earlier runs that occur in this corpus


@dataclass(frozen=True)
class Edited:
    """A pseudonymised file, before it is written."""

    text: str
    record: FileRecord
    counts: Counts


@dataclass(frozen=True)
class Surveyed:
    """A source, its names, and the SHA-256 of its content."""

    source: Source
    names: FileNames
    sha256: str


class Pseudonymiser:
    """One run: `survey` each source, `decide`, `edit` each, write the mapping, write the texts."""

    def __init__(
        self,
        tagger: Tagger,
        mapping: Mapping,
        request: Request,
        reading: FormatOptions,
        documents: Documents | None,
    ) -> None:
        self.tagger, self.mapping, self.request, self.reading = tagger, mapping, request, reading
        self.documents = documents
        self.outcome = Outcome()
        self._surveyed: dict[str, Surveyed] = {}  # by path
        self._wanted = invented_words() if mapping.style == "name" else frozenset()
        self._seen: set[str] = set()  # those of them that the corpus has

    # ------------------------------------------------------------ what is there

    def survey(self, source: Source) -> None:
        """Tag a source and note its names. Raises InputError for what cannot be read, and for outputs."""
        content = source.read()
        digest = _sha256(content)
        if any(file.sha256 == digest and file.occurrences for file in self.mapping.files):
            raise InputError(
                "is an output of an earlier run with this mapping",
                path=shown(source.path),
                hint="pseudonymise the original, or --restore this file first",
            )
        names = survey(self._tagged_pages(source, content), self.request.types, self._wanted, self._seen)
        self._surveyed[source.path] = Surveyed(source, names, digest)
        self.outcome.tokens += names.tokens

    def decide(self) -> None:
        """Decide who is who, once all sources are surveyed."""
        self._find_earlier_pseudonyms(self._seen)
        inventor = Inventor(self.mapping, self._seen)
        surveyed = self._surveyed.values()
        self.resolver = Resolver(self.mapping, inventor, last_words(each.names for each in surveyed))
        for each in surveyed:
            for document in each.names.documents.values():
                self._resolve(each.source, document)
        self.index = self._index()
        self.decisions = Decisions(
            self.mapping, self.resolver, self.index, self.request.identifiers, self.request.same_names
        )

    def _tagged_pages(self, source: Source, content: bytes) -> Iterator[Page]:
        from bilstm_crf.inference.decoding import Decoding

        decoding = Decoding(scores=True, recall=self.request.recall, recall_types=self.request.types)
        return pages(
            self.tagger.tag_stream(self._sentences(source, content), decoding=decoding), source.format
        )

    def _sentences(self, source: Source, content: bytes) -> Iterable[Sentence]:
        stream = source.stream(content)
        sentences: Iterable[Sentence] = source.format.read(stream, shown(source.path), self.reading)
        return sentences if self.documents is None else self.documents.named(sentences)

    def _find_earlier_pseudonyms(self, seen: Collection[str]) -> None:
        for identity in self.mapping.identities.values():
            if identity.kind in ("PER", "LOC", "ORG"):
                for name in identity.names.values():
                    if fold(name.split(" ")[-1]) in seen:
                        self.outcome.met_before.append(name)

    def _resolve(self, source: Source, document: DocumentNames) -> None:
        self.resolver.ambiguous.clear()
        document.ids, people = self.resolver.resolve(document.found_names)
        pairs = zip(document.found_names, document.ids, strict=True)
        sure = {id_ for found_name, id_ in pairs if found_name.score >= MIN_EVIDENCE}
        document.people = {word: ids for word, ids in people.by_word.items() if ids & sure}
        for found_name in self.resolver.ambiguous.values():
            what = f"{found_name.kind}: several people here have this name; it got a pseudonym of its own"
            self._unsure(source, found_name.line, what, found_name)
        for found_name in document.found_names:
            if found_name.score < self.request.unsure_below:
                self._unsure(
                    source,
                    found_name.line,
                    f"{found_name.kind}: probability {found_name.score:.2f}",
                    found_name,
                )

    def _unsure(self, source: Source, line: int, what: str, found_name: FoundName) -> None:
        self.outcome.unsure.append(Unsure(shown(source.path), line, what, " ".join(found_name.tokens)))

    def _index(self) -> NameIndex:
        """Return the names to look for: those that the tagger was sure of once, and those of earlier runs."""
        index = NameIndex()
        if not self.request.same_names:
            return index
        sure: set[tuple[str, str]] = set()
        met: set[str] = set()
        for surveyed in self._surveyed.values():
            for document in surveyed.names.documents.values():
                for found_name, id_ in zip(document.found_names, document.ids, strict=True):
                    met.add(id_)
                    if found_name.score >= MIN_EVIDENCE:
                        sure.add(
                            (
                                id_,
                                self.resolver.key(
                                    found_name.kind, found_name.words(self.resolver.attested).text
                                ),
                            )
                        )
        for identity in self.mapping.identities.values():
            for name in identity.names:
                is_sure = (
                    identity.id not in met or (identity.id, self.resolver.key(identity.kind, name)) in sure
                )
                if is_sure and identity.kind not in KINDS:
                    index.add(name, identity.id)
        return index

    # ------------------------------------------------------------ editing

    def edit(self, source: Source) -> Edited:
        """Return the pseudonymised text of a source.

        Raises InputError if the source has changed since it was surveyed.
        """
        content, surveyed = source.read(), self._surveyed[source.path]
        if _sha256(content) != surveyed.sha256:
            raise InputError("has changed while it was read", path=shown(source.path), hint="run it again")
        editor = Editor(self.decisions, surveyed.names)
        texts: list[str] = []
        occurrences: list[Occurrence] = []
        length = 0
        for page in pages(self._sentences(source, content), source.format):
            edits = editor.edits(page)
            occurrences += _occurrences(page, edits, length)
            texts.append(apply(page.text, edits))
            length += len(texts[-1])
        text = "".join(texts)
        record = FileRecord(
            original_name=os.path.basename(shown(source.path)),
            name=source.name,
            original_sha256=surveyed.sha256,
            sha256=_sha256(text.encode()),
            encoding=source.encoding or "utf-8",
            occurrences=tuple(occurrences),
        )
        return Edited(text, record, editor.counts)

    def note(self, edited: Edited, source: Source) -> None:
        """Add a file to the mapping and what was replaced in it to the outcome."""
        self.mapping.add_file(edited.record)
        self.outcome.reused = sorted(self.resolver.inventor.reused)
        outcome, counts = self.outcome, edited.counts
        outcome.found.update(counts.found)
        outcome.elsewhere.update(counts.elsewhere)
        outcome.test_ids += counts.test_ids
        for id_ in counts.ids:
            outcome.identities[self.mapping.identities[id_].kind].add(id_)
        for line, kind, text in counts.uncertain:
            what = f"{kind}: 11 digits with a date and wrong control digits; not replaced"
            outcome.unsure.append(Unsure(shown(source.path), line, what, text))
        outcome.named_files += [source.name] * self._names_somebody(source.name)

    def _names_somebody(self, name: str) -> bool:
        """Return whether a file name holds a word of somebody's name."""
        return any(self.index.has(word) for word in re.findall(r"[^\W\d_]{3,}", name))


def _occurrences(page: Page, edits: Iterable[Edit], before: int) -> Iterator[Occurrence]:
    """Yield what each edit leaves in the new text, of which `before` code points come before the page."""
    shift = before
    for edit in edits:
        yield Occurrence(edit.id, page.text[edit.start : edit.end], edit.new, edit.start + shift)
        shift += len(edit.new) - (edit.end - edit.start)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
