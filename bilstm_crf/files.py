"""Files: opening inputs (gzip, standard input), outputs that are complete or absent, hashes."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from bilstm_crf.errors import InputError


@contextlib.contextmanager
def open_input(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary stream of a file, of a gzip file (`.gz`, unpacked) or of standard input (`-`).

    Raises InputError where the file cannot be opened, or is not the gzip file that its name says.
    """
    name = os.fspath(path)
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        plain = open(name, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=name) from error
    with plain:
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=plain)) if name.endswith(".gz") else plain
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"not a whole gzip file: {error}", path=name) from error
        except IsADirectoryError as error:
            raise InputError("is a folder, expected a file", path=name) from error


@contextlib.contextmanager
def write_whole(path: str | os.PathLike[str], *, compress: bool | None = None) -> Iterator[BinaryIO]:
    """A binary stream to a file that is there whole or not at all.

    Written beside, synced and renamed at the end; taken away again when the block raises. A name that ends
    in `.gz` is compressed (with time stamp 0, so that equal contents are equal files).
    """
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent or ".", prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as raw:
            if compress if compress is not None else target.suffix == ".gz":
                with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """JSON for people and programs: indented, UTF-8, a final newline; whole or not at all."""
    with write_whole(path) as stream:
        stream.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8"))


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
