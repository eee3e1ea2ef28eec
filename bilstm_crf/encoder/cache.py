"""Frozen features on disk: computed once for an encoder, its settings and the words, then memory-mapped.

    <key>.npy    the header of numpy, (N, D) or (N, L, D) in float16; behind it the 32 bytes of the key and
                 the CRC-32 of the vectors (4 bytes, little-endian)
    <key>.lock   held by the process that computes; the next one waits and finds the file

The file gets its name by one rename when it is whole and on the disk. The key at its end shows that it is the
one meant, its size and its checksum that nothing of it was lost or changed since; else it is computed again.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bilstm_crf.encoder.context import neighbours
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.frozen import Progress, Vectors, frozen_parts, shape_of
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.errors import BilstmCrfError, UsageError, warn
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import CACHE_ENVIRONMENT as ENVIRONMENT
from bilstm_crf.util.files import cache_folder, write_whole
from bilstm_crf.util.system import locked

VERSION = 1  # of the layout, and of how a vector is made; another number is another key
END = 32 + 4  # bytes behind the vectors: the key, the checksum


def default_folder() -> Path:
    """Return $BILSTM_CRF_CACHE, else `bert` in the platform's cache folder of this program."""
    folder = cache_folder()
    return folder if os.environ.get(ENVIRONMENT) else folder / "bert"


def require_folder() -> None:
    """Makes `default_folder()`. Raises UsageError where nothing can be kept in it."""
    folder = default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise _unusable(folder, error) from error


def cached_vectors(
    encoder: Encoder,
    sentences: Sequence[Sentence],
    settings: FeatureSettings,
    *,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Vectors:
    """The frozen vectors of all words, (N, D) or (N, L, D), read-only and memory-mapped.

    Computed in two lanes where there are two: for the one thread that trains. `folder`: where they are kept;
    None: `default_folder()`. Safe with other processes and after a kill. Raises UsageError for a folder that
    cannot be written to, BilstmCrfError for a full disk and as `frozen_parts` does.
    """
    shape = shape_of(encoder, sentences, settings)
    if shape[0] == 0:  # nothing that could be mapped
        return np.zeros(shape, np.float16)
    folder = default_folder() if folder is None else folder
    key = key_of(encoder, sentences, settings)
    path = folder / f"{key}.npy"
    if (found := _opened(path, shape, key)) is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{key}.lock") as alone:
            if (found := _opened(path, shape, key)) is not None:  # another process was faster
                return found
            if alone:
                _sweep(path)
            if os.path.lexists(path):
                warn(
                    "vectors of an encoder that are damaged or of another version: computed again", path=path
                )
            with write_whole(path) as stream:
                header = _header(shape)
                stream.write(header)
                width = 2 * int(np.prod(shape[1:]))
                for word, rows in frozen_parts(encoder, sentences, settings, lanes=True, progress=progress):
                    stream.seek(len(header) + word * width)
                    stream.write(np.ascontiguousarray(rows, "<f2").data)
                stream.flush()
                checksum = _checksum(stream.fileno(), len(header), shape[0] * width)
                stream.seek(len(header) + shape[0] * width)
                stream.write(bytes.fromhex(key) + checksum)
    except OSError as error:
        raise _no_room(folder, shape, error) from error
    found = _opened(path, shape, key)
    if found is None:
        raise BilstmCrfError(f"{path} was written, and is damaged now")
    return found


def _header(shape: tuple[int, ...]) -> bytes:
    """Return the .npy header of a float16 array of this shape."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f2", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _checksum(file: int, start: int, size: int) -> bytes:
    """The CRC-32 of `size` bytes of an open file; b"" where it has not as many."""
    checksum = 0
    while size > 0:
        block = os.pread(file, min(size, 1 << 24), start)
        if not block:
            return b""
        checksum = zlib.crc32(block, checksum)
        start, size = start + len(block), size - len(block)
    return checksum.to_bytes(4, "little")


def key_of(encoder: Encoder, sentences: Sequence[Sentence], settings: FeatureSettings) -> str:
    """A SHA-256 over all that decides the vectors: encoder, settings, words, their context."""
    import transformers

    encoding = [encoder.sha256, settings.pooling, settings.layers, settings.precision]
    digest = hashlib.sha256(json.dumps([VERSION, transformers.__version__, *encoding]).encode())
    for sentence in sentences:
        digest.update(json.dumps(sentence.tokens).encode() + b"\n")
    digest.update(neighbours(sentences, settings.context, settings.context_unit).tobytes())
    return digest.hexdigest()


def _opened(path: Path, shape: tuple[int, ...], key: str) -> Vectors | None:
    """The mapped file; None where it is missing, damaged, or another one."""
    header, size = _header(shape), 2 * int(np.prod(shape))
    try:
        with open(path, "rb") as stream:
            if os.fstat(stream.fileno()).st_size != len(header) + size + END:
                return None
            if stream.read(len(header)) != header:
                return None
            stream.seek(len(header) + size)
            if stream.read() != bytes.fromhex(key) + _checksum(stream.fileno(), len(header), size):
                return None
        return np.memmap(path, "<f2", mode="r", offset=len(header), shape=shape)
    except OSError:
        return None


def _sweep(path: Path) -> None:
    """Removes what a killed process left: `write_whole` writes to a name that begins like this one's."""
    for left in path.parent.glob(f".{path.name[:40]}.*"):
        left.unlink(missing_ok=True)


def _no_room(folder: Path, shape: tuple[int, ...], error: OSError) -> BilstmCrfError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        size = 2 * int(np.prod(shape)) / 1e6
        return BilstmCrfError(
            f"the disk is full: no room in {folder} for {size:,.1f} MB of features",
            hint=f"free some, or name another folder in ${ENVIRONMENT}",
        )
    return _unusable(folder, error)


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"features cannot be kept in {folder}: {error.strerror}",
        hint=f"name another folder in ${ENVIRONMENT}",
    )
