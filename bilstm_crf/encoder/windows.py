"""From sentences to what the encoder reads at a time: subwords, context, windows.

A fast tokenizer treats each word that it is given separately, so a word's subwords depend on the word alone.
As in running text, each word counts as having a space before it.

A sentence that fits is one window, with as much of its context as there is room for. A longer one is read in
windows that overlap by about half, and each word takes its vector from the window that shows most on the
word's shorter side. Nothing is truncated: a word longer than a window is read in overlapping windows too.
With a document as context, its sentences are read as one, in windows that overlap by about a quarter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.config import Unit
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.sentence import Sentence

Ints = NDArray[np.int64]
CHUNK = 1000  # words per call of the tokenizer: 20 take little less time per word, 100,000 much memory


@dataclass(frozen=True)
class Subwords:
    """The subwords (P) of N words of S sentences. Each word has at least one."""

    ids: Ints  # (P,)
    words: Ints  # (N + 1,) word n is ids[words[n]:words[n + 1]]
    sentences: Ints  # (S + 1,) sentence s has the words sentences[s] to sentences[s + 1] - 1


@dataclass(frozen=True)
class Windows:
    """W windows over P subwords."""

    subwords: Subwords
    bounds: Ints  # (W, 2) a window's subwords are subwords.ids[start:end], plus special ones
    window_of: Ints  # (P,) the window from which the subword takes its vector


def split_words(encoder: Encoder, sentences: Sequence[Sequence[str]]) -> Subwords:
    """Return the subwords of the words of `sentences`, without special ones.

    A word that the tokenizer deletes (a control character, a lone variation selector) is the unknown subword,
    and so is `</s>` in a text, which does not end a sentence. Raises InputError for the tokenizer of another
    model.
    """
    words = list(chain.from_iterable(sentences))
    ids: list[Ints] = []
    counts = np.zeros(len(words) + 1, np.int64)
    for start in range(0, len(words), CHUNK):
        chunk = [_readable(word, encoder.spaced) for word in words[start : start + CHUNK]]
        # Not encode_batch: its threads ignore --threads and do not survive a fork.
        encoding = encoder.tokenizer.encode(chunk, is_pretokenized=True, add_special_tokens=False)
        word_of = np.array(encoding.word_ids, np.int64)
        number_of = np.bincount(word_of, minlength=len(chunk))
        deleted = np.searchsorted(word_of, np.flatnonzero(number_of == 0))
        found = np.array(encoding.ids, np.int64)
        encoder.require_subword(int(found.max(initial=0)))
        found[np.isin(found, encoder.special)] = encoder.unknown
        ids.append(np.insert(found, deleted, encoder.unknown))
        counts[start + 1 : start + 1 + len(chunk)] = np.maximum(number_of, 1)
    lengths = [0, *map(len, sentences)]
    return Subwords(np.concatenate([*ids, np.zeros(0, np.int64)]), counts.cumsum(), np.cumsum(lengths))


def _readable(word: str, spaced: bool) -> str:
    """Return the word as the tokenizer takes it: half a surrogate pair is no text."""
    word = word.encode("utf-8", "replace").decode("utf-8")
    return f" {word}" if spaced else word


def find_context(sentences: Sequence[Sentence], count: int, unit: Unit) -> Ints:
    """Return for each sentence the first and the end (exclusive) of the words that go with it, (S, 2).

    Words are numbered through all `sentences`. Up to `count` words or sentences on each side are taken from
    the same file and `document`, or all of it. A sentence without a document has no context, since a file
    without marks may be a shuffled corpus. Sentences without words do not count.

    >>> a, b = Sentence(["Kari", "bur"], document="1"), Sentence(["Ja"], document="1")
    >>> find_context([a, b, Sentence(["Nei"], document="2")], 1, "words").tolist()
    [[0, 3], [1, 3], [3, 4]]
    """
    lengths = np.array([len(sentence) for sentence in sentences], np.int64)
    ends = lengths.cumsum()
    bounds = np.stack((ends - lengths, ends), axis=1)
    filled = np.flatnonzero(lengths)
    if count == 0 or not len(filled):
        return bounds
    starts = np.append(bounds[filled, 0], ends[-1])  # of the sentences with words
    first, last = _document_bounds([sentence for sentence in sentences if len(sentence)])
    if unit == "document":
        low, high = starts[first], starts[last]
    elif unit == "sentences":
        number = np.arange(len(filled))
        low = starts[np.maximum(first, number - count)]
        high = starts[np.minimum(last, number + count + 1)]
    else:
        low = np.maximum(starts[first], starts[:-1] - count)
        high = np.minimum(starts[last], starts[1:] + count)
    bounds[filled] = np.stack((low, high), axis=1)
    return bounds


def _document_bounds(sentences: Sequence[Sentence]) -> tuple[Ints, Ints]:
    """Return the first sentence of each sentence's document and its end (exclusive), (S,) each."""
    new = [
        before.document is None or (before.path, before.document) != (here.path, here.document)
        for before, here in pairwise(sentences)
    ]
    begins = np.flatnonzero([True, *new])
    lengths = np.diff(np.append(begins, len(sentences)))
    return np.repeat(begins, lengths), np.repeat(begins + lengths, lengths)


