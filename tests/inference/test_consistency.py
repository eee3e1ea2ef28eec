"""An unsure bare name follows the full name elsewhere in its document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bilstm_crf import Span, Tagger
from bilstm_crf.inference.consistency import Place, agree
from bilstm_crf.inference.decoding import Annotation
from bilstm_crf.sentence import Sentence, TokenSpan

FULL = TokenSpan(0, 2, "PER")
BARE = TokenSpan(0, 1, "PER")


def tags(words: str, *spans: TokenSpan, document: str = "a") -> tuple[Sentence, Annotation]:
    return Sentence(words.split(), document=document), Annotation(list(spans), [0.5] * len(spans))


def agreed(
    *given: tuple[Sentence, Annotation], full: float = 0.95, bare: float = 0.1, other: float = 0.5
) -> list[Annotation]:
    """The annotations with probabilities of full names, of bare names as persons, and of other spans."""

    def probabilities(places: list[Place]) -> Sequence[float]:
        return [other if span.type != "PER" else full if span == FULL else bare for _, span in places]

    return agree([sentence for sentence, _ in given], [annotation for _, annotation in given], probabilities)


@pytest.mark.parametrize("name", ["Moe", "Moes", "Kari", "Karis", "Mo\u00ade"])
@pytest.mark.parametrize("found", [None, TokenSpan(0, 1, "ORG")])
def test_a_bare_name_becomes_the_person(name: str, found: TokenSpan | None) -> None:
    other = TokenSpan(2, 3, "GPE_LOC")
    bare = tags(f"{name} i Oslo", *([found] if found else []), other)
    before = tags(f"{name} i Oslo", *([found] if found else []), other)[1]
    for given in ([tags("Kari Moe sov", FULL), bare], [bare, tags("Kari Moe sov", FULL)]):
        changed = agreed(*given)[given.index(bare)]
        assert changed == Annotation([BARE, other], [0.95, 0.5])
        assert bare[1] == before, "what was given stays"


@pytest.mark.parametrize(
    ("probabilities", "why"),
    [
        ({"full": 0.8}, "the full name is unsure itself"),
        ({"bare": 0.01}, "its sentence rules a person out"),
        ({"other": 0.95}, "it is surely something else"),
    ],
)
def test_a_bare_name_stays_where(probabilities: dict[str, float], why: str) -> None:
    given = tags("Kari Moe sov", FULL), tags("Moe i Oslo", TokenSpan(0, 1, "ORG"))
    assert agreed(*given, **probabilities) == [annotation for _, annotation in given], why


OTHERS = {
    "another document": tags("Moe i Oslo", document="b"),
    "another name": tags("Moen i Oslo"),
    "no name": tags("moe i Oslo"),
    "part of a longer span": tags("Moe AS i Oslo", TokenSpan(0, 2, "ORG")),
    "a person": tags("Moe i Oslo", BARE),
    "a full name": tags("Kari Moe i Oslo"),
    "half of a full name": tags("Kari Moe i Oslo", BARE),
    "none": tags("i Oslo"),
    "empty": tags(""),
}


@pytest.mark.parametrize("bare", OTHERS.values(), ids=OTHERS)
def test_other_words_stay(bare: tuple[Sentence, Annotation]) -> None:
    given = tags("Kari Moe sov", FULL), bare
    assert agreed(*given) == [annotation for _, annotation in given]


def test_nothing_is_asked_where_nothing_can_change() -> None:
    def probabilities(places: list[Place]) -> Sequence[float]:
        raise AssertionError(places)

    sentence, annotation = tags("Kari Moe sov", FULL)
    assert agree([sentence], [annotation], probabilities) == [annotation]
    assert agree([], [], probabilities) == []


def test_without_scores_there_are_none() -> None:
    given = tags("Kari Moe sov", FULL), tags("Moe sov")
    changed = agreed(*[(sentence, annotation._replace(scores=None)) for sentence, annotation in given])
    assert [each.scores for each in changed] == [None, None]
    assert changed[1].token_spans == [BARE]


def test_texts_agree_within_themselves(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = Tagger.load(tiny_model)
    assert not tagger.reads_neighbours
    named, bare = "Kari Nordmann bor i Oslo.", "Og så: Nordmann."
    (full, *_), (alone,) = tagger.tag(named, scores=True).spans, tagger.tag(bare, scores=True).spans
    assert (full.label, alone.label) == ("PER", "ORG")
    monkeypatch.setattr("bilstm_crf.inference.consistency.MIN_SURE", full.score)
    monkeypatch.setattr("bilstm_crf.inference.consistency.MIN_POSSIBLE", 0)

    text = f"{bare}\n\n{named}"
    changed = Span("Nordmann", "PER", full.score, alone.start, alone.end)
    for options in ({}, {"consistent": True}):
        for document in (
            tagger.tag(text, scores=True, **options),
            *tagger.tag([text], scores=True, **options),
        ):
            assert document.spans[0] == changed
    assert next(tagger.tag_texts([text], scores=True)).spans[0] == changed
    assert tagger.tag(text, scores=True, consistent=False).spans[0] == alone
    assert tagger.tag([bare, named], scores=True)[0].spans == [alone]

    words = [["Og", "så", ":", "Nordmann", "."], named[:-1].split()]
    assert [span.label for span in tagger.tag_sentences(words, consistent=True)[0].spans] == ["PER"]
    assert [span.label for span in tagger.tag_sentences(words)[0].spans] == ["ORG"]
