"""Words, characters and labels as numbers.

Sentence ─► Vocabulary.encode ─► Encoded (arrays of ids) ─► batches
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.features.reading import RobustReading, usual_words
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.word_forms import Digits, compatible_form, plain_form, plain_forms, zero_digits

UNKNOWN = 0  # the id of an unknown word or character

Ints = NDArray[np.int64]
Vector = NDArray[np.float32]
Entry = tuple[int | Vector, str]  # a word's row or vector, and the form whose characters the network reads
MAX_FOUND_BYTES = 80_000_000  # of words that are remembered, as if each had a vector


def normalise(word: str) -> str:
    r"""Return the form under which a word is looked up: its `plain_form` with every digit as 0.

    Numbers of the same shape therefore share an embedding.

    >>> normalise("17.5.1905"), normalise("Trom\u00adsø")
    ('00.0.0000', 'Tromsø')
    """
    return zero_digits(plain_form(word))


@dataclass(frozen=True)
class Encoded:
    """A list of sentences as arrays of ids, without padding.

    Distinct words are kept once (`word_ids`, their characters) and tokens point at them, so that what depends
    on a word alone is computed once per word.

    Letters: S sentences, N tokens, W distinct words, C characters, V rows of the word table, M words
    without one.
    """

    offsets: Ints  # (S + 1,) sentence s has the tokens offsets[s] to offsets[s + 1] - 1
    tokens: Ints  # (N,) number of the token's word among the distinct words
    word_ids: Ints  # (W,) row of the word table; V + 1 + i stands for vectors[i]
    vectors: NDArray[np.float32]  # (M, D) of words that have no row: attached, or made from n-grams
    character_offsets: Ints  # (W + 1,) like `offsets`, of each word's characters
    characters: Ints  # (C,) ids
    labels: Ints | None  # (N,) gold label ids, for training

    @property
    def lengths(self) -> Ints:
        """(S,) tokens of each sentence."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1


