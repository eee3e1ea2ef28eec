"""Frozen features on disk: computed once for an encoder, its settings and the words, then memory-mapped.

    <key>.f2     (N, D) or (N, L, D), float16 in little-endian and C order; then the 32 bytes of the key and
                 the CRC-32 of the vectors (4 bytes, little-endian)
    <key>.lock   held by the process that computes; the next one waits and finds the file

The file appears atomically. Its key shows that it is the right one, its size and checksum that it is intact;
otherwise it is computed again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.features import Progress, compute_frozen, shape_of
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.encoder.windows import find_context
from bilstm_crf.errors import BilstmCrfError, UsageError, warn
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import CACHE_ENVIRONMENT as ENVIRONMENT
from bilstm_crf.util.files import cache_folder, write_whole
from bilstm_crf.util.system import locked

VERSION = 2  # of the layout and of the computation; another version is another key
END = 32 + 4  # bytes after the vectors: the key, the checksum


def default_folder() -> Path:
    """Return $BILSTM_CRF_CACHE, else `encoder` in the program's cache folder."""
    folder = cache_folder()
    return folder if os.environ.get(ENVIRONMENT) else folder / "encoder"


def require_folder() -> None:
    """Create `default_folder()`. Raises UsageError if it is not writable."""
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
) -> NDArray[np.float16]:
    """Return the frozen vectors of all words, (N, D) or (N, L, D), read-only and memory-mapped.

    `folder=None` keeps them in `default_folder()`. Safe with other processes and after a kill; only the
    thread that trains may call this. Raises UsageError for a folder that is not writable, BilstmCrfError for
    a full disk and as `compute_frozen` does.
    """
    shape = shape_of(encoder, sentences, settings)
    if shape[0] == 0:  # nothing can be mapped
        return np.zeros(shape, np.float16)
    folder = default_folder() if folder is None else folder
    key = key_of(encoder, sentences, settings)
    path = folder / f"{key}.f2"
    if (found := _open(path, shape, key)) is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / f"{key}.lock") as has_locks:
            exists = os.path.lexists(path)
            if (found := _open(path, shape, key)) is not None:  # another process was faster
                return found
            if has_locks:
                for left in folder.glob(f".{path.name[:40]}.*"):  # by `write_whole` of a killed process
                    left.unlink(missing_ok=True)
            if exists:
                warn("damaged or foreign features of an encoder: computed again", path=path)
            with write_whole(path) as stream:
                width = 2 * int(np.prod(shape[1:]))
                for word, rows in compute_frozen(
                    encoder, sentences, settings, parallel=True, progress=progress
                ):
                    stream.seek(word * width)
                    stream.write(np.ascontiguousarray(rows, "<f2").data)
                stream.flush()
                checksum = _checksum(stream.fileno(), shape[0] * width)
                stream.seek(shape[0] * width)
                stream.write(bytes.fromhex(key) + checksum)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            size = 2 * int(np.prod(shape)) / 1e6
            raise BilstmCrfError(
                f"the disk is full: no room in {folder} for {size:,.1f} MB of features",
                hint=f"free some space, or name another folder in ${ENVIRONMENT}",
            ) from error
        raise _unusable(folder, error) from error
    found = _open(path, shape, key)
    if found is None:
        raise BilstmCrfError(f"{path} was written but is damaged now")
    return found


def key_of(encoder: Encoder, sentences: Sequence[Sentence], settings: FeatureSettings) -> str:
    """Return a SHA-256 over all that decides the vectors: encoder, settings, words and their context."""
    import transformers

    encoding = [encoder.sha256, settings.pooling, settings.layers, settings.precision]
    if settings.context_unit == "document":  # the words of its context are those of many neighbours
        encoding.append(settings.context_unit)
    digest = hashlib.sha256(json.dumps([VERSION, transformers.__version__, *encoding]).encode())
    for sentence in sentences:
        digest.update(json.dumps(sentence.tokens).encode() + b"\n")
    digest.update(find_context(sentences, settings.context, settings.context_unit).tobytes())
    return digest.hexdigest()


def _checksum(file: int, size: int) -> bytes:
    """Return the CRC-32 of the first `size` bytes of an open file."""
    checksum = 0
    for start in range(0, size, 1 << 24):
        checksum = zlib.crc32(os.pread(file, min(size - start, 1 << 24), start), checksum)
    return checksum.to_bytes(4, "little")


def _open(path: Path, shape: tuple[int, ...], key: str) -> NDArray[np.float16] | None:
    """Map the file; None if it is missing, damaged, or another one."""
    size = 2 * int(np.prod(shape))
    try:
        with open(path, "rb") as stream:
            stream.seek(size)
            if stream.read(END + 1) != bytes.fromhex(key) + _checksum(stream.fileno(), size):
                return None
        return np.memmap(path, "<f2", mode="r", shape=shape)
    except OSError:
        return None


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"features cannot be kept in {folder}: {error.strerror}",
        hint=f"name another folder in ${ENVIRONMENT}",
    )
