"""Decoding: no illegal label sequence, what recall adds, scores of spans that are trimmed."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bilstm_crf.errors import UsageError
from bilstm_crf.inference.decoding import Annotation, Decoder, Decoding, apart
from bilstm_crf.inference.network import best_paths
from bilstm_crf.labels import ENCODINGS, faults
from bilstm_crf.sentence import Sentence, TokenSpan

TYPES = ["PER", "ORG"]
LENGTHS = [6, 0, 1, 9]
OFFSETS = np.cumsum([0, *LENGTHS])


def problem(
    encoding: str, seed: int, spread: float = 2.0, *, has_crf: bool = True
) -> tuple[Decoder, np.ndarray, list[str]]:
    random = np.random.default_rng(seed)
    labels = ENCODINGS[encoding].labels(TYPES)
    size = len(labels)
    transitions = tuple(random.normal(size=shape) * spread for shape in (size, size, (size, size)))
    emissions = (random.normal(size=(OFFSETS[-1], size)) * spread).astype(np.float32)
    return Decoder(ENCODINGS[encoding], labels, transitions if has_crf else None), emissions, labels


def decoded(
    decoder: Decoder, emissions: np.ndarray, decoding: Decoding, sentences: list[Sentence] | None = None
) -> tuple[np.ndarray, list[Annotation]]:
    """The label ids of the best paths, and what is said of each sentence."""
    ids = np.zeros(len(emissions), np.int64)
    for start, end in itertools.pairwise(OFFSETS):
        if end > start:
            sizes = np.ones(end - start, np.int64)
            ids[start:end] = best_paths(emissions[start:end], decoder.transitions(decoding), sizes)
    sentences = sentences or [Sentence(["x"] * length) for length in LENGTHS]
    return ids, decoder.annotate(sentences, emissions, ids, OFFSETS, decoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("has_crf", [True, False])
@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([0.1, 2.0, 900.0]))
def test_no_illegal_label_sequence_comes_out(encoding: str, has_crf: bool, seed: int, spread: float) -> None:
    decoder, emissions, labels = problem(encoding, seed, spread, has_crf=has_crf)
    ids, found = decoded(decoder, emissions, Decoding(scores=True, nbest=3))
    for start, end, annotation in zip(OFFSETS, OFFSETS[1:], found, strict=False):
        path = [labels[id_] for id_ in ids[start:end]]
        assert not faults(encoding, path)
        if path:
            assert annotation.token_spans == ENCODINGS[encoding].decode(path)
            ways = [each.token_spans for each in annotation.alternatives or ()]
            assert ways[0] == annotation.token_spans
            assert len({tuple(way) for way in ways}) == len(ways)  # another path is another set of spans


def test_without_the_constraint_they_do() -> None:
    illegal = 0
    for seed in range(20):
        decoder, emissions, labels = problem("iob", seed)
        ids, _ = decoded(decoder, emissions, Decoding(constrained=False))
        illegal += bool(faults("iob", [labels[id_] for id_ in ids[:6]]))
    assert illegal


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), threshold=st.sampled_from([0.01, 0.1, 0.3]))
def test_recall_keeps_the_best_path_and_adds_spans_apart(seed: int, threshold: float) -> None:
    decoder, emissions, _ = problem("iob", seed, 1.0)
    _, plain = decoded(decoder, emissions, Decoding(scores=True))
    _, more = decoded(decoder, emissions, Decoding(scores=True, recall=threshold))
    for before, after in zip(plain, more, strict=True):
        assert set(before.token_spans) <= set(after.token_spans)
        assert after.token_spans == sorted(after.token_spans)
        places = [place for span in after.token_spans for place in range(span.start, span.end)]
        assert len(places) == len(set(places))
        scores = dict(zip(after.token_spans, after.scores or (), strict=True))
        assert all(scores[span] >= threshold for span in set(after.token_spans) - set(before.token_spans))
        assert {span: scores[span] for span in before.token_spans} == pytest.approx(
            dict(zip(before.token_spans, before.scores or (), strict=True))
        )


def test_of_spans_that_overlap_the_more_probable_one_is_added() -> None:
    spans = np.array([(0, 0, 1, 0), (0, 0, 3, 0), (0, 2, 3, 0), (0, 4, 6, 0), (0, 5, 6, 1)])
    kept, scores = apart(np.array([(0, 5, 6, 0)]), spans, np.array([0.2, 0.3, 0.25, 0.9, 0.8]), 6)
    assert kept.tolist() == [[0, 0, 3, 0]]
    assert scores.tolist() == [0.3]


def test_types_that_are_not_asked_for_yield_to_those_that_are() -> None:
    """A person is to be found even where the model rather reads an organisation."""
    decoder, _, labels = problem("iob", 0, 0.0)
    emissions = np.zeros((OFFSETS[-1], len(labels)), np.float32)
    emissions[:, 0] = 9
    emissions[0, labels.index("B-ORG")] = 11
    emissions[0, labels.index("B-PER")] = 10
    emissions[2, labels.index("B-ORG")] = 11
    decoding = Decoding(recall=0.1)
    assert decoded(decoder, emissions, decoding)[1][0].token_spans == [
        TokenSpan(0, 1, "ORG"),
        TokenSpan(2, 3, "ORG"),
    ]
    decoding = dataclasses.replace(decoding, recall_types=frozenset({"PER"}))
    assert decoded(decoder, emissions, decoding)[1][0].token_spans == [
        TokenSpan(0, 1, "PER"),
        TokenSpan(2, 3, "ORG"),
    ]


def test_the_parts_of_a_span_that_is_cut_have_its_score() -> None:
    decoder, _, labels = problem("iob", 0, 0.0)
    emissions = np.zeros((OFFSETS[-1], len(labels)), np.float32)
    emissions[:, 0] = 9
    emissions[0, labels.index("B-PER")] = emissions[1, labels.index("I-PER")] = 12
    emissions[2, labels.index("I-PER")] = 12
    text = "Kari\nNordmann\u200b a b c"
    words = Sentence(
        ["Kari", "Nordmann", "\u200b", "a", "b", "c"],
        text=text,
        offsets=[(0, 4), (5, 13), (13, 14), (15, 16), (17, 18), (19, 20)],
    )
    sentences = [words, *(Sentence(["x"] * length) for length in LENGTHS[1:])]
    found = decoded(decoder, emissions, Decoding(scores=True), sentences)[1][0]
    assert found.token_spans == [TokenSpan(0, 1, "PER"), TokenSpan(1, 2, "PER")]
    assert found.scores is not None
    assert found.scores[0] == found.scores[1] > 0.8


def test_scores_that_are_no_numbers_are_no_confidence() -> None:
    decoder, emissions, _ = problem("iob", 3)
    emissions[2, 1] = np.nan
    _, found = decoded(decoder, emissions, Decoding(scores=True, recall=0.1, nbest=2))
    for annotation in found:
        assert all(0 <= score <= 1 for score in annotation.scores or ())


@pytest.mark.parametrize(
    "options",
    [
        {"nbest": 0},
        {"nbest": 101},
        {"nbest": True},
        {"nbest": 2.0},
        {"min_score": -0.1},
        {"min_score": float("nan")},
        {"recall": 1.1},
    ],
)
def test_values_out_of_bounds_are_refused(options: dict) -> None:
    with pytest.raises(UsageError):
        Decoding(**options)
