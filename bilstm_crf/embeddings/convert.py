"""From a vector file of any known format to its memory-mappable form; the content decides the format.

    word2vec text, word2vec binary      streamed (word2vec.py), as they are or packed in .gz or .zip
    fastText .bin (Facebook)            gensim.models.fasttext.load_facebook_vectors, n-grams included
    gensim's own format                 gensim's KeyedVectors.load, memory-mapped as it lies (see read.py)

Memory: word2vec files take a few megabytes and their words, whatever their size. gensim reads a fastText
model whole, once.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from bilstm_crf.embeddings import cache, fasttext
from bilstm_crf.embeddings.word2vec import Records, header
from bilstm_crf.errors import InputError
from bilstm_crf.files import sha256_of
from bilstm_crf.progress import Bar

SNIFFED = 1 << 16  # bytes
PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # protocols 2 to 5


def sniff(start: bytes, path: str) -> str:
    """`word2vec binary`, `word2vec text`, `fastText`, `gensim`, `gzip` or `zip`, from a file's first bytes.

    Raises InputError for anything else.
    """
    if start.startswith(fasttext.MAGIC):
        return "fastText"
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    if start.startswith(PICKLES):
        return "gensim"
    if not start:
        raise InputError("is empty, expected word vectors", path=path)
    first, _, rest = start.partition(b"\n")
    header(io.BytesIO(first), path)
    # Text has no control characters; the bytes of floats are full of them, above all of NUL.
    control = set(range(32)) - set(b"\t\n\r")
    return "word2vec binary" if control.intersection(rest) else "word2vec text"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[str, BinaryIO, str | None]]:
    """The format of the vectors in `path`, a stream of them without its packing, and the zip's member."""
    with open(path, "rb") as stream:
        format_name = sniff(stream.read(SNIFFED), str(path))
    try:
        if format_name == "zip":
            with zipfile.ZipFile(path) as archive:
                member = _member(archive, path)
                with archive.open(member) as packed:
                    format_name = sniff(packed.read(SNIFFED), f"{path}:{member}")
                with archive.open(member) as packed:
                    yield format_name, cast(BinaryIO, packed), member
        elif format_name == "gzip":
            with gzip.open(path) as unpacked:
                format_name = sniff(unpacked.read(SNIFFED), str(path))
            with gzip.open(path) as unpacked:
                yield format_name, cast(BinaryIO, unpacked), None
        else:
            with open(path, "rb") as stream:
                yield format_name, stream, None
    except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"damaged or cut short: {error}", path=path, hint="fetch it anew") from error


def _member(archive: zipfile.ZipFile, path: Path) -> str:
    """The member with the vectors: model.bin, model.txt, or else the only one that is not for people."""
    names = archive.namelist()
    for name in ("model.bin", "model.txt"):
        if name in names:
            return name
    others = [name for name in names if not name.endswith(("/", ".json", "README", ".md", "LICENSE"))]
    if len(others) != 1:
        raise InputError(f"holds {', '.join(names) or 'nothing'}; expected model.bin or model.txt", path=path)
    return others[0]


def convert(path: Path, folder: Path) -> None:
    """Writes the memory-mappable form of `path` (see cache.py) into `folder`.

    Raises InputError for a file that is damaged, cut short or of no known format.
    """
    with opened(path) as (format_name, stream, member):
        source: dict[str, Any] = {
            "file": path.name,
            "format": format_name,
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        if member is not None:
            source["member"] = member
        if format_name.startswith("word2vec"):
            words, source = _convert_word2vec(path, stream, folder, source)
        elif format_name == "fastText":
            words, source = _convert_fasttext(path, stream, folder, source)
        else:
            raise InputError(f"holds a packed {format_name} file: unpack it first", path=path)
        # What is packed carries a checksum at its end; reading on to there tests it.
        while stream.read(1 << 20):
            pass
    if not words:
        raise InputError("holds no usable word", path=path)
    cache.write_words(folder, words, source)


def _convert_word2vec(
    path: Path, stream: BinaryIO, folder: Path, source: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    records = Records(str(path))
    writer: cache.TableWriter | None = None
    with Bar(f"Reading  {path.name}", unit="words") as bar:
        for block in records.blocks(stream, binary=source["format"] == "word2vec binary"):
            writer = writer or cache.TableWriter(folder / "vectors.npy", records.dim)
            writer.write(block)
            bar.at(len(records.words), records.promised)
    assert writer is not None  # a file without a block has raised
    writer.close()
    shape = {"words": len(records.words), "dim": records.dim, "skipped": dict(+records.skipped)}
    return records.words, {**source, **shape}


def _convert_fasttext(
    path: Path, stream: BinaryIO, folder: Path, source: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    model = folder / "model.bin"  # gensim wants a file, and takes .gz from its name alone
    if isinstance(stream, io.BufferedReader):
        model.symlink_to(path.resolve())
    else:
        with open(model, "wb") as unpacked:
            shutil.copyfileobj(stream, unpacked)
    vectors = fasttext.load(model, shown=path)
    model.unlink()
    _save(folder / "vectors.npy", vectors.vectors, path)
    if vectors.bucket:
        _save(folder / "ngrams.npy", vectors.vectors_ngrams, path)
    words = list(vectors.index_to_key)
    shape = {"words": len(words), "dim": vectors.vector_size, "skipped": {}}
    return words, {**source, **shape, "cache": {"min_n": vectors.min_n, "max_n": vectors.max_n}}


def _save(target: Path, table: np.ndarray, path: Path) -> None:
    writer = cache.TableWriter(target, table.shape[1])
    for start in range(0, len(table), 4096):
        block = table[start : start + 4096]
        if not np.isfinite(block).all():
            raise InputError("holds values that are no numbers", path=path)
        writer.write(block)
    writer.close()
