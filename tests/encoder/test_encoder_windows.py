"""Windows: every subword in exactly one that suits it best, none too long, nothing left out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.encoder.windows import Subwords, Windows, cut_documents, cut_windows, divide_by_window


def made(sentences: list[list[int]]) -> Subwords:
    """Sentences of words with so many subwords each; the subwords are numbered through."""
    words = np.cumsum([0, *(length for sentence in sentences for length in sentence)])
    return Subwords(np.arange(words[-1]), words, np.cumsum([0, *map(len, sentences)]))


def alone(subwords: Subwords) -> np.ndarray:
    """No context."""
    return np.stack((subwords.sentences[:-1], subwords.sentences[1:]), axis=1)


def of_word(windows: Windows, word: int) -> list[tuple[int, int]]:
    """The windows that the word's subwords take their vectors from."""
    start, end = windows.subwords.words[word : word + 2]
    return sorted({(int(a), int(b)) for a, b in windows.bounds[windows.window_of[start:end]]})


sentences_of_pieces = st.lists(
    st.lists(st.one_of(st.integers(1, 4), st.integers(1, 40)), max_size=25), min_size=1, max_size=4
)


@given(sentences_of_pieces, st.integers(1, 16))
def test_every_piece_has_a_window_and_a_word_that_can_be_whole_is(
    sentences: list[list[int]], room: int
) -> None:
    subwords = made(sentences)
    windows = cut_windows(subwords, alone(subwords), room)
    assert (np.diff(windows.bounds) <= room).all()
    inside = windows.bounds[windows.window_of]
    assert len(inside) == len(subwords.ids)
    assert ((inside[:, 0] <= subwords.ids) & (subwords.ids < inside[:, 1])).all()
    for word, (start, end) in enumerate(pairwise(subwords.words)):
        if end - start <= room:
            ((first, last),) = of_word(windows, word)
            assert first <= start
            assert end <= last


@given(st.lists(st.integers(1, 6), min_size=1, max_size=60), st.integers(6, 20))
def test_a_word_takes_the_window_that_shows_most_on_its_shorter_side(words: list[int], room: int) -> None:
    subwords = made([words])
    windows = cut_windows(subwords, alone(subwords), room)
    for start, end in pairwise(subwords.words):
        shorter = [
            min(start - first, last - end) if first <= start and end <= last else -1
            for first, last in windows.bounds
        ]
        assert windows.window_of[start] == int(np.argmax(shorter))  # the first of equals


@given(st.lists(st.integers(1, 6), min_size=1, max_size=60), st.integers(6, 20))
def test_the_windows_of_a_long_sentence_overlap_and_the_last_is_full(words: list[int], room: int) -> None:
    subwords = made([words])
    bounds = cut_windows(subwords, alone(subwords), room).bounds.tolist()
    assert bounds[0][0] == 0
    assert bounds[-1][1] == sum(words)
    for before, after in pairwise(bounds):
        assert before[0] < after[0] <= before[1] < after[1]
    if len(bounds) > 1:
        start = subwords.words.tolist().index(bounds[-1][0])
        assert sum(words) - bounds[-1][0] <= room < sum(words) - subwords.words[start - 1]


@given(sentences_of_pieces, st.integers(1, 16))
def test_a_sentence_that_fits_is_one_window(sentences: list[list[int]], room: int) -> None:
    subwords = made(sentences)
    bounds = cut_windows(subwords, alone(subwords), room).bounds.tolist()
    for first, behind in pairwise(subwords.sentences):
        start, end = subwords.words[[first, behind]].tolist()
        if 0 < end - start <= room:
            assert [start, end] in bounds


@pytest.mark.parametrize("kind", [[30], [2, 30, 2], [30, 30]])
def test_of_a_word_longer_than_a_window_each_piece_sees_to_both_sides(kind: list[int]) -> None:
    subwords = made([kind])
    windows = cut_windows(subwords, alone(subwords), 10)
    inside = windows.bounds[windows.window_of]
    for subword in range(5, sum(kind) - 5):
        assert min(subword - inside[subword, 0], inside[subword, 1] - subword - 1) >= 2


