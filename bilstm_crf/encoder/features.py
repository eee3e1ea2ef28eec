"""Windows to word vectors.

Letters: N words, S sentences, B windows, T pieces, L hidden states, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from bilstm_crf.encoder.context import neighbours
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.pieces import pieces_of
from bilstm_crf.encoder.settings import FeatureSettings
from bilstm_crf.encoder.windows import Ints, Windows, cut
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.arrays import ranges

# Pieces read at a time, padding included: on a CPU more of them leave its caches, a GPU would have to wait
BATCH_PIECES = {"cpu": 512, "cuda": 16_384}
# Of those, padding at most: beyond that, one more pass costs less (docs/bert.md; a GPU was not measured)
BATCH_PADDING = {"cpu": 30, "cuda": 4_096}


def windows_of(encoder: Encoder, sentences: Sequence[Sentence], settings: FeatureSettings) -> Windows:
    """What the encoder is to read for the words of `sentences`; made once, for any number of batches.

    Raises UsageError for a layer that the encoder does not have.
    """
    encoder.require_layer(settings)
    pieces = pieces_of(encoder, [sentence.tokens for sentence in sentences])
    context = neighbours(sentences, settings.context, settings.context_unit)
    return cut(pieces, context, encoder.room)


def word_vectors(
    encoder: Encoder,
    windows: Windows,
    sentences: Sequence[int] | Ints,
    settings: FeatureSettings,
    *,
    batch_pieces: int | None = None,
) -> Tensor:
    """(N, D), or (N, L, D) for `mix`: the words of the sentences with these numbers, one after another.

    On the encoder's device, and with gradients where they are enabled. `batch_pieces`: how many are read at
    a time; None: what suits the device.
    """
    pieces = windows.pieces
    chosen = np.asarray(sentences, np.int64)
    words = ranges(pieces.sentences[chosen], pieces.sentences[chosen + 1])
    starts, ends = pieces.words[words], pieces.words[words + 1]
    wanted = {"first": starts, "last": ends - 1}.get(settings.pooling)
    if wanted is None:
        wanted = ranges(starts, ends)
    used, of_wanted = np.unique(windows.of_piece[wanted], return_inverse=True)
    depth = (encoder.hidden_states,) if settings.layers == "mix" else ()
    vectors, places = [torch.zeros((0, *depth, encoder.dim), device=encoder.device)], []
    with encoder.in_precision(settings):
        for batch in batches_of(encoder, lengths_of(encoder, windows, used), batch_pieces):
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
    # unsafe: without the check of the lengths, which fails where there are none
    return torch.segment_reduce(found, "mean", lengths=_on(encoder, ends - starts), unsafe=True)


def lengths_of(encoder: Encoder, windows: Windows, numbers: Ints) -> Ints:
    """The pieces of each of these windows, with the special ones."""
    lengths: Ints = np.diff(windows.bounds[numbers])[:, 0] + encoder.window - encoder.room
    return lengths


def batches_of(encoder: Encoder, lengths: Ints, batch_pieces: int | None = None) -> Iterator[Ints]:
    """Numbers of `lengths` of like size, longest first: one, or as many as there is room for."""
    budget = batch_pieces or BATCH_PIECES.get(encoder.device.type, 512)
    most_padding = BATCH_PADDING.get(encoder.device.type, 30)
    order = np.argsort(-lengths, kind="stable")
    while len(order):
        longest = int(lengths[order[0]])
        padding = (longest - lengths[order[: budget // longest]]).cumsum()
        count = max(1, int(np.searchsorted(padding, most_padding, "right")))
        yield order[:count]
        order = order[count:]


def _padded(encoder: Encoder, windows: Windows, numbers: Ints) -> tuple[Tensor, Tensor]:
    """Piece ids (B, T) and mask (B, T) of these windows."""
    lengths = lengths_of(encoder, windows, numbers)
    ids = np.full((len(numbers), lengths.max()), encoder.padding)
    for row, (start, end) in zip(ids, windows.bounds[numbers], strict=True):
        whole = [*encoder.prefix, *windows.pieces.ids[start:end], *encoder.suffix]
        row[: len(whole)] = whole
    mask = np.arange(ids.shape[1]) < lengths[:, None]
    return _on(encoder, ids), _on(encoder, mask.astype(np.int64))


def _on(encoder: Encoder, array: Ints) -> Tensor:
    return torch.from_numpy(array).to(encoder.device)
