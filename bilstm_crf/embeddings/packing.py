"""A vector file without its packing: from a path to the format of what is in it, and a stream of that.

    as it is, .gz, .bz2, .xz      by the first bytes, whatever the name says
    .zip                          the one member that holds vectors, in a folder or not

Whatever is wrong with the packing is an InputError with the file's name, also while the stream is read. A
stream ends in an error where it unpacks to far more than vectors ever do.
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from bilstm_crf.embeddings import fasttext, word2vec
from bilstm_crf.embeddings.word2vec import Shape
from bilstm_crf.errors import InputError

SNIFFED = 1 << 16  # bytes
BOM = b"\xef\xbb\xbf"
# Vectors as text take a third of their size when packed, as floats nine tenths.
MAX_RATIO = 100
FREE_BYTES = 1 << 26  # a smaller file may be packed as well as it likes
# What Python's modules raise on damaged input, besides OSError (bz2, gzip).
DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, RuntimeError,
    OverflowError, MemoryError, LookupError,
)  # fmt: skip
PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
OTHERS = {
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
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
# Members of a zip that are for people, for programs, or macOS's own.
NO_VECTORS = re.compile(
    r"/$|^__MACOSX/|(^|/)(\.[^/]|README|LICEN[CS]E|Thumbs\.db$)|\.(json|md|html?|pdf|rtf|npy)$", re.I
)
MAX_MEMBERS = 100  # looked at
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # protocols 2 to 5
KNOWN = (
    "known: word2vec text or binary, GloVe text, fastText .bin, gensim's own format, an NLPL zip; "
    "packed as .gz, .bz2, .xz or .zip"
)


@dataclass(frozen=True)
class Unpacked:
    """A vector file: its format, its shape if the first bytes give it, its bytes."""

    format: str
    shape: Shape | None  # of word2vec and GloVe files
    stream: io.BufferedReader
    member: str | None = None  # of a zip
    packed: bool = False


def sniff(start: bytes, path: object) -> tuple[str, Shape | None]:
    """Return the format, by a file's first bytes: one of PACKED, or `gensim`, `fastText`, `word2vec binary`,
    `word2vec text`, `GloVe text`; and the shape of the last three.

    Raises InputError for anything else.
    """
    if start.startswith(fasttext.MAGIC):
        return "fastText", None
    if start.startswith(PICKLES):
        return "gensim", None
    for magic, name in PACKED.items():
        if start.startswith(magic):
            return name, None
    start = start.removeprefix(BOM)
    if not start.strip():
        raise InputError("is empty, expected word vectors", path=path)
    first, _, rest = start.partition(b"\n")
    shape = word2vec.header(first)
    if shape is None:
        old_mac = b"\n" not in start and b"\r" in start
        shape = None if old_mac else word2vec.shape_without_header(start)
        if shape is None:
            raise _unknown(start, path)
        return "GloVe text", shape
    if not shape.words or not shape.dim:
        raise InputError(f"promises {shape.words} words of {shape.dim} dimensions", path=path, line=1)
    return f"word2vec {'text' if _is_text(rest, shape.dim) else 'binary'}", shape


def _is_text(rest: bytes, dim: int) -> bool:
    """Whether the bytes behind the header are lines of numbers, or at least without control characters."""
    line, end, _ = rest.partition(b"\n")
    values = line.rsplit(None, dim)[1:]
    if end and len(values) == dim and all(map(word2vec.NUMBER.fullmatch, values)):
        return True
    control = set(range(32)) - set(b"\t\n\r")  # the bytes of floats are full of them, above all of NUL
    return not control.intersection(rest)


def _unknown(start: bytes, path: object) -> InputError:
    """Say what a file looks like that holds no vectors, and how to make some of it."""
    hint = KNOWN
    if start[257:262] == b"ustar":
        looks, hint = "a tar archive", "unpack it, and give the file with the vectors"
    elif encoding := _utf_16(start):
        looks, hint = "UTF-16 text", f"convert it: iconv -f {encoding} -t UTF-8 IN > OUT"
    elif other := next((name for magic, name in OTHERS.items() if start.startswith(magic)), None):
        looks = other
        if "archive" in other:
            hint = "unpack it, and give the file with the vectors"
    elif b"\n" not in start and b"\r" in start:
        looks, hint = "text whose lines end in CR alone", "convert it: tr '\\r' '\\n' < IN > OUT"
    elif b"\n" not in start and len(start) >= SNIFFED:
        looks = f"a first line of more than {SNIFFED:,} bytes"
    else:
        first = start.partition(b"\n")[0]
        looks = repr(first[:40])[1:]
        if sign := next((sign for sign in (b";", b",", b"|") if first.count(sign) > 1), None):
            hint = f"if its values are separated by {sign.decode()!r}, write blanks or tabs instead; {KNOWN}"
    return InputError(
        f"begins with {looks}, expected word vectors", path=path, line=1 if "'" in looks else None, hint=hint
    )


def _utf_16(start: bytes) -> str | None:
    """The name of the encoding, by its mark or by a NUL in every second byte."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    even, odd = start[:40:2].count(0), start[1:40:2].count(0)
    return "UTF-16LE" if odd > 15 and even < 3 else "UTF-16BE" if even > 15 and odd < 3 else None


