"""WordVectors: words, their table, and a way to compute vectors for other words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bilstm_crf.util.word_forms import plain_forms

if TYPE_CHECKING:
    from bilstm_crf.embeddings.subwords import Subwords


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
    """A table of word vectors, as `read.load` returns it.

    `matrix` (V, D) is float32 and memory-mapped read-only where possible. Shapes: V words, D dimensions.
    """

    name: str  # a known name such as sg600, else the file's name
    words: Sequence[str]  # (V,) in the order of the file, most frequent first
    matrix: np.ndarray  # (V, D)
    subword: Callable[[str], np.ndarray | None] | None = None  # vector of another word from its n-grams
    source: Source | None = None
    path: Path | None = None
    folder: Path | None = None  # of the converted form in the cache
    subwords: Subwords | None = None  # what `subword` belongs to, if it was fitted to this table

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

    def with_subwords(self, count: int) -> WordVectors:
        """Return the same table with vectors for all other words from `count` n-grams fitted to it."""
        from bilstm_crf.embeddings.subwords import fit_once  # imports scipy

        fitted = fit_once(self.words, self.matrix, count, self.folder)
        return dataclasses.replace(self, subword=fitted.vector, subwords=fitted)

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
