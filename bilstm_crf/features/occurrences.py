"""Find the other occurrences of a name in its document, which the document memory reads.

Letters: N tokens of all sentences; M of them have other occurrences; P places, one for each token that
another one looks at; E pairs of a token and another occurrence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.sentence import Sentence
from bilstm_crf.util.arrays import ranges
from bilstm_crf.util.word_forms import plain_form

MAX_OTHERS = 10  # the nearest; a common word at the start of sentences would have hundreds
WINDOW = 30  # sentences on either side, where document boundaries are unknown

Ints = NDArray[np.int64]
Array = TypeVar("Array")


@dataclass(frozen=True)
class MemoryBatch(Generic[Array]):
    """For the tokens of a batch: where the states of their other occurrences are kept, and which to keep."""

    rows: Array  # (M,) tokens of the batch that have other occurrences
    places: Array  # (E,) where the states of these are kept, row after row
    row_of: Array  # (E,) which of the M each belongs to
    lengths: Array  # (M,) how many each has
    kept_rows: Array  # tokens of the batch that others look at
    kept_places: Array  # where their states are kept


class MemoryIndex:
    """Other occurrences of each token's name in its document."""

    def __init__(
        self, sentences: Sequence[Sentence], as_read: Callable[[list[str]], Sequence[str]] = list
    ) -> None:
        """Depends on the order of the sentences and on each one's `document`.

        `as_read`: the words of a sentence as the network reads them (`Vocabulary.as_read`).
        """
        others, lengths = _others(sentences, as_read)  # (E,), (N,)
        self._starts = np.append(0, lengths.cumsum())  # (N + 1,)
        tokens, self._places = np.unique(others, return_inverse=True)  # (P,), (E,)
        self._place_of = np.full(len(lengths), -1)  # (N,)
        self._place_of[tokens] = np.arange(len(tokens))
        self.places = len(tokens)

    def batch(self, tokens: Ints) -> MemoryBatch[Ints]:
        """Return what the memory needs for the tokens with these numbers."""
        starts, ends = self._starts[tokens], self._starts[tokens + 1]
        rows = np.flatnonzero(ends > starts)
        lengths = (ends - starts)[rows]
        mine = self._place_of[tokens]
        kept = np.flatnonzero(mine >= 0)
        return MemoryBatch(
            rows=rows,
            places=self._places[ranges(starts[rows], ends[rows])],
            row_of=np.repeat(np.arange(len(rows)), lengths),
            lengths=lengths,
            kept_rows=kept,
            kept_places=mine[kept],
        )


class StreamHistory:
    """The sentences of a stream that the memory may still look at."""

    def __init__(self) -> None:
        self._sentences: list[tuple[set[str], Sentence]] = []  # of one document, with their names

    def add(self, sentence: Sentence) -> list[Sentence]:
        """Add a sentence; return the earlier ones of its document that share a name with it.

        For each name, the last MAX_OTHERS.
        """
        past = self._sentences
        if past and (past[-1][1].path, past[-1][1].document) != (sentence.path, sentence.document):
            past.clear()
        if sentence.document is None:
            del past[:-WINDOW]
        names = {key for key in map(key_of, sentence.tokens) if key is not None}
        wanted = dict.fromkeys(names, MAX_OTHERS)
        found = []
        for theirs, other in reversed(past):
            shared = theirs & wanted.keys()
            if shared:
                found.append(other)
            for name in shared:
                wanted[name] -= 1
                if not wanted[name]:
                    del wanted[name]
        past.append((names, sentence))
        return found[::-1]


def key_of(word: str) -> str | None:
    """Return what the occurrences of a name share; None for a word that does not start with a capital.

    The genitive -s, which Norwegian writes without an apostrophe, is removed.

    >>> key_of("Oslos"), key_of("Oslo"), key_of("Ås"), key_of("by")
    ('Oslo', 'Oslo', 'Ås', None)
    """
    word = plain_form(word)
    if not word[:1].isupper():
        return None
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


class _Keys(dict[str, int]):
    """The number of each word's key, made when a word is met first; -1 for a word without one."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, int] = {}

    def __missing__(self, word: str) -> int:
        key = None if "a" <= word[:1] <= "z" else key_of(word)  # most words, without further ado
        number = self[word] = -1 if key is None else self._numbers.setdefault(key, len(self._numbers))
        return number


def _others(
    sentences: Sequence[Sentence], as_read: Callable[[list[str]], Sequence[str]]
) -> tuple[Ints, Ints]:
    """Return the numbers (E,) of each token's others, token after token, and how many each has (N,).

    Letters: C tokens of a name that occurs more than once in its document, G = 2 MAX_OTHERS others of each
    that may be among the nearest.
    """
    if not sentences:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    keys, documents = _Keys(), dict[tuple[str, str | None], int]()
    read = [as_read(sentence.tokens) for sentence in sentences]
    sizes = np.array([len(words) for words in read], np.int64)
    key = np.fromiter(map(keys.__getitem__, chain.from_iterable(read)), np.int64, int(sizes.sum()))
    document = np.array([documents.setdefault((s.path, s.document), len(documents)) for s in sentences])
    in_document = np.array([s.document is not None for s in sentences])
    sentence = np.repeat(np.arange(len(sentences)), sizes)  # (N,)

    tokens = np.flatnonzero(key >= 0)
    group = key[tokens] * len(documents) + document[sentence[tokens]]
    order = np.argsort(group, kind="stable")  # within a group, by token
    tokens, group = tokens[order], group[order]
    again = np.zeros(len(group) + 1, bool)
    again[1:-1] = group[1:] == group[:-1]
    repeated = again[1:] | again[:-1]
    tokens, group = tokens[repeated], group[repeated]  # (C,)
    mine = sentence[tokens]

    steps = np.array([step for step in range(-MAX_OTHERS, MAX_OTHERS + 1) if step])  # (G,)
    candidates = np.arange(len(tokens))[:, None] + steps  # (C, G)
    inside = (candidates >= 0) & (candidates < len(tokens))
    candidates = np.where(inside, candidates, 0)
    near = np.abs(mine[candidates] - mine[:, None]) <= WINDOW if len(tokens) else inside
    allowed = inside & (group[candidates] == group[:, None]) & (near | in_document[mine][:, None])
    # Of two at the same distance, the one before counts as nearer
    distance = 2 * np.abs(tokens[candidates] - tokens[:, None]) + (steps > 0)
    distance = np.where(allowed, distance, np.iinfo(np.int64).max)
    limit = np.partition(distance, MAX_OTHERS - 1, axis=1)[:, MAX_OTHERS - 1 : MAX_OTHERS]
    chosen = allowed & (distance <= limit)  # (C, G), each row by token

    lengths = np.zeros(len(key), np.int64)
    lengths[tokens] = chosen.sum(axis=1)
    by_token = np.argsort(tokens)
    others = tokens[candidates[by_token]][chosen[by_token]]
    return others, lengths
