"""Reading what is to be scored: gold and a system's output beside it, word for word the same."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from bilstm_crf import formats
from bilstm_crf.corpus.labelled import read_gold, where_labels_are
from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import FileLabels, LabelReading, Repair, line_of, read_labels
from bilstm_crf.sentence import Sentence

Path = str | os.PathLike[str]


def read_pair(
    gold_path: Path,
    predicted_path: Path,
    *,
    gold_format: str | None = None,
    predicted_format: str | None = None,
    options: FormatOptions | None = None,
    repair: Repair | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[list[Sentence], list[Sentence]]:
    """Gold and a system's output for the same words, both with `spans` set; the formats may differ.

    Predicted labels may be illegal (they count as `O`, and `say` is told), and a predicted sentence without
    labels has no entities. Raises InputError where the words are not the same: the first place, with both
    words.
    """
    options = options if options is not None else FormatOptions()
    gold, encoding = read_gold(gold_path, gold_format, options, repair)
    if say is not None and encoding != "IOB2":
        say(f"{gold_path}: labels read as {encoding}")
    sided = replace(options, side="predicted")  # where a file of columns has both
    predicted = [s for s in formats.read(predicted_path, predicted_format, sided) if s.tokens]
    _check_words(gold, predicted, gold_path, predicted_path)
    unlabelled = [sentence for sentence in predicted if sentence.labels is None]
    if len(unlabelled) == len(predicted):
        message = "has no labels in any sentence"
        hint = where_labels_are(unlabelled[0], predicted_path, predicted_format, options)
        raise InputError(message, path=predicted_path, hint=hint)
    if say is not None and unlabelled:
        say(
            f"{predicted_path}: {len(unlabelled):,} of {len(predicted):,} sentences have no labels and count "
            f"as having no entities, first in line {unlabelled[0].line}"
        )
    reading = read_labels(predicted, lenient=True, repair=repair)
    if say is not None and (reading.illegal or reading.encoding != "IOB2"):
        say(f"{predicted_path}: labels read as {reading.encoding}{_illegal(reading, predicted)}")
    for sentence in predicted:
        sentence.spans = sentence.spans or []
    return gold, predicted


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
    """The standard labels, where all are `B-`, `I-` or `O`; None: they are in another encoding, or none.

    For semeval-2013-original, which is about how illegal labels are read.
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
    """The word in quotes, spelt out in ASCII where the two could look alike on a screen."""
    if word is None:
        return "the end of the sentence"
    plain = other is None or (_is_plain(word) and _is_plain(other))
    return repr(word) if plain else ascii(word)


def _is_plain(word: str) -> bool:
    """Whether every character is ASCII, or a Latin letter in the composed form: no other looks like these."""
    return unicodedata.is_normalized("NFC", word) and all(
        character.isascii() or unicodedata.name(character, "").startswith("LATIN ") for character in word
    )


def _why(found: str | None, word: str | None) -> str:
    if found is not None and word is not None:
        for form in ("NFC", "NFKC"):
            if unicodedata.normalize(form, found) == unicodedata.normalize(form, word):
                return f"the words are the same in the Unicode form {form}: bring both files into it"
    return "both files must have the same sentences and words, in the same order"


def _line(sentence: Sentence, position: int) -> int:
    """The line of a word, or of the sentence's last word where it has no such word."""
    return sentence.lines[min(position, len(sentence.lines) - 1)] if sentence.lines else sentence.line
