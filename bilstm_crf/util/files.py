"""Files: inputs (gzip, standard input), atomic outputs, JSON and TOML, checksums, the cache folder."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
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

AnyPath = str | os.PathLike[str]

# Temporary names are `.out.conllu.x1y2z3a4.unfinished`.
UNFINISHED = ".unfinished"
UNFINISHED_NAME = re.compile(r"\..+\.[a-z0-9_]{8}\.unfinished")
# Streams that the process has open already: opening them anew would empty a file that is appended to.
OPEN_ALREADY = re.compile(r"/dev/(std(?:out|err)|fd/(\d+))|/proc/self/fd/(\d+)")
CACHE_ENVIRONMENT = "BILSTM_CRF_CACHE"
MAX_DEPTH = 100  # levels of nested JSON and TOML; later code walks them recursively
STANDARD_INPUT, GIVEN_TEXT = "standard input", "--text"  # names in messages of inputs that are no file


# ---------------------------------------------------------------- inputs


def shown(path: AnyPath) -> str:
    """Return the name of an input for messages: `-` is standard input."""
    return STANDARD_INPUT if os.fspath(path) == "-" else os.fspath(path)


def has_name(path: str) -> bool:
    """Return whether `path`, as messages show it, is a file."""
    return path not in ("", STANDARD_INPUT, GIVEN_TEXT)


def is_gzip(name: AnyPath) -> bool:
    """Return whether the file name says gzip."""
    return os.fspath(name).lower().endswith(".gz")


def suffix_of(path: AnyPath) -> str:
    """Return the suffix that tells the format, in lower case: `.conllu` of `a.CONLLU.gz`."""
    name = os.fspath(path)
    return Path(name[:-3] if is_gzip(name) else name).suffix.lower()


@contextlib.contextmanager
def open_input(path: AnyPath, encoding: str | None = None, *, as_text: bool = True) -> Iterator[BinaryIO]:
    """Open a file, a gzip file (`.gz`, decompressed) or standard input (`-`) as a binary stream.

    Text in another `encoding` is converted to UTF-8; `as_text=False` leaves all bytes as they are. Raises
    InputError if the file cannot be opened, is not gzip despite its name, or (while it is read) is not text
    in `encoding`.
    """
    name = os.fspath(path)
    with _open_bytes(name, as_text=as_text) as stream:
        if not as_text or encoding is None or is_utf8(encoding):
            yield stream
            return
        with io.BufferedReader(Transcoder(stream, encoding, shown(name)), BLOCK) as transcoded:
            yield cast(BinaryIO, transcoded)


@contextlib.contextmanager
def _open_bytes(name: str, *, as_text: bool) -> Iterator[BinaryIO]:
    if name == "-":
        yield standard_input()
        return
    try:
        plain = open(name, "rb", 1 << 16)  # noqa: SIM115 (closed below; columns are detected by a peek)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=name) from error
    with plain:
        # A peek into a pipe could block.
        is_file = stat.S_ISREG(os.fstat(plain.fileno()).st_mode)
        start = cast(io.BufferedReader, plain).peek(8)[:8] if is_file else b""
        # Their first lines are ASCII, so decoding succeeds
        if as_text and start.startswith((b"%PDF-", b"{\\rtf")):
            raise InputError("not text", path=name, hint=f"this looks like {other_file(start)}")
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=plain)) if is_gzip(name) else plain
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise InputError(f"not a whole gzip file: {error}", path=name) from error


def require_files(paths: Iterable[AnyPath | None]) -> None:
    """Raise InputError for pipes and devices, which cannot be read twice; None and missing files pass."""
    for path in paths:
        if path is not None and os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            raise InputError(
                "a pipe or a device, expected a file: it is read more than once",
                path=path,
                hint="write its content to a file first",
            )


def sha256_of(path: AnyPath) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal. Raises InputError for a pipe or a device."""
    require_files([path])
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_all(paths: Iterable[AnyPath]) -> str:
    """Return the SHA-256 of the concatenated files; gzip files are decompressed first."""
    digest = hashlib.sha256()
    for path in paths:
        require_files([path])
        with open_input(path) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


