"""Labelled sentences from files: read, the encoding found, the types mapped to the label set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from bilstm_crf.errors import InputError
from bilstm_crf.files import sha256_of
from bilstm_crf.formats import FormatOptions, read
from bilstm_crf.labels import LabelSet, read_spans
from bilstm_crf.sentence import Sentence


@dataclass(frozen=True)
class Labelled:
    """The sentences of one split, with gold `spans` in the label set's types."""

    sentences: list[Sentence]  # each has a token
    encodings: list[str]  # found in each file, as IOB2
    files: list[dict[str, str | int]]  # path, sha256, sentences

    @property
    def tokens(self) -> int:
        return sum(map(len, self.sentences))


def read_labelled(
    paths: Sequence[str], label_set: LabelSet, *, format: str | None = None, key: str = "name"
) -> Labelled:
    """All sentences of `paths`. Raises InputError for an ill-formed, empty or unlabelled file."""
    split = Labelled([], [], [])
    for path in paths:
        sentences, encoding = read_gold(path, format, FormatOptions(key=key, keep_raw=False))
        for sentence in sentences:
            sentence.spans = label_set.map(sentence)
        split.sentences.extend(sentences)
        split.encodings.append(encoding)
        split.files.append({"path": path, "sha256": sha256_of(path), "sentences": len(sentences)})
    return split


def read_gold(
    path: str | os.PathLike[str], format: str | None, options: FormatOptions
) -> tuple[list[Sentence], str]:
    """The sentences of one file with `spans` set, and the encoding of its labels.

    Raises InputError for a file without sentences, a sentence without labels, or labels that are legal in no
    encoding.
    """
    sentences = [sentence for sentence in read(path, format, options) if sentence.tokens]
    if not sentences:
        raise InputError("has no sentences", path=path)
    for sentence in sentences:
        if sentence.labels is None:
            raise InputError(
                f"the sentence that begins with {sentence.tokens[0]!r} has no labels",
                path=path,
                line=sentence.line,
                hint=f"in CoNLL-U they are looked for as {options.key}=… in MISC; --key names another entry",
            )
    return sentences, read_spans(sentences)