def trimmed(words: list[int], own: tuple[int, int], room: int) -> tuple[int, int]:
    """Word by word: the furthest goes first, of two equally far ones that behind."""
    low, high = 0, len(words)
    while sum(words[low:high]) > room:
        if high - own[1] >= own[0] - low:
            high -= 1
        else:
            low += 1
    return low, high


@given(st.data())
def test_context_is_trimmed_from_the_far_ends(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=20))
    first = data.draw(st.integers(0, len(words) - 1))
    behind = data.draw(st.integers(first + 1, len(words)))
    own = sum(words[first:behind])
    room = data.draw(st.integers(own, own + 20))
    subwords = made([words[:first], words[first:behind], words[behind:]])
    context = np.array([[0, first], [0, len(words)], [behind, len(words)]])
    low, high = trimmed(words, (first, behind), room)
    expected = (subwords.words[low], subwords.words[high])
    assert of_word(cut_windows(subwords, context, room), first) == [expected]


def test_context_is_left_out_of_a_sentence_too_long_alone() -> None:
    subwords = made([[1] * 5, [1] * 12, [1] * 5])
    windows = cut_windows(subwords, np.array([[0, 5], [0, 22], [17, 22]]), 10)
    assert windows.bounds.tolist() == [[0, 5], [5, 15], [7, 17], [17, 22]]


@given(sentences_of_pieces, st.integers(1, 16))
def test_a_document_is_read_as_one_sentence_with_less_overlap(sentences: list[list[int]], room: int) -> None:
    subwords = made(sentences)
    words = len(subwords.words) - 1
    together = made([[length for sentence in sentences for length in sentence]])
    expected = cut_windows(together, alone(together), room, overlap=room // 4)
    found = cut_documents(subwords, np.array([[0, words]] * len(sentences)), room)
    np.testing.assert_array_equal(found.bounds, expected.bounds)
    np.testing.assert_array_equal(found.window_of, expected.window_of)
    assert found.subwords is subwords


@given(st.lists(st.integers(1, 2), min_size=1, max_size=300), st.integers(40, 80))
def test_a_word_of_a_long_document_sees_an_eighth_of_a_window_to_both_sides(
    words: list[int], room: int
) -> None:
    subwords = made([words])
    windows = cut_documents(subwords, alone(subwords), room)
    inside = windows.bounds[windows.window_of]
    before, behind = subwords.ids - inside[:, 0], inside[:, 1] - subwords.ids
    at_an_end = (inside[:, 0] == 0) | (inside[:, 1] == len(subwords.ids))
    assert (at_an_end | (np.minimum(before, behind) >= room // 8 - 3)).all()


def test_documents_end_where_they_end() -> None:
    subwords = made([[1] * 6, [], [2] * 3, [1] * 30, [4]])
    documents = np.array([[0, 9], [6, 6], [0, 9], [9, 39], [39, 40]])
    windows = cut_documents(subwords, documents, 20)
    assert windows.bounds.tolist() == [[0, 12], [12, 32], [22, 42], [42, 46]]


@given(sentences_of_pieces, st.integers(1, 16))
def test_divided_by_window_words_stay_in_order_and_change_window_where_they_are_cut(
    sentences: list[list[int]], room: int
) -> None:
    subwords = made(sentences)
    windows = cut_documents(subwords, np.array([[0, len(subwords.words) - 1]] * len(sentences)), room)
    divided = divide_by_window(windows)
    bounds = divided.subwords.sentences
    assert (bounds[0], bounds[-1]) == (0, len(subwords.words) - 1)
    of_word = windows.window_of[subwords.words[:-1]]
    for start, end in pairwise(bounds):
        assert len(set(of_word[start:end])) == min(1, end - start)
        assert start == 0 or of_word[start - 1] != of_word[start]


def test_sentences_without_words_have_no_window() -> None:
    subwords = made([[], [2], [], []])
    windows = cut_windows(subwords, alone(subwords), 10)
    assert windows.bounds.tolist() == [[0, 2]]
    assert cut_windows(made([[]]), np.array([[0, 0]]), 10).bounds.shape == (0, 2)


def test_a_sentence_of_a_million_pieces_is_no_matter() -> None:
    subwords = made([[2] * 500_000])
    windows = cut_windows(subwords, alone(subwords), 510)
    assert len(windows.bounds) < 1_000_000 / 250
