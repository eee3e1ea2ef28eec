"""`Tagger.tag` on running text: documents, their spans and offsets."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bilstm_crf import Document, Sentence, Span, Tagger
from bilstm_crf.errors import UsageError
from bilstm_crf.formats import FormatOptions, jsonl, text
from bilstm_crf.inference.decoding import Decoding, DecodingOptions
from bilstm_crf.inference.documents import tagged_documents
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Origin, TokenSpan

TEXT = "\tKari Nordmann\r\n\r\nOla bur i Bergen. 😀 I Tromsø snør det.\nKari sov i Oslo.\n"
PARTS = ["Kari", "Oslo", "å", "😀", "\u0301", "\u00ad", ".", " ", "\t", "\n", "\r\n", "\r", "\f", "\u2028"]
TEXTS = st.lists(st.sampled_from(PARTS)).map("".join)


@pytest.fixture(scope="module")
def tagger(tiny_model: Path) -> Tagger:
    return Tagger.load(tiny_model)


def each_token_a_span(sentences: Iterator[Sentence]) -> Iterator[Sentence]:
    for sentence in sentences:
        sentence.token_spans = [TokenSpan(place, place + 1, "X") for place in range(len(sentence))]
        yield sentence


@given(st.lists(TEXTS))
def test_every_offset_is_one_in_the_document(texts: list[str]) -> None:
    documents = list(tagged_documents(each_token_a_span, texts))
    assert [document.text for document in documents] == texts
    for document in documents:
        spans = document.spans
        assert [document.text[span.start : span.end] for span in spans] == [span.text for span in spans]
        assert [span.text for span in spans] == [word for each in document.sentences for word in each.tokens]
        assert spans == sorted(spans, key=lambda span: span.start)


@given(TEXTS)
def test_a_text_is_split_as_a_file_of_running_text(content: str) -> None:
    stream = io.BytesIO(content.encode())
    in_file = text.read(stream, "a.txt", FormatOptions(sentences="detect"))
    expected = [(each.tokens, each.offsets, each.line) for each in in_file if each.tokens]
    assert [(each.tokens, each.offsets, each.line) for each in text.sentences_of(content)] == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(TEXTS, max_size=4))
def test_texts_tagged_together_are_tagged_as_alone(tagger: Tagger, texts: list[str]) -> None:
    together = tagger.tag(texts, scores=False)
    assert list(tagger.tag_texts(texts, scores=False)) == together
    assert [tagger.tag(each, scores=False) for each in texts] == together


def test_spans_of_an_article(tagger: Tagger) -> None:
    document = tagger.tag(TEXT)
    assert [sentence.text for sentence in document.sentences] == [
        "Kari Nordmann",
        "Ola bur i Bergen.",
        "😀 I Tromsø snør det.",
        "Kari sov i Oslo.",
    ]
    assert [each.line for each in document.sentences] == [1, 3, 3, 4]
    assert len(document.spans) > 2
    for span in document.spans:
        assert TEXT[span.start : span.end] == span.text
        assert span.label in tagger.entity_types
        assert span.score is not None
        assert 0 < span.score <= 1


def test_a_span_cannot_be_changed_and_can_be_in_a_set() -> None:
    span = Span("Oslo", "GPE_LOC", 0.5, 0, 4)
    with pytest.raises(FrozenInstanceError):
        span.label = "PER"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(span)) in {span}


def test_spans_of_words_are_in_the_words_joined(tagger: Tagger) -> None:
    words = ["Kari", "Nordmann", "bur", "i", "Bergen", "."]
    spans = tagger.tag_tokens(words).spans
    assert spans
    assert [" ".join(words)[span.start : span.end] for span in spans] == [span.text for span in spans]
    given_text = Sentence(["Kari", "sov"], token_spans=[TokenSpan(0, 1, "PER")], text="Kari har sov")
    given_text.origin = Origin("a.txt", 7, 40)
    assert given_text.spans == [Span("Kari", "PER", None, 0, 4)], "joined, so not at a place in the file"
    given_text.offsets = [(0, 4), (9, 12)]
    assert given_text.spans == [Span("Kari", "PER", None, 40, 44)]
    given_text.scores = [0.25]
    assert given_text.spans[0].score == 0.25
    assert given_text.locate([TokenSpan(1, 2, "X")]) == [Span("sov", "X", None, 49, 52)]


def test_texts_are_read_as_they_are_asked_for(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bilstm_crf.inference.tagger.CHUNK_TOKENS", 40)
    asked = 0

    def source() -> Iterator[str]:
        nonlocal asked
        while True:
            asked += 1
            yield "Kari bor i Oslo."

    for number, document in zip(range(1, 100), tagger.tag_texts(source()), strict=False):
        assert document.sentences
        assert asked <= number + 9


def test_a_document_as_json_is_a_line_that_the_formats_read(tagger: Tagger) -> None:
    document = tagger.tag("Kari Nordmann bur i Oslo, og Ola i Bergen.", scores=False)
    (sentence,) = jsonl.read(io.BytesIO(json.dumps(document.to_dict()).encode()), "a.jsonl", FormatOptions())
    read_spans([sentence])
    assert sentence.spans == document.spans != []


def test_hugging_faces_form() -> None:
    sentence = Sentence(["Oslo"], token_spans=[TokenSpan(0, 1, "LOC")], scores=[0.9], text="Oslo")
    sentence.offsets, sentence.origin = [(0, 4)], Origin(None, 1, 2)
    assert Document("\n\nOslo", [sentence]).to_huggingface() == [
        {"entity_group": "LOC", "score": 0.9, "word": "Oslo", "start": 2, "end": 6}
    ]


def test_a_repr_is_short_and_shows_the_names() -> None:
    (document,) = tagged_documents(each_token_a_span, ["Oslo. " * 200_000])
    assert "[X Oslo]" in repr(document)
    assert len(repr(document)) < 200
    assert "[X Oslo]" in repr(document.sentences[0])
    assert len(repr(Sentence(["x" * 1_000] * 10_000))) < 200
    assert "Oslo" in repr(Sentence(["Oslo"]))


def test_options_are_those_of_the_decoder(tagger: Tagger) -> None:
    for document in (tagger.tag(TEXT, scores=False), next(tagger.tag_texts([TEXT], scores=False))):
        assert {span.score for span in document.spans} == {None}
    words = ["Kari", "bur", "i", "Oslo"]
    assert [len(each.alternatives or ()) for each in tagger.tag([words, words], nbest=3)] == [3, 3]
    assert tagger.tag_tokens(words, min_score=1.0).spans == []
    assert len(tagger.tag_sentences([words], recall=1e-9)[0].spans) >= len(tagger.tag_tokens(words).spans)
    with pytest.raises(UsageError, match="recall"):
        tagger.tag(TEXT, recall=2)
    with pytest.raises(TypeError, match="score"):
        tagger.tag(TEXT, score=False)  # type: ignore[call-overload]


def test_the_fields_of_decoding_are_the_options() -> None:
    assert {*DecodingOptions.__annotations__} == {*Decoding.__annotations__}
