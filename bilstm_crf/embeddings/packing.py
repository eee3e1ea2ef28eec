"""From the path of a vector file to its format and a stream of its content, decompressed.

The first bytes decide, whatever the name says: one table maps them to compressions, to formats that we read,
and to names of files that we do not. In a zip, the one member with vectors is chosen. Whatever is wrong with
the compression is an InputError with the file's path, also while the stream is read; a stream that expands to
far more than vectors ever do ends in an error.
"""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from bilstm_crf.embeddings import fasttext, word2vec
from bilstm_crf.embeddings.builder import damaged
from bilstm_crf.embeddings.word2vec import Shape
from bilstm_crf.errors import InputError

SNIFFED = 1 << 16  # bytes
BOM = b"\xef\xbb\xbf"
COMPRESSIONS: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
FORMATS = (
    "fastText",
    "gensim",
    "word2vec binary",
    "word2vec text",
    "GloVe text",
)  # the last three have a Shape
# The first bytes of files: compressions, formats, and what else a user may give.
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    fasttext.MAGIC: "fastText",
    **{b"\x80" + bytes([protocol]): "gensim" for protocol in range(2, 6)},  # a pickle
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"FiFu": "a finalfusion file",
    b"%PDF": "a PDF",
    b"<": "HTML or XML",
    b"{": "JSON",
    b"PAR1": "a Parquet file",
}
KNOWN = (
    "known: word2vec text or binary, GloVe text, fastText .bin, gensim's own format, an NLPL zip; "
    "compressed as .gz, .bz2, .xz or .zip"
)
UNPACK = "unpack it, and give the file with the vectors"
# Vectors as text compress to a third of their size, as floats to nine tenths.
MAX_RATIO = 100
FREE_BYTES = 1 << 26  # a smaller file may have any ratio
# What Python's modules raise on damaged input, besides OSError (bz2, gzip).
DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, RuntimeError,
    OverflowError, MemoryError, LookupError,
)  # fmt: skip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
# Members of a zip that are for people, for programs, or macOS's own.
NO_VECTORS = re.compile(
    r"/$|^__MACOSX/|(^|/)(\.[^/]|README|LICEN[CS]E|Thumbs\.db$)|\.(json|md|html?|pdf|rtf|npy)$", re.I
)
MAX_MEMBERS = 100  # looked at


@dataclass(frozen=True)
class Unpacked:
    """A vector file: its format, its shape if the first bytes give it, and its content."""

    format: str
    shape: Shape | None
    stream: io.BufferedReader
    member: str | None = None  # of a zip
    packed: bool = False


def detect(start: bytes, path: object) -> tuple[str, Shape | None]:
    """Return a file's format or compression by its first bytes, and its shape if they give it.

    Raises InputError for anything else.
    """
    name = next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)
    if name in FORMATS or name in COMPRESSIONS or name == "zip":
        return name, None
    start = start.removeprefix(BOM)
    if not start.strip():
        raise InputError("is empty, expected word vectors", path=path)
    first, _, rest = start.partition(b"\n")
    shape = word2vec.parse_header(first)
    if shape is None:
        old_mac = b"\n" not in start and b"\r" in start
        shape = None if old_mac else word2vec.guess_shape(start)
        if shape is None:
            raise _unknown(start, name, path)
        return "GloVe text", shape
    if not shape.words or not shape.dim:
        raise InputError(f"promises {shape.words} words of {shape.dim} dimensions", path=path, line=1)
    return f"word2vec {'text' if word2vec.is_text(rest, shape.dim) else 'binary'}", shape


def _unknown(start: bytes, name: str | None, path: object) -> InputError:
    """Return an error that says what a file without vectors looks like, and how to convert it."""
    first = start.partition(b"\n")[0]
    line, hint = None, KNOWN
    if start[257:262] == b"ustar":
        name = "a tar archive"
    elif encoding := _utf_16(start):
        name, hint = "UTF-16 text", f"convert it: iconv -f {encoding} -t UTF-8 IN > OUT"
    elif name is None and b"\n" not in start and b"\r" in start:
        name, hint = "text whose lines end in CR alone", "convert it: tr '\\r' '\\n' < IN > OUT"
    elif name is None and b"\n" not in start and len(start) >= SNIFFED:
        name = f"a first line of more than {SNIFFED:,} bytes"
    elif name is None:
        name, line = repr(first[:40])[1:], 1
        if sign := next((sign for sign in (b";", b",", b"|") if first.count(sign) > 1), None):
            hint = f"if its values are separated by {sign.decode()!r}, write blanks or tabs instead; {KNOWN}"
    if name.endswith("archive"):
        hint = UNPACK
    return InputError(f"begins with {name}, expected word vectors", path=path, line=line, hint=hint)


