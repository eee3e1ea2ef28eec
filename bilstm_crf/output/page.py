"""The text of files as an HTML page in which names are marked: one file, no script, nothing loaded.

The page begins with the counts, which are known only at the end. Until then its paragraphs are kept in a
temporary file, so memory stays flat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple

from bilstm_crf.formats import FormatOptions
from bilstm_crf.formats.base import scored_spans
from bilstm_crf.formats.offsets import file_name
from bilstm_crf.output.layout import passage_of
from bilstm_crf.render.page import markup, templates
from bilstm_crf.sentence import Sentence

# Hues in names.css. Other types take the last two in turn.
HUES = {"PER": 1, "ORG": 2, "LOC": 3, "GPE_LOC": 4, "GPE_ORG": 5, "PROD": 6, "EVT": 7, "DRV": 8}
OTHER_HUES = (9, 10)
SURE = 0.9  # the score from which on a name is shown without it
MAX_PARAGRAPH = 10_000  # code points after which a paragraph ends at any line end
MAX_MEMORY = 1 << 25
BLOCK = 1 << 16
LINE_END = re.compile("\r\n|[\r\f\v]")  # as HTML has none of these


class Piece(NamedTuple):
    """A stretch of text: a name, or (without a type) the text between names."""

    text: str
    type: str | None = None
    number: int = 0  # of the type
    score: float | None = None

    @property
    def label(self) -> str:
        """The text behind the name: its type, and its score if the tagger is unsure."""
        unsure = self.score is not None and round(self.score, 2) < SURE
        return f"{self.type} {self.score:.0%}" if unsure else self.type or ""

    @property
    def title(self) -> str:
        return self.type or "" if self.score is None else f"{self.type}, {self.score:.1%}"


@dataclass
class TypeCount:
    """A type in the legend."""

    name: str
    number: int  # from 1, in order of appearance
    hue: int
    names: int = 0


@dataclass
class FileCount:
    """A file in the table of contents."""

    path: str
    name: str  # empty for standard input
    names: int = 0


def write(sentences: Iterable[Sentence], options: FormatOptions) -> Iterator[bytes]:
    """Yield the page once all sentences have been read. Control characters become U+FFFD."""
    with SpooledTemporaryFile(MAX_MEMORY, "w+", encoding="utf-8", newline="") as stream:
        page = _Page(stream)
        for sentence in sentences:
            page.add(sentence)
        page.finish()
        stream.seek(0)
        template = templates().get_template("names.html")
        parts = template.stream(
            title=page.title,
            names=sum(file.names for file in page.files),
            files=page.files,
            types=sorted(page.types.values(), key=lambda type_: -type_.names),
            scored=page.scored,
            sure=f"{SURE:.0%}",
            body=(markup(block) for block in iter(lambda: stream.read(BLOCK), "")),
        )
        parts.enable_buffering(64)
        for part in parts:
            yield part.encode()


class _Page:
    """Writes the paragraphs and counts the names."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.types: dict[str, TypeCount] = {}
        self.files: list[FileCount] = []
        self.scored = False
        self._parts: Any = templates().get_template("names_parts.html").module
        self._document: str | None = None
        self._held: list[Piece] = []  # the paragraph so far
        self._length = 0
        self._gap = ""  # the white space since

    @property
    def title(self) -> str:
        """The title of the page."""
        only = self.files[0].name if len(self.files) == 1 else ""
        return PurePath(only).name or "Names"

    def add(self, sentence: Sentence) -> None:
        self._start(sentence)
        passage = passage_of(sentence)
        self._gap += passage.before
        if passage.text:
            self._close_gap()
            reached = 0
            for span, score in scored_spans(sentence):
                start, end = passage.offsets[span.start][0], passage.offsets[span.end - 1][1]
                self._hold(Piece(passage.text[reached:start]))
                self._hold(self._name(passage.text[start:end], span.type, score))
                reached = end
            self._hold(Piece(passage.text[reached:]))
        self._gap += passage.after

    def finish(self) -> None:
        self._end_file()

    def _start(self, sentence: Sentence) -> None:
        """Begin a file or a document if this sentence does."""
        if not self.files or self.files[-1].path != sentence.path:
            self._end_file()
            self.files.append(FileCount(sentence.path, file_name(sentence) or ""))
            self._document = None
            if len(self.files) > 1:  # the page's template begins the first
                self.stream.write(self._parts.file_start(len(self.files), self.files[-1].name))
        if sentence.tokens and sentence.document != self._document:
            self._end_paragraph()
            self._document = sentence.document
            if sentence.document:
                self.stream.write(self._parts.document_start(sentence.document))

    def _end_file(self) -> None:
        self._end_paragraph()
        if self.files:
            self.stream.write("</section>\n")

    def _name(self, text: str, type_: str, score: float | None) -> Piece:
        if type_ not in self.types:
            number = len(self.types) + 1
            self.types[type_] = TypeCount(type_, number, HUES.get(type_, OTHER_HUES[number % 2]))
        self.types[type_].names += 1
        self.files[-1].names += 1
        self.scored |= score is not None
        return Piece(text, type_, self.types[type_].number, score)

    def _hold(self, piece: Piece) -> None:
        if piece.text:
            self._held.append(piece._replace(text=LINE_END.sub("\n", piece.text)))
            self._length += len(piece.text)

    def _close_gap(self) -> None:
        """Put the white space before a sentence behind the paragraph, or between two of them."""
        gap, self._gap = LINE_END.sub("\n", self._gap), ""
        if gap.count("\n") > (self._length < MAX_PARAGRAPH):
            cut = gap.rindex("\n") + 1
            self._hold(Piece(gap[:cut]))
            self._end_paragraph()
            gap = gap[cut:]
        self._hold(Piece(gap))

    def _end_paragraph(self) -> None:
        if self._gap:
            self._hold(Piece(self._gap))
            self._gap = ""
        if self._held:
            self.stream.write(self._parts.paragraph(self._held))
        self._held, self._length = [], 0
