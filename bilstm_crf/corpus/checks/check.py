"""Run all checks on the files of a corpus."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from bilstm_crf.corpus.checks.annotation import check_annotation
from bilstm_crf.corpus.checks.characters import check_characters
from bilstm_crf.corpus.checks.copies import check_copies
from bilstm_crf.corpus.checks.entity_types import check_types
from bilstm_crf.corpus.checks.files import CheckedFile, Reading, read_file
from bilstm_crf.corpus.checks.findings import Findings
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.progress import Bar

WHOLE = "data"  # the one split of files whose names tell none
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "testa": "dev",
    "test": "test",
    "testb": "test",
}


def guess_split(path: str) -> str:
    """Return the split that a file's name contains, else `data`.

    >>> guess_split("no_bokmaal-ud-dev.conllu"), guess_split("eng.testb"), guess_split("latest.conll")
    ('dev', 'test', 'data')
    """
    words = re.split(r"[\W_\d]+", os.path.basename(path).lower())
    found = [SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES]
    return found[-1] if found else WHOLE


def check_corpus(
    splits: Mapping[str, Iterable[str]], reading: Reading, label_set: LabelSet, findings: Findings
) -> list[CheckedFile]:
    """Check the files of each split, and add what is found; return the files as far as they can be read.

    Raises UsageError for a file whose format cannot be told.
    """
    paths = [(split, path) for split, its_paths in splits.items() for path in its_paths]
    with Bar("Checking", unit="files") as bar:
        files = []
        for number, (split, path) in enumerate(paths):
            bar.at(number, len(paths), label=f"Reading  {os.path.basename(path)}")
            files.append(read_file(path, split, reading, findings))
    sentences: dict[str, Sequence[Sentence]] = {
        split: [each for file in files if file.split == split for each in file.sentences] for split in splits
    }
    everything = [each for its_sentences in sentences.values() for each in its_sentences]
    check_types({split: found for split, found in sentences.items() if found}, label_set, findings)
    check_copies(sentences, findings)
    check_annotation(everything, findings)
    check_characters(everything, findings)
    return files