# ---------------------------------------------------------------- outputs


@contextlib.contextmanager
def write_whole(path: AnyPath, *, mode: int | None = None, replace: bool = True) -> Iterator[BinaryIO]:
    """Open a binary output stream whose file appears atomically.

    The data goes to a temporary file beside the target, which is synced and renamed at the end and removed
    if the block raises. A name that ends in `.gz` is compressed (time stamp 0, so equal contents give equal
    files). Devices and pipes are written directly; a symbolic link stays one. `mode` sets the permissions,
    which nobody but the owner has before the end. Without `replace`, a file that another process has
    finished in the meantime stays, and this one is dropped. Raises UsageError if the file cannot be created.
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
            usual = 0o666 & ~umask() if status is None else stat.S_IMODE(status.st_mode)
            os.chmod(temporary, usual if mode is None else mode)
            if os.name != "nt":
                _publish(temporary, target, replace)  # while locked, so that nobody takes it for a leftover
        if os.name == "nt":  # an open file cannot be renamed there
            _publish(temporary, target, replace)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _publish(temporary: str, target: Path, replace: bool) -> None:
    """Give a finished file its name, in one step."""
    if not replace:
        try:
            os.link(temporary, target)  # unlike a rename, fails if there is a file
        except FileExistsError:
            pass
        except OSError:  # no hard links on this file system: two processes could still rename at once
            replace = not target.exists()
    if replace:
        os.replace(temporary, target)
    else:
        os.unlink(temporary)


def _status_of_output(name: Path) -> os.stat_result | None:
    """Return the status of an existing file, None if there is none. Raises UsageError for a bad name."""
    try:
        status = os.stat(name)
    except FileNotFoundError:
        return None
    except OSError as error:  # circular links, a name that is too long, a file in place of a folder
        raise UsageError(f"{name} cannot be written: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{name} is a folder, expected the name of a file")
    return status


def _open_device(name: Path) -> BinaryIO:
    """Open a device, a pipe such as >(…), or a stream that is open already."""
    found = OPEN_ALREADY.fullmatch(os.fspath(name))
    if found is None:
        return open(name, "wb")
    number = {"stdout": 1, "stderr": 2}.get(found[1]) or int(found[2] or found[3])
    return cast(BinaryIO, os.fdopen(os.dup(number), "wb"))


def _compressed(raw: BinaryIO, name: Path) -> contextlib.AbstractContextManager[BinaryIO]:
    """Return a stream that compresses into `raw` if the name says gzip, else `raw` itself."""
    if not is_gzip(name):
        return contextlib.nullcontext(raw)
    return cast("contextlib.AbstractContextManager[BinaryIO]", gzip.GzipFile("", "wb", fileobj=raw, mtime=0))


def _begin(target: Path) -> tuple[int, str]:
    """Create, open and lock a temporary file beside `target`."""
    while True:
        handle, temporary = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name[:40]}.", suffix=UNFINISHED
        )
        with contextlib.suppress(OSError):  # without locks, nothing is ever taken for a leftover
            system.lock(handle)
        if os.fstat(handle).st_nlink:
            return handle, temporary
        os.close(handle)  # removed as a leftover just before it was locked


def remove_unfinished(folder: AnyPath) -> None:
    """Remove the temporary files of killed processes; those still being written are locked and stay."""
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


def require_apart(outputs: Iterable[str | None], inputs: Iterable[AnyPath | None]) -> None:
    """Raise UsageError for an output that is the same file as an input, through links or otherwise.

    As an output None is standard output; as an input it is skipped. `-` is standard input or output.
    """
    known = {}
    for path in inputs:
        if path is not None and (identity := identity_of(path, sys.stdin)) is not None:
            known[identity] = shown(path)
    for output in outputs:
        identity = identity_of("-" if output is None else output, sys.stdout)
        source = None if identity is None else known.get(identity)
        if source is not None:
            name = "standard output" if output in (None, "-") else output
            same = "" if name == source else f", the same file as {source}"
            raise UsageError(
                f"{name} is an input of this command{same}; it would be overwritten",
                hint="write to another file and rename it afterwards",
            )


def identity_of(path: AnyPath, standard: Any = None) -> tuple[int, int] | None:
    """Return the device and inode of a regular file, None for anything else; `-` is the `standard` stream."""
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


@contextlib.contextmanager
def made_folder(path: AnyPath) -> Iterator[None]:
    """Create a folder and its parents for the block; if it raises, remove those that are still empty."""
    folder = Path(path)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for each in made:
            with contextlib.suppress(OSError):  # not empty, or never created
                each.rmdir()
        raise


def umask() -> int:
    """Return the permission bits that new files must not have."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cache_folder() -> Path:
    """Return the folder for what can be computed again: $BILSTM_CRF_CACHE, else the platform's own."""
    if given := os.environ.get(CACHE_ENVIRONMENT):
        return Path(given).expanduser()
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("bilstm_crf", appauthor=False))
    # A relative path means that there is no home folder.
    return folder if folder.is_absolute() else Path(tempfile.gettempdir()) / "bilstm_crf"


