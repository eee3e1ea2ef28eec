"""Write automatically labelled ("silver") text for the model in the box: raw text, labelled by its teacher.

    python box/silver.py --text TEXT --model runs/teacher -o silver.conllu

TEXT is the folder that `../shared/text/unpack` fills. Left out are sources without a licence, and those that
forbid commercial use without freeing what is learned from them (`SOURCES` lists what is read). From each
source, whole documents are drawn until there are as many words as `SOURCES` says; the same ones each time.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bilstm_crf import Tagger
from bilstm_crf.formats import conllu, norwegian
from bilstm_crf.formats.base import FormatOptions
from bilstm_crf.sentence import Sentence


class Source(NamedTuple):
    """Lines `first` to `last` of a file of ../shared/text."""

    file: str
    first: int
    last: int
    words: int  # at most
    single: bool = False  # single sentences, each a document


ALL = 10_000_000
SOURCES = [
    Source("nob-norec-1.txt", 1, ALL, 700_000),
    Source("nob-norec-2.txt", 1, ALL, 700_000),
    Source("nob-norec-3.txt", 1, ALL, 700_000),
    Source("nob-admin.txt", 1, 83_425, 800_000),  # giellalt/corpus-nob
    Source("nob-admin.txt", 83_427, 136_461, 150_000),  # the Sámi Parliament
    Source("nob-mixed.txt", 1, 8_018, ALL),  # NorQuAD
    Source("nob-mixed.txt", 8_020, 10_127, ALL),  # NTREX
    Source("nob-mixed.txt", 23_789, 24_546, ALL),  # hdo-blog
    Source("nob-mixed.txt", 24_548, 29_084, ALL),  # Storting debates
    Source("nob-mixed.txt", 29_086, 54_289, ALL, single=True),  # norwegian_common_voice_text
    Source("nob-mixed.txt", 54_291, 67_407, ALL, single=True),  # notram
    Source("nob-mixed.txt", 67_409, 68_403, ALL),  # Wikipedia
    Source("nob-mixed.txt", 88_577, 108_716, 50_000),  # laws
    Source("nno-mixed.txt", 1, 24_084, ALL),  # NoReC
    Source("nno-mixed.txt", 24_086, 38_221, 300_000),  # court decisions
    Source("nno-mixed.txt", 38_223, 49_047, ALL),  # giellalt
    Source("nno-mixed.txt", 49_049, 51_159, ALL),  # NTREX
    Source("nno-mixed.txt", 52_986, 53_822, ALL),  # Storting debates
    Source("nno-mixed.txt", 53_862, 66_538, ALL, single=True),  # notram
    Source("nno-mixed.txt", 66_540, 67_530, ALL),  # Wikipedia
    Source("nno-mixed.txt", 67_693, 91_629, 100_000),  # laws
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


def drawn(folder: Path, source: Source) -> Iterator[list[str]]:
    """Yield documents in random order until there are enough words."""
    found = documents(folder, source)
    random.Random(42).shuffle(found)
    words = 0
    for document in found:
        if words >= source.words:
            return
        yield document
        words += sum(len(re.findall(r"\w+", line)) for line in document)


def read(folder: Path) -> Iterator[Sentence]:
    """Yield the sentences of all sources, each with its document."""
    for place, source in enumerate(SOURCES):
        for number, document in enumerate(drawn(folder, source)):
            for line in document:
                for offsets in norwegian.sentences(line):
                    tokens = [line[start:end] for start, end in offsets]
                    yield Sentence(tokens, document=f"{place}-{number}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    tagger = Tagger.load(given.model)
    tokens = spans = 0
    document = None
    with given.output.open("wb") as out:
        for sentence in tagger.tag_stream(read(given.text)):
            out.write(conllu.compose(sentence, FormatOptions(), new_document=sentence.document != document))
            document = sentence.document
            tokens += len(sentence)
            spans += len(sentence.token_spans or ())
    print(f"{given.output}: {tokens:,} tokens, {spans:,} names", file=sys.stderr)


if __name__ == "__main__":
    main()
