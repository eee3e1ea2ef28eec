"""Cut streams into blocks (sentences ended by an empty line), chunks of blocks, and lines."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, TypeVar

from bilstm_crf.errors import InputError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.charset import encoding_hint

T = TypeVar("T")

BOM = "\ufeff"
BOM_BYTES = BOM.encode()
# `# newdoc` begins a document, `= name` behind it names the document
NEWDOC = re.compile(r"#[ \t]*newdoc(?:[ \t]+id)?[ \t]*(?:=[ \t]*(.*)|\r?$)")
_NEWDOC_LINE = re.compile(b"(?m)^(?:" + BOM_BYTES + b")?" + NEWDOC.pattern.encode())

# Empty lines in a row are read as blocks of this many: one by one, a file of empty lines would cost
# a sentence each.
MAX_BLANK_LINES = 4_096
MAX_BLOCK_BYTES = 64 << 20  # a million tokens are not a sentence


def blocks(stream: BinaryIO, first: int = 1, path: str = "") -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number of the first line and the lines of each block; line ends are kept.

    A block ends with its first blank line or with the file; further blank lines are blocks of up to
    `MAX_BLANK_LINES`. Each block is yielded before another line is read, so `tail -f | …` works. The
    stream begins at line `first`.
    """
    lines: list[bytes] = []
    stream_lines = iter(stream.readline, b"")
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
    if lines:
        yield first, lines


class Chunk(NamedTuple):
    """The bytes of some blocks, and the number of the first line."""

    line: int
    content: bytes


def chunks(stream: BinaryIO, size: int, *, whole_documents: bool = False, path: str = "") -> Iterator[Chunk]:
    """Cut a stream behind blocks into chunks of at least `size` bytes (the last one: fewer).

    With `whole_documents`, chunks end only where a document begins, from the first `# newdoc` on. Raises
    InputError for a block beyond `MAX_BLOCK_BYTES`, however it is made. Looks at the bytes near a cut only.
    """
    line, begun, held = 1, False, _Held(stream, size, path)
    while held.fill(size):
        end = held.block_end(size, line)
        if whole_documents:
            begun = begun or held.has_document(end)
            if begun:
                end = held.document_start(end, line)
        content = held.take(end)
        yield Chunk(line, content)
        line += content.count(b"\n")


_BLANK_LINE = re.compile(rb"\n[ \t\r\v\f]*\n")


class _Held:
    """What was read of a stream and is not in a chunk yet."""

    def __init__(self, stream: BinaryIO, step: int, path: str) -> None:
        self._stream, self._step, self._path = stream, max(step, 1), path
        self._data, self._ended = b"", False

    def fill(self, size: int) -> bool:
        """Read until `size` bytes are held or the stream has ended; return whether there are any."""
        while len(self._data) < size and self._more():
            pass
        return bool(self._data)

    def take(self, end: int) -> bytes:
        """Remove and return the bytes before `end`."""
        content, self._data = self._data[:end], self._data[end:]
        return content

    def block_end(self, size: int, line: int) -> int:
        """Return the first end of a block at `size` or later, reading on as needed; else the stream's end."""
        before = self._data.rfind(b"\n", 0, max(size - 1, 0))  # the line end before the byte at `size - 1`
        if before < 0 and (first := self._data.find(b"\n")) >= 0 and self._data[: first + 1].isspace():
            return first + 1
        start = max(before, 0)
        while (blank := _BLANK_LINE.search(self._data, start)) is None:
            start = max(self._data.rfind(b"\n", 0, len(self._data.rstrip(b" \t\r\v\f"))), start)
            self._require_bound(line)
            if not self._more():
                return len(self._data)
        return blank.end()

    def has_document(self, end: int) -> bool:
        """Return whether a document begins before `end`."""
        return b"newdoc" in self._data and _NEWDOC_LINE.search(self._data, 0, end) is not None

    def document_start(self, block: int, line: int) -> int:
        """Return where the first block at `block` or later begins that begins a document; else the end."""
        start = block
        while True:
            whole = len(self._data) if self._ended else self._data.rfind(b"\n") + 1
            if (found := _NEWDOC_LINE.search(self._data, start, whole)) is not None:
                return self._block_start(found.start(), block)
            start = max(start, whole)
            self._require_bound(line)
            if not self._more() and start >= len(self._data):
                return len(self._data)

    def _block_start(self, place: int, least: int) -> int:
        """Return the start of the block that the line at `place` is in; `least` is the start of a block."""
        while place > least:
            before = self._data.rfind(b"\n", least, place - 1) + 1 or least
            if self._data[before:place].isspace():
                break
            place = before
        return place

    def _more(self) -> bool:
        """Read on; return whether there was something."""
        # Half as much again at least: a huge document would be copied often
        read = self._stream.read(max(self._step, len(self._data) // 2))
        self._data += read
        self._ended = not read
        return bool(read)

    def _require_bound(self, line: int) -> None:
        """Raise InputError if the last block, whose end has not been read, is too long."""
        if len(self._data) <= MAX_BLOCK_BYTES:
            return
        start = 0
        for blank in _BLANK_LINE.finditer(self._data):
            start = blank.end()
        if len(self._data) - start > MAX_BLOCK_BYTES:
            message = f"no empty line in {MAX_BLOCK_BYTES >> 20} MB, expected one after each sentence"
            raise InputError(message, path=self._path, line=line + self._data.count(b"\n", 0, start))


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
