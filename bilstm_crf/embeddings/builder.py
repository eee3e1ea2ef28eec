"""The words and tables of one vector file while it is read; the readers of all formats write to it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.ngrams import NgramLengths
from bilstm_crf.errors import InputError

VECTORS, NGRAMS = "vectors.f4", "ngrams.f4"  # float32, little-endian, in C order
MAX_USELESS = 10_000  # unusable words (or lines) after which reading a damaged file is pointless


def damaged(path: object, what: str) -> InputError:
    """Return the error for a file that is damaged or cut short."""
    return InputError(what, path=path, hint="remove the file and fetch it again")


class Builder:
    """Words are added one by one, rows block by block; with `folder=None` the tables are only measured."""

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self.path = path
        self.words: list[str] = []  # kept so far, without duplicates
        self.skipped: Counter[str] = Counter()  # words left out, by reason
        self.read = 0
        self.ngrams: NgramLengths | None = None  # set by the reader of a model with character n-grams
        self.shapes: dict[str, tuple[int, int]] = {}
        self._folder = folder
        self._seen: set[str] = set()
        self._streams: dict[str, BinaryIO] = {}

    def add_word(self, raw: bytes | str) -> bool:
        """Count the next word of the file and return whether it is kept.

        Raises InputError if most of very many words are unusable: then the file is damaged.
        """
        self.read += 1
        try:
            word = raw if isinstance(raw, str) else raw.decode("utf-8")
        except UnicodeDecodeError:
            return self._skip("not UTF-8")
        if "\n" in word or not word:
            return self._skip("empty or with a line break")
        if word in self._seen:
            return self._skip("seen before")
        self._seen.add(word)
        self.words.append(word)
        return True

    def _skip(self, why: str) -> bool:
        self.skipped[why] += 1
        if self.skipped[why] > max(MAX_USELESS, self.read / 2):
            count = self.skipped[why]
            raise damaged(self.path, f"damaged: {count:,} of the first {self.read:,} words are {why}")
        return False

    def add_rows(self, block: np.ndarray, table: str = VECTORS) -> None:
        """Append rows (N, D) to a table."""
        rows, dim = self.shapes.get(table, (0, block.shape[1]))
        self.shapes[table] = (rows + len(block), dim)
        if self._folder is not None:
            if table not in self._streams:
                self._streams[table] = open(self._folder / table, "wb")  # noqa: SIM115 (see `close`)
            self._streams[table].write(np.ascontiguousarray(block, "<f4").data)

    def close(self) -> None:
        """Complete the files."""
        for stream in self._streams.values():
            stream.flush()
            os.fsync(stream.fileno())
            stream.close()

    def open_table(self, table: str, mode: Literal["r", "r+"] = "r") -> NDArray[np.float32]:
        """Map a complete table into memory; without a folder, all its values are 0."""
        if self._folder is None:
            return np.broadcast_to(np.zeros(1, np.float32), self.shapes[table])
        return np.memmap(self._folder / table, "<f4", mode, shape=self.shapes[table])
