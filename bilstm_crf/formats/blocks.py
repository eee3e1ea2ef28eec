"""Lines of a stream, up to and including the next empty one, for the formats that are read in such blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from bilstm_crf.errors import InputError
from bilstm_crf.sentence import Sentence

BOM = "\ufeff"


def blocks(stream: BinaryIO, first: int = 1) -> Iterator[tuple[int, list[bytes]]]:
    """The number of the first line and the lines of each block, line ends kept; the stream begins at `first`.

    A block ends with its first line of nothing but white space (a further such line is a block of its own)
    or with the file. No line is asked for before the block in hand was taken: `tail -f | …` gets its answer.
    """
    lines: list[bytes] = []
    for line in iter(stream.readline, b""):
        lines.append(line)
        if line.isspace():
            yield first, lines
            first += len(lines)
            lines = []
    if lines:
        yield first, lines


def decode(block: bytes, first: int, path: str) -> str:
    """The block as text, byte order mark and line ends as they are.

    Raises InputError for bytes that are not UTF-8, and for NUL, which no text holds.
    """
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _undecodable(error, block, first, path) from error
    if "\0" in text:
        raise _at(text.index("\0"), "a NUL character, expected text", text, first, path)
    return text


def rows(lines: Sequence[bytes], first: int, path: str) -> list[str]:
    """The lines as text without their ends, and without a byte order mark at the file's start.

    Raises InputError as `decode`, and for a carriage return that ends no line. Only a line feed ends one:
    other characters that str.splitlines() takes for line ends may stand inside a word.
    """
    text = decode(b"".join(lines), first, path)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            message = "a carriage return inside the line, expected lines that end in \\n or \\r\\n"
            raise _at(text.index("\r"), message, text, first, path)
    if first == 1:
        text = text.removeprefix(BOM)
    return text.split("\n")


def _undecodable(error: UnicodeDecodeError, block: bytes, first: int, path: str) -> InputError:
    start = block.rfind(b"\n", 0, error.start) + 1
    line = block[start:].partition(b"\n")[0]
    return InputError(
        f"byte 0x{block[error.start]:02X} at position {error.start - start + 1} is not UTF-8",
        path=path,
        line=first + block.count(b"\n", 0, error.start),
        found=line.decode("utf-8", "backslashreplace").rstrip("\r"),
        hint="for a file in Latin-1: iconv -f latin1 -t utf-8 FILE",
    )


def _at(position: int, message: str, text: str, first: int, path: str) -> InputError:
    start = text.rfind("\n", 0, position) + 1
    line = text[start:].partition("\n")[0].rstrip("\r")
    found = line.replace("\0", "\\0").replace("\r", "\\r")
    return InputError(message, path=path, line=first + text.count("\n", 0, position), found=found)


def check_word(word: str, sentence: Sentence, format_name: str) -> None:
    """Raises InputError for a word with a tab, a line end or a NUL, which no column can hold."""
    if set(word) & set("\t\r\n\0"):
        raise InputError(
            f"the word {word!r} cannot be written as {format_name}: no column holds a tab, line end or NUL",
            path=sentence.path,
            line=sentence.line or None,
        )
