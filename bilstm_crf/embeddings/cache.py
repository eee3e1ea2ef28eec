"""The memory-mapped forms of vector files, each converted once and kept in the user's cache folder.

One folder per entry, named after the file, its place and its state (size and time stamp):

    vectors.f4     (V, D) float32, little-endian, in C order
    words.txt      V words in UTF-8, one per line
    ngrams.f4      (buckets, D), of fastText models with character n-grams
    source.json    `About`

An entry appears by one rename, so that an entry with its final name is complete. A lock makes two processes
convert a file once; the operating system releases it when its holder is killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bilstm_crf.embeddings.builder import NGRAMS, VECTORS
from bilstm_crf.embeddings.ngrams import NgramLengths, NgramTable
from bilstm_crf.embeddings.vectors import Source, WordVectors
from bilstm_crf.errors import BilstmCrfError, InputError
from bilstm_crf.util.files import CACHE_ENVIRONMENT, cache_folder, umask
from bilstm_crf.util.progress import Waiting, note
from bilstm_crf.util.records import read_record
from bilstm_crf.util.system import is_private, locked

VERSION = 3  # of the layout above; another version is another folder
WORDS, ABOUT = "words.txt", "source.json"
# The large tables of a file in gensim's own format; a change of one is a change of the file.
BESIDE = [
    f"{wv}.{table}.npy"
    for wv in ("", ".wv")
    for table in ("vectors", "vectors_vocab", "vectors_ngrams", "syn0")
]
# The names of entries and of unfinished ones; the group is what all entries of one file share.
ENTRY = re.compile(r"(?P<stem>.+)\.[0-9a-f]{16}-v\d+", re.DOTALL)
UNFINISHED = re.compile(r"\.(?P<stem>.+)\.tmp-\w+", re.DOTALL)


@dataclass(frozen=True)
class About:
    """The content of `source.json`, which is written last."""

    source: Source
    path: str  # of the vector file
    ngrams: NgramLengths | None
    sizes: dict[str, int]  # of the other files


@dataclass(frozen=True)
class Listed:
    """An entry as `bilstm-crf embeddings cache` shows it."""

    folder: Path
    path: str | None  # of the vector file; None if the entry is damaged
    bytes: int
    seconds: float  # since it was made


def places() -> list[Path]:
    """Return the folders for entries: the user's cache folder, then a private temporary one."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return [cache_folder() / "vectors", Path(tempfile.gettempdir()) / f"bilstm_crf-{user}" / "vectors"]


def _trusted() -> list[Path]:
    """Return the `places` that no other user can write to."""
    first, temporary = places()
    with contextlib.suppress(OSError):
        if is_private(temporary.parent):
            return [first, temporary]
    return [first]


def _writable_place() -> Path:
    """Return the first of `places` that is writable. Raises BilstmCrfError if none is."""
    with contextlib.suppress(OSError):
        places()[1].parent.mkdir(mode=0o700, exist_ok=True)
    for place in _trusted():
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
    raise BilstmCrfError(
        f"converted vectors can be kept neither in {' nor in '.join(map(str, places()))}",
        hint=f"name a writable folder in ${CACHE_ENVIRONMENT}",
    )


def find(path: Path) -> WordVectors | None:
    """Return the converted form of the file `path` if there is one."""
    name = _name(path)
    return next((entry for place in _trusted() if (entry := _open(place / name, path)) is not None), None)


def open_or_make(path: Path, make: Callable[[Path], WordVectors]) -> WordVectors:
    """Return the converted form of the file `path`; `make(folder)` writes its tables if it is missing.

    Raises what `make` raises, and BilstmCrfError if the result cannot be kept.
    """
    with Waiting(f"Loading  {path.name}"):
        entry = find(path)
    if entry is not None:
        return entry
    place, name = _writable_place(), _name(path)
    try:
        with locked(place / f".{_stem(path)}.lock") as has_locks:
            if (entry := _open(place / name, path)) is not None:  # another process was faster
                return entry
            if has_locks:
                _sweep(place, _stem(path))
            _write(place, path, name, make)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else str(error.strerror or error)
        raise BilstmCrfError(
            f"{path.name} cannot be converted into {place}: {reason}",
            hint=f"make room there, or name another folder in ${CACHE_ENVIRONMENT}",
        ) from error
    entry = _open(place / name, path)
    if entry is None:
        raise BilstmCrfError(f"{place / name} was written but is damaged now")
    note(f"{path.name} was converted once; its memory-mapped form is kept in {place}")
    return entry


