"""Labels: encodings, the dialects that files write them in, and label sets.

    file's labels --dialect--> standard labels --encoding--> spans, and back

A standard label is `O` or a prefix, a hyphen and an entity type (`B-PER`). An encoding assigns
prefixes to the tokens of a span by its length (NorNE paper, section 5.2):

    encoding   one token   longer
    iob        B           B I … I        (IOB2)
    iobe       B           B I … E
    iobs       S           B I … I
    iobes      S           B I … E        (also called BIOES, BMES, BILOU)

Decoding is strict: a span is a run of labels that the encoding writes for it, read greedily from
the left; any other label counts as `O`. For IOB this equals seqeval's strict IOB2, for IOBES its
strict IOBES.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from bilstm_crf.errors import InputError, UsageError, did_you_mean, warn
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.files import read_toml


def is_entity_type(text: str) -> bool:
    """Return whether every format can hold a label with this type: not empty, no blanks, no `|`."""
    return bool(text) and "|" not in text and not any(map(str.isspace, text))


def line_of(sentence: Sentence, position: int) -> int | None:
    """Return the line of a token, else the first line of its sentence; None if unknown."""
    return sentence.lines[position] if position < len(sentence.lines) else sentence.line or None


# ---------------------------------------------------------------- encodings


@dataclass(frozen=True)
class Encoding:
    """The prefixes of a span's only, first, inner and last token; all transitions follow from them.

    >>> ENCODINGS["iobes"].encode([TokenSpan(0, 1, "PER"), TokenSpan(2, 5, "ORG")], 6)
    ['S-PER', 'O', 'B-ORG', 'I-ORG', 'E-ORG', 'O']
    """

    name: str
    single: str
    first: str
    inner: str
    last: str
    touching: str = ""  # IOB1: first prefix of a span directly behind one of the same type

    def prefixes(self, length: int) -> list[str]:
        """Return the prefixes of a span of `length` tokens (1 or more)."""
        if length == 1:
            return [self.single]
        return [self.first, *[self.inner] * (length - 2), self.last]

    def labels(self, types: Iterable[str]) -> list[str]:
        """Return every label that the encoding can write for `types`, `O` first."""
        prefixes = list(dict.fromkeys([self.first, self.inner, self.last, self.single]))
        return ["O", *(f"{prefix}-{type_}" for type_ in types for prefix in prefixes)]

    @cached_property
    def _continues(self) -> dict[str, set[str]]:
        """The prefixes that can follow a prefix inside a span."""
        inside = {self.inner, self.last}
        return {self.first: inside, self.inner: inside, **({self.touching: inside} if self.touching else {})}

    @cached_property
    def _ends(self) -> set[str]:
        """The prefixes that a span can end with."""
        return {self.single, self.last, self.touching} - {""}

    def can_begin(self, label: str) -> bool:
        """Return whether a sentence, or what follows a whole span, can begin with this label."""
        return label == "O" or label[0] in (self.single, self.first)

    def can_end(self, label: str) -> bool:
        """Return whether a sentence can end with this label: it leaves no span unfinished."""
        return label == "O" or label[0] in self._ends

    def continues(self, label: str, following: str) -> bool:
        """Return whether `following` continues the span of the label before it.

        >>> ENCODINGS["iobe"].continues("B-PER", "E-PER"), ENCODINGS["iobe"].continues("E-PER", "I-PER")
        (True, False)
        """
        return label[1:] == following[1:] and following[0] in self._continues.get(label[0], ())

    def follows(self, label: str, following: str) -> bool:
        """Return whether `following` is legal after `label`: it continues its span, or comes after it."""
        after = self.can_end(label) and self.can_begin(following)
        return after or self.continues(label, following)

    def encode(self, spans: Iterable[TokenSpan], length: int) -> list[str]:
        """Return the labels of a sentence of `length` tokens; spans are sorted and do not overlap."""
        labels = ["O"] * length
        previous = None
        for start, end, type_ in spans:
            labels[start:end] = [f"{prefix}-{type_}" for prefix in self.prefixes(end - start)]
            if self.touching and previous == (start, type_):
                labels[start] = f"{self.touching}-{type_}"
            previous = (end, type_)
        return labels

    def decode(self, labels: Sequence[str]) -> list[TokenSpan]:
        """Return the spans of `labels`; labels that are not legal count as `O`.

        >>> ENCODINGS["iob"].decode(["B-PER", "I-PER", "I-ORG", "O", "I-PER", "B-LOC"])
        [TokenSpan(start=0, end=2, type='PER'), TokenSpan(start=5, end=6, type='LOC')]
        >>> READABLE["iob1"].decode(["I-PER", "B-PER", "O", "B-LOC", "I-LOC"])
        [TokenSpan(start=0, end=1, type='PER'), TokenSpan(start=1, end=2, type='PER')]
        """
        spans: list[TokenSpan] = []
        position = 0
        while position < len(labels):
            if labels[position] == "O":
                position += 1
                continue
            start, end = position, 0
            prefix, _, type_ = labels[start].partition("-")
            touches = bool(self.touching and spans and spans[-1][1:] == (start, type_))
            begins = prefix in ((self.touching,) if touches else (self.single, self.first))
            while True:  # to the end of the run of legal transitions; `end` is the last legal end
                position += 1
                if prefix in self._ends:
                    end = position
                if position == len(labels):
                    break
                following, _, next_type = labels[position].partition("-")
                if next_type != type_ or following not in self._continues.get(prefix, ()):
                    break
                prefix = following
            if begins and end:
                spans.append(TokenSpan(start, end, type_))
        return spans


ENCODINGS: dict[str, Encoding] = {
    encoding.name: encoding
    for encoding in (
        Encoding("iob", single="B", first="B", inner="I", last="I"),
        Encoding("iobe", single="B", first="B", inner="I", last="E"),
        Encoding("iobs", single="S", first="B", inner="I", last="I"),
        Encoding("iobes", single="S", first="B", inner="I", last="E"),
    )
}
# Encodings that can be read, in the order in which they are tried
READABLE: dict[str, Encoding] = {
    "iob": ENCODINGS["iob"],
    "iob1": Encoding("iob1", single="I", first="I", inner="I", last="I", touching="B"),
    "iobes": ENCODINGS["iobes"],
    "iobs": ENCODINGS["iobs"],
    "iobe": ENCODINGS["iobe"],
}
NAMES = {"iob": "IOB2", "iob1": "IOB1", "iobes": "IOBES", "iobs": "IOBS", "iobe": "IOBE"}


def decode_conlleval(labels: Sequence[str]) -> list[TokenSpan]:
    """Return the spans of any labels as conlleval and seqeval's default do.

    A span begins with `B-` or `S-`, after `O`, `E-` or `S-`, and where the entity type changes.

    >>> decode_conlleval(["O", "I-PER", "I-PER", "I-LOC", "E-LOC"])
    [TokenSpan(start=1, end=3, type='PER'), TokenSpan(start=3, end=5, type='LOC')]
    """
    spans: list[TokenSpan] = []
    open_type = None  # of the span that the label before leaves open
    for position, label in enumerate(labels):
        prefix, _, type_ = label.partition("-")
        if prefix != "O":
            if prefix in ("B", "S") or type_ != open_type:
                spans.append(TokenSpan(position, position + 1, type_))
            else:
                spans[-1] = spans[-1]._replace(end=position + 1)
        open_type = type_ if prefix in ("B", "I") else None
    return spans


def faults(name: str, labels: Sequence[str]) -> list[int]:
    """Return the positions at which `labels` are not legal in the encoding `name`."""
    encoding = READABLE[name]
    legal = encoding.encode(encoding.decode(labels), len(labels))
    return [position for position, (a, b) in enumerate(zip(labels, legal, strict=True)) if a != b]


# ---------------------------------------------------------------- dialects

UNTYPED = "ENTITY"  # entity type of labels that are a prefix alone
# Prefix in a file to standard prefix; BILOU writes L and U, BMES writes M
PREFIXES = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S", "M": "I"}
LABEL = re.compile(r"O|[BIESLUM]-.+")  # standard, as nearly all files write it
# Labels of every dialect but bare types: enough to recognise a column of labels
LOOSE_LABEL = re.compile(r"[O0_-]|[BIESLUM](?:[-_:].+)?|[A-Z].*[-_:][BIESLUM]", re.IGNORECASE)


class Dialect(NamedTuple):
    """One way to write a label. The first pattern of `DIALECTS` that matches a label tells its kind."""

    kind: str
    family: str  # dialects of one family can be mixed in one file
    pattern: re.Pattern[str]  # groups `prefix` and `type`
    assumed: str  # what to tell the user once; empty for standard labels


_ANY = "[BIESLUMbieslum]"
DIALECTS = (
    Dialect("standard", "prefixed", re.compile(r"O|(?P<prefix>[BIESLUM])-(?P<type>.*)", re.DOTALL), ""),
    Dialect("outside", "prefixed", re.compile("[o0_-]"), "labels such as {label!r} are read as O"),
    Dialect(
        "untyped",
        "untyped",
        re.compile(f"(?P<prefix>{_ANY})"),
        "label {label!r} has no entity type: such labels are read as {standard}",
    ),
    Dialect(  # B_PER B:PER b-PER; b-per in lower case is B-PER
        "letters",
        "prefixed",
        re.compile(f"(?P<prefix>{_ANY})[-_:](?P<type>.*)", re.DOTALL),
        "labels such as {label!r} are read as {standard}",
    ),
    Dialect(  # PER-B PER_I
        "suffix",
        "suffix",
        re.compile(f"(?P<type>.*)[-_:](?P<prefix>{_ANY})", re.DOTALL),
        "labels such as {label!r} are read as {standard}",
    ),
    Dialect(  # PER PER O; one or two letters and a hyphen look like an unknown prefix instead
        "bare",
        "bare",
        re.compile(r"(?!\w{0,2}-|.*-$)(?P<type>.*)", re.DOTALL),
        "label {label!r} has no prefix: a run of one type is read as one span",
    ),
)
_BY_KIND = {dialect.kind: dialect for dialect in DIALECTS}
_FAMILIES = {
    "prefixed": "O, or one of B I E S (L U M), a hyphen and an entity type, as in B-PER",
    "suffix": "O, or an entity type, a hyphen and one of B I E S, as in PER-B",
    "untyped": "O, B or I alone",
    "bare": "O, or an entity type alone, as in PER",
}


class Parsed(NamedTuple):
    """One label by itself. `prefix` is empty for a bare type, `type` for `O`."""

    kind: str  # of its dialect, or "" if it is not a label
    prefix: str
    type: str


@lru_cache(maxsize=4096)
def parse(label: str) -> Parsed:
    """Split one label into dialect, standard prefix and entity type.

    >>> parse("U-PER"), parse("b-per"), parse("PER_I")[1:], parse("Q-PER").kind
    (Parsed(kind='standard', prefix='S', type='PER'), Parsed(kind='letters', prefix='B', type='PER'), ('I', 'PER'), '')
    """  # noqa: E501
    for kind, _, pattern, _ in DIALECTS:
        if (found := pattern.fullmatch(label)) is not None:
            groups = found.groupdict()
            prefix, type_ = groups.get("prefix") or "", groups.get("type")
            if type_ is None:
                return Parsed(kind, PREFIXES[prefix.upper()], UNTYPED) if prefix else Parsed(kind, "O", "")
            if kind in ("letters", "suffix") and prefix.islower() and type_.islower():
                type_ = type_.upper()
            if not is_entity_type(type_) or (type_ == "O" and kind != "standard"):
                return Parsed("", "", type_)
            return Parsed(kind, PREFIXES.get(prefix.upper(), ""), type_)
    return Parsed("", "", "")


@dataclass(frozen=True)
class FileLabels:
    """The label dialect of one file: its family, and the standard label of each label."""

    family: str
    table: dict[str, str] | None  # None: every label is standard

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> FileLabels:
        """Return the family that most labels of a file belong to, and the labels of that family."""
        labels = set().union(*(sentence.labels or () for sentence in sentences))
        parsed = {label: parse(label) for label in labels}
        if all(kind == "standard" and label[:1] == prefix for label, (kind, prefix, _) in parsed.items()):
            return cls("prefixed", None)
        counts = Counter(label for sentence in sentences for label in sentence.labels or ())
        families = Counter(dict.fromkeys(_FAMILIES, 0))
        for label, (kind, prefix, _) in parsed.items():
            if kind and prefix != "O":
                families[_BY_KIND[kind].family] += counts[label]
        if not any(each.prefix == "O" for each in parsed.values()):
            del families["bare"]  # any word could be a bare type
        family = families.most_common(1)[0][0]
        own_types = {each.type for each in parsed.values() if each.kind == "standard"}
        table = {}
        for label, (kind, prefix, type_) in parsed.items():
            if prefix == "O":
                table[label] = "O"
            elif kind and _BY_KIND[kind].family == family:
                if kind == "letters" and type_ not in own_types and label[2:] in own_types:
                    type_ = label[2:]  # `b-person` beside `B-person` is no new type PERSON
                table[label] = f"{prefix or 'B'}-{type_}"
        return cls(family, table)

    def standard(self, sentence: Sentence) -> list[str]:
        """Return the sentence's standard labels. Raises InputError for a label of another family."""
        labels = sentence.labels or []
        if self.table is None:
            return labels
        for position, label in enumerate(labels):
            if label not in self.table:
                foreign = (
                    "other labels of the file are written in this way; reading this one would be a guess"
                )
                raise InputError(
                    f"label {label!r} of the word {sentence.tokens[position]!r}: "
                    f"expected {_FAMILIES[self.family]}",
                    path=sentence.path,
                    line=line_of(sentence, position),
                    hint=foreign if parse(label).kind else None,
                )
        found = [self.table[label] for label in labels]
        if self.family == "bare":
            continued = [one != "O" and one == other for one, other in pairwise(["O", *found])]
            found = [
                "I" + each[1:] if goes_on else each for each, goes_on in zip(found, continued, strict=True)
            ]
        return found

    def warn(self, sentences: Sequence[Sentence]) -> None:
        """Warn once for each dialect that is not standard, at its first label."""
        missing = {parse(label).kind for label in self.table or ()} - {"standard"}
        for sentence in sentences if missing else ():
            for position, label in enumerate(sentence.labels or ()):
                kind = parse(label).kind
                if kind in missing:
                    missing.remove(kind)
                    message = _BY_KIND[kind].assumed.format(label=label, standard=(self.table or {})[label])
                    warn(message, path=sentence.path, line=line_of(sentence, position))


