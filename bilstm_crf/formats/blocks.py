"""Cut streams into blocks (sentences ended by an empty line), chunks of blocks, and lines."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import partial
from typing import BinaryIO, NamedTuple, TypeVar

from bilstm_crf.errors import InputError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.charset import encoding_hint

T = TypeVar("T")

BOM = "\ufeff"
BOM_BYTES = BOM.encode()
# `# newdoc` begins a document, `= name` behind it names the document
NEWDOC = re.compile(r"#[ \t]*newdoc(?:[ \t]+id)?[ \t]*(?:=[ \t]*(.*)|\r?$)")
_NEWDOC_LINE = re.compile(b"(?:" + BOM_BYTES + b")?" + NEWDOC.pattern.encode())

# Empty lines in a row are read as blocks of this many: one by one, a file of empty lines would cost
# a sentence each.
MAX_BLANK_LINES = 4_096
MAX_BLOCK_BYTES = 64 << 20  # a million tokens are not a sentence


def blocks(
    stream: BinaryIO, first: int = 1, path: str = "", *, bounded: bool = False
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number of the first line and the lines of each block; line ends are kept.

    A block ends with its first blank line or with the file; further blank lines are blocks of up to
    `MAX_BLANK_LINES`. Each block is yielded before another line is read, so `tail -f | …` works. The
    stream begins at line `first`. With `bounded`, raises InputError for a block beyond `MAX_BLOCK_BYTES`,
    however it is made (which costs 8 % of reading).
    """
    lines: list[bytes] = []
    size, limit = 0, MAX_BLOCK_BYTES
    stream_lines = iter(partial(stream.readline, limit + 1) if bounded else stream.readline, b"")
    for line in stream_lines:
        lines.append(line)
        if line < b"!" and line.isspace():  # the comparison is the cheaper half
            following = b""
            if len(lines) == 1:
                while len(lines) < MAX_BLANK_LINES and (following := next(stream_lines, b"")).isspace():
                    lines.append(following)
                    following = b""
            yield first, lines
            first += len(lines)
            lines = [following] if following else []
            size = len(following)
        elif bounded and (size := size + len(line)) > limit:
            message = f"no empty line in {limit >> 20} MB, expected one after each sentence"
            raise InputError(message, path=path, line=first)
    if lines:
        yield first, lines


def begins_document(lines: Sequence[bytes]) -> bool:
    """Return whether a block of CoNLL-U begins a document (`# newdoc`)."""
    return any(line[:1] in (b"#", b"\xef") and _NEWDOC_LINE.match(line) is not None for line in lines)


class Chunk(NamedTuple):
    """The bytes of some blocks, and the number of the first line."""

    line: int
    content: bytes


def chunks(stream: BinaryIO, size: int, *, whole_documents: bool = False, path: str = "") -> Iterator[Chunk]:
    """Group the blocks of a stream into chunks of at least `size` bytes (the last one: fewer).

    With `whole_documents`, chunks end only where a document begins, from the first `# newdoc` on.
    """
    for group in grouped(_measured(stream, path, whole_documents), size, whole_documents=whole_documents):
        yield Chunk(group[0][0], b"".join(line for _, lines in group for line in lines))


Block = tuple[int, list[bytes]]  # the number of the first line, and the lines


def _measured(stream: BinaryIO, path: str, whole_documents: bool) -> Iterator[tuple[Block, int, int | None]]:
    """Yield each block with its bytes and the number of its document."""
    document: int | None = None
    for block in blocks(stream, path=path, bounded=True):
        if whole_documents and begins_document(block[1]):
            document = (document or 0) + 1
        yield block, sum(map(len, block[1])), document


def grouped(
    items: Iterable[tuple[T, int, Hashable]], size: int, *, whole_documents: bool = False
) -> Iterator[list[T]]:
    """Group items, each with its size and document, into lists of at least `size` (the last one: less).

    With `whole_documents`, a list ends only where a document ends; None is an unknown document, which may
    be cut. Otherwise a list is yielded before another item is read.
    """
    group: list[T] = []
    length, before = 0, None
    for item, item_size, document in items:
        if length >= size and (document is None or document != before):
            yield group
            group, length = [], 0
        group.append(item)
        length += item_size
        before = document
        if length >= size and not whole_documents:
            yield group
            group, length = [], 0
    if group:
        yield group