def _stem(path: Path) -> str:
    """Return the common prefix of all entries made from one file."""
    place = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return f"{path.name[:40]}.{place[:16]}"


def _name(path: Path) -> str:
    states = []
    for file in (path, *(path.with_name(path.name + end) for end in BESIDE)):
        with contextlib.suppress(OSError, ValueError):
            status = file.stat()
            states.append(f"{file.name} {status.st_size} {status.st_mtime_ns}")
    state = hashlib.sha256("\n".join(states).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{_stem(path)}.{state[:16]}-v{VERSION}"


def _open(folder: Path, path: Path) -> WordVectors | None:
    """Return the entry in `folder` of the file `path`; None if it is missing or damaged."""
    try:
        about = read_record(About, folder / ABOUT)
        if any((folder / name).stat().st_size != size for name, size in about.sizes.items()):
            return None
        words = (folder / WORDS).read_bytes().decode("utf-8").split("\n")[:-1]
        matrix = np.memmap(folder / VECTORS, "<f4", "r").reshape(len(words), about.source.dim)
        if not np.isfinite(matrix[[0, -1]]).all():  # a cheap test of the content
            return None
        ngrams = None
        if about.ngrams is not None:
            rows = np.memmap(folder / NGRAMS, "<f4", "r").reshape(-1, about.source.dim)
            ngrams = NgramTable(rows, about.ngrams)
    except (InputError, OSError, ValueError):
        return None
    return WordVectors(path.name, words, matrix, ngrams, about.source, path, folder)


def _write(place: Path, path: Path, name: str, make: Callable[[Path], WordVectors]) -> None:
    temporary = Path(tempfile.mkdtemp(dir=place, prefix=f".{_stem(path)}.tmp-"))
    try:
        _write_words(temporary, path, make(temporary))
        temporary.chmod(0o777 & ~umask())
        shutil.rmtree(place / name, ignore_errors=True)  # a damaged entry
        try:
            os.rename(temporary, place / name)
        except OSError:
            if _open(place / name, path) is None:  # else another process made the same, without a lock
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_words(folder: Path, path: Path, converted: WordVectors) -> None:
    """Write the words and, last of all, `source.json`."""
    assert converted.source is not None
    with open(folder / WORDS, "wb") as stream:
        stream.writelines(f"{word}\n".encode() for word in converted.words)
        stream.flush()
        os.fsync(stream.fileno())
    about = About(
        source=converted.source,
        path=os.fsencode(path.resolve()).decode("utf-8", "backslashreplace"),
        ngrams=converted.ngrams.lengths if isinstance(converted.ngrams, NgramTable) else None,
        sizes={file.name: file.stat().st_size for file in sorted(folder.iterdir())},
    )
    text = json.dumps(dataclasses.asdict(about), indent=2, ensure_ascii=False)
    (folder / ABOUT).write_bytes(text.encode("utf-8", "backslashreplace"))


def _sweep(place: Path, stem: str) -> int:
    """Remove all entries of one file and what killed processes left of them; return the number of bytes."""
    removed = 0
    for folder in place.iterdir():
        if _stem_of(folder) == stem:
            removed += _bytes(folder)
            shutil.rmtree(folder, ignore_errors=True)
    return removed


def _stem_of(folder: Path) -> str | None:
    match = ENTRY.fullmatch(folder.name) or UNFINISHED.fullmatch(folder.name)
    return match and match["stem"]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


# ---------------------------------------------------------------- for people


def entries() -> Iterator[Listed]:
    """Yield the entries, the newest first."""
    found = [
        folder
        for place in _trusted()
        if place.is_dir()
        for folder in place.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    ]
    for folder in sorted(found, key=lambda folder: folder.stat().st_mtime, reverse=True):
        whole = _open(folder, folder) is not None
        path = read_record(About, folder / ABOUT).path if whole else None
        yield Listed(folder, path, _bytes(folder), max(0.0, time.time() - folder.stat().st_mtime))


def clear() -> int:
    """Remove all entries and what killed processes left; return the number of bytes.

    Waits for conversions in progress, whose folders are not touched.
    """
    removed = 0
    for place in _trusted():
        if place.is_dir():
            stems = {stem for folder in place.iterdir() if (stem := _stem_of(folder)) is not None}
            for stem in sorted(stems):
                with locked(place / f".{stem}.lock"):
                    removed += _sweep(place, stem)
    return removed
