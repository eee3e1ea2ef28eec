"""Filters: leave sentences out of a training set by named rules, and list what was dropped.

    ill-formed   its labels are illegal in the file's encoding: the one in which most of its sentences
                 are legal (of equal ones, the first of IOB2, IOB1, IOBES, IOBS, IOBE)
    empty        it has no visible character (a sentence without entities is not empty)
    leaked       its text is that of a dev or test sentence, so scores would reward memory
    repeated     its text is that of an earlier training sentence that was kept

A sentence is counted once, under the first filter that applies. Texts are compared in Unicode's composed
form and without white space, so another tokenisation or encoding of `å` hides no copy. Case and digits
count: `Side 3` and `Side 4` differ. Dev and test are never changed.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bilstm_crf.errors import InputError, UsageError, did_you_mean
from bilstm_crf.labels import NAMES, FileLabels, describe_label, faults, line_of, read_spans
from bilstm_crf.sentence import Sentence

FILTERS = {
    "ill-formed": "labels not legal in their file's encoding",
    "empty": "no visible character",
    "leaked": "text of a dev or test sentence",
    "repeated": "text of an earlier training sentence",
}
MAX_WORDS, MAX_CHARACTERS = 6, 60  # enough to recognise a sentence, and no excerpt of a corpus


@dataclass(frozen=True)
class Dropped:
    """A sentence that was left out."""

    reason: str  # the filter's name
    path: str
    line: int  # its first line, from 1
    words: str  # the first ones
    detail: str  # which label, or where the same text is


def check_filters(names: Iterable[str]) -> None:
    """Raise UsageError for an unknown filter."""
    for name in names:
        if name not in FILTERS:
            hint = f"filters: {' '.join(FILTERS)}"
            raise UsageError(f"{name!r} is not a known filter.{did_you_mean(name, FILTERS)}", hint=hint)


def well_formed(sentences: Sequence[Sentence]) -> tuple[list[Sentence], list[Dropped]]:
    """Apply the filter `ill-formed` to the labelled sentences of one file; return kept and dropped ones.

    The labels of all kept sentences are legal in one encoding. Raises the InputError of `read_spans` if
    none can be kept: that is not a file with some bad sentences.
    """
    dialect = FileLabels.of(sentences)
    labels = [_standard(sentence, dialect) for sentence in sentences]
    wrong = {
        name: [None if isinstance(each, InputError) else faults(name, each) for each in labels]
        for name in NAMES
    }
    encoding = max(NAMES, key=lambda name: wrong[name].count([]))
    kept, dropped = [], []
    for sentence, found, positions in zip(sentences, labels, wrong[encoding], strict=True):
        if isinstance(found, InputError):
            dropped.append(_dropped("ill-formed", sentence, str(found)))
        elif positions:
            where = f"{sentence.path}, line {line_of(sentence, positions[0])}"
            what = f"{describe_label(sentence, positions[0])} is not legal {NAMES[encoding]}"
            dropped.append(_dropped("ill-formed", sentence, f"{where}: {what}"))
        else:
            kept.append(sentence)
    if not kept:
        read_spans(sentences)  # raises
    return kept, dropped


def _standard(sentence: Sentence, dialect: FileLabels) -> list[str] | InputError:
    try:
        return dialect.standard(sentence)
    except InputError as error:
        return error


def leave_out(
    corpora: Sequence[Sequence[Sentence]], filters: Collection[str], evaluation: Iterable[Sentence] = ()
) -> tuple[list[list[Sentence]], list[Dropped]]:
    """Apply all filters but `ill-formed` to the training corpora; return kept and dropped sentences.

    `evaluation` holds the sentences of dev and test. The first corpus with a text keeps it, so list gold
    labels before automatic ones. Raises InputError if nothing is left.
    """
    evaluated = (
        {comparable_text(sentence): sentence for sentence in evaluation} if "leaked" in filters else {}
    )
    met: dict[str, Sentence] = {}
    kept: list[list[Sentence]] = []
    dropped: list[Dropped] = []
    for corpus in corpora:
        kept.append([])
        for sentence in corpus:
            text = comparable_text(sentence)
            if "empty" in filters and not is_visible(text):
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


def comparable_text(sentence: Sentence) -> str:
    """Return the text that filters compare: NFC, without white space."""
    return unicodedata.normalize("NFC", "".join("".join(sentence.tokens).split()))


def is_visible(text: str) -> bool:
    """Return whether a text without white space shows anything."""
    return any(character.isprintable() for character in text)


def _place(sentence: Sentence) -> str:
    return f"the text of {sentence.path}, line {sentence.line}"


def _dropped(reason: str, sentence: Sentence, detail: str) -> Dropped:
    words = " ".join(sentence.tokens[:MAX_WORDS])
    if len(words) > MAX_CHARACTERS or len(sentence) > MAX_WORDS:
        words = f"{words[:MAX_CHARACTERS]} …"
    return Dropped(reason, sentence.path, sentence.line, words, detail)


def counts(dropped: Iterable[Dropped]) -> dict[str, int]:
    """Count the sentences that each filter dropped, without filters that dropped none."""
    found = Counter(each.reason for each in dropped)
    return {name: found[name] for name in FILTERS if found[name]}


def summary(dropped: Sequence[Dropped], kept: int) -> str:
    """Return one line for the user.

    >>> summary([Dropped("leaked", "a.conllu", 7, "Side 3", "the text of b.conllu, line 1")], 11)
    'dropped 1 of 12 sentences: 1 leaked (text of a dev or test sentence)'
    """
    parts = [f"{count:,} {name} ({FILTERS[name]})" for name, count in counts(dropped).items()]
    number = f"{len(dropped):,}" if dropped else "none"
    return f"dropped {number} of {kept + len(dropped):,} sentences{': ' * bool(parts)}{', '.join(parts)}"
