"""Labelled sentences from files: read, the encoding found, the types mapped to the label set."""

from __future__ import annotations

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
    sentences: list[Sentence] = []
    encodings: list[str] = []
    files: list[dict[str, str | int]] = []
    for path in paths:
        read_here = [s for s in read(path, format, FormatOptions(key=key, keep_raw=False)) if s.tokens]
        if not read_here:
            raise InputError("holds no sentence", path=path)
        unlabelled = next((s for s in read_here if s.labels is None), None)
        if unlabelled is not None:
            raise InputError(
                f"the sentence has no labels (looked for {key}=… in MISC, where this is CoNLL-U)",
                path=path,
                line=unlabelled.line,
                hint="--key NAME names another key of MISC",
            )
        encodings.append(read_spans(read_here))
        for sentence in read_here:
            sentence.spans = label_set.map(sentence)
        files.append({"path": str(path), "sha256": sha256_of(path), "sentences": len(read_here)})
        sentences += read_here
    return Labelled(sentences, encodings, files)
