"""Which neighbours go with a sentence."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.encoder.settings import Unit
from bilstm_crf.encoder.windows import find_context
from bilstm_crf.sentence import Sentence


def of(*sentences: tuple[str, str | None]) -> list[Sentence]:
    """Sentences from a text and the name of their document."""
    return [Sentence(text.split(), document=document, path="a.conllu") for text, document in sentences]


def seen(sentences: list[Sentence], count: int, unit: Unit) -> list[str]:
    words = list(chain.from_iterable(sentence.tokens for sentence in sentences))
    return [" ".join(words[low:high]) for low, high in find_context(sentences, count, unit)]


STORY = of(("a b c", "1"), ("d", "1"), ("e f", "1"), ("g h", "2"), ("i", "2"))


@pytest.mark.parametrize(
    ("count", "unit", "expected"),
    [
        (0, "words", ["a b c", "d", "e f", "g h", "i"]),
        (1, "sentences", ["a b c d", "a b c d e f", "d e f", "g h i", "g h i"]),
        (9, "sentences", ["a b c d e f"] * 3 + ["g h i"] * 2),
        (1, "words", ["a b c d", "c d e", "d e f", "g h i", "h i"]),
        (2, "words", ["a b c d e", "b c d e f", "c d e f", "g h i", "g h i"]),
        (99, "words", ["a b c d e f"] * 3 + ["g h i"] * 2),
        (1, "document", ["a b c d e f"] * 3 + ["g h i"] * 2),
    ],
)
def test_neighbours_are_of_the_same_document(count: int, unit: Unit, expected: list[str]) -> None:
    assert seen(STORY, count, unit) == expected


@pytest.mark.parametrize("unit", ["words", "sentences", "document"])
def test_sentences_of_no_document_have_none(unit: Unit) -> None:
    assert seen(of(("a b", None), ("c", None), ("d", "1"), ("e", None)), 3, unit) == ["a b", "c", "d", "e"]


def test_documents_of_one_name_in_two_files_are_two() -> None:
    one, two = of(("a", "1")), of(("b", "1"))
    two[0].path = "b.conllu"
    assert seen(one + two, 1, "sentences") == ["a", "b"]


def test_a_document_goes_on_behind_sentences_without_words() -> None:
    assert seen(of(("a", "1"), ("", None), ("b", "1"), ("", "1")), 1, "sentences") == ["a b", "", "a b", ""]


def test_there_may_be_no_sentence_and_no_word() -> None:
    assert find_context([], 3, "words").shape == (0, 2)
    assert seen(of(("", "1")), 3, "words") == [""]


sentences_of_documents = st.lists(
    st.tuples(st.sampled_from(["", "a", "b c", "d e f"]), st.sampled_from(["1", "2", None])), max_size=12
)


@given(sentences_of_documents, st.integers(0, 4), st.sampled_from(["words", "sentences", "document"]))
def test_a_sentence_is_in_its_own_context_and_context_in_its_own_document(
    texts: list[tuple[str, str | None]], count: int, unit: Unit
) -> None:
    sentences = of(*texts)
    documents = np.repeat(np.array([s.document for s in sentences], object), list(map(len, sentences)))
    end = 0
    for sentence, (low, high) in zip(sentences, find_context(sentences, count, unit), strict=True):
        start, end = end, end + len(sentence)
        assert low <= start <= end <= high
        if len(sentence):
            assert set(documents[low:high]) == {sentence.document}
            if unit == "words":
                assert max(start - low, high - end) <= count
