"""Train word vectors on tokenised text (one sentence per line) with gensim's FastText."""

from __future__ import annotations

import os
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from bilstm_crf.embeddings.packing import require_file
from bilstm_crf.errors import InputError, warn
from bilstm_crf.util.extras import optional_import
from bilstm_crf.util.files import open_input, write_whole
from bilstm_crf.util.progress import TokenProgress, Waiting
from bilstm_crf.util.system import cores

if TYPE_CHECKING:
    from gensim.models import FastText, KeyedVectors

MAX_SENTENCE = 10_000  # tokens; gensim ignores the rest of a longer one (MAX_WORDS_IN_BATCH)
MAX_TOKEN = 1 << 20  # bytes; more without a blank is not tokenised text


@dataclass(frozen=True)
class Settings:
    """The settings of training vectors. With one worker, equal settings and text give equal bytes."""

    algorithm: str = "skipgram"  # or cbow
    dim: int = 100
    epochs: int = 5
    window: int = 5  # words on each side
    min_count: int = 5  # rarer words get no vector
    negative: int = 5  # negative samples
    min_n: int = 3  # characters of the shortest n-gram
    max_n: int = 6  # characters of the longest n-gram; 0: whole words only
    buckets: int = 200_000  # rows of the n-gram table (fastText's default, 2 million, needs 2 GB at dim 300)
    learning_rate: float = 0.05  # of the first token; falls linearly to 0.0001
    sample: float = 1e-4  # words more frequent than this share of the text are sampled down; 0: none is
    workers: int = field(default_factory=cores)  # threads; more than one is faster and not reproducible
    seed: int = 42


class Sentences:
    """The sentences of a text file, read again for each pass: lists of tokens separated by blanks or tabs.

    A line of more than MAX_SENTENCE tokens is split, so that all of it is used; memory is bounded as well.
    After a pass, `cut` is the number of such lines and `first_cut` the number of the first one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut = 0
        self.first_cut = 0

    def __iter__(self) -> Iterator[list[str]]:
        self.cut = 0
        with open_input(self.path) as stream:
            number = 1
            while first := stream.readline(MAX_TOKEN):
                parts = 0
                for tokens in self._split_line(first, stream, number):
                    parts += 1
                    yield tokens
                if parts > 1:
                    self.first_cut = self.first_cut or number
                    self.cut += 1
                number += 1

    def _split_line(self, piece: bytes, stream: BinaryIO, number: int) -> Iterator[list[str]]:
        """Yield the tokens of the line that begins with `piece`, at most MAX_SENTENCE at a time."""
        pending: list[str] = []
        whole = False
        while not whole:
            whole = piece.endswith(b"\n") or len(piece) < MAX_TOKEN
            # A token that the limit cuts goes to the next piece.
            end = len(piece) if whole else max(piece.rfind(b" "), piece.rfind(b"\t")) + 1
            if not end:
                message = f"a token of more than {MAX_TOKEN:,} bytes, expected tokenised text"
                raise InputError(message, path=self.path, line=number)
            pending += self._tokens(piece[:end], number)
            while len(pending) > MAX_SENTENCE:
                yield pending[:MAX_SENTENCE]
                del pending[:MAX_SENTENCE]
            rest = piece[end:]
            piece = rest if whole else rest + stream.readline(MAX_TOKEN - len(rest))
        if pending:
            yield pending

    def _tokens(self, data: bytes, number: int) -> list[str]:
        try:
            # Only blanks and tabs separate: a no-break space belongs to its token.
            text = data.decode("utf-8-sig" if number == 1 else "utf-8").strip(" \t\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"not UTF-8: {error}", path=self.path, line=number) from error
        return [token for token in text.replace("\t", " ").split(" ") if token]


class Passes:
    """Sentences for the passes of training, which count their tokens as they are read.

    gensim reads them in a thread of its own, and would wait for ever for one that raises. So an error ends
    this pass and those that follow, and is kept in `error`.
    """

    def __init__(self, sentences: Sentences, count: Callable[[int], None]) -> None:
        self._sentences, self._count = sentences, count
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[list[str]]:
        if self.error is not None:
            return
        try:
            for tokens in self._sentences:
                self._count(len(tokens))
                yield tokens
        except Exception as error:  # the caller of gensim raises it
            self.error = error


@dataclass(frozen=True)
class Trained:
    """A model, the size of its text and the time that it took."""

    model: FastText
    tokens: int  # of the text
    learned: int  # tokens of words that are frequent enough to have a vector
    seconds: float  # of all passes, without counting the words


def train(path: Path, settings: Settings) -> Trained:
    """Train a gensim FastText model on the text at `path`.

    Each worker trains on 10,000 tokens at a time without Python's lock, so that two workers use two cores.
    Warns about lines that are split. Raises InputError for a text that is not UTF-8 or no regular file, or in
    which no word occurs `min_count` times, and MissingPackageError without gensim.
    """
    require_file(path)
    with optional_import(), Waiting("Loading gensim"):
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
        alpha=settings.learning_rate,
        sample=settings.sample,
        workers=settings.workers,
        seed=settings.seed,
        hashfxn=_hash,
    )
    sentences = Sentences(path)
    with Waiting(f"Counting the words of {path.name}"):
        model.build_vocab(corpus_iterable=sentences)
    if sentences.cut:
        others = f"; so are {sentences.cut - 1:,} more lines" if sentences.cut > 1 else ""
        message = f"is longer than {MAX_SENTENCE:,} tokens and is split into sentences of this length{others}"
        warn(message, path=path, line=sentences.first_cut)
    tokens = model.corpus_total_words
    if not len(model.wv):
        raise InputError(
            f"no word occurs {settings.min_count} times in {tokens:,} tokens",
            path=path,
            hint="a lower --min-count, or more text (one tokenised sentence per line)",
        )
    started = time.perf_counter()
    with TokenProgress(f"Training  {path.name}", tokens * settings.epochs) as progress:
        passes = Passes(sentences, progress.count)
        model.train(
            corpus_iterable=passes,
            total_examples=model.corpus_count,
            total_words=tokens,
            epochs=settings.epochs,
        )
    if passes.error is not None:
        raise passes.error
    seconds = time.perf_counter() - started
    learned = sum(int(model.wv.get_vecattr(word, "count")) for word in model.wv.index_to_key)
    return Trained(model, tokens, learned, seconds)


def _hash(text: str) -> int:
    """Replace Python's own hash, which differs from process to process, as gensim's seed."""
    return zlib.crc32(text.encode("utf-8"))


def write_word2vec(path: Path, vectors: KeyedVectors) -> None:
    """Write word2vec binary, float32, in falling frequency, atomically."""
    matrix: Any = vectors.vectors
    with write_whole(path) as stream:
        stream.write(f"{len(vectors.index_to_key)} {vectors.vector_size}\n".encode())
        for word, row in zip(vectors.index_to_key, matrix, strict=True):
            stream.write(word.encode("utf-8") + b" " + np.asarray(row, "<f4").tobytes() + b"\n")


def write_native(path: Path, vectors: KeyedVectors) -> None:
    """Write gensim's own format with the n-grams; its large tables lie beside it as `PATH.*.npy`.

    Each file is written atomically, the one that names the others last.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        vectors.save(str(Path(folder) / path.name))
        for written in sorted(Path(folder).iterdir(), key=lambda file: file.name == path.name):
            os.replace(written, path.parent / written.name)
