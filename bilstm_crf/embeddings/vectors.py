"""WordVectors: words, their table, and how to make a vector for a word that is not in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bilstm_crf.util.word_forms import plain_forms

if TYPE_CHECKING:
    from bilstm_crf.embeddings.subwords import Subwords


@dataclass
class WordVectors:
    """A table of word vectors, as `read.load` gives it.

    `matrix` (V, D) is float32 and, wherever it can be, memory-mapped read-only: rows come from the disk when
    they are looked at. Shapes: V words, D dimensions.
    """

    name: str  # as it was asked for: sg600, or the file's name
    words: Sequence[str]  # (V,) in the file's order, which is falling frequency
    matrix: np.ndarray  # (V, D)
    subword: Callable[[str], np.ndarray | None] | None = None  # from character n-grams; None: cannot
    source: dict[str, Any] = field(default_factory=dict)  # for config.json: file, format, sha256, skipped …
    path: Path | None = None  # the file; not in `source`, which travels to other machines
    folder: Path | None = None  # of the converted form, where there is one
    subwords: Subwords | None = None  # where `subword` is a fit to this table, which a model can hold

    def __len__(self) -> int:
        return len(self.words)

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    @cached_property
    def index(self) -> dict[str, int]:
        """Word to row, built when it is first asked for; and the `plain_form` of words that have another."""
        index = {word: row for row, word in enumerate(self.words)}
        for form, row in plain_forms(self.words).items():
            index.setdefault(form, row)
        return index

    def with_subwords(self, count: int) -> WordVectors:
        """The same table, with vectors for all other words from `count` n-grams that are fitted to it."""
        from bilstm_crf.embeddings.subwords import fit_once  # brings scipy along

        fitted = fit_once(self.words, self.matrix, count, self.folder)
        return dataclasses.replace(self, subword=fitted.vector, subwords=fitted)

    def summary(self) -> str:
        """One line for a person: `sg600  66,009 words, 600 dimensions, word2vec binary (embeddings/…)`.

        Words that were left out are named with their reasons.
        """
        skipped = ", ".join(f"{count:,} {why}" for why, count in self.source.get("skipped", {}).items())
        return (
            f"{self.name}  {len(self):,} words, {self.dim} dimensions"
            + (f", {self.source['format']}" if "format" in self.source else "")
            + (f" ({self.path})" if self.path else "")
            + (f"; left out: {skipped}" if skipped else "")
        )
