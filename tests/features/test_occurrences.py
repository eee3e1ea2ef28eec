"""Which other occurrences of a name a token looks at."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.features.occurrences import MAX_OTHERS, WINDOW, MemoryIndex, StreamHistory, key_of
from bilstm_crf.sentence import Sentence

documents = st.sampled_from([None, "a", "b"])
words = st.sampled_from(["Borten", "Bortens", "Oslo", "Os", "sa", "Å"])
sentences = st.lists(
    st.builds(lambda tokens, name: Sentence(tokens, document=name), st.lists(words, min_size=1), documents)
)


def others(given_sentences: list[Sentence]) -> list[list[int]]:
    """By definition."""
    tokens = [
        (number, (s.path, s.document, key_of(word)), s.document)
        for number, s in enumerate(given_sentences)
        for word in s.tokens
    ]
    found = []
    for mine, (sentence, key, document) in enumerate(tokens):
        far = len(tokens) if document is not None else WINDOW
        same = [
            other
            for other, (there, its_key, _) in enumerate(tokens)
            if key[2] is not None and other != mine and its_key == key and abs(there - sentence) <= far
        ]
        found.append(sorted(sorted(same, key=lambda other: (abs(other - mine), other))[:MAX_OTHERS]))
    return found


@given(sentences)
def test_a_token_looks_at_the_nearest_of_the_same_name_in_its_document(these: list[Sentence]) -> None:
    expected = others(these)
    occurrences = MemoryIndex(these)
    looked_at = sorted({other for each in expected for other in each})
    assert occurrences.places == len(looked_at)
    looks = occurrences.batch(np.arange(len(expected)))
    parts = np.split(looks.places, looks.lengths.cumsum()[:-1]) if len(looks.rows) else []
    found = {int(row): [looked_at[p] for p in part] for row, part in zip(looks.rows, parts, strict=True)}
    assert found == {number: each for number, each in enumerate(expected) if each}
    assert [looked_at[place] for place in looks.kept_places] == looks.kept_rows.tolist() == looked_at


@given(sentences)
def test_some_tokens_look_where_they_look_among_all(these: list[Sentence]) -> None:
    def by_token(chosen: list[int]) -> dict[int, list[int]]:
        looks = occurrences.batch(np.array(chosen, np.int64))
        ends = looks.lengths.cumsum()
        parts = [looks.places[end - n : end].tolist() for n, end in zip(looks.lengths, ends, strict=True)]
        return dict(zip([chosen[row] for row in looks.rows], parts, strict=True))

    occurrences, total = MemoryIndex(these), sum(map(len, these))
    of_all, odd = by_token(list(range(total))), list(range(1, total, 2))[::-1]
    assert by_token(odd) == {token: of_all[token] for token in odd if token in of_all}


def test_far_ones_count_only_where_the_document_is_known() -> None:
    between = [Sentence(["ja"]) for _ in range(WINDOW)]
    far = [Sentence(["Borten"]), *between, Sentence(["Borten"])]
    assert MemoryIndex(far).places == 0
    assert MemoryIndex([*between, far[0], far[-1]]).places == 2
    for sentence in far:
        sentence.document = "a"
    assert MemoryIndex(far).places == 2


@given(sentences)
def test_the_past_of_a_stream_is_what_came_before_with_one_of_its_names(these: list[Sentence]) -> None:
    past = StreamHistory()
    for number, sentence in enumerate(these):
        before = []
        for other in reversed(these[:number]):
            if other.document != sentence.document:
                break
            before.append(other)
        if sentence.document is None:
            before = before[:WINDOW]
        names = [{key_of(word) for word in other.tokens} - {None} for other in before]
        expected = [
            other
            for place, other in enumerate(before)
            if any(
                key in names[place] and sum(key in each for each in names[:place]) < MAX_OTHERS
                for key in map(key_of, sentence.tokens)
            )
        ]
        assert list(map(id, past.add(sentence))) == list(map(id, reversed(expected)))


def test_the_past_is_bounded_where_no_document_ends() -> None:
    past = StreamHistory()
    first = Sentence(["Borten"])
    assert past.add(first) == []
    for _ in range(WINDOW - 1):
        assert past.add(Sentence(["ja"])) == []
    assert past.add(Sentence(["Borten"])) == [first]
    assert past.add(Sentence(["Bortens"])) == [Sentence(["Borten"])]


def test_another_file_is_another_document() -> None:
    assert MemoryIndex([Sentence(["Oslo"], path="a"), Sentence(["Oslo"], path="b")]).places == 0


def test_occurrences_that_look_alike_are_of_one_name() -> None:
    alike = ["Trom\u00adsøs", "\u200bTromsø", "Tromsø", "tromsø"]
    assert list(map(key_of, alike)) == ["Tromsø", "Tromsø", "Tromsø", None]
