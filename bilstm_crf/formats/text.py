r"""Read and write plain text: one sentence a line, or running text that is split into sentences.

Lines end in \n, \r\n or \r. Text holds no labels: `render` and `compose` mark entities as
`[PER Kari Nordmann]`, and escape brackets and backslashes of the text (`\[`, `\]`, `\\`), so that the marks
can be read back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from bilstm_crf.errors import warn
from bilstm_crf.formats import norwegian, spacy_text
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import BOM, decode, lines_of
from bilstm_crf.formats.column_layout import lines_ahead, looks_like_columns
from bilstm_crf.sentence import Origin, Sentence
from bilstm_crf.util.charset import line_ends
from bilstm_crf.util.files import has_name, shown

name = "text"
suffixes: tuple[str, ...] = (".txt",)

# Running text is buffered up to an empty line, but no more than this, since a file may have no line end at
# all. A longer sentence is cut at a blank.
PARAGRAPH_BYTES = 65_536

# Concatenated files have byte order marks in the middle.
LINE_BOM = re.compile(r"(?:\A|(?<=[\n\r]))\ufeff")

TOKENISERS = {"norwegian": norwegian, "spacy": spacy_text}

AS_WORDS = "looks like columns, but is read as text, labels as words; --format conll2003 reads columns"


class Raw(NamedTuple):
    """The white space and byte order marks around the sentence's text."""

    before: str
    after: str


def sentence_of(text: str, tokenise: str = "norwegian") -> Sentence:
    """Split a text that is one sentence into tokens. Raises MissingPackageError without spaCy.

    >>> sentence_of("Oslo er  fin .", "spaces").offsets
    [(0, 4), (5, 7), (9, 12), (13, 14)]
    """
    if tokenise == "spaces":
        # Not \s: a no-break space stands inside a token.
        offsets = [match.span() for match in re.finditer(r"[^ \t\r\n\v\f]+", text)]
    else:
        offsets = TOKENISERS[tokenise].words(text) if text else []
    return Sentence([text[start:end] for start, end in offsets], text=text, offsets=offsets)


def sentences_of(text: str) -> Iterator[Sentence]:
    r"""Split running text into sentences, with their places in it. Takes one paragraph at a time.

    >>> [each.text for each in sentences_of("Av Kari Moe\n\nOla sov. Kari sov.")]
    ['Av Kari Moe', 'Ola sov.', 'Kari sov.']
    """
    place = Place("", 1, 0)
    reached = 0
    ends = [match.end() for match in _EMPTY_LINES.finditer(text)] if "\n" in text or "\r" in text else []
    for end in [*ends, len(text)]:
        paragraph = text[reached:end]
        for sentence in _sentences(paragraph, place, "norwegian"):
            sentence.raw = None
            if sentence.tokens:
                yield sentence
        place, reached = place.after(paragraph), end