def cut_documents(subwords: Subwords, context: Ints, room: int) -> Windows:
    """Return windows of at most `room` subwords over whole documents, whose bounds are `context` (S, 2)."""
    bounds = np.unique(context[context[:, 0] < context[:, 1]])
    documents = replace(subwords, sentences=bounds)
    windows = cut_windows(documents, np.stack((bounds[:-1], bounds[1:]), axis=1), room, room // 4)
    return replace(windows, subwords=subwords)


def divide_by_window(windows: Windows) -> Windows:
    """Return the windows, with words in a row that take their vectors from the same one as a sentence."""
    subwords = windows.subwords
    window_of = windows.window_of[subwords.words[:-1]]
    changes = np.flatnonzero(np.diff(window_of)) + 1
    return replace(windows, subwords=replace(subwords, sentences=np.array([0, *changes, len(window_of)])))


def cut_windows(subwords: Subwords, context: Ints, room: int, overlap: int | None = None) -> Windows:
    """Return windows of at most `room` subwords; `context` (S, 2) as `find_context` returns it.

    If a sentence and its context are too long together, the words furthest from the sentence are left out; of
    two equally far ones, the one after it first. A sentence that is too long alone has no context; its
    windows have about `overlap` subwords in common, or half of `room`.
    """
    step = room // 2 if overlap is None else room - overlap
    bounds: list[tuple[int, int]] = []
    window_of = np.zeros(len(subwords.ids), np.int64)
    for number, (low, high) in enumerate(context.tolist()):
        first, behind = subwords.sentences[number : number + 2].tolist()
        start, end = subwords.words[[first, behind]].tolist()
        if end - start > room:
            windows, choice = _overlapping(subwords.words[first : behind + 1], room, step)
            window_of[start:end] = len(bounds) + choice
            bounds += windows
        elif end > start:
            window_of[start:end] = len(bounds)
            bounds.append(_with_context(subwords.words, (low, first, behind, high), room))
    return Windows(subwords, np.array(bounds, np.int64).reshape(-1, 2), window_of)


def _with_context(words: Ints, context: tuple[int, int, int, int], room: int) -> tuple[int, int]:
    """Return the bounds of the words `first` to `behind` - 1, extended to `low` and `high` if they fit."""
    low, first, behind, high = context
    distance = np.arange(max(first - low, high - behind) + 1)
    left = words[np.maximum(first - distance, low)]  # the start of the words at most this far away
    right = words[np.minimum(behind + distance, high)]
    most = np.searchsorted(right - left, room, "right") - 1
    start, end = int(left[most]), int(right[most])
    if most + 1 < len(distance) and end - left[most + 1] <= room:
        start = int(left[most + 1])
    return start, end


def _overlapping(words: Ints, room: int, step: int) -> tuple[list[tuple[int, int]], Ints]:
    """Return windows over the words with these bounds, and the number of each subword's window.

    A window begins `step` subwords after the one before, or further on where another word fits only then.
    """
    units = _units(words, room)
    windows: list[tuple[int, int]] = []
    most = np.full(len(units) - 1, -1, np.int64)  # subwords on the shorter side in the best window so far
    choice = np.zeros(len(units) - 1, np.int64)
    start, end = 0, 0  # units
    while end < len(units) - 1:
        further = np.searchsorted(units, units[end + 1] - room)  # from there, one more unit fits than before
        usual = np.searchsorted(units, units[start] + step)
        start = min(max(int(further), int(usual)), end)
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
    """Return the bounds of what stays together: words, but single subwords of a word longer than a window."""
    longer = np.flatnonzero(np.diff(words) > room)
    inside = [np.arange(words[number] + 1, words[number + 1]) for number in longer]
    return np.sort(np.concatenate([words, *inside]))
