"""Kinds of findings, with severity and advice, and the places of what was found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bilstm_crf.labels import line_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import suffix_of

Severity = Literal["error", "warning"]
MIN_IN_TRAIN = 5  # entities of a type, below which it is called rare
MAX_TOKENS = 250  # of a sentence; NCRF++ drops longer ones, and few are real
MAX_TEXT = 60  # characters of a place's words: enough to recognise a sentence, and no excerpt of a corpus


class Kind(NamedTuple):
    """One kind of finding; `what` follows the count, `advice` says what to do."""

    severity: Severity  # error: training refuses the file
    what: str
    advice: str = ""


KINDS = {
    # ------------------------------------------------ training refuses
    "unreadable": Kind("error", "unreadable files"),
    "character-encoding": Kind("error", "lines that are not UTF-8"),
    "ill-formed": Kind("error", "ill-formed sentences or lines"),
    "no-sentences": Kind("error", "files without sentences"),
    "unlabelled": Kind("error", "sentences without labels"),
    "unknown-label": Kind(
        "error", "labels that are none in the style of their file", "write O, or a prefix and a type: B-PER"
    ),
    "illegal-label": Kind(
        "error",
        "labels that are illegal in their file's encoding",
        "correct them, or train with --repair conlleval (a stray I- begins a span) or discard (as O)",
    ),
    "unknown-type": Kind(
        "error",
        "entities of types that the label set lacks",
        "--labels file keeps all types; a TOML file maps them",
    ),
    # ------------------------------------------------ entity types
    "near-type": Kind(
        "warning", "pairs of entity types with nearly the same name", "if they are one, rename"
    ),
    "type-not-in-train": Kind(
        "warning", "entity types that train lacks", "the model cannot predict them: add examples to train"
    ),
    "rare-type": Kind(
        "warning",
        f"entity types with fewer than {MIN_IN_TRAIN} entities in train",
        "label more, or merge them into others",
    ),
    "no-entities": Kind(
        "warning",
        "splits without entities",
        "train without them teaches nothing, dev without them cannot choose an epoch",
    ),
    # ------------------------------------------------ copies
    "conflict": Kind("warning", "sentences that occur again with other labels", "label the copies alike"),
    "leak": Kind(
        "warning",
        "sentences of dev or test that another split has",
        "scores then reward memory: train with --filter leaked, or remove them",
    ),
    "near-leak": Kind(
        "warning",
        "sentences of dev or test that train has but for case or digits",
        "remove them from train if they are copies",
    ),
    "repeated": Kind(
        "warning", "copies of sentences within a split", "--filter repeated drops them from train"
    ),
    # ------------------------------------------------ annotation
    "slip": Kind(
        "warning", "entities labelled unlike nearly all others of the same name", "look at each: likely slips"
    ),
    "inconsistent": Kind(
        "warning",
        "names that are labelled in several ways",
        "ambiguous names are normal; check that the guidelines tell the cases apart",
    ),
    "suspicious": Kind(
        "warning",
        "places where models trained on the rest are sure of another annotation",
        "look at each: a wrong label, or a case that the guidelines leave open",
    ),
    "punctuation": Kind("warning", "entities of punctuation only", "remove the label"),
    "assumption": Kind("warning", "assumptions about files", "check that they are right"),
    # ------------------------------------------------ sentences and documents
    "empty-sentence": Kind(
        "warning", "sentences without a visible character", "remove them, or train with --filter empty"
    ),
    "empty-document": Kind("warning", "documents without sentences", "remove their first lines"),
    "long-sentence": Kind(
        "warning", f"sentences of more than {MAX_TOKENS} tokens", "a missing empty line? they train slowly"
    ),
    "blank": Kind(
        "warning", "tokens that hold a blank", "split them: tokenised text will not have such tokens"
    ),
    # ------------------------------------------------ characters
    "mojibake": Kind(
        "warning", "tokens that were decoded in the wrong encoding", "repair the file: Ã¸ was ø once"
    ),
    "replacement": Kind(
        "warning", "tokens with U+FFFD, the mark of a lost character", "restore them from the source"
    ),
    "control": Kind("warning", "tokens with control, private-use or unassigned characters", "remove them"),
    "invisible": Kind("warning", "tokens with invisible characters", "remove them"),
    "soft-hyphen": Kind("warning", "tokens with soft hyphens", "remove them: they are no part of a word"),
    "look-alike": Kind(
        "warning",
        "words that mix Latin letters with look-alikes of other scripts",
        "replace the look-alikes: word vectors do not know such words",
    ),
    "normalisation": Kind(
        "warning",
        "tokens in Unicode's decomposed form (NFD)",
        "convert the files to NFC, as word vectors and other texts have it",
    ),
}


class Place(NamedTuple):
    """Where something was found. `line` is None for a whole file."""

    file: str
    line: int | None
    text: str
    score: float | None = None  # the probability that something is wrong, where one was computed
    id: str | None = None  # of a record in a JSON array, all of which may be one line

    @property
    def shown(self) -> str:
        """`FILE:LINE`, with the id of a record behind it."""
        return self.file if self.line is None else f"{self.file}:{self.shown_line}"

    @property
    def shown_line(self) -> str:
        return f"{self.line}" if self.id is None else f"{self.line} (id {self.id})"


@dataclass
class Finding:
    """All findings of one kind."""

    kind: str
    severity: Severity
    places: list[Place] = field(default_factory=list)
    count: int = 0
    advice: str = ""  # replaces that of the kind

    @property
    def what(self) -> str:
        return KINDS[self.kind].what

    @property
    def to_do(self) -> str:
        return self.advice or KINDS[self.kind].advice


class Findings:
    """Collects findings by kind."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}

    def add(
        self,
        kind: str,
        places: Iterable[Place],
        *,
        count: int | None = None,
        severity: Severity | None = None,
        advice: str = "",
    ) -> None:
        """Add places of a kind; without `count`, each place counts as one. No places: nothing happens."""
        places = list(places)
        if not places:
            return
        found = self._found.setdefault(kind, Finding(kind, severity or KINDS[kind].severity))
        found.places += places
        found.count += len(places) if count is None else count
        found.advice = found.advice or advice

    @property
    def all(self) -> list[Finding]:
        """The findings, errors first, each group in the order of `KINDS`."""
        ordered = [self._found[kind] for kind in KINDS if kind in self._found]
        return sorted(ordered, key=lambda each: each.severity != "error")


def place_of(sentence: Sentence, text: str, position: int | None = None) -> Place:
    """Return the place of a token, or of the whole sentence."""
    line = sentence.line or None if position is None else line_of(sentence, position)
    is_array = suffix_of(sentence.path) == ".json"
    return Place(sentence.path, line, text, id=sentence.id if is_array else None)


def excerpt(sentence: Sentence, start: int = 0, end: int | None = None) -> str:
    """Return the words of a sentence, or of a span of it, shortened and in quotes."""
    words = " ".join(sentence.tokens[start:end])
    return repr(words if len(words) <= MAX_TEXT else words[:MAX_TEXT].rstrip() + " …")
