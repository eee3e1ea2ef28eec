"""Small vector files for the tests of this folder, written byte by byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WORDS = ["og", "i", "Oslo", "blåbær", "17.", "EU-land"]


def table(count: int, dim: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def binary(
    words: list[bytes], rows: np.ndarray, *, promised: int | None = None, line_breaks: bool = True
) -> bytes:
    head = f"{len(words) if promised is None else promised} {rows.shape[1]}\n".encode()
    end = b"\n" if line_breaks else b""
    return head + b"".join(
        word + b" " + row.astype("<f4").tobytes() + end for word, row in zip(words, rows, strict=True)
    )


def text(words: list[bytes], rows: np.ndarray, *, promised: int | None = None) -> bytes:
    head = f"{len(words) if promised is None else promised} {rows.shape[1]}\n".encode()
    lines = (
        word + b" " + " ".join(repr(float(value)) for value in row).encode()
        for word, row in zip(words, rows, strict=True)
    )
    return head + b"".join(line + b"\n" for line in lines)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