# ---------------------------------------------------------------- reading a file's labels

Repair = Literal["conlleval", "discard"]  # how illegal labels are read
MAX_PLACES = 3  # places of illegal labels in a message


@dataclass(frozen=True)
class LabelReading:
    """The encoding and the illegal labels of one file."""

    encoding: str  # IOB2, IOB1, IOBES, IOBS or IOBE
    illegal: list[tuple[Sentence, int]]  # sentence and token of each illegal label
    repair: Repair  # how these were read

    @property
    def is_lenient(self) -> bool:
        """Whether illegal labels made spans."""
        return bool(self.illegal) and self.repair == "conlleval"

    @property
    def outcome(self) -> str:
        """A description, for a message, of how illegal labels were read."""
        return "begin or continue a span" if self.repair == "conlleval" else "count as O"

    @property
    def first(self) -> str:
        """The first illegal label and their number, for a message."""
        more = f" (first of {len(self.illegal):,})" if len(self.illegal) > 1 else ""
        return f"{describe_label(*self.illegal[0])} is not legal {self.encoding}{more}"

    def error(self) -> InputError:
        """Return an error that counts the illegal labels, with the first places and what to do."""
        others = [
            f"line {line_of(*each)}, {describe_label(*each)}" for each in self.illegal[1 : MAX_PLACES + 1]
        ]
        also = f"also {'; '.join(others[: MAX_PLACES - 1])}{' …' * (len(others) == MAX_PLACES)}\n  "
        sentence, position = self.illegal[0]
        return InputError(
            self.first,
            path=sentence.path,
            line=line_of(sentence, position),
            hint=also * bool(others)
            + "--repair conlleval lets a stray I- begin a span, --repair discard reads it as O",
        )


