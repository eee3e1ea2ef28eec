"""From windows to word vectors: with gradients for one batch, or of a whole corpus without.

Letters: N words, S sentences, B windows, T subwords, L hidden states, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.encoder.windows import (
    Ints,
    Windows,
    cut_documents,
    cut_windows,
    divide_by_window,
    find_context,
    split_words,
)
from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.arrays import ranges
from bilstm_crf.util.threads import parallel_pair

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]  # words done, words in all
# Subwords per pass, including padding: more leave a CPU's caches, fewer leave a GPU idle.
BATCH_SUBWORDS = {"cpu": 512, "cuda": 16_384}
# Padding per pass at most: beyond it, one more pass costs less (measured on a CPU only).
BATCH_PADDING = {"cpu": 30, "cuda": 4_096}
MAX_FLOAT16 = float(np.finfo(np.float16).max)  # 65,504


def build_windows(encoder: Encoder, sentences: Sequence[Sentence], settings: FeatureSettings) -> Windows:
    """Return what the encoder reads for the words of `sentences`, for any number of batches.

    Raises UsageError for a layer that the encoder does not have.
    """
    encoder.require_layer(settings)
    subwords = split_words(encoder, [sentence.tokens for sentence in sentences])
    context = find_context(sentences, settings.context, settings.context_unit)
    cut = cut_documents if settings.context_unit == "document" else cut_windows
    return cut(subwords, context, encoder.room)


def compute_vectors(
    encoder: Encoder,
    windows: Windows,
    sentences: Sequence[int] | Ints,
    settings: FeatureSettings,
    *,
    batch_subwords: int | None = None,
) -> Tensor:
    """Return the word vectors of the sentences with these numbers, (N, D), or (N, L, D) for `mix`.

    They are on the encoder's device, with gradients if those are enabled. `batch_subwords` is the size of a
    pass; None chooses it by device.
    """
    subwords = windows.subwords
    chosen = np.asarray(sentences, np.int64)
    words = ranges(subwords.sentences[chosen], subwords.sentences[chosen + 1])
    starts, ends = subwords.words[words], subwords.words[words + 1]
    wanted = {"first": starts, "last": ends - 1}.get(settings.pooling)
    if wanted is None:
        wanted = ranges(starts, ends)
    used, of_wanted = np.unique(windows.window_of[wanted], return_inverse=True)
    depth = (encoder.hidden_states,) if settings.layers == "mix" else ()
    vectors, places = [torch.zeros((0, *depth, encoder.dim), device=encoder.device)], []
    with encoder.in_precision(settings):
        for batch in batches_of(encoder, lengths_of(encoder, windows, used), batch_subwords):
            row_of = np.full(len(used), -1)
            row_of[batch] = np.arange(len(batch))
            mine = np.flatnonzero(row_of[of_wanted] >= 0)
            column = len(encoder.prefix) + wanted[mine] - windows.bounds[used[of_wanted[mine]], 0]
            states = encoder(*_padded(encoder, windows, used[batch]), settings)  # (B, T, …)
            vectors.append(states[_on(encoder, row_of[of_wanted[mine]]), _on(encoder, column)])
            places.append(mine)
    order = np.argsort(np.concatenate([*places, np.zeros(0, np.int64)]))
    found = torch.cat(vectors)[_on(encoder, order)]  # (N, …), or (P, …) for the mean
    if settings.pooling != "mean":
        return found
    # unsafe: without the check of the lengths, which fails if there are none
    return torch.segment_reduce(found, "mean", lengths=_on(encoder, ends - starts), unsafe=True)


def lengths_of(encoder: Encoder, windows: Windows, numbers: Ints) -> Ints:
    """Return the subwords of each of these windows, including special ones."""
    lengths: Ints = np.diff(windows.bounds[numbers])[:, 0] + encoder.window - encoder.room
    return lengths


def batches_of(encoder: Encoder, lengths: Ints, batch_subwords: int | None = None) -> Iterator[Ints]:
    """Yield numbers of `lengths` of similar size, longest first: one, or as many as there is room for."""
    budget = batch_subwords or BATCH_SUBWORDS.get(encoder.device.type, 512)
    max_padding = BATCH_PADDING.get(encoder.device.type, 30)
    order = np.argsort(-lengths, kind="stable")
    while len(order):
        longest = int(lengths[order[0]])
        padding = (longest - lengths[order[: budget // longest]]).cumsum()
        count = max(1, int(np.searchsorted(padding, max_padding, "right")))
        yield order[:count]
        order = order[count:]


def _padded(encoder: Encoder, windows: Windows, numbers: Ints) -> tuple[Tensor, Tensor]:
    """Return subword ids (B, T) and mask (B, T) of these windows."""
    lengths = lengths_of(encoder, windows, numbers)
    ids = np.full((len(numbers), lengths.max()), encoder.padding)
    for row, (start, end) in zip(ids, windows.bounds[numbers], strict=True):
        whole = [*encoder.prefix, *windows.subwords.ids[start:end], *encoder.suffix]
        row[: len(whole)] = whole
    mask = np.arange(ids.shape[1]) < lengths[:, None]
    return _on(encoder, ids), _on(encoder, mask.astype(np.int64))


def _on(encoder: Encoder, array: Ints) -> Tensor:
    return torch.from_numpy(array).to(encoder.device)


# ---------------------------------------------------------------- a whole corpus, without gradients


def shape_of(encoder: Encoder, sentences: Sequence[Sentence], settings: FeatureSettings) -> tuple[int, ...]:
    """Return the shape of the vectors of all words."""
    words = sum(map(len, sentences))
    return (words, encoder.hidden_states, encoder.dim) if settings.layers == "mix" else (words, encoder.dim)


def compute_frozen(
    encoder: Encoder,
    sentences: Sequence[Sentence],
    settings: FeatureSettings,
    *,
    halved: bool = True,
    parallel: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[int, NDArray[np.floating[Any]]]]:
    """Yield the vectors of all words, each time the number of the first word and the rows from there on.

    Sentences of similar length are read together, so they come in an order of their own; memory holds one
    batch, or one sentence that is longer. With a document as context, windows take the place of sentences:
    each is read once. Dropout is off. `halved` returns float16 instead of float32;
    `parallel` computes two batches at once (threads.py). Raises BilstmCrfError for a value beyond float16.
    """
    windows = build_windows(encoder, sentences, settings)
    if settings.context_unit == "document":
        windows = divide_by_window(windows)
    first = windows.subwords.sentences  # (S + 1,)
    filled = np.flatnonzero(np.diff(first))
    starts, ends = windows.subwords.words[first[filled]], windows.subwords.words[first[filled + 1]]
    lengths = np.maximum(lengths_of(encoder, windows, windows.window_of[starts]), ends - starts)

    def read(batch: Ints) -> NDArray[np.floating[Any]]:
        with torch.inference_mode():
            vectors = compute_vectors(encoder, windows, filled[batch], settings)
        return _halve(encoder, vectors) if halved else vectors.cpu().numpy()

    done = 0
    was_training = encoder.training
    encoder.eval()
    try:
        for batch, rows in _results(read, batches_of(encoder, lengths), 2 if parallel else 1):
            cuts = np.diff(first)[filled[batch]].cumsum()
            for number, part in zip(filled[batch], np.split(rows, cuts[:-1]), strict=True):
                yield int(first[number]), part
            done += len(rows)
            if progress is not None:
                progress(done, int(first[-1]))
    finally:
        encoder.train(was_training)


def _results(work: Callable[[T], R], given: Iterator[T], at_once: int) -> Iterator[tuple[T, R]]:
    """Yield each item and its result, computed one or two at once."""
    while some := list(islice(given, at_once)):
        done = parallel_pair(lambda side: work(some[side])) if len(some) == 2 else [work(some[0])]
        yield from zip(some, done, strict=True)


def _halve(encoder: Encoder, vectors: Tensor) -> NDArray[np.float16]:
    largest = vectors.abs().amax().item()  # NaN if there is one
    if not largest <= MAX_FLOAT16:
        raise BilstmCrfError(
            f"the encoder {encoder.name} returns values up to {largest:.3g}, beyond float16",
            hint=f"frozen features are kept in float16, which ends at {MAX_FLOAT16:,.0f}; "
            "the last layer alone is likely to be in range, and fine-tuning keeps nothing",
        )
    halves: NDArray[np.float16] = vectors.half().cpu().numpy()
    return halves
