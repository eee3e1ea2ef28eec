"""The vectors of a whole corpus by an encoder that does not learn, in float16.

Letters: N words, L hidden states, D dimensions.
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
from bilstm_crf.encoder.features import batches_of, lengths_of, windows_of, word_vectors
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.encoder.windows import Ints
from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.threads import parallel_pair

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[int, int], None]  # words done, words in all
Vectors = NDArray[np.float16]

MAX_FLOAT16 = float(np.finfo(np.float16).max)  # 65,504


def frozen_vectors(
    encoder: Encoder,
    sentences: Sequence[Sentence],
    settings: FeatureSettings,
    *,
    progress: Progress | None = None,
) -> Vectors:
    """(N, D), or (N, L, D) for `mix`: the vectors of all words. Raises as `frozen_parts` does."""
    vectors = np.empty(shape_of(encoder, sentences, settings), np.float16)
    for word, rows in frozen_parts(encoder, sentences, settings, progress=progress):
        vectors[word : word + len(rows)] = rows
    return vectors


def shape_of(encoder: Encoder, sentences: Sequence[Sentence], settings: FeatureSettings) -> tuple[int, ...]:
    """Of the vectors of all words."""
    words = sum(map(len, sentences))
    return (words, encoder.hidden_states, encoder.dim) if settings.layers == "mix" else (words, encoder.dim)


def frozen_parts(
    encoder: Encoder,
    sentences: Sequence[Sentence],
    settings: FeatureSettings,
    *,
    halved: bool = True,
    lanes: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[int, NDArray[np.floating[Any]]]]:
    """The vectors of all words: each time the number of a first word, and the rows from it on.

    Sentences of like length are read together, so that they come in an order of their own; memory
    holds one batch, or one sentence that is longer. Dropout is off. `halved`: in float16, else in float32;
    `lanes`: two batches at once, where there are two lanes. Raises BilstmCrfError for a value that float16
    does not hold.
    """
    windows = windows_of(encoder, sentences, settings)
    first = windows.pieces.sentences  # (S + 1,)
    filled = np.flatnonzero(np.diff(first))
    starts, ends = windows.pieces.words[first[filled]], windows.pieces.words[first[filled + 1]]
    lengths = np.maximum(lengths_of(encoder, windows, windows.of_piece[starts]), ends - starts)

    def read(batch: Ints) -> NDArray[np.floating[Any]]:
        with torch.inference_mode():
            vectors = word_vectors(encoder, windows, filled[batch], settings)
        return _halved(encoder, vectors) if halved else vectors.cpu().numpy()

    done = 0
    was_training = encoder.training
    encoder.eval()
    try:
        for batch, rows in _results(read, batches_of(encoder, lengths), lanes):
            cuts = np.diff(first)[filled[batch]].cumsum()
            for number, part in zip(filled[batch], np.split(rows, cuts[:-1]), strict=True):
                yield int(first[number]), part
            done += len(rows)
            if progress is not None:
                progress(done, int(first[-1]))
    finally:
        encoder.train(was_training)


def _results(work: Callable[[T], R], given: Iterator[T], lanes: bool) -> Iterator[tuple[T, R]]:
    """What the work makes of each given thing, with it; two at a time where there are to be lanes."""
    while some := list(islice(given, 2 if lanes else 1)):
        done = parallel_pair(lambda lane: work(some[lane])) if len(some) == 2 else [work(some[0])]
        yield from zip(some, done, strict=True)


def _halved(encoder: Encoder, vectors: Tensor) -> Vectors:
    largest = vectors.abs().amax().item()  # NaN where there is one
    if not largest <= MAX_FLOAT16:
        raise BilstmCrfError(
            f"the encoder {encoder.name} gives values up to {largest:.3g}, and frozen features are kept in "
            f"float16, which ends at {MAX_FLOAT16:,.0f}",
            hint="its last layer alone is likely to be in range; fine-tuning keeps nothing",
        )
    halves: Vectors = vectors.half().cpu().numpy()
    return halves
