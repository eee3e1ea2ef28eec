"""What callers pass to `Tagger`: each gives what its type says, or an error that names the position."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_crf import Document, Tagger
from bilstm_crf.errors import UsageError
from bilstm_crf.inference.network import PLAIN_TOKENS, load_loops

ONE, TWO = "Kari Nordmann bur i Bergen.", "Ola sov i Tromsø."
WORDS = ["Kari", "Nordmann", "bur"]


@pytest.fixture(scope="module")
def tagger(tiny_model: Path) -> Tagger:
    load_loops(PLAIN_TOKENS + 1)  # the scores of compiled loops are not those of plain ones to the last bit
    return Tagger.load(tiny_model)


class Series:
    """As pandas has it: an iterable of its values, without being a sequence."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = list(values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


class Table(Series):
    """A DataFrame iterates over the names of its columns."""

    columns = ("text", "id")


def test_pandas_series_are_lists_of_their_values(tagger: Tagger) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pd.DataFrame({"text": [ONE, TWO], "words": [WORDS, WORDS]})
    assert tagger.tag(table["text"]) == list(tagger.tag_texts(table["text"])) == as_texts(tagger, ONE, TWO)
    assert tagger.tag(table["words"]) == tagger.tag_sentences([WORDS, WORDS])
    assert tagger.tag(pd.Series([], dtype=object)) == []
    for missing in (None, math.nan, pd.NA, pd.NaT):
        for position, texts in enumerate(([missing, ONE], [ONE, missing])):
            with pytest.raises(TypeError, match=f"item {position} is .*missing"):
                tagger.tag(pd.Series(texts, dtype=object))
    with pytest.raises(TypeError, match="DataFrame"):
        tagger.tag(table)


def as_texts(tagger: Tagger, *texts: str) -> list[Document]:
    return [tagger.tag(text) for text in texts]


AS = [
    list,
    tuple,
    iter,
    Series,
    np.array,
    lambda items: np.array(items, dtype=object),
    lambda s: (x for x in s),
]


@pytest.mark.parametrize("form", AS)
def test_any_iterable_of_texts_is_a_list_of_texts(tagger: Tagger, form: Callable[[list[str]], Any]) -> None:
    for call in (tagger.tag, lambda given: list(tagger.tag_texts(given))):
        assert call(form([ONE, TWO])) == as_texts(tagger, ONE, TWO)
        assert call(form([ONE])) == as_texts(tagger, ONE)
        assert call(form(["Oslo"])) == as_texts(tagger, "Oslo")  # one word is a text, too
        assert call(form([])) == []


@pytest.mark.parametrize("form", AS)
def test_any_iterable_of_words_is_a_sentence(tagger: Tagger, form: Callable[[list[str]], Any]) -> None:
    sentence = tagger.tag_tokens(form(WORDS))
    assert sentence.tokens == WORDS
    assert all(type(token) is str for token in sentence.tokens)
    for call in (tagger.tag, tagger.tag_sentences):
        assert call([form(WORDS), form(["Ja"])])[0] == sentence
        assert call(iter([form(WORDS)])) == [sentence]


def test_a_generator_of_sentences_is_predicted_like_a_list(tagger: Tagger) -> None:
    sentences = [each for document in tagger.tag([ONE, ONE]) for each in document.sentences]
    expected = [sentence.token_spans for sentence in sentences]
    assert tagger.predict(iter(sentences)) == expected != [[], []]


@pytest.mark.parametrize("threads", [0, -1, 2.5, "2"])
def test_threads_are_a_number_from_1(tagger: Tagger, threads: Any) -> None:
    with pytest.raises(UsageError, match="threads"):
        Tagger(tagger.model, threads=threads)


def test_sentences_without_words_stay_in_their_places(tagger: Tagger) -> None:
    assert [len(each) for each in tagger.tag([[], ["Kari"], ()])] == [0, 1, 0]
    for call in (tagger.tag, tagger.tag_texts):
        assert [len(each.sentences) for each in call(["", "Kari", " \n "])] == [0, 1, 0]
        assert [each.text for each in call(["", " \n ", ""])] == ["", " \n ", ""]
    assert tagger.tag_sentences([]) == list(tagger.tag_texts(())) == []


@pytest.mark.parametrize(
    ("call", "given", "error", "says"),
    [
        ("tag", None, TypeError, ["None", "a text"]),
        ("tag", b"Kari", TypeError, ["b'Kari' (bytes)", "a text"]),
        ("tag", math.nan, TypeError, ["nan (float)"]),
        ("tag", {"text": ONE}, TypeError, ["dict"]),
        ("tag", {ONE}, TypeError, ["set"]),
        ("tag", Table([ONE]), TypeError, ["a table (Table)", "column"]),
        ("tag", [ONE, math.nan], TypeError, ["item 1", "nan (float)", "a text", "missing"]),
        ("tag", [ONE, None], TypeError, ["item 0", "item 1", "None"]),
        ("tag", ["Kari", ["Oslo"]], TypeError, ["item 0", "item 1"]),
        ("tag", [None, ONE], TypeError, ["item 0", "item 1"]),
        ("tag", [3], TypeError, ["item 0", "3 (int)"]),
        ("tag", [["Kari"], ["Ola", 3]], TypeError, ["item 1, token 1", "3 (int)"]),
        ("tag", [["Kari", ""]], ValueError, ["item 0, token 1", "''"]),
        ("tag", "Kari \ud83d", ValueError, ["surrogate", "character 5"]),
        ("tag_texts", ONE, TypeError, ["one text", "texts"]),
        ("tag_texts", [ONE, math.nan], TypeError, ["item 1", "nan (float)"]),
        ("tag_texts", [ONE, b"Kari"], TypeError, ["item 1", "bytes"]),
        ("tag_texts", [WORDS], TypeError, ["item 0", "list", "a text"]),
        ("tag_texts", [ONE, "\udcff"], ValueError, ["item 1", "surrogate"]),
        ("tag_texts", 7, TypeError, ["7 (int)"]),
        ("tag", np.array(ONE), TypeError, ["ndarray", "a text"]),
        ("tag_tokens", ONE, TypeError, ["one text", "words"]),
        ("tag_tokens", ["Kari", 3], TypeError, ["token 1", "3 (int)"]),
        ("tag_tokens", ["Kari", "\u00a0"], ValueError, ["token 1", "'\\xa0'"]),
        ("tag_tokens", ["Kari", "\ud83d"], ValueError, ["token 1", "surrogate"]),
        ("tag_tokens", [WORDS], TypeError, ["token 0", "list"]),
        ("tag_tokens", np.array([1.5]), TypeError, ["token 0", "float64"]),
        ("tag_sentences", ONE, TypeError, ["one text", "sentences"]),
        ("tag_sentences", [WORDS, ONE], TypeError, ["item 1", "one text"]),
        ("tag_sentences", [WORDS, None], TypeError, ["item 1", "None"]),
        ("tag_sentences", [WORDS, [*WORDS, "\n"]], ValueError, ["item 1, token 3"]),
    ],
)
def test_what_cannot_be_tagged_is_named_with_its_position(
    tagger: Tagger, call: str, given: Any, error: type[Exception], says: list[str]
) -> None:
    method = getattr(tagger, call)
    with pytest.raises(error) as caught:
        list(method(given))  # `tag_texts` checks each text when it reads it
    for each in says:
        assert each in str(caught.value)
    assert len(str(caught.value)) < 200
