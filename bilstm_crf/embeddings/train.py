"""Makes word vectors from tokenised text (one sentence a line) with gensim's FastText."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bilstm_crf.embeddings import packing
from bilstm_crf.errors import InputError, warn
from bilstm_crf.util.files import open_input, write_whole
from bilstm_crf.util.progress import Bar

if TYPE_CHECKING:
    from gensim.models import FastText, KeyedVectors


@dataclass(frozen=True)
class Settings:
    """What decides the vectors. With one worker, equal settings and text give equal bytes."""

    algorithm: str = "skipgram"  # or cbow
    dim: int = 100
    epochs: int = 5
    window: int = 5  # words on either side
    min_count: int = 5  # rarer words get no vector
    negative: int = 5  # negative samples
    min_n: int = 3  # characters of the shortest n-gram, and …
    max_n: int = 6  # … of the longest; 0: whole words alone
    buckets: int = (
        200_000  # rows of the n-gram table (fastText's own default, 2 million, wants 2 GB at dim 300)
    )
    workers: int = 1  # threads; more than one is faster and not reproducible
    seed: int = 42


MAX_SENTENCE = 10_000  # tokens; gensim reads no further in a longer one (MAX_WORDS_IN_BATCH)
MAX_TOKEN = 1 << 20  # bytes; more than that without a blank is no tokenised text


class Sentences:
    """The sentences of a text file, read anew for each pass: lists of tokens that blanks or tabs separate.

    A line of more than MAX_SENTENCE tokens comes as several, so that all of it is learned from; its memory is
    bounded as well. After a pass, `cut` is the number of such lines and `first_cut` the first one's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = 0
        self.first_cut = 0

    def __iter__(self) -> Iterator[list[str]]:
        self.cut = 0
        with open_input(self.path) as stream:
            number = 1
            while piece := stream.readline(MAX_TOKEN):
                # Most lines are one piece; of a longer one, a token that is cut goes to the next piece.
                pending: list[str] = []
                long = False
                while True:
                    whole = piece.endswith(b"\n") or len(piece) < MAX_TOKEN
                    end = len(piece) if whole else max(piece.rfind(b" "), piece.rfind(b"\t")) + 1
                    if not end:
                        raise InputError(
                            f"a token of more than {MAX_TOKEN:,} bytes, expected tokenised text",
                            path=self.path,
                            line=number,
                        )
                    pending += self._tokens(piece[:end], number)
                    while len(pending) > MAX_SENTENCE:
                        yield pending[:MAX_SENTENCE]
                        del pending[:MAX_SENTENCE]
                        long = True
                    if whole:
                        break
                    rest = piece[end:]
                    piece = rest + stream.readline(MAX_TOKEN - len(rest))
                if pending:
                    yield pending
                if long:
                    self.first_cut = self.first_cut or number
                    self.cut += 1
                number += 1

    def _tokens(self, data: bytes, number: int) -> list[str]:
        try:
            # Only blanks and tabs separate: a no-break space belongs to its token.
            text = data.decode("utf-8-sig" if number == 1 else "utf-8").strip(" \t\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"not UTF-8: {error}", path=self.path, line=number) from error
        return [token for token in text.replace("\t", " ").split(" ") if token]


@dataclass(frozen=True)
class Trained:
    """A model, and what it was made from."""

    model: FastText
    tokens: int  # of the text
    learned: int  # of them, those of words that occur often enough to have a vector


def train(path: Path, settings: Settings) -> Trained:
    """Train a gensim FastText model on the text at `path`.

    Warns of lines that are cut. Raises InputError for a text that is not UTF-8 or no regular file, or in
    which no word occurs `min_count` times.
    """
    packing.require_file(path)
    from gensim.models import FastText

    model = FastText(
        vector_size=settings.dim,
        sg=int(settings.algorithm == "skipgram"),
        window=settings.window,
        min_count=settings.min_count,
        negative=settings.negative,
        min_n=settings.min_n,
        max_n=settings.max_n,
        bucket=settings.buckets if settings.max_n else 0,
        workers=settings.workers,
        seed=settings.seed,
        hashfxn=_hash,
    )
    sentences = Sentences(path)
    model.build_vocab(corpus_iterable=sentences)
    if sentences.cut:
        others = f"; so are {sentences.cut - 1:,} more lines" if sentences.cut > 1 else ""
        warn(
            f"is longer than {MAX_SENTENCE:,} tokens and is learned from in pieces of so many{others}",
            path=path,
            line=sentences.first_cut,
        )
    if not len(model.wv):
        raise InputError(
            f"no word occurs {settings.min_count} times in {model.corpus_total_words:,} tokens",
            path=path,
            hint="a lower --min-count, or more text (one tokenised sentence a line)",
        )
    total = model.corpus_total_words * settings.epochs
    with Bar(f"Training  {path.name}", unit="tokens") as bar:
        model.train(
            corpus_iterable=_Counted(sentences, bar, total),
            total_examples=model.corpus_count,
            total_words=model.corpus_total_words,
            epochs=settings.epochs,
        )
    learned = sum(int(model.wv.get_vecattr(word, "count")) for word in model.wv.index_to_key)
    return Trained(model, model.corpus_total_words, learned)


def _hash(text: str) -> int:
    """Gensim seeds with Python's own hash, which differs from one process to the next."""
    return zlib.crc32(text.encode("utf-8"))


class _Counted:
    """Sentences that move the bar as they are read; gensim reads them once an epoch."""

    def __init__(self, sentences: Sentences, bar: Bar, total: int) -> None:
        self._sentences, self._bar, self._total = sentences, bar, total
        self._done = 0

    def __iter__(self) -> Iterator[list[str]]:
        for tokens in self._sentences:
            self._done += len(tokens)
            self._bar.at(self._done, self._total)
            yield tokens


def write_word2vec(path: Path, vectors: KeyedVectors) -> None:
    """word2vec binary, float32, in falling frequency; whole or not at all."""
    matrix: Any = vectors.vectors
    with write_whole(path) as stream:
        stream.write(f"{len(vectors.index_to_key)} {vectors.vector_size}\n".encode())
        for word, row in zip(vectors.index_to_key, matrix, strict=True):
            stream.write(word.encode("utf-8") + b" " + np.asarray(row, "<f4").tobytes() + b"\n")


def write_native(path: Path, vectors: KeyedVectors) -> None:
    """Gensim's own format with the n-grams; its large tables lie beside it as `PATH.*.npy`.

    Each file is whole or not there, and the one that names the others comes last.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        vectors.save(str(Path(folder) / path.name))
        for written in sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name):
            os.replace(written, path.parent / written.name)
