"""Write automatically labelled ("silver") text for training, from the raw text and the labels of label.py.

    python box/silver.py --text TEXT --labels box/silver.tsv.xz -o silver.conllu

TEXT is the folder that `../shared/text/unpack` fills. Nothing is written if the text, as it is split into
words now, is not the text that was labelled. With --drawn, each document is written with all labellings that
were drawn, one after the other, instead of the best one: training on them is training with soft labels.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from label import FORMAT, Row, read_rows, text_of
from text import Source, tokenised

from bilstm_crf import __version__
from bilstm_crf.errors import BilstmCrfError, InputError, UsageError
from bilstm_crf.formats import conllu
from bilstm_crf.formats.base import FormatOptions
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.files import sha256_of, write_whole


class Labels(NamedTuple):
    """The content of a file of label.py."""

    header: dict[str, Any]
    rows: dict[int, list[Row]]  # by sentence


def read_labels(path: Path) -> Labels:
    """Read the labels. Raises InputError for a file that label.py has not written."""
    try:
        with lzma.open(path, "rt", encoding="utf-8", newline="\n") as stream:
            header = json.loads(stream.readline())
            if header["format"] != FORMAT:
                raise InputError(f"labels of format {header['format']}, expected {FORMAT}", path=path)
            rows = {number: list(each) for number, each in groupby(read_rows(stream), lambda row: row[0])}
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError("not a file of labels that box/label.py wrote", path=path) from error
    return Labels(header, rows)


def require_text(folder: Path, header: dict[str, Any]) -> None:
    """Raise InputError for files of raw text that are not those that were labelled."""
    for name, expected in header["files"].items():
        if not (folder / name).is_file():
            raise InputError(
                "no such file", path=folder / name, hint="unpack the text: ../shared/text/unpack"
            )
        found = sha256_of(folder / name)
        if found != expected:
            raise InputError(
                f"not the text that was labelled: SHA-256 {found[:12]}…, expected {expected[:12]}…",
                path=folder / name,
                hint="unpack the text again, or label this one: box/label.py",
            )


def read_source(folder: Path, expected: dict[str, Any], header: dict[str, Any]) -> list[list[list[str]]]:
    """Return the documents of a source. Raises InputError if they are not those that were labelled."""
    lines = (expected["file"], expected["first"], expected["last"])
    source = Source(*lines, for_vectors=0, for_silver=expected["words"], single=expected["single"])
    documents, digest = [], hashlib.sha256()
    sentences = tokens = 0
    for document in tokenised(folder, source, source.for_silver):
        documents.append(document)
        digest.update(text_of(document))
        sentences += len(document)
        tokens += sum(map(len, document))
    if digest.hexdigest() != expected["sha256"]:
        version = f"bilstm_crf {header['bilstm_crf']}, commit {header['commit']}"
        raise InputError(
            f"{sentences:,} sentences with {tokens:,} tokens from line {source.first:,}, not the "
            f"{expected['sentences']:,} with {expected['tokens']:,} that were labelled",
            path=folder / source.file,
            hint=f"the tokeniser or the choice of documents has changed since {version} "
            f"(this is {__version__}): label again with box/label.py",
        )
    return documents


def labelled(words: list[str], rows: list[Row], labelling: int, least: float) -> Sentence | None:
    """Return the sentence with the names of a labelling; None if a label of the best one (0) is in doubt.

    In doubt is a name, or a token outside names, whose label's probability is below `least`.
    """
    names = [row for row in rows if str(labelling) in row.labellings]
    doubtful = [*names, *(row for row in rows if row.type == "O")]
    if not labelling and any(int(row.probability) < 1000 * least for row in doubtful):
        return None
    return Sentence(words, token_spans=[TokenSpan(*row[1:4]) for row in names])


def written(folder: Path, labels: Labels, least: float, drawn: bool, out: BinaryIO) -> Iterator[Sentence]:
    """Write the silver text, and yield its sentences."""
    number = 0
    labellings = range(1, labels.header["samples"] + 1) if drawn else [0]
    for expected in labels.header["sources"]:
        for document in read_source(folder, expected, labels.header):
            for labelling in labellings:
                begins = True
                for place, words in enumerate(document, start=number):
                    sentence = labelled(words, labels.rows.get(place, []), labelling, least)
                    if sentence is not None:
                        out.write(conllu.compose(sentence, FormatOptions(), new_document=begins))
                        begins = False
                        yield sentence
            number += len(document)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--text", type=Path, required=True, help="folder of the raw text")
    add("--labels", type=Path, default=Path(__file__).parent / "silver.tsv.xz", help="what label.py wrote")
    add(
        "--min-probability",
        type=float,
        default=0.0,
        metavar="P",
        help="leave out sentences with a label, of a name or outside, that is less probable  [0]",
    )
    add("--drawn", action="store_true", help="write the labellings that were drawn instead of the best one")
    add("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    labels = read_labels(given.labels)
    require_use(given.min_probability, given.drawn, labels.header)
    require_text(given.text, labels.header)
    sentences = tokens = names = 0
    with write_whole(given.output) as out:
        for sentence in written(given.text, labels, given.min_probability, given.drawn, out):
            sentences += 1
            tokens += len(sentence)
            names += len(sentence.token_spans or ())
    print(f"{given.output}: {sentences:,} sentences, {tokens:,} tokens, {names:,} names", file=sys.stderr)


def require_use(least: float, drawn: bool, header: dict[str, Any]) -> None:
    """Raise UsageError for a bound that the labels cannot be held to."""
    if not 0 <= least <= header["doubt"]:
        raise UsageError(
            f"--min-probability {least}, expected a probability up to {header['doubt']}",
            hint="the labels do not say which tokens outside names are less doubtful",
        )
    if drawn and not header["samples"]:
        raise UsageError("--drawn, but no labellings were drawn", hint="label again: box/label.py --sample N")
    if least and drawn:
        raise UsageError(
            "--min-probability is for the best labels, and --drawn takes drawn ones", hint="leave one out"
        )


if __name__ == "__main__":
    try:
        main()
    except BilstmCrfError as error:
        sys.exit(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