_EMPTY_LINES = re.compile(r"(?:\r\n|\n|\r(?!\n))[^\S\r\n]*[\r\n]\s*")


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. Running text is yielded paragraph by paragraph, once its empty line was read."""
    if path == shown("-") and looks_like_columns(lines_ahead(stream)):  # `format_of` warns of files
        warn(AS_WORDS, path=path)
    read_sentences = _running if options.sentences == "detect" else _lines
    for sentence in read_sentences(stream, path, options.tokenise):
        sentence.path = path
        if not options.keep_raw:
            sentence.raw = sentence.text = sentence.offsets = sentence.origin = None
        if options.keep_raw or sentence.tokens:
            yield sentence


class Place(NamedTuple):
    """A position in a file."""

    path: str
    line: int  # from 1
    position: int  # in code points from 0, without a byte order mark at the start

    def after(self, text: str) -> Place:
        """Return the place after `text`, which begins here."""
        return Place(self.path, self.line + line_ends(text), self.position + len(text))

    @property
    def origin(self) -> Origin:
        return Origin(self.path if has_name(self.path) else None, self.line, self.position)


def _start_of_file(path: str, text: str) -> Place:
    return Place(path, 1, -1 if text.startswith(BOM) else 0)


def _lines(stream: BinaryIO, path: str, tokenise: str) -> Iterator[Sentence]:
    position = 0  # in the file, of the line
    file = path if has_name(path) else None
    for number, line in lines_of(stream):
        whole = plain = decode(line, number, path)
        if BOM in whole:
            plain = LINE_BOM.sub(" ", whole)
            position -= number == 1 and whole.startswith(BOM)
        text = plain.strip()
        start = len(plain) - len(plain.lstrip()) if text else len(plain)
        sentence = sentence_of(text, tokenise)
        sentence.raw = Raw(whole[:start], whole[start + len(text) :])
        sentence.line = number
        sentence.origin = Origin(file, number, position + start)
        position += len(whole)
        yield sentence


def _running(stream: BinaryIO, path: str, tokenise: str) -> Iterator[Sentence]:
    place: Place | None = None  # of what is pending
    pending: list[bytes] = []
    size = 0
    for _, line in lines_of(stream, PARAGRAPH_BYTES):
        pending.append(line)
        size += len(line)
        blank = line.isspace()
        if not blank and size < PARAGRAPH_BYTES:
            continue
        held = b"".join(pending)
        cut = len(held) if blank else _cut(held)
        whole = decode(held[:cut], place.line if place else 1, path)
        place = place or _start_of_file(path, whole)
        sentences, rest = _sentences(whole, place, tokenise), ""
        if not blank and len(sentences) > 1:
            # Keep the last sentence, which may continue after the buffer.
            rest = "".join(_parts(sentences.pop()))
        yield from sentences
        place = place.after(whole[: len(whole) - len(rest)])
        pending = [rest.encode() + held[cut:]]
        size = len(pending[0])
    whole = decode(b"".join(pending), place.line if place else 1, path)
    yield from _sentences(whole, place or _start_of_file(path, whole), tokenise)


def _cut(pending: bytes) -> int:
    """Return the position after the last blank or line end, or else before the last character."""
    blank = max(pending.rfind(b" "), pending.rfind(b"\n"))
    if blank >= 0:
        return blank + 1
    return next((len(pending) - i for i in range(1, 5) if pending[-i] & 0xC0 != 0x80), len(pending))


def _sentences(whole: str, place: Place, tokenise: str) -> list[Sentence]:
    """Split running text that begins at `place`; the sentences together hold all of it."""
    if not whole:
        return []
    body = LINE_BOM.sub(" ", whole) if BOM in whole else whole
    sentences = []
    reached = 0
    for offsets in TOKENISERS[tokenise].sentences(body) if not body.isspace() else ():
        start, end = offsets[0][0], offsets[-1][1]
        place = place.after(whole[reached:start])
        sentence = Sentence(
            [body[a:b] for a, b in offsets],
            text=whole[start:end],
            offsets=[(a - start, b - start) for a, b in offsets],
            line=place.line,
            origin=place.origin,
            raw=Raw(whole[reached:start], ""),
        )
        sentences.append(sentence)
        place = place.after(whole[start:end])
        reached = end
    if sentences:
        sentences[-1].raw = sentences[-1].raw._replace(after=whole[reached:])
    else:
        sentences = [Sentence([], line=place.line, raw=Raw(whole, ""))]
    return sentences


def _parts(sentence: Sentence) -> tuple[str, str, str]:
    """Return the text as read, between what precedes and follows it."""
    raw: Raw = sentence.raw
    return raw.before, sentence.text or "", raw.after


def _escaped(text: str) -> str:
    if "[" not in text and "]" not in text and "\\" not in text:
        return text
    return re.sub(r"([\[\]\\])", r"\\\1", text)


def _marked(sentence: Sentence) -> str:
    r"""Return the text with its entities marked and its own brackets escaped.

    >>> from bilstm_crf.sentence import TokenSpan
    >>> spans = [TokenSpan(0, 1, "PER"), TokenSpan(3, 4, "GPE_LOC")]
    >>> print(_marked(Sentence(["Kari", "[", "i", "Oslo"], token_spans=spans)))
    [PER Kari] \[ i [GPE_LOC Oslo]
    """
    text, offsets = sentence.located()
    if sentence.token_spans is None:
        return text
    pieces = []
    reached = 0
    for span in sentence.token_spans:
        start, end = offsets[span.start][0], offsets[span.end - 1][1]
        pieces.append(_escaped(text[reached:start]))
        pieces.append(f"[{_escaped(span.type)} {_escaped(text[start:end])}]")
        reached = end
    return "".join(pieces) + _escaped(text[reached:])


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`: the text with its entities marked."""
    before, text, after = _parts(sentence)
    return (before + (_marked(sentence) if text else "") + after).encode()


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`: one line of text with its entities marked."""
    if not sentence.tokens:
        return b""
    return (re.sub(r"[\r\n]+", " ", _marked(sentence)) + "\n").encode()