def require_file(path: Path) -> None:
    """Raise InputError for what is no regular file: it could not be read twice, or not at all."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {getattr(error, 'strerror', error)}", path=path) from error
    if stat.S_ISDIR(mode):
        raise InputError("cannot be read: it is a folder, expected a file", path=path)
    if not stat.S_ISREG(mode):
        raise InputError(
            f"cannot be read: it is a {'pipe' if stat.S_ISFIFO(mode) else 'device'}, expected a regular file",
            path=path,
            hint="write it to a file first: it is read more than once",
        )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Unpacked]:
    """Open the vectors in `path`, without a packing. Raises InputError for what is damaged or unknown."""
    require_file(path)
    try:
        plain: io.BufferedReader = io.BufferedReader(open(path, "rb", buffering=0), SNIFFED)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    with plain, contextlib.ExitStack() as stack:
        format_name, shape = sniff(plain.peek(), path)
        member = None
        if format_name not in PACKED.values():
            stream = plain
        elif format_name == "zip":
            archive = stack.enter_context(open_zip(plain, path))
            info = _member(archive, path)
            member = info.filename
            stream = stack.enter_context(open_member(archive, info, path))
        else:
            opener = cast(Any, {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}[format_name])
            source = stack.enter_context(opener(plain, "rb"))
            stream = stack.enter_context(_bounded(source, path))
        packed = stream is not plain
        if packed:
            shown = path if member is None else f"{path}:{member}"
            format_name, shape = sniff(stream.peek(), shown)
            if format_name in (*PACKED.values(), "gensim"):
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
    """Bytes as they are unpacked: not endlessly many, and every fault of the packing an InputError."""

    def __init__(self, source: IO[bytes], path: Path) -> None:
        self._source, self._path = source, path
        self._left = max(FREE_BYTES, MAX_RATIO * path.stat().st_size)
        self._error: InputError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if self._error is not None:  # the module that unpacks may have forgotten it
            raise self._error
        try:
            with _faults(self._path):
                data = self._source.read(len(target))
            self._left -= len(data)
            if self._left < 0:
                raise InputError(
                    f"unpacks to {MAX_RATIO} times its size: no word vectors do", path=self._path
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
        # With a number it is the disk's fault; but for EINVAL, which is an offset that cannot be.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        reason = str(error) or type(error).__name__
        raise InputError(
            f"damaged or cut short: {reason}", path=path, hint="remove it and fetch it anew"
        ) from error


def _bounded(source: IO[bytes], path: Path) -> io.BufferedReader:
    return io.BufferedReader(_Bounded(source, path), SNIFFED)


# ---------------------------------------------------------------- zips


def open_zip(stream: IO[bytes], path: Path) -> zipfile.ZipFile:
    """Open a zip. Raises InputError where its directory is damaged."""
    with _faults(path):
        return zipfile.ZipFile(stream)


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> io.BufferedReader:
    """Open a member of a zip. Raises InputError, now or while it is read, for one that cannot be unpacked."""
    name = _printable(info.filename)
    if info.flag_bits & 1:
        raise InputError(
            f"its member {name} is encrypted",
            path=path,
            hint="unpack it with its password, and give the file",
        )
    if info.compress_type not in METHODS:
        raise InputError(
            f"its member {name} is packed by a method that is not supported (number {info.compress_type})",
            path=path,
            hint="unpack it with another program, and give the file",
        )
    with _faults(path):
        return _bounded(archive.open(info), path)


def _member(archive: zipfile.ZipFile, path: Path) -> zipfile.ZipInfo:
    """Choose the member with the vectors: model.bin or model.txt in any one folder, or else the only one."""
    members = [info for info in archive.infolist() if not NO_VECTORS.search(info.filename)]
    named = [info for info in members if PurePosixPath(info.filename).name in ("model.bin", "model.txt")]
    if len({PurePosixPath(info.filename).parent for info in named}) == 1:
        return min(named, key=lambda info: info.filename)
    if len(members) > 1:
        members = [info for info in members[:MAX_MEMBERS] if _holds_vectors(archive, info, path)]
    if not members:
        raise InputError(
            f"a zip without word vectors: it holds {_names(archive.infolist())}",
            path=path,
            hint="expected one file of vectors in it: word2vec text or binary, GloVe, or fastText .bin",
        )
    if len(members) > 1:
        raise InputError(
            f"a zip with {len(members)} vector files: {_names(members)}",
            path=path,
            hint=f"unpack the one you want (unzip {path.name} MEMBER), and give that file",
        )
    return members[0]


def _holds_vectors(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bool:
    with open_member(archive, info, path) as stream:
        start = stream.peek()
    try:
        sniff(start, path)
    except InputError:
        return False
    return True


def _names(members: Sequence[zipfile.ZipInfo]) -> str:
    shown = [_printable(info.filename) for info in members[:5]]
    more = [f"and {len(members) - 5:,} more"] if len(members) > 5 else []
    return ", ".join([*shown, *more]) or "nothing"


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)
