"""Read the label dialects of files: labels as written come in; standard labels (`O`, `B-PER`) go out.

    standard   B-PER I-PER O   also E S, BILOU's L U and BMES's M: nothing is assumed
    letters    B_PER B:PER b-PER     another separator or letter case; b-per, all in lower case, is B-PER
    outside    0 _ - o         for O
    suffix     PER-B PER_I     the prefix at the end
    untyped    B I             no entity type: every span has the type ENTITY
    bare       PER PER O       no prefix, as in Stanford's files: a run of one type is one span

The dialect is that of the file: `letters` and `outside` may stand beside standard labels, the last three only
beside `O`. A label that fits in none, or not among the others, would have to be guessed: an InputError.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from bilstm_crf.errors import InputError, warn
from bilstm_crf.sentence import Sentence

UNTYPED = "ENTITY"  # the entity type of labels that are a prefix alone
OUTSIDE = ("o", "0", "_", "-")  # what else stands for O
# A prefix as the encodings of labels.py have it. BILOU says L and U, BMES says M.
PREFIXES = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S", "M": "I"}
SEPARATORS = ("-", "_", ":")  # between prefix and entity type
LABEL = re.compile(r"O|[BIESLUM]-.+")  # as nearly all files write it
# Labels of every dialect but bare types, to tell columns by; `parse` says what each means
LOOSE_LABEL = re.compile(r"[O0_-]|[BIESLUM](?:[-_:].+)?|[A-Z].*[-_:][BIESLUM]", re.IGNORECASE)
# A hyphen after one or two letters looks like a prefix that we do not know, no entity type.
_UNKNOWN_PREFIX = re.compile(r"\w{0,2}-|.*-$")
# Kinds of label that are at home in one file. The first is the default.
_FAMILIES = {"standard": "prefixed", "letters": "prefixed", "suffix": "suffix", "untyped": "untyped",
             "bare": "bare"}  # fmt: skip
_WRITTEN = {
    "prefixed": "O, or one of B I E S (L U M), a hyphen and an entity type, as in B-PER",
    "suffix": "O, or an entity type, a hyphen and one of B I E S, as in PER-B",
    "untyped": "O, B or I alone",
    "bare": "O, or an entity type alone, as in PER",
}


class Parsed(NamedTuple):
    """One label by itself. `prefix` is empty for a bare type, `type` for `O`."""

    kind: str  # standard, letters, outside, suffix, untyped, bare, or "" for what is no label
    prefix: str
    type: str


def is_entity_type(text: str) -> bool:
    """Return whether a label with this type can stand in every format: not empty, no blanks, no `|`."""
    return bool(text) and "|" not in text and not any(map(str.isspace, text))


@lru_cache(maxsize=4096)
def parse(label: str) -> Parsed:
    """Take one label apart.

    >>> parse("U-PER"), parse("b-per"), parse("PER_I")
    (Parsed(kind='standard', prefix='S', type='PER'), Parsed(kind='letters', prefix='B', type='PER'), Parsed(kind='suffix', prefix='I', type='PER'))
    """  # noqa: E501
    if label == "O":
        return Parsed("standard", "O", "")
    if label in OUTSIDE:
        return Parsed("outside", "O", "")
    if label.upper() in PREFIXES:
        return Parsed("untyped", PREFIXES[label.upper()], UNTYPED)
    found = Parsed("", "", "")
    first, last = label[:1], label[-1:]
    if first in PREFIXES and label[1:2] == "-":
        found = Parsed("standard", PREFIXES[first], label[2:])
    elif first.upper() in PREFIXES and label[1:2] in SEPARATORS:
        type_ = label[2:]
        whole = first.islower() and type_.islower()  # b-per, not b-PER nor B_person
        found = Parsed("letters", PREFIXES[first.upper()], type_.upper() if whole else type_)
    elif last.upper() in PREFIXES and label[-2:-1] in SEPARATORS:
        type_ = label[:-2]
        whole = last.islower() and type_.islower()
        found = Parsed("suffix", PREFIXES[last.upper()], type_.upper() if whole else type_)
    elif not _UNKNOWN_PREFIX.match(label):
        found = Parsed("bare", "", label)
    odd = found.type == "O" and found.kind != "standard"  # `o-b`: no type that anybody meant
    return found if is_entity_type(found.type) and not odd else Parsed("", "", found.type)


def line_of(sentence: Sentence, position: int) -> int | None:
    """Return the line of a token, from 1; else the first line of its sentence; None if unknown."""
    return sentence.lines[position] if position < len(sentence.lines) else sentence.line or None


@dataclass(frozen=True)
class Dialect:
    """The label dialect of one file."""

    family: str  # prefixed, suffix, untyped or bare
    table: dict[str, str]  # each label to the standard one, which of a bare type is B-TYPE
    is_standard: bool  # every label is its own standard label, and the table is empty

    def read(self, sentence: Sentence) -> list[str]:
        """Return the sentence's labels as `O` or B, I, E, S, a hyphen and an entity type.

        Raises InputError for a label that the dialect does not have.
        """
        labels = sentence.labels or []
        if self.is_standard:
            return labels
        try:
            found = [self.table[label] for label in labels]
        except KeyError:
            position = next(i for i, label in enumerate(labels) if label not in self.table)
            raise self._unreadable(sentence, position) from None
        if self.family == "bare":
            continued = [one != "O" and one == other for one, other in pairwise(["O", *found])]
            found = [
                "I" + label[1:] if goes_on else label for label, goes_on in zip(found, continued, strict=True)
            ]
        return found

    def _unreadable(self, sentence: Sentence, position: int) -> InputError:
        label = (sentence.labels or [])[position]
        expected, hint = f"expected {_WRITTEN[self.family]}", None
        if parse(label).kind:
            hint = "other labels of the file are written in this way; what this one means would be a guess"
        return InputError(
            f"label {label!r} of the word {sentence.tokens[position]!r}: {expected}",
            path=sentence.path,
            line=line_of(sentence, position),
            hint=hint,
        )


def dialect_of(sentences: Sequence[Sentence]) -> Dialect:
    """Return the dialect of a file's labels: that of most of them where they are mixed."""
    labels = set().union(*(sentence.labels or () for sentence in sentences))
    parsed = {label: parse(label) for label in labels}
    if all(kind == "standard" and label[:1] == prefix for label, (kind, prefix, _) in parsed.items()):
        return Dialect("prefixed", {}, is_standard=True)
    family = _family(sentences, parsed)
    own_types = {each.type for each in parsed.values() if each.kind == "standard"}
    table = {}
    for label, (kind, prefix, type_) in parsed.items():
        if prefix == "O":
            table[label] = "O"
        elif kind and _FAMILIES[kind] == family:
            if kind == "letters" and type_ not in own_types and label[2:] in own_types:
                type_ = label[2:]  # `b-person` beside `B-person` is no new type PERSON
            table[label] = f"{prefix or 'B'}-{type_}"
    return Dialect(family, table, is_standard=False)


