"""Where else in its document a name's words occur.

Letters: N tokens of all sentences; M of them whose word occurs elsewhere; P places of tokens that another one
looks at; E such looks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.sentence import Sentence
from bilstm_crf.util.arrays import ranges
from bilstm_crf.util.word_forms import plain_form

MAX_OTHERS = 10  # the nearest; a common word at the head of sentences would have hundreds
WINDOW = 30  # sentences on either side, where nothing says where a document ends

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class MemoryIndex:
    """Of some tokens, which have others to look at, and whose own states others will look at."""

    rows: Ints  # (M,) of the tokens, those that have others
    places: Ints  # (E,) of these others, row after row
    lengths: Ints  # (M,) how many each has
    kept_rows: Ints  # of the tokens, those that others look at
    kept_places: Ints  # their own places


class Occurrences:
    """Of each token of some sentences, the others of its document with the same word."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        """Looks at each sentence's `document`, and at the order of the sentences."""
        others = _others(sentences)
        lengths = np.array([len(each) for each in others], np.int64)
        self._starts = np.append(0, lengths.cumsum())  # (N + 1,)
        looked_at = np.array([token for each in others for token in each], np.int64)  # (E,)
        tokens, self._places = np.unique(looked_at, return_inverse=True)  # (P,), (E,)
        self._place_of = np.full(len(others), -1)  # (N,)
        self._place_of[tokens] = np.arange(len(tokens))
        self.places = len(tokens)

    def looks(self, tokens: Ints) -> MemoryIndex:
        """Of the tokens with these numbers."""
        starts, ends = self._starts[tokens], self._starts[tokens + 1]
        rows = np.flatnonzero(ends > starts)
        places = self._places[ranges(starts[rows], ends[rows])]
        mine = self._place_of[tokens]
        kept = np.flatnonzero(mine >= 0)
        return MemoryIndex(rows, places, (ends - starts)[rows], kept, mine[kept])


class StreamHistory:
    """What came before in a stream, as far as the next sentence looks at it."""

    def __init__(self) -> None:
        self._sentences: list[tuple[set[str], Sentence]] = []  # of one document, with their names

    def with_names_of(self, sentence: Sentence) -> list[Sentence]:
        """Those before it in its document that share a name with it, and of each name the last ten.

        From now on it is past, too.
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
    """What the occurrences of a name share; None for a word that begins with no capital.

    Without the s of the genitive, which Norwegian writes with no apostrophe.

    >>> key_of("Oslos"), key_of("Oslo"), key_of("Ås"), key_of("by")
    ('Oslo', 'Oslo', 'Ås', None)
    """
    word = plain_form(word)
    if not word[:1].isupper():
        return None
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _others(sentences: Sequence[Sentence]) -> list[Sequence[int]]:
    """(N,) of each token the numbers of the others, in order."""
    found: dict[tuple[object, ...], list[tuple[int, int]]] = defaultdict(list)  # token, sentence
    tokens = 0
    for number, sentence in enumerate(sentences):
        for word in sentence.tokens:
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
