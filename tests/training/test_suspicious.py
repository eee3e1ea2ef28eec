"""Cross-validation finds the wrong labels that were put in, and calls little else wrong."""

from __future__ import annotations

import copy
import random

import pytest

from bilstm_crf.errors import UsageError
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.suspicious import count_labellings, find_suspicious, split_folds

GIVEN = ["Kari", "Ola", "Per", "Eva", "Anne", "Nils", "Mette", "Lars"]
TOWNS = ["Oslo", "Bergen", "Tromsø", "Bodø", "Hamar", "Molde", "Voss", "Narvik"]


def corpus(count: int) -> list[Sentence]:
    """Sentences such as `Kari bor i Oslo .`, each a line of the file."""
    draw = random.Random(2)
    sentences = []
    for number in range(count):
        name, town = draw.choice(GIVEN), draw.choice(TOWNS)
        tokens, spans = [
            ([name, "bor", "i", town, "."], [TokenSpan(0, 1, "PER"), TokenSpan(3, 4, "LOC")]),
            (["I", town, "møtte", "hun", name, "."], [TokenSpan(1, 2, "LOC"), TokenSpan(4, 5, "PER")]),
            (["Det", "regnet", "i", "natt", "."], []),
        ][draw.randrange(3)]
        line = number + 1
        sentences.append(
            Sentence(tokens, token_spans=spans, path="a.conll", line=line, lines=[line] * len(tokens))
        )
    return sentences


def test_wrong_labels_come_before_names_that_the_model_has_not_seen() -> None:
    sentences = corpus(90)
    named = [each for each in sentences if each.token_spans]
    missing, wrong = named[5], named[20]
    missing.token_spans = [span for span in missing.token_spans or [] if span.type != "LOC"]
    wrong.token_spans = [span._replace(type="PER") for span in wrong.token_spans or []]
    for number in range(200, 206):  # a person by its form, and a company each time
        sentences.append(
            Sentence(
                ["I", TOWNS[number % 8], "møtte", "hun", "Kjell", "."],
                token_spans=[TokenSpan(1, 2, "LOC"), TokenSpan(4, 5, "ORG")],
                document="one",
                path="a.conll",
                line=number,
                lines=[number] * 6,
            )
        )
    before = copy.deepcopy(sentences)
    told: list[str] = []
    places = find_suspicious(sentences, told.append, folds=2)
    assert {each.line for each in places[:2]} == {missing.line, wrong.line}
    assert "elsewhere" in places[0].text
    assert len(places) <= 12
    assert any("Kjell" in each.text for each in places)
    assert all(0.9 <= (each.score or 0) <= 1 for each in places)
    assert sentences == before
    assert "minute" in told[0]


def test_labellings_of_the_same_words_are_counted_from_their_first_token() -> None:
    kari, both = ("Kari",), ("Kari", "Nordmann")
    sentences = [
        Sentence(
            ["Kari", "Nordmann", "og", "Kari"], token_spans=[TokenSpan(0, 2, "PER"), TokenSpan(3, 4, "PER")]
        ),
        Sentence(["Hei", "Kari", "Nordmann"], token_spans=[TokenSpan(1, 2, "PER")]),
        Sentence(["Kari"], token_spans=[]),
    ]
    counts = count_labellings([both, kari], sentences)
    one = (TokenSpan(0, 1, "PER"),)
    assert counts[both] == {(TokenSpan(0, 2, "PER"),): 1, one: 1}
    assert counts[kari] == {(TokenSpan(0, 2, "PER"),): 1, one: 2, (): 1}


def test_folds_are_disjoint_and_keep_documents_whole() -> None:
    sentences = corpus(60)
    for number, each in enumerate(sentences):
        each.document = str(number // 5)
    folds = split_folds(sentences, 3, seed=1)
    assert sorted(number for fold in folds for number in fold) == list(range(60))
    for fold in folds:
        assert len(fold) == 20
        assert len({sentences[number].document for number in fold}) == 4


def test_one_large_document_is_split() -> None:
    sentences = corpus(9)
    for each in sentences:
        each.document = "1"
    assert [len(fold) for fold in split_folds(sentences, 3, seed=1)] == [3, 3, 3]


def test_too_few_sentences_are_refused() -> None:
    with pytest.raises(UsageError, match="3 folds"):
        find_suspicious(corpus(2), lambda line: None)
