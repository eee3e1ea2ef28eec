"""Words, characters and labels to numbers: the room between sentences of strings and batches of ids.

Sentence ─► Vocabulary.encode ─► Encoded (arrays of ids) ─► batching
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.word_forms import Digits, compatible_form, plain_form, plain_forms, zero_digits

UNKNOWN = 0  # the id of a word or character that nothing is known of


def normalise(word: str) -> str:
    r"""Return the form under which a word is looked up: its `plain_form` with every digit as 0.

    Numbers of one shape so share an embedding.

    >>> normalise("17.5.1905"), normalise("Trom\u00adsø")
    ('00.0.0000', 'Tromsø')
    """
    return zero_digits(plain_form(word))


@dataclass(frozen=True)
class Encoded:
    """A list of sentences as arrays of ids, without padding.

    Words are kept once (`word_ids`, their characters) and tokens point at them, so that what depends on a
    word alone is computed once per word. Letters: S sentences, N tokens, W distinct words, C characters.
    """

    offsets: NDArray[np.int64]  # (S + 1,) sentence s holds the tokens offsets[s] to offsets[s + 1] - 1
    tokens: NDArray[np.int64]  # (N,) index of the token's word among the distinct words
    word_ids: NDArray[np.int64]  # (W,) in the vocabulary
    character_offsets: NDArray[np.int64]  # (W + 1,) as `offsets`, of each word's characters
    characters: NDArray[np.int64]  # (C,) ids
    labels: NDArray[np.int64] | None  # (N,) gold label ids, for training

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(S,) tokens of each sentence."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1


class Vocabulary:
    """Words, characters and labels, each with an id.

    A word is looked up in its `plain_form`: exact, else lower-cased; a word that is unknown so is looked up
    in its `compatible_form`; else it is UNKNOWN. Digits are 0, or with `digits="own_first"` first the word's
    own and then 0. The ids 1 to `len(words)` are rows of the model's own table; the ids after those are rows
    of an attached table of vectors (`attach`), so that a word first met at tagging time still has its vector.
    Where that table makes vectors from character n-grams (fastText), a word that has no form gets one of
    those. The network reads the characters of the form that was looked up, with digits as 0.
    """

    def __init__(
        self, words: Iterable[str], characters: Iterable[str], labels: Sequence[str], digits: Digits = "zero"
    ) -> None:
        self.words = {word: number for number, word in enumerate(words, start=1)}
        self.characters = {character: number for number, character in enumerate(characters, start=1)}
        self.labels = list(labels)
        self.digits = digits
        # Older models have rows for words that are not in their plain form
        plain = {form: 1 + place for form, place in plain_forms(self.words).items()}
        self._rows = {**plain, **self.words} if plain else self.words
        self._attached: AttachedVectors | None = None

    @classmethod
    def of_corpus(
        cls,
        sentences: Sequence[Sentence],
        labels: Sequence[str],
        digits: Digits = "zero",
        vectors: Container[str] = (),
    ) -> Vocabulary:
        """The look-up forms and their characters, in the order in which the corpus brings them.

        With `digits="own_first"`, a word whose own form is in `vectors`, exact or lower-cased, has a row of
        its own; the others share a row with all that are alike but for their digits.
        """

        def row_form(word: str) -> str:
            own = _own_form(word)
            if digits == "own_first" and (own in vectors or own.lower() in vectors):
                return own
            return zero_digits(own)

        distinct = dict.fromkeys(word for sentence in sentences for word in sentence.tokens)
        words = dict.fromkeys(map(row_form, distinct))
        characters = dict.fromkeys(character for word in words for character in zero_digits(word))
        return cls(words, characters, labels, digits)

    def counts(self, sentences: Iterable[Sentence]) -> list[int]:
        """Count how often each of the model's own rows occurs in the training sentences; UNKNOWN counts 0."""
        met = Counter(word for sentence in sentences for word in sentence.tokens)
        counts = [0] * (1 + len(self.words))
        for word, times in met.items():
            counts[self._entry(word)[0]] += times
        counts[UNKNOWN] = 0
        return counts

    def attach(self, vectors: AttachedVectors) -> None:
        """Adds a table of vectors: its row r gets the id `len(words) + 1 + r`."""
        self._attached = vectors

    def word_id(self, word: str) -> int:
        """The id of a word."""
        return self._entry(word)[0]

    def _entry(self, word: str) -> tuple[int, str]:
        """The id of a word, and the form whose characters the network reads, which is never empty."""
        form = _own_form(word)
        if (number := self._rows.get(form)) is not None and form.isalpha():  # the most, without a detour
            return number, form
        number = self._find(form)
        if number is None and (compatible := compatible_form(form)) != form:
            form = compatible
            number = self._find(form)
        if number is None and self._attached is not None:
            spelled = form if self.digits == "own_first" else zero_digits(form)
            if (row := self._attached.from_subwords(spelled)) is not None:
                number = len(self.words) + 1 + row
        return UNKNOWN if number is None else number, zero_digits(form)

    def _find(self, form: str) -> int | None:
        """The id of the first of the form's variants that has a row."""
        zero = zero_digits(form)
        for exact in (form, zero) if self.digits == "own_first" and form != zero else (zero,):
            for variant in (exact, exact.lower()):
                if (number := self._rows.get(variant)) is not None:
                    return number
                if self._attached is not None and (row := self._attached.index.get(variant)) is not None:
                    return len(self.words) + 1 + row
        return None

    def encode(
        self, sentences: Sequence[Sequence[str]], labels: Sequence[Sequence[str]] | None = None
    ) -> Encoded:
        """Sentences of words (and their labels) as ids, good until the next call.

        Raises KeyError for a label that has no id.
        """
        if self._attached is not None:
            self._attached.forget_subwords()
        distinct: dict[str, int] = {}
        tokens = [distinct.setdefault(word, len(distinct)) for sentence in sentences for word in sentence]
        entries = [self._entry(word) for word in distinct]
        known = self.characters
        label_ids = {label: number for number, label in enumerate(self.labels)}
        return Encoded(
            offsets=_offsets(map(len, sentences)),
            tokens=np.array(tokens, dtype=np.int64),
            word_ids=np.array([number for number, _ in entries], dtype=np.int64),
            character_offsets=_offsets(len(form) for _, form in entries),
            characters=np.array([known.get(c, UNKNOWN) for _, form in entries for c in form], dtype=np.int64),
            labels=None
            if labels is None
            else np.array([label_ids[label] for sentence in labels for label in sentence], dtype=np.int64),
        )


def _own_form(word: str) -> str:
    """The plain form, with its own digits; never empty, and without line ends, as `zero_digits`."""
    form = plain_form(word)
    return form if form.isalpha() else form.replace("\n", " ") or " "


def _offsets(lengths: Iterable[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)
