"""Lines of a stream, up to and including the next empty one, for the formats that are read in such blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from bilstm_crf.errors import InputError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.charset import encoding_hint

BOM = "\ufeff"
BOM_BYTES = BOM.encode()

# Empty lines that follow one another are read as one block of at most so many lines: one by one, a file of
# empty lines would cost a sentence each.
BLANK_LINES = 4_096


def blocks(stream: BinaryIO, first: int = 1) -> Iterator[tuple[int, list[bytes]]]:
    """The number of the first line and the lines of each block, line ends kept; the stream begins at `first`.

    A block ends with its first line of nothing but white space, or with the file; further such lines are
    blocks of up to `BLANK_LINES`. A sentence is given before another line is asked for: `tail -f | …` gets
    its answer.
    """
    lines: list[bytes] = []
    stream_lines = iter(stream.readline, b"")
    for line in stream_lines:
        lines.append(line)
        if line.isspace():
            following = b""
            if len(lines) == 1:
                while len(lines) < BLANK_LINES and (following := next(stream_lines, b"")).isspace():
                    lines.append(following)
                    following = b""
            yield first, lines
            first += len(lines)
            lines = [following] if following else []
    if lines:
        yield first, lines


def without_boms(text: str) -> str:
    r"""Drop byte order marks at the start of lines, where files were concatenated (lines end in \n).

    A line whose first word is nothing but that character keeps it.
    """
    if BOM not in text:
        return text
    lines = text.split("\n")
    for position, line in enumerate(lines):
        rest = line.removeprefix(BOM)
        if rest is not line and (rest[:1] not in ("", " ", "\t") or not rest.strip(" \t")):
            lines[position] = rest
    return "\n".join(lines)


def lines_of(stream: BinaryIO, limit: int = -1) -> Iterator[tuple[int, bytes]]:
    r"""The number (from 1) and the bytes of each line, ended by \n, \r\n or \r, as soon as it was read.

    Blank lines after a blank line come together, up to `BLANK_LINES` of them. With a `limit`, a longer line
    comes in parts of about that many bytes, which have the same number.
    """
    number, held = 1, b""
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
            if blanks and (not blank or len(blanks) == BLANK_LINES):
                yield number, b"".join(blanks)
                number += len(blanks)
                blanks = []
            if not (blank and after_blank):
                yield number, line
                number += ended
            after_blank = blank
    if blanks:
        yield number, b"".join(blanks)


def decode(block: bytes, first: int, path: str) -> str:
    """The block as text, byte order mark and line ends as they are.

    Raises InputError for bytes that are not UTF-8, and for NUL, which no text holds; its hint names the
    likely encoding.
    """
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _undecodable(error, block, first, path) from error
    if "\0" in text:
        fault = _at(text.index("\0"), "a NUL character, expected text", text, first, path)
        fault.hint = encoding_hint(block, at_start=first == 1)
        raise fault
    return text


def rows(lines: Sequence[bytes], first: int, path: str) -> list[str]:
    """The lines as text without their ends, and without byte order marks at the start of a file or a line.

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
    return without_boms(text).split("\n")


def _undecodable(error: UnicodeDecodeError, block: bytes, first: int, path: str) -> InputError:
    start = block.rfind(b"\n", 0, error.start) + 1
    line = block[start:].partition(b"\n")[0]
    return InputError(
        f"byte 0x{block[error.start]:02X} at position {error.start - start + 1} is not UTF-8",
        path=path,
        line=first + block.count(b"\n", 0, error.start),
        found=line.decode("utf-8", "backslashreplace").rstrip("\r"),
        hint=encoding_hint(block, at_start=first == 1),
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
