"""The tables that a conversion makes: `.npy` files written block by block, or nothing but their shapes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

VECTORS, NGRAMS = "vectors.npy", "ngrams.npy"


@dataclass(frozen=True)
class Ngrams:
    """The character n-grams that fastText hashes into a table: their shortest and longest length."""

    min_n: int
    max_n: int


class Tables:
    """Tables by name, `add`ed block by block, in `folder`; where that is None they are only counted."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.shapes: dict[str, tuple[int, int]] = {}
        self._writers: dict[str, TableWriter] = {}

    def add(self, name: str, block: np.ndarray) -> None:
        """Append rows (N, D)."""
        rows, dim = self.shapes.get(name, (0, block.shape[1]))
        self.shapes[name] = (rows + len(block), dim)
        if self.folder is not None:
            if name not in self._writers:
                self._writers[name] = TableWriter(self.folder / name, dim)
            self._writers[name].write(block)

    def close(self) -> None:
        """Complete the files."""
        for writer in self._writers.values():
            writer.close()

    def opened(self, name: str, mode: Literal["r", "r+"]) -> np.ndarray:
        """Map a complete table into memory."""
        assert self.folder is not None
        table: np.ndarray = np.load(self.folder / name, mmap_mode=mode, allow_pickle=False)
        return table


class TableWriter:
    """Write an .npy file block by block, when the number of rows is only known at the end.

    numpy pads the header of an .npy file so that its first axis may grow in place; the header is written
    twice, and the table never has to be in memory.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self._stream = open(path, "w+b")  # noqa: SIM115
        self._dim = dim
        self.rows = 0
        self._header()
        self._start = self._stream.tell()

    def _header(self) -> None:
        description = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._stream, description)

    def write(self, block: np.ndarray) -> None:
        """Append rows (N, D), converted to float32."""
        self._stream.write(np.ascontiguousarray(block, "<f4").data)
        self.rows += len(block)

    def close(self) -> None:
        """Put the true number of rows into the header, and the bytes on the disk."""
        self._stream.seek(0)
        self._header()
        assert self._stream.tell() == self._start, "numpy's header changed its length"
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
