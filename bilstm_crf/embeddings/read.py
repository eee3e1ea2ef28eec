"""load(): from `sg600`, or any path, to WordVectors. First in the pipe; nothing here knows of training.

A file is converted once (convert.py) and then memory-mapped, so that the second load of a table of
gigabytes takes as long as reading its words.
"""

from __future__ import annotations

import functools
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from bilstm_crf.embeddings import cache, convert, fasttext, names
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import InputError
from bilstm_crf.files import sha256_of


def load(
    name_or_path: str,
    *,
    embeddings_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> WordVectors | None:
    """The vectors of a known name or of a file; None for `none`.

    Names (names.py) are looked for in `embeddings_dir`, $BILSTM_CRF_EMBEDDINGS and embeddings/, and else
    fetched from the NLPL repository where `download` allows it.

    Raises UsageError for an unknown name, and for one that is not here and may not be fetched; InputError for
    a file that is no vector file, is damaged, or has other dimensions than its name says; DownloadError where
    a name is neither here nor can be fetched.

    >>> load("none") is None
    True
    """
    if name_or_path == names.NONE:
        return None
    path = names.find(name_or_path, embeddings_dir)
    if path is None:
        from bilstm_crf.embeddings import catalogue

        if not download:
            raise catalogue.missing(name_or_path, embeddings_dir)
        path = catalogue.fetch(name_or_path, embeddings_dir)
    vectors = load_file(path, name=name_or_path if name_or_path in names.KNOWN else path.name)
    dim = names.KNOWN[name_or_path].dim if name_or_path in names.KNOWN else vectors.dim
    if vectors.dim != dim:
        raise InputError(
            f"holds vectors of {vectors.dim} dimensions; {vectors.name} was expected to have {dim}",
            path=path,
            hint="another file lies under this name; move it away, or give its path to --embeddings",
        )
    return vectors


def load_file(path: Path, *, name: str | None = None) -> WordVectors:
    """The vectors in a file of any known format. Raises InputError for anything else."""
    name = name or path.name
    try:
        with open(path, "rb") as stream:
            start = stream.read(convert.SNIFFED)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    if convert.sniff(start, str(path)) == "gensim":
        return _load_gensim(path, name)
    folder = cache.open_or_make(path, functools.partial(convert.convert, path))
    source = cache.read_source(folder)
    settings = source.pop("cache", {})
    matrix = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
    subword = None
    if (folder / "ngrams.npy").is_file():
        ngrams = np.load(folder / "ngrams.npy", mmap_mode="r", allow_pickle=False)
        subword = functools.partial(fasttext.from_ngrams, ngrams=ngrams, **settings)
    return WordVectors(name, cache.read_words(folder), matrix, subword, source, path, folder)


def _load_gensim(path: Path, name: str) -> WordVectors:
    """The vectors of a file in gensim's own format, memory-mapped where its table lies in a file of its own.

    It is a pickle: a file from someone you do not trust can run what it likes.
    """
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import FastTextKeyedVectors

    try:
        loaded: Any = KeyedVectors.load(str(path), mmap="r")
    except (OSError, EOFError, pickle.UnpicklingError, AttributeError, ImportError, ValueError) as error:
        raise InputError(
            f"not readable as gensim's own format: {error}", path=path, hint="keep its .npy files beside it"
        ) from error
    loaded = getattr(loaded, "wv", loaded)  # a whole model holds its vectors there
    if not isinstance(loaded, KeyedVectors):
        raise InputError(f"holds a {type(loaded).__name__}, expected gensim's KeyedVectors", path=path)
    source = {
        "file": path.name,
        "format": "gensim",
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "words": len(loaded.index_to_key),
        "dim": int(loaded.vector_size),
        "skipped": {},
    }
    matrix = loaded.vectors.astype(np.float32, copy=False)  # as it is, and memory-mapped, where it can be
    subword = None
    if isinstance(loaded, FastTextKeyedVectors) and loaded.bucket:
        subword = functools.partial(
            fasttext.from_ngrams, ngrams=loaded.vectors_ngrams, min_n=loaded.min_n, max_n=loaded.max_n
        )
    return WordVectors(name, list(loaded.index_to_key), matrix, subword, source, path)
