"""/v1/tag as programs use it: the same names as in Python, alone and with many others at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence
from servers import MODEL, Server

TEXTS = [
    "Kari Nordmann flytta til Bergen.",
    "",
    "Møtet i Oslo\n\nJens Stoltenberg møtte Erna Solberg. Stoltenberg sa nei til NATO.",
    "😀 Kari 😀 bur i Tromsø 😀 no.",
    "\ufeffÅse fra Ål såg e\u0301n i A\u030as.\r\nSlutt\tpå «Dagsnytt Atten».",
]


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load(MODEL)


def expected(tagger: Tagger, text: str, **options: Any) -> list[dict[str, Any]]:
    return [
        {"text": each.text, "label": each.label, "score": round(float(each.score or 0), 4)}
        | {"start": each.start, "end": each.end}
        for each in tagger.tag(text, **options).spans
    ]


def test_texts_get_the_names_that_python_gives(server: Server, tagger: Tagger) -> None:
    answer = server.tag(texts=TEXTS)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    results = answer.json["results"]
    assert [each["entities"] for each in results] == [expected(tagger, text) for text in TEXTS]
    assert sum(len(each["entities"]) for each in results) > 3
    for text, result in zip(TEXTS, results, strict=True):
        for entity in result["entities"]:
            assert text[entity["start"] : entity["end"]] == entity["text"]


@pytest.mark.parametrize("options", [{"min_score": 0.6}, {"recall": 0.02}, {"consistent": False}])
def test_options_are_those_of_python(server: Server, tagger: Tagger, options: dict[str, Any]) -> None:
    (result,) = server.tag(text=TEXTS[2], **options).json["results"]
    assert result["entities"] == expected(tagger, TEXTS[2], **options)


def test_utf16_offsets_are_those_of_utf16(server: Server) -> None:
    text = TEXTS[3]
    (result,) = server.tag(text=text, utf16=True, recall=0.01).json["results"]
    units = text.encode("utf-16-le")
    assert result["entities"]
    for each in result["entities"]:
        assert units[2 * each["start_utf16"] : 2 * each["end_utf16"]].decode("utf-16-le") == each["text"]
        assert each["start_utf16"] > each["start"]


def test_words_get_the_names_that_python_gives(server: Server, tagger: Tagger) -> None:
    sentences = [["Kari", "bur", "i", "Oslo"], [], ["Ola", "Moe", "sov"]]
    results = server.tag(tokens=sentences).json["results"]
    for words, result, sentence in zip(sentences, results, tagger.tag_sentences(sentences), strict=True):
        found = [(each["start_token"], each["end_token"], each["label"]) for each in result["entities"]]
        assert found == list(sentence.token_spans or ())
        assert all(
            each["text"] == " ".join(words[each["start_token"] : each["end_token"]])
            for each in result["entities"]
        )
    (one,) = server.tag(tokens=sentences[0]).json["results"]
    assert one == results[0]
    assert server.tag(tokens=[]).json["results"] == []


def test_the_n_best_are_those_of_python(server: Server, tagger: Tagger) -> None:
    (result,) = server.tag(text=TEXTS[0], nbest=3).json["results"]
    (sentence,) = tagger.tag(TEXTS[0], nbest=3).sentences
    (found,) = result["sentences"]
    assert TEXTS[0][found["start"] : found["end"]] == TEXTS[0]
    probabilities = [each["probability"] for each in found["alternatives"]]
    assert probabilities == [round(each.probability, 4) for each in sentence.alternatives or ()]
    assert len(probabilities) == 3
    spans = [[(each["start"], each["end"]) for each in one["entities"]] for one in found["alternatives"]]
    assert spans == [
        [(each.start, each.end) for each in sentence.locate(one.token_spans)]
        for one in sentence.alternatives or ()
    ]


def test_scores_can_be_left_out(server: Server) -> None:
    (result,) = server.tag(text=TEXTS[2], scores=False).json["results"]
    assert result["entities"]
    assert all("score" not in each for each in result["entities"])


def test_each_of_many_clients_gets_its_own_names(server: Server, tagger: Tagger) -> None:
    """Texts that are tagged together never read one another, and options are never mixed up."""
    requests = [
        {"text": f"{name} Moe bur i {town}. Moe smilte."} | options
        for name in ("Kari", "Ola", "Olav")
        for town in ("Oslo", "Bergen", "Ål")
        for options in ({}, {"recall": 0.05}, {"nbest": 2}, {"scores": False}, {"consistent": False})
    ] * 2
    alone = [server.tag(**each).body for each in requests]
    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(lambda each: server.tag(**each).body, requests))
    assert together == alone


def test_a_bare_name_follows_the_full_name_of_its_own_text_alone(server: Server, tagger: Tagger) -> None:
    texts = ["Kari Moe kom. Moe smilte.", "Moe smilte."]
    results = server.tag(texts=texts).json["results"]
    assert [each["entities"] for each in results] == [expected(tagger, text) for text in texts]


def test_tokens_of_python_sentences_are_not_changed_by_the_server_model(tagger: Tagger) -> None:
    """The oracle above is not vacuous: this model finds names."""
    assert tagger.predict([Sentence(["Kari", "bur", "i", "Oslo"])])[0]
