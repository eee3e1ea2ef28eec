"""Parts of NorNE and the vectors, in the shapes that each side reads; all in a temporary folder."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

NAME = re.compile(r"(?:^|\|)name=([^|]*)")

Columns = list[tuple[str, str]]  # one sentence: each word with its label


def blocks(path: str | os.PathLike[str]) -> Iterator[str]:
    """The sentences of a CoNLL-U file as they stand, without the blank line after each."""
    with open(path, encoding="utf-8") as stream:
        block: list[str] = []
        for line in stream:
            if line.strip():
                block.append(line)
            elif block:
                yield "".join(block)
                block = []
        if block:
            yield "".join(block)


def write_blocks(sentences: Iterable[str], path: Path) -> Path:
    """A CoNLL-U file of these sentences."""
    with open(path, "w", encoding="utf-8") as stream:
        stream.writelines(block + "\n" for block in sentences)
    return path


def to_columns(block: str) -> Columns:
    r"""A CoNLL-U sentence as (word, label), as `train --labels full` reads it: MISC is O.

    White space inside a word, which splits columns for NCRF++ as for Flair, becomes `_`.

    >>> to_columns("1 10\u00a0000 _ _ _ _ _ _ _ SpaceAfter=No|name=B-MISC".replace(" ", "\t"))
    [('10_000', 'O')]
    """
    columns = []
    for line in block.splitlines():
        fields = line.split("\t")
        if not fields[0].isdigit():  # a comment, a multi-word token, an empty node
            continue
        found = NAME.search(fields[9])
        label = found[1] if found else "O"
        columns.append(("_".join(fields[1].split()), "O" if label.endswith("-MISC") else label))
    return columns


def write_columns(sentences: Iterable[Columns], path: Path) -> Path:
    """A two-column file: a word and its label a line, a blank line after each sentence."""
    with open(path, "w", encoding="utf-8") as stream:
        for sentence in sentences:
            stream.writelines(f"{word} {label}\n" for word, label in sentence)
            stream.write("\n")
    return path


def repeat(source: Path, times: int, path: Path) -> Path:
    """The file `source` so many times, one after another."""
    content = source.read_bytes()
    with open(path, "wb") as stream:
        for _ in range(times):
            stream.write(content)
    return path


def write_vectors(source: str, path: Path) -> Path:
    """Word vectors of any format that we read, as word2vec text."""
    from bilstm_crf.embeddings.read import load

    vectors = load(source)
    if vectors is None:
        raise ValueError(f"--embeddings {source}: the comparison needs vectors")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(f"{len(vectors)} {vectors.dim}\n")
        for word, row in zip(vectors.words, vectors.matrix, strict=True):
            if word and not re.search(r"\s", word):  # what NCRF++ and gensim cannot read back
                stream.write(word + " " + " ".join(f"{value:.5g}" for value in row.tolist()) + "\n")
    return path


if __name__ == "__main__":  # a process of its own: see measure.run
    write_vectors(sys.argv[1], Path(sys.argv[2]))
