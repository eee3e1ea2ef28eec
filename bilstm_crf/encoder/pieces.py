"""Words to the sub-word pieces of an encoder, in flat arrays.

A fast tokenizer treats each word that is given to it apart: normalises it, splits it, and finds its pieces.
So a word's pieces depend on the word alone, never on its neighbours or its place; as in running text, it
counts as having a space before it, be it the first of its sentence or a comma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.encoder.encoder import Encoder

CHUNK = 1000  # words in one call of the tokenizer: 20 take hardly less time a word, 100,000 much memory


@dataclass(frozen=True)
class Pieces:
    """The pieces of N words of S sentences. Each word has one at least."""

    ids: NDArray[np.int64]  # (P,)
    words: NDArray[np.int64]  # (N + 1,): the pieces of word n are ids[words[n]:words[n + 1]]
    sentences: NDArray[np.int64]  # (S + 1,): the words of sentence s are sentences[s] to sentences[s + 1] - 1


def pieces_of(encoder: Encoder, sentences: Sequence[Sequence[str]]) -> Pieces:
    """The pieces of the words of `sentences`, without special ones, nothing cut off.

    A word that the tokenizer deletes (a control character, a lone variation selector) is the unknown piece,
    and so is `</s>` in a text, which is no end of a sentence. Raises InputError for the tokenizer of another
    model.
    """
    words = list(chain.from_iterable(sentences))
    ids: list[NDArray[np.int64]] = []
    counts = np.zeros(len(words) + 1, np.int64)
    for start in range(0, len(words), CHUNK):
        chunk = [_readable(word, encoder.spaced) for word in words[start : start + CHUNK]]
        # Not encode_batch: its threads would not be those of --threads, and would not outlive a fork
        encoding = encoder.tokenizer.encode(chunk, is_pretokenized=True, add_special_tokens=False)
        word_of = np.array(encoding.word_ids, np.int64)
        number_of = np.bincount(word_of, minlength=len(chunk))
        deleted = np.flatnonzero(number_of == 0)
        places = np.searchsorted(word_of, deleted)
        found = np.array(encoding.ids, np.int64)
        encoder.require(int(found.max(initial=0)))
        found[np.isin(found, encoder.special)] = encoder.unknown
        ids.append(np.insert(found, places, encoder.unknown))
        counts[start + 1 : start + 1 + len(chunk)] = np.maximum(number_of, 1)
    lengths = [0, *map(len, sentences)]
    return Pieces(np.concatenate([*ids, np.zeros(0, np.int64)]), counts.cumsum(), np.cumsum(lengths))


def _readable(word: str, spaced: bool) -> str:
    """The word as the tokenizer takes it: half a surrogate pair is no text."""
    word = word.encode("utf-8", "replace").decode("utf-8")
    return f" {word}" if spaced else word
