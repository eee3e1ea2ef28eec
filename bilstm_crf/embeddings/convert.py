"""From a vector file of any known format to its memory-mappable form; the content decides the format.

    word2vec and GloVe text, word2vec binary    streamed (word2vec.py), as they are or packed (packing.py)
    fastText .bin (Facebook)                    streamed (fasttext.py), n-grams included
    gensim's own format                         read without unpickling (gensim_native.py)

Memory: a few megabytes and the words, whatever the file's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.embeddings import fasttext, gensim_native, packing
from bilstm_crf.embeddings.packing import Unpacked
from bilstm_crf.embeddings.tables import NGRAMS, VECTORS, Ngrams, Tables
from bilstm_crf.embeddings.word2vec import Records, Shape
from bilstm_crf.embeddings.word_list import WordList
from bilstm_crf.errors import InputError
from bilstm_crf.util.files import sha256_of
from bilstm_crf.util.progress import Bar


@dataclass(frozen=True)
class Converted:
    """The content of a vector file besides its tables."""

    words: list[str]  # (V,)
    source: dict[str, Any]  # for WordVectors.source
    shape: tuple[int, int]  # (V, D)
    ngrams: Ngrams | None = None
    buckets: int = 0


def convert(path: Path, folder: Path | None) -> Converted:
    """Read `path` and write its tables into `folder`; with None, read it to see what it holds.

    Raises InputError for a file that is damaged, cut short or of no known format.
    """
    with packing.opened(path) as unpacked:
        tables = Tables(folder)
        try:
            if unpacked.shape is not None:
                kept, ngrams = _read_word2vec(path, unpacked, unpacked.shape, tables), None
            elif unpacked.format == "fastText":
                kept, ngrams = fasttext.read(unpacked.stream, path, tables)
            else:
                kept, ngrams = gensim_native.read(path, tables)
            # What is packed carries a checksum at its end; reading on to there tests it.
            while unpacked.packed and unpacked.stream.read(1 << 20):
                pass
        finally:
            tables.close()
    if not kept.words:
        raise InputError("holds no usable word", path=path)
    if ngrams is not None and folder is not None:
        fasttext.compose(kept.words, tables.opened(VECTORS, "r+"), tables.opened(NGRAMS, "r"), ngrams)
    shape = tables.shapes[VECTORS]
    source = {
        "file": path.name,
        "format": unpacked.format,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        **({} if unpacked.member is None else {"member": unpacked.member}),
        "words": shape[0],
        "dim": shape[1],
        "skipped": dict(+kept.skipped),
    }
    buckets = tables.shapes[NGRAMS][0] if ngrams is not None else 0
    return Converted(kept.words, source, shape, ngrams, buckets)


def _read_word2vec(path: Path, unpacked: Unpacked, shape: Shape, tables: Tables) -> WordList:
    records = Records(path, shape)
    with Bar(f"Reading  {path.name}", unit="words") as bar:
        for block in records.blocks(unpacked.stream, binary=unpacked.format == "word2vec binary"):
            tables.add(VECTORS, block)
            bar.at(len(records.kept.words), shape.words)
    return records.kept