def describe_label(sentence: Sentence, position: int) -> str:
    """Return a label with its word and the label before it, for a message."""
    labels = sentence.labels or []
    previous = labels[position - 1] if position else "the start of the sentence"
    return f"label {labels[position]} of the word {sentence.tokens[position]!r} after {previous}"


def read_labels(
    sentences: Iterable[Sentence],
    *,
    lenient: bool = False,
    repair: Repair | None = None,
    dialect: FileLabels | None = None,
) -> LabelReading:
    """Set `spans` of every labelled sentence of one file from its `labels`.

    The encoding is the one with the fewest illegal labels; of equal ones, one whose prefixes E and S
    are those that occur, then the first of IOB2, IOB1, IOBES (BILOU, BMES), IOBS, IOBE. `repair`
    decides how illegal labels are read:

        conlleval   they begin or continue a span (`decode_conlleval`)
        discard     they count as `O`
        None        InputError that counts them; with `lenient` (a system's output) as discard

    `dialect` is that of the whole file, if the sentences are a part of it.

    Raises InputError also for a label of no known dialect. Warns of each dialect but the standard one, and
    of the number of illegal labels unless `lenient`.
    """
    sentences = [sentence for sentence in sentences if sentence.labels is not None]
    if not lenient:
        _require_labels(sentences)
    dialect = dialect or FileLabels.of(sentences)
    standard = [dialect.standard(sentence) for sentence in sentences]
    dialect.warn(sentences)
    name, wrong = _best_fitting(standard)
    illegal = [
        (sentence, place) for sentence, places in zip(sentences, wrong, strict=True) for place in places
    ]
    reading = LabelReading(NAMES[name], illegal, repair or "discard")
    if illegal and not lenient:
        error = reading.error()
        if repair is None:
            raise error
        warn(f"{reading.first}; such labels {reading.outcome}", path=error.path, line=error.line)
    decode = decode_conlleval if reading.is_lenient else READABLE[name].decode
    for sentence, labels in zip(sentences, standard, strict=True):
        sentence.token_spans = decode(labels)
    return reading


