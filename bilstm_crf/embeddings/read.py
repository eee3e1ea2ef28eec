"""Load word vectors: from `sg600`, or any path, to WordVectors.

A file of any known format is converted once (`convert`) and its memory-mapped form kept (cache.py), so that
loading a table of gigabytes again takes as long as reading its words. Conversion takes a few megabytes of
memory and the words, whatever the size of the file.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from bilstm_crf.embeddings import cache, fasttext, gensim_format, names, packing, word2vec
from bilstm_crf.embeddings.builder import NGRAMS, VECTORS, Builder
from bilstm_crf.embeddings.ngrams import NgramTable
from bilstm_crf.embeddings.vectors import Source, WordVectors
from bilstm_crf.errors import InputError
from bilstm_crf.util.files import sha256_of
from bilstm_crf.util.progress import Waiting


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
    return _require_dim(load_file(_locate(name_or_path, embeddings_dir, download)), name_or_path)


def describe(name_or_path: str, embeddings_dir: str | os.PathLike[str] | None = None) -> WordVectors | None:
    """Return what `load` returns if the file was converted before, else the same with zeros as values.

    Writes and downloads nothing. Raises what `load` raises.
    """
    if name_or_path == names.NONE:
        return None
    path = _locate(name_or_path, embeddings_dir, download=False)
    packing.require_file(path)
    return _require_dim(cache.find(path) or convert(path, None), name_or_path)


def _locate(name_or_path: str, embeddings_dir: str | os.PathLike[str] | None, download: bool) -> Path:
    path = names.find(name_or_path, embeddings_dir)
    if path is not None:
        return path
    from bilstm_crf.embeddings import catalogue

    if not download:
        raise catalogue.missing(name_or_path, embeddings_dir)
    return catalogue.fetch(name_or_path, embeddings_dir)


def load_file(path: Path) -> WordVectors:
    """Load the vectors in a file of any known format. Raises InputError for anything else."""
    packing.require_file(path)
    return cache.open_or_make(path, lambda folder: convert(path, folder))


def _require_dim(vectors: WordVectors, name: str) -> WordVectors:
    """Name the vectors. Raises InputError if a known name promises other dimensions."""
    known = names.KNOWN.get(name)
    if known is None:
        return vectors
    if vectors.dim != known.dim:
        raise InputError(
            f"holds vectors of {vectors.dim} dimensions; {name} was expected to have {known.dim}",
            path=vectors.path,
            hint="another file has this name; move it away, or give its path to --embeddings",
        )
    return dataclasses.replace(vectors, name=name)


def convert(path: Path, folder: Path | None) -> WordVectors:
    """Read `path` and write its tables into `folder`; with None, the result has zeros as values.

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
    matrix, ngrams = builder.open_table(VECTORS, "r+"), None
    if builder.ngrams is not None:
        ngrams = NgramTable(builder.open_table(NGRAMS), builder.ngrams)
        if folder is not None:
            ngrams.compose(builder.words, matrix)
    with Waiting(f"Verifying  {path.name}"):
        sha256 = sha256_of(path)
    source = Source(
        file=path.name,
        format=unpacked.format,
        bytes=path.stat().st_size,
        sha256=sha256,
        words=len(matrix),
        dim=matrix.shape[1],
        skipped=dict(+builder.skipped),
        member=unpacked.member,
    )
    return WordVectors(path.name, builder.words, matrix, ngrams, source, path, folder)
