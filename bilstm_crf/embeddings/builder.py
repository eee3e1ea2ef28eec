"""The words and tables of one vector file while it is read; the readers of all formats write to it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from bilstm_crf.embeddings.ngrams import NgramLengths
from bilstm_crf.errors import InputError

VECTORS, NGRAMS = "vectors.npy", "ngrams.npy"
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
        self._writers: dict[str, TableWriter] = {}

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
            if table not in self._writers:
                self._writers[table] = TableWriter(self._folder / table, dim)
            self._writers[table].write(block)

    def close(self) -> None:
        """Complete the files."""
        for writer in self._writers.values():
            writer.close()


class TableWriter:
    """Write an .npy file block by block; the number of rows is known at the end.

    numpy pads the header of an .npy file so that its first axis can grow in place. The header is written
    twice, and the table is never in memory.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self._stream = open(path, "w+b")  # noqa: SIM115
        self._dim = dim
        self.rows = 0
        self._write_header()
        self._start = self._stream.tell()

    def _write_header(self) -> None:
        description = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._stream, description)

    def write(self, block: np.ndarray) -> None:
        """Append rows (N, D), converted to float32."""
        self._stream.write(np.ascontiguousarray(block, "<f4").data)
        self.rows += len(block)

    def close(self) -> None:
        """Write the final number of rows and sync the file."""
        self._stream.seek(0)
        self._write_header()
        assert self._stream.tell() == self._start, "numpy's header changed its length"
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
