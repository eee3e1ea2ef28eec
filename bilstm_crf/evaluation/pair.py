"""Read a system's output for the words of gold sentences, to be scored against these."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest

from bilstm_crf import formats
from bilstm_crf.corpus.labelled import where_labels_are
from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import FileLabels, LabelReading, Repair, line_of, read_labels
from bilstm_crf.sentence import Sentence

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class PairFormats:
    """The options for reading gold and predicted files."""

    gold: str | None = None  # format; None: by suffix
    predicted: str | None = None
    options: FormatOptions = field(default_factory=FormatOptions)
    repair: Repair | None = None


def read_predicted(
    gold: Sequence[Sentence],
    gold_path: Path,
    predicted_path: Path,
    formats_of: PairFormats,
    say: Callable[[str], None] = lambda message: None,
) -> list[Sentence]:
    """Return a system's output for the words of `gold`, with `spans` set.

    Predicted labels may be illegal (they count as `O`, and `say` is told), and a predicted sentence without
    labels has no entities. Raises InputError if the words differ, with the first place and both words.
    """
    sided = replace(formats_of.options, side="predicted")  # for a file of columns that has both
    predicted = [s for s in formats.read(predicted_path, formats_of.predicted, sided) if s.tokens]
    _check_words(gold, predicted, gold_path, predicted_path)
    unlabelled = [sentence for sentence in predicted if sentence.labels is None]
    if len(unlabelled) == len(predicted):
        message = "has no labels in any sentence"
        hint = where_labels_are(unlabelled[0], predicted_path, formats_of.predicted, formats_of.options)
        raise InputError(message, path=predicted_path, hint=hint)
    if unlabelled:
        say(
            f"{predicted_path}: {len(unlabelled):,} of {len(predicted):,} sentences have no labels and count "
            f"as having no entities, first in line {unlabelled[0].line}"
        )
    reading = read_labels(predicted, lenient=True, repair=formats_of.repair)
    if reading.illegal or reading.encoding != "IOB2":
        say(f"{predicted_path}: labels read as {reading.encoding}{_illegal(reading, predicted)}")
    for sentence in predicted:
        sentence.token_spans = sentence.token_spans or []
    return predicted


def _illegal(reading: LabelReading, predicted: Sequence[Sentence]) -> str:
    """Return the note on illegal labels; empty if there are none."""
    if not reading.illegal:
        return ""
    sentence, position = reading.illegal[0]
    label = (sentence.labels or [])[position]
    return (
        f"; {len(reading.illegal):,} of {sum(map(len, predicted)):,} are not legal there and "
        f"{reading.outcome}, first {label} of {sentence.tokens[position]!r} in line "
        f"{line_of(sentence, position)}"
    )


def iob_labels(sentences: Sequence[Sentence]) -> list[list[str]] | None:
    """Return the standard labels if all are `B-`, `I-` or `O`; None for another encoding or missing labels.

    For semeval-2013-original, which differs from the other schemes in how it reads illegal labels.
    """
    labelled = [sentence for sentence in sentences if sentence.labels is not None]
    dialect = FileLabels.of(labelled)
    labels = [dialect.standard(sentence) for sentence in labelled]
    plain = all(label == "O" or label.startswith(("B-", "I-")) for label in chain.from_iterable(labels))
    return labels if plain and len(labels) == len(sentences) else None


def _check_words(
    gold: Sequence[Sentence], predicted: Sequence[Sentence], gold_path: Path, predicted_path: Path
) -> None:
    for number, (one, other) in enumerate(zip_longest(gold, predicted), start=1):
        if one is None or other is None:
            raise InputError(
                f"has {len(predicted)} sentences, the gold file {gold_path} has {len(gold)}; "
                f"the first {number - 1} have the same words",
                path=predicted_path,
            )
        if one.tokens == other.tokens:
            continue
        pairs = zip_longest(one.tokens, other.tokens)
        position = next(position for position, (word, found) in enumerate(pairs) if word != found)
        found, word = (_word(sentence, position) for sentence in (other, one))
        raise InputError(
            f"{_shown(found, word)} (sentence {number}, word {position + 1}), expected "
            f"{_shown(word, found)} as in {gold_path}, line {_line(one, position)}",
            path=predicted_path,
            line=_line(other, position),
            hint=_why(found, word),
        )


def _word(sentence: Sentence, position: int) -> str | None:
    return sentence.tokens[position] if position < len(sentence) else None


def _shown(word: str | None, other: str | None) -> str:
    """Return the word in quotes, in ASCII if the two could look alike on a screen."""
    if word is None:
        return "the end of the sentence"
    plain = other is None or (_is_plain(word) and _is_plain(other))
    return repr(word) if plain else ascii(word)


def _is_plain(word: str) -> bool:
    """Return whether every character is ASCII or a composed Latin letter, which looks like no other."""
    return unicodedata.is_normalized("NFC", word) and all(
        character.isascii() or unicodedata.name(character, "").startswith("LATIN ") for character in word
    )


def _why(found: str | None, word: str | None) -> str:
    if found is not None and word is not None:
        for form in ("NFC", "NFKC"):
            if unicodedata.normalize(form, found) == unicodedata.normalize(form, word):
                return f"the words are equal in Unicode form {form}: convert both files to it"
    return "both files must have the same sentences and words, in the same order"


def _line(sentence: Sentence, position: int) -> int:
    """Return the line of a word, or of the sentence's last word if the sentence is shorter."""
    return sentence.lines[min(position, len(sentence.lines) - 1)] if sentence.lines else sentence.line
