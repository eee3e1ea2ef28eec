import warnings
from statistics import mean

import pytest
from hypothesis import given
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from bilstm_crf.evaluation.bootstrap import bootstrap
from bilstm_crf.evaluation.counts import sentence_counts
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import Span
from span_strategies import scored


@given(scored())
def test_own_counts_give_the_fractions_of_seqeval(case):
    scores = strict(*case)
    for score in [scores.micro, *scores.types.values()]:
        assert score.precision == pytest.approx(score.correct / score.predicted if score.predicted else 0)
        assert score.recall == pytest.approx(score.correct / score.gold if score.gold else 0)
    counts = sentence_counts(case[0], case[1])
    assert tuple(map(sum, zip(*counts, strict=True))) in (
        (scores.micro.correct, scores.micro.gold, scores.micro.predicted),
        (),
    )


@given(scored())
def test_the_f1_is_the_one_that_seqeval_gives_for_the_labels(case):
    gold, predicted, lengths = case
    encode = ENCODINGS["iob"].encode
    labels = [[encode(*pair) for pair in zip(side, lengths, strict=True)] for side in (gold, predicted)]
    if any(gold) or any(predicted):
        expected = f1_score(*labels, mode="strict", scheme=IOB2, zero_division=0)
        assert strict(*case).f1 == pytest.approx(expected)


@given(scored())
def test_exchanging_gold_and_predicted_exchanges_precision_and_recall(case):
    gold, predicted, lengths = case
    there, back = strict(gold, predicted, lengths), strict(predicted, gold, lengths)
    assert (there.precision, there.recall, there.f1) == pytest.approx((back.recall, back.precision, back.f1))
    assert there.macro_f1 == pytest.approx(back.macro_f1)


@given(scored())
def test_the_order_of_sentences_and_spans_does_not_matter(case):
    gold, predicted, lengths = case
    turned = [[spans[::-1] for spans in reversed(side)] for side in (gold, predicted)]
    assert strict(*turned, lengths[::-1]) == strict(*case)


@given(scored())
def test_a_perfect_prediction_scores_one(case):
    gold, _, lengths = case
    scores = strict(gold, gold, lengths)
    if any(gold):
        assert (scores.precision, scores.recall, scores.f1, scores.macro_f1) == (1, 1, 1, 1)


@given(scored())
def test_macro_is_the_mean_over_the_types(case):
    scores = strict(*case)
    if scores.types:
        assert scores.macro_f1 == pytest.approx(mean(score.f1 for score in scores.types.values()))


def test_nothing_to_divide_by_is_zero_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for gold, predicted, lengths in [([], [], []), ([[]], [[]], [3])]:
            scores = strict(gold, predicted, lengths)
            assert (scores.precision, scores.recall, scores.f1, scores.macro_f1) == (0, 0, 0, 0)
            assert scores.types == {}
        assert strict([[Span(0, 1, "PER")]], [[]], [2]).f1 == 0


def test_a_spurious_type_that_gold_does_not_have_is_a_type_of_the_report():
    scores = strict([[Span(0, 1, "PER")]], [[Span(0, 1, "PER"), Span(1, 2, "EVT")]], [2])
    assert scores.types["EVT"].predicted == 1
    assert scores.types["EVT"].gold == 0
    assert scores.macro_f1 == 0.5
    assert scores.precision == 0.5


def test_a_right_boundary_with_a_wrong_type_is_wrong():
    assert strict([[Span(0, 2, "PER")]], [[Span(0, 2, "ORG")]], [2]).f1 == 0


def test_neighbouring_spans_of_one_type_are_two():
    gold = [[Span(0, 1, "PER"), Span(1, 2, "PER")]]
    assert strict(gold, [[Span(0, 2, "PER")]], [2]).f1 == 0


def test_types_that_seqeval_would_merge_stay_apart():
    scores = strict([[Span(0, 1, "PER")]], [[Span(0, 1, "PER-")]], [1])
    assert sorted(scores.types) == ["PER", "PER-"]
    assert scores.f1 == 0


def test_the_bootstrap_interval_holds_the_score_and_narrows_with_more_data():
    counts = [(1, 1, 1), (0, 1, 1), (2, 2, 3), (0, 0, 0), (1, 2, 1)] * 20
    correct, gold, predicted = map(sum, zip(*counts, strict=True))
    few, many = bootstrap(counts), bootstrap(counts * 25)
    assert few.low < 2 * correct / (gold + predicted) < few.high
    assert many.high - many.low == pytest.approx((few.high - few.low) / 5, rel=0.2)
    assert bootstrap(counts) == few


def test_the_bootstrap_agrees_with_drawing_whole_sentences():
    import numpy as np

    counts = np.array([(1, 1, 1), (0, 1, 0), (2, 2, 3), (0, 0, 1), (1, 2, 1), (3, 3, 3)] * 5)
    drawn = np.random.default_rng(7).integers(0, len(counts), size=(20_000, len(counts)))
    correct, gold, predicted = counts[drawn].sum(axis=1).T
    expected = np.quantile(2 * correct / (gold + predicted), [0.025, 0.975])
    interval = bootstrap([tuple(row) for row in counts.tolist()], resamples=20_000)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("counts", [[], [(0, 0, 0)], [(0, 0, 0)] * 9])
def test_the_interval_of_nothing_is_zero(counts):
    interval = bootstrap(counts)
    assert (interval.low, interval.high) == (0, 0)
