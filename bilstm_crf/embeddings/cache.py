"""The memory-mappable forms of vector files, each made once and kept in the user's cache folder.

One folder an entry, named after the file, its place and its state (size and time stamp):

    vectors.npy    (V, D) float32, in C order
    words.txt      V words in UTF-8, one a line
    ngrams.npy     (buckets, D), of fastText models with character n-grams
    source.json    what `WordVectors.source` says, where the file lies, and the sizes of the others

An entry appears by one rename, so that one with its final name is whole; a lock lets two processes make it
once, and is let go when its holder is killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import glob
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
from typing import Any

import numpy as np

from bilstm_crf.embeddings.convert import Converted
from bilstm_crf.embeddings.tables import NGRAMS, VECTORS, Ngrams
from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.util.files import CACHE_ENVIRONMENT, cache_folder, umask
from bilstm_crf.util.progress import say
from bilstm_crf.util.system import is_private, locked

VERSION = 2  # of the layout above; another number is another folder
WORDS, SOURCE = "words.txt", "source.json"
# Where gensim puts the large tables of a file in its own format; a change in one is a change of the file.
BESIDE = [
    f"{wv}.{table}.npy"
    for wv in ("", ".wv")
    for table in ("vectors", "vectors_vocab", "vectors_ngrams", "syn0")
]


@dataclass(frozen=True)
class Entry:
    """The converted form of one file, opened. Letters: V words, D dimensions."""

    folder: Path
    words: list[str]  # (V,)
    matrix: np.ndarray  # (V, D) memory-mapped
    source: dict[str, Any]
    ngrams: np.ndarray | None  # (buckets, D) memory-mapped
    ngram_kind: Ngrams | None


@dataclass(frozen=True)
class Listed:
    """An entry as `bilstm-crf embeddings cache` shows it."""

    folder: Path
    path: str | None  # of the vector file; None where the entry is damaged
    bytes: int
    seconds: float  # since it was made


def places() -> list[Path]:
    """Return the folders for entries: the user's cache folder, then a private temporary one."""
    return [cache_folder() / "vectors", _temporary() / "vectors"]


def find(path: Path) -> Entry | None:
    """Return the converted form of the file `path` where there is one."""
    name = _name(path)
    return next((entry for place in _trusted() if (entry := _opened(place / name)) is not None), None)


def open_or_make(path: Path, make: Callable[[Path], Converted]) -> Entry:
    """Return the converted form of the file `path`; `make(folder)` writes its tables where it is missing.

    Raises what `make` raises, and BilstmCrfError where it cannot be kept.
    """
    if (entry := find(path)) is not None:
        return entry
    name = _name(path)
    place = _writable_place()
    try:
        with locked(place / f".{_stem(path)}.lock") as alone:
            if (entry := _opened(place / name)) is not None:  # another process was faster
                return entry
            if alone:
                _sweep(place, _stem(path))
            _write(place, path, name, make)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise BilstmCrfError(
            f"{path.name} cannot be converted into {place}: "
            + ("the disk is full" if full else str(error.strerror or error)),
            hint=f"make room there, or name another folder in ${CACHE_ENVIRONMENT}",
        ) from error
    entry = _opened(place / name)
    if entry is None:
        raise BilstmCrfError(f"{place / name} was written, and is damaged now")
    say(f"{path.name} was converted once; its memory-mapped form is kept in {place}")
    return entry


def _stem(path: Path) -> str:
    """Return the common prefix of all entries made from one file."""
    place = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return f"{path.name[:40]}.{place[:16]}"


