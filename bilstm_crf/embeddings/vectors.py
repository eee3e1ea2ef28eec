"""WordVectors: words, their table, and a way to compute vectors for other words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bilstm_crf.embeddings.ngrams import NgramTable
from bilstm_crf.embeddings.subwords import Subwords, fit_once
from bilstm_crf.util.word_forms import plain_forms


@dataclass(frozen=True)
class Source:
    """A description of a vector file, as stored in `config.json` and in the cache."""

    file: str  # name without folders, which differ from machine to machine
    format: str
    bytes: int
    sha256: str
    words: int
    dim: int
    skipped: dict[str, int]  # reason → number of words
    member: str | None = None  # of a zip


@dataclass
class WordVectors:
    """A table of word vectors, as `read.load` returns it: V words, D dimensions."""

    name: str  # a known name such as sg600, else the file's name
    words: Sequence[str]  # (V,) in the order of the file, most frequent first
    matrix: np.ndarray  # (V, D) float32, memory-mapped read-only where possible
    ngrams: NgramTable | Subwords | None = None  # for words that are not in the table
    source: Source | None = None
    path: Path | None = None  # of the file
    folder: Path | None = None  # of its converted form in the cache

    def __len__(self) -> int:
        return len(self.words)

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    @cached_property
    def index(self) -> dict[str, int]:
        """Map each word, and its `plain_form`, to its row."""
        index = {word: row for row, word in enumerate(self.words)}
        for form, row in plain_forms(self.words).items():
            index.setdefault(form, row)
        return index

    @property
    def subword(self) -> Callable[[str], np.ndarray | None] | None:
        """The function that computes the vector of another word from its n-grams, if there is one."""
        return None if self.ngrams is None else self.ngrams.vector

    @property
    def subwords(self) -> Subwords | None:
        """The n-grams that were fitted to this table, which a model can hold."""
        return self.ngrams if isinstance(self.ngrams, Subwords) else None

    def with_subwords(self, count: int) -> WordVectors:
        """Return the same table with vectors for all other words from `count` n-grams fitted to it."""
        return dataclasses.replace(self, ngrams=fit_once(self.words, self.matrix, count, self.folder))

    def summary(self) -> str:
        """Return one line: `sg600  66,009 words, 600 dimensions, word2vec binary (embeddings/…)`."""
        line = f"{self.name}  {len(self):,} words, {self.dim} dimensions"
        if self.source is not None:
            line += f", {self.source.format}"
        if self.path is not None:
            line += f" ({self.path})"
        if self.source is not None and self.source.skipped:
            line += "; left out: " + ", ".join(
                f"{count:,} {why}" for why, count in self.source.skipped.items()
            )
        return line