class Vocabulary:
    """Words, characters and labels, each with an id; look-ups change nothing in it.

    A word is looked up in its `plain_form`: exact, else lower-cased; a word that is unknown then is
    looked up in its `compatible_form`; else it is UNKNOWN. Digits are read as 0; with
    `digits="own_first"` the word's own digits are tried first. The ids 1 to `len(words)` are rows of
    the model's own table. A word without a row is looked up in the attached table of vectors, if there
    is one; where that makes vectors from character n-grams (fastText), a word that is in neither gets
    one of those. The network reads the characters of the form that was looked up, with digits as 0.

    With a `reading`, sentences are read as it says, and a word without a row or vector of its own is looked
    up in its usual case rather than in lower case.
    """

    def __init__(
        self,
        words: Iterable[str],
        characters: Iterable[str],
        labels: Sequence[str],
        digits: Digits = "zero",
        attached: WordVectors | None = None,
        reading: RobustReading | None = None,
    ) -> None:
        self.words = {word: number for number, word in enumerate(words, start=1)}
        self.characters = {character: number for number, character in enumerate(characters, start=1)}
        self.labels = list(labels)
        self.digits = digits
        self.attached = attached
        self.reading = reading
        self._found: dict[str, Entry] = {}  # of words that were looked up; names come again
        # Older models have rows for words that are not in their plain form
        plain = {form: 1 + place for form, place in plain_forms(self.words).items()}
        self._rows = {**plain, **self.words} if plain else self.words

    @classmethod
    def of_corpus(
        cls,
        sentences: Sequence[Sentence],
        labels: Sequence[str],
        digits: Digits = "zero",
        attached: WordVectors | None = None,
        *,
        robust: bool = False,
        min_count: int = 1,
    ) -> Vocabulary:
        """Return the look-up forms and their characters in the order in which they occur.

        With `digits="own_first"`, a word whose own form is among the attached vectors, exact or
        lower-cased, has a row of its own; the others share a row with all words that differ only in
        their digits. With `robust`, sentences are read with a `RobustReading`. A word
        that occurs less than `min_count` times has no row.
        """
        known: Container[str] = () if attached is None else attached.index

        def row_form(word: str) -> str:
            own = _own_form(word)
            if digits == "own_first" and (own in known or own.lower() in known):
                return own
            return zero_digits(own)

        def frequent(words: Iterable[str]) -> Counter[str]:
            met = Counter(words)
            forms: Counter[str] = Counter()
            for word, times in met.items():
                forms[row_form(word)] += times
            return Counter({form: times for form, times in forms.items() if times >= min_count})

        reading = None
        if robust:
            by_frequency = [] if attached is None else attached.words
            met = frequent(word for sentence in sentences for word in sentence.tokens)
            reading = RobustReading(usual_words([*by_frequency, *(word for word, _ in met.most_common())]))
        read = reading or list
        words = frequent(word for sentence in sentences for word in read(sentence.tokens))
        characters = dict.fromkeys(character for word in words for character in zero_digits(word))
        return cls(words, characters, labels, digits, attached, reading)

    def with_vectors(self, attached: WordVectors) -> Vocabulary:
        """Return the same vocabulary with another table of vectors behind it."""
        made = copy.copy(self)
        made.attached, made._found = attached, {}
        return made

    def as_read(self, tokens: Sequence[str]) -> Sequence[str]:
        """Return the words of a sentence as the network reads them, which files never see."""
        return tokens if self.reading is None else self.reading(tokens)

    def counts(self, sentences: Iterable[Sentence]) -> list[int]:
        """Count how often each row of the model's own table occurs in the sentences; UNKNOWN counts 0."""
        met = Counter(word for sentence in sentences for word in self.as_read(sentence.tokens))
        counts = [0] * (1 + len(self.words))
        for word, times in met.items():
            found, _ = self._look_up(word)
            if isinstance(found, int):
                counts[found] += times
        counts[UNKNOWN] = 0
        return counts

    def knows(self, word: str) -> bool:
        """Return whether the word has a row or a vector."""
        found, _ = self._look_up(word)
        return not isinstance(found, int) or found != UNKNOWN

    def _entries(self, words: Iterable[str]) -> list[Entry]:
        """Return what `_look_up` finds for each word; threads may share what is remembered."""
        found = self._found
        dim = 0 if self.attached is None else self.attached.dim
        if len(found) > MAX_FOUND_BYTES // (4 * max(100, dim)):
            self._found = found = {}
        entries = []
        for word in words:
            entry = found.get(word)
            if entry is None:
                entry = found[word] = self._look_up(word)
            entries.append(entry)
        return entries

    def _look_up(self, word: str) -> Entry:
        """Return a word's row or vector, and the form whose characters the network reads (never empty)."""
        if word.isascii() and word.isalpha() and (number := self._rows.get(word)) is not None:  # most words
            return number, word
        form = _own_form(word)
        if (number := self._rows.get(form)) is not None and form.isalpha():
            return number, form
        found = self._find(form)
        if found is None and (compatible := compatible_form(form)) != form:
            form = compatible
            found = self._find(form)
        if found is None and self.attached is not None:
            found = self.attached.from_ngrams(form if self.digits == "own_first" else zero_digits(form))
        return UNKNOWN if found is None else found, zero_digits(form)

    def _find(self, form: str) -> int | Vector | None:
        """Return the row or vector of the first of the form's variants that has one."""
        zero = zero_digits(form)
        usual = None if self.reading is None else self.reading.usual.get(zero.lower())
        for exact in (form, zero) if self.digits == "own_first" and form != zero else (zero,):
            for variant in (exact, exact.lower() if usual is None else usual):
                if (number := self._rows.get(variant)) is not None:
                    return number
                if self.attached is not None and (vector := self.attached.get(variant)) is not None:
                    return vector
        return None

    def encode(
        self, sentences: Sequence[Sequence[str]], labels: Sequence[Sequence[str]] | None = None
    ) -> Encoded:
        """Return sentences of words, and their labels, as ids. Raises KeyError for an unknown label."""
        if self.reading is not None:
            sentences = [self.reading(sentence) for sentence in sentences]
            if labels is not None:
                labels = [each[: len(s)] for each, s in zip(labels, sentences, strict=True)]
        distinct = _Numbers()
        tokens = np.fromiter(map(distinct.__getitem__, chain.from_iterable(sentences)), np.int64)
        entries = self._entries(distinct)
        forms = [form for _, form in entries]
        vectors = [found for found, _ in entries if not isinstance(found, int)]
        beyond = iter(range(1 + len(self.words), 1 + len(self.words) + len(vectors)))
        ids = [found if isinstance(found, int) else next(beyond) for found, _ in entries]
        known = _Ids(self.characters)
        label_ids = {label: number for number, label in enumerate(self.labels)}
        return Encoded(
            offsets=_offsets(map(len, sentences)),
            tokens=tokens,
            word_ids=np.array(ids, dtype=np.int64),
            vectors=np.array(vectors, dtype=np.float32) if vectors else np.empty((0, 0), np.float32),
            character_offsets=_offsets(map(len, forms)),
            characters=np.fromiter(map(known.__getitem__, chain.from_iterable(forms)), np.int64),
            labels=None
            if labels is None
            else np.array([label_ids[label] for sentence in labels for label in sentence], dtype=np.int64),
        )


class _Numbers(dict[str, int]):
    """Numbers words in the order in which they are first asked for."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


class _Ids(dict[str, int]):
    """The ids of characters; others are UNKNOWN."""

    def __missing__(self, character: str) -> int:
        return UNKNOWN


def _own_form(word: str) -> str:
    """Return the plain form with its own digits; never empty, and without line ends, like `zero_digits`."""
    form = plain_form(word)
    return form if form.isalpha() else form.replace("\n", " ") or " "


def _offsets(lengths: Iterable[int]) -> Ints:
    return np.cumsum([0, *lengths], dtype=np.int64)
