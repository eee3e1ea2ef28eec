"""Files: opening inputs (gzip, standard input), outputs that are complete or absent, hashes."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import platform
import re
import stat
import sys
import tempfile
import tomllib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from bilstm_crf.errors import InputError, UsageError

MAX_DEPTH = 100  # of nested JSON and TOML; what is read later walks it by recursion


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
        plain = open(name, "rb")  # noqa: SIM115 (closed below)
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


@contextlib.contextmanager
def held(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Hold the lock file `path` for the block, and take it away at the end.

    Gives False where the file system has no locks. A process that dies lets go of the lock; the file that it
    leaves blocks nobody. Raises LockedError at once where another process holds it.
    """
    stream = _take(Path(path))
    try:
        yield stream is not None
    finally:
        if stream is not None:
            with contextlib.suppress(OSError):
                os.unlink(path)  # while it is held: nobody else has this file
            stream.close()


def _take(path: Path) -> BinaryIO | None:
    """The lock file, open and locked; None where the file system has no locks. Raises LockedError."""
    while True:
        try:
            stream = open(path, "a+b")  # noqa: SIM115 (it is the lock)
        except FileNotFoundError:  # a process that failed has just taken its empty folder away
            path.parent.mkdir(parents=True, exist_ok=True)
            continue
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read(200).decode("utf-8", "replace").strip()
            stream.close()
            raise LockedError(holder or "another process") from None
        except OSError:
            stream.close()
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        # Whoever held the lock before may have taken the file away: then ours is the wrong one
        try:
            same = os.path.samestat(os.fstat(stream.fileno()), path.stat())
        except FileNotFoundError:
            same = False
        if same:
            with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
                os.truncate(stream.fileno(), 0)
                os.write(stream.fileno(), f"process {os.getpid()} on {platform.node()}\n".encode())
            return cast(BinaryIO, stream)
        stream.close()


class LockedError(Exception):
    """A lock that another process holds; its text names that process."""


@contextlib.contextmanager
def made_folder(path: str | os.PathLike[str]) -> Iterator[None]:
    """Make a folder, with its parents, for the block; where it raises, take away those that are empty."""
    folder = Path(path)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for each in made:
            with contextlib.suppress(OSError):  # not empty, or never made
                each.rmdir()
        raise


def umask() -> int:
    """The bits that a new file's mode must not have."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_json(
    path: str | os.PathLike[str], *, error: type[InputError] = InputError, hint: str | None = None
) -> Any:
    """Return the content of a JSON file.

    Raises `error` with the path, and the line where it is known, for a file that cannot be read, is not
    JSON or is nested more than MAX_DEPTH levels deep.
    """
    return parse_json(_read_bytes(path, error, hint), path=path, error=error, hint=hint)


def parse_json(
    text: str | bytes,
    *,
    path: object,
    line: int | None = None,
    error: type[InputError] = InputError,
    hint: str | None = None,
) -> Any:
    """Return the content of JSON text from `path`; `line` is its place where it is one line of a file.

    Raises `error` as `read_json` does.
    """
    try:
        content = json.loads(text if isinstance(text, str) else text.decode("utf-8"))
        _check_depth(content)
    except (ValueError, RecursionError) as wrong:
        if isinstance(wrong, json.JSONDecodeError):
            line = line or wrong.lineno
        what = f"cannot be read as JSON: {_reason(wrong)}"
        raise error(what, path=path, line=line, hint=hint) from wrong
    return content


def read_toml(path: str | os.PathLike[str], *, hint: str | None = None) -> dict[str, Any]:
    """Return the content of a TOML file. Raises InputError as `read_json` does."""
    data = _read_bytes(path, InputError, hint)
    try:
        content = tomllib.loads(data.decode("utf-8"))
        _check_depth(content)
    except (ValueError, RecursionError) as wrong:
        reason = _reason(wrong)
        line = None
        if place := re.search(r" \(at line (\d+), (column \d+)\)$", reason):
            line, reason = int(place[1]), f"{reason[: place.start()]} at {place[2]}"
        elif reason.endswith(" (at end of document)"):
            line = data.count(b"\n") + 1
        raise InputError(f"is not TOML: {reason}", path=path, line=line, hint=hint) from wrong
    return content


def _read_bytes(path: str | os.PathLike[str], error: type[InputError], hint: str | None) -> bytes:
    """Read a whole file.

    A pipe is read only where a shell made it (`--config <(…)`): any other may have no writer.
    """
    try:
        mode = os.stat(path).st_mode
        shells = stat.S_ISFIFO(mode) and os.fspath(path).startswith("/dev/fd/")
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or shells):
            raise error("cannot be read: it is a pipe or a device, expected a file", path=path, hint=hint)
        return Path(path).read_bytes()
    except (OSError, ValueError) as wrong:  # ValueError: a NUL in the path
        reason = (wrong.strerror if isinstance(wrong, OSError) else None) or str(wrong)
        raise error(f"cannot be read: {reason}", path=path, hint=hint) from wrong


def _check_depth(content: Any) -> None:
    """Raises RecursionError for what is nested more than MAX_DEPTH levels deep."""
    level = [content]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += each.values()
            elif isinstance(each, list):
                inner += each
        if not inner:
            return
        level = inner
    raise RecursionError


def _reason(error: Exception) -> str:
    """Why a file is not JSON or TOML."""
    if isinstance(error, RecursionError):
        return f"nested more than {MAX_DEPTH} levels deep"
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02X} at offset {error.start} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "a number of thousands of digits" if "Exceeds the limit" in str(error) else str(error)


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
