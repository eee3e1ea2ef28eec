"""Batches: every sentence once, and nothing lost on the way to packed order and back."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.features.batches import Batch, layout_of, make_batch, tagging_batches, training_batches
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.util.arrays import ranges

VOCABULARY = Vocabulary(["a", "b", "ab", "abc"], "abc", ["O", "B-X", "I-X"])
words = st.text("abcd", min_size=1, max_size=5)
sentence_lists = st.lists(st.lists(words, min_size=1, max_size=6), min_size=1, max_size=6)


@given(st.integers(0, 40), st.integers(1, 12), st.integers(0, 3))
def test_an_epoch_takes_each_sentence_once(sentences: int, size: int, seed: int) -> None:
    batches = list(training_batches(np.random.default_rng(seed).permutation(sentences), size))
    assert sorted(number for batch in batches for number in batch) == list(range(sentences))
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(1 <= len(batch) <= size for batch in batches[-1:])


def test_two_epochs_of_one_generator_have_different_orders() -> None:
    random = np.random.default_rng(1)
    first, second = (np.concatenate(list(training_batches(random.permutation(50), 7))) for _ in range(2))
    again = np.concatenate(list(training_batches(np.random.default_rng(1).permutation(50), 7)))
    assert first.tolist() != second.tolist()
    assert first.tolist() == again.tolist()


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 50))
def test_tagging_takes_each_sentence_with_tokens_once_and_keeps_to_the_budget(
    lengths: list[int], budget: int
) -> None:
    batches = list(tagging_batches(np.array(lengths, dtype=np.int64), budget))
    taken = [int(number) for batch in batches for number in batch]
    assert sorted(taken) == [number for number, length in enumerate(lengths) if length]
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[number] for number in batch) <= budget
    falling = [lengths[number] for number in taken]
    assert falling == sorted(falling, reverse=True)


def test_a_sentence_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    batches = tagging_batches(np.array([1, 10_000, 3]), budget=6)
    assert [batch.tolist() for batch in batches] == [[1], [2, 0]]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=8))
def test_ranges_are_those_of_a_plain_loop(given_ranges: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in given_ranges], dtype=np.int64)
    ends = starts + np.array([length for _, length in given_ranges], dtype=np.int64)
    expected = [number for start, end in zip(starts, ends, strict=True) for number in range(start, end)]
    assert ranges(starts, ends).tolist() == expected


Token = tuple[int, list[int], int]  # word id, character ids, label id


def unpacked(batch: Batch) -> dict[int, list[Token]]:
    """Each sentence's tokens, read from the packed order by its definition."""
    characters = np.split(batch.words.characters, batch.words.lengths.cumsum()[:-1])
    tokens = iter(zip(batch.words.ids.tolist(), characters, batch.labels.tolist(), strict=True))
    rows: dict[int, list[Token]] = {int(sentence): [] for sentence in batch.layout.sentences}
    for size in batch.layout.batch_sizes.tolist():
        for sentence in batch.layout.sentences[:size]:
            word, ids, label = next(tokens)
            rows[int(sentence)].append((word, ids.tolist(), label))
    assert next(tokens, None) is None
    return rows


@given(sentence_lists, st.data())
def test_every_token_comes_back_from_a_batch(sentences: list[list[str]], data: st.DataObject) -> None:
    chosen = data.draw(
        st.lists(st.integers(0, len(sentences) - 1), min_size=1, max_size=len(sentences), unique=True)
    )
    labels = [[data.draw(st.sampled_from(VOCABULARY.labels)) for _ in sentence] for sentence in sentences]
    batch = make_batch(VOCABULARY.encode(sentences, labels), np.array(chosen))

    given_ids = batch.layout.sentences
    assert sorted(given_ids.tolist()) == sorted(chosen)
    lengths = [len(sentences[number]) for number in given_ids]
    assert lengths == sorted(lengths, reverse=True)
    for number, tokens in unpacked(batch).items():
        assert tokens == [
            (
                VOCABULARY.words.get(word, 0),
                [VOCABULARY.characters.get(c, 0) for c in word],
                VOCABULARY.labels.index(label),
            )
            for word, label in zip(sentences[number], labels[number], strict=True)
        ]


@given(sentence_lists)
def test_packed_order_is_pytorchs(sentences: list[list[str]]) -> None:
    encoded = VOCABULARY.encode(sentences)
    layout = layout_of(encoded, np.arange(len(sentences)))
    rows = [torch.arange(*encoded.offsets[number : number + 2]) for number in layout.sentences]
    packed = torch.nn.utils.rnn.pack_sequence(rows)
    assert layout.tokens.tolist() == packed.data.tolist()
    assert layout.batch_sizes.tolist() == packed.batch_sizes.tolist()


def test_sentences_of_one_length_keep_their_order() -> None:
    layout = layout_of(VOCABULARY.encode([["a"], ["b"], ["a", "b"], ["ab"]]), np.array([3, 0, 2, 1]))
    assert layout.sentences.tolist() == [2, 3, 0, 1]


def test_without_gold_labels_there_is_no_batch_to_learn_from() -> None:
    with pytest.raises(ValueError, match="gold"):
        make_batch(VOCABULARY.encode([["a"]]), np.array([0]))


@pytest.mark.parametrize("sentences", [[["a"]], [["abcabc"]], [["a"]] * 3])
def test_the_smallest_batches(sentences: list[list[str]]) -> None:
    batch = make_batch(VOCABULARY.encode(sentences, [["O"]] * len(sentences)), np.arange(len(sentences)))
    assert batch.layout.batch_sizes.tolist() == [len(sentences)]
    assert len(batch.words.ids) == len(batch.words.lengths) == len(sentences)
