"""Find the other occurrences of a name in its document, which the document memory reads.

Letters: N tokens of all sentences; M of them have other occurrences; P places, one for each token that
another one looks at; E pairs of a token and another occurrence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
        others = _others(sentences, as_read)
        lengths = np.array([len(each) for each in others], np.int64)
        self._starts = np.append(0, lengths.cumsum())  # (N + 1,)
        looked_at = np.array([token for each in others for token in each], np.int64)  # (E,)
        tokens, self._places = np.unique(looked_at, return_inverse=True)  # (P,), (E,)
        self._place_of = np.full(len(others), -1)  # (N,)
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


def _others(
    sentences: Sequence[Sentence], as_read: Callable[[list[str]], Sequence[str]]
) -> list[Sequence[int]]:
    """(N,) for each token, the numbers of the others in order."""
    found: dict[tuple[object, ...], list[tuple[int, int]]] = defaultdict(list)  # token, sentence
    tokens = 0
    for number, sentence in enumerate(sentences):
        for word in as_read(sentence.tokens):
            key = key_of(word)
            if key is not None:
                found[sentence.path, sentence.document, key].append((tokens, number))
            tokens += 1
    others: list[Sequence[int]] = [()] * tokens
    for (_, document, _), group in found.items():
        for place, (token, number) in enumerate(group):
            near = group[max(0, place - MAX_OTHERS) : place] + group[place + 1 : place + 1 + MAX_OTHERS]
            if document is None:
                near = [each for each in near if abs(each[1] - number) <= WINDOW]
            nearest = sorted((abs(each[0] - token), each[0]) for each in near)[:MAX_OTHERS]
            others[token] = sorted(other for _, other in nearest)
    return others
