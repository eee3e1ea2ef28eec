"""The converted form of a vector file: a folder with a memory-mappable table, made once.

    vectors.npy    (V, D) float32, in C order
    words.txt      V words in UTF-8, one a line
    ngrams.npy     (buckets, D), of fastText models with character n-grams
    source.json    what `WordVectors.source` says, and the n-gram settings

The folder is named after the file and its size and time stamp, and lies in `.cache` beside it, or in the
user's cache folder where that place cannot be written to. It appears by one rename, so that one with its
final name is whole; a lock lets two processes make it once, and is let go when its holder is killed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.files import locked, umask

VERSION = 1  # of the layout above; another number is another folder


def open_or_make(path: Path, make: Callable[[Path], None]) -> Path:
    """The folder with the converted form of the file `path`; `make(folder)` writes it where it is missing.

    Raises what `make` raises, and OSError where neither place can be written to.
    """
    places = [path.parent / ".cache", _user_cache(path.parent)]
    name = _name(path)
    for place in places:
        if _whole(place / name):
            return place / name
    place = next(place for place in places if _writable(place) or place == places[-1])
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / f".{path.name}.lock") as alone:
        if _whole(place / name):  # another process was faster
            return place / name
        if alone:
            _sweep(place, path.name)
        _write(place, path.name, name, make)
    return place / name


def _name(path: Path) -> str:
    status = path.stat()
    return f"{path.name}.{status.st_size}-{status.st_mtime_ns}-v{VERSION}"


def _user_cache(folder: Path) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return Path(base) / "bilstm_crf" / digest[:16]


def _whole(folder: Path) -> bool:
    """Whether the folder is there and not damaged since (a table cut off by a full disk, say)."""
    try:
        table = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
        source = json.loads((folder / "source.json").read_text("utf-8"))
        size = (folder / "words.txt").stat().st_size
    except (OSError, ValueError, EOFError):
        return False
    return bool(table.shape == (source["words"], source["dim"]) and size == source["words_bytes"])


def _writable(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def _sweep(place: Path, file_name: str) -> None:
    """Removes what a killed process left, and the converted forms of earlier states of the file."""
    converted = re.compile(re.escape(file_name) + r"\.\d+-\d+-v\d+")
    for old in place.iterdir():
        if old.name.startswith(f".{file_name}.tmp-") or converted.fullmatch(old.name):
            shutil.rmtree(old, ignore_errors=True)


def _write(place: Path, file_name: str, name: str, make: Callable[[Path], None]) -> None:
    temporary = Path(tempfile.mkdtemp(dir=place, prefix=f".{file_name}.tmp-"))
    try:
        make(temporary)
        temporary.chmod(0o777 & ~umask())
        shutil.rmtree(place / name, ignore_errors=True)  # there, but damaged
        try:
            os.rename(temporary, place / name)
        except OSError:
            if not _whole(place / name):  # whole: another process made the same, without a lock
                raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise BilstmCrfError(
            f"the disk is full: no room in {place} for the memory-mappable form of {file_name}",
            hint="free some, or move the file to a larger disk",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class TableWriter:
    """Writes an .npy file block by block, when the number of rows is only known at the end.

    numpy pads the header of an .npy file so that its first axis may grow in place; the header is written
    twice, and the table never has to be in memory.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self._stream = open(path, "w+b")  # noqa: SIM115
        self._dim = dim
        self.rows = 0
        self._header()
        self._start = self._stream.tell()

    def _header(self) -> None:
        description = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._stream, description)

    def write(self, block: np.ndarray) -> None:
        """Appends rows (N, D), converted to float32."""
        self._stream.write(np.ascontiguousarray(block, "<f4").data)
        self.rows += len(block)

    def close(self) -> None:
        """Puts the true number of rows into the header, and the bytes on the disk."""
        self._stream.seek(0)
        self._header()
        assert self._stream.tell() == self._start, "numpy's header changed its length"
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()


def write_words(folder: Path, words: list[str], source: dict[str, Any]) -> None:
    """The words and, last of all, `source.json`, which makes the folder whole."""
    data = "".join(f"{word}\n" for word in words).encode("utf-8")
    (folder / "words.txt").write_bytes(data)
    source = {**source, "words_bytes": len(data)}
    (folder / "source.json").write_text(json.dumps(source, indent=2, ensure_ascii=False), "utf-8")


def read_source(folder: Path) -> dict[str, Any]:
    """What was written into `source.json`: WordVectors.source, and `cache`, the n-gram settings."""
    source: dict[str, Any] = json.loads((folder / "source.json").read_text("utf-8"))
    del source["words_bytes"]
    return source


def read_words(folder: Path) -> list[str]:
    return (folder / "words.txt").read_bytes().decode("utf-8").split("\n")[:-1]
