"""Robust reading: text in capitals, in lower case or without full stops is read like other text."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.features.reading import RobustReading, usual_words
from bilstm_crf.features.vocabulary import Vocabulary
from bilstm_crf.sentence import Sentence

WORDS = ["på", "møtte", "Oslo", "På", "Solberg", "NATO", "oslo", "Ås", "i", "A-laget"]
READ = RobustReading(usual_words(WORDS))
TOKEN = st.sampled_from([*WORDS, "Sandnes", "KrF-leder", "sa", "1905", "!", "Trom\u00adsø", "ß", "İstanbul"])


@given(st.lists(TOKEN, min_size=1, max_size=6))
def test_capitals_and_lower_case_read_alike_and_a_full_stop_says_nothing(tokens: list[str]) -> None:
    lower = [token.lower() for token in tokens]
    capitals = [token.upper() for token in lower]
    if [token.lower() for token in capitals] == lower:  # not so for ß, whose capitals are two letters
        assert [*READ(capitals)] == [*READ(lower)]
    for each in (tokens, lower, capitals):
        assert [*READ([*each, "."])] == [*READ(each)] or each[-1] == "."
        assert len(READ(each)) == len(each)
    decomposed = [unicodedata.normalize("NFD", token) for token in lower]
    assert [*READ(decomposed)] == [*READ(lower)]


def test_a_sentence_with_both_cases_keeps_its_words() -> None:
    assert READ(["Oslo", "NATO", "SOLBERG", "sa"]) == ["Oslo", "NATO", "SOLBERG", "sa"]
    assert (READ(["."]), READ([]), READ(["1905", "."])) == (["."], [], ["1905"])


def test_a_word_takes_the_vector_of_its_most_frequent_form() -> None:
    vectors = WordVectors("v", WORDS, np.arange(3 * len(WORDS), dtype=np.float32).reshape(-1, 3))
    corpus = [Sentence(["Hansen", "bur", "i", "Oslo"])]
    plain = Vocabulary.of_corpus(corpus, ["O"], attached=vectors)
    robust = Vocabulary.of_corpus(corpus, ["O"], attached=vectors, robust=True)

    def vector(vocabulary: Vocabulary, word: str) -> list[float] | int:
        encoded = vocabulary.encode([["Ein", word, "vart"]])
        row = int(encoded.word_ids[1])
        return (
            row if row <= len(vocabulary.words) else encoded.vectors[row - len(vocabulary.words) - 1].tolist()
        )

    assert vector(plain, "SOLBERG") == 0  # unknown
    assert vector(robust, "SOLBERG") == vectors.matrix[4].tolist()
    assert vector(robust, "HANSEN") == robust.words["Hansen"]
    assert vector(robust, "OSLO") == robust.words["Oslo"]  # and not that of the rare `oslo`
    assert vector(robust, "PÅ") == vectors.matrix[0].tolist()


def test_labels_are_cut_with_their_sentence() -> None:
    vocabulary = Vocabulary.of_corpus([Sentence(["Kari", "sov", "."])], ["O", "B-PER", "I-PER"], robust=True)
    encoded = vocabulary.encode([["Kari", "sov", "."], ["KARI"]], [["B-PER", "O", "O"], ["B-PER"]])
    assert encoded.labels is not None
    assert (encoded.lengths.tolist(), encoded.labels.tolist()) == ([2, 1], [1, 0, 1])
    assert encoded.word_ids[encoded.tokens[2]] == vocabulary.words["Kari"]
