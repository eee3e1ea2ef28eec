"""Words to subwords: each word has its own, whatever stands in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.encoder.windows import CHUNK, Subwords, split_words
from tiny_encoders import DELETED

SENTENCES = [
    ["Kari", "bur", "i", "Oslo", ",", "ikke", "i", "Nord-Noreg", "."],
    ["blåbærsyltetøy", "é", "E\u0301", "ÆØÅ"],
    ["👩‍👩‍👧", "🇳🇴", "日本", "New York", "  "],
]
of_a_shared_encoder = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def of_words(subwords: Subwords) -> list[list[int]]:
    return [ids.tolist() for ids in np.split(subwords.ids, subwords.words[1:-1])]


def test_the_pieces_are_those_of_transformers_for_words_with_a_space_before(encoder: Encoder) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder.name)
    for sentence in SENTENCES[:2]:
        expected = tokenizer([f" {word}" for word in sentence], is_split_into_words=True)
        subwords = split_words(encoder, [sentence])
        assert [*encoder.prefix, *subwords.ids, *encoder.suffix] == expected["input_ids"]
        word_ids = np.repeat(np.arange(len(sentence)), np.diff(subwords.words)).tolist()
        assert [None, *word_ids, None] == expected.word_ids()


@pytest.mark.parametrize("kind", ["byte-level", "unigram"])
def test_a_word_has_the_pieces_that_it_has_in_running_text(kind: str, loaded: Callable[..., Encoder]) -> None:
    encoder = loaded(kind)
    sentence = ["bur", "Kari", "nordmann", "i", "Oslo"]
    running = encoder.tokenizer.encode(" " + " ".join(sentence), add_special_tokens=False)
    assert split_words(encoder, [sentence]).ids.tolist() == running.ids


def test_words_and_sentences_are_counted_through(encoder: Encoder) -> None:
    subwords = split_words(encoder, [*SENTENCES, [], ["Oslo"]])
    assert subwords.sentences.tolist() == [0, 9, 13, 18, 18, 19]
    assert len(subwords.words) == 20
    assert (np.diff(subwords.words) > 0).all()
    assert subwords.words[-1] == len(subwords.ids)


@of_a_shared_encoder
@given(st.lists(st.text(max_size=12), max_size=6))
def test_the_pieces_of_a_word_depend_on_the_word_alone(encoder: Encoder, words: list[str]) -> None:
    together = of_words(split_words(encoder, [words])) if words else []
    assert together == [of_words(split_words(encoder, [[word]]))[0] for word in words]


@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
def test_a_word_that_the_tokenizer_deletes_is_one_unknown_piece(
    kind: str, loaded: Callable[..., Encoder]
) -> None:
    encoder = loaded(kind)
    words = [*DELETED[:2], "Oslo", DELETED[0], "bur", ""] if kind == "wordpiece" else [*DELETED, "Oslo", ""]
    found = of_words(split_words(encoder, [words]))
    unknown = [number for number, ids in enumerate(found) if ids == [encoder.unknown]]
    assert unknown == [number for number, word in enumerate(words) if word not in ("Oslo", "bur")]


def test_a_byte_level_tokenizer_deletes_nothing(loaded: Callable[..., Encoder]) -> None:
    encoder = loaded("byte-level")
    found = of_words(split_words(encoder, [[*DELETED, ""]]))
    assert all(ids and encoder.unknown not in ids for ids in found)


def test_a_special_piece_spelt_out_in_a_text_is_not_special(encoder: Encoder) -> None:
    subwords = split_words(encoder, [["[SEP]", "</s>", "<pad>", "[PAD]", "[CLS]", "<s>"]])
    assert not {*encoder.prefix, *encoder.suffix, encoder.padding} & set(subwords.ids.tolist())


def test_half_a_surrogate_pair_is_some_piece(encoder: Encoder) -> None:
    assert len(split_words(encoder, [["a\ud800", "\udfff"]]).words) == 3


def test_a_word_of_many_pieces_and_many_words_lose_nothing(encoder: Encoder) -> None:
    """Neither the tokenizer's own limit nor the calls of `CHUNK` words cut anything off."""
    sentences = [["Oslo"] * (CHUNK - 1), ["å" * 90, "\x01", "Oslo"], ["bur"] * CHUNK]
    found = of_words(split_words(encoder, sentences))
    assert len(found) == 2 * CHUNK + 2
    assert len(found[CHUNK - 1]) >= 90
    alone = {word: of_words(split_words(encoder, [[word]]))[0] for word in ("Oslo", "å" * 90, "\x01", "bur")}
    assert found == [alone[word] for sentence in sentences for word in sentence]
