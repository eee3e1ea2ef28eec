import warnings
from statistics import mean

import pytest
from hypothesis import given
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from bilstm_crf.evaluation.counts import sentence_counts
from bilstm_crf.evaluation.strict import StrictScores, confirm, strict
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.sentence import TokenSpan
from span_strategies import scored


@given(scored())
def test_own_counts_give_the_fractions_of_seqeval(case):
    scores = strict(*case[:2])
    for score in [scores.micro, *scores.types.values()]:
        assert score.precision == pytest.approx(score.correct / score.predicted if score.predicted else 0)
        assert score.recall == pytest.approx(score.correct / score.gold if score.gold else 0)
    counts = sentence_counts(case[0], case[1])
    assert tuple(map(sum, zip(*counts, strict=True))) in (
        (scores.micro.correct, scores.micro.gold, scores.micro.predicted),
        (),
    )


@given(scored())
def test_every_score_is_the_one_that_seqeval_gives_for_the_labels(case):
    gold, predicted, lengths = case
    scores = strict(gold, predicted)
    assert confirm(scores, gold, predicted, lengths) == bool(scores.types)
    encode = ENCODINGS["iob"].encode
    labels = [[encode(*pair) for pair in zip(side, lengths, strict=True)] for side in (gold, predicted)]
    if scores.types:
        assert scores.f1 == f1_score(*labels, mode="strict", scheme=IOB2, zero_division=0)


def test_a_score_that_seqeval_does_not_confirm_is_an_error():
    gold, predicted = [[TokenSpan(0, 1, "PER")]], [[TokenSpan(0, 1, "ORG")]]
    right = strict(gold, predicted)
    wrong = StrictScores(strict(gold, gold).micro, right.macro, right.types)
    with pytest.raises(RuntimeError, match="micro avg"):
        confirm(wrong, gold, predicted, [1])


def test_scores_need_no_seqeval(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    spans = [[TokenSpan(0, 1, "PER")]]
    assert not confirm(strict(spans, spans), spans, spans, [1])


@given(scored())
def test_exchanging_gold_and_predicted_exchanges_precision_and_recall(case):
    gold, predicted, _ = case
    there, back = strict(gold, predicted), strict(predicted, gold)
    assert (there.precision, there.recall, there.f1) == pytest.approx((back.recall, back.precision, back.f1))
    assert there.macro.f1 == pytest.approx(back.macro.f1)


@given(scored())
def test_the_order_of_sentences_and_spans_does_not_matter(case):
    gold, predicted, _ = case
    turned = [[spans[::-1] for spans in reversed(side)] for side in (gold, predicted)]
    assert strict(*turned) == strict(*case[:2])


@given(scored())
def test_a_perfect_prediction_scores_one(case):
    gold = case[0]
    scores = strict(gold, gold)
    if any(gold):
        assert (scores.precision, scores.recall, scores.f1, scores.macro.f1) == (1, 1, 1, 1)


@given(scored())
def test_macro_is_the_mean_over_the_types(case):
    scores = strict(*case[:2])
    if scores.types:
        assert scores.macro.f1 == pytest.approx(mean(score.f1 for score in scores.types.values()))


def test_nothing_to_divide_by_is_zero_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for gold, predicted in [([], []), ([[]], [[]])]:
            scores = strict(gold, predicted)
            assert (scores.precision, scores.recall, scores.f1, scores.macro.f1) == (0, 0, 0, 0)
            assert scores.types == {}
        assert strict([[TokenSpan(0, 1, "PER")]], [[]]).f1 == 0


def test_a_spurious_type_that_gold_does_not_have_is_a_type_of_the_report():
    scores = strict([[TokenSpan(0, 1, "PER")]], [[TokenSpan(0, 1, "PER"), TokenSpan(1, 2, "EVT")]])
    assert scores.types["EVT"].predicted == 1
    assert scores.types["EVT"].gold == 0
    assert scores.macro.f1 == 0.5
    assert scores.precision == 0.5


def test_a_right_boundary_with_a_wrong_type_is_wrong():
    assert strict([[TokenSpan(0, 2, "PER")]], [[TokenSpan(0, 2, "ORG")]]).f1 == 0


def test_neighbouring_spans_of_one_type_are_two():
    gold = [[TokenSpan(0, 1, "PER"), TokenSpan(1, 2, "PER")]]
    assert strict(gold, [[TokenSpan(0, 2, "PER")]]).f1 == 0


def test_types_that_seqeval_would_merge_stay_apart():
    scores = strict([[TokenSpan(0, 1, "PER")]], [[TokenSpan(0, 1, "PER-")]])
    assert sorted(scores.types) == ["PER", "PER-"]
    assert scores.f1 == 0
