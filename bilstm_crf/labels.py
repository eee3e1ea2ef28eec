"""Labels: encodings, reading them from files, and label sets. Labels come in, spans go out, and back.

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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bilstm_crf.errors import InputError, UsageError, did_you_mean, warn
from bilstm_crf.sentence import Sentence, Span
from bilstm_crf.util.files import read_toml
from bilstm_crf.util.label_dialects import canonical_labels, dialect_of
from bilstm_crf.util.label_dialects import is_entity_type as is_entity_type
from bilstm_crf.util.label_dialects import line_of as line_of


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


class _IOB1(Encoding):
    """IOB1 writes `B-` only where a span touches one of the same type; every other span begins with `I-`."""

    def encode(self, spans: Iterable[Span], length: int) -> list[str]:
        """See `Encoding.encode`."""
        spans = list(spans)
        labels = super().encode(spans, length)
        ends = {(span.end, span.type) for span in spans}
        for start, _, type_ in spans:
            if (start, type_) in ends:
                labels[start] = f"B-{type_}"
        return labels

    def decode(self, labels: Sequence[str]) -> list[Span]:
        """See `Encoding.decode`. A `B-` that touches nothing is illegal, with the `I-` that continue it.

        >>> READABLE["iob1"].decode(["I-PER", "B-PER", "O", "B-LOC", "I-LOC"])
        [Span(start=0, end=1, type='PER'), Span(start=1, end=2, type='PER')]
        """
        spans: list[Span] = []
        position = 0
        while position < len(labels):
            prefix, _, type_ = labels[position].partition("-")
            end = position + 1
            if prefix in ("B", "I"):
                while end < len(labels) and labels[end] == f"I-{type_}":
                    end += 1
                touched = bool(spans) and (spans[-1].end, spans[-1].type) == (position, type_)
                if touched == (prefix == "B"):
                    spans.append(Span(position, end, type_))
            position = end
        return spans


# Every encoding that can be read, in the order in which they are tried.
READABLE: dict[str, Encoding] = {
    "iob": ENCODINGS["iob"],
    "iob1": _IOB1("iob1", single="I", first="I", inner="I", last="I"),
    "iobes": ENCODINGS["iobes"],
    "iobs": ENCODINGS["iobs"],
    "iobe": ENCODINGS["iobe"],
}
NAMES = {"iob": "IOB2", "iob1": "IOB1", "iobes": "IOBES", "iobs": "IOBS", "iobe": "IOBE"}
Repair = Literal["conlleval", "discard"]  # what becomes of a label that is not legal in its encoding
SHOWN = 3  # places of illegal labels in a message


def faults(name: str, labels: Sequence[str]) -> list[int]:
    """The positions at which `labels` are not legal in the encoding `name`."""
    encoding = READABLE[name]
    legal = encoding.encode(encoding.decode(labels), len(labels))
    return [position for position, (a, b) in enumerate(zip(labels, legal, strict=True)) if a != b]


def first_fault(name: str, labels: Sequence[str]) -> int | None:
    """The first position at which `labels` are not legal in the encoding `name`; None: all are."""
    return next(iter(faults(name, labels)), None)


@dataclass(frozen=True)
class LabelReading:
    """The encoding and the illegal labels of one file."""

    encoding: str  # IOB2, IOB1, IOBES, IOBS or IOBE
    illegal: list[tuple[Sentence, int]]  # labels that are not legal there: the sentence, the token
    repair: Repair  # what became of these

    @property
    def is_lenient(self) -> bool:
        """Whether illegal labels made spans."""
        return bool(self.illegal) and self.repair == "conlleval"

    @property
    def outcome(self) -> str:
        """Return how illegal labels were handled, for a message."""
        return "begin or continue a span" if self.repair == "conlleval" else "count as O"


def read_labels(
    sentences: Iterable[Sentence], *, lenient: bool = False, repair: Repair | None = None
) -> LabelReading:
    """Set `spans` of every labelled sentence of one file from its `labels`.

    The encoding is the one in which the fewest labels are illegal; of equal ones, one whose prefixes E and S
    are those that occur, and of these the first of IOB2, IOB1, IOBES (BILOU, BMES), IOBS, IOBE. What becomes
    of illegal labels is said by `repair`:

        conlleval   they begin a span, or go on with one, as conlleval reads them (`decode_conlleval`)
        discard     they count as `O`, by the rule of `decode`
        None        InputError that counts them; with `lenient` (a system's output) as discard

    Raises InputError also for a label of no known dialect (dialects.py), which is what is warned of.
    """
    sentences = [sentence for sentence in sentences if sentence.labels is not None]
    if not lenient:
        _require_labels(sentences)
    canonical = canonical_labels(sentences)
    name, is_legal = _best_fitting(canonical)
    illegal = []
    if not is_legal:
        pairs = zip(sentences, canonical, strict=True)
        illegal = [(sentence, position) for sentence, labels in pairs for position in faults(name, labels)]
    reading = LabelReading(NAMES[name], illegal, repair or "discard")
    if illegal and repair is None and not lenient:
        raise _illegal_error(reading)
    decode = decode_conlleval if reading.is_lenient else READABLE[name].decode
    for sentence, labels in zip(sentences, canonical, strict=True):
        sentence.spans = decode(labels)
    return reading


def read_spans(sentences: Iterable[Sentence], *, lenient: bool = False, repair: Repair | None = None) -> str:
    """Set `spans` as `read_labels` does, warn of what was repaired, and return the encoding."""
    reading = read_labels(sentences, lenient=lenient, repair=repair)
    if repair is not None:
        warn_of_repair(reading)
    return reading.encoding


def has_illegal_labels(sentences: Iterable[Sentence]) -> bool:
    """Whether any label of the file is not legal in the encoding that fits best."""
    sentences = [sentence for sentence in sentences if sentence.labels is not None]
    dialect = dialect_of(sentences)
    return not _best_fitting([dialect.read(sentence) for sentence in sentences])[1]


def warn_of_repair(reading: LabelReading) -> None:
    """Say how many labels were illegal, and what became of them, at the place of the first; else nothing."""
    if reading.illegal:
        sentence, position = reading.illegal[0]
        warn(
            f"{_place(sentence, position)} is not legal {reading.encoding}{_of(reading)}; "
            f"such labels {reading.outcome}",
            path=sentence.path,
            line=line_of(sentence, position),
        )


def decode_conlleval(labels: Sequence[str]) -> list[Span]:
    """Return the spans of any labels with the prefixes B, I, E and S, as conlleval and seqeval's default do.

    A span begins with `B-` or `S-`, after `O`, `E-` or `S-`, and where the entity type changes.

    >>> decode_conlleval(["O", "I-PER", "I-PER", "I-LOC", "E-LOC", "E-LOC"])
    [Span(start=1, end=3, type='PER'), Span(start=3, end=5, type='LOC'), Span(start=5, end=6, type='LOC')]
    """
    spans: list[Span] = []
    open_type = None  # of the span that the label before leaves open
    for position, label in enumerate(labels):
        prefix, _, type_ = label.partition("-")
        if prefix != "O":
            if prefix in ("B", "S") or type_ != open_type:
                spans.append(Span(position, position + 1, type_))
            else:
                spans[-1] = spans[-1]._replace(end=position + 1)
        open_type = type_ if prefix in ("B", "I") else None
    return spans


def _require_labels(sentences: Sequence[Sentence]) -> None:
    """Raises InputError where every label of a gold file is `_` or `-`, which stand for an empty column."""
    found = set().union(*(sentence.labels or () for sentence in sentences))
    if found and found <= {"_", "-"}:
        raise InputError(
            f"every label is {' or '.join(sorted(map(repr, found)))}, which says that there is none",
            path=sentences[0].path,
            line=line_of(sentences[0], 0),
            hint="O stands for words outside every entity; is this the column, or the key, of the labels?",
        )


def _best_fitting(canonical: Sequence[Sequence[str]]) -> tuple[str, bool]:
    """The encoding with the fewest illegal labels (see `read_labels`), and whether there are none."""
    for name in READABLE:
        if all(first_fault(name, labels) is None for labels in canonical):
            return name, True
    prefixes = {label[0] for labels in canonical for label in labels} & {"E", "S"}

    def rank(name: str) -> tuple[int, bool]:
        its_own = {READABLE[name].last, READABLE[name].single} & {"E", "S"}
        return sum(len(faults(name, labels)) for labels in canonical), prefixes != its_own

    return min(READABLE, key=rank), False


def _place(sentence: Sentence, position: int) -> str:
    labels = sentence.labels or []
    previous = labels[position - 1] if position else "the start of the sentence"
    return f"label {labels[position]} of the word {sentence.tokens[position]!r} after {previous}"


def _of(reading: LabelReading) -> str:
    return f" (first of {len(reading.illegal):,})" if len(reading.illegal) > 1 else ""


def _illegal_error(reading: LabelReading) -> InputError:
    """Count the illegal labels, name the first three, and say what can be done."""
    (sentence, position), *others = reading.illegal
    also = "; ".join(f"line {line_of(*each)}, {_place(*each)}" for each in others[: SHOWN - 1])
    return InputError(
        f"{_place(sentence, position)} is not legal {reading.encoding}{_of(reading)}",
        path=sentence.path,
        line=line_of(sentence, position),
        hint=(f"also {also}{' …' * bool(others[SHOWN - 1 :])}\n  " if others else "")
        + "--repair conlleval reads a stray I- as the beginning of a span, --repair discard reads it as O",
    )


# ---------------------------------------------------------------- label sets

NORNE_TYPES = ("PER", "ORG", "GPE_LOC", "PROD", "LOC", "GPE_ORG", "DRV", "EVT")


def norne_first(types: Iterable[str]) -> list[str]:
    """Return the entity types: NorNE's in the paper's order, then the others by name."""
    found = set(types)
    return [*(type_ for type_ in NORNE_TYPES if type_ in found), *sorted(found.difference(NORNE_TYPES))]


_SAME = {type_: type_ for type_ in NORNE_TYPES}

# NorNE paper, section 5.2; `4` is CoNLL-2003's set, the common ground with other corpora.
LABEL_SETS: dict[str, dict[str, str]] = {
    "full": _SAME,
    "7": {**_SAME, "GPE_LOC": "GPE", "GPE_ORG": "GPE"},
    "6": {**_SAME, "GPE_LOC": "LOC", "GPE_ORG": "ORG"},
    "4": {"PER": "PER", "ORG": "ORG", "GPE_ORG": "ORG", "LOC": "LOC", "GPE_LOC": "LOC",
          "PROD": "MISC", "EVT": "MISC", "DRV": "MISC", "MISC": "MISC"},
}  # fmt: skip


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
            f"--labels {name} is not a known label set.{did_you_mean(name, known)}",
            hint=f"known: {' '.join(known)}, or a TOML file with a table [types]",
        )

    @classmethod
    def _from_toml(cls, path: Path) -> LabelSet:
        content = read_toml(path)
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
        name = str(content.get("name", path.stem))
        if name in (*LABEL_SETS, "file") or "|" in name:
            raise InputError(
                f"the label set is called {name!r}, expected a name of its own without |",
                path=path,
                hint='name = "mine" at the top of the file names it; without it the file name does',
            )
        unknown = sorted(content.keys() - {"name", "types"})
        if unknown:
            meant = did_you_mean(unknown[0], ("name", "types"))
            raise InputError(f"unknown key {unknown[0]!r}, expected name and [types].{meant}", path=path)
        return cls(name, types)

    def map(self, sentence: Sentence) -> list[Span]:
        """The sentence's spans with this set's types. Raises InputError for a type it does not know."""
        mapped = []
        for start, end, type_ in sentence.spans or ():
            to = type_ if self.types is None else self.types.get(type_)
            if to is None:
                raise InputError(
                    f"entity type {type_} is not in the label set {self.name}"
                    f" ({' '.join(self.types or ())}).{did_you_mean(type_, self.types or ())}",
                    path=sentence.path,
                    line=line_of(sentence, start),
                    hint="--labels file keeps the types as they stand; a TOML file maps them",
                )
            if to != "O" or self.types is None:
                mapped.append(Span(start, end, to))
        return mapped
