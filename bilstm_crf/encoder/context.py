"""Which neighbours of a sentence the encoder sees with it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.config import Unit
from bilstm_crf.sentence import Sentence


def neighbours(sentences: Sequence[Sentence], count: int, unit: Unit) -> NDArray[np.int64]:
    """(S, 2): the first and the last but one word that go with each sentence, itself included.

    Words are counted through all `sentences`. Up to `count` words or sentences on each side are taken, as
    far as the sentences there are of the same file and `document`. A sentence of no known document has no
    neighbours: a file without marks may be a shuffled corpus or one tweet a line, and wrong context is worse
    than none. Sentences without words do not count.

    >>> a, b = Sentence(["Kari", "bur"], document="1"), Sentence(["Ja"], document="1")
    >>> neighbours([a, b, Sentence(["Nei"], document="2")], 1, "words").tolist()
    [[0, 3], [1, 3], [3, 4]]
    """
    lengths = np.array([len(sentence) for sentence in sentences], np.int64)
    ends = lengths.cumsum()
    bounds = np.stack((ends - lengths, ends), axis=1)
    filled = np.flatnonzero(lengths)
    if count == 0 or not len(filled):
        return bounds
    starts = np.append(bounds[filled, 0], ends[-1])  # of the sentences with words
    first, last = _documents([sentence for sentence in sentences if len(sentence)])
    if unit == "sentences":
        number = np.arange(len(filled))
        low = starts[np.maximum(first, number - count)]
        high = starts[np.minimum(last, number + count + 1)]
    else:
        low = np.maximum(starts[first], starts[:-1] - count)
        high = np.minimum(starts[last], starts[1:] + count)
    bounds[filled] = np.stack((low, high), axis=1)
    return bounds


def _documents(sentences: Sequence[Sentence]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each sentence's document, its first sentence and the one behind its last, as (S,) numbers."""
    new = [
        before.document is None or (before.path, before.document) != (here.path, here.document)
        for before, here in pairwise(sentences)
    ]
    begins = np.flatnonzero([True, *new])
    lengths = np.diff(np.append(begins, len(sentences)))
    return np.repeat(begins, lengths), np.repeat(begins + lengths, lengths)
