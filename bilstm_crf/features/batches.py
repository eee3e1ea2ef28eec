"""Batches: which sentences go together, and their ids as the tensors that the network takes.

Tokens are laid out as PyTorch's packed sequences are: sentences by falling length, first the first token
of each, then the second of each that has one, and so on. There is no padding.

Letters: B sentences, T tokens of the longest, N tokens of all, W words, C characters of all words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_crf.features.occurrences import Occurrences
from bilstm_crf.features.vocabulary import Encoded
from bilstm_crf.util.arrays import ranges


@dataclass(frozen=True)
class Layout:
    """Some sentences in packed order."""

    sentences: NDArray[np.int64]  # (B,) which of the encoded sentences, by falling length
    tokens: NDArray[np.int64]  # (N,) which of the encoded tokens
    batch_sizes: Tensor  # (T,) how many sentences have a token at this position; on the CPU
    sentence_of: Tensor  # (N,) whose each token is, as an index of `sentences`; on the CPU


@dataclass(frozen=True)
class Words:
    """Some words as tensors."""

    ids: Tensor  # (W,)
    characters: Tensor  # (C,) ids, word after word
    lengths: Tensor  # (W,) characters of each word


@dataclass(frozen=True)
class MemoryBatch:
    """`MemoryIndex` as tensors: of the tokens of a batch, where the others of their document are kept."""

    rows: Tensor  # (M,) the tokens that have others
    places: Tensor  # (E,) these others
    of_row: Tensor  # (E,) which of the M each belongs to
    lengths: Tensor  # (M, 1) how many each has
    kept_rows: Tensor  # tokens that others look at
    kept_places: Tensor  # their own places


@dataclass(frozen=True)
class Batch:
    """Sentences to learn from: each token a word of its own, for dropout is another one each time."""

    layout: Layout
    words: Words  # N of them, in packed order
    labels: Tensor  # (N,) gold label ids
    others: MemoryBatch | None = None  # where the network looks at a document's other occurrences of a word


def training_batches(order: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """The sentences of an epoch in this order, `size` at a time; the last batch may be smaller."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def tagging_batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Sentences of like length together, as many as keep sentences x longest within `budget` tokens.

    A sentence longer than the budget is a batch of its own; one without tokens is left out.
    """
    order = np.argsort(-lengths, kind="stable")
    order = order[: np.count_nonzero(lengths)]
    start = 0
    while start < len(order):
        count = max(1, budget // int(lengths[order[start]]))
        yield order[start : start + count]
        start += count


def layout_of(encoded: Encoded, sentences: NDArray[np.int64]) -> Layout:
    """The packed order of the named sentences, each of which has at least one token."""
    lengths = encoded.lengths[sentences]
    by_length = np.argsort(-lengths, kind="stable")
    sentences, lengths = sentences[by_length], lengths[by_length]
    batch_sizes = np.cumsum(np.bincount(lengths)[::-1])[::-1][1:]  # (T,) from how many are as long or longer
    step = np.repeat(np.arange(len(batch_sizes)), batch_sizes)  # (N,)
    sentence = ranges(np.zeros_like(batch_sizes), batch_sizes)  # (N,)
    tokens = encoded.offsets[sentences][sentence] + step
    return Layout(sentences, tokens, torch.from_numpy(batch_sizes.copy()), torch.from_numpy(sentence))


def words_of(encoded: Encoded, words: NDArray[np.int64], device: torch.device | str = "cpu") -> Words:
    """The tensors of the named distinct words, as often as they are named."""
    starts, ends = encoded.character_offsets[words], encoded.character_offsets[words + 1]
    arrays = (encoded.word_ids[words], encoded.characters[ranges(starts, ends)], ends - starts)
    return Words(*(torch.from_numpy(array).to(device) for array in arrays))


def others_of(
    occurrences: Occurrences, tokens: NDArray[np.int64], device: torch.device | str = "cpu"
) -> MemoryBatch:
    """Of the tokens with these numbers."""
    looks = occurrences.looks(tokens)
    of_row = np.repeat(np.arange(len(looks.rows)), looks.lengths)
    arrays = (looks.rows, looks.places, of_row, looks.lengths[:, None], looks.kept_rows, looks.kept_places)
    return MemoryBatch(*(torch.from_numpy(array).to(device) for array in arrays))


def make_batch(
    encoded: Encoded,
    sentences: NDArray[np.int64],
    device: torch.device | str = "cpu",
    occurrences: Occurrences | None = None,
) -> Batch:
    """A batch of the named sentences. Raises ValueError where they were encoded without labels."""
    if encoded.labels is None:
        raise ValueError("there is nothing to learn from sentences without gold labels")
    layout = layout_of(encoded, sentences)
    words = words_of(encoded, encoded.tokens[layout.tokens], device)
    labels = torch.from_numpy(encoded.labels[layout.tokens]).to(device)
    others = None if occurrences is None else others_of(occurrences, layout.tokens, device)
    return Batch(layout, words, labels, others)
