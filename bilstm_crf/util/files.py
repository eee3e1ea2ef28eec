"""Files: opening inputs (gzip, standard input), outputs that are complete or absent, hashes."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
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
from bilstm_crf.util import system
from bilstm_crf.util.charset import BLOCK, Transcoder, is_utf8, other_file
from bilstm_crf.util.streams import descriptor_of, standard_input

# The end of a temporary name, and the whole of one: `.out.conllu.x1y2z3a4.unfinished`
UNFINISHED = ".unfinished"
UNFINISHED_NAME = re.compile(r"\..+\.[a-z0-9_]{8}\.unfinished")
# Names of what a process has open already. To open them anew would empty a file that is appended to.
OPEN_ALREADY = re.compile(r"/dev/(std(?:out|err)|fd/(\d+))|/proc/self/fd/(\d+)")

CACHE_ENVIRONMENT = "BILSTM_CRF_CACHE"

MAX_DEPTH = 100  # of nested JSON and TOML; what is read later walks it by recursion

STANDARD_INPUT, GIVEN_TEXT = "standard input", "--text"  # how messages call inputs that are no file


def shown(path: str | os.PathLike[str]) -> str:
    """The name of an input for messages: `-` is standard input."""
    return STANDARD_INPUT if os.fspath(path) == "-" else os.fspath(path)


def has_name(path: str) -> bool:
    """Whether what messages call `path` is a file."""
    return path not in ("", STANDARD_INPUT, GIVEN_TEXT)


@contextlib.contextmanager
def open_input(path: str | os.PathLike[str], encoding: str | None = None) -> Iterator[BinaryIO]:
    """Open a file, a gzip file (`.gz`, unpacked) or standard input (`-`) as a binary stream.

    Text in another `encoding` comes as UTF-8. Raises InputError where the file cannot be opened, is not the
    gzip file that its name says, or (while it is read) is not text in `encoding`.
    """
    name = os.fspath(path)
    with _open_bytes(name) as stream:
        if encoding is None or is_utf8(encoding):
            yield stream
            return
        with io.BufferedReader(Transcoder(stream, encoding, shown(name)), BLOCK) as transcoded:
            yield cast(BinaryIO, transcoded)


@contextlib.contextmanager
def _open_bytes(name: str) -> Iterator[BinaryIO]:
    """The bytes of a file or of standard input, unpacked."""
    if name == "-":
        yield standard_input()
        return
    try:
        plain = open(name, "rb", 1 << 16)  # noqa: SIM115 (closed below; columns are told by a peek)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=name) from error
    with plain:
        # A pipe may have nothing to show yet
        is_file = stat.S_ISREG(os.fstat(plain.fileno()).st_mode)
        start = cast(io.BufferedReader, plain).peek(8)[:8] if is_file else b""
        if start.startswith((b"%PDF-", b"{\\rtf")):  # their first lines are ASCII: no byte would tell
            raise InputError("not text", path=name, hint=f"this looks like {other_file(start)}")
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=plain)) if is_gzip(name) else plain
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"not a whole gzip file: {error}", path=name) from error


def is_gzip(name: str | os.PathLike[str]) -> bool:
    """Return whether the name is that of a gzip file."""
    return os.fspath(name).lower().endswith(".gz")


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix that tells the format, in lower case: `.conllu` of `a.CONLLU.gz`."""
    name = os.fspath(path)
    return Path(name[:-3] if is_gzip(name) else name).suffix.lower()


