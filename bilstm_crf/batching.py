"""Batches: which sentences go together, and their ids as the tensors that the network takes.

Tokens are laid out as PyTorch's packed sequences are: sentences by falling length, first the first token
of each, then the second of each that has one, and so on. There is no padding before the CRF.

Letters: B sentences, T tokens of the longest, N tokens of all, W words, C characters of all words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_crf.vocabulary import Encoded


@dataclass(frozen=True)
class Batch:
    """Some sentences as tensors, in packed order."""

    sentences: NDArray[np.int64]  # (B,) which of the encoded sentences, by falling length
    lengths: NDArray[np.int64]  # (B,)
    words: Tensor  # (W,) word ids: of each token, or of the distinct words
    characters: Tensor  # (C,) character ids, word after word
    word_lengths: Tensor  # (W,) characters of each word
    occurrences: Tensor | None  # (N,) which of the distinct words a token is; None: each token its own
    batch_sizes: Tensor  # (T,) how many sentences have a token at this position; on the CPU
    mask: Tensor  # (T, B) whether there is a token
    labels: Tensor | None  # (T, B) gold label ids, 0 where there is no token


def training_batches(sentences: int, size: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """All sentences once, shuffled, `size` at a time; the last batch may be smaller."""
    order = random.permutation(sentences)
    for start in range(0, sentences, size):
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


def make_batch(
    encoded: Encoded,
    sentences: NDArray[np.int64],
    device: torch.device | str = "cpu",
    *,
    distinct_words: bool = False,
) -> Batch:
    """The tensors of the named sentences, each of which has at least one token.

    With `distinct_words` a word stands once, however often it occurs: enough for tagging, where all that
    depends on a word alone is the same each time; training drops something else each time.
    """
    lengths = encoded.lengths[sentences]
    by_length = np.argsort(-lengths, kind="stable")
    sentences, lengths = sentences[by_length], lengths[by_length]
    positions = np.arange(lengths[0])[:, None]  # (T, 1)
    mask = positions < lengths  # (T, B)
    at = (encoded.offsets[sentences] + positions)[mask]  # (N,) the packed order
    words = encoded.tokens[at]
    occurrences = None
    if distinct_words:
        words, occurrences = np.unique(words, return_inverse=True)
    starts, ends = encoded.character_offsets[words], encoded.character_offsets[words + 1]
    characters = encoded.characters[ranges(starts, ends)]
    labels = None
    if encoded.labels is not None:
        labels = np.zeros(mask.shape, dtype=np.int64)
        labels[mask] = encoded.labels[at]
    return Batch(
        sentences=sentences,
        lengths=lengths,
        words=torch.from_numpy(encoded.word_ids[words]).to(device),
        characters=torch.from_numpy(characters).to(device),
        word_lengths=torch.from_numpy(ends - starts).to(device),
        occurrences=None if occurrences is None else torch.from_numpy(occurrences).to(device),
        batch_sizes=torch.from_numpy(mask.sum(axis=1)),
        mask=torch.from_numpy(mask).to(device),
        labels=None if labels is None else torch.from_numpy(labels).to(device),
    )


def ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers of all half-open ranges, one range after the other.

    >>> ranges(np.array([5, 0]), np.array([8, 2]))
    array([5, 6, 7, 0, 1])
    """
    lengths = ends - starts
    before = np.cumsum(lengths) - lengths  # how many numbers stand before each range
    return np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
