"""Facebook's fastText .bin: gensim reads it (`load_facebook_vectors`); what it cannot do is done here.

gensim reads the words of a truncated model for ever, so the file is looked through first; and its own look-up
needs every n-gram in memory, so `from_ngrams` does the same on a memory-mapped table.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from bilstm_crf.errors import InputError

if TYPE_CHECKING:
    from gensim.models.fasttext import FastTextKeyedVectors

MAGIC = struct.pack("<i", 793712314)
# fastText 0.9, src/args.cc and src/dictionary.cc: what the numbers at the start are.
ARGUMENTS = struct.Struct(
    "<12id"
)  # dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, …
SUPERVISED = 3  # the value of `model`
DICTIONARY = struct.Struct("<3i2q")  # entries, words, labels, tokens, pruned
MATRIX = struct.Struct("<?2q")  # quantised, rows, columns


def load(path: Path, *, shown: Path) -> FastTextKeyedVectors:
    """The vectors of the model at `path`, through gensim, n-grams included; errors name the file `shown`.

    Raises InputError for a model that is cut short, damaged, quantised or a classifier.
    """
    with open(path, "rb") as stream:
        _check(stream, path.stat().st_size, shown)
    from gensim.models.fasttext import load_facebook_vectors

    try:
        return load_facebook_vectors(str(path))
    except (EOFError, ValueError, AssertionError, struct.error, IndexError) as error:
        raise InputError(f"a damaged fastText model: {error}", path=shown, hint="fetch it anew") from error


def _check(stream: BinaryIO, size: int, shown: Path) -> None:
    """Walks through the file as fastText wrote it, without its numbers."""
    stream.seek(8)  # magic, version
    arguments = _unpack(ARGUMENTS, stream, shown, "settings")
    if arguments[7] == SUPERVISED:
        raise InputError("a fastText classifier, expected word vectors (skipgram or cbow)", path=shown)
    entries, *_, pruned = _unpack(DICTIONARY, stream, shown, "settings")
    data = b""
    at = 0
    for entry in range(entries):
        end = data.find(b"\0", at)
        while end < 0 or len(data) < end + 10:  # the count (8 bytes) and the kind (1) follow the word
            more = stream.read(1 << 20)
            if not more:
                raise _cut_short(shown, f"{entry:,} of {entries:,} words are there")
            data, at = data[at:] + more, 0
            end = data.find(b"\0")
        at = end + 10
    stream.seek(at - len(data) + 8 * max(pruned, 0), 1)
    quantised, rows, columns = _unpack(MATRIX, stream, shown, "the words")
    if quantised:
        raise InputError("a quantised fastText model (.ftz), which has no table", path=shown)
    there = (size - stream.tell()) // (4 * columns) if columns > 0 else 0
    if there < rows:
        raise _cut_short(shown, f"{there:,} of {rows:,} vectors are there")


def _unpack(layout: struct.Struct, stream: BinaryIO, shown: Path, what: str) -> tuple[int, ...]:
    data = stream.read(layout.size)
    if len(data) < layout.size:
        raise _cut_short(shown, f"it ends after {what}")
    return layout.unpack(data)


def _cut_short(shown: Path, how: str) -> InputError:
    return InputError(f"a fastText model that is cut short: {how}", path=shown, hint="fetch it anew")


def from_ngrams(word: str, *, ngrams: np.ndarray, min_n: int, max_n: int) -> np.ndarray | None:
    """The mean of the vectors of a word's character n-grams, (D,) float32; None for a word without any.

    What fastText does with a word it has not seen. `ngrams` (buckets, D) is memory-mapped.
    """
    from gensim.models.fasttext import ft_ngram_hashes

    hashes = ft_ngram_hashes(word, min_n, max_n, len(ngrams))
    if not len(hashes):
        return None
    mean: np.ndarray = ngrams[np.asarray(hashes)].mean(axis=0, dtype=np.float32)
    return mean
