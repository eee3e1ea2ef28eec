"""Read labelled sentences from files: find the encoding, map the entity types to the label set."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice

from bilstm_crf.corpus.filters import Dropped, leave_out, well_formed
from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions, conllu, contents_of, format_of, read
from bilstm_crf.labels import LabelSet, Repair, read_labels, read_spans
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import open_input, sha256_of, sha256_of_all

READING = FormatOptions(keep_raw=False)


@dataclass(frozen=True)
class DataFile:
    """A file that a run reads."""

    path: str
    sha256: str
    sentences: int | None = None


@dataclass(frozen=True)
class Labelled:
    """The sentences of one split, with gold `spans` in the label set's types."""

    sentences: list[Sentence]  # each has a token
    encodings: list[str]  # of each file, such as IOB2
    files: list[DataFile]
    sizes: list[int] = field(default_factory=list)  # sentences of each file
    dropped: list[Dropped] = field(default_factory=list)
    types: frozenset[str] = frozenset()  # the entity types of the files
    repaired: bool = False  # whether illegal labels made spans (`--repair conlleval`)

    @property
    def corpora(self) -> list[list[Sentence]]:
        """The sentences file by file."""
        ends = list(accumulate(self.sizes))
        return [self.sentences[end - size : end] for size, end in zip(self.sizes, ends, strict=True)]

    @property
    def tokens(self) -> int:
        return sum(map(len, self.sentences))

    def __add__(self, other: Labelled) -> Labelled:
        """Return the sentences of both, as a training set."""
        return Labelled(
            [*self.sentences, *other.sentences],
            [*self.encodings, *other.encodings],
            [*self.files, *other.files],
            [*self.sizes, *other.sizes],
        )

    def without(self, filters: Collection[str], evaluation: Iterable[Sentence]) -> Labelled:
        """Return what the filters keep (`filters.leave_out`), with the list of what they drop."""
        kept, dropped = leave_out(self.corpora, filters, evaluation)
        return replace(
            self,
            sentences=[sentence for corpus in kept for sentence in corpus],
            sizes=[len(corpus) for corpus in kept],
            dropped=[*self.dropped, *dropped],
        )


def read_labelled(
    paths: Sequence[str],
    label_set: LabelSet | Sequence[LabelSet],
    *,
    format: str | None = None,
    options: FormatOptions = READING,
    repair: Repair | None = None,
    drop_ill_formed: bool = False,
) -> Labelled:
    """Read all sentences of `paths` and map their types to the label set, or each file's to its own.

    With `drop_ill_formed`, a sentence with illegal labels is dropped. Raises InputError for an ill-formed,
    empty or unlabelled file.
    """
    label_sets = [label_set] * len(paths) if isinstance(label_set, LabelSet) else label_set
    split = Labelled([], [], [])
    types: set[str] = set()
    repaired = False
    for path, its_label_set in zip(paths, label_sets, strict=True):
        sentences = _with_labels(path, format, options)
        if drop_ill_formed:
            sentences, dropped = well_formed(sentences)
            split.dropped.extend(dropped)
        reading = read_labels(sentences, repair=repair)
        split.encodings.append(reading.encoding)
        repaired = repaired or reading.is_lenient
        for sentence in sentences:
            types.update(span.type for span in sentence.token_spans or ())
            sentence.token_spans = its_label_set.map(sentence)
        split.sentences.extend(sentences)
        split.sizes.append(len(sentences))
        split.files.append(DataFile(path, _sha256_of(path), len(sentences)))
    return replace(split, types=frozenset(types), repaired=repaired)


def _sha256_of(path: str) -> str:
    """Return the checksum of a file as it is; of brat's annotations, of these and their texts."""
    contents = contents_of([path])
    return sha256_of(path) if contents == [path] else sha256_of_all(contents)


def read_gold(
    path: str | os.PathLike[str], format: str | None, options: FormatOptions, repair: Repair | None = None
) -> tuple[list[Sentence], str]:
    """Return the sentences of one file with `spans` set, and the encoding of its labels.

    Raises InputError for a file without sentences, a sentence without labels, or labels that are legal in no
    encoding.
    """
    sentences = _with_labels(path, format, options)
    return sentences, read_spans(sentences, repair=repair)


def _with_labels(path: str | os.PathLike[str], format: str | None, options: FormatOptions) -> list[Sentence]:
    """Return the sentences with tokens. Raises InputError if there is none, or one without labels."""
    sentences = [sentence for sentence in read(path, format, options) if sentence.tokens]
    if not sentences:
        raise InputError("has no sentences", path=path)
    for sentence in sentences:
        if sentence.labels is None:
            raise InputError(
                f"the sentence that begins with {sentence.tokens[0]!r} has no labels",
                path=path,
                line=sentence.line,
                hint=where_labels_are(sentence, path, format, options),
            )
    return sentences


# Where each format has its labels, for a file that seems to have none
_LABELS_OF = {
    "conllu": "CoNLL-U: expected {key}=… in MISC; --misc-key names another key",
    "conll2003": "columns: expected O or B-TYPE in the last column; --label-column names another",
    "jsonl": 'JSONL: expected "entities": [{"start": 0, "end": 4, "label": "PER"}]; not predictions',
    "text": "text has no place for labels: CoNLL-U, columns and JSONL have one",
}


def where_labels_are(
    sentence: Sentence, path: str | os.PathLike[str], format: str | None, options: FormatOptions
) -> str:
    """Return a hint for an unlabelled sentence: where its format has labels."""
    name = format_of(path, format).name
    hint = _LABELS_OF.get(name, "").replace("{key}", options.misc_key)
    if name == "conllu":
        misc = (_line(path, sentence.lines[0], options) or "").rpartition("\t")[2]
        other = conllu.labelled_key(misc, options.misc_key)
        if other is not None:
            found = "=".join(other)
            hint = f"CoNLL-U: expected {options.misc_key}=… in MISC, found {found}: --misc-key {other[0]}"
    return hint


def _line(path: str | os.PathLike[str], number: int, options: FormatOptions) -> str | None:
    """Return one line of a file, without its end; None for standard input, which is read only once."""
    if not os.path.isfile(path):
        return None
    with open_input(path, options.input_encoding) as stream:
        line = next(islice(stream, number - 1, None), b"")
    return line.decode("utf-8", "replace").rstrip("\r\n")
