"""Files: opening inputs (gzip, standard input), outputs that are complete or absent, hashes."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from bilstm_crf.errors import InputError, UsageError


def shown(path: str | os.PathLike[str]) -> str:
    """The name of an input for messages: `-` is standard input."""
    return "standard input" if os.fspath(path) == "-" else os.fspath(path)


@contextlib.contextmanager
def open_input(path: str | os.PathLike[str], encoding: str | None = None) -> Iterator[BinaryIO]:
    """A binary stream of a file, of a gzip file (`.gz`, unpacked) or of standard input (`-`).

    Text in another `encoding` comes as UTF-8.

    Raises InputError where the file cannot be opened, or is not the gzip file that its name says.
    """
    name = os.fspath(path)
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        plain = open(name, "rb", 1 << 16)  # noqa: SIM115 (closed below; columns are told by a peek)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=name) from error
    with plain:
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=plain)) if name.endswith(".gz") else plain
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"not a whole gzip file: {error}", path=name) from error


@contextlib.contextmanager
def write_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary stream to a file that is there whole or not at all.

    Written beside, synced and renamed at the end; taken away again when the block raises. A name that ends
    in `.gz` is compressed (with time stamp 0, so that equal contents are equal files). A device or a pipe
    is written to as it is, and a link stays one. Raises UsageError where no file can be made.
    """
    name = Path(path)
    if name.is_dir():
        raise UsageError(f"{name} is a folder, expected the name of a file")
    if name.exists() and not name.is_file():  # /dev/null, /dev/stdout, >(…): nothing that could be replaced
        with open(name, "wb") as raw, _compressed(raw, name) as stream:
            yield stream
        return
    target = name.resolve()
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}: {target.parent}") from error
    try:
        with os.fdopen(handle, "wb") as raw:
            with _compressed(raw, name) as stream:
                yield stream
            raw.flush()
            os.fsync(raw.fileno())
        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _compressed(raw: BinaryIO, name: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    """A stream that compresses into `raw` where the name says so, else `raw` itself."""
    if name.suffix != ".gz":
        return contextlib.nullcontext(raw)
    return cast("contextlib.AbstractContextManager[BinaryIO]", gzip.GzipFile("", "wb", fileobj=raw, mtime=0))


@contextlib.contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Holds the lock of this file, which a process that dies lets go.

    Gives False where the file system knows no locks: what is then made must be safe by its rename alone.
    """
    with open(path, "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError:
            yield False
            return
        yield True


def umask() -> int:
    """The bits that a new file's mode must not have."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """JSON for people and programs: indented, UTF-8, a final newline; whole or not at all."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    with write_whole(path) as stream:
        # The name of a file may hold bytes that are no UTF-8: Python's escape for them is JSON's as well.
        stream.write(text.encode("utf-8", "backslashreplace"))


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_all(paths: Iterable[str | os.PathLike[str]]) -> str:
    """The SHA-256 of the files' bytes one after another; of a gzip file, of what is in it."""
    digest = hashlib.sha256()
    for path in paths:
        with open_input(path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