def _utf_16(start: bytes) -> str | None:
    """Return the encoding, by its mark or by a NUL in every second byte."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    even, odd = start[:40:2].count(0), start[1:40:2].count(0)
    return "UTF-16LE" if odd > 15 and even < 3 else "UTF-16BE" if even > 15 and odd < 3 else None


def require_file(path: Path) -> None:
    """Raise InputError for anything but a regular file: it cannot be read twice, or not at all."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', error)}", path=path) from error
    if not stat.S_ISREG(mode):
        kind = "folder" if stat.S_ISDIR(mode) else "pipe" if stat.S_ISFIFO(mode) else "device"
        raise InputError(
            f"cannot be read: it is a {kind}, expected a regular file",
            path=path,
            hint="write its content to a file first: it is read more than once",
        )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Unpacked]:
    """Open the vectors in `path`, decompressed. Raises InputError for a damaged or unknown file."""
    require_file(path)
    try:
        plain: io.BufferedReader = io.BufferedReader(open(path, "rb", buffering=0), SNIFFED)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    with plain, contextlib.ExitStack() as stack:
        format_name, shape = detect(plain.peek(), path)
        member, stream = None, plain
        if format_name == "zip":
            archive = stack.enter_context(open_zip(plain, path))
            info = _choose_member(archive, path)
            member = info.filename
            stream = stack.enter_context(open_member(archive, info, path))
        elif format_name in COMPRESSIONS:
            source = stack.enter_context(COMPRESSIONS[format_name](plain, "rb"))
            stream = stack.enter_context(_bounded(source, path))
        packed = stream is not plain
        if packed:
            shown = path if member is None else f"{path}:{member}"
            format_name, shape = detect(stream.peek(), shown)
            if format_name not in FORMATS or format_name == "gensim":
                what = "gensim's own format" if format_name == "gensim" else f"a {format_name} file"
                raise InputError(
                    f"holds {what}, packed once more",
                    path=shown,
                    hint="unpack it (with the .npy files beside it), and give the file itself",
                )
        if stream.peek().startswith(BOM):
            stream.read(len(BOM))
        yield Unpacked(format_name, shape, stream, member, packed)


class _Bounded(io.RawIOBase):
    """Decompressed bytes, limited in number; every fault of the compression is an InputError."""

    def __init__(self, source: IO[bytes], path: Path) -> None:
        self._source, self._path = source, path
        self._left = max(FREE_BYTES, MAX_RATIO * path.stat().st_size)
        self._error: InputError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if self._error is not None:  # the decompressing module may have forgotten it
            raise self._error
        try:
            with _faults(self._path):
                data = self._source.read(len(target))
            self._left -= len(data)
            if self._left < 0:
                raise InputError(
                    f"expands to {MAX_RATIO} times its size, which word vectors never do", path=self._path
                )
        except InputError as error:
            self._error = error
            raise
        target[: len(data)] = data
        return len(data)


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Turn what Python's modules raise on a damaged file into an InputError."""
    try:
        yield
    except (*DAMAGED, OSError) as error:
        # An errno means a fault of the disk, except EINVAL, which is an impossible offset.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise damaged(path, f"damaged or cut short: {str(error) or type(error).__name__}") from error


def _bounded(source: IO[bytes], path: Path) -> io.BufferedReader:
    return io.BufferedReader(_Bounded(source, path), SNIFFED)


# ---------------------------------------------------------------- zips


def open_zip(stream: IO[bytes], path: Path) -> zipfile.ZipFile:
    """Open a zip. Raises InputError if its directory is damaged."""
    with _faults(path):
        return zipfile.ZipFile(stream)


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> io.BufferedReader:
    """Open a member of a zip. Raises InputError, now or while it is read, if it cannot be decompressed."""
    name = _printable(info.filename)
    if info.flag_bits & 1:
        raise InputError(
            f"its member {name} is encrypted",
            path=path,
            hint="unpack it with its password, and give the file",
        )
    if info.compress_type not in METHODS:
        raise InputError(
            f"its member {name} has a compression that is not supported (number {info.compress_type})",
            path=path,
            hint="unpack it with another program, and give the file",
        )
    with _faults(path):
        return _bounded(archive.open(info), path)


def _choose_member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """Return the member with the vectors: model.bin or model.txt in a single folder, else the only one."""
    members = [info for info in archive.infolist() if not NO_VECTORS.search(info.filename)]
    named = [info for info in members if PurePosixPath(info.filename).name in ("model.bin", "model.txt")]
    if len({PurePosixPath(info.filename).parent for info in named}) == 1:
        return min(named, key=lambda info: info.filename)
    if len(members) > 1:
        members = [info for info in members[:MAX_MEMBERS] if _holds_vectors(archive, info, path)]
    if not members:
        raise InputError(
            f"a zip without word vectors: it holds {_list_names(archive.infolist())}",
            path=path,
            hint="expected one file of vectors in it: word2vec text or binary, GloVe, or fastText .bin",
        )
    if len(members) > 1:
        raise InputError(
            f"a zip with {len(members)} vector files: {_list_names(members)}",
            path=path,
            hint=f"unpack the one you want (unzip {path.name} MEMBER), and give that file",
        )
    return members[0]


def _holds_vectors(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bool:
    with open_member(archive, info, path) as stream:
        start = stream.peek()
    try:
        detect(start, path)
    except InputError:
        return False
    return True


def _list_names(members: Sequence[zipfile.ZipInfo]) -> str:
    shown = [_printable(info.filename) for info in members[:5]]
    more = [f"and {len(members) - 5:,} more"] if len(members) > 5 else []
    return ", ".join([*shown, *more]) or "nothing"


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)
