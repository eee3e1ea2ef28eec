"""Dropping: sentences left out of a training set by named filters, counted and listed.

    ill-formed   its labels are not legal in the file's encoding: the one in which most of the file's
                 sentences are (the first of IOB2, IOB1, IOBES, IOBS, IOBE where several are alike)
    empty        it has no visible character; one without entities is not empty, it teaches where no name is
    leaked       its text is that of a dev or test sentence: the scores would say what was learnt by heart
    repeated     its text is that of an earlier training sentence that was kept

A sentence is counted once, under the first of these that holds. Two texts are the same where their characters
are, in Unicode's composed form and without white space: so another tokenisation or another spelling of `å` in
bytes hides no twin, which between corpora is the rule. Case and digits are as they stand: `Side 3` and
`Side 4` are two sentences. What dev and test themselves hold is never touched.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bilstm_crf.errors import InputError, UsageError, did_you_mean
from bilstm_crf.labels import NAMES, FileLabels, faults, line_of, read_spans
from bilstm_crf.sentence import Sentence

FILTERS = {
    "ill-formed": "labels not legal in their file's encoding",
    "empty": "no visible character",
    "leaked": "text of a dev or test sentence",
    "repeated": "text of an earlier training sentence",
}
SHOWN_WORDS, SHOWN_CHARACTERS = 6, 60  # enough to know a sentence by, and no excerpt of a corpus


@dataclass(frozen=True)
class Dropped:
    """A sentence that was left out."""

    reason: str  # the filter's name
    path: str
    line: int  # its first line there, from 1
    words: str  # the first of them
    detail: str  # which label, or where the same text stands


def check_filters(names: Iterable[str]) -> None:
    """Raises UsageError for a name that is no filter."""
    for name in names:
        if name not in FILTERS:
            hint = f"filters: {' '.join(FILTERS)}"
            raise UsageError(f"{name!r} is not a known filter.{did_you_mean(name, FILTERS)}", hint=hint)


def well_formed(sentences: Sequence[Sentence]) -> tuple[list[Sentence], list[Dropped]]:
    """The filter `ill-formed` on the labelled sentences of one file: those it keeps, and those it drops.

    All labels of those kept are legal in one encoding, so `read_spans` takes them. Where none could be kept
    it raises the InputError of `read_spans`: that is not a file with some bad sentences.
    """
    dialect = FileLabels.of(sentences)
    legal = [_encodings(sentence, dialect) for sentence in sentences]
    encoding = max(NAMES, key=lambda name: sum(name in each for each in legal))
    kept, dropped = [], []
    for sentence, encodings in zip(sentences, legal, strict=True):
        if encoding in encodings:
            kept.append(sentence)
        else:
            dropped.append(_dropped("ill-formed", sentence, _fault(sentence, encoding, dialect)))
    if not kept:
        read_spans(sentences)  # raises, and says what is wrong with them
    return kept, dropped


def _encodings(sentence: Sentence, dialect: FileLabels) -> set[str]:
    """The encodings in which all labels of the sentence are legal."""
    try:
        labels = dialect.standard(sentence)
    except InputError:  # something that is a label in none
        return set()
    return {name for name in NAMES if not faults(name, labels)}


def _fault(sentence: Sentence, encoding: str, dialect: FileLabels) -> str:
    """What is not legal in the encoding, and where."""
    try:
        position = faults(encoding, dialect.standard(sentence))[0]
    except InputError as error:
        return str(error)
    assert sentence.labels is not None
    previous = sentence.labels[position - 1] if position else "the start of the sentence"
    return (
        f"{sentence.path}, line {line_of(sentence, position)}: label {sentence.labels[position]} of the word "
        f"{sentence.tokens[position]!r} after {previous} is not legal {NAMES[encoding]}"
    )


def leave_out(
    corpora: Sequence[Sequence[Sentence]], filters: Collection[str], evaluation: Iterable[Sentence] = ()
) -> tuple[list[list[Sentence]], list[Dropped]]:
    """The filters but `ill-formed` on all training corpora together: what each keeps, and what is dropped.

    `evaluation` holds the sentences of dev and test. Of a text that several corpora have, the first named
    keeps it: gold before automatic labels. Raises InputError where nothing is left at all.
    """
    evaluated = {_text(sentence): sentence for sentence in evaluation} if "leaked" in filters else {}
    met: dict[str, Sentence] = {}
    kept: list[list[Sentence]] = []
    dropped: list[Dropped] = []
    for corpus in corpora:
        kept.append([])
        for sentence in corpus:
            text = _text(sentence)
            if "empty" in filters and not _is_visible(text):
                dropped.append(_dropped("empty", sentence, ""))
            elif text in evaluated:
                dropped.append(_dropped("leaked", sentence, _place(evaluated[text])))
            elif "repeated" in filters and text in met:
                dropped.append(_dropped("repeated", sentence, _place(met[text])))
            else:
                kept[-1].append(sentence)
                met.setdefault(text, sentence)
    if dropped and not any(kept):
        raise InputError(f"no sentence is left to train on: {summary(dropped, 0)}", hint="use fewer filters")
    return kept, dropped


def _text(sentence: Sentence) -> str:
    """What is compared; see the top of this file."""
    return unicodedata.normalize("NFC", "".join("".join(sentence.tokens).split()))


def _is_visible(text: str) -> bool:
    """Whether a text without white space shows anything: not control or format characters alone."""
    return any(character.isprintable() for character in text)


def _place(sentence: Sentence) -> str:
    return f"the text of {sentence.path}, line {sentence.line}"


def _dropped(reason: str, sentence: Sentence, detail: str) -> Dropped:
    words = " ".join(sentence.tokens[:SHOWN_WORDS])
    if len(words) > SHOWN_CHARACTERS or len(sentence) > SHOWN_WORDS:
        words = f"{words[:SHOWN_CHARACTERS]} …"
    return Dropped(reason, sentence.path, sentence.line, words, detail)


def counts(dropped: Iterable[Dropped]) -> dict[str, int]:
    """How many sentences each filter dropped; those that dropped none are not there."""
    found = Counter(each.reason for each in dropped)
    return {name: found[name] for name in FILTERS if found[name]}


def summary(dropped: Sequence[Dropped], kept: int) -> str:
    """One line for a person.

    >>> summary([Dropped("leaked", "a.conllu", 7, "Side 3", "the text of b.conllu, line 1")], 11)
    'dropped 1 of 12 sentences: 1 leaked (text of a dev or test sentence)'
    """
    parts = [f"{count:,} {name} ({FILTERS[name]})" for name, count in counts(dropped).items()]
    number = f"{len(dropped):,}" if dropped else "none"
    return f"dropped {number} of {kept + len(dropped):,} sentences{': ' * bool(parts)}{', '.join(parts)}"
