"""Pieces to windows: what the encoder reads at a time, and which window gives each piece its vector.

A sentence that fits is one window, with as much of its context as there is room for. A longer one is read in
windows that overlap by about half, and each word takes its vector from the window that shows most on the
word's shorter side. Nothing is cut off: a single word longer than a window is read in overlapping windows
too, each of its pieces where it sees most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.encoder.pieces import Pieces

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """W windows over P pieces."""

    pieces: Pieces
    bounds: Ints  # (W, 2): the window's pieces are pieces.ids[start:end], special ones not counted
    of_piece: Ints  # (P,): the window from which the piece has its vector


def cut(pieces: Pieces, context: Ints, room: int) -> Windows:
    """Windows of at most `room` pieces; `context` (S, 2) as `neighbours` gives it.

    Where sentence and context are too long together, the words furthest from the sentence are left out, of
    two equally far ones that behind it first. No context goes with a sentence that is too long alone.
    """
    bounds: list[tuple[int, int]] = []
    of_piece = np.zeros(len(pieces.ids), np.int64)
    for number, (low, high) in enumerate(context.tolist()):
        first, behind = pieces.sentences[number : number + 2].tolist()
        start, end = pieces.words[[first, behind]].tolist()
        if end - start > room:
            windows, choice = _overlapping(pieces.words[first : behind + 1], room)
            of_piece[start:end] = len(bounds) + choice
            bounds += windows
        elif end > start:
            of_piece[start:end] = len(bounds)
            bounds.append(_with_context(pieces.words, (low, first, behind, high), room))
    return Windows(pieces, np.array(bounds, np.int64).reshape(-1, 2), of_piece)


def _with_context(words: Ints, context: tuple[int, int, int, int], room: int) -> tuple[int, int]:
    """The sentence's words `first` to `behind` - 1 with those from `low` and up to `high` that have room."""
    low, first, behind, high = context
    distance = np.arange(max(first - low, high - behind) + 1)
    left = words[np.maximum(first - distance, low)]  # the start of the words no further than that
    right = words[np.minimum(behind + distance, high)]
    most = np.searchsorted(right - left, room, "right") - 1
    start, end = int(left[most]), int(right[most])
    if most + 1 < len(distance) and end - left[most + 1] <= room:
        start = int(left[most + 1])
    return start, end


def _overlapping(words: Ints, room: int) -> tuple[list[tuple[int, int]], Ints]:
    """Windows over the words with the bounds `words`, and the number of each piece's window among them."""
    units = _units(words, room)
    windows: list[tuple[int, int]] = []
    most = np.full(len(units) - 1, -1, np.int64)  # pieces on the shorter side, in the best window so far
    choice = np.zeros(len(units) - 1, np.int64)
    start, end = 0, 0  # units
    while end < len(units) - 1:
        further = np.searchsorted(units, units[end + 1] - room)  # from there, one unit more fits than before
        half = np.searchsorted(units, units[start] + room // 2)
        start = min(max(int(further), int(half)), end)
        end = int(np.searchsorted(units, units[start] + room, "right")) - 1
        if end == len(units) - 1:  # the last window begins earlier, so that it is full
            start = int(np.searchsorted(units, units[end] - room))
        left, right = int(units[start]), int(units[end])
        shorter = np.minimum(units[start:end] - left, right - units[start + 1 : end + 1])
        better = np.flatnonzero(shorter > most[start:end])
        most[start + better] = shorter[better]
        choice[start + better] = len(windows)
        windows.append((left, right))
    return windows, np.repeat(choice, np.diff(units))


def _units(words: Ints, room: int) -> Ints:
    """The bounds of what stays together: of words, but of single pieces in a word longer than a window."""
    longer = np.flatnonzero(np.diff(words) > room)
    inside = [np.arange(words[number] + 1, words[number + 1]) for number in longer]
    return np.sort(np.concatenate([words, *inside]))
