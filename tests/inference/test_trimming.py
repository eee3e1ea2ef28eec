"""What a predicted span may hold: ends that are displayed; in running text, one line and no address."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.formats.text import sentence_of
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.word_forms import is_invisible


def names(text: str) -> list[str]:
    """What is left where the whole text was one span."""
    sentence = sentence_of(text, "spaces")
    assert sentence.offsets is not None
    spans = trim_spans(sentence, [TokenSpan(0, len(sentence), "PER")])
    return [text[sentence.offsets[a][0] : sentence.offsets[b - 1][1]] for a, b, _ in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kari Nordmann", ["Kari Nordmann"]),
        ("Kari Nordmann\nOla", ["Kari Nordmann", "Ola"]),
        ("Kari\r\nNordmann ,\n–\n\nOla", ["Kari", "Nordmann", "Ola"]),
        ("Kari\u2028Ola\x85Per", ["Kari\u2028Ola\x85Per"]),  # one token: the caller's
        ("Kari \u2028 Ola", ["Kari", "Ola"]),
        ("\u200b Kari \u200b Ola \u00a0", ["Kari \u200b Ola"]),
        ("\u200b \x00", []),
    ],
)
def test_a_name_is_on_one_line_and_its_ends_are_displayed(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "address",
    [
        "tips@avisen.example",
        "helge.matland+ny@post.avisen.example",
        "<kåre@blåbær.no>",
        "mailto:kari@oslo.kommune.no",
        "https://www.avisen.example/sak/2024/12345?ref=Tromso",
        "(HTTP://AVISEN.NO/Oslo),",
        "www.kommunen.example.",
        "WWW.OSLO.NO",
        "ftp://kari:ord@oslo.no/Bergen#Tromsø",
        "avisen.no/Kari-Nordmann/Oslo",
    ],
)
def test_nothing_in_an_address_is_a_name(address: str) -> None:
    assert names(address) == []
    assert names(f"Kari Nordmann , {address} Ola") == ["Kari Nordmann", "Ola"]
    assert names(f"sjå\n{address}\nOla") == ["sjå", "Ola"]


@pytest.mark.parametrize(
    "text",
    ["Dagbladet.no", "VG.no", "A/S Norsk Hydro", "@HMatland", "#Tromsø", "Bodø/Glimt", "kl. 12/13 Oslo"],
)
def test_names_that_look_a_little_like_addresses_stay(text: str) -> None:
    assert names(text) == [text]


def test_words_inside_an_address_that_the_tokeniser_cut_are_no_names() -> None:
    text = "Sjå https://avisen.no/(Kari)/Oslo no"
    words = ["Sjå", "https://avisen.no/", "(", "Kari", ")", "/", "Oslo", "no"]
    offsets, position = [], 0
    for word in words:
        position = text.index(word, position)
        offsets.append((position, position + len(word)))
    sentence = Sentence(words, text=text, offsets=offsets)
    spans = [TokenSpan(3, 4, "PER"), TokenSpan(6, 8, "GPE_LOC")]
    assert trim_spans(sentence, spans) == [TokenSpan(7, 8, "GPE_LOC")]


def test_where_each_token_has_its_line_addresses_may_be_names() -> None:
    """NorNE labels www.firda.no as a product."""
    words = ["www.firda.no", "\u200b"]
    sentence = Sentence(words, text="www.firda.no \u200b", offsets=[(0, 12), (13, 14)], lines=[1, 2])
    assert trim_spans(sentence, [TokenSpan(0, 2, "PROD")]) == [TokenSpan(0, 1, "PROD")]


pieces = st.sampled_from(
    ["Kari", "Oslo", "a@b.no", "www.x.no", "\n", "\u200b", ",", "\u00a0", "x.no/y", "://"]
)


@given(st.lists(pieces, max_size=12), st.data())
def test_what_is_left_are_parts_of_the_spans(words: list[str], data: st.DataObject) -> None:
    sentence = sentence_of(" ".join(words), "spaces")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(sentence)), max_size=6)))
    spans = [TokenSpan(a, b, str(a)) for a, b in pairwise(cuts)]
    trimmed = trim_spans(sentence, spans)
    assert trimmed == sorted(trimmed)
    for before, after in pairwise(trimmed):
        assert before.end <= after.start
    for start, end, type_ in trimmed:
        assert any(a <= start < end <= b for a, b, each in spans if each == type_)
        assert not is_invisible(sentence.tokens[start])
        assert not is_invisible(sentence.tokens[end - 1])
        assert not {"a@b.no", "www.x.no", "x.no/y"} & set(sentence.tokens[start:end])
    assert trim_spans(sentence, trimmed) == trimmed


@pytest.mark.parametrize(
    "text", ["a" * 100_000 + " @ www.", "x." * 50_000 + "/", "a@" * 50_000, "http" * 30_000 + "://"]
)
def test_addresses_are_looked_for_in_linear_time(text: str) -> None:
    assert len(names(text)) <= 2
