"""Plain text: one sentence a line, or running text in paragraphs that is split into sentences.

Labels have no place in text. `render` and `compose` mark entities for a reader's eye, `[PER Kari Nordmann]`,
and leave brackets of the text as they are; for a program, JSONL is the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from bilstm_crf.formats import norwegian
from bilstm_crf.formats.base import DEFAULTS, FormatOptions
from bilstm_crf.formats.blocks import BOM, decode
from bilstm_crf.formats.offsets import located
from bilstm_crf.sentence import Sentence

name = "text"
suffixes: tuple[str, ...] = (".txt",)

# Running text is held until an empty line, but no more of it than this: a file may have no empty line, or
# no line end at all. A sentence longer than this is cut at a blank.
PARAGRAPH_BYTES = 65_536


class Raw(NamedTuple):
    """What stands around the sentence's text: white space, and the file's byte order mark."""

    before: str
    after: str


def sentence_of(text: str, tokenise: str = "norwegian") -> Sentence:
    """The text as one sentence. Raises BilstmCrfError where spaCy is wanted and not installed.

    >>> sentence_of("Oslo er  fin .", "spaces").offsets
    [(0, 4), (5, 7), (9, 12), (13, 14)]
    """
    if tokenise == "spaces":
        # Not \s: a no-break space stands inside a token.
        offsets = [match.span() for match in re.finditer(r"[^ \t\r\n\v\f]+", text)]
    else:
        offsets = norwegian.words(text)
    return Sentence([text[start:end] for start, end in offsets], text=text, offsets=offsets)


def read(stream: BinaryIO, path: str, options: FormatOptions = DEFAULTS) -> Iterator[Sentence]:
    """See `Format.read`. Of running text, the sentences of a paragraph come when its empty line was read."""
    found = _running(stream, path) if options.split == "running" else _lines(stream, path, options.tokenise)
    for sentence in found:
        sentence.path = path
        if not options.keep_raw:
            sentence.raw = sentence.text = sentence.offsets = None
        if options.keep_raw or sentence.tokens:
            yield sentence


def _lines(stream: BinaryIO, path: str, tokenise: str) -> Iterator[Sentence]:
    for number, line in enumerate(iter(stream.readline, b""), 1):
        whole = decode(line, number, path)
        before, body = _without_bom(whole, number)
        sentence = sentence_of(body.strip(), tokenise)
        start = len(body) - len(body.lstrip())
        end = start + len(sentence.text or "")
        sentence.raw = Raw(before + body[:start], body[end:])
        sentence.line = number
        yield sentence


def _running(stream: BinaryIO, path: str) -> Iterator[Sentence]:
    first = 1
    pending = b""
    while True:
        line = stream.readline(PARAGRAPH_BYTES)
        pending += line
        if not line or line.isspace():
            yield from _sentences(decode(pending, first, path), first)
            first += pending.count(b"\n")
            pending = b""
            if not line:
                return
        elif len(pending) >= PARAGRAPH_BYTES:
            # No empty line so far: give what is surely whole, and keep the last sentence, which may go on.
            cut = _cut(pending)
            *whole, last = _sentences(decode(pending[:cut], first, path), first)
            rest = render(last) if whole else b""
            yield from whole or [last]
            first += pending.count(b"\n", 0, cut) - rest.count(b"\n")
            pending = rest + pending[cut:]


def _cut(pending: bytes) -> int:
    """Behind the last blank or line end; without one, before the last character."""
    blank = max(pending.rfind(b" "), pending.rfind(b"\n"))
    if blank >= 0:
        return blank + 1
    return next((len(pending) - i for i in range(1, 5) if pending[-i] & 0xC0 != 0x80), len(pending))


def _sentences(whole: str, first: int) -> list[Sentence]:
    """The sentences of running text that begins in line `first`; together they hold all of it."""
    before, body = _without_bom(whole, first)
    sentences = []
    reached = 0
    for offsets in norwegian.sentences(body):
        start, end = offsets[0][0], offsets[-1][1]
        sentence = Sentence(
            [body[a:b] for a, b in offsets],
            text=body[start:end],
            offsets=[(a - start, b - start) for a, b in offsets],
            line=first + body.count("\n", 0, start),
            raw=Raw(before + body[reached:start], ""),
        )
        sentences.append(sentence)
        before, reached = "", end
    if sentences:
        sentences[-1].raw = sentences[-1].raw._replace(after=body[reached:])
    elif whole:
        sentences = [Sentence([], line=first, raw=Raw(whole, ""))]
    return sentences


def _without_bom(text: str, line: int) -> tuple[str, str]:
    body = text.removeprefix(BOM) if line == 1 else text
    return text[: len(text) - len(body)], body


def _marked(sentence: Sentence) -> str:
    """The text with its entities marked.

    >>> from bilstm_crf.sentence import Span
    >>> _marked(Sentence(["Kari", "i", "Oslo"], spans=[Span(0, 1, "PER"), Span(2, 3, "GPE_LOC")]))
    '[PER Kari] i [GPE_LOC Oslo]'
    """
    text, offsets = located(sentence)
    pieces = []
    reached = 0
    for span in sentence.spans or ():
        start, end = offsets[span.start][0], offsets[span.end - 1][1]
        pieces += [text[reached:start], f"[{span.type} {text[start:end]}]"]
        reached = end
    return "".join(pieces) + text[reached:]


def render(sentence: Sentence, options: FormatOptions = DEFAULTS) -> bytes:
    """See `Format.render`: the text with its entities marked."""
    raw: Raw = sentence.raw
    return f"{raw.before}{_marked(sentence)}{raw.after}".encode()


def compose(sentence: Sentence, options: FormatOptions = DEFAULTS, *, new_document: bool = False) -> bytes:
    """See `Format.compose`: one line of text with its entities marked."""
    if not sentence.tokens:
        return b""
    return (re.sub(r"[\r\n]+", " ", _marked(sentence)) + "\n").encode()