def read_spans(sentences: Iterable[Sentence], *, lenient: bool = False, repair: Repair | None = None) -> str:
    """Set `spans` as `read_labels` does, and return the encoding."""
    return read_labels(sentences, lenient=lenient, repair=repair).encoding


def has_illegal_labels(sentences: Iterable[Sentence]) -> bool:
    """Return whether any label of the file is illegal in the encoding that fits best."""
    sentences = [sentence for sentence in sentences if sentence.labels is not None]
    dialect = FileLabels.of(sentences)
    return any(_best_fitting([dialect.standard(sentence) for sentence in sentences])[1])


def _require_labels(sentences: Sequence[Sentence]) -> None:
    """Raise InputError if every label of a gold file is `_` or `-`, which stand for an empty column."""
    found = set().union(*(sentence.labels or () for sentence in sentences))
    if found and found <= {"_", "-"}:
        raise InputError(
            f"every label is {' or '.join(sorted(map(repr, found)))}, which marks an empty column",
            path=sentences[0].path,
            line=line_of(sentences[0], 0),
            hint="words outside entities have the label O; check --label-column or --misc-key",
        )


def _best_fitting(standard: Sequence[Sequence[str]]) -> tuple[str, list[list[int]]]:
    """Return the encoding with the fewest illegal labels (see `read_labels`), and their positions."""
    for name in READABLE:
        if not any(faults(name, labels) for labels in standard):
            return name, [[]] * len(standard)
    found = {name: [faults(name, labels) for labels in standard] for name in READABLE}
    prefixes = {label[0] for labels in standard for label in labels} & {"E", "S"}

    def rank(name: str) -> tuple[int, bool]:
        own = {READABLE[name].last, READABLE[name].single} & {"E", "S"}
        return sum(map(len, found[name])), prefixes != own

    best = min(READABLE, key=rank)
    return best, found[best]


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
    """A mapping from the entity types of a file to those of the model; `O` drops a type.

    `types` None (the set `file`) keeps every type.
    """

    name: str
    types: dict[str, str] | None

    @classmethod
    def named(cls, name: str, *, keep_misc: bool = False) -> LabelSet:
        """Return the set `full`, `7`, `6`, `4` or `file`, or read a TOML file with a table [types].

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
                f"the label set is called {name!r}, expected a new name without |",
                path=path,
                hint='set the name with name = "mine" at the top; the default is the file name',
            )
        unknown = sorted(content.keys() - {"name", "types"})
        if unknown:
            meant = did_you_mean(unknown[0], ("name", "types"))
            raise InputError(f"unknown key {unknown[0]!r}, expected name and [types].{meant}", path=path)
        return cls(name, types)

    def map(self, sentence: Sentence) -> list[TokenSpan]:
        """Return the sentence's spans with this set's types. Raises InputError for an unknown type."""
        if self.types is None:
            return list(sentence.token_spans or ())
        mapped = []
        for start, end, type_ in sentence.token_spans or ():
            to = self.types.get(type_)
            if to is None:
                raise InputError(
                    f"entity type {type_} is not in the label set {self.name}"
                    f" ({' '.join(self.types)}).{did_you_mean(type_, self.types)}",
                    path=sentence.path,
                    line=line_of(sentence, start),
                    hint="--labels file keeps all types; a TOML file maps them",
                )
            if to != "O":
                mapped.append(TokenSpan(start, end, to))
        return mapped
