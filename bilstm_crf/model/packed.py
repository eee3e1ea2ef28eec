"""Convert the arrays of an ordinary weights file to those of a packed model's, and back.

words, subwords.ngrams    UTF-8 text, one entry a line, compressed (zlib)
embedding.*, subwords.*   `codes` and `centroids` of the two tables (see quantised.py)
everything else           as in an ordinary file, but float16 in place of float32
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.model.quantised import CENTROIDS, Quantised

Arrays = dict[str, NDArray[Any]]

TEXTS = ("words", "subwords.ngrams")
TABLES = {"embedding": "embedding.weight", "subwords": "subwords.steps"}  # by the prefix of their codes
MAX_TEXT_BYTES = 64_000_000  # a hostile file of a few bytes could expand to any size
MAX_GROUP = 16  # dimensions: the most numbers that one byte becomes


def pack_arrays(arrays: Arrays, tables: dict[str, Quantised]) -> Arrays:
    """Return the arrays of an ordinary weights file as a packed one has them; `tables` by their prefix."""
    replaced = {TABLES[prefix] for prefix in tables}
    packed: Arrays = {}
    for name, array in arrays.items():
        if name in TEXTS:
            packed[name] = np.frombuffer(zlib.compress(array.tobytes(), 9), np.uint8)
        elif name not in replaced and name != "subwords.scales":
            packed[name] = array.astype(np.float16) if array.dtype == np.float32 else array
    for prefix, table in tables.items():
        packed |= {f"{prefix}.codes": table.codes, f"{prefix}.centroids": table.centroids}
    return packed


def unpack_arrays(packed: Arrays) -> Arrays:
    """Return the arrays of an ordinary weights file.

    Raises KeyError for a missing array, ValueError for one of another form.
    """
    left = dict(packed)
    arrays: Arrays = {}
    for prefix, name in TABLES.items():
        if prefix == "subwords" and f"{prefix}.codes" not in left:
            continue
        codes, centroids = left.pop(f"{prefix}.codes"), left.pop(f"{prefix}.centroids")
        arrays[name] = _checked(prefix, codes, centroids).decode()
    for name, array in left.items():
        if name in TEXTS:
            array = np.frombuffer(_decompress(name, array.tobytes()), np.uint8)
        arrays[name] = array.astype(np.float32) if array.dtype == np.float16 else array
    if "subwords.steps" in arrays:
        arrays["subwords.scales"] = np.ones(len(arrays["subwords.steps"]), np.float32)
    return arrays


def _checked(prefix: str, codes: NDArray[Any], centroids: NDArray[Any]) -> Quantised:
    """Return a table that can be decoded. Raises ValueError for another one."""
    fits = (
        (codes.dtype, codes.ndim) == (np.uint8, 2)
        and (centroids.dtype, centroids.ndim) == (np.float16, 3)
        and centroids.shape[:2] == (codes.shape[1], CENTROIDS)
        and 1 <= centroids.shape[2] <= MAX_GROUP
    )
    if not fits:
        raise ValueError(
            f"{prefix}.codes {codes.dtype} {codes.shape} and {prefix}.centroids {centroids.dtype} "
            f"{centroids.shape}, expected uint8 (…, G) and float16 (G, {CENTROIDS}, 1 to {MAX_GROUP})"
        )
    return Quantised(codes, centroids)


def _decompress(name: str, data: bytes) -> bytes:
    """Return the decompressed text. Raises ValueError for damaged data, or more than any model has."""
    expander = zlib.decompressobj()
    try:
        text = expander.decompress(data, MAX_TEXT_BYTES)
    except zlib.error as error:
        raise ValueError(f"{name} cannot be decompressed: {error}") from error
    if not expander.eof:
        raise ValueError(f"{name} is cut short, or has more than {MAX_TEXT_BYTES:,} bytes")
    return text
