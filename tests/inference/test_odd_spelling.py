"""How a word is spelled in Unicode changes nothing: composed or not, with soft hyphens or without."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.formats import read
from runs import DEV, TEST


def decomposed(word: str) -> str:
    return unicodedata.normalize("NFD", word)


def hyphenated(word: str) -> str:
    """The word with soft hyphens, as text copied from a web page has them."""
    chance = random.Random(word)
    return word[:1] + "".join("\u00ad" * (chance.random() < 0.4) + character for character in word[1:])


@pytest.mark.parametrize("spelled", [decomposed, hyphenated, lambda word: hyphenated(decomposed(word))])
def test_the_same_names_are_found(spelled: Callable[[str], str], tiny_model: Path) -> None:
    tagger = Tagger.load(tiny_model)
    sentences = [sentence.tokens for path in (DEV, TEST) for sentence in read(path) if sentence.tokens]
    changed = [[spelled(word) for word in words] for words in sentences]
    assert sum(ours != theirs for ours, theirs in zip(sentences, changed, strict=True)) > 20
    expected = [sentence.token_spans for sentence in tagger.tag_sentences(sentences)]
    assert [sentence.token_spans for sentence in tagger.tag_sentences(changed)] == expected
    assert sum(len(spans or ()) for spans in expected) > 20
