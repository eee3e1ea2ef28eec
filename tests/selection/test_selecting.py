"""Selection from a stream: the best of distinct texts, whole documents, and batches without repetition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bilstm_crf.selection.diversity import diverse
from bilstm_crf.selection.pool import Pool, Request, select
from bilstm_crf.selection.units import Method, Unit, groups_of, score_of
from bilstm_crf.sentence import Sentence, Uncertainty

NAMES = st.text("abc", min_size=1, max_size=3)


def sentence(text: str, entropy: float = 1.0, doubt: float = 0.5, **fields: str) -> Sentence:
    return Sentence(text.split(), uncertainty=Uncertainty(doubt, entropy), **fields)  # type: ignore[arg-type]


def unit(text: str, score: float) -> Unit:
    return Unit([sentence(text)], score, text.replace(" ", ""))


def texts(units: Sequence[Unit]) -> list[str]:
    return [" ".join(each.sentences[0].tokens) for each in units]


@settings(max_examples=50)
@given(st.lists(st.tuples(NAMES, st.integers(0, 5))), st.integers(1, 6))
def test_a_pool_keeps_the_best_of_the_distinct_texts(stream: list[tuple[str, int]], size: int) -> None:
    pool = Pool(size)
    for text, score in stream:
        pool.add(unit(text, score))
    best: dict[str, tuple[int, int]] = {}  # the highest score of a text, and its first place
    for place, (text, score) in enumerate(stream):
        if text not in best or score > -best[text][0]:
            best[text] = (-score, place)
    assert texts(pool.best()) == sorted(best, key=lambda text: best[text])[:size]


def test_entropy_is_per_token_and_confidence_per_sentence() -> None:
    document = [sentence("a b c", 0.6, 0.5), sentence("d", 1.0, 0.1)]
    assert score_of("entropy", document) == pytest.approx(0.4)
    assert score_of("diversity", document) == pytest.approx(0.4)
    assert score_of("least-confidence", document) == pytest.approx(0.3)


def test_a_random_score_belongs_to_the_text_and_the_seed() -> None:
    scores = [score_of("random", [Sentence([str(number)])], 42) for number in range(1_000)]
    assert min(scores) >= 0
    assert max(scores) < 1
    assert abs(np.mean(scores) - 0.5) < 0.05
    assert score_of("random", [Sentence(["7", " 0"])], 42) == score_of("random", [Sentence(["70"])], 42)
    assert score_of("random", [Sentence(["7"])], 43) != scores[7]


def test_a_score_needs_uncertainty() -> None:
    with pytest.raises(ValueError, match="uncertainty"):
        score_of("entropy", [Sentence(["a"])])


def test_documents_are_those_of_the_files() -> None:
    stream = [
        sentence("a", path="x", document="1"),
        sentence("b", path="x", document="1"),
        sentence("", path="x", document="1"),
        sentence("c", path="x", document="2"),
        sentence("d", path="y", document="2"),
        sentence("e", path="z"),
        sentence("f", path="z"),
    ]
    found = [[" ".join(each.tokens) for each in group] for group in groups_of(stream, "document")]
    assert found == [["a", "b"], ["c"], ["d"], ["e", "f"]]
    assert len([*groups_of(stream, "sentence")]) == 6


@pytest.mark.parametrize("method", get_args(Method))
def test_what_is_known_or_of_another_length_is_left_out(method: Method) -> None:
    stream = [sentence("Kari sov"), sentence("Ola sov og sov"), sentence("\u200b"), sentence("Per sov", 2)]
    found = select(stream, Request(method, 5, max_tokens=3), {"Karisov"})
    assert texts(found.units) == ["Per sov"]
    assert (found.pool, found.known, found.other_length) == (4, 1, 2)
    assert not select([], Request(method)).units
    assert not select(stream, Request(method, min_tokens=5)).units


def test_a_document_is_known_if_all_its_sentences_are() -> None:
    stream = [
        sentence("a", document="1"),
        sentence("b", document="1"),
        sentence("a", document="2"),
        sentence("c", document="2"),
    ]
    found = select(stream, Request(kind="document"), {"a", "b"})
    assert [each.sentences[0].document for each in found.units] == ["2"]


def test_a_batch_is_not_the_same_thing_twice() -> None:
    """Results of football matches are the least certain, but one of them is enough."""
    results = [sentence(f"Brann - Viking {n} - 1 , målscorar nr. {n}", 9) for n in range(10)]
    others = [
        sentence(text, 1) for text in ("Kari bor i Oslo nå", "Ho las Morgenbladet i går kveld", "Sov godt")
    ]
    assert (
        len({text.split()[0] for text in texts(select([*results, *others], Request("entropy", 4)).units)})
        == 1
    )
    found = texts(select([*results, *others], Request("diversity", 4)).units)
    assert found[0] == "Brann - Viking 0 - 1 , målscorar nr. 0"
    assert sum(text.startswith("Brann") for text in found) == 1


def test_diversity_is_greedy_and_complete() -> None:
    """Each choice is the best by the definition; in the end all are chosen."""
    random = np.random.default_rng(1)
    words = ["ein", "to", "tre", "fire", "fem", "seks"]
    units = [
        unit(" ".join(random.choice(words, random.integers(1, 6))) + f" {'x' * n}", float(random.random()))
        for n in range(25)
    ]
    frequency = {
        word: sum(word in text.split() for text in texts(units))
        for text in texts(units)
        for word in text.split()
    }

    def vector(one: Unit) -> dict[str, float]:
        tokens = one.sentences[0].tokens
        found = {word: tokens.count(word) * math.log(1 + len(units) / frequency[word]) for word in tokens}
        length = math.sqrt(sum(each**2 for each in found.values()))
        return {word: each / length for word, each in found.items()}

    def similarity(one: Unit, other: Unit) -> float:
        theirs = vector(other)
        return sum(each * theirs.get(word, 0) for word, each in vector(one).items())

    chosen: list[Unit] = []
    for found in diverse(units, 99):
        left = [each for each in units if each not in chosen]
        value = {
            id(each): each.score * (1 - max((similarity(each, x) for x in chosen), default=0))
            for each in left
        }
        assert value[id(found)] == pytest.approx(max(value.values()))
        chosen.append(found)
    assert len(chosen) == 25
    assert diverse(units, 7) == chosen[:7]
    assert diverse([], 3) == []
