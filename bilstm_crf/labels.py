"""Labels: the four encodings from one table, the label sets, and the way from spans to labels and back.

    spans  --encode-->  labels in IOB, IOBE, IOBS or IOBES  --decode-->  spans

A label is `O` or a prefix, a hyphen and an entity type (`B-PER`). The prefixes of a span depend on its
length alone (NorNE paper, section 5.2):

    encoding   one token   longer
    iob        B           B I … I        (IOB2)
    iobe       B           B I … E
    iobs       S           B I … I
    iobes      S           B I … E        (also called BIOES, BMES, BILOU)

One rule decides what a sequence of labels says (`decode`): a span is there where the labels are exactly
those that the encoding would write for it, read greedily from the left; any other label counts as `O`.
For IOB this is what seqeval calls strict IOB2, for IOBES its strict IOBES.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from bilstm_crf.errors import InputError, UsageError, near_miss
from bilstm_crf.sentence import Sentence, Span


@dataclass(frozen=True)
class Encoding:
    """The prefix of a span's only, first, inner and last token.

    >>> ENCODINGS["iobes"].encode([Span(0, 1, "PER"), Span(2, 5, "ORG")], 6)
    ['S-PER', 'O', 'B-ORG', 'I-ORG', 'E-ORG', 'O']
    """

    name: str
    single: str
    first: str
    inner: str
    last: str

    def prefixes(self, length: int) -> list[str]:
        """The prefixes of a span of `length` tokens (1 or more)."""
        if length == 1:
            return [self.single]
        return [self.first, *[self.inner] * (length - 2), self.last]

    def labels(self, types: Iterable[str]) -> list[str]:
        """Every label that the encoding can write for `types`, `O` first."""
        prefixes = list(dict.fromkeys([self.first, self.inner, self.last, self.single]))
        return ["O", *(f"{prefix}-{type_}" for type_ in types for prefix in prefixes)]

    def encode(self, spans: Iterable[Span], length: int) -> list[str]:
        """The labels of a sentence of `length` tokens. The spans must lie inside it and not overlap."""
        labels = ["O"] * length
        for start, end, type_ in spans:
            labels[start:end] = [f"{prefix}-{type_}" for prefix in self.prefixes(end - start)]
        return labels

    def decode(self, labels: Sequence[str]) -> list[Span]:
        """The spans that `labels` say, by the rule at the top of this file.

        >>> ENCODINGS["iob"].decode(["B-PER", "I-PER", "I-ORG", "O", "I-PER", "B-LOC"])
        [Span(start=0, end=2, type='PER'), Span(start=5, end=6, type='LOC')]
        """
        spans = []
        position = 0
        while position < len(labels):
            span = self._span_at(labels, position)
            if span is not None:
                spans.append(span)
            position = span.end if span is not None else position + 1
        return spans

    def _span_at(self, labels: Sequence[str], start: int) -> Span | None:
        """The longest span from `start` whose labels are the ones this encoding writes; None: no span."""
        prefix, _, type_ = labels[start].partition("-")
        if prefix == self.first:
            end = start + 1
            while end < len(labels) and labels[end] == f"{self.inner}-{type_}":
                end += 1
            if self.last != self.inner:
                closed = end < len(labels) and labels[end] == f"{self.last}-{type_}"
                end = end + 1 if closed else start
            if end > start + 1:
                return Span(start, end, type_)
        return Span(start, start + 1, type_) if prefix == self.single else None


ENCODINGS: dict[str, Encoding] = {
    encoding.name: encoding
    for encoding in (
        Encoding("iob", single="B", first="B", inner="I", last="I"),
        Encoding("iobe", single="B", first="B", inner="I", last="E"),
        Encoding("iobs", single="S", first="B", inner="I", last="I"),
        Encoding("iobes", single="S", first="B", inner="I", last="E"),
    )
}


# ---------------------------------------------------------------- reading labels of any encoding

# The other names of the same prefixes: BILOU says L and U, BMES says M.
SYNONYMS = {"L": "E", "U": "S", "M": "I"}
NAMES = {"iob": "IOB2", "iob1": "IOB1", "iobes": "IOBES", "iobs": "IOBS", "iobe": "IOBE"}


def canonical_labels(sentence: Sentence) -> list[str]:
    """The sentence's labels with the prefixes B, I, E and S alone.

    Raises InputError for a label that is neither `O` nor a known prefix, a hyphen and a type.
    """
    canonical = []
    for position, label in enumerate(sentence.labels or ()):
        prefix, hyphen, type_ = label.partition("-")
        prefix = SYNONYMS.get(prefix, prefix)
        if label != "O" and not (hyphen and type_ and prefix in ("B", "I", "E", "S")):
            raise InputError(
                f"label {label!r} of the word {sentence.tokens[position]!r}: expected O, or one of "
                "B I E S (L U M), a hyphen and an entity type, as in B-PER",
                path=sentence.path,
                line=line_of(sentence, position),
            )
        canonical.append(label if label == "O" else f"{prefix}-{type_}")
    return canonical


def line_of(sentence: Sentence, position: int) -> int | None:
    return sentence.lines[position] if position < len(sentence.lines) else sentence.line or None


def _iob1_to_iob2(labels: Sequence[str]) -> list[str]:
    """IOB1 writes `B-` only where a span touches one of the same type; every other span begins with `I-`."""
    converted = []
    for position, label in enumerate(labels):
        previous = labels[position - 1] if position else "O"
        starts = label.startswith("I-") and (previous == "O" or previous[2:] != label[2:])
        converted.append("B" + label[1:] if starts else label)
    return converted


def faults(name: str, labels: Sequence[str]) -> list[int]:
    """The positions at which `labels` are not legal in the encoding `name`."""
    if name == "iob1":
        return [
            position
            for position, (previous, label) in enumerate(pairwise(["O", *labels]))
            if label[:2] in ("E-", "S-") or (label[0] == "B" and previous[1:] != label[1:])
        ]
    encoding = ENCODINGS[name]
    legal = encoding.encode(encoding.decode(labels), len(labels))
    return [position for position, (a, b) in enumerate(zip(labels, legal, strict=True)) if a != b]


def first_fault(name: str, labels: Sequence[str]) -> int | None:
    """The first position at which `labels` are not legal in the encoding `name`; None: all are."""
    return next(iter(faults(name, labels)), None)


Repair = Literal["conlleval", "discard"]  # what becomes of a label that is not legal in its encoding


def read_spans(sentences: Iterable[Sentence], *, lenient: bool = False, repair: Repair | None = None) -> str:
    """Sets `spans` of every labelled sentence from its `labels`; returns the encoding that was found.

    The encoding is the first of IOB2, IOB1, IOBES (BILOU, BMES), IOBS, IOBE in which all labels of all
    sentences are legal. Where none is, InputError names the place; `lenient` (for the output of a system)
    takes the one with the fewest illegal labels, never IOB1, and drops these, by the rule of `decode`.
    """
    sentences = [sentence for sentence in sentences if sentence.labels is not None]
    canonical = [canonical_labels(sentence) for sentence in sentences]
    broken: dict[str, tuple[Sentence, int]] = {}
    found = "iob"
    for name in NAMES:
        for sentence, labels in zip(sentences, canonical, strict=True):
            position = first_fault(name, labels)
            if position is not None:
                broken[name] = (sentence, position)
                break
        else:
            found = name
            break
    else:
        if not lenient:
            raise _illegal(broken)
        found = _likeliest(canonical)
    encoding = ENCODINGS["iob" if found == "iob1" else found]
    for sentence, labels in zip(sentences, canonical, strict=True):
        sentence.spans = encoding.decode(_iob1_to_iob2(labels) if found == "iob1" else labels)
    return NAMES[found]


def _likeliest(canonical: Sequence[Sequence[str]]) -> str:
    """The encoding with the fewest illegal labels; of equal ones that with the prefixes that occur."""
    prefixes = {label[0] for labels in canonical for label in labels} & {"E", "S"}

    def faults_of(name: str) -> tuple[int, bool]:
        its_own = {prefix for prefix in (ENCODINGS[name].last, ENCODINGS[name].single) if prefix in "ES"}
        return sum(len(faults(name, labels)) for labels in canonical), prefixes != its_own

    return min(ENCODINGS, key=faults_of)


def illegal_labels(sentences: Iterable[Sentence], encoding: str) -> list[tuple[Sentence, int]]:
    """Where labels are not legal in the encoding that `read_spans` found."""
    name = next(name for name, known in NAMES.items() if known == encoding)
    return [
        (sentence, position)
        for sentence in sentences
        if sentence.labels is not None
        for position in faults(name, canonical_labels(sentence))
    ]


def _illegal(broken: dict[str, tuple[Sentence, int]]) -> InputError:
    """The error for labels that are legal in no encoding: says where the likeliest one is broken."""

    def legal_labels(name: str) -> int:
        sentence, position = broken[name]
        return line_of(sentence, position) or 0

    name = max(broken, key=legal_labels)
    sentence, position = broken[name]
    previous = (sentence.labels or [])[position - 1] if position else "the start of the sentence"
    others = ", ".join(
        f"{NAMES[other]} is broken at line {line_of(*broken[other])}" for other in broken if other != name
    )
    return InputError(
        f"label {(sentence.labels or [])[position]} of the word {sentence.tokens[position]!r} after "
        f"{previous} is not legal {NAMES[name]} ({others})",
        path=sentence.path,
        line=line_of(sentence, position),
        hint="mend the label; `evaluate` takes such labels in --predicted, where they count as O",
    )


# ---------------------------------------------------------------- label sets

NORNE_TYPES = ("PER", "ORG", "GPE_LOC", "PROD", "LOC", "GPE_ORG", "DRV", "EVT")
_SAME = {type_: type_ for type_ in NORNE_TYPES}

# NorNE paper, section 5.2; `4` is CoNLL-2003's set, the common ground with other corpora.
LABEL_SETS: dict[str, dict[str, str]] = {
    "full": _SAME,
    "7": {**_SAME, "GPE_LOC": "GPE", "GPE_ORG": "GPE"},
    "6": {**_SAME, "GPE_LOC": "LOC", "GPE_ORG": "ORG"},
    "4": {"PER": "PER", "ORG": "ORG", "GPE_ORG": "ORG", "LOC": "LOC", "GPE_LOC": "LOC",
          "PROD": "MISC", "EVT": "MISC", "DRV": "MISC", "MISC": "MISC"},
}  # fmt: skip


def is_entity_type(text: str) -> bool:
    """Whether a label with this type can stand in every format: not empty, no blanks, no `|`."""
    return bool(text) and "|" not in text and not any(character.isspace() for character in text)


@dataclass(frozen=True)
class LabelSet:
    """Which entity type of the file becomes which of the model's; `O` drops it.

    `types` None (the set `file`) keeps every type as it stands.
    """

    name: str
    types: dict[str, str] | None

    @classmethod
    def named(cls, name: str, *, keep_misc: bool = False) -> LabelSet:
        """`full`, `7`, `6`, `4`, `file`, or the path of a TOML file with a table [types].

        NorNE's rare MISC becomes `O` in the first three unless `keep_misc`.
        Raises UsageError for an unknown name, InputError for a bad file.
        """
        if name == "file":
            return cls("file", None)
        if name in LABEL_SETS:
            misc = {"MISC": "MISC" if keep_misc or name == "4" else "O"}
            return cls(name, {**LABEL_SETS[name], **misc})
        if name.endswith(".toml"):
            return cls._from_toml(Path(name))
        known = [*LABEL_SETS, "file"]
        raise UsageError(
            f"--labels {name} is not a known label set.{near_miss(name, known)}",
            hint=f"known: {' '.join(known)}, or a TOML file with a table [types]",
        )

    @classmethod
    def _from_toml(cls, path: Path) -> LabelSet:
        try:
            content = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"not a readable TOML file: {error}", path=path) from error
        types = content.get("types")
        if not isinstance(types, dict) or not all(isinstance(type_, str) for type_ in types.values()):
            raise InputError('expected a table [types] with lines such as GPE_LOC = "LOC"', path=path)
        for source, type_ in types.items():
            if not is_entity_type(type_):
                raise InputError(
                    f"{source} = {type_!r}: expected an entity type without blanks and without |",
                    path=path,
                    hint=f'{source} = "O" drops the type',
                )
        return cls(str(content.get("name", path.stem)), types)

    def map(self, sentence: Sentence) -> list[Span]:
        """The sentence's spans with this set's types. Raises InputError for a type it does not know."""
        mapped = []
        for start, end, type_ in sentence.spans or ():
            to = type_ if self.types is None else self.types.get(type_)
            if to is None:
                raise InputError(
                    f"entity type {type_} is not in the label set {self.name}"
                    f" ({' '.join(self.types or ())}).{near_miss(type_, self.types or ())}",
                    path=sentence.path,
                    line=line_of(sentence, start),
                    hint="--labels file keeps the types as they stand; a TOML file maps them",
                )
            if to != "O":
                mapped.append(Span(start, end, to))
        return mapped
