"""Tagger: every input gets its spans, in its place, whatever else is tagged with it."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bilstm_crf import Tagger
from bilstm_crf.errors import UsageError
from bilstm_crf.formats import read
from bilstm_crf.inference.network import Network, load_loops
from bilstm_crf.sentence import Sentence, TokenSpan
from runs import DEV, TEST, TRAIN


@pytest.fixture(scope="module")
def tagger(tiny_model: Path) -> Tagger:
    return Tagger.load(tiny_model)


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    """A few hundred real ones, some of one word and some of thirty."""
    return [sentence for path in (TRAIN, DEV, TEST) for sentence in read(path)]


def test_running_text_words_and_lists_of_words_are_tagged_alike(tagger: Tagger) -> None:
    words = ["Kari", "Nordmann", "flytta", "til", "Bergen", "."]
    (sentence,) = tagger.tag("Kari Nordmann flytta til Bergen.").sentences
    assert sentence.tokens == words
    assert sentence.token_spans
    assert isinstance(sentence.token_spans[0], TokenSpan)
    assert (
        sentence.token_spans
        == tagger.tag_tokens(words).token_spans
        == tagger.tag([words, ["Ja"]])[0].token_spans
    )


def test_nothing_is_a_sentence_without_words(tagger: Tagger) -> None:
    sentence = tagger.tag_tokens([])
    assert (sentence.tokens, sentence.token_spans, sentence.spans) == ([], [], [])
    assert [len(sentence) for sentence in tagger.tag([[], ["Kari"], []])] == [0, 1, 0]
    assert tagger.predict([]) == []
    assert list(tagger.tag_stream([])) == []


@pytest.mark.parametrize("device", ["abacus", "meta"])
def test_an_unknown_device_is_refused(tiny_model: Path, device: str) -> None:
    with pytest.raises(UsageError, match="no such device"):
        Tagger.load(tiny_model, device=device)


def spans_alone(tagger: Tagger, sentences: list[Sentence]) -> list[list[TokenSpan]]:
    return [tagger.predict([sentence])[0] for sentence in sentences]


def test_what_else_is_in_the_batch_changes_no_prediction(tagger: Tagger, sentences: list[Sentence]) -> None:
    alone = spans_alone(tagger, sentences)
    assert sum(map(len, alone)) > 50
    assert tagger.predict(sentences) == alone
    chance = random.Random(5)
    for size in (2, 3, 10, 100):
        order = chance.sample(range(len(sentences)), size)
        assert tagger.predict([sentences[number] for number in order]) == [alone[number] for number in order]


@pytest.mark.parametrize("flush", [False, True])
def test_a_stream_keeps_its_order(tagger: Tagger, sentences: list[Sentence], flush: bool) -> None:
    given = [Sentence(list(sentence.tokens)) for sentence in sentences[:60]]
    given.insert(3, Sentence([]))
    tagged = list(tagger.tag_stream(iter(given), flush=flush))
    assert all(before is after for before, after in zip(given, tagged, strict=True))
    assert [sentence.token_spans for sentence in tagged] == spans_alone(tagger, given)


def test_flush_reads_no_sentence_before_the_one_in_hand_was_given(tagger: Tagger) -> None:
    asked = 0

    def source():  # type: ignore[no-untyped-def]
        nonlocal asked
        for _ in range(3):
            asked += 1
            yield Sentence(["Kari", "bor", "i", "Oslo"])

    for number, _ in enumerate(tagger.tag_stream(source(), flush=True), 1):
        assert asked == number


def test_no_more_is_read_ahead_than_a_chunk(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bilstm_crf.inference.tagger.CHUNK_TOKENS", 40)
    asked = 0

    def source():  # type: ignore[no-untyped-def]
        nonlocal asked
        for _ in range(100):
            asked += 1
            yield Sentence(["Kari", "bor", "i", "Oslo"])

    for number, _ in enumerate(tagger.tag_stream(source()), 1):
        assert asked <= number + 9
    assert asked == 100


def test_a_sentence_of_ten_thousand_words_keeps_every_one(tagger: Tagger) -> None:
    words = ["Kari", "Nordmann", "bor", "i", "Oslo", "."] * 1_700
    spans = tagger.tag_tokens(words).token_spans or []
    assert spans[-1].end > 10_000
    short = tagger.tag_tokens(words[:60]).token_spans or []
    assert spans[: len(short) - 1] == short[:-1], "a long sentence begins as a short one does"


def test_a_word_of_a_hundred_thousand_characters_harms_nobody(tagger: Tagger) -> None:
    ordinary = ["Kari", "Nordmann", "bor", "i", "Oslo"]
    vast = ["Kari", "x" * 100_000, "bor"]
    assert tagger.tag([vast, ordinary])[1].token_spans == tagger.tag_tokens(ordinary).token_spans
    assert tagger.tag([vast])[0].tokens == vast


STRANGE = {
    "emoji": "👩‍👩‍👧‍👦",
    "zero width": "\u200b",
    "joiner": "Os\u200dlo",
    "no-break space": "New\u00a0York",
    "decomposed": unicodedata.normalize("NFD", "Åse"),
    "right to left": "\u202eאוסלו",
    "unassigned": "\U000e0fff",
    "Chinese": "奥斯陆",
    "combining marks": "e" + "\u0301" * 500,
    "nothing": "",
    "blank": " ",
    "NUL": "\0",
    "line end": "a\nb",
    "half a surrogate pair": "\ud83d",
    "Roman numeral": "Ⅻ",
    "superscript": "m²",
}


@pytest.mark.parametrize("word", STRANGE.values(), ids=STRANGE)
def test_a_strange_word_is_tagged_and_spoils_no_other(tagger: Tagger, word: str) -> None:
    plain = ["I", "går", "kom", "Kari", "Nordmann"]
    sentences = [Sentence(words) for words in ([word, *plain], [word], plain, [word] * 7)]
    assert tagger.predict(sentences)[2] == tagger.tag_tokens(plain).token_spans
    # NaN would spread over the sentence and leave nothing of it.
    encoded = tagger.model.vocabulary.encode([[word, *plain]])
    assert np.isfinite(Network(tagger.model).representations(encoded, load_loops(0))).all()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=6), max_size=9), max_size=9))
def test_any_text_at_all_is_tagged_within_its_sentence(tagger: Tagger, given_words: list[list[str]]) -> None:
    predicted = tagger.predict([Sentence(words) for words in given_words])
    assert len(predicted) == len(given_words)
    for words, spans in zip(given_words, predicted, strict=True):
        assert all(0 <= span.start < span.end <= len(words) for span in spans)
        assert all(a.end <= b.start for a, b in pairwise(spans))


def test_tagging_the_gold_leaves_its_labels_alone(tagger: Tagger) -> None:
    (sentence, *_) = read(TEST)
    before = list(sentence.labels or [])
    tagger.predict([sentence])
    assert (sentence.labels, sentence.token_spans) == (before, None)


def test_loading_twice_predicts_twice_the_same(tiny_model: Path, tagger: Tagger) -> None:
    predict: Callable[[Tagger], list[list[TokenSpan]]] = lambda each: each.predict(list(read(TEST)))  # noqa: E731
    assert predict(Tagger.load(str(tiny_model))) == predict(tagger)
