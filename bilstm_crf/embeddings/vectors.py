"""WordVectors: words, their table, and a way to compute vectors for other words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.subwords import Subwords, fit_once
from bilstm_crf.errors import InputError
from bilstm_crf.util.word_forms import compatible_form, plain_forms

SAMPLE = 1_000  # words that `require_same_space` compares
# The cosine of a word's vector in a model, which may be fine-tuned, and in the table that it was trained with
# is near 1; in two unrelated tables, near 0.
MIN_COSINE = 0.5


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


class NgramVectors(Protocol):
    """A way to compute vectors from character n-grams: NgramTable or Subwords."""

    def vector(self, word: str) -> np.ndarray | None: ...


@dataclass
class WordVectors:
    """A table of word vectors, as `read.load` returns it: V words, D dimensions."""

    name: str  # a known name such as sg600, else the file's name
    words: Sequence[str]  # (V,) in the order of the file, most frequent first
    matrix: np.ndarray  # (V, D) float32, memory-mapped read-only where possible
    ngrams: NgramVectors | None = None  # for words that are not in the table
    source: Source | None = None
    path: Path | None = None  # of the file
    folder: Path | None = None  # of its converted form in the cache

    @classmethod
    def of_subwords(cls, subwords: Subwords) -> WordVectors:
        """Return a table without words, which makes each vector from n-grams."""
        return cls("n-grams", [], np.empty((0, len(subwords.mean)), np.float32), subwords)

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

    def get(self, word: str) -> np.ndarray | None:
        """Return the vector of exactly this word."""
        row = self.index.get(word)
        return None if row is None else self.matrix[row]

    def find(self, word: str) -> np.ndarray | None:
        """Return the vector of the word's exact form, else of its lower-cased form, else from its n-grams."""
        for form in dict.fromkeys((word, compatible_form(word))):
            for variant in (form, form.lower()):
                if (vector := self.get(variant)) is not None:
                    return vector
        return self.from_ngrams(word)

    def from_ngrams(self, word: str) -> np.ndarray | None:
        """Return a vector from the word's n-grams; None if none of them is known."""
        return None if self.ngrams is None else self.ngrams.vector(word)

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

    def require_same_space(self, words: Mapping[str, int], table: NDArray[np.floating[Any]]) -> None:
        """Raise InputError if these are not the vectors that a model was trained with.

        Compares words that both have, so that another format, or more words, make no difference. `words` maps
        the model's words to the rows of its `table`.
        """
        if self.dim != table.shape[1]:
            trained = f"with vectors of {table.shape[1]}" if table.shape[1] else "without vectors"
            message = f"holds vectors of {self.dim} dimensions, the model was trained {trained}"
            raise InputError(message, path=self.path)
        shared = [word for word in words if word in self.index]
        shared = shared[:: max(1, len(shared) // SAMPLE)]
        if not shared:
            return
        ours = self.matrix[[self.index[word] for word in shared]]
        theirs = table[[words[word] for word in shared]].astype(np.float32)
        lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
        cosine = float(np.median((ours * theirs).sum(1) / np.maximum(lengths, np.finfo(np.float32).tiny)))
        if cosine < MIN_COSINE:
            raise InputError(
                f"other vectors than the model's: median cosine {cosine:.2f} of {len(shared):,} shared words",
                path=self.path,
                hint="expected near 1: attach the vectors that the model was trained with, or none",
            )
