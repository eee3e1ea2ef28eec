"""Words, characters and labels to numbers: the room between sentences of strings and batches of ids.

Sentence ─► Vocabulary.encode ─► Encoded (arrays of ids) ─► batching
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.attached import AttachedVectors
from bilstm_crf.sentence import Sentence

UNKNOWN = 0  # the id of a word or character that nothing is known of


def normalise(word: str) -> str:
    """Every digit as 0 (NCRF++'s `number_normalized`): numbers of one shape share an embedding.

    A line end, which JSONL can have inside a word, is a blank: a saved model's words stand one a line.

    >>> normalise("17.5.1905")
    '00.0.0000'
    """
    if word.isalpha():
        return word
    return "".join("0" if character.isdigit() else character for character in word).replace("\n", " ")


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

    A word's id is that of its exact form, else of its lower-cased form, else UNKNOWN. The ids 1 to
    `len(words)` are rows of the model's own table; the ids after those are rows of an attached table of
    vectors (`attach`), so that a word first met at tagging time still has its vector. Where that table makes
    vectors from character n-grams (fastText), a word that has neither form gets one of those.
    """

    def __init__(self, words: Iterable[str], characters: Iterable[str], labels: Sequence[str]) -> None:
        self.words = {word: number for number, word in enumerate(words, start=1)}
        self.characters = {character: number for number, character in enumerate(characters, start=1)}
        self.labels = list(labels)
        self._attached: AttachedVectors | None = None

    @classmethod
    def of_corpus(cls, sentences: Iterable[Sentence], labels: Sequence[str]) -> Vocabulary:
        """The normalised words and their characters, in the order in which the corpus brings them."""
        words = dict.fromkeys(normalise(word) for sentence in sentences for word in sentence.tokens)
        characters = dict.fromkeys(character for word in words for character in word)
        return cls(words, characters, labels)

    def attach(self, vectors: AttachedVectors) -> None:
        """Adds a table of vectors: its row r gets the id `len(words) + 1 + r`."""
        self._attached = vectors

    def word_id(self, word: str) -> int:
        """The id of an already normalised word."""
        first_attached = len(self.words) + 1
        for form in (word, word.lower()):
            if (number := self.words.get(form)) is not None:
                return number
            if self._attached is not None and (row := self._attached.index.get(form)) is not None:
                return first_attached + row
        if self._attached is not None and (row := self._attached.from_subwords(word)) is not None:
            return first_attached + row
        return UNKNOWN

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
        words = [normalise(word) or " " for word in distinct]  # the network needs a character of each word
        known = self.characters
        label_ids = {label: number for number, label in enumerate(self.labels)}
        return Encoded(
            offsets=_offsets(map(len, sentences)),
            tokens=np.array(tokens, dtype=np.int64),
            word_ids=np.array([self.word_id(word) for word in words], dtype=np.int64),
            character_offsets=_offsets(map(len, words)),
            characters=np.array([known.get(c, UNKNOWN) for word in words for c in word], dtype=np.int64),
            labels=None
            if labels is None
            else np.array([label_ids[label] for sentence in labels for label in sentence], dtype=np.int64),
        )


def _offsets(lengths: Iterable[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)