def _family(sentences: Sequence[Sentence], parsed: dict[str, Parsed]) -> str:
    """Return the most frequent family of labels; of equally frequent ones, the first in _FAMILIES."""
    counts = Counter(label for sentence in sentences for label in sentence.labels or ())
    families: Counter[str] = Counter(dict.fromkeys(_FAMILIES.values(), 0))
    for label, (kind, prefix, _) in parsed.items():
        if kind and prefix != "O":
            families[_FAMILIES[kind]] += counts[label]
    # Any word could be a bare type; an `O` among them tells that these are labels.
    if not any(each.prefix == "O" for each in parsed.values()):
        del families["bare"]
    return families.most_common(1)[0][0]


def canonical_labels(sentences: Sequence[Sentence]) -> list[list[str]]:
    """Return the standard labels of each sentence of one file, and warn once of each thing assumed.

    Raises InputError for a label that would have to be guessed, with its place.
    """
    dialect = dialect_of(sentences)
    canonical = [dialect.read(sentence) for sentence in sentences]
    if not dialect.is_standard:
        _say_assumed(sentences, dialect)
    return canonical


def _say_assumed(sentences: Sequence[Sentence], dialect: Dialect) -> None:
    """Warn once for each kind of odd label, at its first occurrence."""
    missing = {parse(label).kind for label in dialect.table} - {"standard"}
    for sentence in sentences:
        if not missing:
            return
        for position, label in enumerate(sentence.labels or ()):
            kind = parse(label).kind
            if kind in missing:
                missing.remove(kind)
                warn(
                    _assumed(kind, label, dialect.table[label]),
                    path=sentence.path,
                    line=line_of(sentence, position),
                )


def _assumed(kind: str, label: str, standard: str) -> str:
    if kind == "untyped":
        return f"label {label!r} has no entity type: such labels are read as {standard}"
    if kind == "bare":
        return f"label {label!r} has no prefix: a run of one type is read as one span"
    return f"labels such as {label!r} are read as {standard}"
