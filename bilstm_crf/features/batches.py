"""Batches: which sentences are processed together, and their ids in the order the network reads them.

Tokens are laid out as in PyTorch's PackedSequence: sentences by falling length, first the first token of
each, then the second of each sentence that has one, and so on. There is no padding.

Letters: B sentences, T tokens of the longest, N tokens of all, W words, C characters of all words, D
dimensions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.features.occurrences import MemoryBatch, MemoryIndex
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.util.arrays import ranges

Ints = NDArray[np.int64]
Array = TypeVar("Array")  # NumPy's; inside the PyTorch network a tensor


@dataclass(frozen=True)
class Layout(Generic[Array]):
    """Some sentences in packed order."""

    sentences: Ints  # (B,) numbers of the encoded sentences, by falling length
    tokens: Ints  # (N,) numbers of the encoded tokens
    batch_sizes: Array  # (T,) how many sentences have a token at this position
    sentence_of: Array  # (N,) each token's sentence, as an index of `sentences`


@dataclass(frozen=True)
class Words(Generic[Array]):
    """Some words: rows of the word table, characters, and vectors of words that have no row."""

    ids: Array  # (W,) the id V + 1 + i stands for vectors[i]
    characters: Array  # (C,) ids, word after word
    lengths: Array  # (W,) characters of each word
    vectors: Array  # (M, D)


@dataclass(frozen=True)
class Part(Generic[Array]):
    """The places of a part's rows in the whole batch, from whose random numbers dropout takes its own."""

    whole: int  # tokens of the whole batch
    tokens: Array  # (N,)
    characters: Array  # (C,)
    sentence_of: Array  # (N,) each token's sentence
    names: Array  # (M,) tokens with other occurrences


@dataclass(frozen=True)
class Batch(Generic[Array]):
    """Sentences to learn from. Each token is a word of its own, since dropout differs from token to token."""

    layout: Layout[Array]
    words: Words[Array]  # N of them, in packed order
    labels: Array  # (N,) gold label ids
    memory: MemoryBatch[Array] | None = None  # other occurrences of names in the document
    part: Part[Array] | None = None  # None: the whole batch


def training_batches(order: Ints, size: int) -> Iterator[Ints]:
    """Yield the sentences of an epoch in this order, `size` at a time; the last batch may be smaller."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def tagging_batches(lengths: Ints, budget: int) -> Iterator[Ints]:
    """Yield sentences of similar length, with sentences x longest within `budget` tokens.

    A sentence longer than the budget is a batch of its own; one without tokens is left out.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    start = 0
    while start < len(order):
        count = max(1, budget // int(lengths[order[start]]))
        yield order[start : start + count]
        start += count


def layout_of(encoded: Encoded, sentences: Ints) -> Layout[Ints]:
    """Return the packed order of these sentences, each of which has at least one token."""
    lengths = encoded.lengths[sentences]
    by_length = np.argsort(-lengths, kind="stable")
    sentences, lengths = sentences[by_length], lengths[by_length]
    batch_sizes = np.cumsum(np.bincount(lengths)[::-1])[::-1][1:].copy()  # (T,) sentences as long or longer
    step = np.repeat(np.arange(len(batch_sizes)), batch_sizes)  # (N,)
    sentence = ranges(np.zeros_like(batch_sizes), batch_sizes)  # (N,)
    tokens = encoded.offsets[sentences][sentence] + step
    return Layout(sentences, tokens, batch_sizes, sentence)


def reversed_order(sizes: Ints) -> Ints:
    """(N,) for each place in packed order, the place of the same sentence's token as far from its other end.

    >>> reversed_order(np.array([2, 2, 1]))  # a sentence of three tokens at 0 2 4, one of two at 1 3
    array([4, 3, 2, 1, 0])
    """
    starts = np.cumsum(sizes) - sizes
    step = np.repeat(np.arange(len(sizes)), sizes)  # (N,)
    sentence = np.arange(len(step)) - starts[step]  # (N,)
    lengths = np.bincount(sentence)  # (B,)
    return starts[lengths[sentence] - 1 - step] + sentence


def words_of(encoded: Encoded, words: Ints) -> Words[NDArray[Any]]:
    """Return these distinct words, as often as they are named."""
    starts, ends = encoded.character_offsets[words], encoded.character_offsets[words + 1]
    characters = encoded.characters[ranges(starts, ends)]
    return Words(encoded.word_ids[words], characters, ends - starts, encoded.vectors)


def make_batch(encoded: Encoded, sentences: Ints, index: MemoryIndex | None = None) -> Batch[NDArray[Any]]:
    """Return a training batch of these sentences. Raises ValueError for sentences without labels."""
    if encoded.labels is None:
        raise ValueError("cannot train on sentences without gold labels")
    layout = layout_of(encoded, sentences)
    words = words_of(encoded, encoded.tokens[layout.tokens])
    memory = None if index is None else index.batch(layout.tokens)
    return Batch(layout, words, encoded.labels[layout.tokens], memory)


def part_of(
    batch: Batch[NDArray[Any]], number: int, parts: int, encoded: Encoded, index: MemoryIndex | None = None
) -> Batch[NDArray[Any]]:
    """Return the part with this number (from 0) of a batch that has `parts` sentences or more.

    Sentences by falling length are dealt out to and fro, so that all parts have nearly as many tokens.
    """
    layout, lengths, memory = batch.layout, batch.words.lengths, batch.memory
    turn = np.arange(len(layout.sentences)) % (2 * parts)
    dealt = np.minimum(turn, 2 * parts - 1 - turn) == number  # (B,) of two parts: 0 1 1 0 0 1 ...
    own = dealt[layout.sentence_of]
    tokens = np.flatnonzero(own)  # packed order is that of the whole batch
    ends = lengths.cumsum()
    part = Part(
        whole=len(own),
        tokens=tokens,
        characters=ranges((ends - lengths)[tokens], ends[tokens]),
        sentence_of=layout.sentence_of[tokens],
        names=np.flatnonzero(own[[] if memory is None else memory.rows]),
    )
    return dataclasses.replace(make_batch(encoded, layout.sentences[dealt], index), part=part)