# ---------------------------------------------------------------- JSON and TOML


def read_json(path: AnyPath, *, error: type[InputError] = InputError, hint: str | None = None) -> Any:
    """Return the content of a JSON file.

    Raises `error` with path and, where known, line for a file that cannot be read, is not JSON, or is nested
    more than MAX_DEPTH levels deep.
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
    """Return the content of JSON text from `path`; `line` is its number if it is one line of a file.

    Raises `error` as `read_json` does.
    """
    try:
        content = json.loads(text if isinstance(text, str) else text.decode("utf-8"))
        _check_depth([content])
    except (ValueError, RecursionError) as wrong:
        if isinstance(wrong, json.JSONDecodeError):
            line = line or wrong.lineno
        what = f"cannot be read as JSON: {_reason(wrong)}"
        raise error(what, path=path, line=line, hint=hint) from wrong
    return content


def read_toml(path: AnyPath, *, hint: str | None = None) -> dict[str, Any]:
    """Return the content of a TOML file. Raises InputError as `read_json` does."""
    data = _read_bytes(path, InputError, hint)
    try:
        content = tomllib.loads(data.decode("utf-8"))
        _check_depth([content])
    except (ValueError, RecursionError) as wrong:
        reason = _reason(wrong)
        line = None
        if place := re.search(r" \(at line (\d+), (column \d+)\)$", reason):
            line, reason = int(place[1]), f"{reason[: place.start()]} at {place[2]}"
        elif reason.endswith(" (at end of document)"):
            line = data.count(b"\n") + 1
        raise InputError(f"is not TOML: {reason}", path=path, line=line, hint=hint) from wrong
    return content


def _read_bytes(path: AnyPath, error: type[InputError], hint: str | None) -> bytes:
    """Read a whole file.

    A pipe is read only if a shell made it (`--config <(…)`): any other may have no writer.
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


def _check_depth(content: Any, left: int = MAX_DEPTH) -> None:
    """Raise RecursionError if the elements of `content` are nested more than `left` levels deep."""
    for each in content.values() if isinstance(content, dict) else content:
        if isinstance(each, dict | list):
            if not left and each:
                raise RecursionError
            _check_depth(each, left - 1)


def _reason(error: Exception) -> str:
    """Explain why a file is not JSON or TOML."""
    if isinstance(error, RecursionError):
        return f"nested more than {MAX_DEPTH} levels deep"
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02X} at offset {error.start} is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    return "a number of thousands of digits" if "Exceeds the limit" in str(error) else str(error)


def write_json(path: AnyPath, content: Any) -> None:
    """Write indented JSON in UTF-8 with a final newline, atomically."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    with write_whole(path) as stream:
        # File names may hold bytes that are not UTF-8; Python's escape for them is JSON's as well.
        stream.write(text.encode("utf-8", "backslashreplace"))
