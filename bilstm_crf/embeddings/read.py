"""load(): from `sg600`, or any path, to WordVectors. First in the pipe; nothing here knows of training.

A file is converted once (convert.py, cache.py) and then memory-mapped, so that the second load of a table of
gigabytes takes as long as reading its words.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np

from bilstm_crf.embeddings import cache, convert, fasttext, names, packing
from bilstm_crf.embeddings.tables import Ngrams
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.errors import InputError


def load(
    name_or_path: str,
    *,
    embeddings_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> WordVectors | None:
    """Load the vectors of a known name or of a file; None for `none`.

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
    return _as_promised(load_file(path, name=_name(name_or_path, path)), name_or_path)


def load_file(path: Path, *, name: str | None = None) -> WordVectors:
    """Load the vectors in a file of any known format. Raises InputError for anything else."""
    packing.require_file(path)
    entry = cache.open_or_make(path, functools.partial(convert.convert, path))
    return _vectors_of(entry, path, name)


def describe(name_or_path: str, embeddings_dir: str | os.PathLike[str] | None = None) -> WordVectors | None:
    """Return the vectors as `load` does, from what is kept, or else with zeros for their values.

    For the words alone a file is read, and nothing is written. Raises what `load` raises.
    """
    if name_or_path == names.NONE:
        return None
    path = names.find(name_or_path, embeddings_dir)
    if path is None:
        from bilstm_crf.embeddings import catalogue

        raise catalogue.missing(name_or_path, embeddings_dir)
    packing.require_file(path)
    name = _name(name_or_path, path)
    if (entry := cache.find(path)) is not None:
        return _as_promised(_vectors_of(entry, path, name), name_or_path)
    found = convert.convert(path, None)
    zero, dim = np.zeros(1, np.float32), found.shape[1]
    subword = None
    if found.ngrams is not None:
        subword = _subword(np.broadcast_to(zero, (found.buckets, dim)), found.ngrams)
    matrix = np.broadcast_to(zero, found.shape)
    return _as_promised(WordVectors(name, found.words, matrix, subword, found.source, path), name_or_path)


def _vectors_of(entry: cache.Entry, path: Path, name: str | None) -> WordVectors:
    subword = None
    if entry.ngrams is not None and entry.ngram_kind is not None:
        subword = _subword(entry.ngrams, entry.ngram_kind)
    return WordVectors(
        name or path.name, entry.words, entry.matrix, subword, entry.source, path, entry.folder
    )


def _subword(ngrams: np.ndarray, kind: Ngrams) -> functools.partial[np.ndarray | None]:
    return functools.partial(fasttext.from_ngrams, ngrams=ngrams, kind=kind)


def _name(name_or_path: str, path: Path) -> str:
    return name_or_path if name_or_path in names.KNOWN else path.name


def _as_promised(vectors: WordVectors, name_or_path: str) -> WordVectors:
    """The same vectors. Raises InputError where a known name promises other dimensions."""
    known = names.KNOWN.get(name_or_path)
    if known is not None and vectors.dim != known.dim:
        raise InputError(
            f"holds vectors of {vectors.dim} dimensions; {vectors.name} was expected to have {known.dim}",
            path=vectors.path,
            hint="another file lies under this name; move it away, or give its path to --embeddings",
        )
    return vectors