def lines_of(stream: BinaryIO, limit: int = -1, first: int = 1) -> Iterator[tuple[int, bytes]]:
    r"""Yield the number and the bytes of each line, ended by \n, \r\n or \r, as soon as it is read.

    Blank lines after a blank line are yielded together, up to `MAX_BLANK_LINES` of them. With a `limit`,
    a longer line is yielded in parts of about that many bytes with the same number.
    """
    number, held = first, b""
    blanks: list[bytes] = []
    inside = after_blank = False  # whether the line before is not ended yet, or is blank
    while content := held + stream.readline(limit):
        held = b""
        if content.endswith(b"\r"):  # perhaps half of \r\n, cut by the limit
            held = stream.readline(1)
            if held == b"\n":
                content, held = content + held, b""
        for line in content.splitlines(keepends=True) if b"\r" in content else [content]:
            ended = line.endswith((b"\n", b"\r"))
            blank = ended and not inside and (line.isspace() or line.removeprefix(BOM_BYTES).isspace())
            inside = not ended
            if blank and after_blank:
                blanks.append(line)
            if blanks and (not blank or len(blanks) == MAX_BLANK_LINES):
                yield number, b"".join(blanks)
                number += len(blanks)
                blanks = []
            if not (blank and after_blank):
                yield number, line
                number += ended
            after_blank = blank
    if blanks:
        yield number, b"".join(blanks)


# ---------------------------------------------------------------- bytes to text


def decode(content: bytes, first: int, path: str) -> str:
    """Return the bytes from line `first` as text; byte order marks and line ends stay.

    Raises InputError for bytes that are not UTF-8 and for NUL; its hint names the likely encoding.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"byte 0x{content[error.start]:02X} at position {column} is not UTF-8"
        raise _fault(message, content, error.start, first, path, guess=True) from error
    if "\0" in text:
        message = "a NUL character, expected text"
        raise _fault(message, content, content.index(b"\0"), first, path, guess=True)
    return text


def rows(lines: Sequence[bytes], first: int, path: str) -> list[str]:
    r"""Return the lines as text without line ends and without byte order marks at their start.

    Raises InputError as `decode`, and for a carriage return that ends no line. Only \n ends a line:
    other characters that str.splitlines() splits at can stand inside a word.
    """
    content = b"".join(lines)
    text = decode(content, first, path)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            message = "a carriage return inside the line, expected lines that end in \\n or \\r\\n"
            at = next(re.finditer(rb"\r(?!\n)", content)).start()
            raise _fault(message, content, at, first, path)
    if first == 1:
        text = text.removeprefix(BOM)
    found = text.split("\n")
    if BOM in text:  # where files were concatenated; a word of nothing but that character keeps it
        for position, line in enumerate(found):
            rest = line.removeprefix(BOM)
            if rest is not line and (rest[:1] not in ("", " ", "\t") or not rest.strip(" \t")):
                found[position] = rest
    return found


def _fault(
    message: str, content: bytes, at: int, first: int, path: str, *, guess: bool = False
) -> InputError:
    """Return an error at the byte `at` of `content`; `guess` names the likely encoding."""
    start = content.rfind(b"\n", 0, at) + 1
    line = content[start:].partition(b"\n")[0].decode("utf-8", "backslashreplace").rstrip("\r")
    return InputError(
        message,
        path=path,
        line=first + content.count(b"\n", 0, at),
        found=line.replace("\0", "\\0").replace("\r", "\\r"),
        hint=encoding_hint(content, at_start=first == 1) if guess else None,
    )


def check_word(word: str, sentence: Sentence, format_name: str) -> None:
    """Raise InputError for a word with a tab, a line end or a NUL, which no column can hold."""
    if set(word) & set("\t\r\n\0"):
        raise InputError(
            f"the word {word!r} cannot be written as {format_name}: no column holds a tab, line end or NUL",
            path=sentence.path,
            line=sentence.line or None,
        )