def _name(path: Path) -> str:
    files = [path, *(path.with_name(path.name + end) for end in BESIDE)]
    states = []
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            status = file.stat()
            states.append(f"{file.name} {status.st_size} {status.st_mtime_ns}")
    state = hashlib.sha256("\n".join(states).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{_stem(path)}.{state[:16]}-v{VERSION}"


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"bilstm_crf-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


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
        _temporary().mkdir(mode=0o700, exist_ok=True)
    for place in _trusted():
        with contextlib.suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
    raise BilstmCrfError(
        f"converted vectors can be kept neither in {' nor in '.join(map(str, places()))}",
        hint=f"name a folder that can be written to in ${CACHE_ENVIRONMENT}",
    )


def _opened(folder: Path) -> Entry | None:
    """Return the entry in `folder`; None if it is missing or damaged."""
    try:
        about = json.loads((folder / SOURCE).read_text("utf-8"))
        if any((folder / name).stat().st_size != size for name, size in about["sizes"].items()):
            return None
        words = (folder / WORDS).read_bytes().decode("utf-8").split("\n")[:-1]
        matrix = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
        if (matrix.shape, matrix.dtype) != ((len(words), about["source"]["dim"]), np.dtype("<f4")):
            return None
        ngrams, kind = None, None
        if about["ngrams"] is not None:
            ngrams = np.load(folder / NGRAMS, mmap_mode="r", allow_pickle=False)
            kind = Ngrams(**about["ngrams"])
            if (ngrams.shape[1:], ngrams.dtype) != (matrix.shape[1:], np.dtype("<f4")):
                return None
    except (
        OSError,
        ValueError,
        EOFError,
        LookupError,
        TypeError,
        AttributeError,
        SyntaxError,
        RecursionError,
    ):
        return None
    return Entry(folder, words, matrix, about["source"], ngrams, kind)


def _sweep(place: Path, stem: str) -> None:
    """Remove what a killed process left, and the converted forms of earlier states of the file."""
    converted = re.compile(re.escape(stem) + r"\.[0-9a-f]{16}-v\d+")
    for old in place.iterdir():
        if old.name.startswith(f".{stem}.tmp-") or converted.fullmatch(old.name):
            shutil.rmtree(old, ignore_errors=True)


def _write(place: Path, path: Path, name: str, make: Callable[[Path], Converted]) -> None:
    temporary = Path(tempfile.mkdtemp(dir=place, prefix=f".{_stem(path)}.tmp-"))
    try:
        converted = make(temporary)
        _write_words(temporary, path, converted)
        temporary.chmod(0o777 & ~umask())
        shutil.rmtree(place / name, ignore_errors=True)  # there, but damaged
        try:
            os.rename(temporary, place / name)
        except OSError:
            if _opened(place / name) is None:  # else another process made the same, without a lock
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_words(folder: Path, path: Path, converted: Converted) -> None:
    """Write the words and, last of all, `source.json`, which makes the folder whole."""
    with open(folder / WORDS, "wb") as stream:
        stream.writelines(f"{word}\n".encode() for word in converted.words)
        stream.flush()
        os.fsync(stream.fileno())
    about = {
        "source": converted.source,
        "path": os.fsencode(path.resolve()).decode("utf-8", "backslashreplace"),
        "ngrams": None if converted.ngrams is None else dataclasses.asdict(converted.ngrams),
        "sizes": {file.name: file.stat().st_size for file in sorted(folder.iterdir())},
    }
    text = json.dumps(about, indent=2, ensure_ascii=False)
    (folder / SOURCE).write_bytes(text.encode("utf-8", "backslashreplace"))


# ---------------------------------------------------------------- for people


def entries() -> Iterator[Listed]:
    """Yield what is kept, the newest first."""
    found = [
        folder
        for place in _trusted()
        if place.is_dir()
        for folder in place.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
    ]
    for folder in sorted(found, key=lambda folder: folder.stat().st_mtime, reverse=True):
        size = sum(file.stat().st_size for file in folder.iterdir())
        entry = _opened(folder)
        path = None if entry is None else json.loads((folder / SOURCE).read_text("utf-8")).get("path")
        yield Listed(folder, path, size, max(0.0, time.time() - folder.stat().st_mtime))


def clear() -> int:
    """Remove everything that is kept, and what killed processes left; return the number of bytes.

    Waits for conversions under way: their folders are theirs.
    """
    removed = 0
    for place in _trusted():
        if not place.is_dir():
            continue
        stems = {stem for folder in place.iterdir() if (stem := _stem_of(folder.name)) is not None}
        for stem in sorted(stems):
            with locked(place / f".{stem}.lock"):
                before = _bytes(place, stem)
                _sweep(place, stem)
                removed += before - _bytes(place, stem)
    return removed


def _stem_of(name: str) -> str | None:
    match = re.fullmatch(r"(?:(.+)\.[0-9a-f]{16}-v\d+|\.(.+)\.tmp-\w+)", name, re.DOTALL)
    return match and (match[1] or match[2])


def _bytes(place: Path, stem: str) -> int:
    folders = [*place.glob(f"{glob.escape(stem)}.*"), *place.glob(f".{glob.escape(stem)}.tmp-*")]
    return sum(file.stat().st_size for folder in folders for file in folder.glob("*"))
