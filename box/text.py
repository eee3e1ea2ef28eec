"""The raw text behind the model in the box: which lines of ../shared/text are read, tokenised.

`../shared/text/unpack` fills the folder. Left out are sources without a licence, and those that
forbid commercial use without freeing what is learned from them (LIA, the news feeds, NRK's corrections, the
summaries), and the court decisions in Bokmål: half of all text, and full of private persons.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bilstm_crf.formats import norwegian
from bilstm_crf.util.files import write_whole


class Source(NamedTuple):
    """Lines `first` to `last` of a file of ../shared/text."""

    file: str
    first: int
    last: int
    for_vectors: int  # words at most
    for_silver: int  # words at most
    single: bool = False  # single sentences, each a document

    def __str__(self) -> str:
        return f"{self.file} from line {self.first:,}"


ALL = 100_000_000
SOURCES = [
    Source("nob-norec-1.txt", 1, ALL, ALL, 700_000),
    Source("nob-norec-2.txt", 1, ALL, ALL, 700_000),
    Source("nob-norec-3.txt", 1, ALL, ALL, 700_000),
    Source("nob-admin.txt", 1, 83_425, ALL, 800_000),  # giellalt/corpus-nob
    Source("nob-admin.txt", 83_427, 136_461, 500_000, 150_000),  # the Sámi Parliament
    Source("nob-mixed.txt", 1, 8_018, ALL, ALL),  # NorQuAD
    Source("nob-mixed.txt", 8_020, 10_127, ALL, ALL),  # NTREX
    Source("nob-mixed.txt", 23_789, 24_546, ALL, ALL),  # hdo-blog
    Source("nob-mixed.txt", 24_548, 29_084, ALL, ALL),  # Storting debates
    Source("nob-mixed.txt", 29_086, 54_289, ALL, ALL, single=True),  # norwegian_common_voice_text
    Source("nob-mixed.txt", 54_291, 67_407, ALL, ALL, single=True),  # notram
    Source("nob-mixed.txt", 67_409, 68_403, ALL, ALL),  # Wikipedia
    Source("nob-mixed.txt", 88_577, 108_716, 300_000, 50_000),  # laws
    Source("nno-mixed.txt", 1, 24_084, ALL, ALL),  # NoReC
    Source("nno-mixed.txt", 24_086, 38_221, ALL, 300_000),  # court decisions
    Source("nno-mixed.txt", 38_223, 49_047, ALL, ALL),  # giellalt
    Source("nno-mixed.txt", 49_049, 51_159, ALL, ALL),  # NTREX
    Source("nno-mixed.txt", 52_986, 53_822, ALL, ALL),  # Storting debates
    Source("nno-mixed.txt", 53_862, 66_538, ALL, ALL, single=True),  # notram
    Source("nno-mixed.txt", 66_540, 67_530, ALL, ALL),  # Wikipedia
    Source("nno-mixed.txt", 67_693, 91_629, 500_000, 100_000),  # laws
]


def documents(folder: Path, source: Source) -> list[list[str]]:
    """Return the documents of a source as lists of lines."""
    found: list[list[str]] = [[]]
    with (folder / source.file).open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not source.first <= number <= source.last:
                continue
            if line.strip():
                found[-1].append(line.strip())
            if source.single or not line.strip():
                found.append([])
    return [document for document in found if document]


def drawn(folder: Path, source: Source, most: int) -> Iterator[list[str]]:
    """Yield documents in random order until there are `most` words; the same ones each time."""
    found = documents(folder, source)
    random.Random(42).shuffle(found)
    words = 0
    for document in found:
        if words >= most:
            return
        yield document
        words += count_words(document)


def count_words(document: list[str]) -> int:
    """Return about how many words there are in the lines of a document."""
    return sum(len(re.findall(r"\w+", line)) for line in document)


def words_of(folder: Path, source: Source) -> int:
    """Return about how many words of a source are labelled."""
    return sum(map(count_words, drawn(folder, source, source.for_silver)))


def tokenised(folder: Path, source: Source, most: int) -> Iterator[list[list[str]]]:
    """Yield the sentences of each drawn document, as lists of words."""
    for document in drawn(folder, source, most):
        yield [
            [line[start:end] for start, end in offsets]
            for line in document
            for offsets in norwegian.sentences(line)
        ]


def write_for_vectors(folder: Path, target: Path) -> None:
    """Write the text for word vectors: a sentence a line, in random order, the same each time."""
    lines = [
        " ".join(words)
        for source in SOURCES
        for document in tokenised(folder, source, source.for_vectors)
        for words in document
    ]
    random.Random(42).shuffle(lines)
    with write_whole(target) as out:
        out.writelines(f"{line}\n".encode() for line in lines)
