"""Convert streams in any character encoding to UTF-8, and guess the encoding of bytes that are not UTF-8.

Everything behind `files.open_input` sees only UTF-8.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO

from bilstm_crf.errors import InputError, warn

BLOCK = 1 << 16  # bytes read at once


def is_utf8(encoding: str | None) -> bool:
    """Return whether text in this encoding needs no conversion. Raises LookupError for an unknown name."""
    return encoding is None or codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def is_known(encoding: str) -> bool:
    """Return whether this is the name of a character encoding (not of another codec, such as base64)."""
    try:
        b"a".decode(encoding)
        return codecs.getincrementaldecoder(encoding) is not None
    except UnicodeError:
        return encoding != "undefined"
    except (LookupError, ValueError):
        return False


def line_ends(text: str) -> int:
    r"""Count the line ends of `text`: \n, \r\n or \r."""
    return text.count("\n") + (text.count("\r") - text.count("\r\n") if "\r" in text else 0)


class Transcoder(io.RawIOBase):
    """A raw stream of UTF-8, decoded from `source` as far as it can be read without waiting for more.

    Raises InputError with the line and the byte's offset for bytes that cannot be decoded, after all text
    before them was read. Warns once if the bytes look like UTF-8 although another encoding was named.
    """

    def __init__(self, source: BinaryIO, encoding: str, path: str) -> None:
        self._read = getattr(source, "read1", source.read)
        self._encoding, self._path = encoding, path
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._ready = memoryview(b"")  # UTF-8 that was not read yet
        self._offset = 0  # bytes of `source` that were given to the decoder
        self._line, self._after_cr = 1, False
        self._fault: InputError | None = None
        self._at_end = False
        self._checked = not _has_single_bytes(encoding)  # whether it may be UTF-8

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            if self._fault is not None:
                raise self._fault
            if self._at_end:
                return 0
            self._ready = memoryview(self._decode(self._read(BLOCK)))
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _decode(self, block: bytes) -> bytes:
        """Return the next bytes as UTF-8; set `_fault` if they cannot be decoded."""
        self._at_end = not block
        if not self._checked and not block.isascii():
            self._checked = True
            if _looks_like_utf8(block):
                warn(f"read as {self._encoding}, but its bytes are valid UTF-8", path=self._path)
        state = self._decoder.getstate()
        try:
            text = self._decoder.decode(block, self._at_end)
        except UnicodeError as error:
            held = len(state[0])  # bytes of an earlier block
            self._decoder.setstate(state)
            text = ""
            if isinstance(error, UnicodeDecodeError):
                text = self._decoder.decode(block[: max(error.start - held, 0)])
            self._count(text)
            self._fault = self._undecodable(error, self._offset - held)
        else:
            self._count(text)
        self._offset += len(block)
        try:
            return text.encode()
        except UnicodeEncodeError as error:  # UTF-7 and escapes can give halves of surrogate pairs
            self._fault = InputError(f"no text in {self._encoding}: half a surrogate pair", path=self._path)
            return text[: error.start].encode()

    def _count(self, text: str) -> None:
        self._line += line_ends(text) - (self._after_cr and text.startswith("\n"))
        self._after_cr = text.endswith("\r") if text else self._after_cr

    def _undecodable(self, error: UnicodeError, start: int) -> InputError:
        """Return the error at the line reached, for a decoder that was given the bytes from `start` on."""
        if not isinstance(error, UnicodeDecodeError):  # UTF-16 and UTF-32 without a byte order mark
            message = f"not {self._encoding}: it does not start with a byte order mark"
            hint = f"--input-encoding {self._encoding}-le, or -be, reads text without one"
            return InputError(message, path=self._path, line=self._line, hint=hint)
        content = bytes(error.object)
        begin = content.rfind(b"\n", 0, error.start) + 1
        end = content.find(b"\n", error.start)
        around = content[begin : end if end >= 0 else len(content)]
        position = start + error.start
        return InputError(
            f"byte 0x{content[error.start]:02X} at offset {position} is not {self._encoding}",
            path=self._path,
            line=self._line,
            hint="the bytes are UTF-8: leave --input-encoding out"
            if _looks_like_utf8(around)
            else encoding_hint(around, at_start=False),
        )


def _has_single_bytes(encoding: str) -> bool:
    """Return whether each byte is a character: in others, valid text can be valid UTF-8 by chance."""
    try:
        return len("å".encode().decode(encoding)) == 2
    except UnicodeError:
        return False


def _looks_like_utf8(block: bytes) -> bool:
    """Return whether the bytes are UTF-8, perhaps cut inside the last character, and not only ASCII."""
    if block.isascii() or b"\0" in block:
        return False
    try:
        return not codecs.getincrementaldecoder("utf-8")().decode(block).isascii()
    except UnicodeDecodeError:
        return False


# ---------------------------------------------------------------- guessing

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Files that are not text, by their first bytes
OTHER_FILES = (
    (b"\x1f\x8b", "a gzip file: its name must end in .gz"),
    (b"PK\x03\x04", "a zip archive (such as .docx, .xlsx, .odt): save its text as a UTF-8 file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file: save its text as a UTF-8 file"),
    (b"%PDF-", "a PDF: extract its text first"),
    (b"{\\rtf", "RTF: save its text as a UTF-8 file"),
    (b"BZh", "a bzip2 file: unpack it first"),
    (b"\xfd7zXZ", "an xz file: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file: unpack it first"),
)
# Of equal guesses the first is taken: cp1252 contains latin-1, and cp865 and cp850 have the same æ, ø and å.
CANDIDATES = ("cp1252", "cp865", "cp850", "mac-roman")
NORWEGIAN = frozenset("æøåÆØÅ")
ACCENTED = frozenset("éèêëáàâäãçíìîïñóòôöõúùûüýšžčćđŋ" + "ÉÈÊËÁÀÂÄÃÇÍÌÎÏÑÓÒÔÖÕÚÙÛÜÝŠŽČĆĐŊ")
OPENING, CLOSING, DASHES = frozenset("«“„‘‚‹"), frozenset("»”’›…"), frozenset("–—")
SIGNS = frozenset("§°€£½¼¾²³µ·•†©®™×±´¨\u00a0\u00ad")


def other_file(content: bytes) -> str | None:
    """Return what kind of file begins so, and what to do with it; None for what may be text."""
    return next((kind for magic, kind in OTHER_FILES if content.startswith(magic)), None)


def encoding_hint(content: bytes, *, at_start: bool) -> str:
    """Return the probable encoding or kind of file of the bytes, as the hint of an error.

    `content` is not UTF-8 or holds NUL; `at_start`: it is the beginning of its file.
    """
    if at_start:
        if (kind := other_file(content)) is not None:
            return f"this looks like {kind}"
        for mark, name in BYTE_ORDER_MARKS:
            if content.startswith(mark):
                return f"the byte order mark is that of {name.upper()}: --input-encoding {name}"
        wide = _wide(content)
        if wide is not None:
            return f"every other byte is NUL, as in {wide.upper()}: --input-encoding {wide}"
    if b"\0" in content:
        return "expected text in UTF-8; --input-encoding NAME reads other encodings"
    replaced = content.decode("utf-8", "replace")
    if sum(not character.isascii() for character in replaced) > 2 * replaced.count("\ufffd"):
        return "the rest is UTF-8: this byte is damaged, or two encodings are mixed"
    likely = likely_encoding(content)
    if likely is None:
        return "expected UTF-8; --input-encoding NAME reads other encodings"
    lines = content.decode(likely).split("\n")
    shown = re.sub(r"[ \t\r]+", " ", next(line for line in lines if not line.isascii()))
    high = next(position for position, character in enumerate(shown) if not character.isascii())
    return f"{likely} gives {shown[max(0, high - 20) : high + 20]!r}: --input-encoding {likely}"


def _wide(content: bytes) -> str | None:
    """Recognise UTF-16 or UTF-32 without a byte order mark by the NUL bytes of Latin letters."""
    sample = content[:4096]
    many = len(sample) // 4 * 0.7
    if many < 1:
        return None
    zeros = "".join("0" if sample[position::4].count(0) >= many else "x" for position in range(4))
    return {"x000": "utf-32-le", "000x": "utf-32-be", "x0x0": "utf-16-le", "0x0x": "utf-16-be"}.get(zeros)


def likely_encoding(content: bytes) -> str | None:
    """Return the 8-bit encoding in which the bytes look most like Norwegian; None if none does.

    >>> likely_encoding("– På Ås, sa «Åse».".encode("mac-roman"))
    'mac-roman'
    """
    scores = {}
    for name in CANDIDATES:
        try:
            text = f" {content[:BLOCK].decode(name)} "
        except UnicodeDecodeError:
            continue
        high = (i for i, character in enumerate(text) if not character.isascii())
        scores[name] = sum(_plausibility(text[i], text[i - 1], text[i + 1]) for i in high)
    best = max(scores, key=scores.__getitem__, default=None)
    return best if best is not None and scores[best] > 0 else None


def _plausibility(character: str, before: str, after: str) -> float:
    """Return how well a character fits Norwegian text: letters in words, quotes around them."""
    if character in NORWEGIAN or character in ACCENTED:
        if character.isupper() and (before.islower() or before.isdigit()):
            return -3
        return 3 if character in NORWEGIAN else 1 if before.isalpha() or after.isalpha() else -1
    if character in OPENING:
        return 2 if not before.isalnum() and not after.isspace() else -1
    if character in CLOSING:
        return 2 if not before.isspace() else -1
    if character in DASHES:
        return 1 if before.isalpha() == after.isalpha() else 0
    if character in SIGNS:
        return -2 if before.isalpha() and after.isalpha() and character != "\u00ad" else 0.5
    return -3
