"""Load word vectors: from `sg600`, or any path, to WordVectors.

A file of any known format is converted once (`convert`) and its memory-mapped form kept (cache.py), so that
loading a table of gigabytes again takes as long as reading its words. Conversion takes a few megabytes of
memory and the words, whatever the size of the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bilstm_crf.embeddings import cache, fasttext, gensim_format, names, packing, word2vec
from bilstm_crf.embeddings.builder import NGRAMS, VECTORS, Builder
from bilstm_crf.embeddings.ngrams import NgramLengths, NgramTable
from bilstm_crf.embeddings.vectors import Source, WordVectors
from bilstm_crf.errors import InputError
from bilstm_crf.util.files import sha256_of


def load(
    name_or_path: str,
    *,
    embeddings_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> WordVectors | None:
    """Load the vectors of a known name or of a file; None for `none`.

    Known names (names.py) are searched in `embeddings_dir`, $BILSTM_CRF_EMBEDDINGS and embeddings/, then
    downloaded from the NLPL repository if `download` allows it.

    Raises UsageError for an unknown name, and for one that is not here and must not be downloaded; InputError
    for a file that is no vector file, is damaged, or has other dimensions than its name promises;
    DownloadError if the download fails.

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
    return _require_dim(load_file(path, name=name_or_path if name_or_path in names.KNOWN else None))


def load_file(path: Path, *, name: str | None = None) -> WordVectors:
    """Load the vectors in a file of any known format. Raises InputError for anything else."""
    packing.require_file(path)
    return _to_vectors(cache.open_or_make(path, lambda folder: convert(path, folder)), path, name)


def describe(name_or_path: str, embeddings_dir: str | os.PathLike[str] | None = None) -> WordVectors | None:
    """Return what `load` returns if the file was converted before, else the same with zeros as values.

    Writes and downloads nothing. Raises what `load` raises.
    """
    if name_or_path == names.NONE:
        return None
    path = names.find(name_or_path, embeddings_dir)
    if path is None:
        from bilstm_crf.embeddings import catalogue

        raise catalogue.missing(name_or_path, embeddings_dir)
    packing.require_file(path)
    entry = cache.find(path)
    if entry is None:
        found = convert(path, None)
        shape = (found.source.words, found.source.dim)
        zeros = np.broadcast_to(np.zeros(1, np.float32), shape)
        buckets = np.broadcast_to(np.zeros(1, np.float32), (found.buckets, shape[1]))
        ngrams = None if found.ngrams is None else NgramTable(buckets, found.ngrams)
        entry = cache.Entry(None, found.words, zeros, found.source, ngrams)
    return _require_dim(_to_vectors(entry, path, name_or_path if name_or_path in names.KNOWN else None))


def _to_vectors(entry: cache.Entry, path: Path, name: str | None) -> WordVectors:
    subword = None if entry.ngrams is None else entry.ngrams.vector
    return WordVectors(
        name or path.name, entry.words, entry.matrix, subword, entry.source, path, entry.folder
    )


def _require_dim(vectors: WordVectors) -> WordVectors:
    """Return the same vectors. Raises InputError if a known name promises other dimensions."""
    known = names.KNOWN.get(vectors.name)
    if known is not None and vectors.dim != known.dim:
        raise InputError(
            f"holds vectors of {vectors.dim} dimensions; {vectors.name} was expected to have {known.dim}",
            path=vectors.path,
            hint="another file has this name; move it away, or give its path to --embeddings",
        )
    return vectors


@dataclass(frozen=True)
class Converted:
    """The content of a vector file besides its tables."""

    words: list[str]  # (V,)
    source: Source
    ngrams: NgramLengths | None
    buckets: int


def convert(path: Path, folder: Path | None) -> Converted:
    """Read `path` and write its tables into `folder`; with None, only find out what the file holds.

    Raises InputError for a file that is damaged, cut short or of no known format.
    """
    builder = Builder(path, folder)
    with packing.opened(path) as unpacked:
        try:
            if unpacked.shape is not None:
                binary = unpacked.format == "word2vec binary"
                word2vec.read(unpacked.stream, unpacked.shape, builder, binary=binary)
            elif unpacked.format == "fastText":
                fasttext.read(unpacked.stream, builder)
            else:
                gensim_format.read(path, builder)
            while unpacked.packed and unpacked.stream.read(1 << 20):
                pass  # to the checksum at the end
        finally:
            builder.close()
    if not builder.words:
        raise InputError("holds no usable word", path=path)
    if builder.ngrams is not None and folder is not None:
        rows = np.load(folder / NGRAMS, mmap_mode="r", allow_pickle=False)
        table = np.load(folder / VECTORS, mmap_mode="r+", allow_pickle=False)
        NgramTable(rows, builder.ngrams).compose(builder.words, table)
    words, dim = builder.shapes[VECTORS]
    source = Source(
        file=path.name,
        format=unpacked.format,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        words=words,
        dim=dim,
        skipped=dict(+builder.skipped),
        member=unpacked.member,
    )
    buckets = builder.shapes[NGRAMS][0] if builder.ngrams is not None else 0
    return Converted(builder.words, source, builder.ngrams, buckets)