@contextlib.contextmanager
def write_whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary stream to a file that appears whole or not at all.

    Written beside under a temporary name, synced and renamed at the end; removed when the block raises. A
    name that ends in `.gz` is compressed (with time stamp 0, so that equal contents are equal files). A
    device or a pipe is written to as it is, and a link stays one. Raises UsageError where no file can be
    made.
    """
    name = Path(path)
    status = _status_of_output(name)
    if (status is not None and not stat.S_ISREG(status.st_mode)) or OPEN_ALREADY.fullmatch(os.fspath(name)):
        with _open_device(name) as raw, _compressed(raw, name) as stream:
            yield stream
        return
    target = Path(os.path.realpath(name))
    try:
        handle, temporary = _begin(target)
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}: {target.parent}") from error
    try:
        with os.fdopen(handle, "wb") as raw:
            with _compressed(raw, name) as stream:
                yield stream
            raw.flush()
            os.fsync(raw.fileno())
            mode = 0o666 & ~umask() if status is None else stat.S_IMODE(status.st_mode)
            os.chmod(temporary, mode)
            if os.name != "nt":
                os.replace(temporary, target)  # while it is locked: nobody takes it for a leftover
        if os.name == "nt":  # where an open file has no other name
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _status_of_output(name: Path) -> os.stat_result | None:
    """Return the status of what is there; None if nothing is. Raises UsageError if it cannot be a file."""
    try:
        status = os.stat(name)
    except FileNotFoundError:
        return None
    except OSError as error:  # links in a circle, a name that is too long, a file in the place of a folder
        raise UsageError(f"{name} cannot be written: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{name} is a folder, expected the name of a file")
    return status


def _open_device(name: Path) -> BinaryIO:
    """A device, a pipe such as >(…), or a stream that is open already."""
    found = OPEN_ALREADY.fullmatch(os.fspath(name))
    if found is None:
        return open(name, "wb")
    number = {"stdout": 1, "stderr": 2}.get(found[1]) or int(found[2] or found[3])
    return cast(BinaryIO, os.fdopen(os.dup(number), "wb"))


def _begin(target: Path) -> tuple[int, str]:
    """A new temporary file beside `target`, open and locked."""
    while True:
        handle, temporary = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name[:40]}.", suffix=UNFINISHED
        )
        with contextlib.suppress(OSError):  # no locks here: then nothing is ever taken for a leftover
            system.lock(handle)
        if os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)  # taken for a leftover in the instant before it was locked


def remove_unfinished(folder: str | os.PathLike[str]) -> None:
    """Remove the temporary files that killed processes left in a folder.

    Those that somebody still writes are locked, and stay; so does everything on a file system without locks.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if UNFINISHED_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_unlocked(entry.path)


def _remove_unlocked(path: str) -> None:
    if os.name == "nt":  # an open file cannot be removed there
        os.unlink(path)
        return
    with open(path, "r+b") as stream:
        system.lock(stream.fileno(), wait=False)
        os.unlink(path)


def require_apart(outputs: Iterable[str | None], inputs: Iterable[str | os.PathLike[str] | None]) -> None:
    """Refuse an output that is the same file as an input, through links or otherwise.

    None is standard output, `-` standard input or output; inputs that are None, or no files, do not count.
    Raises UsageError.
    """
    known = {}
    for path in inputs:
        if path is not None and (identity := _identity(path, sys.stdin)) is not None:
            known[identity] = shown(path)
    for output in outputs:
        identity = _identity("-" if output is None else output, sys.stdout)
        source = None if identity is None else known.get(identity)
        if source is not None:
            name = "standard output" if output in (None, "-") else output
            same = "" if name == source else f", the same file as {source}"
            raise UsageError(
                f"{name} is an input of this command{same}; it would be overwritten",
                hint="write to another file, and rename that when it is done",
            )


def _identity(path: str | os.PathLike[str], standard: Any) -> tuple[int, int] | None:
    """Return an identity of a regular file that does not depend on its name; None for anything else."""
    try:
        if os.fspath(path) == "-":
            descriptor = descriptor_of(standard)
            if descriptor is None:
                return None
            status = os.fstat(descriptor)
        else:
            status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _compressed(raw: BinaryIO, name: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    """A stream that compresses into `raw` where the name says so, else `raw` itself."""
    if not is_gzip(name):
        return contextlib.nullcontext(raw)
    return cast("contextlib.AbstractContextManager[BinaryIO]", gzip.GzipFile("", "wb", fileobj=raw, mtime=0))


@contextlib.contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[bool]:
    """Hold the lock of this file, which a process that dies lets go.

    Gives False where there are no locks: what is then made must be safe by its rename alone.
    """
    with open(path, "a") as stream:
        try:
            system.lock(stream.fileno())
        except OSError:
            yield False
            return
        yield True


def cache_folder() -> Path:
    """Return the folder for what can be made again: $BILSTM_CRF_CACHE, else the platform's own."""
    if given := os.environ.get(CACHE_ENVIRONMENT):
        return Path(given).expanduser()
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("bilstm_crf", appauthor=False))
    # Relative: there is no home folder.
    return folder if folder.is_absolute() else Path(tempfile.gettempdir()) / "bilstm_crf"


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
            system.lock(stream.fileno(), wait=False)
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


def require_files(paths: Iterable[str | os.PathLike[str] | None]) -> None:
    """Refuse pipes and devices, for work that reads its inputs twice; None and what is missing do not count.

    Raises InputError.
    """
    for path in paths:
        if path is not None and os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            message = "a pipe or a device, expected a file: it is read more than once"
            raise InputError(message, path=path, hint="write what comes from it to a file first")


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal. Raises InputError for a pipe or a device."""
    require_files([path])
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_all(paths: Iterable[str | os.PathLike[str]]) -> str:
    """The SHA-256 of the files' bytes one after another; of a gzip file, of what is in it."""
    digest = hashlib.sha256()
    for path in paths:
        require_files([path])
        with open_input(path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
