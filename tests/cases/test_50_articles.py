"""Articles as newsrooms have them: no name runs over the end of a line, and none is in an address."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.formats.text import sentence_of
from bilstm_crf.sentence import Sentence, TokenSpan
from done import Done

ARTICLE = """Kari Nordmann i Oslo

Av Ola Nordmann
Kari Hansen bur i Bergen
Oslo kommune. Skriv til Kari Nordmann,
kari.nordmann@oslo.example
Tromsø: www.oslo.example, https://avisen.example/Kari/Nordmann?by=Oslo
Per Hansen
"""
ADDRESSES = ["kari.nordmann@oslo.example", "www.oslo.example", "https://avisen.example/Kari/Nordmann?by=Oslo"]


def inside(text: str) -> list[tuple[int, int]]:
    """Where addresses begin and end in the text."""
    return [(text.index(each), text.index(each) + len(each)) for each in ADDRESSES if each in text]


@pytest.mark.parametrize("split", ["line", "detect"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_no_name_runs_over_a_line_end_or_into_an_address(
    split: str, line_end: str, tiny_model: Path, cli: Callable[..., Done]
) -> None:
    text = ARTICLE.replace("\n", line_end).encode()
    options = ("--format", "text", "--sentences", split, "--to", "jsonl", "-")
    done = cli("tag", "--model", tiny_model, *options, stdin=text)
    assert done.status == 0, done.err
    found = 0
    for line in done.out.decode().splitlines():
        sentence = json.loads(line)
        for entity in sentence["entities"]:
            name = sentence["text"][entity["start"] : entity["end"]]
            assert not set(name) & set("\r\n")
            for start, end in inside(sentence["text"]):
                assert entity["end"] <= start or end <= entity["start"]
            found += 1
    assert found > 2


@pytest.fixture
def greedy(tiny_model: Path) -> Tagger:
    """A model to which each whole sentence is one person."""
    tagger = Tagger.load(tiny_model)
    first, inner = (tagger.model.vocabulary.labels.index(label) for label in ("B-PER", "I-PER"))
    weights = {name: array.copy() for name, array in tagger.model.weights.items()}
    weights["members.0.to_labels.bias"][inner] += 1_000
    weights["members.0.crf.start_transitions"][first] += 10_000
    return Tagger(dataclasses.replace(tagger.model, weights=weights))


def test_a_name_that_fills_the_text_is_cut_at_line_ends_and_addresses(greedy: Tagger) -> None:
    text = ARTICLE.split("\n\n")[1]
    sentence = sentence_of(text)
    sentence.token_spans = greedy.predict([sentence])[0]
    assert [span.text for span in sentence.spans] == [
        "Av Ola Nordmann",
        "Kari Hansen bur i Bergen",
        "Oslo kommune. Skriv til Kari Nordmann",
        "Tromsø",
        "Per Hansen",
    ]
    assert not any("\n" in span.text or "@" in span.text for span in greedy.tag(ARTICLE).spans)
    words = sentence.tokens  # as CoNLL-U has them, where the corpus labels addresses
    assert greedy.predict([Sentence(words, lines=list(range(len(words))))]) == [
        [TokenSpan(0, len(words), "PER")]
    ]
